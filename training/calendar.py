"""What the calendar says of an hour: time of day, weekday, day of the year, holiday."""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

import holidays as holidays_library
import numpy as np
from numpy.typing import NDArray

from training.columns import Column, at
from training.history import Ints

_FIRST_YEAR, _LAST_YEAR = 1970, 2100


class CalendarFeatures(NamedTuple):
    """Of each hour: 0..23, Monday 0 .. Sunday 6, 1 January 0 .. 365."""

    hour: Ints
    weekday: Ints
    day_of_year: Ints


class Calendar:
    """The calendar of one place.

    Parameters
    ----------
    holidays : str
        ISO country, optionally with a subdivision, as the `holidays` library knows them: `US-DC`.

    Attributes
    ----------
    weekend : bool[7]
        Which weekdays are free, Monday first: in Qatar Friday and Saturday.

    Raises
    ------
    ValueError
        The library does not know the place.
    """

    def __init__(self, holidays: str) -> None:
        self.weekend = _weekend(holidays)
        self._holidays = _holiday_table(holidays)
        self._days = _day_table(holidays)
        self._stated = _stated_table(holidays)

    def is_holiday(self, hours: Ints) -> NDArray[np.bool_]:
        """Return whether hours lie on a public holiday (1970 to 2100, else never)."""
        days = np.minimum(np.maximum(hours // 24, -1), len(self._holidays) - 1)
        return self._holidays[days]

    def days(self, hours: Ints) -> NDArray[np.int16]:
        """Return what the calendar says of the days of hours, of shape (n, 6).

        Weekday, working day, holiday (none at a weekend), day of the year, and whether the day
        before and the day after are working days; years outside 1970 to 2100 have the last day's.
        """
        return self._days.take(hours // 24, axis=0, mode="clip")

    def stated(self, days: Column, holiday: Column) -> Any:
        """Return the same of days since 1970-01-01, where somebody may know better.

        `holiday` is 1, 0, or -1 for what the calendar says. Of one day, of shape (6,).
        """
        return at(self._stated, days * 3 + holiday + 1)

    def features(self, hours: Ints) -> CalendarFeatures:
        """Return hour, weekday and day of the year."""
        days = hours // 24
        dates = days.astype("datetime64[D]")
        new_year = dates.astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
        # 1970-01-01 was a Thursday.
        return CalendarFeatures(hours % 24, (days + 3) % 7, days - new_year)


@lru_cache(maxsize=8)
def _holiday_table(place: str) -> NDArray[np.bool_]:
    """Return whether each day since 1970-01-01 is a holiday; the last cell is always False."""
    known = _known(place, range(_FIRST_YEAR, _LAST_YEAR + 1))
    first = date(_FIRST_YEAR, 1, 1).toordinal()
    table = np.zeros(date(_LAST_YEAR, 12, 31).toordinal() - first + 2, dtype=np.bool_)
    days = np.array([day.toordinal() - first for day in known], dtype=np.int64)
    table[days[(days >= 0) & (days < len(table) - 1)]] = True
    return table


@lru_cache(maxsize=8)
def _weekend(place: str) -> NDArray[np.bool_]:
    return np.isin(np.arange(7), [*_known(place, [_LAST_YEAR]).weekend])


def _known(place: str, years: Iterable[int]) -> holidays_library.HolidayBase:
    country, _, subdivision = place.partition("-")
    try:
        return holidays_library.country_holidays(country, subdiv=subdivision or None, years=years)
    except NotImplementedError as error:
        raise ValueError(
            f"holidays: {place!r}, expected a place of the holidays library, like US-DC"
        ) from error


@lru_cache(maxsize=8)
def _day_table(place: str) -> NDArray[np.int16]:
    days = np.arange(len(_holiday_table(place)))
    dates = days.astype("datetime64[D]")
    new_year = dates.astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    weekday = (days + 3) % 7
    weekend = _weekend(place)[weekday]
    holiday = _holiday_table(place) & ~weekend
    working = ~weekend & ~holiday
    yesterday, tomorrow = np.roll(working, 1), np.roll(working, -1)
    columns = (weekday, working, holiday, days - new_year, yesterday, tomorrow)
    return np.column_stack(columns).astype(np.int16)


@lru_cache(maxsize=8)
def _stated_table(place: str) -> NDArray[np.int16]:
    """Return three rows a day: as the calendar says, as no holiday, and as a holiday."""
    table = np.repeat(_day_table(place), 3, axis=0)
    weekday = ~_weekend(place)[table[:, 0]]
    table[1::3, 1], table[1::3, 2] = weekday[1::3], False
    table[2::3, 1], table[2::3, 2] = False, weekday[2::3]
    return table
