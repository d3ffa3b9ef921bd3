from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training import features, tables
from training.calendar import Calendar
from training.evaluate import metrics, seasonal_naive
from training.features import (
    FEATURES,
    MOMENTUM,
    PATTERN,
    REACH,
    UNKNOWN,
    Rows,
    build,
    observed_rows,
)
from training.history import NO_HISTORY, History, as_hours
from training.tables import RAIN

COLUMN = {name: index for index, name in enumerate(FEATURES)}


def one(rows: Rows, index: int) -> Rows:
    """One of the rows."""
    return Rows(*(getattr(rows, field.name)[[index]] for field in fields(rows)))


def test_one_row_is_the_same_as_in_many(history: History, calendar: Calendar) -> None:
    hours = history.hours[3000:4000]
    rows = observed_rows(history, hours, hours - np.resize([1, 24, 48, 168, 700], 1000))
    many = build(rows, history, calendar)
    for index in range(0, 1000, 9):
        assert np.array_equal(build(one(rows, index), history, calendar)[0], many[index])


def test_what_is_kept_of_an_hour_fits_any_weather_and_holiday(
    history: History, calendar: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "_KEPT", 5)
    hours = np.repeat(history.hours[3000:3600:60], 3)  # too far apart to be each other's past
    rows = observed_rows(history, hours, hours - np.resize(np.repeat([1, 24, 168], 3), 30))
    rows.temperature[1::3] += 3.0
    rows.weather[1::3] = RAIN
    rows.holiday[2::3] = 1
    many = build(rows, history, calendar)
    for index in [*range(30), *range(30)]:
        assert np.array_equal(build(one(rows, index), history, calendar)[0], many[index])
    assert 0 < len(tables.of(history, calendar).kept) <= 5


def test_ten_years_are_no_more_than_two(frame: pd.DataFrame, calendar: Calendar) -> None:
    """Eight years ago another hour was observed: nothing of now depends on it."""
    long_ago = frame.iloc[:1].assign(datetime=frame["datetime"].iloc[0] - pd.DateOffset(years=8))
    now, long = (History.from_frame(part) for part in (frame, pd.concat([long_ago, frame])))
    hours = now.hours[-200:]
    built = [build(observed_rows(h, hours, hours - 24), h, calendar) for h in (now, long)]
    assert np.array_equal(*built)


@settings(max_examples=60, deadline=None)
@given(
    position=st.integers(0, 17_378),
    horizon=st.integers(1, 1000),
    poison=st.sampled_from([0.0, 1e9, -1.0, np.nan, np.inf]),
)
def test_rentals_after_as_of_never_matter(
    history: History, frame: pd.DataFrame, position: int, horizon: int, poison: float
) -> None:
    hours = as_hours(frame["datetime"].to_numpy())
    hour = hours[[position]]
    future = hours > hour - horizon
    poisoned = frame.assign(
        rentals=frame["rentals"].mask(future, poison), casual=poison, registered=poison
    )
    calendar = Calendar("US-DC")
    rows = observed_rows(history, hour, hour - horizon)
    expected = build(rows, history, calendar)
    assert np.array_equal(build(rows, History.from_frame(poisoned), calendar), expected)


def test_rentals_before_as_of_do_matter(
    history: History, frame: pd.DataFrame, calendar: Calendar
) -> None:
    hour = history.hours[[9000]]
    rows = observed_rows(history, hour, hour - 24)
    doubled = History.from_frame(frame.assign(rentals=frame["rentals"] * 2))
    before, after = build(rows, history, calendar)[0], build(rows, doubled, calendar)[0]
    assert after[COLUMN["level"]] == pytest.approx(2 * before[COLUMN["level"]])
    assert np.allclose(after[1:], before[1:], rtol=1e-4)


@pytest.mark.parametrize("horizon", [1, 23, 24, 500])
def test_nothing_beyond_its_reach_matters(
    history: History, frame: pd.DataFrame, calendar: Calendar, horizon: int
) -> None:
    hour = history.hours[[9000]]
    rows = observed_rows(history, hour, hour - horizon)
    expected = build(rows, history, calendar, as_known=True)
    hours = as_hours(frame["datetime"].to_numpy())
    reached = (hours >= hour - horizon - REACH) & (hours <= hour - horizon)
    recent = History.from_frame(frame[reached])
    assert np.array_equal(build(rows, recent, calendar, as_known=True), expected)


def test_what_its_reach_holds_matters(
    history: History, frame: pd.DataFrame, calendar: Calendar
) -> None:
    hour = history.hours[[9000]]
    rows = observed_rows(history, hour, hour - 1)
    first = as_hours(frame["datetime"].to_numpy()) == hour - REACH
    changed = History.from_frame(frame.assign(rentals=frame["rentals"].mask(first, 5000)))
    assert not np.array_equal(build(rows, changed, calendar), build(rows, history, calendar))


def test_as_of_in_a_gap_is_moved_back(history: History, calendar: Calendar) -> None:
    hours = as_hours(np.array(["2012-10-30T20"], "datetime64[h]"))
    in_storm, before_it = (
        as_hours(np.array([text], "datetime64[h]")) for text in ("2012-10-29T15", "2012-10-29T00")
    )
    rows = observed_rows(history, hours, in_storm)
    moved = build(replace(rows, as_of=before_it), history, calendar)
    assert np.array_equal(build(rows, history, calendar), moved)
    assert moved[0, COLUMN["horizon"]] == 44


def test_without_history_all_of_it_is_unknown(history: History, calendar: Calendar) -> None:
    rows = observed_rows(history, history.hours[:1], np.array([NO_HISTORY]))
    row = build(rows, history, calendar)[0]
    assert (row[[COLUMN["level"], COLUMN["horizon"]]] == UNKNOWN).all()
    names = (*PATTERN[3:], *MOMENTUM)
    assert all(row[COLUMN[name]] in (UNKNOWN, 0.0) for name in names)
    assert np.array_equal(row[:2], build(rows, History.empty(), calendar)[0, :2])


def test_month_without_a_rental_is_no_level(frame: pd.DataFrame, calendar: Calendar) -> None:
    history = History.from_frame(frame.head(1000).assign(rentals=0.0))
    row = build(observed_rows(history, history.hours[-1:], history.hours[-2:-1]), history, calendar)
    assert row[0, COLUMN["level"]] == UNKNOWN
    assert np.isfinite(row).all()


def test_stated_holiday_wins_over_the_calendar(history: History, calendar: Calendar) -> None:
    christmas = as_hours(np.array(["2012-12-25T08"], "datetime64[h]"))
    rows = observed_rows(history, christmas, christmas - 24)
    stated = [
        build(replace(rows, holiday=np.array([code], np.int8)), history, calendar)[0]
        for code in (-1, 1, 0)
    ]
    assert [row[COLUMN["holiday"]] for row in stated] == [1, 1, 0]
    assert [row[COLUMN["working_day"]] for row in stated] == [0, 0, 1]


def future(calendar: Calendar, history: History, count: int) -> Rows:
    """Hours after the history, each warmer than the one before, the second with rain."""
    hours = history.hours[-1] + np.arange(1, count + 1)
    temperature = np.arange(count, dtype=float)
    weather = np.where(np.arange(count) == 1, 2, 0).astype(np.int8)
    as_of = np.full(count, history.hours[-1])
    unknown = np.full(count, -1, np.int8)
    return Rows(hours, as_of, weather, temperature, temperature, temperature, temperature, unknown)


def test_weather_since_then_is_the_batchs(history: History, calendar: Calendar) -> None:
    rows = future(calendar, history, 6)
    row = build(rows, history, calendar)[3]
    assert [row[COLUMN[f"temperature_{n}h_ago"]] for n in (1, 2, 3)] == [2, 1, 0]
    assert row[COLUMN["weather_2h_ago"]] == 2
    shuffled = np.array([3, 5, 1, 0, 2, 4, 3])
    mixed = Rows(*(getattr(rows, field.name)[shuffled] for field in fields(rows)))
    assert np.array_equal(build(mixed, history, calendar)[0], row)


def test_weather_that_nobody_knows_is_the_rows_own(history: History, calendar: Calendar) -> None:
    rows = one(future(calendar, history, 6), 3)
    row = build(rows, history, calendar)[0]
    assert row[COLUMN["weather_2h_ago"]] == 0
    day_before = history.cells(rows.hour - 24 - np.array([0, 1]))
    now, hour_ago = history.temperature[day_before]
    assert row[COLUMN["temperature_1h_ago"]] == pytest.approx(3.0 + hour_ago - now, abs=1e-4)


@pytest.mark.parametrize("horizon", [1, 5, 24, 48])
def test_alone_is_what_a_single_request_gets(
    history: History, frame: pd.DataFrame, calendar: Calendar, horizon: int
) -> None:
    known = History.from_frame(frame[:9000])
    hours = history.hours[9000 + horizon - 1 : 9000 + horizon]
    rows = observed_rows(history, hours, known.hours[-1:])
    alone = build(rows, history, calendar, np.array([True]))
    assert np.array_equal(build(rows, known, calendar), alone)


def test_a_day_counts_as_typical_only_if_it_is_of_the_same_kind(
    history: History, frame: pd.DataFrame, calendar: Calendar
) -> None:
    monday = as_hours(np.array(["2012-06-11T08"], "datetime64[h]"))
    rows = observed_rows(history, monday, monday - 1)
    times = pd.date_range("2012-06-04T08", "2012-06-08T08", freq="D")
    expected = frame.set_index("datetime").loc[times, "rentals"].iloc[-3:].mean()
    row = build(rows, history, calendar)[0]
    assert row[COLUMN["typical_3"]] * row[0] == pytest.approx(expected, rel=1e-5)


def test_metrics_are_exact() -> None:
    actual, predicted = np.array([10.0, 20.0, 30.0, 40.0]), np.array([12.0, 20.0, 27.0, 40.0])
    found = metrics(actual, predicted, predicted - 2.0, predicted + 2.0)
    assert found == {
        "mae": 1.25,
        "rmse": pytest.approx(np.sqrt(13 / 4)),
        "r2": pytest.approx(1 - 13 / 500),
        "bias": -0.25,
        "coverage": 0.75,
        "width": 4.0,
    }


def test_seasonal_naive_is_the_newest_known_week(history: History) -> None:
    hours = as_hours(np.array(["2012-12-20T08"], "datetime64[h]"))
    for horizon, weeks in ((1, 1), (168, 1), (169, 2)):
        expected = history.rentals_at(hours - 168 * weeks)
        assert seasonal_naive(hours, history, hours - horizon) == expected
    # A week after the storm its hours are unknown, so the week before it counts.
    after = as_hours(np.array(["2012-11-05T12"], "datetime64[h]"))
    assert seasonal_naive(after, history, after - 1) == history.rentals_at(after - 336)
