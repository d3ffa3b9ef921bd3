"""The one place where features are made: for 1 row and for 100,000, in training and in serving.

Every count of rentals among the features is divided by the trailing level at `as_of` (`level`,
the mean of 28 days), because demand grows and a forest cannot extrapolate. Rentals after `as_of`
never matter. What is unknown is `UNKNOWN`, also the level itself if less than a day is known.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.calendar import Calendar
from training.history import HOURS_PER_WEEK, NO_HISTORY, Floats, History, Ints

HORIZONS = (1, 24, 48, 168)
UNKNOWN = -1.0
FEATURES = (
    "level",
    "horizon",
    "hour",
    "weekday",
    "working_day",
    "holiday",
    "day_of_year",
    "weather",
    "temperature",
    "humidity",
    "windspeed",
    "last",
    "last_but_one",
    "last_but_two",
    "last_surprise",
    "same_hour_of_day",
    "same_hour_of_week",
    "four_weeks",
    "recent_day",
)
"""Columns of the matrix: `level` in rentals, `horizon` in hours, calendar, weather (°C, %, km/h);
from `last` on ratios to the level: the last three known hours, how far the last one was from its
mean over four weeks, the newest known same hour of the day and of the week, the mean of the latter
over four weeks, and the mean of the last 24 hours. A holiday at a weekend counts as a weekend.
`feels_like` is no feature: it follows from temperature, humidity and wind."""

LEVEL = FEATURES.index("level")
HORIZON = FEATURES.index("horizon")


@dataclass(slots=True)
class Rows:
    """Hours to predict, as columns of n values each.

    `as_of` lies before `hour`, or is `NO_HISTORY`; weather is an index into `WEATHER`; holiday is
    1, 0, or -1 for what the calendar says. Units: °C (feels_like may be NaN), %, km/h.
    """

    hour: Ints
    as_of: Ints
    weather: NDArray[np.int8]
    temperature: Floats
    feels_like: Floats
    humidity: Floats
    windspeed: Floats
    holiday: NDArray[np.int8]


def observed_rows(history: History, hours: Ints, as_of: Ints) -> Rows:
    """Return rows for observed hours with the weather and holidays that were observed."""
    cells = history.cells(hours)
    return Rows(
        hour=hours,
        as_of=as_of,
        weather=history.weather[cells],
        temperature=history.temperature[cells],
        feels_like=history.feels_like[cells],
        humidity=history.humidity[cells],
        windspeed=history.windspeed[cells],
        holiday=history.holiday[cells],
    )


def build(rows: Rows, history: History, calendar: Calendar) -> NDArray[np.float32]:
    """Return the feature matrix, float32[n, len(FEATURES)].

    An `as_of` without an observation is moved back to the newest one before it.
    """
    as_of = history.newest_before(rows.as_of)
    level = history.level(as_of)
    # A level of zero (a month without a rental) is no scale either; the comparison fails for NaN.
    usable = level > 0
    level = np.where(usable, level, np.nan)
    as_of = np.where(usable, as_of, NO_HISTORY)
    horizon = rows.hour - as_of
    time = calendar.features(rows.hour)
    weekend = time.weekday >= 5
    holiday = np.where(rows.holiday < 0, calendar.is_holiday(rows.hour), rows.holiday == 1)
    holiday &= ~weekend

    # One look-up for all: numpy's cost for a single row is a cost per call.
    asked = np.empty((len(level), 12), np.int64)
    asked[:, :7] = as_of[:, None] - _BACK
    asked[:, 7] = rows.hour - 24 * _steps(horizon, 24)
    same_hour_of_week = rows.hour - HOURS_PER_WEEK * _steps(horizon, HOURS_PER_WEEK)
    asked[:, 8:] = same_hour_of_week[:, None] - _WEEKS
    ratios = history.rentals_at(asked) / level[:, None]
    surprise = ratios[:, 0] - _mean_of_known(ratios[:, 3:7])

    matrix = np.empty((len(level), len(FEATURES)), np.float32)
    columns = matrix.T
    columns[0] = level
    columns[1] = np.where(usable, horizon, UNKNOWN)
    columns[2] = time.hour
    columns[3] = time.weekday
    columns[4] = ~(weekend | holiday)
    columns[5] = holiday
    columns[6] = time.day_of_year
    columns[7] = rows.weather
    columns[8] = rows.temperature
    columns[9] = rows.humidity
    columns[10] = rows.windspeed
    columns[11:14] = ratios[:, :3].T
    columns[14] = np.where(np.isnan(surprise), 0.0, surprise)
    columns[15:17] = ratios[:, 7:9].T
    columns[17] = _mean_of_known(ratios[:, 8:])
    columns[18] = history.mean(as_of, 24) / level
    matrix[np.isnan(matrix)] = UNKNOWN
    return matrix


_WEEKS = HOURS_PER_WEEK * np.arange(4)
_BACK = np.array([0, 1, 2, *(_WEEKS + HOURS_PER_WEEK)])
"""The last three hours, and the last one's hour of the week in the four weeks before."""


def _steps(horizon: Ints, length: int) -> Ints:
    """Return how many steps of so many hours lead back from the hour to `as_of` or before it."""
    return -(-horizon // length)


def _mean_of_known(values: Floats) -> Floats:
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
