"""The one place where features are made: for 1 row and for 100,000, in training and in serving.

Every count of rentals among the features is divided by the trailing level at `as_of` (`level`,
the mean of 28 days), because demand grows and a forest cannot extrapolate. Rentals after `as_of`
never matter. What is unknown is `UNKNOWN`, also the level itself if less than a day is known.

The weather of an hour before the predicted one is, after `as_of`, that of the batch's row of that
hour; else the stored one; else the fill. The fill of a temperature is the one at the same time of
the newest day that is known at `as_of`, moved by what the row's own temperature differs from that
day's; of all else, and where that day is unknown, the row's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from training import tables
from training.calendar import Calendar
from training.columns import Column, across, at, at_least, at_most, columns_of, either
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
    """Hours to predict, as columns of n values each; or one hour, as plain numbers.

    `as_of` lies before `hour`, or is `NO_HISTORY`; weather is an index into `WEATHER`; holiday is
    1, 0, or -1 for what the calendar says. Units: °C (feels_like may be NaN), %, km/h.
    """

    hour: Column
    as_of: Column
    weather: Column
    temperature: Column
    feels_like: Column
    humidity: Column
    windspeed: Column
    holiday: Column

    def take(self, some: slice | Ints) -> "Rows":
        """Return some of many rows."""
        return Rows(*(getattr(self, field.name)[some] for field in fields(self)))

    def plain(self) -> "Rows":
        """Return the only one of the rows as plain numbers."""
        return Rows(*(getattr(self, field.name).item() for field in fields(self)))


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

    One hour and many go through the same formulas: what is a column of many is a plain number of
    one, which takes a fraction of the time that a column of one value would.
    """
    if isinstance(rows.hour, np.ndarray) and len(rows.hour) == 1 and alone is None:
        rows = rows.plain()
    table = tables.of(history, calendar)
    as_of = at(table.as_of, rows.as_of - table.origin)
    if isinstance(as_of, int):
        hour = _hour_of_one(rows, as_of, history, calendar, table, as_known)
        matrix = np.array([_features(rows, hour, table)], np.float32)
    else:
        past = _past_of_many(rows, as_of, table, alone, as_known)
        matrix = np.empty((len(as_of), len(FEATURES)), np.float32)
        for start in range(0, len(as_of), _CHUNK):
            part = slice(start, start + _CHUNK)
            some = rows.take(part)
            hour = _hour(some, as_of[part], past.take(part), history, calendar, table)
            for place, column in enumerate(_features(some, hour, table)):
                matrix[part, place] = column
    np.copyto(matrix, UNKNOWN, where=np.isnan(matrix))
    return matrix


_CHUNK = 8192
"""Rows at once: what is looked up for them then fits in the processor's cache."""


def _features(rows: Rows, hour: "_Hour", table: Tables) -> list[Column]:
    """Return a column for each of `FEATURES`; NaN where unknown."""
    raining = rows.weather >= RAIN
    *hours_ago, warmth, rain_5h, rain_23h = hour.past.with_own(rows, raining)
    return [
        *hour.calendar,
        rows.weather,
        rows.temperature,
        rows.humidity,
        rows.windspeed,
        *hours_ago,
        (warmth + rows.temperature) / 24,
        hour.past.warmest_with(rows.temperature),
        (rain_5h + raining) / 6,
        (rain_23h + raining) / 24,
        *hour.state,
        *_analog(rows.temperature, raining, hour, table),
        *hour.momentum,
    ]


class _Past(NamedTuple):
    """Weather of the hours before, of which some may be unknown and follow from the row's own.

    `known` is `tables.summary` of what is known and, of unknown hours, of the differences of their
    temperature from the row's own; `own` says in how many hours of each the row's own weather is to
    be added. `warmest` is the highest known temperature, `warmer` the highest such difference.
    """

    known: Any
    own: Any
    warmest: Column
    warmer: Column

    def take(self, some: slice) -> "_Past":
        """Return some of many rows."""
        return _Past(*(each[some] for each in self))

    def with_own(self, rows: Rows, raining: Column) -> list[Column]:
        """Return the columns of `tables.summary` of known and unknown hours."""
        said = tables.in_summary(rows.temperature, rows.weather, rows.humidity, raining)
        return [a + b * c for a, b, c in zip(self.known, self.own, said, strict=True)]

    def warmest_with(self, temperature: Column) -> Column:
        """Return the highest temperature of known and unknown hours, and of the row's own."""
        return at_least(at_least(self.warmest, temperature + self.warmer), temperature)


class _Hour(NamedTuple):
    """What hours have before their weather is known: features, in three parts, the weather before
    them, and where the same hours of the last days lie.
    """

    calendar: Sequence[Column]
    state: Sequence[Column]
    momentum: Sequence[Column]
    past: _Past
    level: Column
    place: Column
    kind: Column
    little: Column
    little_of: Column


def _hour_of_one(
    rows: Rows, as_of: int, history: History, calendar: Calendar, table: Tables, as_known: bool
) -> _Hour:
    """Return one hour's own part, which is kept, as it is asked for again and again."""
    key = rows.hour, rows.as_of, rows.holiday, as_known
    found: _Hour | None = table.kept.get(key)
    if found is None:
        if len(table.kept) >= _KEPT:
            table.kept.clear()
        past = _past_of_one(rows, as_of, table, as_known)
        found = table.kept[key] = _hour(rows, as_of, past, history, calendar, table)
    return found


_KEPT = 4096
"""Hours of which the part is kept: a service is asked for those of the next days."""


def _hour(
    rows: Rows, as_of: Column, past: _Past, history: History, calendar: Calendar, table: Tables
) -> _Hour:
    ahead = rows.hour - as_of
    level, *state = columns_of(at(table.state, rows.as_of - table.origin))
    days, hour = divmod(rows.hour, 24)
    weekday, working, *day = columns_of(calendar.stated(days, rows.holiday))
    place = at(table.place, _newest(as_of, ahead, 24) - table.origin)
    kind = place + (working == 1) * table.kind
    typical, typical_3, *last_days, little, little_of = columns_of(at(table.same_hour, kind))
    week = _newest(as_of, ahead, HOURS_PER_WEEK)
    weeks = history.rentals_at(week), history.rentals_at(week - HOURS_PER_WEEK)
    growth = _growth(as_of, ahead, place, kind, history, table)
    horizon = either(as_of == NO_HISTORY, UNKNOWN, ahead)
    return _Hour(
        [level, horizon, hour, weekday, working, *day],
        [*state[:5], typical / level, typical_3 / level],
        [
            *state[5:],
            *(rentals / level for rentals in (*last_days, *weeks)),
            *(at_most(30.0, rentals / level) for rentals in growth),
        ],
        past._replace(known=columns_of(past.known), own=columns_of(past.own)),
        level,
        place,
        kind,
        little,
        little_of,
    )


def _newest(as_of: Column, ahead: Column, period: int) -> Column:
    """Return the newest known hour that is whole periods before the predicted one."""
    return as_of - -ahead % period


def _past_of_one(rows: Rows, as_of: int, table: Tables, as_known: bool) -> _Past:
    cell = table.after - rows.hour
    if at(table.complete, cell) and not (as_known and rows.as_of < rows.hour - 1):
        known = at(table.past, cell)
        return _Past(known, np.zeros_like(known), at(table.warmest, cell), -np.inf)
    return _with_gaps(rows, as_of, table, _observed(rows, table, as_known))


def _past_of_many(
    rows: Rows, as_of: Ints, table: Tables, alone: NDArray[np.bool_] | None, as_known: bool
) -> _Past:
    cell = table.after - rows.hour
    known, warmest = at(table.past, cell), at(table.warmest, cell)
    past = _Past(known, np.zeros_like(known), warmest, np.full_like(warmest, -np.inf))
    complete = at(table.complete, cell)
    if as_known:
        complete &= rows.as_of >= rows.hour - 1
    if alone is not None:
        complete &= ~alone | (as_of >= rows.hour - 1)
    batch = _Batch(rows)
    complete &= ~batch.says(rows.hour, as_of)
    rest = np.flatnonzero(~complete)
    if len(rest):
        rows, as_of = rows.take(rest), as_of[rest]
        after = across(rows.hour - as_of) > _BEFORE
        weather = batch.told(rows.hour, after, _observed(rows, table, as_known))
        if alone is not None:
            weather = weather.without(after & alone[rest, None])
        for all_, some in zip(past, _with_gaps(rows, as_of, table, weather), strict=True):
            all_[rest] = some
    return past


class _Weather(NamedTuple):
    """Weather of the hours before, the newest first, along the last axis; humidity of three."""

    codes: NDArray[np.int8]
    temperature: Floats
    humidity: Floats

    def without(self, hidden: NDArray[np.bool_]) -> "_Weather":
        """Return it with hours unknown."""
        return _Weather(
            np.where(hidden, -1, self.codes),
            np.where(hidden, np.nan, self.temperature),
            np.where(hidden[..., :3], np.nan, self.humidity),
        )


def _observed(rows: Rows, table: Tables, as_known: bool) -> _Weather:
    cell = table.after - rows.hour
    laid = (at(columns, cell) for columns in (table.weather, table.temperature, table.humidity))
    codes, temperature, humidity = laid
    found = _Weather(codes[..., 1:], temperature[..., 1:], humidity[..., 1:4])
    return found.without(across(rows.hour - rows.as_of) > _BEFORE) if as_known else found


def _with_gaps(rows: Rows, as_of: Column, table: Tables, weather: _Weather) -> _Past:
    """Return the past of weather of which some is unknown."""
    day = at(table.temperature, table.after - (as_of - (as_of - rows.hour) % 24))
    apart = day[..., 1:] - day[..., :1]
    apart = np.where(np.isnan(apart), 0.0, apart)
    codes, temperature, humidity = weather
    no_code, no_temperature, no_humidity = codes < 0, np.isnan(temperature), np.isnan(humidity)
    known = tables.summary(
        np.where(no_temperature, apart, temperature),
        np.where(no_code, 0, codes),
        np.where(no_humidity, 0.0, humidity),
        codes >= RAIN,
    )
    return _Past(
        known,
        tables.summary(no_temperature, no_code, no_humidity, no_code),
        np.maximum.reduce(np.where(no_temperature, -np.inf, temperature), axis=-1),
        np.maximum.reduce(np.where(no_temperature, apart, -np.inf), axis=-1),
    )


_BEFORE = np.arange(1, BEFORE + 1)


class _Batch:
    """Which row of a batch says the weather of an hour.

    Of several rows of an hour one is taken that does not depend on their order.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
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

    def told(self, hour: Ints, after: NDArray[np.bool_], observed: _Weather) -> _Weather:
        """Return the weather before each hour: what the batch says of it `after` its `as_of`."""
        row = self._before[hour - BEFORE - self._start]
        said = (row >= 0) & after
        return _Weather(
            np.where(said, self._rows.weather[row], observed.codes),
            np.where(said, self._rows.temperature[row], observed.temperature),
            np.where(said[:, :3], self._rows.humidity[row[:, :3]], observed.humidity),
        )


def _analog(
    temperature: Column, raining: Column, hour: _Hour, table: Tables
) -> tuple[Column, Column]:
    """Return the analog, to the level, and its weight."""
    apart = table.warmth[hour.place] - across(temperature)
    alike = table.alike[hour.kind + raining * table.rain]
    weight = np.exp(apart * apart * -0.02) * alike * _RECENCY
    total = np.add.reduce(weight, axis=-1) + hour.little
    return (np.vecdot(weight, table.days[hour.place]) + hour.little_of) / total / hour.level, total


_RECENCY = 0.5 ** (np.arange(DAYS) / 10)


def _growth(
    as_of: Column, ahead: Column, place: Column, kind: Column, history: History, table: Tables
) -> Sequence[Column]:
    """Return what the last known hour would grow to in four ways, in rentals."""
    grows = ahead <= GROWS
    if isinstance(grows, np.ndarray):
        if not grows.all():
            found = np.full((4, len(grows)), np.nan)
            some = as_of[grows], ahead[grows], place[grows], kind[grows]
            found[:, grows] = _growth(*some, history, table)
            return list(found)
    elif not grows:
        return [np.nan] * 4
    newest, week = _newest(as_of, ahead, 24), _newest(as_of, ahead, HOURS_PER_WEEK)
    before = at(table.place, newest - ahead - table.origin)
    both = table.six[kind] * table.known[before]
    number = np.add.reduce(both, axis=-1)
    number = either(number > 0, number, np.nan)
    typical = np.vecdot(both, table.days[place]) / number
    typical_before = np.vecdot(both, table.days[before]) / number
    last, a_day, a_week, day_before, week_before = (
        history.rentals_at(hour) for hour in (as_of, newest, week, newest - ahead, week - ahead)
    )
    return [
        last * typical / at_least(LEAST, typical_before),
        last + typical - typical_before,
        last * a_day / at_least(LEAST, day_before),
        last * a_week / at_least(LEAST, week_before),
    ]


LEAST = 3.0
"""Rentals from which growth is taken."""
