"""Every error of the HTTP side, answered as RFC 9457 problem+json.

::

    Problem                     any status
    ├── BadRequest              400  not JSON, not UTF-8, nested too deep
    ├── Unauthorized            401  no token, or none we know
    ├── Forbidden               403  a client's token on an admin's call
    ├── NotFound                404
    ├── Conflict                409  may carry the `run_id` that is in the way
    ├── TooLarge                413
    ├── UnsupportedMediaType    415
    ├── Unprocessable           422  `errors`: a pointer and a sentence each
    ├── TooManyRequests         429  too many wrong tokens; try again after `Retry-After` seconds
    └── Unavailable             503  try again after `Retry-After` seconds

Details are fixed sentences: no value of the input is ever repeated.
"""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from json import dumps
from typing import Any

from flask import Flask, Response, current_app, has_request_context, render_template, request
from flask_babel import gettext as _
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse

from .ids import new_request_id
from .language import N_

NAME = "vlib.request_id"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
MACHINE_PATHS = ("/healthz", "/readyz", "/metrics", "/api")
DETAILS = {
    404: N_("There is nothing at this address."),
    405: N_("This address does not take this method; Allow names those it takes."),
    500: N_("Something went wrong here; the log has it under the request_id."),
}


class Problem(Exception):
    """An error that ends a request, with everything its answer needs."""

    status = 500

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})
        self.extra = extra

    def to_json(self) -> dict[str, Any]:
        """Return the members of the problem document."""
        problem: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "request_id": request_id(),
        }
        if self.errors is not None:
            problem["errors"] = list(self.errors)
        return problem | self.extra


class BadRequest(Problem):
    status = 400


class Unauthorized(Problem):
    status = 401

    def __init__(self, detail: str = "This call needs a bearer token.") -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(Problem):
    status = 403


class NotFound(Problem):
    status = 404


class Conflict(Problem):
    status = 409

    def __init__(self, detail: str, run_id: str | None = None) -> None:
        super().__init__(detail)
        if run_id is not None:
            self.extra["run_id"] = run_id


class TooLarge(Problem):
    status = 413


class UnsupportedMediaType(Problem):
    status = 415


class Unprocessable(Problem):
    status = 422

    def __init__(self, errors: Sequence[Mapping[str, str]]) -> None:
        super().__init__("The request is not valid; errors says where.", errors=errors)

    @classmethod
    def at(cls, pointer: str, detail: str) -> "Unprocessable":
        """Return the error of one place: an RFC 6901 pointer and what is wrong there."""
        return cls([{"pointer": pointer, "detail": detail}])


class TooManyRequests(Problem):
    status = 429

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


class Unavailable(Problem):
    status = 503

    def __init__(self, detail: str, retry_after: int = 5, **extra: Any) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)}, **extra)


def request_id() -> str:
    """Return the id of this request, the caller's own if it was fit to keep."""
    return name_request(request.environ) if has_request_context() else "none"


def name_request(environ: dict[str, Any]) -> str:
    """Return the id of a request, decided when it is first asked for."""
    known: str | None = environ.get(NAME)
    if known is None:
        given = environ.get("HTTP_X_REQUEST_ID")
        known = given if given and REQUEST_ID.fullmatch(given) else new_request_id()
        environ[NAME] = known
    return known


def respond(problem: Problem) -> Response:
    """Answer with a problem document, or with a page outside the API."""
    if request.path.startswith(MACHINE_PATHS):
        body = dumps(problem.to_json(), separators=(",", ":"))
        response = Response(body, problem.status, mimetype="application/problem+json")
    else:
        page = render_template("error.html", **problem.to_json() | {"detail": _(problem.detail)})
        response = Response(page, problem.status, mimetype="text/html")
    response.headers.update(problem.headers)
    return response


def init_app(app: Flask) -> None:
    """Answer every error as a problem."""
    app.register_error_handler(Problem, respond)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(OperationalError, _database_error)
    app.register_error_handler(PoolTimeout, _database_error)
    app.register_error_handler(Exception, _unexpected)


def _http_error(error: HTTPException) -> WerkzeugResponse:
    status = error.code or 500
    if error.response is not None or status < 400:
        return error.get_response()
    headers = dict(error.get_headers())
    headers.pop("Content-Type")
    problem = Problem(DETAILS.get(status, HTTPStatus(status).phrase + "."), headers=headers)
    problem.status = status
    return respond(problem)


def _database_error(error: OperationalError | PoolTimeout) -> Response:
    reason = getattr(error, "orig", error)  # without the statement and its values
    current_app.logger.error("%s: the database does not answer: %s", request_id(), reason)
    return respond(Unavailable(N_("The database can't take this now; nothing was changed.")))


def _unexpected(error: Exception) -> Response:
    current_app.logger.exception("%s: %s failed", request_id(), request.endpoint, exc_info=error)
    return respond(Problem(DETAILS[500]))
