"""Hours as people write them: dates and times, offsets, clock changes, epochs."""

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from training.importing.numbers import finite
from training.schema import FIRST_YEAR, LAST_YEAR

Kind = Literal["stamp", "date", "clock", "epoch", "none"]

_DATE = (
    r"(?:(?P<year>\d{4})(?:\s*[-/.년]\s*(?P<month>\d{1,2})\s*[-/.월]\s*(?P<day>\d{1,2})\s*[.일]?"
    r"|(?P<month2>\d{2})(?P<day2>\d{2}))"
    r"|(?P<first>\d{1,2})[-/. ](?P<second>\d{1,2})[-/. ](?P<year2>\d{4}|\d{2}))"
)
_CLOCK = (
    r"(?P<hour>\d{1,2})(?:\s*[:.hH시]\s*(?P<minute>\d{2})?분?"
    r"(?::(?P<seconds>\d{2})(?:[.,]\d+)?)?|(?P<minute2>\d{2}))?"
    r"\s*(?P<half>[aApP]\.?\s?[mM]\.?)?(?:\s*(?:h|Uhr|uhr|hrs))?"
)
_OFFSET = (
    r"\s*(?:(?P<offset>Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)(?:\s?\[[\w/]+\]|\s(?:UTC|[A-Z]{3,4}))?)?"
)
STAMP = re.compile(rf"{_DATE}(?:(?:[T\s,_]+|-(?=\d)){_CLOCK}{_OFFSET})?")
COMPACT = re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})(?P<hour>\d{2})(?:\d{2}){0,2}")
CLOCK = re.compile(rf"[hH]?{_CLOCK}(?:\s*(?:-|–|to|bis|a|à)\s*\d{{1,2}}(?:[:.h]\d{{2}})*h?)?")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
WORDED = re.compile(
    rf"(?i:(?:[a-z]{{3,9}}\.?,?\s+)?(?:\d{{1,2}}(?:st|nd|rd|th)?[\s-]{_MONTH}[\s,-]+\d{{2,4}}"
    rf"|{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}})"
    r"(?:[\s,]+\d{1,2}:\d{2}(?::\d{2})?(?:\s*[ap]m)?)?)"
)
"""A month by its English name: no doubt which number is the day."""


@dataclass(slots=True)
class Stamps:
    """Moments of the rows of a table, aligned with its index.

    Attributes
    ----------
    local : Series of datetime64
        Naive, NaT where unreadable.
    notes : list of str
    """

    local: "pd.Series[pd.Timestamp]"
    notes: list[str]


def kind_of(cells: "pd.Series[Any]") -> Kind:
    """Say what most cells of a column are."""
    if pd.api.types.is_datetime64_any_dtype(cells):
        known = cells.dropna()
        midnight = bool((known.dt.hour == 0).all() and (known.dt.minute == 0).all())
        return "date" if midnight and _repeats(known) else "stamp"
    known = cells.dropna()
    if cells.dtype != object:
        return _kind_of_numbers(known[np.isfinite(known)])
    texts = known.astype(str).unique()[:500]
    numbers = pd.to_numeric(pd.Series(texts), errors="coerce")
    if numbers.notna().mean() > 0.95:
        return _kind_of_numbers(numbers[np.isfinite(numbers)])
    clocks = sum(1 for text in texts if CLOCK.fullmatch(text))
    if clocks > len(texts) / 2:
        return "clock"
    found = [STAMP.fullmatch(text) for text in texts]
    read = [match for match in found if match]
    if len(read) + sum(1 for text in texts if WORDED.fullmatch(text)) <= len(texts) / 2:
        return "none"
    if not read:
        return "stamp" if any(":" in text for text in texts) else "date"
    hours = {match["hour"] for match in read}
    midnight = hours <= {None, "0", "00"} and _repeats(known)
    return "date" if midnight or hours == {None} else "stamp"


def _repeats(known: "pd.Series[Any]") -> bool:
    """Say whether times that are all at midnight are dates: few rows may be hours all the same."""
    return bool(known.duplicated().any()) or known.nunique() > 2


def _kind_of_numbers(values: "pd.Series[Any]") -> Kind:
    whole = values[values == values.round()]
    if len(whole) <= 0.9 * len(values):
        return "none"
    if whole.between(0, 24).mean() > 0.9:
        return "clock"
    if _compact(_digits(whole)).notna().mean() > 0.9:  # YYYYMMDDHH first: it looks like an epoch
        return "stamp"
    if _epoch_scale(whole):
        return "epoch"
    days = whole.between(FIRST_YEAR * 10**4, (LAST_YEAR + 1) * 10**4)
    return "date" if days.mean() > 0.9 else "none"


def _digits(values: "pd.Series[Any]") -> "pd.Series[Any]":
    return values.where(values.abs() < 1e15, 0).astype("int64").astype(str)


def _epoch_scale(values: "pd.Series[Any]") -> int | None:
    """Return how many of them make a second, if most are times since 1970."""
    for scale in (1, 1000, 10**6, 10**9):
        if values.between(4e8 * scale, 4.2e9 * scale).mean() > 0.9:
            return scale
    return None


def orders(cells: "pd.Series[Any]") -> set[bool]:
    """Return which of day first (True) and month first (False) fit all dates; both if none tells.

    The likelier one if neither does; empty if no date begins with a day or a month.
    """
    if cells.dtype != object:
        return set()
    parts = pd.Series(cells.dropna().astype(str).unique()).str.extract(STAMP)
    parts = parts[["first", "second"]].dropna().astype(int)
    if parts.empty:
        return set()
    against = {True: int((parts["second"] > 12).sum()), False: int((parts["first"] > 12).sum())}
    least = min(against.values())
    return {order for order, count in against.items() if count == least}


def parse(cells: "pd.Series[Any]", day_first: bool, source: str, zone: str) -> Stamps:
    """Return the local times of cells.

    Parameters
    ----------
    source : str
        The timezone of times without an offset.
    zone : str
        The timezone to return.
    """
    notes: list[str] = []
    kind = kind_of(cells)
    if pd.api.types.is_datetime64_any_dtype(cells):
        if cells.dt.tz is not None:
            return _at_home(cells.dt.tz_convert("UTC"), zone, notes)
        naive = cells.astype("datetime64[s]")
    elif kind == "epoch":
        values = _floats(cells)
        seconds = values / (_epoch_scale(values.dropna()) or 1)
        seconds = seconds.where(seconds.between(0, 4.2e9))
        moments = pd.to_datetime(seconds, unit="s", utc=True).dt.floor("s")
        notes.append(f"times since 1970 are taken to {zone}")
        return _at_home(moments, zone, notes)
    else:
        naive, offset = _read(cells, day_first)
        if offset.notna().any():
            return _with_offsets(naive, offset, source, zone, notes)
    return _from_zone(naive, source, zone, notes)


def _read(
    cells: "pd.Series[Any]", day_first: bool
) -> tuple["pd.Series[pd.Timestamp]", "pd.Series[Any]"]:
    """Return naive times and their offsets from UTC."""
    texts = cells.map(_as_text, na_action="ignore").astype("string")
    unique = pd.Series(texts.dropna().unique(), dtype="string")
    parts = unique.str.extract(f"^{STAMP.pattern}$")
    day, month = ("first", "second") if day_first else ("second", "first")
    year = parts["year"].fillna(parts["year2"])
    year = year.where(year.str.len() != 2, "20" + year)
    times = _compose(
        year,
        parts["month"].fillna(parts["month2"]).fillna(parts[month]),
        parts["day"].fillna(parts["day2"]).fillna(parts[day]),
        parts["hour"],
        parts["minute"].fillna(parts["minute2"]),
        parts["half"],
    )
    compact = unique.str.fullmatch(COMPACT.pattern)
    times = times.where(~compact, _compact(unique))
    worded = times.isna() & unique.str.fullmatch(WORDED.pattern)
    if worded.any():
        named = pd.to_datetime(unique[worded], format="mixed", errors="coerce", utc=True)
        times = times.where(~worded, named.dt.tz_localize(None).astype("datetime64[s]"))
    back = dict(zip(unique, range(len(unique)), strict=True))
    places = texts.map(back, na_action="ignore").astype("Int64")
    known = places.notna()
    result = pd.Series(pd.NaT, index=cells.index, dtype="datetime64[s]")
    result[known] = times.to_numpy()[places[known].astype(int)]
    offset = pd.Series(None, index=cells.index, dtype=object)
    said = parts["offset"].astype(object).where(parts["offset"].notna(), None).to_numpy()
    offset[known] = said[places[known].astype(int)]
    return result, offset


def _as_text(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) else str(cell)


def _compact(texts: "pd.Series[Any]") -> "pd.Series[pd.Timestamp]":
    parts = texts.astype("string").str.extract(f"^{COMPACT.pattern}$")
    none = pd.Series(pd.NA, index=texts.index, dtype="string")
    return _compose(parts["year"], parts["month"], parts["day"], parts["hour"], none, none)


def _compose(
    year: Any, month: Any, day: Any, hour: Any, minute: Any, half: Any
) -> "pd.Series[pd.Timestamp]":
    """Return times of their parts as text, to the minute."""
    numbers = {"year": year, "month": month, "day": day}
    date = pd.to_datetime(
        pd.DataFrame({name: _floats(part) for name, part in numbers.items()}),
        errors="coerce",
    )
    clock = _floats(hour).fillna(0)
    late = half.str.lower().str.startswith("p").fillna(False).astype(bool)
    halved = half.notna()
    clock = clock.where(~halved, clock % 12 + 12 * late.astype(int))
    minutes = _floats(minute).fillna(0)
    # 24:00 is the midnight that ends the day.
    legal = (clock < 24) | ((clock == 24) & (minutes == 0))
    legal &= (minutes < 60) & date.dt.year.between(FIRST_YEAR, LAST_YEAR)
    seconds = (clock * 3600 + minutes * 60).where(legal)
    result: pd.Series[Any] = (date + pd.to_timedelta(seconds, unit="s")).astype("datetime64[s]")
    return result


def _floats(texts: "pd.Series[Any]") -> "pd.Series[float]":
    return finite(pd.to_numeric(texts.astype(object), errors="coerce").astype("float64"))


def clock(cells: "pd.Series[Any]") -> "pd.Series[float]":
    """Return the hours of a column like 8, 08:00, 8 pm or 08-09; NaN for what is none."""
    if cells.dtype != object:
        return finite(cells.astype("float64"))
    unique = pd.Series(cells.dropna().astype(str).unique(), dtype="string")
    parts = unique.str.extract(f"^{CLOCK.pattern}$")
    hours = _floats(parts["hour"])
    late = parts["half"].str.lower().str.startswith("p").fillna(False).astype(bool)
    hours = hours.where(parts["half"].isna(), hours % 12 + 12 * late.astype(int))
    hours = hours + _floats(parts["minute"]).fillna(0) / 60
    plain = _floats(unique)
    hours = plain.where(plain.notna(), hours)
    known = dict(zip(unique, hours, strict=True))
    return cells.map(lambda cell: known.get(str(cell), np.nan), na_action="ignore").astype(
        "float64"
    )


def goes_round(cells: "pd.Series[Any]") -> bool:
    """Say whether the hours of a column are those of days: nearly all 24, none much more often."""
    shares = clock(cells).value_counts(normalize=True)
    return len(shares) >= 20 and bool(shares.iloc[0] < 0.1)


def _with_offsets(
    naive: "pd.Series[pd.Timestamp]",
    offset: "pd.Series[Any]",
    source: str,
    zone: str,
    notes: list[str],
) -> Stamps:
    minutes = offset.map(_minutes, na_action="ignore").astype("float64")
    moments = naive - pd.to_timedelta(minutes.fillna(0), unit="min")
    moments = moments.dt.tz_localize("UTC").where(offset.notna())
    bare = naive.where(offset.isna())
    if bare.notna().any():
        rest = bare.dt.tz_localize(source, ambiguous="NaT", nonexistent="NaT")
        moments = moments.fillna(rest.dt.tz_convert("UTC"))
    notes.append(f"offsets are taken to {zone}")
    return _at_home(moments, zone, notes)


def _minutes(offset: str) -> int:
    if offset.upper() in ("Z", "UTC", "GMT"):
        return 0
    digits = offset[1:].replace(":", "").ljust(4, "0")
    size = int(digits[:2]) * 60 + int(digits[2:])
    return -size if offset[0] == "-" else size


def _at_home(moments: Any, zone: str, notes: list[str]) -> Stamps:
    local = moments.dt.tz_convert(zone).dt.tz_localize(None).astype("datetime64[s]")
    return Stamps(local, notes)


def _from_zone(
    naive: "pd.Series[pd.Timestamp]", source: str, zone: str, notes: list[str]
) -> Stamps:
    if source != zone:
        notes.append(f"times are taken from {source} to {zone}")
        naive = from_zone(naive, source, zone)
    return Stamps(naive, notes)


def from_zone(
    naive: "pd.Series[pd.Timestamp]", source: str, zone: str
) -> "pd.Series[pd.Timestamp]":
    """Return times of one timezone in another."""
    first = np.ones(len(naive), bool)  # of an hour that came twice
    moments = naive.dt.tz_localize(source, ambiguous=first, nonexistent="shift_forward")
    local: pd.Series[pd.Timestamp]
    local = moments.dt.tz_convert(zone).dt.tz_localize(None).astype("datetime64[s]")
    return local


def never_shown(local: "pd.Series[pd.Timestamp]", zone: str) -> "pd.Series[bool]":
    """Say which local times the clock never showed, because it went forward."""
    shown = local.dt.tz_localize(zone, ambiguous=np.ones(len(local), bool), nonexistent="NaT")
    return shown.isna() & local.notna()


def shown_twice(local: "pd.Series[pd.Timestamp]", zone: str) -> "pd.Series[bool]":
    """Say which local times the clock showed twice, because it went back."""
    shown = local.dt.tz_localize(zone, ambiguous="NaT", nonexistent="shift_forward")
    return shown.isna() & local.notna()
