"""The same POST again."""

import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from webapp import journal, predictor, queries
from webapp.locks import FileLock

HOUR = {
    "datetime": "2012-12-25T08:00:00",
    "weather": "clear",
    "temperature": 3.3,
    "humidity": 81,
    "windspeed": 0,
}
KEY = {"Idempotency-Key": "k-1"}
to_json = predictor.Prediction.to_json


@pytest.mark.both_engines
def test_the_same_request_again_gets_the_same_answer(client: FlaskClient) -> None:
    first = client.post("/api/predict", json=HOUR, headers=KEY)
    again = client.post("/api/predict", json=HOUR, headers=KEY)
    assert (again.status_code, again.data, again.mimetype) == (200, first.data, "application/json")
    other = client.post("/api/predict", json=HOUR, headers={"Idempotency-Key": "k-2"})
    assert other.json["prediction_id"] != first.json["prediction_id"]


@pytest.mark.both_engines
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


def test_a_second_request_waits_for_no_first(client: FlaskClient, instance: Path) -> None:
    headers = KEY | {"Authorization": "Bearer nobody"}
    with running("POST /api/retrain k-1", instance):
        assert client.post("/api/retrain", headers=headers).status_code == 401
    with running("POST /api/predict k-1", instance):
        assert client.post("/api/predict", json={}, headers=KEY).status_code == 409
    assert client.post("/api/predict", json={}, headers=KEY).status_code == 422


def running(request: str, instance: Path) -> FileLock:
    """Hold the lock of a request's key, as another process does while it runs."""
    (instance / "keys").mkdir(exist_ok=True)
    lock = FileLock(instance / "keys" / sha256(request.encode()).hexdigest())
    assert lock.acquire()
    return lock


def stored(client: FlaskClient) -> list[dict[str, Any]]:
    """Return the predictions of these tests in the order in which they were asked."""
    items = client.get("/api/predictions?source=whatif").json["items"]
    return sorted(items, key=lambda item: -item["input"]["humidity"])


def test_after_a_crash_a_retry_answers_with_what_was_stored(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"items": [HOUR, 7, HOUR | {"humidity": 50}]}
    with monkeypatch.context() as killed:
        killed.setattr(queries, "idempotency_finish", lambda *_: sys.exit())
        with pytest.raises(SystemExit):
            client.post("/api/predict/batch", json=body, headers=KEY)
    before = stored(client)
    changed = {"rentals": 0.0, "interval": {}}
    monkeypatch.setattr(predictor.Prediction, "to_json", lambda self: to_json(self) | changed)
    again = client.post("/api/predict/batch", json=body, headers=KEY).json
    answered = [item for item in again["items"] if "error" not in item]
    assert all(item.items() <= found.items() for item, found in zip(answered, before, strict=True))
    assert stored(client) == before


def test_after_a_crash_a_retry_may_be_the_first_to_store(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(journal.Journal, "store", lambda *_, **_how: sys.exit())
        with pytest.raises(SystemExit):
            client.post("/api/predict", json=HOUR, headers=KEY)
    answer = client.post("/api/predict", json=HOUR, headers=KEY).json
    assert [item["prediction_id"] for item in stored(client)] == [answer["prediction_id"]]


@pytest.mark.both_engines
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
