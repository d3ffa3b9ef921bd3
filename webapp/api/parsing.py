"""Reads what a client sent, strictly, and says where it is wrong without repeating it.

What is no JSON text at all (bad syntax, bad UTF-8, nesting that only an attacker writes) is a
400. Everything else is read first and judged by the schema, so that it costs only the item
that it stands in and its pointer is exact: NaN and numbers beyond a float become values that no
field takes, and so does the value of a key that stands twice.
"""

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import IO, Any, TypeVar

from flask import request
from pydantic import BaseModel, ValidationError
from werkzeug.sansio.utils import get_content_length

from ..errors import BadRequest, TooLarge, Unprocessable, UnsupportedMediaType

Schema = TypeVar("Schema", bound=BaseModel)
Error = dict[str, str]

PART_BYTES = 64 * 1024
DISCARDED_PARTS = 256  # of a body that is too large, before it is answered
DEPTH = 32
DIGITS = 40  # more stand in no number of ours, and take long to convert
FIELDS = 50  # more stand in no object of ours, and take long to report
ERRORS = 20  # of one object that are reported
NAME = 64  # characters of an unknown field that a pointer still names
REPEATED = object()

SENTENCES = {
    "missing": "is required",
    "extra_forbidden": "is not known here",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "string_type": "must be a text",
    "string_unicode": "must be Unicode text",
    "string_pattern_mismatch": "does not have the form that is asked for",
    "string_too_short": "must have {min_length} characters or more",
    "string_too_long": "must have {max_length} characters or fewer",
    "list_type": "must be an array",
    "too_short": "must have {min_length} items or more",
    "too_long": "must have {max_length} items or fewer",
    "model_type": "must be an object",
    "finite_number": "must be a finite number",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}


def read_body(limit: int) -> bytes:
    """Return the body, of at most `limit` bytes, chunked or not; raise `TooLarge`."""
    environ = request.environ
    length = get_content_length(
        environ.get("CONTENT_LENGTH"), environ.get("HTTP_TRANSFER_ENCODING")
    )
    if length is not None and length <= limit:
        return read_up_to(environ["wsgi.input"], length)
    if length is None:
        body = read_up_to(request.stream, limit + 1)
        if len(body) <= limit:
            return body
    # Most clients look for the answer only when they have sent everything.
    for _ in range(DISCARDED_PARTS):
        if not request.stream.read(PART_BYTES):
            break
    raise TooLarge(f"The body may have {limit} bytes at most.")


def read_up_to(stream: IO[bytes], size: int) -> bytes:
    """Return up to `size` bytes; a stream gives what has arrived, not all it is asked."""
    parts = []
    while size and (part := stream.read(min(size, PART_BYTES))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def parse_body(body: bytes, schema: type[Schema]) -> Schema:
    """Return the JSON body as its schema; raise the `Problem` that it has."""
    if request.environ.get("CONTENT_TYPE") != "application/json":
        _check_content_type(body)
    return validate(schema, parse_json(body))


def read_flat(schema: type[Schema], body: bytes, settings: Mapping[str, Any]) -> Schema | None:
    """Return a right body of plain values, sooner than `parse_json` and `validate` do.

    None for any other: they say what is wrong with it. A key that stands twice goes unnoticed by
    pydantic, but there is no room for one among so few commas.
    """
    try:
        read = schema.model_validate_json(body, context=settings)
    except ValidationError:
        return None
    return read if body.count(b",") < len(read.model_fields_set) else None


def parse_json(body: bytes) -> Any:
    """Return what a JSON text says; raise `BadRequest` if it is none."""
    try:
        data = _DECODER.decode(body.decode())
    except UnicodeDecodeError:
        raise BadRequest("The body is not UTF-8.") from None
    except json.JSONDecodeError:
        raise BadRequest("The body is not JSON.") from None
    except RecursionError:
        raise BadRequest("The body is nested too deep.") from None
    # Only a body with so many brackets is worth the walk.
    if body.count(b"[") + body.count(b"{") > DEPTH and _is_deeper(data, DEPTH):
        raise BadRequest("The body is nested too deep.")
    return data


def validate(
    schema: type[Schema], data: Any, pointer: str = "", settings: Mapping[str, Any] | None = None
) -> Schema:
    """Return data as its schema; raise `Unprocessable`, with pointers that begin as given.

    Without `settings` they are the current application's.
    """
    if type(data) is dict and len(data) > FIELDS:
        raise Unprocessable.at(pointer, "has too many fields")
    try:
        return schema.model_validate(data, context=settings)
    except ValidationError as error:
        found = error.errors(include_url=False)[:ERRORS]
        raise Unprocessable([_describe(item, pointer) for item in found]) from None


def parse_query(schema: type[Schema] | None) -> Schema | None:
    """Return the query parameters as their schema; None takes no parameter at all.

    Raises `Unprocessable`; the pointers begin with ``/query``.
    """
    if not request.environ.get("QUERY_STRING"):
        return None if schema is None else _unasked(schema)
    given = request.args
    for name in given:
        if len(given.getlist(name)) > 1:
            raise Unprocessable.at(_pointer("/query", [name]), "stands twice")
    if schema is not None:
        return validate(schema, given.to_dict(), "/query")
    if given:
        raise Unprocessable([_unknown("/query", name) for name in list(given)[:ERRORS]])
    return None


@cache
def _unasked(schema: type[Schema]) -> Schema:
    return validate(schema, {}, "/query")


def _check_content_type(body: bytes) -> None:
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    is_json = request.mimetype == "application/json" and charset in ("utf-8", "utf8")
    if not is_json and (body or request.content_type):
        raise UnsupportedMediaType("The body must be application/json, in UTF-8.")


def _is_deeper(data: Any, depth: int) -> bool:
    """Say whether arrays and objects lie in each other more than `depth` deep."""
    level = [data] if type(data) in (dict, list) else []
    while level and depth:
        inner = (each.values() if type(each) is dict else each for each in level)
        level = [one for values in inner for one in values if type(one) in (dict, list)]
        depth -= 1
    return bool(level)


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                made[name] = REPEATED
            seen.add(name)
    return made


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= DIGITS else math.inf


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer)


def _describe(error: Any, pointer: str) -> Error:
    kind, where = error["type"], error["loc"]
    if kind == "extra_forbidden":
        return _unknown(pointer, *where)
    if error["input"] is REPEATED:
        detail = "stands twice"
    elif kind == "rule":  # ours: a fixed sentence
        detail = error["msg"]
    else:
        detail = SENTENCES.get(kind, "is not valid").format(**error.get("ctx", {}))
    return {"pointer": _pointer(pointer, where), "detail": detail}


def _unknown(pointer: str, *where: str | int) -> Error:
    name = str(where[-1])
    if len(name) > NAME or not name.isprintable():
        return {"pointer": _pointer(pointer, where[:-1]), "detail": "has a field not known here"}
    return {"pointer": _pointer(pointer, where), "detail": "is not known here"}


def _pointer(start: str, where: Sequence[str | int]) -> str:
    """Return the RFC 6901 pointer of a place below `start`."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in where)
    return "".join([start, *(f"/{step}" for step in steps)])
