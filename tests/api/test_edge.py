"""What a browser is told to refuse."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import make_app
from webapp.dashboard import PAGES

HTML = [page.PATH for page in PAGES] + ["/api/docs", "/nothing"]
DATA = ["/healthz", "/metrics", "/api/models", "/api/nothing", "/dashboard/_dash-layout"]


@pytest.mark.parametrize("path", HTML)
def test_a_page_runs_our_scripts_alone(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"].startswith("'self' 'sha256-")
    assert "unsafe" not in policy["script-src"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


@pytest.mark.parametrize("path", DATA)
def test_what_is_no_page_may_load_nothing(client: FlaskClient, path: str) -> None:
    policy = client.get(path).headers["Content-Security-Policy"]
    assert policy == "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize("path", [*HTML, *DATA])
def test_every_answer_says_each_header_once(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    names = list(headers.keys())
    assert len(names) == len(set(names))


def test_a_failure_has_them_as_well(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.queries.champion", lambda: 1 / 0)
    answer = client.get("/api/model")
    assert (answer.status_code, answer.headers["X-Content-Type-Options"]) == (500, "nosniff")


def test_https_is_kept_where_it_is_used(app: Flask, client: FlaskClient) -> None:
    name = "Strict-Transport-Security"
    forwarded = {"X-Forwarded-Proto": "https"}
    assert name in client.get("/healthz", base_url="https://localhost").headers
    assert name not in client.get("/healthz", headers=forwarded).headers
    behind = make_app(app.instance_path, VLIB_TRUSTED_PROXIES=1).test_client()
    assert name in behind.get("/healthz", headers=forwarded).headers
