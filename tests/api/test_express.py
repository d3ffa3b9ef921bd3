"""A plain prediction takes a shorter way; nobody can tell by its answer."""

import os
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from webapp import journal, predictor
from webapp.errors import Unavailable

HOUR = {"datetime": "2012-12-25T08:00:00", "weather": "clear"}
HOUR |= {"temperature": 3.3, "humidity": 81, "windspeed": 0}
WITHOUT_QUERY = "/api/predict"
WITH_QUERY = "/api/predict?explain=false"


@pytest.fixture(autouse=True)
def kept_up(app: Flask) -> None:
    """As if threads refreshed and drained."""
    predictor.of(app)._max_age = float("inf")
    with app.app_context():
        predictor.of(app).refresh()
    journal.of(app).drainer = os.getpid()


@pytest.fixture
def dispatched(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Flask has dispatched."""
    paths: list[str] = []
    usual = app.full_dispatch_request

    def dispatch(*context: Any) -> Any:
        paths.append("dispatched")
        return usual(*context)

    monkeypatch.setattr(app, "full_dispatch_request", dispatch)
    return paths


def told(answer: TestResponse) -> tuple[Any, ...]:
    """All of an answer but what is new in each."""
    said = {name: value for name, value in answer.json.items() if name != "prediction_id"}
    return answer.status, sorted(answer.headers.keys()), said | {"request_id": None}


def test_a_plain_prediction_is_answered_like_any_other(
    client: FlaskClient, dispatched: list[str]
) -> None:
    ways = []
    for path in (WITHOUT_QUERY, WITH_QUERY):
        answer = client.post(path, json=HOUR, headers={"X-Request-ID": "mine"})
        ways.append((len(dispatched), told(answer)))
        assert client.get(f"/api/predictions/{answer.json['prediction_id']}").status_code == 200
        dispatched.clear()
    assert [way[0] for way in ways] == [0, 1]
    assert ways[0][1] == ways[1][1]


def test_an_offset_is_converted_on_either_way(client: FlaskClient, dispatched: list[str]) -> None:
    asked = HOUR | {"datetime": "2012-12-25T13:00:00Z", "as_of": "2012-12-25T08:00+02:00"}
    short, usual = (client.post(path, json=asked) for path in (WITHOUT_QUERY, WITH_QUERY))
    assert short.json["datetime"] == HOUR["datetime"]
    assert told(short) == told(usual)
    assert len(dispatched) == 1


def test_where_no_thread_drains_it_is_stored_at_once(
    app: Flask, client: FlaskClient, dispatched: list[str]
) -> None:
    journal.of(app).drainer = None
    assert client.post(WITHOUT_QUERY, json=HOUR).status_code == 200
    assert not list(journal.of(app).waiting())
    assert dispatched


def test_where_no_thread_refreshes_news_is_taken_in(
    app: Flask, client: FlaskClient, dispatched: list[str]
) -> None:
    predictor.of(app)._max_age = 0
    predictor.of(app).serving = None
    predictor.of(app)._activation = 0
    assert client.post(WITHOUT_QUERY, json=HOUR).status_code == 200
    assert dispatched


@pytest.mark.parametrize(
    "asked",
    [
        {"json": HOUR | {"humidity": 200}},
        {"json": HOUR | {"as_of": HOUR["datetime"]}},
        {"data": b"{", "content_type": "application/json"},
        {"data": b'{"weather": "clear", "weather": "mist"}', "content_type": "application/json"},
        {"data": b"x" * 20_000, "content_type": "application/json"},
        {"data": b"x", "content_type": "text/plain"},
        {"json": HOUR, "headers": {"Idempotency-Key": ""}},
        {"json": HOUR, "headers": {"X-Vlib-Source": "replay"}},
        {"json": HOUR | {"model_version": "99"}},
    ],
)
def test_whatever_is_wrong_is_told_by_the_usual_way(
    client: FlaskClient, dispatched: list[str], asked: dict[str, Any]
) -> None:
    short, usual = (client.post(path, **asked) for path in (WITHOUT_QUERY, WITH_QUERY))
    assert len(dispatched) == 2
    assert short.status_code >= 400
    assert told(short) == told(usual)


def test_what_can_not_be_stored_is_refused(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[bytes] = []

    def full(_: journal.Journal, lines: bytes) -> None:
        tries.append(lines)
        raise Unavailable("full")

    with monkeypatch.context() as patch:
        patch.setattr(journal.Journal, "append", full)
        answer = client.post(WITHOUT_QUERY, json=HOUR)
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    assert len(tries) == 1
    assert client.post(WITHOUT_QUERY, json=HOUR).status_code == 200


def test_closed_access_closes_it_too(app: Flask, dispatched: list[str]) -> None:
    app.config["VLIB_ACCESS"] = "token"
    assert app.test_client().post(WITHOUT_QUERY, json=HOUR).status_code == 401
    assert dispatched
