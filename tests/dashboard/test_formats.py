"""Words and numbers as the screen shows them."""

import datetime as dt

import pytest
from flask import Flask

from webapp.dashboard import formats


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (1234567.0, 0, "1,234,567"),
        (-3.25, 1, "−3.2"),
        (-0.04, 1, "0.0"),
        (None, 1, "–"),
        (float("nan"), 1, "–"),
    ],
)
def test_numbers(value: float | None, digits: int, shown: str) -> None:
    assert formats.number(value, digits) == shown


def test_what_is_written_knows_its_value_for_machines() -> None:
    when = dt.datetime(2013, 1, 1, 17)
    written = [
        formats.number(-1249.4),
        formats.signed(279),
        formats.percent(0.3487, 2),
        formats.number(10.8, 1, "°C"),
        formats.interval(440, 1558),
        formats.hour(when),
        formats.day(when),
        formats.number(None),
    ]
    assert [one.data for one in written] == [
        "-1249",
        "279",
        "34.87",
        "10.8",
        "440 to 1558",
        "2013-01-01T17:00",
        "2013-01-01",
        "",
    ]


def test_signed_numbers() -> None:
    assert [formats.signed(value, 1) for value in (2.0, -2.0, 0.0, None)] == [
        "+2.0",
        "−2.0",
        "0.0",
        "–",
    ]


def test_shares_and_counts() -> None:
    assert formats.percent(0.894) == "89\N{NO-BREAK SPACE}%"
    assert formats.hours(1) == "1\N{NO-BREAK SPACE}hour"
    assert formats.hours(2000) == "2,000\N{NO-BREAK SPACE}hours"


def test_hours_name_their_weekday() -> None:
    assert formats.hour(dt.datetime(2012, 12, 5, 8)) == "Wed 5 Dec 2012, 08:00"


def test_moments_are_told_in_the_systems_time_zone() -> None:
    assert formats.moment("2026-07-01T12:00:00.000Z", "America/New_York") == "1 Jul 2026, 08:00"
    assert formats.moment(None, "America/New_York") == "–"


def test_durations() -> None:
    begun = "2026-07-01T12:00:00.000Z"
    assert formats.duration(begun, "2026-07-01T12:03:20.400Z") == "3 min 20 s".replace(
        " ", formats.SPACE
    ).replace("min" + formats.SPACE, "min ")
    assert formats.duration(begun, None) == "–"


@pytest.mark.parametrize(
    ("hours", "shown"),
    [(1.5, "1.5 h"), (47, "47.0 h"), (480, "20 days"), (121_875.9, "14 years")],
)
def test_spans(hours: float, shown: str) -> None:
    assert formats.span(hours).replace(formats.SPACE, " ") == shown


def test_the_time_until_a_training() -> None:
    now = dt.datetime(2026, 7, 1, tzinfo=dt.UTC)
    waits = [dt.timedelta(seconds=5), dt.timedelta(minutes=20), dt.timedelta(days=6)]
    told = [formats.until(now + wait, now).replace(formats.SPACE, " ") for wait in waits]
    assert told == ["now", "in 20 minutes", "in 6 days"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("working_day", "Working day or not"),
        ("odd_name", "Odd name"),
        ("kind of day", "Kind of day"),
    ],
)
def test_features(name: str, shown: str) -> None:
    assert formats.feature(name) == shown


def test_every_feature_has_a_name_that_fits() -> None:
    from training.features import FEATURES

    names = [formats.feature(name) for name in FEATURES]
    assert len(set(names)) == len(names)
    assert max(len(name) for name in names) <= 24


def test_every_parameter_of_the_search_has_a_plain_name() -> None:
    from training.model import GRID

    names = [formats.parameter(name) for name in (*GRID, "trees")]
    assert set(names) == set(formats.PARAMETERS.values())
    assert formats.parameter("forests__odd_name") == "Odd name"


@pytest.mark.parametrize(
    ("value", "shown"), [(0.3, "0,3"), (400, "400"), (None, "–"), ("sqrt", "sqrt"), (True, "True")]
)
def test_settings_are_written_as_the_reader_does(app: Flask, value: object, shown: str) -> None:
    with app.test_request_context("/?lang=fr"):
        assert formats.setting(value) == shown
