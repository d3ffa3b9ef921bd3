"""Security headers on every answer.

No policy lets a script run that is not a file of ours. Dash adds one inline script, which its
hash allows; plotly.js wants no ``unsafe-eval`` for the charts that are drawn here, but styles
elements while it draws, as Dash's components do, and makes a picture of a chart from a blob.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from flask import Flask

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
HSTS = ("Strict-Transport-Security", "max-age=31536000")


def init_app(app: Flask, inline_scripts: Sequence[str]) -> None:
    """Add the headers to every answer; `inline_scripts` are the hashes of those that may run.

    They are added to the list that WSGI is given, which costs a prediction a microsecond; an
    ``after_request`` would cost it five.
    """
    scripts = " ".join([PAGE_POLICY["script-src"], *inline_scripts])
    policy = "; ".join(f"{k} {v}" for k, v in (PAGE_POLICY | {"script-src": scripts}).items())
    page = [("Content-Security-Policy", policy), *PAGE]
    answer = app.wsgi_app

    def answer_with_headers(
        environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        def start(status: str, headers: list[Header], *exc: Any) -> Callable[[bytes], object]:
            headers += page if _is_page(headers) else DATA
            if environ["wsgi.url_scheme"] == "https":
                headers.append(HSTS)
            return start_response(status, headers, *exc)

        return answer(environ, start)

    app.wsgi_app = answer_with_headers  # type: ignore[method-assign]


def _is_page(headers: list[Header]) -> bool:
    for name, value in headers:
        if name == "Content-Type":
            return value.startswith("text/html")
    return False
