"""Tokens, and who may do what.

The admin's token changes state; the client's asks for predictions and looks at the dashboard
where ``VLIB_ACCESS`` is ``token``. A browser gets a signed cookie for the client's token or the
admin's; it never opens an admin's call, so no other site can make a browser do one.

Wrong tokens are counted for each client's address (see `tries`). A client that sent too many is
refused for a while whatever token it sends, else the right one would show itself; a cookie and
calls that need no token still work. A right token takes nothing back: who holds the client's
could otherwise go on guessing the admin's.
"""

import hmac
import os
import secrets
from pathlib import Path
from typing import Literal

from flask import Flask, Response, current_app, redirect, render_template, request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.wrappers import Response as WerkzeugResponse

from .errors import Forbidden, Unauthorized
from .tries import Tries

COOKIE = "vlib_access"
COOKIE_SECONDS = 30 * 24 * 3600
OPEN_PATHS = ("/healthz", "/readyz", "/metrics")

Role = Literal["admin", "client"]


def init_app(app: Flask) -> None:
    """Ask for a token wherever the settings want one."""
    folder = Path(app.config["VLIB_INSTANCE_PATH"]) / "failed_tries"
    app.extensions["vlib_tries"] = Tries(folder)
    app.before_request(_require_client)


def require_admin() -> None:
    """Raise `Unauthorized` without a known token, `Forbidden` with a client's.

    After too many wrong tokens raise `TooManyRequests`.
    """
    role = _bearer_role()
    if role is None and "Authorization" in request.headers:
        raise Unauthorized("This bearer token is not known; the call needs the admin's.")
    if role is None:
        raise Unauthorized("This call needs the admin's bearer token.")
    if role != "admin":
        raise Forbidden("A client's token does not open this call; the admin's does.")


def is_admin_token(token: str) -> bool:
    """Say whether a text is the admin's token; raise `TooManyRequests` as `require_admin`."""
    return _role(token) == "admin"


def forget_tries() -> None:
    """Forget the failures that count no more."""
    _tries().forget()


def admin_token(app: Flask) -> str:
    """Return the admin's token: the setting, else what the file says now; empty if neither."""
    if given := app.config["VLIB_ADMIN_TOKEN"]:
        return str(given)
    path = _token_path(app)
    try:
        found = path.stat()
        stamp = found.st_mtime_ns, found.st_ino, found.st_size
        known = app.extensions.get("vlib_admin_token", (None, ""))
        if known[0] != stamp:
            known = stamp, path.read_text().strip()
            app.extensions["vlib_admin_token"] = known
    except FileNotFoundError:
        return ""
    return str(known[1])


def ensure_admin_token(app: Flask) -> None:
    """Write a new token into the file, mode 600, unless there is one or a setting."""
    if not admin_token(app):
        renew_admin_token(app)


def renew_admin_token(app: Flask) -> Path:
    """Write a new token into the file, mode 600, and return its path.

    Every process reads it at its next use, and the cookies made with the old one end.
    """
    path = _token_path(app)
    draft = path.with_name(f".admin_token.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(32) + "\n")
    draft.replace(path)
    return path


def _require_client() -> WerkzeugResponse | None:
    if current_app.config["VLIB_ACCESS"] != "token" or request.path in OPEN_PATHS:
        return None
    if _bearer_role() or _cookie_is_good():
        return None
    if request.path.startswith("/api") and not request.path.startswith("/api/docs"):
        raise Unauthorized
    return _log_in()


def _log_in() -> WerkzeugResponse:
    """Show the login form in place of a page, and take what it sends to the page's address."""
    request.max_content_length = 16 * 1024
    token = request.form.get("token")
    if token is None or not _role(token.strip()):
        page = render_template("login.html", failed=token is not None)
        return Response(page, 401, {"WWW-Authenticate": "Bearer"})
    # One slash: two would begin the name of another host.
    page = "/" + request.full_path.lstrip("/\\").removesuffix("?")
    response = redirect(page, 303)
    response.set_cookie(
        COOKIE,
        str(_signer().dumps("client")),
        max_age=COOKIE_SECONDS,
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
    return response


def _bearer_role() -> Role | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return _role(token.strip()) if scheme.lower() == "bearer" else None


def _role(token: str) -> Role | None:
    """Return whose token it is, and count one that is nobody's."""
    tries = _tries()
    address = request.remote_addr or ""  # behind trusted proxies, the one that they name
    tries.check(address)
    if _same(token, admin_token(current_app)):
        return "admin"
    if _same(token, current_app.config["VLIB_CLIENT_TOKEN"] or ""):
        return "client"
    if token:
        tries.add(address)
    return None


def _tries() -> Tries:
    tries: Tries = current_app.extensions["vlib_tries"]
    return tries


def _same(token: str, expected: str) -> bool:
    """Compare in constant time; an empty token is never the right one."""
    sent = token.encode(errors="surrogatepass")
    return bool(expected) and hmac.compare_digest(sent, expected.encode())


def _cookie_is_good() -> bool:
    try:
        _signer().loads(request.cookies.get(COOKIE, ""), max_age=COOKIE_SECONDS)
    except BadSignature:
        return False
    return True


def _signer() -> URLSafeTimedSerializer:
    """Sign with the tokens themselves: cookies end when a token is changed."""
    keys = [admin_token(current_app), current_app.config["VLIB_CLIENT_TOKEN"] or ""]
    if not any(keys):  # an empty key would let anybody sign
        keys = [secrets.token_hex()]
    return URLSafeTimedSerializer("\n".join(keys), salt="vlib-login")


def _token_path(app: Flask) -> Path:
    return Path(app.config["VLIB_INSTANCE_PATH"]) / "admin_token"
