"""The observed hours as numpy arrays on a dense hourly grid; what is unknown is NaN.

An hour is an int: hours since 1970-01-01T00 of local wall-clock time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from training.columns import Column, at

if TYPE_CHECKING:
    import pandas as pd

    from training.calendar import Calendar
    from training.tables import Tables

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

T = TypeVar("T", bound=np.generic)

WEATHER = ("clear", "mist", "light_precipitation", "heavy_precipitation")
NO_HISTORY = -(2**40)
"""As `as_of`: no rentals are known at all."""

HOURS_PER_WEEK = 168
LEVEL_HOURS = 28 * 24
LEVEL_LEAST = 24
_EXACT = 2.0**20


class History:
    """What has been observed; immutable.

    Parameters
    ----------
    hours : int64[n]
        Each at most once, in any order.
    rentals : float64[n]
        NaN where unknown; such an hour is not observed, but its weather is kept.
    weather : int8[n]
        Index into `WEATHER`.
    temperature, feels_like, humidity, windspeed : float64[n]
        °C, °C (NaN where unknown), %, km/h.
    holiday : int8[n]
        1, 0, or -1 where unknown.
    """

    def __init__(
        self,
        hours: Ints,
        rentals: Floats,
        weather: NDArray[np.int8],
        temperature: Floats,
        feels_like: Floats,
        humidity: Floats,
        windspeed: Floats,
        holiday: NDArray[np.int8],
    ) -> None:
        self.start = int(hours.min()) if len(hours) else 0
        self.length = int(hours.max()) - self.start + 1 if len(hours) else 0
        # One cell more at each end answers for everything outside.
        self._cells = hours - self.start + 1
        self.rentals = self._grid(rentals, np.nan)
        self.weather = self._grid(weather, -1)
        self.temperature = self._grid(temperature, np.nan)
        self.feels_like = self._grid(feels_like, np.nan)
        self.humidity = self._grid(humidity, np.nan)
        self.windspeed = self._grid(windspeed, np.nan)
        self.holiday = self._grid(holiday, -1)

        known = ~np.isnan(self.rentals)
        self._counts = np.cumsum(known)
        self._sums = np.cumsum(np.where(known, self.rentals, 0.0))
        cells = np.arange(self.length + 2)
        newest = np.maximum.accumulate(np.where(known, cells, 0))
        self._newest = np.where(newest > 0, newest + (self.start - 1), NO_HISTORY)
        self.hours: Ints = np.flatnonzero(known) - 1 + self.start
        with np.errstate(invalid="ignore"):  # what can't be a number is none
            self._state = self._states()
        self.tables: Tables | None = None  # see `training.tables.of`

    def _grid(self, values: NDArray[T], unknown: float) -> NDArray[T]:
        grid = np.full(self.length + 2, unknown, dtype=values.dtype)
        grid[self._cells] = values
        return grid

    @classmethod
    def empty(cls) -> History:
        """Return a history of nothing."""
        none, codes = np.empty(0), np.empty(0, np.int8)
        return cls(np.empty(0, np.int64), none, codes, none, none, none, none, codes)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> History:
        """Return the history of a table with the columns of `training.schema.HISTORY`."""
        codes = np.full(len(frame), -1, np.int8)
        for code, name in enumerate(WEATHER):
            codes[(frame["weather"] == name).to_numpy()] = code
        holiday = np.full(len(frame), -1, np.int8)
        if "holiday" in frame:
            known = frame["holiday"].notna().to_numpy()
            holiday[known] = frame["holiday"].to_numpy()[known].astype(bool)
        columns = {
            name: frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
            if name in frame
            else np.full(len(frame), np.nan)
            for name in ("rentals", "temperature", "feels_like", "humidity", "windspeed")
        }
        hours = as_hours(frame["datetime"].to_numpy())
        return cls(hours=hours, weather=codes, holiday=holiday, **columns)

    def frame(self) -> pd.DataFrame:
        """Return the hours whose weather is known, as `from_frame` takes them, oldest first."""
        import pandas as pd

        cells = np.flatnonzero(self.weather >= 0)
        columns = ("temperature", "feels_like", "humidity", "windspeed", "rentals")
        return pd.DataFrame(
            {
                "datetime": as_datetimes(cells - 1 + self.start),
                "weather": np.array(WEATHER, object)[self.weather[cells]],
                **{name: getattr(self, name)[cells] for name in columns},
            }
        )

    @property
    def first(self) -> int | None:
        """The oldest hour whose rentals are known."""
        return int(self.hours[0]) if len(self.hours) else None

    @property
    def newest(self) -> int | None:
        """The newest hour whose rentals are known."""
        return int(self.hours[-1]) if len(self.hours) else None

    def cells(self, hours: Ints) -> Ints:
        """Return where hours lie in the grid columns; hours outside share the two end cells."""
        # Not np.clip, which takes five times as long for one row.
        return np.minimum(np.maximum(hours - (self.start - 1), 0), self.length + 1)

    def newest_before(self, hours: Column) -> Column:
        """Return the newest hour, not after each given one, whose rentals are known.

        `NO_HISTORY` where there is none.
        """
        return at(self._newest, hours - (self.start - 1))

    def rentals_at(self, hours: Column) -> Column:
        """Return the rentals of hours; NaN where unknown."""
        return at(self.rentals, hours - (self.start - 1))

    def working(self, hours: Ints, calendar: Calendar) -> NDArray[np.bool_]:
        """Return whether hours lie on a working day; a holiday is what was observed, else what the
        calendar says.
        """
        day, stated = calendar.days(hours), self.holiday[self.cells(hours)]
        holiday = np.where(stated < 0, day[:, 2], stated == 1)
        working: NDArray[np.bool_] = ~calendar.weekend[day[:, 0]] & (holiday == 0)
        return working

    def mean(self, hours: Ints, length: int, least: int = 1) -> Floats:
        """Return the mean of the known rentals of the `length` hours that end with each given one.

        NaN where fewer than `least` of them are known.
        """
        end = self.cells(hours)
        start = self.cells(hours - length)
        count = self._counts[end] - self._counts[start]
        total = self._sums[end] - self._sums[start]
        return np.where(count >= least, total / np.maximum(count, 1), np.nan)

    def state(self, hours: Ints) -> Floats:
        """Return what is known of the time up to each given hour, of shape (n, 6).

        The level; mean temperature and share of precipitation of its 28 days; mean temperature and
        mean rentals of 7 days; mean rentals of 24 hours. NaN where unknown.
        """
        return self._state[self.cells(hours)]

    def _states(self) -> Floats:
        hours = np.arange(self.length + 2) + (self.start - 1)
        seen = self.weather >= 0
        rain = np.where(self.weather >= WEATHER.index("light_precipitation"), 1.0, 0.0)
        # In millionths of a degree, so that sums are exact and do not tell what came long before.
        warmth = np.where(seen, np.rint(self.temperature * _EXACT), 0.0)
        return np.column_stack(
            [
                self.level(hours),
                _trailing(warmth, seen, LEVEL_HOURS) / _EXACT,
                _trailing(rain, seen, LEVEL_HOURS),
                _trailing(warmth, seen, HOURS_PER_WEEK) / _EXACT,
                self.mean(hours, HOURS_PER_WEEK),
                self.mean(hours, 24),
            ]
        )

    def level(self, hours: Ints) -> Floats:
        """Return the trailing level: the mean of the known rentals of 28 days.

        NaN where less than a day of them is known: fewer hours are no level but a time of day.
        """
        return self.mean(hours, LEVEL_HOURS, LEVEL_LEAST)


def _trailing(values: Floats, known: NDArray[np.bool_], length: int) -> Floats:
    """Return the mean of the known of so many values that end with each; NaN where none is."""
    count, total = np.cumsum(known), np.cumsum(values)
    start = np.maximum(np.arange(len(values)) - length, 0)
    count, total = count - count[start], total - total[start]
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def as_hours(datetimes: NDArray[np.datetime64]) -> Ints:
    """Return naive local datetimes as hours; minutes are cut."""
    return datetimes.astype("datetime64[h]").astype(np.int64)


def as_datetimes(hours: Ints) -> NDArray[np.datetime64]:
    """Return hours as datetime64[s]; `NO_HISTORY` as NaT."""
    datetimes = hours.astype("datetime64[h]").astype("datetime64[s]")
    return np.where(hours == NO_HISTORY, np.datetime64("NaT", "s"), datetimes)
