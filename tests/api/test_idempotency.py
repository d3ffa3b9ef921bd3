"""The same POST again."""

from hashlib import sha256
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from webapp import predictor, queries

HOUR = {
    "datetime": "2012-12-25T08:00:00",
    "weather": "clear",
    "temperature": 3.3,
    "humidity": 81,
    "windspeed": 0,
}
KEY = {"Idempotency-Key": "k-1"}


def test_the_same_request_again_gets_the_same_answer(client: FlaskClient) -> None:
    first = client.post("/api/predict", json=HOUR, headers=KEY)
    again = client.post("/api/predict", json=HOUR, headers=KEY)
    assert (again.status_code, again.data, again.mimetype) == (200, first.data, "application/json")
    other = client.post("/api/predict", json=HOUR, headers={"Idempotency-Key": "k-2"})
    assert other.json["prediction_id"] != first.json["prediction_id"]


def test_another_body_is_refused(client: FlaskClient) -> None:
    client.post("/api/predict", json=HOUR, headers=KEY)
    answer = client.post("/api/predict", json=HOUR | {"humidity": 1}, headers=KEY)
    assert answer.status_code == 422


def test_a_key_holds_for_one_address(client: FlaskClient) -> None:
    client.post("/api/predict", json=HOUR, headers=KEY)
    assert client.post("/api/predict/batch", json={"items": [HOUR]}, headers=KEY).status_code == 200


def test_a_refusal_is_kept(client: FlaskClient) -> None:
    first = client.post("/api/predict", json={}, headers=KEY)
    again = client.post("/api/predict", json={}, headers=KEY)
    assert (again.status_code, again.mimetype) == (422, "application/problem+json")
    assert again.data == first.data


def test_a_second_request_waits_for_no_first(app: Flask, client: FlaskClient) -> None:
    name = sha256(b"POST /api/retrain k-1").hexdigest()
    with app.app_context():
        queries.idempotency_begin(name, sha256(b"").hexdigest())
    headers = KEY | {"Authorization": "Bearer nobody"}
    assert client.post("/api/retrain", headers=headers).status_code == 401
    name = sha256(b"POST /api/predict k-1").hexdigest()
    with app.app_context():
        queries.idempotency_begin(name, sha256(b"{}").hexdigest())
    assert client.post("/api/predict", json={}, headers=KEY).status_code == 409


def test_a_failure_is_not_kept(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(predictor, "predict", fail)
        assert client.post("/api/predict", json=HOUR, headers=KEY).status_code == 500
    assert client.post("/api/predict", json=HOUR, headers=KEY).status_code == 200


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "\u00e4"])
def test_a_key_is_visible_text(client: FlaskClient, key: str) -> None:
    answer = client.post("/api/predict", json=HOUR, headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/header/Idempotency-Key"
