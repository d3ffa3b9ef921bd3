"""Whether the newest weeks of a history can be believed, before anything is fitted; pure.

Only the newest weeks are judged, against what came before them: what is older was judged when it
was newest, and a jump long ago that turned out to be real must not stop every training since.
"""

from datetime import datetime
from typing import NamedTuple, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.calendar import Calendar
from training.history import HOURS_PER_WEEK, Floats, Ints, as_datetimes, as_hours
from training.schema import NUMBERS, REQUIRED

WEEKS = range(1, 14)
"""How many of the newest weeks may be wrong: a change at the beginning of any is looked for."""
REFERENCE_DAYS = 28
"""After a change, and before it: so many days on either side show it, as seasons hardly turn."""
LEAST_DAYS = 56
"""Before the newest weeks; with fewer, a jump in level is not looked for."""
WEEK_LIMIT, LEVEL_LIMIT = 2.1, 1.75
"""The factor by which the best day of a single week, and the level of more, may differ from what
weather and calendar explain. On the embedded history it is at most 1.90 (a Christmas week) and
1.44, on whichever day it ends."""
MULTIPLE_HOURS = 24
"""Hours with rentals that can't all be multiples of a number by chance."""
PATTERN_LIMIT = 0.4
"""Share of the usual correlation with the typical day that must remain; there, at least 0.68."""
TEMPERATURE_LIMIT = 16.0
"""°C between two and more weeks and the four before; there, at most 8.4."""
WEATHER_LIMIT = 2.5
"""The same for humidity and windspeed as a factor; there, at most 1.6."""
MISSING_LIMIT = 0.25
"""Share of hours that may be missing beyond what was missing before; there, at most 0.06."""
STUCK = {"rentals": 24, "temperature": 48, "humidity": 48, "windspeed": 48}
"""Hours in a row with one value; there, at most 3, 26, 27 and 15."""


class Finding(TypedDict):
    """What is wrong with the data: which check says so, of which days, in words."""

    check: str
    first: str
    last: str
    detail: str


def invalid(frame: pd.DataFrame) -> list[Finding]:
    """Return the numbers that are unknown or outside their range, one finding a column.

    `frame` need not be clean; what is no history at all is for `schema.check_history` to say.
    """
    found = []
    if "datetime" not in frame or not pd.api.types.is_datetime64_dtype(frame["datetime"]):
        return []
    for name, number in NUMBERS.items():
        if name not in frame:
            continue
        values = pd.to_numeric(frame[name], errors="coerce")
        bad = ~values.between(number.low, number.high)
        if name not in REQUIRED:
            bad &= values.notna()
        if bad.any():
            when = as_hours(frame["datetime"].to_numpy()[bad.to_numpy()])
            shown = frame[name][bad].iloc[0]
            detail = (
                f"{name} is no number from {number.low:g} to {number.high:.7g} ({number.unit}) "
                f"in {len(when)} hour{'s' if len(when) > 1 else ''}, such as {shown}"
            )
            found.append(_finding("range", when.min(), when.max(), detail))
    return found


def find(frame: pd.DataFrame, calendar: Calendar) -> list[Finding]:
    """Return what is doubtful about the newest weeks of a clean history.

    Parameters
    ----------
    frame : DataFrame
        As `schema.check_history` returns it.
    """
    hours = as_hours(frame["datetime"].to_numpy())
    rentals = frame["rentals"].to_numpy(np.float64)
    found = [_missing(hours)]
    found += [_stuck(name, hours, frame[name].to_numpy(np.float64)) for name in STUCK]
    if not any(found):  # the checks below would say the same again, less plainly
        working = calendar.days(hours)[:, 1]
        found += [_weather(name, hours, frame[name].to_numpy(np.float64)) for name in _UNITS]
        found += [
            _level(_days(frame, hours, working, rentals)) or _multiples(hours, rentals),
            _pattern(hours, working, rentals),
        ]
    return [finding for finding in found if finding is not None]


def _finding(check: str, first: int, last: int, detail: str) -> Finding:
    days: list[datetime] = as_datetimes(np.array([first, last])).astype("datetime64[D]").tolist()
    start, end = (str(day) for day in days)
    return {"check": check, "first": start, "last": end, "detail": detail}


def _missing(hours: Ints) -> Finding | None:
    newest = int(hours[-1])
    first = newest + 1 - 4 * HOURS_PER_WEEK
    before = hours[hours < first]
    if not len(before):
        return None
    usual = 1 - len(before) / (first - before[0])
    share = 1 - (hours >= first).sum() / (newest + 1 - first)
    if share <= usual + MISSING_LIMIT:
        return None
    detail = f"{share:.0%} of the hours are missing, {usual:.0%} before"
    return _finding("missing hours", first, newest, detail)


def _stuck(name: str, hours: Ints, values: Floats) -> Finding | None:
    starts = np.flatnonzero(np.append(True, np.diff(values) != 0))
    lengths = np.diff(np.append(starts, len(values)))
    if len(starts) == 1:
        return None  # it never changed: that is how it is measured there
    recent = hours[starts + lengths - 1] > hours[-1] - 8 * HOURS_PER_WEEK
    earlier = int(lengths[~recent].max(initial=0))
    longest = int(np.argmax(np.where(recent, lengths, 0)))
    start, length = int(starts[longest]), int(lengths[longest])
    if length <= max(STUCK[name], 2 * earlier):
        return None
    detail = f"{length} hours in a row have {name} {values[start]:g}, at most {earlier} before"
    return _finding("stuck", hours[start], hours[start + length - 1], detail)


_UNITS = {"temperature": "°C", "humidity": "%", "windspeed": "km/h"}


def _weather(name: str, hours: Ints, values: Floats) -> Finding | None:
    """Find a change of unit: °F for °C, a share for %, m/s for km/h."""
    end = int(hours[-1]) + 1
    for weeks in WEEKS[1:]:
        first = end - weeks * HOURS_PER_WEEK
        new = values[(hours >= first) & (hours < first + 24 * REFERENCE_DAYS)]
        old = values[(hours < first) & (hours >= first - 24 * REFERENCE_DAYS)]
        if len(old) < 24 * REFERENCE_DAYS / 4 or not len(new):
            continue
        mean, before = float(new.mean()), float(old.mean())
        if name == "temperature":
            jumps = abs(mean - before) > TEMPERATURE_LIMIT
        else:
            least = max(min(mean, before), 0.1)
            jumps = max(mean, before) > max(WEATHER_LIMIT * least, 2.0)
        if jumps:
            detail = f"{name} is {mean:.1f} {_UNITS[name]} in the mean, {before:.1f} before"
            return _finding("weather", first, end - 1, detail)
    return None


class _Days(NamedTuple):
    """Days of which most hours were observed: rentals (mean logarithm) and what explains them."""

    day: Ints
    demand: Floats
    causes: Floats


def _days(frame: pd.DataFrame, hours: Ints, working: NDArray[np.int16], rentals: Floats) -> _Days:
    rain = frame["weather"].str.endswith("precipitation").to_numpy().astype(np.float64)
    warmth = np.clip(frame["temperature"].to_numpy(np.float64), -5, 25) / 10
    day, place, count = np.unique(hours // 24, return_inverse=True, return_counts=True)

    def mean(values: Floats) -> Floats:
        return np.bincount(place, values) / count

    causes = np.column_stack([mean(warmth), mean(rain), mean(working.astype(np.float64))])
    whole = count >= 0.75 * np.median(count)
    demand = np.log(24 * mean(rentals) + 1)
    return _Days(day[whole], demand[whole], causes[whole])


def _level(days: _Days) -> Finding | None:
    """Find a jump that neither weather and calendar nor the same weeks of earlier years explain."""
    end = int(days.day[-1]) + 1
    worst: tuple[float, int, float] | None = None
    for weeks in WEEKS:
        first = end - 7 * weeks
        length = min(7 * weeks, REFERENCE_DAYS)
        jump = _jump(days, first, length)
        years = range(1, (end - int(days.day[0])) // 364 + 1)  # of the same weekdays
        earlier = [_jump(days, first - 364 * year, length) for year in years]
        unexplained = min([jump, *(jump - other for other in earlier if other)], key=abs)
        beyond = abs(unexplained) - np.log(WEEK_LIMIT if weeks == 1 else LEVEL_LIMIT)
        if beyond > 0 and (worst is None or beyond > worst[0]):
            worst = (beyond, weeks, jump)
    if worst is None:
        return None
    _, weeks, jump = worst
    detail = (
        f"rentals are {np.exp(jump):.2f} times what the weeks before, weather and calendar "
        "let expect, and no earlier year has the like"
    )
    return _finding("level", (end - 7 * weeks) * 24, end * 24 - 1, detail)


def _jump(days: _Days, first: int, length: int) -> float:
    """Return by how much the level of so many days from day `first` differs from the 28 days
    before them, as a logarithm, beyond what weather and calendar explain; 0 if it can't be told.

    A linear regression on the days before, within blocks of 28 days so that growth is no cause,
    says what they explain. Upper quartiles are compared, of a single week the best days: storms
    and holidays only ever lower days, and seldom all of a week.
    """
    past = days.day < first
    new = (days.day >= first) & (days.day < first + length)
    last = past & (days.day >= first - REFERENCE_DAYS)
    if (
        past.sum() < LEAST_DAYS * 0.75
        or new.sum() * 7 < 3 * length
        or last.sum() * 2 < REFERENCE_DAYS
    ):
        return 0.0
    block = (first - 1 - days.day[past]) // REFERENCE_DAYS
    number = np.maximum(np.bincount(block), 1)

    def within(values: Floats) -> Floats:
        return values - (np.bincount(block, values) / number)[block]

    causes = np.column_stack([within(column) for column in days.causes[past].T])
    ridge = np.diag([2.5, 0.5, 0.5])  # little history, little said
    effect = np.linalg.solve(causes.T @ causes + ridge, causes.T @ within(days.demand[past]))
    rest = days.demand - days.causes @ effect
    share = 1.0 if length == 7 else 0.75
    return float(np.quantile(rest[new], share) - np.quantile(rest[last], share))


def _multiples(hours: Ints, rentals: Floats) -> Finding | None:
    """Find newest hours of which each was counted several times, as a join of tables does."""
    newest = rentals[::-1]
    whole = np.where(newest % 1 == 0, newest, 1).astype(np.int64)  # no fraction has a factor
    shared = np.gcd.accumulate(whole)
    length = int((shared != 1).sum())
    if (
        length == len(hours)  # that is how it is counted there
        or np.count_nonzero(whole[:length]) < MULTIPLE_HOURS
        or hours[-length] <= hours[-1] - WEEKS[-1] * HOURS_PER_WEEK
    ):
        return None
    times = shared[length - 1]
    detail = f"all rentals are multiples of {times}, as if each was counted {times} times"
    return _finding("multiples", hours[-length], hours[-1], detail)


def _pattern(hours: Ints, working: NDArray[np.int16], rentals: Floats) -> Finding | None:
    """Find weeks whose hours do not follow the typical day, as when they were shuffled."""
    kind = working.astype(np.int64) * 24 + hours % 24
    end = int(hours[-1]) + 1
    worst: tuple[float, float, int] | None = None
    for weeks in WEEKS:
        first = end - weeks * HOURS_PER_WEEK
        new = hours >= first
        old = (hours < first) & (hours >= first - 24 * LEAST_DAYS)
        if old.sum() < 24 * LEAST_DAYS / 4:
            continue
        count = np.maximum(np.bincount(kind[old], minlength=48), 1)
        typical = np.bincount(kind[old], rentals[old], minlength=48) / count
        usual = _correlation(typical[kind[old]], rentals[old])
        now = _correlation(typical[kind[new]], rentals[new])
        # Where no day is typical, nothing can be told.
        if usual > 0.3 and now < PATTERN_LIMIT * usual and (worst is None or now < worst[0]):
            worst = (now, usual, weeks)
    if worst is None:
        return None
    now, usual, weeks = worst
    detail = (
        "rentals do not follow the hours of the day as they did: correlation with the typical day "
        f"{now:.2f}, {usual:.2f} before"
    )
    return _finding("pattern", end - weeks * HOURS_PER_WEEK, end - 1, detail)


def _correlation(left: Floats, right: Floats) -> float:
    if left.std() == 0 or right.std() == 0:
        return 0.0
    return float(np.corrcoef(left, right)[0, 1])
