"""Says whether hours look like those of the same city: rentals, weather and names of columns."""

import numpy as np
import pandas as pd

from training.importing import names

CONTRADICTS = 0.5
"""Share of the hours known already at which other rentals make it another city."""
OFF = 0.2
"""Share of an hour's rentals that a later count may differ by."""
TOGETHER = 24
"""Hours in common from which on these alone decide."""
LEVEL, ANY_SEASON = 3.0, 5.0
"""How many times as many rentals an hour make another city: in the same months, in any."""
SHAPE = 0.2
"""Share of the rentals at other hours of the week. Months of the embedded history differ by 0.13 at
most, its fortnights from their mean by 0.12."""
CLIMATE, ONE_MONTH = 3.5, 8.0
"""By how many °C months may differ from those of another year: 11 if there is one, 6 in a year. The
two years of the embedded history differ by 2.3, and one month by 5.6."""
LEAST, FORTNIGHT = 72, 14 * 24
"""Hours below which no level, and below which no month or week is compared."""
NAMED = ("datetime", "date", "hour", "rentals", "temperature", "humidity", "windspeed")


def difference(frame: pd.DataFrame, known: pd.DataFrame) -> str:
    """Return in which way hours are unlike those known, empty if they may be the same city's."""
    both = _together(frame, known)
    if len(both) >= TOGETHER:
        return _contradiction(both)
    if min(len(frame), len(known)) < LEAST:
        return ""
    return _level(frame, known) or _climate(frame, known) or _shape(frame, known)


def agree(frame: pd.DataFrame, known: pd.DataFrame) -> bool:
    """Say whether enough hours are in both and have the same rentals."""
    both = _together(frame, known)
    return len(both) >= TOGETHER and not _contradiction(both)


def called_alike(columns: dict[str, str], before: dict[str, str]) -> bool:
    """Say whether the columns that every history has are called as in a file before."""
    mine, theirs = ([names.plain(it.get(name, "")) for name in NAMED] for it in (columns, before))
    return mine == theirs


def _together(frame: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    return frame.merge(known, on="datetime", suffixes=("", "_known"))


def _contradiction(both: pd.DataFrame) -> str:
    ours, theirs = both["rentals"].astype(float), both["rentals_known"].astype(float)
    off = (ours - theirs).abs() > np.maximum(3, OFF * np.maximum(ours, theirs))
    if off.mean() <= CONTRADICTS:
        return ""
    return f"the rentals of {off.sum():,} of the {len(both):,} hours known already are other ones"


def _level(frame: pd.DataFrame, known: pd.DataFrame) -> str:
    months = _months(frame, known, "rentals")
    level, before = float(frame["rentals"].mean()), float(known["rentals"].mean())
    limit = ANY_SEASON
    if len(months):
        level, before = (float(months[side].mean()) for side in ("ours", "theirs"))
        limit = LEVEL
    if max(level, before) <= limit * max(min(level, before), 0.1):
        return ""
    where = " in the same months" if len(months) else ""
    return f"it has {level:,.1f} rentals an hour and what is there {before:,.1f}{where}"


def _climate(frame: pd.DataFrame, known: pd.DataFrame) -> str:
    months = _months(frame, known, "temperature")
    if months.empty:
        return ""
    apart = float(np.sqrt(((months["ours"] - months["theirs"]) ** 2).mean()))
    if apart <= CLIMATE + ONE_MONTH / np.sqrt(len(months)):
        return ""
    return f"its months are {apart:.0f} °C off those of what is there"


def _shape(frame: pd.DataFrame, known: pd.DataFrame) -> str:
    if min(len(frame), len(known)) < FORTNIGHT:
        return ""
    apart = float((_week(frame) - _week(known)).abs().sum() / 2)
    if apart <= SHAPE:
        return ""
    return f"{apart:.0%} of its rentals are at other hours of the week than in what is there"


def _week(frame: pd.DataFrame) -> "pd.Series[float]":
    """Return the share of rentals at each hour of working days and of weekends."""
    when = frame["datetime"].dt
    key = [when.day_of_week.ge(5).rename("free"), when.hour.rename("hour")]
    means = frame["rentals"].astype(float).groupby(key).mean()
    every = pd.MultiIndex.from_product([[False, True], range(24)], names=["free", "hour"])
    shares: pd.Series[float] = (means / max(float(means.sum()), 0.1)).reindex(every, fill_value=0)
    return shares


def _months(frame: pd.DataFrame, known: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the means of the months of the year that both have a fortnight of."""
    sides = {}
    for side, hours in (("ours", frame), ("theirs", known)):
        month = hours["datetime"].dt.month
        values = hours[name].astype(float).groupby(month)
        sides[side] = values.mean()[values.count() >= FORTNIGHT]
    return pd.DataFrame(sides).dropna()
