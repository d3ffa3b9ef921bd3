"""Makes a POST that is sent again, under the same ``Idempotency-Key``, safe."""

import json
import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from flask import Response, request

from . import queries
from .errors import Conflict, Problem, Unprocessable, respond

KEY = re.compile(r"[!-~]{1,255}")


def once(key: str, body: bytes, answer: Callable[[], Response]) -> Response:
    """Answer a request, or give the answer that the same key and body had before.

    Answers are kept for 24 h, all but those of 500 and above. Raises `Conflict` while the
    first request runs, and `Unprocessable` if the key came with another body.
    """
    if not KEY.fullmatch(key):
        raise Unprocessable.at("/header/Idempotency-Key", "must be 1 to 255 visible characters")
    name = sha256(f"{request.method} {request.path} {key}".encode()).hexdigest()
    digest = sha256(body).hexdigest()
    earlier = queries.idempotency_begin(name, digest)
    return _run(name, answer) if earlier is None else _repeat(earlier, digest)


def _run(name: str, answer: Callable[[], Response]) -> Response:
    try:
        response = answer()
    except Problem as problem:
        response = respond(problem)
    except BaseException:
        queries.idempotency_forget(name)
        raise
    if response.status_code < 500:
        queries.idempotency_finish(name, response.status_code, _pack(response))
    else:
        queries.idempotency_forget(name)
    return response


def _repeat(earlier: dict[str, Any], digest: str) -> Response:
    if earlier["request_sha256"] != digest:
        raise Unprocessable.at("/header/Idempotency-Key", "came before with another body")
    if earlier["status"] is None:
        raise Conflict("The first request with this Idempotency-Key still runs.")
    kept = json.loads(earlier["body"])
    return Response(kept["body"], earlier["status"], kept["headers"])


def _pack(response: Response) -> str:
    headers = {
        name: response.headers[name]
        for name in ("Content-Type", "Location")
        if name in response.headers
    }
    return json.dumps({"headers": headers, "body": response.get_data(as_text=True)})
