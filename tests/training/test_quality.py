import datetime as dt

import numpy as np
import pandas as pd
import pytest

from training import quality

START = dt.datetime(2012, 6, 1)
END = START + dt.timedelta(days=4)


def hours(days: int = 30, **columns: object) -> pd.DataFrame:
    """Return hours up to the end whose numbers change all the time."""
    index = pd.date_range(end=END, periods=24 * days, freq="h", inclusive="left")
    changing = np.arange(len(index)) % 7 + 10.0
    frame = pd.DataFrame({"datetime": index, **dict.fromkeys(quality.NUMBERS, changing)})
    return frame.assign(**columns)


def test_missing_hours_are_told_by_the_stretch() -> None:
    frame = hours()
    absent = frame["datetime"].between(START, START + dt.timedelta(hours=1))
    absent |= frame["datetime"] == END - dt.timedelta(hours=1)
    first, last = quality.missing(frame[~absent], START, END)
    assert (first.first, first.last, first.hours) == (START, START + dt.timedelta(hours=1), 2)
    assert (last.first, last.hours) == (END - dt.timedelta(hours=1), 1)


def test_the_hour_that_the_clock_skips_is_not_missing() -> None:
    day = dt.datetime(2012, 3, 11)
    frame = pd.DataFrame({"datetime": pd.date_range(day, periods=24, freq="h")}).drop(index=[2, 5])
    (stretch,) = quality.missing(frame, day, day + dt.timedelta(days=1), "America/New_York")
    assert stretch.first.hour == 5


def test_nothing_is_missing_from_whole_days() -> None:
    assert quality.missing(hours(), START, END) == []


def test_all_hours_are_missing_where_there_is_none() -> None:
    (stretch,) = quality.missing(hours().iloc[:0], START, END)
    assert stretch.hours == 96


@pytest.mark.parametrize(("length", "count"), [(23, 0), (24, 1)])
def test_a_day_of_the_same_value_is_stuck(length: int, count: int) -> None:
    frame = hours()
    frame.loc[frame.index[-length:], "humidity"] = 55.5
    assert len(quality.stuck(frame, START, END)) == count


def test_a_long_run_before_makes_a_long_run_natural() -> None:
    frame = hours()
    frame.loc[100:119, "humidity"] = 100.0
    frame.loc[frame.index[-29:], "humidity"] = 99.0
    assert quality.stuck(frame, START, END) == []
    frame.loc[frame.index[-30:], "humidity"] = 99.0
    (run,) = quality.stuck(frame, START, END)
    assert (run.name, run.hours, run.value) == ("humidity", 30, 99.0)
    assert run.first == END - dt.timedelta(hours=30)


def test_a_value_that_has_been_stuck_for_weeks_stays_stuck() -> None:
    frame = hours()
    frame.loc[frame.index[-500:], "windspeed"] = 3.0
    (run,) = quality.stuck(frame, START, END)
    assert run.hours == 500


def test_impossible_values_are_told_by_the_stretch() -> None:
    frame = hours()
    frame.loc[frame.index[-3:], "humidity"] = 0.0
    frame.loc[frame.index[-10], "temperature"] = 86.0
    found = {(run.name, run.hours) for run in quality.impossible(frame, START, END)}
    assert found == {("humidity", 3), ("temperature", 1), ("feels_like", 1)}


def test_lateness_is_judged_where_actuals_came_a_few_at_a_time() -> None:
    begun = pd.Series(pd.date_range(START, periods=30, freq="h"))
    loaded = pd.Series([pd.Timestamp(END)] * 27)
    ended = begun.tail(3) + pd.Timedelta(hours=1) - pd.Timedelta(hours=2)  # Berlin's summer in UTC
    single = ended + pd.to_timedelta([1, 2, 48], unit="h")
    told = quality.lateness(begun, pd.concat([loaded, single], ignore_index=True), "Europe/Berlin")
    assert told == quality.Lateness(loaded=27, reported=3, late=1, median=2.0, largest=48.0)


def test_lateness_of_hours_that_were_loaded_is_unknown() -> None:
    begun = pd.Series(pd.date_range(START, periods=30, freq="h"))
    told = quality.lateness(begun, pd.Series([pd.Timestamp(END)] * 30), "UTC")
    assert (told.loaded, told.reported) == (30, 0) and np.isnan(told.median)


def test_hours_that_the_clock_skips_or_repeats_are_judged_too() -> None:
    begun = pd.Series(pd.to_datetime(["2012-03-11T02:00", "2012-11-04T01:00"]))
    told = quality.lateness(begun, begun + pd.Timedelta(hours=8), "America/New_York")
    assert told.reported == 2 and told.late == 0
