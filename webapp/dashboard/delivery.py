"""How the dashboard travels: what the browser has is not asked for again, answers are small."""

import gzip
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, make_response, request

from . import urls

View = Callable[..., Any]

YEAR = "private, max-age=31536000, immutable"
# A file without its version in its address: shown at once, and asked for behind the reader's back.
WEEK = "private, max-age=60, stale-while-revalidate=604800"
SMALL = 4096  # bytes: a shorter answer is one packet or two anyway
FILES = ("bootstrap.static", "_dashboard_dash_assets.static")
SUITES = f"{urls.PREFIX}_dash-component-suites/<string:package_name>/<path:fingerprinted_path>"
UPDATE = f"{urls.PREFIX}_dash-update-component"


def init_app(app: Flask) -> None:
    """Let browsers keep the dashboard's files, and send what callbacks answer compressed."""
    for name in (*FILES, SUITES):
        app.view_functions[name] = _kept(app.view_functions[name])
    app.view_functions[UPDATE] = _compressed(app.view_functions[UPDATE])


def _kept(view: View) -> View:
    def kept(**values: Any) -> Response:
        response = make_response(view(**values))
        if response.status_code in (200, 304) and (response.cache_control.max_age or 0) <= 0:
            response.headers["Cache-Control"] = YEAR if "m" in request.args else WEEK
        return response

    return kept


def _compressed(view: View) -> View:
    def compressed() -> Response:
        response = make_response(view())
        if request.accept_encodings["gzip"] and len(response.get_data()) > SMALL:
            response.set_data(gzip.compress(response.get_data(), compresslevel=1, mtime=0))
            response.headers["Content-Encoding"] = "gzip"
        response.vary.add("Accept-Encoding")
        return response

    return compressed
