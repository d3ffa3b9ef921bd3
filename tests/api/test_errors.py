"""The one shape of all errors, and the request's id."""

import io
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from webapp import queries
from webapp.api.answers import Problem

JSON = "application/json"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api", 404),
        ("GET", "/api/", 404),
        ("GET", "/api/nothing/here", 404),
        ("GET", "/api/docs/nothing", 404),
        ("GET", "/api/predict", 405),
        ("PUT", "/api/observations", 405),
        ("POST", "/healthz", 405),
        ("GET", "/api/model?a=b", 422),
        ("DELETE", "/api/retrain/1", 404),
    ],
)
def test_every_error_is_a_problem(client: FlaskClient, method: str, path: str, status: int) -> None:
    answer = client.open(path, method=method)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    problem = Problem.model_validate_json(answer.data)
    assert problem.status == status
    assert problem.request_id == answer.headers["X-Request-ID"]


def test_a_wrong_method_is_told_the_right_ones(client: FlaskClient) -> None:
    assert set(client.get("/api/predict").headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


def test_a_person_gets_a_page(client: FlaskClient) -> None:
    answer = client.get("/nothing")
    assert (answer.status_code, answer.mimetype) == (404, "text/html")


@pytest.mark.parametrize("given", ["abc", "A.b_c-9", "x" * 64])
def test_a_fit_request_id_is_kept(client: FlaskClient, given: str) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "ä"])
def test_any_other_request_id_is_made(client: FlaskClient, given: str) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": given})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])


@pytest.mark.parametrize("kind", ["text/plain", "application/json; charset=latin-1", None])
def test_another_content_type_is_refused(client: FlaskClient, kind: str | None) -> None:
    assert client.post("/api/predict", data="{}", content_type=kind).status_code == 415


def test_a_missing_body_is_no_json(client: FlaskClient) -> None:
    assert client.post("/api/predict").status_code == 400


@pytest.mark.parametrize("size", [16 * 1024, 16 * 1024 + 1])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_has_a_limit(client: FlaskClient, size: int, chunked: bool) -> None:
    body = b"{}".ljust(size)
    if chunked:
        answer = client.post(
            "/api/predict",
            input_stream=io.BytesIO(body),
            content_type=JSON,
            environ_overrides={"wsgi.input_terminated": True},
            headers={"Transfer-Encoding": "chunked"},
        )
    else:
        answer = client.post("/api/predict", data=body, content_type=JSON)
    assert answer.status_code == (413 if size > 16 * 1024 else 422)


def test_a_batch_may_be_larger(client: FlaskClient) -> None:
    body = b'{"items": [1]}'
    url = "/api/predict/batch"
    assert client.post(url, data=body.ljust(100_000), content_type=JSON).status_code == 200
    too_large = body.ljust(4 * 1024 * 1024 + 1)
    assert client.post(url, data=too_large, content_type=JSON).status_code == 413


def test_a_failure_says_nothing_of_itself(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(queries, "champion", fail)
    answer = client.get("/api/model")
    assert (answer.status_code, answer.mimetype) == (500, "application/problem+json")
    assert b"secret" not in answer.data


def test_a_database_that_fails_is_unavailable(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OperationalError("SELECT secret", {}, Exception("database is locked"))

    monkeypatch.setattr(queries, "champion", fail)
    answer = client.get("/api/model")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert b"secret" not in answer.data


def test_ready_says_what_is_missing(app_without_model: Flask, client: FlaskClient) -> None:
    assert client.get("/readyz").json == {"status": "ready"}
    answer = app_without_model.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json["missing"]
