"""The OpenAPI document, made from what the views declare (see `operations`)."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from inspect import getdoc
from typing import Any

from flask import Blueprint, Response, current_app
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from werkzeug.routing import Rule

from . import answers
from .operations import OPERATIONS, Operation, reply

blueprint = Blueprint("openapi", __name__)
JSON = dict[str, Any]

DESCRIPTION = """
Predicts hourly rentals of a bike-share system. Hours are local wall-clock time, named by their
start, without an offset; temperatures are in °C, humidity in %, windspeed in km/h.

Every error is `application/problem+json`. A POST may carry an `Idempotency-Key`: the same key
and body get the stored answer for 24 hours, another body is a 422, and a 409 says that the
first request still runs. `X-Request-ID` is kept if it is fit, else made, and returned.
""".strip()
REFERENCE = "#/components/schemas/{model}"
OPEN = {"/healthz", "/readyz", "/metrics"}
PARAMETER = re.compile(r"<(?:[^:<>]+:)?([a-z_]+)>")
KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
HEADERS = {
    202: ("Location", "Where the training can be watched"),
    401: ("WWW-Authenticate", "Bearer"),
    429: ("Retry-After", "Seconds"),
    503: ("Retry-After", "Seconds"),
}


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """Return the OpenAPI 3.1 document of this API."""
    return reply(document(list(current_app.url_map.iter_rules())))


def document(rules: list[Rule]) -> JSON:
    """Return the document of those rules whose views are declared operations."""
    models = [pair for _, _, declared in _declared(rules) for pair in _models(declared)]
    _, schemas = models_json_schema(
        [*models, (answers.Problem, "serialization")], ref_template=REFERENCE
    )
    paths: JSON = {}
    for rule, method, declared in _declared(rules):
        path = PARAMETER.sub(r"{\1}", rule.rule)
        paths.setdefault(path, {})[method.lower()] = _operation(rule, method, declared)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Vlib", "version": "1", "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "admin": {"type": "http", "scheme": "bearer", "description": "The admin's token"},
                "client": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The client's token, where VLIB_ACCESS is token",
                },
            },
        },
    }


def _declared(rules: list[Rule]) -> Iterator[tuple[Rule, str, Operation]]:
    for rule in rules:
        declared = OPERATIONS.get(current_app.view_functions[rule.endpoint])
        if declared is not None:
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule, method, declared


def _models(declared: Operation) -> Iterator[tuple[type[BaseModel], JsonSchemaMode]]:
    if declared.answer is not None:
        yield declared.answer, "serialization"
    if declared.body is not None:
        yield declared.body, "validation"


def _operation(rule: Rule, method: str, declared: Operation) -> JSON:
    view = current_app.view_functions[rule.endpoint]
    text = (getdoc(view) or "").replace("\n", " ")
    made: JSON = {
        "operationId": view.__name__,
        "summary": text.split(". ")[0].rstrip("."),
        "description": text,
        "tags": [rule.endpoint.split(".")[-2]],
        "parameters": _parameters(rule, method, declared),
        "responses": _responses(rule, method, declared),
        "security": _security(rule, declared),
    }
    if declared.body is not None:
        content = _content("application/json", declared.body)
        made["requestBody"] = {"required": True, "content": content}
    return made


def _security(rule: Rule, declared: Operation) -> list[JSON]:
    if declared.admin:
        return [{"admin": []}]
    return [] if rule.rule in OPEN else [{}, {"client": []}, {"admin": []}]


def _parameters(rule: Rule, method: str, declared: Operation) -> list[JSON]:
    kinds: JSON = {"version": {"type": "integer", "minimum": 0, "maximum": 999999999}}
    uuid = {"type": "string", "format": "uuid"}
    made: list[JSON] = [
        {"name": name, "in": "path", "required": True, "schema": kinds.get(name, uuid)}
        for name in PARAMETER.findall(rule.rule)
    ]
    if declared.query is not None:
        asked = declared.query.model_json_schema()["properties"]
        made += [{"name": name, "in": "query", "schema": _plain(asked[name])} for name in asked]
    return made + ([KEY_PARAMETER] if method == "POST" else [])


def _plain(schema: JSON) -> JSON:
    """Return a parameter's schema without null: a query has no such thing."""
    kinds = [kind for kind in schema.get("anyOf", [schema]) if kind != {"type": "null"}]
    return {name: value for name, value in kinds[0].items() if name != "title"}


def _responses(rule: Rule, method: str, declared: Operation) -> JSON:
    statuses = {422, *declared.problems}
    if rule.rule not in OPEN:
        statuses |= {401, 429, 503}
    if declared.admin:
        statuses |= {403}
    if method == "POST":
        statuses |= {400, 409, 413, 415}
    problem = _content("application/problem+json", answers.Problem)
    content: JSON = {"text/plain": {"schema": {"type": "string"}}}
    if declared.answer is not None:
        content = _content("application/json", declared.answer)
    made = {str(declared.status): _response(declared.status, content)}
    return made | {str(status): _response(status, problem) for status in sorted(statuses)}


def _content(kind: str, model: type[BaseModel]) -> JSON:
    return {kind: {"schema": {"$ref": REFERENCE.format(model=model.__name__)}}}


def _response(status: int, content: JSON) -> JSON:
    made: JSON = {"description": HTTPStatus(status).phrase, "content": content}
    if status in HEADERS:
        name, text = HEADERS[status]
        made["headers"] = {name: {"description": text, "schema": {"type": "string"}}}
    return made
