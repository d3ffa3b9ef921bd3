"""The way of a plain prediction: `POST /api/predict` as most clients send it, without Flask's.

Flask's dispatch (a URL to match, two contexts, signals, a session) takes longer than all that a
prediction needs. What is not plain, as a query, a key or an access token, and whatever turns out
to be wrong goes the usual way from its first byte, and is answered there.
"""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING

from flask import Flask

from .api.operations import BODY_BYTES
from .api.parsing import read_exactly
from .api.predict import answer_plain

if TYPE_CHECKING:  # typing's alone: no such module exists at run time
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ROUTE = "/api/predict"
ANSWERED = "vlib.route"
"""In the environment of a request: the route that answered without Flask's request."""
JSON = ("Content-Type", "application/json")
UNUSUAL = ("HTTP_TRANSFER_ENCODING", "HTTP_IDEMPOTENCY_KEY", "HTTP_X_VLIB_SOURCE")


def init_app(app: Flask) -> None:
    """Answer plain predictions before Flask sees them."""
    usual = app.wsgi_app

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not _is_plain(environ) or app.config["VLIB_ACCESS"] != "open":
            return usual(environ, start_response)
        body = read_exactly(environ["wsgi.input"], int(environ["CONTENT_LENGTH"]))
        with app.app_context():
            if (said := _answer(body)) is not None:
                environ[ANSWERED] = ROUTE
                start_response("200 OK", [JSON, ("Content-Length", str(len(said)))])
                return [said]
        environ["wsgi.input"] = BytesIO(body)
        return usual(environ, start_response)

    app.wsgi_app = answer  # type: ignore[method-assign]


def _answer(body: bytes) -> bytes | None:
    try:
        return answer_plain(body)
    except Exception:  # the usual way meets it again, and tells it to the client and the log
        return None


def _is_plain(environ: WSGIEnvironment) -> bool:
    return (
        environ["PATH_INFO"] == ROUTE
        and environ["REQUEST_METHOD"] == "POST"
        and environ.get("CONTENT_TYPE") == "application/json"
        and _fits(environ.get("CONTENT_LENGTH") or "")
        and not (environ.get("QUERY_STRING") or environ.get("SCRIPT_NAME"))
        and environ.keys().isdisjoint(UNUSUAL)
    )


def _fits(length: str) -> bool:
    return len(length) < 6 and length.isdecimal() and int(length) <= BODY_BYTES
