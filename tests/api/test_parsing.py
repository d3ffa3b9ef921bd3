"""What is read, what is refused, and what the refusal says."""

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from webapp.api.parsing import parse_json, read_flat, validate
from webapp.api.schemas import Hour, Observation, PredictionSpan, Weather, get_args
from webapp.errors import BadRequest, Problem, Unprocessable

HOUR = {
    "datetime": "2012-12-25T08:00:00",
    "weather": "clear",
    "temperature": 3.3,
    "humidity": 81,
    "windspeed": 0,
}


@pytest.fixture
def context() -> Iterator[None]:
    """An application that knows where the bikes are, and nothing else."""
    app = Flask(__name__)
    app.config["VLIB_TIMEZONE"] = "America/New_York"
    with app.app_context():
        yield


def errors_of(body: str) -> dict[str, str]:
    """Return the sentences about a body by their pointers."""
    with pytest.raises(Unprocessable) as caught:
        validate(Hour, parse_json(body.encode()))
    return {error["pointer"]: error["detail"] for error in caught.value.errors or ()}


def changed(**values: Any) -> str:
    return json.dumps(HOUR | values)


def test_the_example_of_the_contract_is_valid() -> None:
    hour = validate(Hour, parse_json(changed().encode()))
    assert hour.datetime == dt.datetime(2012, 12, 25, 8)
    assert (hour.temperature, hour.humidity, hour.as_of) == (3.3, 81.0, None)


def test_null_in_an_optional_field_means_absent() -> None:
    hour = validate(Hour, HOUR | {"feels_like": None, "holiday": None, "as_of": None})
    assert hour == validate(Hour, HOUR)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", "3"),
        ("temperature", True),
        ("temperature", None),
        ("temperature", 60.1),
        ("temperature", -40.1),
        ("feels_like", 71),
        ("humidity", -1),
        ("humidity", float("nan")),
        ("windspeed", float("inf")),
        ("windspeed", 201),
        ("windspeed", 10**30),
        pytest.param("windspeed", 10**4000, id="windspeed-huge"),
        ("weather", "snow"),
        ("weather", 1),
        ("weather", "\ud800"),
        ("holiday", 1),
        ("holiday", "true"),
        ("datetime", 1356422400),
        ("datetime", "2012-12-25"),
        ("datetime", "2012-12-25T08"),
        ("datetime", "2012-12-25 08:00"),
        ("datetime", "20121225T0800"),
        ("datetime", "2012-13-25T08:00"),
        ("datetime", "2012-12-25T24:00"),
        ("datetime", "2012-12-25T08:00+25:00"),
        ("datetime", "1969-12-31T23:00"),
        ("datetime", "2101-01-01T00:00"),
        ("as_of", "yesterday"),
    ],
)
@pytest.mark.usefixtures("context")
def test_a_bad_value_is_found_at_its_place(field: str, value: object) -> None:
    assert list(errors_of(changed(**{field: value}))) == [f"/{field}"]


def test_a_number_of_five_thousand_digits_is_not_finite() -> None:
    body = changed().replace("3.3", "9" * 5000)
    assert errors_of(body) == {"/temperature": "must be a finite number"}


def test_a_key_that_stands_twice_is_named() -> None:
    body = changed().replace('"windspeed": 0', '"windspeed": 0, "windspeed": 0')
    assert errors_of(body) == {"/windspeed": "stands twice"}


def test_an_unknown_field_is_named_if_its_name_is_fit() -> None:
    body = changed(**{"a/b~c": 1, "x" * 65: 1, "new\nline": 1})
    assert sorted(errors_of(body).items()) == [
        ("", "has a field not known here"),
        ("/a~1b~0c", "is not known here"),
    ]


def test_an_object_of_many_fields_is_refused_as_a_whole() -> None:
    assert errors_of(json.dumps({str(i): i for i in range(51)})) == {"": "has too many fields"}


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"\xef\xbb\xbf{}", b"'a'", b"[" * 100_000, "{}".encode("utf-16")],
)
def test_what_is_no_json_text_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_json(body)


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2012-12-25T08:59:59.999999", dt.datetime(2012, 12, 25, 8, 59, 59, 999999)),
        ("2012-12-25T13:00:00Z", dt.datetime(2012, 12, 25, 8)),
        ("2012-07-04T14:00+02:00", dt.datetime(2012, 7, 4, 8)),
        ("2101-01-01T00:00+00:00", dt.datetime(2100, 12, 31, 19)),
    ],
)
@pytest.mark.usefixtures("context")
def test_an_offset_is_converted_to_the_systems_time(text: str, hour: dt.datetime) -> None:
    assert validate(Hour, HOUR | {"datetime": text}).datetime == hour


@pytest.mark.parametrize("text", ["0001-01-01T00:00+14:00", "9999-12-31T23:00-14:00"])
@pytest.mark.usefixtures("context")
def test_a_time_beyond_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        validate(Hour, HOUR | {"datetime": text})
    (error,) = refused.value.errors or []
    assert error == {"pointer": "/datetime", "detail": "must be a date and time that exist"}


def test_rentals_are_whole_however_they_are_written() -> None:
    assert validate(Observation, HOUR | {"rentals": 12.0}).rentals == 12
    with pytest.raises(Unprocessable):
        validate(Observation, HOUR | {"rentals": 12.5})


def test_a_span_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(Unprocessable) as caught:
        validate(PredictionSpan, {"from": "2012-02-01T00:00", "to": "2012-01-01T00:00"}, "/query")
    assert [error["pointer"] for error in caught.value.errors or ()] == ["/query/to"]


def test_the_weather_is_the_trainings() -> None:
    from training.schema import WEATHER

    assert get_args(Weather) == tuple(WEATHER)


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"as_of": "2012-12-24T08:00Z", "holiday": None, "feels_like": 1.5, "model_version": "1"},
    ],
)
def test_a_right_flat_body_is_read_at_once(written: dict[str, Any]) -> None:
    body, settings = json.dumps(HOUR | written).encode(), {"VLIB_TIMEZONE": "America/New_York"}
    assert read_flat(Hour, body, settings) == validate(Hour, parse_json(body), settings=settings)


FLAT = json.dumps(HOUR)[:-1]


@pytest.mark.parametrize(
    "body",
    [
        FLAT,
        FLAT + "}}",
        FLAT + ', "humidity": 50}',
        FLAT + ', "humidity": 50, "holiday": true}',
        FLAT + ', "holiday": [], "holiday": true}',
        FLAT + ', "holiday": {"a": {"b": [",,"]}}, "holiday": true}',
        FLAT + ', "holiday": 1}',
        FLAT + ', "unknown": 1}',
        FLAT + ', "feels_like": NaN}',
        FLAT + ', "feels_like": -Infinity}',
        FLAT + ', "feels_like": 1e999}',
        FLAT + ', "feels_like": ' + "9" * 5000 + "}",
        FLAT + ', "feels_like": 01}',
        FLAT + ', "feels_like": "1"}',
        FLAT + ', "feels_like": ' + "[" * 5000 + "]" * 5000 + "}",
        FLAT + ', "model_version": 1}',
        FLAT + ', "model_version": "\\ud800"}',
        "\ufeff" + FLAT + "}",
        "[" + FLAT + "}]",
        "null",
        "",
    ],
)
def test_whatever_else_is_left_to_the_longer_look(body: str) -> None:
    assert read_flat(Hour, body.encode(), {}) is None
    with pytest.raises(Problem):
        validate(Hour, parse_json(body.encode()), settings={})


def test_what_is_no_utf8_is_left_to_the_longer_look() -> None:
    assert read_flat(Hour, FLAT.encode() + b', "\xff": 1}', {}) is None
