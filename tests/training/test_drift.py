import datetime as dt
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from training import drift
from training.drift import Drift, faults, season_drift

WEATHER_INPUTS = set(drift.UNITS) - {"rentals", "level"}
STARTS = pd.date_range("2012-01-10", "2012-12-20", periods=12).floor("D")
Fault = Callable[[pd.DataFrame], pd.DataFrame]


def fahrenheit(hours: pd.DataFrame) -> pd.DataFrame:
    return hours.assign(temperature=hours["temperature"] * 1.8 + 32)


def stuck_humidity(hours: pd.DataFrame) -> pd.DataFrame:
    return hours.assign(humidity=hours["humidity"].iloc[0])


def inverted_rain(hours: pd.DataFrame) -> pd.DataFrame:
    rain = hours["weather"].str.endswith("precipitation")
    return hours.assign(weather=np.where(rain, "clear", "light_precipitation"))


def meters_a_second(hours: pd.DataFrame) -> pd.DataFrame:
    return hours.assign(windspeed=hours["windspeed"] / 3.6)


def broken(frame: pd.DataFrame, start: pd.Timestamp, fault: Fault) -> pd.DataFrame:
    """Return the history up to three days after a fault has begun."""
    before = frame[frame["datetime"] < start]
    after = frame[frame["datetime"].between(start, start + pd.Timedelta(hours=71))]
    return pd.concat([before, fault(after)], ignore_index=True)


def months_of_2012(frame: pd.DataFrame) -> list[Drift]:
    ends = pd.date_range("2012-02-01", "2013-01-01", freq="MS")
    return [one for end in ends for one in season_drift(frame, end.to_pydatetime())]


def days_of(values: list[float], name: str = "temperature") -> pd.DataFrame:
    """Return a history of days that are constant in themselves, the last one 2012-12-31."""
    hours = pd.date_range(end="2012-12-31T23", periods=24 * len(values), freq="h")
    frame = pd.DataFrame({"datetime": hours, "weather": "clear"})
    plain = {"temperature": 10.0, "feels_like": 10.0, "humidity": 50.0, "windspeed": 5.0}
    frame = frame.assign(**plain, rentals=100.0)
    return frame.assign(**{name: np.repeat(values, 24)})


def found(drifts: list[Drift], name: str) -> Drift:
    return next(one for one in drifts if one.name == name)


def test_at_most_one_in_ten_feature_months_of_real_weather_is_flagged(frame: pd.DataFrame) -> None:
    weather = [one for one in months_of_2012(frame) if one.name in WEATHER_INPUTS]
    assert len(weather) == 12 * 6
    assert all(one.years == 1 and one.threshold for one in weather)
    assert 1 <= sum(one.flagged for one in weather) <= len(weather) / 10


def test_the_warmest_march_on_record_is_flagged(frame: pd.DataFrame) -> None:
    march = found(season_drift(frame, dt.datetime(2012, 4, 1)), "temperature")
    assert march.flagged
    assert march.since is not None and march.since.month == 3
    assert march.statistic == pytest.approx(4.7, abs=0.1)


def test_rentals_that_grew_by_two_thirds_are_no_alarm(frame: pd.DataFrame) -> None:
    drifts = season_drift(frame, dt.datetime(2012, 10, 1))
    level, rentals = found(drifts, "level"), found(drifts, "rentals")
    assert level.current is not None and level.reference is not None
    assert level.current > 1.5 * level.reference
    assert not rentals.flagged and not level.flagged


def test_rentals_that_halve_are_flagged(frame: pd.DataFrame) -> None:
    halved = frame.copy()
    late = halved["datetime"] >= "2012-09-10"
    halved.loc[late, "rentals"] //= 2
    rentals = found(season_drift(halved, dt.datetime(2012, 9, 24), days=14), "rentals")
    assert rentals.flagged and (rentals.statistic or 0) < -0.3


def test_means_are_those_of_the_window_and_of_the_same_dates_a_year_before() -> None:
    values = [0.0] * 600
    values[-7:] = [8.0] * 7
    values[-7 - 365 - 14 : -365 + 14] = [3.0] * 35
    one = found(season_drift(days_of(values), days=7), "temperature")
    assert (one.current, one.reference, one.statistic, one.years) == (8.0, 3.0, 5.0, 1)


def test_drift_begins_with_the_first_flagged_window() -> None:
    values = list(np.sin(np.arange(760)))
    values[-10:] = [30.0] * 10
    one = found(season_drift(days_of(values), days=7), "temperature")
    assert one.flagged
    # A seventh of 30 °C is enough, and so is what the window before the first one misses.
    assert one.since == dt.datetime(2012, 12, 23)


def test_same_seed_gives_the_same_threshold(frame: pd.DataFrame) -> None:
    assert season_drift(frame) == season_drift(frame)


def test_worst_comes_first(frame: pd.DataFrame) -> None:
    severities = [one.severity for one in season_drift(frame, dt.datetime(2012, 4, 1))]
    assert severities == sorted(severities, reverse=True)


def test_without_an_earlier_year_nothing_is_judged(recent: pd.DataFrame) -> None:
    drifts = season_drift(recent)
    assert {one.years for one in drifts} == {0}
    assert not any(one.flagged or one.threshold for one in drifts)


def test_an_input_that_nobody_measures_is_left_out(frame: pd.DataFrame) -> None:
    without = frame.assign(feels_like=np.nan)
    assert "feels_like" not in {one.name for one in season_drift(without)}


@pytest.mark.parametrize(
    ("fault", "names"),
    [
        (fahrenheit, {"temperature", "felt_difference"}),
        (stuck_humidity, {"humidity"}),
        (inverted_rain, {"precipitation", "rain_contrast", "rain_humidity"}),
    ],
)
@pytest.mark.parametrize("start", STARTS, ids=str)
def test_a_fault_is_found_within_three_days(
    frame: pd.DataFrame, start: pd.Timestamp, fault: Fault, names: set[str]
) -> None:
    assert names & {one.name for one in faults(broken(frame, start, fault))}


def test_wind_in_metres_a_second_is_mostly_found_within_three_days(frame: pd.DataFrame) -> None:
    hits = [
        any(one.name == "windspeed" for one in faults(broken(frame, start, meters_a_second)))
        for start in STARTS
    ]
    assert sum(hits) >= 0.75 * len(STARTS)


def test_fahrenheit_in_both_temperatures_is_found(frame: pd.DataFrame) -> None:
    def both(hours: pd.DataFrame) -> pd.DataFrame:
        return fahrenheit(hours).assign(feels_like=hours["feels_like"] * 1.8 + 32)

    assert "temperature" in {one.name for one in faults(broken(frame, STARTS[0], both))}


def test_sound_days_have_few_faults_and_the_broken_sensor_of_august_2012_is_one(
    frame: pd.DataFrame,
) -> None:
    ends = [end.to_pydatetime() for end in pd.date_range("2012-01-07", "2012-12-31", freq="3D")]
    bad = {end: faults(frame, end) for end in ends if faults(frame, end)}
    assert {"feels_like", "felt_difference"} <= {one.name for one in bad[dt.datetime(2012, 8, 19)]}
    assert len(bad) <= 0.05 * len(ends)


def test_faults_need_no_earlier_year_to_see_a_stuck_sensor(recent: pd.DataFrame) -> None:
    stuck = recent.copy()
    stuck.loc[stuck.index[-50:], "temperature"] = 4.0
    (one,) = [one for one in faults(stuck) if one.name == "temperature"]
    assert (one.kind, one.value) == ("stuck", 4.0)
    assert one.since == stuck["datetime"].iloc[-50]
    assert one.until is None


def test_a_stuck_value_that_has_changed_since_has_an_end(recent: pd.DataFrame) -> None:
    stuck = recent.copy()
    stuck.loc[stuck.index[-60:-10], "temperature"] = 4.0
    changed, end = stuck["datetime"].iloc[-10], stuck["datetime"].iloc[-20].to_pydatetime()
    for found in (faults(stuck), faults(stuck, end)):
        (one,) = [one for one in found if one.name == "temperature"]
        assert one.until == changed - pd.Timedelta(hours=1)


def test_band_holds_the_same_dates_of_the_year_before() -> None:
    band = drift.season_band(
        days_of([float(day) for day in range(760)]), "temperature", dt.datetime(2013, 1, 1), 2
    )
    assert list(band["datetime"]) == [dt.datetime(2012, 12, 30), dt.datetime(2012, 12, 31)]
    assert list(band["value"]) == [758.0, 759.0]
    assert list(band["usual"]) == pytest.approx([210.5, 211.5])  # 365 and 730 days before
