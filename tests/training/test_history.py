import datetime as dt

import numpy as np
import pandas as pd
import pytest

from training.calendar import Calendar
from training.history import NO_HISTORY, History, as_datetimes, as_hours


def small(rentals: list[float], first: int = 1000) -> History:
    """A history of consecutive hours."""
    hours = np.arange(first, first + len(rentals))
    zeros, codes = np.zeros(len(rentals)), np.zeros(len(rentals), np.int8)
    values = np.array(rentals)
    return History(hours, values, codes, zeros, zeros, zeros, zeros, codes)


def test_absent_hour_is_unknown_not_zero(history: History) -> None:
    sandy = as_hours(np.array(["2012-10-29T12"], "datetime64[h]"))
    assert np.isnan(history.rentals_at(sandy)).all()
    assert as_datetimes(history.newest_before(sandy))[0] == np.datetime64("2012-10-29T00:00:00")


def test_level_is_the_mean_of_the_known_hours_of_28_days(frame: pd.DataFrame) -> None:
    hours = as_hours(frame["datetime"].to_numpy())
    end = hours[10_000]
    window = frame["rentals"][(hours > end - 672) & (hours <= end)]
    level = History.from_frame(frame).level(np.array([end]))
    assert level[0] == pytest.approx(window.mean())


def test_level_needs_a_day() -> None:
    level = small([10.0] * 24).level(np.array([1022, 1023, 1023 + 671, 1023 + 672]))
    assert np.isnan(level[0]) and level[1] == 10.0
    assert np.isnan(level[2]) and np.isnan(level[3])


def test_hours_outside_are_unknown() -> None:
    history = small([1.0, np.nan, 3.0])
    asked = np.array([NO_HISTORY, 999, 1000, 1001, 1002, 1003])
    assert history.newest_before(asked).tolist() == [NO_HISTORY] * 2 + [1000, 1000, 1002, 1002]
    assert np.isnan(history.rentals_at(asked)).tolist() == [True, True, False, True, False, True]
    assert (history.first, history.newest) == (1000, 1002)


def test_empty_history_knows_nothing() -> None:
    history = History.empty()
    assert history.newest is None and history.first is None
    assert history.newest_before(np.array([5])).tolist() == [NO_HISTORY]
    assert np.isnan(history.level(np.array([5]))).all()


def test_calendar_knows_holidays_and_weekdays(calendar: Calendar) -> None:
    hours = as_hours(np.array(["2012-12-25T08", "2012-12-26T23", "2012-02-29T00"], "datetime64[h]"))
    assert calendar.is_holiday(hours).tolist() == [True, False, False]
    hour, weekday, day_of_year = calendar.features(hours)
    assert hour.tolist() == [8, 23, 0]
    assert weekday.tolist() == [1, 2, 2]
    assert day_of_year.tolist() == [359, 360, 59]


def test_unknown_place_is_named() -> None:
    with pytest.raises(ValueError, match="'US-ATLANTIS', expected a place"):
        Calendar("US-ATLANTIS")


def test_the_weekend_is_the_countrys() -> None:
    friday = np.array([(dt.date(2024, 3, 1) - dt.date(1970, 1, 1)).days * 24])
    assert [Calendar(place).days(friday)[0, 1] for place in ("QA", "US-DC")] == [0, 1]
