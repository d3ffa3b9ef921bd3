"""The one place where features are made: for 1 row and for 100,000, in training and in serving.

Every count of rentals among the features is divided by the trailing level at `as_of` (`level`,
the mean of 28 days), because demand grows and a forest cannot extrapolate. Rentals after `as_of`
never matter. What is unknown is `UNKNOWN`, also the level itself if less than a day is known.

The weather of an hour before the predicted one is, after `as_of`, that of the batch's row of that
hour; else the stored one; else the fill. The fill of a temperature is the one at the same time of
the newest day that is known at `as_of`, moved by what the row's own temperature differs from that
day's; of all else, and where that day is unknown, the row's own.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.calendar import Calendar
from training.history import HOURS_PER_WEEK, NO_HISTORY, Floats, History, Ints

HORIZONS = (1, 24, 48, 168)
UNKNOWN = -1.0
REQUEST = (
    "horizon",
    "hour",
    "weekday",
    "working_day",
    "holiday",
    "day_of_year",
    "working_yesterday",
    "working_tomorrow",
    "weather",
    "temperature",
    "humidity",
    "windspeed",
    "temperature_1h_ago",
    "temperature_2h_ago",
    "temperature_3h_ago",
    "weather_1h_ago",
    "weather_2h_ago",
    "weather_3h_ago",
    "humidity_1h_ago",
    "humidity_2h_ago",
    "humidity_3h_ago",
    "temperature_day_mean",
    "temperature_day_max",
    "rain_6h",
    "rain_day",
)
"""What needs no rentals: `horizon` in hours, calendar, weather (°C, %, km/h), also of the hours
before; mean and highest temperature of 24 hours, and the share of 6 and 24 hours with
precipitation. A holiday at a weekend counts as a weekend. `feels_like` is no feature: it follows
from temperature, humidity and wind."""
PATTERN = (
    "level_temperature",
    "level_rain",
    "week_temperature",
    "week_level",
    "day_level",
    "typical",
    "typical_3",
    "analog",
    "analog_weight",
)
"""The level's own weather (mean temperature and share of precipitation of its 28 days), temperature
and mean of the last 7 days, mean of the last 24 hours; the mean of this hour of the day on the
last 6 and 3 days of the same kind (working or not); and the same hours of the last 28 days weighted
by how alike they are in kind, temperature, precipitation and date, with the sum of these weights
(a Nadaraya-Watson kernel mean)."""
MOMENTUM = (
    "last",
    "last_but_one",
    "last_but_two",
    "same_hour_1d",
    "same_hour_2d",
    "same_hour_3d",
    "same_hour_1w",
    "same_hour_2w",
    "growth_ratio",
    "growth_sum",
    "growth_day",
    "growth_week",
)
"""The last three known hours; the newest known same hours of the day and of the week; and what the
last one would grow to by now: as the typical day does, in ratio and in sum, and as the newest day
and week did. Growth is known up to `GROWS` hours ahead."""
FEATURES = ("level", *REQUEST, *PATTERN, *MOMENTUM)
"""Columns of the matrix: `level` in rentals, then the three groups above."""

LEVEL = FEATURES.index("level")
HORIZON = FEATURES.index("horizon")
GROWS = 23
DAYS = 28
REACH = 24 * DAYS
"""No observation that is older than so many hours before `as_of` matters."""


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


def build(
    rows: Rows,
    history: History,
    calendar: Calendar,
    alone: NDArray[np.bool_] | None = None,
    *,
    as_known: bool = False,
) -> NDArray[np.float32]:
    """Return the feature matrix, float32[n, len(FEATURES)].

    An `as_of` without an observation is moved back to the newest one before it. Rows marked in
    `alone` get the weather after their `as_of` from nowhere but themselves, as a single request for
    the future does; by default a row gets what the batch and the history have. With `as_known` the
    history has nothing after a row's `as_of`, as it was when that hour was the newest.
    """
    as_of = history.newest_before(rows.as_of)
    state = history.state(as_of)
    level = state[:, 0]
    # A level of zero (a month without a rental) is no scale either; the comparison fails for NaN.
    usable = level > 0
    if not usable.all():
        level = np.where(usable, level, np.nan)
        as_of = np.where(usable, as_of, NO_HISTORY)
    horizon = rows.hour - as_of
    # The newest same hours of the day that are known, this many hours before the predicted one.
    back = 24 * _steps(horizon, 24)

    matrix = np.empty((len(level), len(FEATURES)), np.float32)
    matrix[:, LEVEL] = level
    matrix[:, HORIZON] = np.where(usable, horizon, UNKNOWN)
    _fill_calendar(matrix[:, _CALENDAR], rows, calendar)
    _fill_weather(matrix[:, _WEATHER], rows, history, as_of, back, alone, as_known)
    matrix[:, _STATE] = state[:, 1:]
    matrix[:, _DAILY] /= level[:, None]
    own: list[NDArray[Any]] = [rows.hour, horizon, back, level, rows.temperature]
    own += [rows.weather >= _RAIN, matrix[:, _WORKING_DAY] == 1]
    working = history.working_days(calendar)
    for start in range(0, len(level), _CHUNK):
        part = slice(start, start + _CHUNK)
        _fill_rentals(matrix[part, _RENTALS], history, working, *(each[part] for each in own))
    matrix[np.isnan(matrix)] = UNKNOWN
    return matrix


def _at(first: str, last: str) -> slice:
    return slice(FEATURES.index(first), FEATURES.index(last) + 1)


_CALENDAR = _at("hour", "working_tomorrow")
_WEATHER = _at("weather", "rain_day")
_STATE = _at("level_temperature", "day_level")
_DAILY = _at("week_level", "day_level")
_RENTALS = _at("typical", "growth_week")
_WORKING_DAY = FEATURES.index("working_day")
_CHUNK = 8192
"""Rows at once: what is looked up for them then fits in the processor's cache."""


def _fill_calendar(columns: NDArray[np.float32], rows: Rows, calendar: Calendar) -> None:
    day = calendar.days(rows.hour)
    columns[:, 0] = rows.hour % 24
    columns[:, 1:] = day
    stated = rows.holiday >= 0
    if stated.any():
        holiday = (rows.holiday == 1) & (day[:, 0] < 5)
        columns[:, 3] = np.where(stated, holiday, day[:, 2])
        columns[:, 2] = np.where(stated, ~holiday & (day[:, 0] < 5), day[:, 1])


def _fill_weather(
    columns: NDArray[np.float32],
    rows: Rows,
    history: History,
    as_of: Ints,
    back: Ints,
    alone: NDArray[np.bool_] | None,
    as_known: bool,
) -> None:
    own = rows.weather, rows.temperature, rows.humidity
    hours = rows.hour[:, None] - _DAY
    cells = history.cells(hours)
    weather = history.weather[cells]
    temperature = history.temperature[cells]
    humidity = history.humidity[cells[:, :3]]
    after = hours > as_of[:, None]
    if as_known:
        later = hours > rows.as_of[:, None]
        weather[later], temperature[later], humidity[later[:, :3]] = -1, np.nan, np.nan
    if len(as_of) > 1 and after.any():
        at, found = _batch(rows, hours)
        found &= after
        np.copyto(weather, rows.weather[at], where=found)
        np.copyto(temperature, rows.temperature[at], where=found)
        np.copyto(humidity, rows.humidity[at[:, :3]], where=found[:, :3])
    if alone is not None:
        hidden = after & alone[:, None]
        weather[hidden], temperature[hidden], humidity[hidden[:, :3]] = -1, np.nan, np.nan
    unknown = weather < 0
    if unknown.any():
        newest_day = history.temperature[history.cells(hours - back[:, None])]
        moved = own[1] - history.temperature[history.cells(rows.hour - back)]
        fill = newest_day + moved[:, None]
        fill = np.where(np.isnan(fill), own[1][:, None], fill)
        weather = np.where(unknown, own[0][:, None], weather)
        temperature = np.where(np.isnan(temperature), fill, temperature)
        humidity = np.where(np.isnan(humidity), own[2][:, None], humidity)
    columns[:, 0] = own[0]
    columns[:, 1] = own[1]
    columns[:, 2] = own[2]
    columns[:, 3] = rows.windspeed
    columns[:, 4:7] = temperature[:, :3]
    columns[:, 7:10] = weather[:, :3]
    columns[:, 10:13] = humidity
    columns[:, 13] = (np.add.reduce(temperature, axis=1) + own[1]) / 24
    columns[:, 14] = np.maximum(np.maximum.reduce(temperature, axis=1), own[1])
    rain = weather >= _RAIN
    raining = own[0] >= _RAIN
    columns[:, 15] = (np.add.reduce(rain[:, :5], axis=1, dtype=np.int64) + raining) / 6
    columns[:, 16] = (np.add.reduce(rain, axis=1, dtype=np.int64) + raining) / 24


_DAY = np.arange(1, 24)
_RAIN = 2


def _batch(rows: Rows, hours: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """Return which row says the weather of each hour, and whether one does.

    Of several rows of an hour one is taken that does not depend on their order.
    """
    order = np.lexsort((rows.humidity, rows.temperature, rows.weather, rows.hour))
    known = rows.hour[order]
    at = np.searchsorted(known, hours)
    at[at == len(known)] = 0
    return order[at], known[at] == hours


def _fill_rentals(
    columns: NDArray[np.float32],
    history: History,
    working_days: NDArray[np.bool_],
    hour: Ints,
    horizon: Ints,
    back: Ints,
    level: Floats,
    temperature: Floats,
    raining: NDArray[np.bool_],
    working: NDArray[np.bool_],
) -> None:
    # One look-up for all: numpy's cost for a single row is a cost per call. All sums are along the
    # last axis, so that they are the same to the last bit for one row and for many.
    grows = horizon <= GROWS
    growth = bool(grows.any())
    asked = np.empty((len(level), _ASKED if growth else DAYS + 5), np.int64)
    newest = hour - back
    week = hour - HOURS_PER_WEEK * _steps(horizon, HOURS_PER_WEEK)
    asked[:, :DAYS] = newest[:, None] - _LAST_DAYS
    asked[:, DAYS : DAYS + 3] = (hour - horizon)[:, None] - _LAST_HOURS
    asked[:, DAYS + 3 : DAYS + 5] = week[:, None] - _WEEKS
    if growth:
        asked[:, DAYS + 5 : -1] = asked[:, :DAYS] - horizon[:, None]
        asked[:, -1] = week - horizon
    cells = history.cells(asked)
    rentals = history.rentals[cells] / level[:, None]
    known = ~np.isnan(rentals)
    counted = np.where(known, rentals, 0.0)
    days = cells[:, :DAYS]
    same_kind = (working_days[days] == working[:, None]) & known[:, :DAYS]
    number = np.add.accumulate(same_kind, axis=1, dtype=np.int64)

    # The same hours of the last days, weighted in four ways.
    weights = np.empty((len(level), 4 if growth else 3, DAYS))
    np.logical_and(same_kind, number <= 6, out=weights[:, 0], casting="unsafe")
    np.logical_and(same_kind, number <= 3, out=weights[:, 1], casting="unsafe")
    apart = history.temperature[days] - temperature[:, None]
    same_rain = (history.weather[days] >= _RAIN) == raining[:, None]
    alike = np.exp(apart * apart * -0.02) * np.where(same_rain, _RECENCY, 0.15 * _RECENCY)
    # What is known but nothing alike still counts where nothing else is there.
    weights[:, 2] = np.where(same_kind & (alike > 0), alike, 0.0) + 1e-9 * known[:, :DAYS]
    if growth:
        before = slice(DAYS + 5, -1)
        weights[:, 3] = weights[:, 0] * known[:, before]
    total = np.add.reduce(weights, axis=2)
    total[total == 0] = np.nan
    mean = np.add.reduce(weights * counted[:, None, :DAYS], axis=2) / total

    columns[:, :3] = mean[:, :3]
    columns[:, 3] = total[:, 2]
    columns[:, 4:7] = rentals[:, DAYS : DAYS + 3]
    columns[:, 7:10] = rentals[:, :3]
    columns[:, 10:12] = rentals[:, DAYS + 3 : DAYS + 5]
    if not growth:
        columns[:, 12:] = UNKNOWN
        return
    last, least = rentals[:, DAYS], 3.0 / level
    typical_before = np.add.reduce(weights[:, 3] * counted[:, before], axis=1) / total[:, 3]
    columns[:, 12] = last * mean[:, 3] / np.maximum(typical_before, least)
    columns[:, 13] = last + mean[:, 3] - typical_before
    columns[:, 14] = last * rentals[:, 0] / np.maximum(rentals[:, DAYS + 5], least)
    columns[:, 15] = last * rentals[:, DAYS + 3] / np.maximum(rentals[:, -1], least)
    columns[:, 12:] = np.where(grows[:, None], np.minimum(columns[:, 12:], 30.0), UNKNOWN)


_ASKED = 2 * DAYS + 6
_LAST_DAYS = 24 * np.arange(DAYS)
_LAST_HOURS = np.arange(3)
_WEEKS = HOURS_PER_WEEK * np.arange(2)
_RECENCY = 0.5 ** (np.arange(DAYS) / 10)


def _steps(horizon: Ints, length: int) -> Ints:
    """Return how many steps of so many hours lead back from the hour to `as_of` or before it."""
    return -(-horizon // length)
