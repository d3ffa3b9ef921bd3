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

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from training import tables
from training.calendar import Calendar
from training.history import HOURS_PER_WEEK, NO_HISTORY, Floats, History, Ints
from training.tables import BEFORE, DAYS, RAIN, Tables

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
REACH = 24 * tables.DAYS
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
    apart: bool = False,
) -> NDArray[np.float32]:
    """Return the feature matrix, float32[n, len(FEATURES)].

    An `as_of` without an observation is moved back to the newest one before it. Rows marked in
    `alone` get the weather after their `as_of` from nowhere but themselves, as a single request for
    the future does; by default a row gets what the batch and the history have. With `as_known` the
    history has nothing after a row's `as_of`, as it was when that hour was the newest. Rows `apart`
    know nothing of each other, as if each had come alone.
    """
    table = tables.of(history, calendar)
    cell = rows.as_of - table.origin
    as_of = table.as_of.take(cell, mode="clip")
    state = table.state.take(cell, axis=0, mode="clip")
    level = state[:, 0]
    ahead = rows.hour - as_of

    matrix = np.empty((len(level), len(FEATURES)), np.float32)
    matrix[:, LEVEL] = level
    matrix[:, HORIZON] = ahead
    blind = as_of == NO_HISTORY
    if np.count_nonzero(blind):
        matrix[blind, HORIZON] = UNKNOWN
    raining = rows.weather >= RAIN
    working = _fill_calendar(matrix[:, _CALENDAR], rows, calendar)
    _fill_weather(matrix[:, _WEATHER], rows, raining, as_of, table, alone, as_known, apart)
    matrix[:, _STATE] = state[:, 1:6]
    matrix[:, _LAST] = state[:, 6:]
    kind = (working == 1) * table.kind + raining * table.rain
    for start in range(0, len(level), _CHUNK):
        part = slice(start, start + _CHUNK)
        own = as_of[part], ahead[part], level[part], rows.temperature[part], kind[part]
        _fill_rentals(matrix[part, _RENTALS], *own, history.rentals, table)
    np.copyto(matrix, UNKNOWN, where=np.isnan(matrix))
    return matrix


def _at(first: str, last: str) -> slice:
    return slice(FEATURES.index(first), FEATURES.index(last) + 1)


_CALENDAR = _at("hour", "working_tomorrow")
_WEATHER = _at("weather", "rain_day")
_STATE = _at("level_temperature", "day_level")
_LAST = _at("last", "last_but_two")
_RENTALS = _at("typical", "growth_week")
_CHUNK = 8192
"""Rows at once: what is looked up for them then fits in the processor's cache."""


def _fill_calendar(
    columns: NDArray[np.float32], rows: Rows, calendar: Calendar
) -> NDArray[np.int16]:
    """Return whether it is a working day, 1 or 0."""
    days, columns[:, 0] = np.divmod(rows.hour, 24)
    found = calendar.stated(days, rows.holiday)
    columns[:, 1:] = found
    return found[:, 1]


def _fill_weather(
    columns: NDArray[np.float32],
    rows: Rows,
    raining: NDArray[np.bool_],
    as_of: Ints,
    table: Tables,
    alone: NDArray[np.bool_] | None,
    as_known: bool,
    apart: bool,
) -> None:
    cell = table.after - rows.hour
    past = table.past.take(cell, axis=0, mode="clip")
    complete = table.complete.take(cell, mode="clip")
    if alone is not None:
        complete &= ~alone | (as_of >= rows.hour - 1)
    if as_known:
        complete &= rows.as_of >= rows.hour - 1
    batch = _Batch(rows) if len(as_of) > 1 and not apart else None
    if batch is not None:
        complete &= ~batch.says(rows.hour, as_of)
    if np.count_nonzero(complete) < len(as_of):
        rest = np.flatnonzero(~complete)
        hidden = None if alone is None else alone[rest]
        past[rest] = _weather_before(rows, rest, as_of[rest], table, batch, hidden, as_known)
    columns[:, 0] = rows.weather
    columns[:, 1] = rows.temperature
    columns[:, 2] = rows.humidity
    columns[:, 3] = rows.windspeed
    columns[:, 4:13] = past[:, :9]
    columns[:, 13] = (past[:, 9] + rows.temperature) / 24
    columns[:, 14] = np.maximum(past[:, 10], rows.temperature)
    columns[:, 15:] = (past[:, 11:] + raining[:, None]) / _SPANS


_SPANS = np.array([6.0, 24.0])


def _weather_before(
    rows: Rows,
    rest: Ints,
    as_of: Ints,
    table: Tables,
    batch: "_Batch | None",
    alone: NDArray[np.bool_] | None,
    as_known: bool,
) -> Floats:
    """Return `tables.summary` where the history's weather is not all that there is."""
    hour, own = rows.hour[rest], rows.temperature[rest]
    cell = table.cell_after(hour)
    weather = table.weather[cell, 1:]
    temperature = table.temperature[cell, 1:]
    humidity = table.humidity[cell, 1:4]
    if as_known:
        later = (hour - rows.as_of[rest])[:, None] > _BEFORE
        weather[later], temperature[later], humidity[later[:, :3]] = -1, np.nan, np.nan
    if batch is not None or alone is not None:
        after = (hour - as_of)[:, None] > _BEFORE
    if batch is not None:
        at = batch.before(hour)
        found = (at >= 0) & after
        np.copyto(weather, rows.weather[at], where=found)
        np.copyto(temperature, rows.temperature[at], where=found)
        np.copyto(humidity, rows.humidity[at[:, :3]], where=found[:, :3])
    if alone is not None:
        hidden = after & alone[:, None]
        weather[hidden], temperature[hidden], humidity[hidden[:, :3]] = -1, np.nan, np.nan
    unknown = weather < 0
    if np.count_nonzero(unknown):
        day = table.temperature[table.cell_after(as_of - (as_of - hour) % 24)]
        moved = day[:, 1:] + (own - day[:, 0])[:, None]
        own = own[:, None]
        np.copyto(moved, own, where=np.isnan(moved))
        np.copyto(temperature, moved, where=np.isnan(temperature))
        np.copyto(weather, rows.weather[rest][:, None], where=unknown)
        np.copyto(humidity, rows.humidity[rest][:, None], where=np.isnan(humidity))
    return tables.summary(temperature, weather, humidity)


_BEFORE = np.arange(1, BEFORE + 1)


class _Batch:
    """Which row of a batch says the weather of an hour.

    Of several rows of an hour one is taken that does not depend on their order.
    """

    def __init__(self, rows: Rows) -> None:
        self._start = int(rows.hour.min()) - BEFORE
        self._at = np.full(int(rows.hour.max()) - self._start + 1, -1)
        self._at[rows.hour - self._start] = np.arange(len(rows.hour))
        self._count = np.cumsum(self._at >= 0)
        if self._count[-1] < len(rows.hour):
            # The last of equal places stays.
            order = np.lexsort((rows.humidity, rows.temperature, rows.weather))[::-1]
            self._at[rows.hour[order] - self._start] = order
        self._before = sliding_window_view(self._at, BEFORE)[:, ::-1]

    def says(self, hour: Ints, as_of: Ints) -> NDArray[np.bool_]:
        """Return whether a row says anything after `as_of` of the hours before each hour."""
        end = hour - 1 - self._start
        start = np.minimum(np.maximum(as_of, hour - 1 - BEFORE) - self._start, end)
        # Before the first cell there is nothing to count.
        return self._count[end] > np.where(start < 0, 0, self._count[start])

    def before(self, hour: Ints) -> Ints:
        """Return the row of each of the hours before, the newest first; -1 where there is none."""
        return self._before[hour - BEFORE - self._start]


def _fill_rentals(
    columns: NDArray[np.float32],
    as_of: Ints,
    ahead: Ints,
    level: Floats,
    temperature: Floats,
    kind: Ints,
    rentals: Floats,
    table: Tables,
) -> None:
    # The newest same hours of the day, and of the week, that are known.
    newest = as_of - -ahead % 24
    week = as_of - -ahead % HOURS_PER_WEEK
    place = table.place.take(newest - table.origin, mode="clip")
    kind = kind + place
    # These tables do not know precipitation: they repeat.
    same_hour = table.same_hour.take(kind, axis=0, mode="wrap")
    scale = level[:, None]
    ratios = same_hour[:, :5] / scale
    columns[:, :2] = ratios[:, :2]
    columns[:, 7:10] = ratios[:, 2:]
    weeks = rentals.take(week[:, None] - (_WEEKS + table.origin), mode="clip")
    columns[:, 10:12] = weeks / scale

    days = table.days[place]
    apart = table.warmth[place] - temperature[:, None]
    weight = np.exp(apart * apart * -0.02) * table.alike[kind] * _RECENCY
    total = np.add.reduce(weight, axis=1) + same_hour[:, 5]
    analog = np.vecdot(weight, days) + same_hour[:, 6]
    columns[:, 2] = analog / total / level
    columns[:, 3] = total

    columns[:, 12:] = UNKNOWN
    grows = ahead <= GROWS
    number = np.count_nonzero(grows)
    if number:
        part = slice(None) if number == len(grows) else np.flatnonzero(grows)
        own = as_of[part], ahead[part], newest[part], week[part], kind[part], days[part]
        columns[part, 12:] = np.minimum(_growth(*own, rentals, table) / scale[part], 30.0)


def _growth(
    as_of: Ints,
    ahead: Ints,
    newest: Ints,
    week: Ints,
    kind: Ints,
    days: Floats,
    rentals: Floats,
    table: Tables,
) -> Floats:
    """Return what the last known hour would grow to, in rentals, of shape (n, 4)."""
    before = newest - ahead - table.origin
    place = table.place.take(before, mode="clip")
    both = table.six.take(kind, axis=0, mode="wrap") & table.known[place]
    number = np.add.reduce(both, axis=1, dtype=np.float64)
    number[number == 0] = np.nan
    typical = np.add.reduce(both * days, axis=1) / number
    typical_before = np.add.reduce(both * table.days[place], axis=1) / number
    last = rentals.take(as_of - table.origin, mode="clip")
    a_day, a_week = (rentals.take(hour - table.origin, mode="clip") for hour in (newest, week))
    day_before = rentals.take(before, mode="clip")
    week_before = rentals.take(week - ahead - table.origin, mode="clip")
    found = np.empty((len(last), 4))
    found[:, 0] = last * typical / np.maximum(typical_before, LEAST)
    found[:, 1] = last + typical - typical_before
    found[:, 2] = last * a_day / np.maximum(day_before, LEAST)
    found[:, 3] = last * a_week / np.maximum(week_before, LEAST)
    return found


LEAST = 3.0
"""Rentals from which growth is taken."""
_WEEKS = HOURS_PER_WEEK * np.arange(2)
_RECENCY = 0.5 ** (np.arange(DAYS) / 10)
