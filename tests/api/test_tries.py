"""Guessing a token."""

import os
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import make_app
from webapp import tries
from webapp.tries import LIMIT, Tries

WRONG = {"Authorization": "Bearer guessed"}


def age(app: Flask, seconds: float) -> None:
    """Let time pass for all failures."""
    for path in (Path(app.instance_path) / "failed_tries").iterdir():
        then = path.stat().st_mtime - seconds
        os.utime(path, (then, then))


def guess(client: FlaskClient, times: int = LIMIT, **environ: str) -> list[int]:
    made = [client.post("/api/retrain", headers=WRONG, environ_base=environ) for _ in range(times)]
    return [answer.status_code for answer in made]


def test_a_client_may_fail_so_often(client: FlaskClient, admin: dict[str, str]) -> None:
    assert guess(client, LIMIT + 1) == [401] * LIMIT + [429]
    refused = client.post("/api/retrain", headers=admin)
    assert (refused.status_code, refused.mimetype) == (429, "application/problem+json")
    assert 0 < int(refused.headers["Retry-After"]) <= tries.SECONDS


def test_it_may_try_again_later(app: Flask, client: FlaskClient, admin: dict[str, str]) -> None:
    guess(client)
    age(app, tries.SECONDS - 30)
    assert 0 < int(client.post("/api/retrain", headers=WRONG).headers["Retry-After"]) <= 30
    age(app, 30)
    assert guess(client, 2) == [401, 401]
    assert client.post("/api/models/9/activate", headers=admin).status_code == 400


def test_others_are_not_refused(client: FlaskClient, admin: dict[str, str]) -> None:
    guess(client, REMOTE_ADDR="192.0.2.1")
    other = {"REMOTE_ADDR": "192.0.2.2"}
    answer = client.post("/api/models/9/activate", headers=admin, environ_base=other)
    assert answer.status_code == 400


def test_workers_count_together(app: Flask, client: FlaskClient) -> None:
    other = make_app(Path(app.instance_path)).test_client()
    assert guess(client, LIMIT // 2) + guess(other, LIMIT // 2) == [401] * LIMIT
    assert guess(client, 1) == guess(other, 1) == [429]


def test_what_needs_no_token_is_not_refused(client: FlaskClient) -> None:
    guess(client)
    assert client.get("/api/models", headers=WRONG).status_code == 200
    assert client.get("/dashboard/").status_code == 200


def test_the_login_form_counts(app: Flask, client: FlaskClient) -> None:
    app.config.update(VLIB_ACCESS="token", VLIB_CLIENT_TOKEN="the-clients")
    client.post("/dashboard/", data={"token": "the-clients"})
    for _ in range(LIMIT):
        assert app.test_client().post("/", data={"token": "guessed"}).status_code == 401
    refused = app.test_client().post("/", data={"token": "the-clients"})
    assert (refused.status_code, refused.mimetype) == (429, "text/html")
    assert "Set-Cookie" not in refused.headers
    assert client.get("/dashboard/").status_code == 200  # who is logged in stays so


def test_a_right_token_takes_no_failure_back(
    app: Flask, client: FlaskClient, admin: dict[str, str]
) -> None:
    app.config["VLIB_CLIENT_TOKEN"] = "the-clients"
    mine = {"Authorization": "Bearer the-clients"}
    guess(client, LIMIT - 1)
    assert client.post("/api/retrain", headers=mine).status_code == 403
    assert guess(client, 2) == [401, 429]


def test_forged_addresses_count_as_one(app: Flask, client: FlaskClient) -> None:
    behind = make_app(Path(app.instance_path), VLIB_TRUSTED_PROXIES=1).test_client()
    for server, real in ((client, ""), (behind, ", 198.51.100.7")):
        statuses = [
            server.post(
                "/api/retrain", headers=WRONG | {"X-Forwarded-For": f"203.0.113.{number}{real}"}
            ).status_code
            for number in range(LIMIT + 1)
        ]
        assert statuses == [401] * LIMIT + [429]


def test_behind_a_proxy_clients_are_told_apart(app: Flask) -> None:
    behind = make_app(Path(app.instance_path), VLIB_TRUSTED_PROXIES=1).test_client()
    for number in range(LIMIT + 1):
        headers = WRONG | {"X-Forwarded-For": f"203.0.113.{number}"}
        assert behind.post("/api/retrain", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("address", "stands_for"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_whom_an_address_stands_for(address: str, stands_for: str) -> None:
    assert tries.client(address) == stands_for


def test_old_failures_leave_no_file(app: Flask, client: FlaskClient) -> None:
    guess(client, 1)
    folder = Path(app.instance_path) / "failed_tries"
    Tries(folder).forget()
    assert len(list(folder.iterdir())) == 1
    age(app, tries.SECONDS)
    Tries(folder).forget()
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    (Path(app.instance_path) / "failed_tries").write_text("in the way")
    assert guess(client, 1) == [401]
    assert "could not be counted" in caplog.text
