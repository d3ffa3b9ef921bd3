"""How a call is declared: who may make it, what it takes and what it answers.

The same declaration checks the request and makes the OpenAPI document, so neither can say
what the other does not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

from flask import Response, request
from pydantic import BaseModel
from pydantic_core import to_json

from .. import auth, idempotency
from .parsing import parse_body, parse_query, read_body
from .schemas import Nothing

BODY_BYTES = 16 * 1024
BATCH_BYTES = 4 * 1024 * 1024

View = Callable[..., Any]


@dataclass(frozen=True)
class Operation:
    """What is declared of a call."""

    answer: type[BaseModel] | None  # None: text
    status: int
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    limit: int  # bytes of the body
    admin: bool
    problems: Sequence[int]  # beside those that the rest implies


OPERATIONS: dict[View, Operation] = {}


def operation(
    answer: type[BaseModel] | None,
    *,
    status: int = 200,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    limit: int = BODY_BYTES,
    admin: bool = False,
    problems: Sequence[int] = (),
) -> Callable[[View], View]:
    """Declare a view: it gets what was asked, checked, and returns what to answer as JSON.

    Its arguments are the query, if one is declared, then the body, if one is declared, then
    the parts of the path by name. It may return a `Response` instead.
    """
    declared = Operation(answer, status, body, query, limit, admin, problems)

    def declare(view: View) -> View:
        @wraps(view)
        def call(**path: Any) -> Response:
            if admin:
                auth.require_admin()
            given: list[BaseModel] = []
            environ = request.environ
            if query is not None or environ.get("QUERY_STRING"):
                asked = parse_query(query)
                given += [asked] if asked is not None else []
            if environ["REQUEST_METHOD"] == "POST":
                return _post(declared, lambda body: reply(view(*given, *body, **path), status))
            return reply(view(*given, **path), status)

        OPERATIONS[call] = declared
        return call

    return declare


def reply(answer: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer with JSON, its keys in the order given; a `Response` is returned as it is."""
    if isinstance(answer, Response):
        return answer
    return Response(to_json(answer), status, headers, content_type="application/json")


def _post(declared: Operation, answer: Callable[[list[BaseModel]], Response]) -> Response:
    body = read_body(declared.limit)

    def run() -> Response:
        if declared.body is not None:
            return answer([parse_body(body, declared.body)])
        if body or request.content_type:
            parse_body(body or b"{}", Nothing)
        return answer([])

    key = request.environ.get("HTTP_IDEMPOTENCY_KEY")
    return run() if key is None else idempotency.once(key, body, run)
