"""What every request and answer passes: an id, security headers, a count and a line in the log.

It wraps the WSGI application, which costs a prediction some microseconds; Flask's signals and
``after_request`` would cost as much as reading and checking what is asked.

No policy lets a script run that is not a file of ours. Dash adds one inline script, which its
hash allows; plotly.js wants no ``unsafe-eval`` for the charts that are drawn here, but styles
elements while it draws, as Dash's components do, and makes a picture of a chart from a blob.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

from . import errors, express, logs, metrics

if TYPE_CHECKING:  # typing's alone: no such module exists at run time
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Header = tuple[str, str]

PAGE_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
EVERYWHERE = [("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "same-origin")]
DATA = [("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"), *EVERYWHERE]
PAGE = [
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("X-Frame-Options", "DENY"),
    *EVERYWHERE,
]
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
HSTS = ("Strict-Transport-Security", "max-age=31536000")


def init_app(app: Flask, inline_scripts: Sequence[str]) -> None:
    """Let everything pass; `inline_scripts` are the hashes of those that may run."""
    scripts = " ".join([PAGE_POLICY["script-src"], *inline_scripts])
    policy = "; ".join(f"{k} {v}" for k, v in (PAGE_POLICY | {"script-src": scripts}).items())
    page = [("Content-Security-Policy", policy), *PAGE]
    answer, counted = app.wsgi_app, metrics.of(app)
    if proxies := app.config["VLIB_TRUSTED_PROXIES"]:
        answer = ProxyFix(answer, x_for=proxies, x_proto=proxies, x_host=proxies)

    def pass_edge(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()
        request_id = errors.name_request(environ)

        def start(status: str, headers: list[Header], *exc: Any) -> Callable[[bytes], object]:
            headers += page if _is_page(headers) else DATA
            headers.append(("X-Request-ID", request_id))
            if environ["wsgi.url_scheme"] == "https":
                headers.append(HSTS)
            method, route = _called(environ)
            code, seconds = int(status[:3]), time.perf_counter() - began
            counted.count_request(method, route, code, seconds)
            logs.log_request(request_id, method, route, code, seconds)
            return start_response(status, headers, *exc)

        return answer(environ, start)

    app.wsgi_app = pass_edge  # type: ignore[method-assign]


def _called(environ: WSGIEnvironment) -> tuple[str, str]:
    """Return the method and the route of a request."""
    method, route = environ["REQUEST_METHOD"], environ.get(express.ANSWERED)
    if route is None:
        route = request.url_rule.rule if request.url_rule else "unknown"
        method = method if method in METHODS else "other"
    return method, route


def _is_page(headers: list[Header]) -> bool:
    for name, value in headers:
        if name == "Content-Type":
            return value.startswith("text/html")
    return False
