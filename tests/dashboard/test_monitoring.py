"""Exact numbers on small frames."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from training import evaluate
from webapp import monitoring

START = pd.Timestamp("2012-12-03T00:00:00")  # a Monday
COLUMNS = ("actual", "predicted", "lower", "upper")


def frame(*rows: dict[str, Any]) -> pd.DataFrame:
    """Return predictions, an hour after the other, of 100 rentals where nothing else is said."""
    usual = {
        "horizon": 24.0,
        "model_version": 1,
        "source": "backtest",
        "predicted": 100.0,
        "lower": 80.0,
        "upper": 120.0,
        "actual": 100.0,
        "estimated": False,
        "baseline": 100.0,
        "weather": "clear",
        "temperature": 15.0,
        "requested_at": pd.Timestamp("2026-01-01"),
    }
    hours = [{"datetime": START + pd.Timedelta(hours=i)} for i in range(len(rows))]
    return pd.DataFrame([usual | hour | row for hour, row in zip(hours, rows, strict=True)])


def test_scores_hold_the_model_beside_the_baseline() -> None:
    scores = monitoring.scores(
        frame({"actual": 90.0, "baseline": 50.0}, {"actual": 130.0, "baseline": 130.0})
    )
    assert scores is not None
    assert scores.model["mae"] == 20
    assert scores.model["bias"] == -10
    assert scores.model["coverage"] == 0.5
    assert scores.model["width"] == 40
    assert scores.baseline["mae"] == 20
    assert scores.skill == 0


def test_hours_that_have_not_happened_are_not_scored() -> None:
    scores = monitoring.scores(frame({"actual": None}, {"actual": 110.0}))
    assert scores is not None
    assert scores.hours == 1
    assert monitoring.scores(frame({"actual": None})) is None


def test_the_baseline_counts_only_hours_that_have_one() -> None:
    scores = monitoring.scores(frame({"baseline": None}, {"baseline": 70.0}))
    assert scores is not None
    assert scores.baseline["mae"] == 30
    without = monitoring.scores(frame({"baseline": None}))
    assert without is not None
    assert without.skill is None


def test_live_hours_are_preferred_once_there_are_enough() -> None:
    live, rest = [{"source": "live"}] * monitoring.LIVE_LEAST, [{}, {"source": "replay"}]
    assert set(monitoring.pick(frame(*live, *rest))["source"]) == {"live"}
    few = frame(*live[1:], *rest)
    assert list(monitoring.pick(few)["source"]) == ["backtest"]
    assert list(monitoring.pick(few, ("replay",))["source"]) == ["replay"]
    assert set(monitoring.pick(few, ("live",))["source"]) == {"live"}
    assert set(monitoring.pick(few.iloc[:5])["source"]) == {"live"}


def test_live_hours_are_counted_while_they_are_too_few() -> None:
    live = [{"source": "live"}] * monitoring.LIVE_LEAST
    rows = frame(*live, {})
    assert monitoring.few_live_hours(rows) == 0
    assert monitoring.few_live_hours(rows.iloc[1:]) == monitoring.LIVE_LEAST - 1
    assert monitoring.few_live_hours(rows.iloc[1:-1]) == 0  # there is nothing else
    assert monitoring.few_live_hours(rows.iloc[1:], ("backtest",)) == 0


def test_the_last_hours_are_a_day_of_the_last_two() -> None:
    rows = frame(*[{}] * 30)
    newest = rows["datetime"].iloc[-1].to_pydatetime()
    last = monitoring.last_hours(rows, newest)
    assert len(last) == 24 and last["datetime"].iloc[-1] == newest
    assert len(monitoring.last_hours(rows, newest + dt.timedelta(hours=24))) == 24
    assert monitoring.last_hours(rows, newest + dt.timedelta(hours=25)).empty
    assert monitoring.last_hours(rows.iloc[7:], newest).empty


@pytest.mark.parametrize(
    ("error", "told"),
    [(15.0, "worse"), (14.9, "usual"), (6.7, "usual"), (6.6, "better"), (0.0, "better")],
)
def test_an_error_is_judged_by_the_usual_one(error: float, told: str) -> None:
    assert monitoring.verdict(error, 10.0, 1.5) == told


def test_a_day_ahead_is_preferred_unless_it_is_rare() -> None:
    rows = frame({"horizon": 24.0}, *({"horizon": 1.0} for _ in range(3)))
    assert list(monitoring.pick(rows[:3])["horizon"]) == [24.0]
    assert list(monitoring.pick(rows)["horizon"]) == [1.0, 1.0, 1.0]


def test_nothing_to_pick_is_an_empty_frame() -> None:
    assert monitoring.pick(frame({"actual": None})).empty
    assert monitoring.pick(frame({"horizon": None})).empty


def test_the_last_word_is_one_prediction_an_hour() -> None:
    late = pd.Timestamp("2026-01-02")
    rows = frame(
        {"datetime": START, "source": "backtest", "requested_at": late},
        {"datetime": START, "source": "live", "predicted": 1.0},
        {"datetime": START, "source": "live", "predicted": 2.0, "requested_at": late},
    )
    assert list(monitoring.last_word(rows)["predicted"]) == [2.0]


def test_the_last_word_of_a_backtest_is_a_day_ahead() -> None:
    rows = frame(*({"datetime": START, "horizon": h} for h in (1.0, 24.0, 48.0, 168.0)))
    assert list(monitoring.last_word(rows)["horizon"]) == [24.0]


def test_the_last_word_knows_predictions_without_history() -> None:
    assert len(monitoring.last_word(frame({"horizon": None, "source": "live"}))) == 1


@pytest.mark.parametrize(("days", "every"), [(1, "h"), (28, "D"), (365, "W")])
def test_the_longer_the_window_the_longer_the_periods(days: int, every: str) -> None:
    first = dt.datetime(2012, 1, 1)
    assert monitoring.bucket(first, first + dt.timedelta(days=days)) == every


def test_error_over_time_is_by_period() -> None:
    rows = frame(*({"actual": 100.0 + i} for i in range(48)))
    table = monitoring.error_over_time(rows, "D")
    assert list(table["datetime"]) == [START, START + pd.Timedelta(days=1)]
    assert list(table["hours"]) == [24, 24]
    assert list(table["mae"]) == [11.5, 35.5]
    assert list(table["coverage"]) == [21 / 24, 0]


def test_error_by_hour_has_a_cell_for_every_hour_of_the_week() -> None:
    table = monitoring.error_by_hour_and_weekday(frame({}, {"actual": 130.0}))
    assert table.shape == (7, 24)
    assert table.loc[0, 1] == 30
    assert table.loc[6].isna().all()


def test_every_metric_is_measured_over_time_beside_the_baseline() -> None:
    rows = frame(*({"actual": 100.0 + i, "baseline": 110.0 + i} for i in range(24)))
    day = monitoring.error_over_time(rows, "W").iloc[0]
    assert day["datetime"] == START
    known = evaluate.metrics(*(rows[name].to_numpy() for name in COLUMNS))
    assert {name: day[name] for name in known} == pytest.approx(known)
    assert day["baseline_mae"] == day["baseline_bias"] == 10


def test_slices_are_hours_weather_and_temperature() -> None:
    rows = frame({"actual": 90.0, "temperature": 10.0}, {"weather": "mist", "temperature": -1.0})
    table = monitoring.error_by_slice(rows, np.array([True, False])).set_index(["kind", "name"])
    assert table["mae"].to_dict() == {
        ("hours", "night-working"): 10,
        ("hours", "night-free"): 0,
        ("weather", "clear"): 10,
        ("weather", "mist"): 0,
        ("temperature", "-inf"): 0,
        ("temperature", "10"): 10,
    }


def test_the_worst_hours_come_first() -> None:
    rows = frame({"actual": 101.0}, {"actual": 60.0}, {"actual": None}, {"actual": 130.0})
    assert list(monitoring.worst(rows, 2)["actual"]) == [60, 130]


def test_a_sample_is_spread_and_keeps_both_ends() -> None:
    rows = frame(*({} for _ in range(100)))
    shown = monitoring.sample(rows, 10)
    assert len(shown) == 10
    assert shown["datetime"].iloc[-1] == rows["datetime"].iloc[-1]
    assert len(monitoring.sample(rows, 1000)) == 100


@pytest.mark.parametrize(
    ("newest", "demo", "state"),
    [
        (None, True, "none"),
        (dt.datetime(2012, 12, 31, 23), True, "demo"),
        (dt.datetime(2012, 12, 31, 23), False, "late"),
        (dt.datetime(2026, 6, 9), True, "fresh"),
        (dt.datetime(2026, 6, 1), True, "late"),
        (dt.datetime(2026, 6, 10, 23), False, "fresh"),
        (dt.datetime(2026, 6, 12), False, "ahead"),
    ],
)
def test_freshness_never_calls_the_embedded_history_late(
    newest: dt.datetime | None, demo: bool, state: str
) -> None:
    assert monitoring.freshness(newest, dt.datetime(2026, 6, 10), demo=demo) == state
