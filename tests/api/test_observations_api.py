"""Observations through HTTP."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from webapp.api.answers import ObservedPage, Upserted

HOUR: dict[str, Any] = {
    "datetime": "2031-05-06T07:00:00",
    "weather": "mist",
    "temperature": 12.5,
    "humidity": 60,
    "windspeed": 8,
    "rentals": 100,
}
LIST = "/api/observations?from=2031-01-01T00:00&to=2032-01-01T00:00"


@pytest.fixture
def observe(client: FlaskClient, admin: dict[str, str]) -> Any:
    def post(*items: object) -> Any:
        answer = client.post("/api/observations", json={"items": items}, headers=admin)
        assert answer.status_code == 200
        Upserted.model_validate(answer.json)
        return answer.json

    return post


@pytest.mark.both_engines
def test_the_same_hour_again_replaces_it(client: FlaskClient, observe: Any) -> None:
    assert observe(HOUR) == {"inserted": 1, "updated": 0, "rejected": []}
    assert observe(HOUR | {"rentals": 101}) == {"inserted": 0, "updated": 1, "rejected": []}
    items = client.get(LIST).json["items"]
    assert [item["rentals"] for item in items] == [101]


def test_of_an_hour_that_stands_twice_the_last_counts(client: FlaskClient, observe: Any) -> None:
    again = HOUR | {"datetime": "2031-05-06T07:59", "rentals": 5}
    assert observe(HOUR, again) == {"inserted": 1, "updated": 1, "rejected": []}
    assert client.get(LIST).json["items"][0]["rentals"] == 5


@pytest.mark.both_engines
def test_a_bad_item_costs_itself_alone(observe: Any) -> None:
    answer = observe({}, HOUR | {"rentals": 1_000_001}, HOUR, HOUR | {"rentals": True})
    assert answer["inserted"] == 1
    assert [item["index"] for item in answer["rejected"]] == [0, 1, 3]
    assert answer["rejected"][1]["errors"] == [
        {"pointer": "/items/1/rentals", "detail": "must be at most 1000000"}
    ]


@pytest.mark.parametrize(
    ("parts", "accepted"),
    [
        ({"casual": 40, "registered": 60}, True),
        ({"casual": 40, "registered": None}, True),
        ({"casual": 40, "registered": 61}, False),
        ({"casual": 0, "registered": 99}, False),
        ({"registered": 101}, False),
        ({"casual": -1}, False),
    ],
)
def test_casual_and_registered_make_the_rentals(
    observe: Any, parts: dict[str, int | None], accepted: bool
) -> None:
    assert (observe(HOUR | parts)["inserted"] == 1) is accepted


def test_hours_are_listed_newest_first(client: FlaskClient, observe: Any) -> None:
    observe(*(HOUR | {"datetime": f"2031-05-06T0{hour}:00"} for hour in (1, 3, 2)))
    first = client.get(f"{LIST}&limit=2").json
    ObservedPage.model_validate(first)
    second = client.get(f"{LIST}&limit=2&cursor={first['next_cursor']}").json
    hours = [item["datetime"][11:13] for item in first["items"] + second["items"]]
    assert hours == ["03", "02", "01"]
    assert second["next_cursor"] is None


def test_the_end_of_a_span_is_not_in_it(client: FlaskClient, observe: Any) -> None:
    observe(HOUR)
    span = "/api/observations?from={}&to={}"
    hour, later = HOUR["datetime"], "2031-05-06T08:00:00"
    assert len(client.get(span.format(hour, later)).json["items"]) == 1
    assert not client.get(span.format(hour, hour)).json["items"]


def test_observing_is_the_admins(client: FlaskClient) -> None:
    answer = client.post("/api/observations", json={"items": [HOUR]})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
