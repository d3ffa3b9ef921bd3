"""Poison of the newest weeks is found on the real history, and nothing else is."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from training.calendar import Calendar
from training.checks import find, invalid
from training.train import TrainingRejected, train

ENDS = (
    *("2011-05-15", "2011-09-01", "2011-11-06", "2012-01-02", "2012-03-25"),
    *("2012-05-01", "2012-07-04", "2012-08-20", "2012-11-05", "2013-01-01"),
)
"""Spring growth, Irene, both clock changes, Sandy and two Christmases among them."""


def until(frame: pd.DataFrame, end: str, days: int = 731) -> pd.DataFrame:
    """The history as it stood, the oldest part left out."""
    since = pd.Timestamp(end) - pd.Timedelta(days=days)
    known = frame[(frame["datetime"] < end) & (frame["datetime"] >= since)]
    return known.reset_index(drop=True)


def poisoned(frame: pd.DataFrame, weeks: int, column: str, how: str) -> pd.DataFrame:
    """The history with its newest weeks spoilt."""
    newest = frame["datetime"] > frame["datetime"].iloc[-1] - pd.Timedelta(weeks=weeks)
    values = frame.loc[newest, column].to_numpy(float)
    spoilt = {
        "shuffled": lambda: np.random.default_rng(0).permutation(values),
        "constant": lambda: np.full(len(values), values[0]),
        "zero": lambda: np.zeros(len(values)),
        "three times": lambda: 3 * values,
        "a third": lambda: np.round(values / 3),
        "six hours late": lambda: np.roll(values, 6),
        "in °F": lambda: values * 1.8 + 32,
        "as a share": lambda: values / 100,
        "in m/s": lambda: values / 3.6,
        "unknown": lambda: np.full(len(values), np.nan),
    }
    copy = frame.astype({column: float})
    copy.loc[newest, column] = spoilt[how]()
    return copy


@pytest.mark.parametrize(
    ("column", "how", "checks"),
    [
        ("rentals", "shuffled", {"pattern"}),
        ("rentals", "six hours late", {"pattern"}),
        ("rentals", "constant", {"stuck"}),
        ("rentals", "zero", {"stuck"}),
        ("rentals", "three times", {"level", "multiples"}),
        ("rentals", "a third", {"level"}),
        ("rentals", "unknown", {"range"}),
        ("humidity", "constant", {"stuck"}),
        ("temperature", "in °F", {"weather", "range"}),
    ],
)
def test_poison_is_found_wherever_the_history_ends(
    frame: pd.DataFrame, calendar: Calendar, column: str, how: str, checks: set[str]
) -> None:
    for end in ENDS:
        for weeks in (1, 2, 3, 4, 6, 8, 12):
            if weeks == 1 and column == "temperature":
                continue  # a week may really be as hot as that
            spoilt = poisoned(until(frame, end), weeks, column, how)
            found = invalid(spoilt) or find(spoilt, calendar)
            assert checks & {finding["check"] for finding in found}, (end, weeks)


@pytest.mark.parametrize(("column", "how"), [("humidity", "as a share"), ("windspeed", "in m/s")])
def test_a_change_of_unit_is_found(
    frame: pd.DataFrame, calendar: Calendar, column: str, how: str
) -> None:
    (found,) = find(poisoned(until(frame, "2012-10-01"), 2, column, how), calendar)
    assert (found["check"], found["first"], found["last"]) == (
        "weather",
        "2012-09-17",
        "2012-09-30",
    )


@pytest.mark.parametrize("days", [100, 120, 380, 731])
def test_no_real_history_is_doubted(frame: pd.DataFrame, calendar: Calendar, days: int) -> None:
    first = frame["datetime"].iloc[0] + pd.Timedelta(days=120)
    ends = [*ENDS, *pd.date_range(first, "2013-01-01", periods=20).strftime("%Y-%m-%dT%H:00")]
    assert {end: find(until(frame, end, days), calendar) for end in ends} == {
        end: [] for end in ends
    }


def test_no_month_of_the_real_history_is_doubted(frame: pd.DataFrame, calendar: Calendar) -> None:
    months = pd.date_range("2011-04-01", "2013-01-01", freq="MS").strftime("%Y-%m-%d")
    found = {
        (end, days): find(until(frame, end, days), calendar) for end in months for days in (90, 731)
    }
    assert not any(found.values()), found


@pytest.mark.parametrize("how", ["three times", "a third"])
@pytest.mark.parametrize("days", [120, 300])
def test_one_week_is_found_without_another_year(
    frame: pd.DataFrame, calendar: Calendar, how: str, days: int
) -> None:
    for end in ENDS:
        assert find(poisoned(until(frame, end, days), 1, "rentals", how), calendar), end


def test_what_was_counted_thrice_is_found_though_its_level_is_likely(
    frame: pd.DataFrame, calendar: Calendar
) -> None:
    (found,) = find(poisoned(frame, 1, "rentals", "three times"), calendar)  # after Christmas
    assert (found["check"], found["first"], found["last"]) == (
        "multiples",
        "2012-12-25",
        "2012-12-31",
    )
    assert found["detail"] == "all rentals are multiples of 3, as if each was counted 3 times"
    assert find(frame.assign(rentals=3 * frame["rentals"]), calendar) == []


def test_a_small_system_is_not_doubted(frame: pd.DataFrame, calendar: Calendar) -> None:
    random = np.random.default_rng(0)
    small = frame.assign(rentals=random.poisson(frame["rentals"] / 50).astype(float))
    open_hours = small[small["datetime"].dt.hour.between(6, 21)]
    for end in ENDS:
        assert find(until(small, end), calendar) == []
        assert find(until(open_hours, end), calendar) == []


def test_a_finding_names_days_and_what_is_wrong(frame: pd.DataFrame, calendar: Calendar) -> None:
    (found,) = find(poisoned(frame, 2, "rentals", "three times"), calendar)
    assert (found["first"], found["last"]) == ("2012-12-18", "2012-12-31")
    assert found["detail"].startswith("rentals are 2.13 times what the weeks before")
    (found,) = invalid(poisoned(frame, 2, "rentals", "unknown"))
    assert (found["first"], found["last"]) == ("2012-12-18", "2012-12-31")
    assert found["detail"].endswith("in 334 hours, such as nan")


def test_missing_hours_are_found(frame: pd.DataFrame, calendar: Calendar) -> None:
    newest = frame["datetime"] >= "2012-12-04"
    (found,) = find(frame[~newest | (frame["datetime"].dt.hour % 3 > 0)], calendar)
    assert found["check"] == "missing hours"
    assert found["detail"] == "33% of the hours are missing, 1% before"


def test_a_column_that_never_changed_is_how_it_is_measured(
    frame: pd.DataFrame, calendar: Calendar
) -> None:
    assert find(frame.assign(humidity=50.0), calendar) == []


def test_nothing_is_fitted_on_doubtful_data(frame: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(TrainingRejected, match="2012-12-18 to 2012-12-31: rentals") as caught:
        train(
            poisoned(frame, 2, "rentals", "shuffled"),
            directory=tmp_path,
            tracking_uri="sqlite:///nowhere/mlflow.db",
            artifact_location="",
            holidays="US-DC",
        )
    assert [finding["check"] for finding in caught.value.findings] == ["pattern"]
    assert not list(tmp_path.iterdir())
