"""The way of a plain prediction: `POST /api/predict` as most clients send it, without Flask's.

Flask's dispatch (a URL to match, two contexts, signals, a session) takes longer than all that a
prediction needs; here there is no context at all. What is not plain, as a query, a key or an access
token, goes the usual way, and what turns out to be wrong is told there. So does everything where no
threads keep champion and history fresh and drain the journal, which needs the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING

from flask import Flask, request

from . import journal, predictor
from .api.operations import BODY_BYTES
from .api.parsing import read_up_to
from .api.predict import answer_plain

if TYPE_CHECKING:  # typing's alone: no such module exists at run time
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ROUTE = "/api/predict"
ANSWERED = "vlib.route"
"""In the environment of a request: the route that answered without Flask's request."""
JSON = ("Content-Type", "application/json")
FAILED = "vlib.error"
"""There too: what is to be told in place of an answer."""
UNUSUAL = ("HTTP_TRANSFER_ENCODING", "HTTP_IDEMPOTENCY_KEY", "HTTP_X_VLIB_SOURCE")


def init_app(app: Flask) -> None:
    """Answer plain predictions before Flask sees them."""
    usual = app.wsgi_app

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if _is_plain(environ) and _is_served(app):
            if (said := _answer(app, environ)) is not None:
                environ[ANSWERED] = ROUTE
                start_response("200 OK", [JSON, ("Content-Length", str(len(said)))])
                return [said]
        return usual(environ, start_response)

    app.wsgi_app = answer  # type: ignore[method-assign]
    app.before_request(_fail)


def _is_served(app: Flask) -> bool:
    is_open = app.config["VLIB_ACCESS"] == "open"
    return is_open and journal.of(app).is_drained() and predictor.of(app).is_fresh()


def _answer(app: Flask, environ: WSGIEnvironment) -> bytes | None:
    try:
        body = read_up_to(environ["wsgi.input"], int(environ["CONTENT_LENGTH"]))
        environ["wsgi.input"] = BytesIO(body)
        return answer_plain(app, body)
    except Exception as error:  # the usual way tells it to the client and the log
        environ[FAILED] = error
        return None


def _fail() -> None:
    """Raise what the shorter way met; nothing is tried twice."""
    if (error := request.environ.pop(FAILED, None)) is not None:
        raise error


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
