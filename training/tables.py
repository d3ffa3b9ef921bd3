"""What features need of a history, worked out once for every hour: a prediction looks it up.

A look-up is `take(..., mode="clip")`: hours outside share the end cells, where all is unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from training.calendar import Calendar
from training.columns import Column
from training.history import NO_HISTORY, Floats, Ints

if TYPE_CHECKING:
    from training.history import History

T = TypeVar("T", bound=np.generic)

DAYS = 28
"""The same hour of so many days is compared."""
BEFORE = 23
"""So many hours before the predicted one have their weather among the features."""
RAIN = 2
"""Codes of `WEATHER` from here on are precipitation."""
UNLIKE = 0.15
"""Weight of an hour of which one had precipitation and the other did not."""
LITTLE = 1e-9
"""Weight of an hour that is known but nothing alike: it counts where nothing else is there."""


class Tables:
    """Look-up tables of one history in one calendar.

    Attributes
    ----------
    origin : int
        The hour of cell 0 in the tables by `as_of`.
    as_of : int64[cells]
        The newest hour with known rentals, if there is a level at it, else `NO_HISTORY`.
    state : float64[cells, 9]
        The level at that hour, NaN where unknown or zero; the features from `level_temperature` to
        `day_level`; the last three known hours.
    after : int
        The hour of cell 0 in the tables of weather, which run backwards.
    complete : bool[cells]
        Whether the weather of all hours before each is known.
    past : float64[cells, 12]
        What `summary` says of it.
    warmest : float64[cells]
        Its highest temperature.
    temperature, weather, humidity : [cells, BEFORE + 1]
        Of each hour and those before it.
    place : int64[cells]
        By `origin`: where the same hours of the last days begin in the tables below.
    kind, rain : int
        What to add to a place for a working day, and for precipitation.
    same_hour : float64[2 * kind, 7]
        Mean of the last 6 and 3 days of the kind; the last three days; and `LITTLE` times how many
        of the days are known, and times their sum. In rentals.
    days, warmth : float64[kind, DAYS]
        Rentals (0 where unknown) and temperature (infinite where unknown) of the days.
    known : float64[kind, DAYS]
        1 where their rentals are known, else 0.
    six : float64[2 * kind, DAYS]
        1 where they are of the last 6 known of the kind, else 0.
    kept : dict
        What `features` keeps of single hours.
    alike : float64[2 * rain, DAYS]
        Their weight by kind and precipitation; 0 where unknown.
    """

    def __init__(self, history: History, calendar: Calendar) -> None:
        self.calendar = calendar
        self.kept: dict[tuple[int, int, int, bool], Any] = {}
        self.origin = history.start - 1
        with np.errstate(invalid="ignore", divide="ignore"):  # what can't be a number is none
            self._by_as_of(history)
            self._by_day(history)
        self._of_weather(history)

    def _by_as_of(self, history: History) -> None:
        hours = np.arange(len(history.rentals)) + self.origin
        newest = history.newest_before(hours)
        state = history.state(newest)
        # A level of zero (a month without a rental) is no scale; the comparison fails for NaN.
        usable = state[:, 0] > 0
        level = np.where(usable, state[:, 0], np.nan)
        self.as_of: Ints = np.where(usable, newest, NO_HISTORY)
        scale = level[:, None]
        last = history.rentals_at(newest[:, None] - np.arange(3)) / scale
        means = state[:, 4:].astype(np.float32) / scale
        self.state = np.column_stack([level, state[:, 1:4], means, last])

    def _of_weather(self, history: History) -> None:
        self.after = history.start + history.length + BEFORE
        self.temperature = _backwards(history.temperature, np.nan)
        self.weather = _backwards(history.weather, -1)
        self.humidity = _backwards(history.humidity, np.nan)
        temperature, codes = self.temperature[:, 1:], self.weather[:, 1:]
        self.past = summary(temperature, codes, self.humidity[:, 1:4], codes >= RAIN)
        self.warmest = np.maximum.reduce(temperature, axis=-1)
        self.complete = (codes >= 0).all(axis=1) & ~np.isnan(temperature).any(axis=1)

    def _by_day(self, history: History) -> None:
        first = history.start // 24
        days = -(-(history.start + history.length) // 24) - first
        block = days + DAYS - 1
        hours = np.arange(history.length) + history.start
        self.place = np.full(history.length + 2, 24 * block)
        self.place[1:-1] = hours % 24 * block + days - 1 - (hours // 24 - first)
        self.kind = 24 * block + DAYS
        self.rain = 2 * self.kind

        def lay(values: NDArray[T], unknown: float) -> NDArray[T]:
            """Lay a grid out hour by hour, newest day first, each with unknown days at its end."""
            laid = np.full(self.kind, unknown, values.dtype)
            laid[self.place[1:-1]] = values[1:-1]
            return laid

        known = lay(~np.isnan(history.rentals), False)
        rentals = lay(history.rentals, np.nan)
        counted = np.where(known, rentals, 0.0)
        grid = np.arange(len(history.rentals)) + self.origin
        working = lay(history.working(grid, self.calendar), False)
        kinds = known & ~working, known & working
        rain = lay(history.weather, -1) >= RAIN
        dry, wet = np.where(rain, UNLIKE, 1.0), np.where(rain, 1.0, UNLIKE)
        warmth = lay(history.temperature, np.nan)
        self.days = sliding_window_view(counted, DAYS)
        self.known = sliding_window_view(known.astype(np.float64), DAYS)
        self.warmth = sliding_window_view(np.where(np.isnan(warmth), np.inf, warmth), DAYS)
        likeness = [kind * weight for weight in (dry, wet) for kind in kinds]
        self.alike = sliding_window_view(np.concatenate(likeness), DAYS)

        self.six = np.zeros((self.rain, DAYS))
        self.same_hour = np.full((self.rain, 7), np.nan)
        for start, kind in zip((0, self.kind), kinds, strict=True):
            same = sliding_window_view(kind, DAYS)
            part = slice(start, start + len(same))
            order = np.cumsum(same, axis=1, dtype=np.int8)
            for column, most in enumerate((6, 3)):
                chosen = same & (order <= most)
                mean = np.einsum("nd,nd->n", self.days, chosen) / np.count_nonzero(chosen, axis=1)
                self.same_hour[part, column] = mean
                if most == 6:
                    self.six[part] = chosen
            self.same_hour[part, 2:5] = sliding_window_view(rentals, DAYS)[:, :3]
            number = np.count_nonzero(self.known, axis=1)
            self.same_hour[part, 5] = np.where(number > 0, LITTLE * number, np.nan)
            self.same_hour[part, 6] = LITTLE * self.days.sum(axis=1)


def of(history: History, calendar: Calendar) -> Tables:
    """Return the tables of a history, made when they are first asked for."""
    if history.tables is None or history.tables.calendar is not calendar:
        history.tables = Tables(history, calendar)
    return history.tables


def summary(
    temperature: NDArray[Any], codes: NDArray[Any], humidity: NDArray[Any], rain: NDArray[np.bool_]
) -> Floats:
    """Return what features need of the weather before an hour, of shape (n, 12).

    Temperature, code and humidity 1 to 3 hours ago; the sum of the temperatures; how many of the
    last 5 hours, and of all, had precipitation. The newest hour comes first; all sums are along the
    last axis, so that they are the same to the last bit for one row and for many. Of what is true
    or false of each hour, it counts the hours.
    """
    found = np.empty((*codes.shape[:-1], 12))
    found[..., :3] = temperature[..., :3]
    found[..., 3:6] = codes[..., :3]
    found[..., 6:9] = humidity
    found[..., 9] = np.add.reduce(temperature, axis=-1, dtype=np.float64)
    found[..., 10] = np.add.reduce(rain[..., :5], axis=-1, dtype=np.int64)
    found[..., 11] = np.add.reduce(rain, axis=-1, dtype=np.int64)
    return found


def in_summary(
    temperature: Column, code: Column, humidity: Column, rain: Column
) -> tuple[Column, ...]:
    """Return which weather each column of `summary` is of."""
    hours_ago = (*(temperature,) * 3, *(code,) * 3, *(humidity,) * 3)
    return (*hours_ago, temperature, rain, rain)


def _backwards(values: NDArray[T], unknown: float) -> NDArray[T]:
    """Return each hour with the `BEFORE` hours before it, the last hour first, as a view."""
    end = np.full(BEFORE + 1, unknown, values.dtype)
    padded = np.concatenate([end, values[1:-1], end])
    return sliding_window_view(padded[::-1], BEFORE + 1)
