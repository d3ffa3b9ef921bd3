"""Predictions through HTTP: answered, stored, found again."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from webapp.api.answers import Prediction, PredictionPage, Predictions, StoredPrediction

HOUR = {
    "datetime": "2012-12-25T08:00:00",
    "weather": "clear",
    "temperature": 3.3,
    "humidity": 81,
    "windspeed": 0,
}


def pointers(problem: Any) -> list[str]:
    return [error["pointer"] for error in problem["errors"]]


def test_a_prediction_has_every_field_in_the_contracts_order(client: FlaskClient) -> None:
    answer = client.post("/api/predict", json=HOUR)
    assert answer.status_code == 200
    assert list(answer.json) == [
        "prediction_id",
        "datetime",
        "rentals",
        "interval",
        "as_of",
        "model_version",
        "warnings",
    ]
    Prediction.model_validate(answer.json)
    assert answer.json["interval"]["lower"] <= answer.json["rentals"]


def test_minutes_are_cut_to_the_hour(client: FlaskClient) -> None:
    answer = client.post("/api/predict", json=HOUR | {"datetime": "2012-12-25T08:59"})
    assert answer.json["datetime"] == "2012-12-25T08:00:00"


@pytest.mark.both_engines
def test_a_prediction_is_found_again(client: FlaskClient) -> None:
    made = client.post("/api/predict", json=HOUR | {"as_of": "2012-12-24T08:30"}).json
    found = client.get(f"/api/predictions/{made['prediction_id']}").json
    assert made.items() <= found.items()
    assert found["input"] == HOUR | {"as_of": "2012-12-24T08:00:00"}
    StoredPrediction.model_validate(found)


@pytest.mark.parametrize("as_of", ["2012-12-25T08:00", "2012-12-25T08:59", "2013-01-01T00:00"])
def test_as_of_must_be_before_the_hour(client: FlaskClient, as_of: str) -> None:
    answer = client.post("/api/predict", json=HOUR | {"as_of": as_of})
    assert (answer.status_code, pointers(answer.json)) == (422, ["/as_of"])


@pytest.mark.both_engines
def test_a_bad_item_costs_itself_alone(client: FlaskClient) -> None:
    items = [HOUR, HOUR | {"weather": "snow"}, 7, HOUR | {"humidity": 80}]
    answer = client.post("/api/predict/batch", json={"items": items}).json
    Predictions.model_validate(answer)
    assert answer["failed"] == 2
    assert ["error" in item for item in answer["items"]] == [False, True, True, False]
    assert pointers(answer["items"][1]["error"]) == ["/items/1/weather"]
    assert pointers(answer["items"][2]["error"]) == ["/items/2"]


def test_nan_and_a_double_key_in_an_item_cost_it_alone(client: FlaskClient) -> None:
    body = '{"items": [{"temperature": NaN, "humidity": 1, "humidity": 2}]}'
    answer = client.post("/api/predict/batch", data=body, content_type="application/json")
    assert answer.status_code == 200
    found = pointers(answer.json["items"][0]["error"])
    assert {"/items/0/temperature", "/items/0/humidity"} <= set(found)


def test_the_batchs_as_of_holds_where_an_item_has_none(client: FlaskClient) -> None:
    items = [HOUR, HOUR | {"as_of": "2012-12-25T09:00"}, HOUR | {"datetime": "2012-12-24T00:00"}]
    body = {"as_of": "2012-12-24T08:00", "items": items}
    first, second, third = client.post("/api/predict/batch", json=body).json["items"]
    stored = client.get(f"/api/predictions/{first['prediction_id']}").json
    assert stored["input"]["as_of"] == "2012-12-24T08:00:00"
    assert pointers(second["error"]) == ["/items/1/as_of"]
    assert pointers(third["error"]) == ["/as_of"]


@pytest.mark.parametrize("count", [0, 10_001])
def test_a_batch_has_one_to_ten_thousand_items(client: FlaskClient, count: int) -> None:
    answer = client.post("/api/predict/batch", json={"items": [1] * count})
    assert (answer.status_code, pointers(answer.json)) == (422, ["/items"])


@pytest.mark.both_engines
def test_pages_follow_each_other(client: FlaskClient) -> None:
    made = [client.post("/api/predict", json=HOUR).json["prediction_id"] for _ in range(3)]
    span = "from=2012-12-25T08:00&to=2012-12-25T09:00&limit=2"
    first = client.get(f"/api/predictions?{span}").json
    PredictionPage.model_validate(first)
    second = client.get(f"/api/predictions?{span}&cursor={first['next_cursor']}").json
    seen = [item["prediction_id"] for item in first["items"] + second["items"]]
    assert seen[:3] == made[::-1]


def test_predictions_are_listed_by_source_and_version(client: FlaskClient) -> None:
    version = client.post("/api/predict", json=HOUR).json["model_version"]
    assert client.get(f"/api/predictions?model_version={version}").json["items"]
    assert not client.get("/api/predictions?model_version=999").json["items"]
    assert not client.get("/api/predictions?source=replay").json["items"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=ten",
        "limit=1_0",
        "limit=",
        "cursor=x",
        "from=2012-12-25",
        "source=other",
        "model_version=0",
        "unknown=1",
        "limit=1&limit=1",
    ],
)
def test_a_bad_parameter_is_named(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/api/predictions?{query}")
    assert answer.status_code == 422
    assert pointers(answer.json) == [f"/query/{query.partition('=')[0]}"]


@pytest.mark.parametrize("name", ["nobody", "00000000-0000-7000-8000-000000000000", "%00"])
def test_an_unknown_prediction_is_not_found(client: FlaskClient, name: str) -> None:
    assert client.get(f"/api/predictions/{name}").status_code == 404


def test_a_replay_is_the_admins_to_declare(client: FlaskClient, admin: dict[str, str]) -> None:
    header = {"X-Vlib-Source": "replay"}
    assert client.post("/api/predict", json=HOUR, headers=header).status_code == 401
    made = client.post("/api/predict", json=HOUR, headers=header | admin).json
    found = client.get(f"/api/predictions/{made['prediction_id']}").json
    assert found["source"] == "replay"


def test_without_a_champion_nothing_is_predicted(app_without_model: Flask) -> None:
    answer = app_without_model.test_client().post("/api/predict", json=HOUR)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
