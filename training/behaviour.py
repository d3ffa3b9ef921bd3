"""Whether a model does what anybody knows of bikes, over real hours with one thing changed; pure.

A check that the history gives no ground for (a place without frost, without rain, whose nights
are livelier than its rush hours) passes and says so.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from training.artefact import Artefact
from training.calendar import Calendar
from training.features import Rows, build, observed_rows
from training.history import LEVEL_HOURS, WEATHER, Floats, History, Ints

HORIZON = 24
ROWS = 2000
RAIN = WEATHER.index("light_precipitation")
FREEZING, PLEASANT = 0.0, 22.0
TOLERANCE = 1.02
"""Averages may differ by so much before they are called higher."""
COMMUTE_TOLERANCE = 1.05

Say = Callable[[Rows], Floats]


class Behaviour(TypedDict):
    """A check, whether it passed, and what was found, in words."""

    check: str
    passed: bool
    detail: str


def check_behaviour(served: Artefact, history: History, calendar: Calendar) -> list[Behaviour]:
    """Return what a model does with at most 2,000 hours of the last year, a day ahead.

    Each hour is asked as a single request for the future is: the weather after `as_of` is not
    known but for its own.
    """
    hours = _sample(history)
    rows = observed_rows(history, hours, history.newest_before(hours - HORIZON))
    working = history.working(hours, calendar)

    def say(asked: Rows) -> Floats:
        alone = np.ones(len(asked.hour), np.bool_)
        return served.predict(build(asked, history, calendar, alone))

    return [
        _sound(say, rows),
        _rain(say, rows),
        _warmth(say, rows),
        _night(say, rows, history.rentals_at(hours), working),
        _holiday(say, rows, history, calendar),
    ]


def _sample(history: History) -> Ints:
    hours = history.hours[history.hours > history.hours[-1] - 365 * 24]
    settled = hours[hours > history.hours[0] + LEVEL_HOURS]
    hours = settled if len(settled) else hours
    sample: Ints = hours[np.linspace(0, len(hours) - 1, min(ROWS, len(hours))).astype(int)]
    return sample


def _part(rows: Rows, chosen: NDArray[np.bool_], **changed: float) -> Rows:
    columns = {name: getattr(rows, name)[chosen] for name in Rows.__slots__}
    for name, value in changed.items():
        columns[name] = np.full_like(columns[name], value)
    return Rows(**columns)


def _sound(say: Say, rows: Rows) -> Behaviour:
    answers = np.asarray(say(rows))
    rentals, lower, upper = answers
    wrong = []
    if not np.isfinite(answers).all():
        wrong.append("not finite")
    elif (answers < 0).any():
        wrong.append("negative")
    elif ((lower > rentals) | (rentals > upper)).any():
        wrong.append("outside their own interval")
    if not np.array_equal(answers, np.asarray(say(rows)), equal_nan=True):
        wrong.append("different when asked again")
    if wrong:
        return _found("sound", False, f"some predictions are {' and '.join(wrong)}")
    return _found("sound", True, f"{len(rentals)} predictions are numbers inside their interval")


def _rain(say: Say, rows: Rows) -> Behaviour:
    if not (rows.weather >= RAIN).any():
        return _not_judged("rain", "the last year has no precipitation")
    dry, wet = (
        say(replace(rows, weather=np.full_like(rows.weather, code)))[0].mean() for code in (0, RAIN)
    )
    return _compared("rain", "light precipitation", wet, "clear weather", dry)


def _warmth(say: Say, rows: Rows) -> Behaviour:
    low, high = np.quantile(rows.temperature, [0.05, 0.9])
    if low > FREEZING + 5 or high < PLEASANT - 7:
        return _not_judged("warmth", "the last year knows frost or pleasant warmth hardly or never")
    cold, warm = (
        say(replace(rows, temperature=np.full_like(rows.temperature, degrees)))[0].mean()
        for degrees in (max(FREEZING, low), min(PLEASANT, high))
    )
    return _compared("warmth", "freezing", cold, "pleasant warmth", warm)


def _night(say: Say, rows: Rows, actual: Floats, working: NDArray[np.bool_]) -> Behaviour:
    hour = rows.hour % 24
    night = working & (hour >= 2) & (hour <= 4)
    rush = working & np.isin(hour, (7, 8, 9, 16, 17, 18, 19))
    if not night.any() or not rush.any() or actual[night].mean() > 0.5 * actual[rush].mean():
        return _not_judged("night", "nights of working days are no quieter than the rush hours")
    asleep, awake = (say(_part(rows, chosen))[0].mean() for chosen in (night, rush))
    return _compared("night", "night of working days", asleep, "rush hours", awake, 1.0)


def _holiday(say: Say, rows: Rows, history: History, calendar: Calendar) -> Behaviour:
    """Compare mornings of working days with the same ones, were they holidays."""
    day = calendar.days(history.hours)
    stated = history.holiday[history.cells(history.hours)]
    holiday = np.where(stated < 0, day[:, 2], stated) == 1
    weekday, morning = ~calendar.weekend[day[:, 0]], np.isin(history.hours % 24, (7, 8, 9))
    rentals = history.rentals_at(history.hours)
    free, busy = (rentals[weekday & morning & kind] for kind in (holiday, ~holiday))
    if len(free) < 9 or free.mean() >= busy.mean():
        return _not_judged("holiday", "no quieter mornings of holidays are known")
    asked = np.isin(rows.hour % 24, (7, 8, 9)) & (calendar.days(rows.hour)[:, 1] == 1)
    if not asked.any():
        return _not_judged("holiday", "the last year has no morning of a working day")
    off, on = (say(_part(rows, asked, holiday=value))[0].mean() for value in (1, 0))
    return _compared("holiday", "holiday mornings", off, "working days'", on, COMMUTE_TOLERANCE)


def _compared(
    check: str, less: str, low: float, more: str, high: float, tolerance: float = TOLERANCE
) -> Behaviour:
    passed = bool(low <= tolerance * high)
    verb = "get" if passed else "should not get more, but get"
    return _found(check, passed, f"{less}: {verb} {low:.1f} rentals on average, {more} {high:.1f}")


def _found(check: str, passed: bool, detail: str) -> Behaviour:
    return {"check": check, "passed": passed, "detail": detail}


def _not_judged(check: str, why: str) -> Behaviour:
    return _found(check, True, f"not judged: {why}")
