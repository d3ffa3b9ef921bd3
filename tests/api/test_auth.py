"""Who may do what."""

import stat
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import IntegerConverter, UUIDConverter

from webapp import auth

CONVERTED = {IntegerConverter: 1, UUIDConverter: UUID(int=1)}
CLIENT = {"Authorization": "Bearer the-clients"}


@pytest.fixture
def closed(app: Flask) -> FlaskClient:
    app.config.update(VLIB_ACCESS="token", VLIB_CLIENT_TOKEN="the-clients")
    return app.test_client()


def test_a_closed_system_asks_for_a_token(closed: FlaskClient, admin: dict[str, str]) -> None:
    assert closed.get("/api/models").status_code == 401
    wrong = {"Authorization": "Bearer wr\u00f6ng"}
    assert closed.get("/api/models", headers=wrong).status_code == 401
    assert closed.get("/api/models", headers=CLIENT).status_code == 200
    assert closed.get("/api/models", headers=admin).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_need_no_token(closed: FlaskClient, path: str) -> None:
    assert closed.get(path).status_code == 200


def test_a_clients_token_is_no_admins(closed: FlaskClient) -> None:
    assert closed.post("/api/retrain", headers=CLIENT).status_code == 403
    assert closed.post("/api/retrain").status_code == 401


def test_unknown_paths_are_closed_as_well(closed: FlaskClient) -> None:
    answer = closed.get("/api/nothing")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_a_browser_logs_in(closed: FlaskClient) -> None:
    asked = closed.get("/dashboard/?x=1")
    assert (asked.status_code, asked.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "<form" in asked.text
    answer = closed.post("/dashboard/?x=1", data={"token": "the-clients"})
    assert (answer.status_code, answer.location) == (303, "/dashboard/?x=1")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "the-clients" not in cookie
    assert closed.get("/api/models").status_code == 200


def test_a_wrong_login_gets_nothing(closed: FlaskClient) -> None:
    answer = closed.post("/dashboard/", data={"token": "wrong"})
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert b"wrong" not in answer.data


def test_the_page_to_try_the_api_is_closed(closed: FlaskClient) -> None:
    assert b"<form" in closed.get("/api/docs").data
    assert closed.get("/api/openapi.json").status_code == 401


def test_the_cookie_is_no_admins(closed: FlaskClient, admin: dict[str, str]) -> None:
    closed.post("/dashboard/", data={"token": admin["Authorization"].removeprefix("Bearer ")})
    assert closed.get("/api/models").status_code == 200
    assert closed.post("/api/retrain").status_code == 401


def test_a_forged_or_outdated_cookie_is_refused(app: Flask, closed: FlaskClient) -> None:
    closed.set_cookie(auth.COOKIE, "ImNsaWVudCI.forged")
    assert closed.get("/api/models").status_code == 401
    closed.post("/dashboard/", data={"token": "the-clients"})
    app.config["VLIB_CLIENT_TOKEN"] = "another"
    assert closed.get("/api/models").status_code == 401


def test_a_login_leads_to_no_other_host(closed: FlaskClient) -> None:
    path = {"PATH_INFO": "//evil.example/"}
    answer = closed.post("/", data={"token": "the-clients"}, environ_overrides=path)
    assert answer.location == "/evil.example/"


def test_the_token_file_is_private_and_stays(app: Flask) -> None:
    app.config["VLIB_ADMIN_TOKEN"] = None
    path = Path(app.instance_path) / "admin_token"
    path.unlink(missing_ok=True)
    auth.ensure_admin_token(app)
    token = path.read_text().strip()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(token) >= 40
    auth.ensure_admin_token(app)
    assert path.read_text().strip() == token


def test_a_new_token_in_the_file_counts_at_once(app: Flask, client: FlaskClient) -> None:
    app.config["VLIB_ADMIN_TOKEN"] = None
    path = Path(app.instance_path) / "admin_token"
    with app.test_request_context():
        for token in ("first", "second"):
            path.write_text(token)
            assert auth.is_admin_token(token)
        path.unlink()
        assert not auth.is_admin_token("second")
        assert not auth.is_admin_token("")


def test_rotation_ends_the_old_token_and_every_login(app: Flask, closed: FlaskClient) -> None:
    app.config["VLIB_ADMIN_TOKEN"] = None
    auth.ensure_admin_token(app)
    old = auth.admin_token(app)
    closed.post("/dashboard/", data={"token": old})
    result = app.test_cli_runner().invoke(args=["rotate-token"])
    path = Path(app.instance_path) / "admin_token"
    assert result.exit_code == 0
    assert str(path) in result.output and path.read_text().strip() not in result.output
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert closed.get("/api/models").status_code == 401
    for token, status in ((old, 401), (path.read_text().strip(), 200)):
        headers = {"Authorization": f"Bearer {token}"}
        assert closed.get("/api/models", headers=headers).status_code == status


def test_a_token_of_the_settings_is_not_rotated(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["rotate-token"])
    assert result.exit_code == 1
    assert "VLIB_ADMIN_TOKEN is set" in result.output


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_no_address_is_open_but_the_probes(closed: FlaskClient, method: str) -> None:
    adapter = closed.application.url_map.bind("localhost")
    for rule in closed.application.url_map.iter_rules():
        parts = {name: CONVERTED.get(type(rule._converters[name]), "x") for name in rule.arguments}
        path = adapter.build(rule.endpoint, parts, method=next(iter(rule.methods or ())))
        status = closed.open(path, method=method).status_code
        assert (status == 401) != (path in auth.OPEN_PATHS), (method, path, status)


@pytest.mark.parametrize(
    "path", ["/healthz/", "//healthz", "/healthz/../api/models", "/%68ealthz/x", "/metrics;/api"]
)
def test_nothing_beside_the_probes_is_open(closed: FlaskClient, path: str) -> None:
    assert closed.get(path).status_code == 401


def test_a_token_is_logged_nowhere(
    closed: FlaskClient, admin: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    for token in ["wrong-guess"] * 11 + ["the-clients"]:
        closed.get("/api/models", headers={"Authorization": f"Bearer {token}"})
        closed.post("/dashboard/", data={"token": token})
    closed.post("/api/retrain", headers=admin)
    assert "refused" in caplog.text
    assert not any(word in caplog.text for word in ("guess", "the-clients", "the-admins"))
