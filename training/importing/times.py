"""Hours as people write them: dates and times, offsets, clock changes, epochs."""

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from training.importing.names import plain
from training.importing.numbers import finite
from training.schema import FIRST_YEAR, LAST_YEAR

Kind = Literal["stamp", "date", "clock", "epoch", "none"]
Order = Literal["day", "month", "year"]
"""What dates of three numbers of two digits begin with."""

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
SPANS = 4
"""Offsets in one column above which they are ends of spans: 08:00-09:00."""
COMPACT = re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})(?P<hour>\d{2})(?:\d{2}){0,2}")
CLOCK = re.compile(rf"[hH]?{_CLOCK}(?:\s*(?:-|–|to|bis|a|à)\s*\d{{1,2}}(?:[:.h]\d{{2}})*h?)?")
_MONTHS = (
    "jan ene gen sty led tammi",
    "feb fev fbr lut uno helmi",
    "mar maa mrz mae brez",
    "apr avr abr kwi dub huhti",
    "may mai mei mag maj kve touko",
    "jun juin giu cze cerv kesa",
    "jul juil lug lip cervenc cervene heina",
    "aug aou ago sie srp elo",
    "sep set wrz zar syys",
    "oct okt ott out paz rij loka",
    "nov lis marras",
    "dec dic dez des gru pro joulu",
)
"""What the names of months begin with, in the languages of `names`."""
_MONTH_OF = {
    begin: number for number, begins in enumerate(_MONTHS, start=1) for begin in begins.split()
}
_WEEKDAY = r"^(?:[^\W\d]+\.?,?\s+)?"
_REST = r"(?!\d)[\s,:]*(?:(?:at|um|om|kl\.?|ore|[aà](?: las)?|às)\s+)?(?P<rest>.*)$"
WORDED = (
    re.compile(
        rf"{_WEEKDAY}(?P<day>\d{{1,2}})(?:st|nd|rd|th|er|º|\.)?[\s-]*(?:de\s+)?"
        rf"(?P<month>[^\W\d_]{{3,}})\.?[\s,-]*(?:del?\s+)?(?P<year>\d{{4}}|\d{{2}}){_REST}",
        re.IGNORECASE,
    ),
    re.compile(
        rf"{_WEEKDAY}(?P<month>[^\W\d_]{{3,}})\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+"
        rf"(?P<year>\d{{4}}){_REST}",
        re.IGNORECASE,
    ),
)
"""A month by its name: no doubt which number is the day."""
_UNTIL = re.compile(r"\s*(?:–|—|\s-\s|\s(?:to|bis|until|à|au?)\s|/(?=\d{4}-\d))\s*\d.*$")
_HAS_CLOCK = re.compile(r"\d\s?(?:[:hH]|[aApP]\.?\s?[mM])")
SERIAL = pd.Timestamp("1899-12-30")
"""From when Excel counts days."""


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
    if _is_serial(known):
        whole = bool((_floats(known) % 1 == 0).all())
        return ("date" if known.duplicated().any() else "none") if whole else "stamp"
    if cells.dtype != object:
        return _kind_of_numbers(known[np.isfinite(known)])
    texts = known.astype(str).unique()[:500]
    numbers = pd.to_numeric(pd.Series(texts), errors="coerce")
    if numbers.notna().mean() > 0.95:
        return _kind_of_numbers(numbers[np.isfinite(numbers)])
    clocks = sum(1 for text in texts if CLOCK.fullmatch(text))
    if clocks > len(texts) / 2:
        return "clock"
    found = [STAMP.fullmatch(_usual(text)) for text in texts]
    read = [match for match in found if match]
    if len(read) <= len(texts) / 2:
        return "none"
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
    if whole.between(0, 24).mean() > 0.9 or _without_colon(whole):
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


def _without_colon(values: "pd.Series[Any]") -> bool:
    """Say whether numbers are hours and minutes in one: 0, 100, ... 2300."""
    fits = values.between(0, 2400) & (values % 100 < 60) & (values % 5 == 0)
    return bool((values >= 100).mean() > 0.5 and fits.mean() > 0.9)


def _is_serial(cells: "pd.Series[Any]") -> bool:
    """Say whether cells are days as Excel counts them, an hour a fraction: 44562.041667."""
    values = pd.Series(_floats(cells).unique()).sort_values()
    if len(values) < 3 or not values.between(20_000, 60_000).mean() > 0.9:
        return False
    minutes = values * 24 * 60
    near = (values.diff().dropna() < 1.001).mean() > 0.9
    return bool(near and ((minutes - minutes.round()).abs() < 0.1).mean() > 0.9)


def _usual(text: str) -> str:
    """Return a time with its month as a number, and without the end of a span."""
    end = _UNTIL.search(text)
    if end and _HAS_CLOCK.search(text[: end.start()]):
        text = text[: end.start()]
    for pattern in WORDED:
        if (said := pattern.match(text)) and (month := _month(said["month"])):
            year = said["year"] if len(said["year"]) == 4 else f"20{said['year']}"
            return f"{year}-{month:02}-{int(said['day']):02} {said['rest']}".strip()
    return text


def _month(name: str) -> int | None:
    """Return the month that a name says by its beginning, the longest that is known."""
    word = plain(name)
    begins = (word[:length] for length in range(len(word), 2, -1))
    return next((_MONTH_OF[begin] for begin in begins if begin in _MONTH_OF), None)


def orders(cells: "pd.Series[Any]") -> list[Order]:
    """Return which orders fit all dates; more than one if nothing tells.

    The likeliest ones if none does; empty if no date is of three short numbers. Whether the year
    comes first is seen from the days in between, as else they would be years apart.
    """
    parts = _three_numbers(cells)
    if parts.empty:
        return []
    wrong = {order: int(_dates(parts, order).isna().sum()) for order in _possible(parts)}
    fits = [order for order, count in wrong.items() if count == min(wrong.values())]
    others: list[Order] = [order for order in fits if order != "year"]
    if others == fits or not others:
        return fits
    year = _span(_dates(parts, "year"))
    rest = min(_span(_dates(parts, order)) for order in others)
    if year * 2 < rest:
        return ["year"]
    return others if rest * 2 < year else fits


def scattered(cells: "pd.Series[Any]", order: Order) -> bool:
    """Say whether an order makes of dates a few over many years: it is hardly the right one."""
    dates = _dates(_three_numbers(cells), order)
    return len(dates) >= 3 and len(dates) < SCATTERED * _span(dates)


def _three_numbers(cells: "pd.Series[Any]") -> pd.DataFrame:
    """Return the parts of the different dates that are of three numbers, none of four digits."""
    names = ["first", "second", "year2"]
    if cells.dtype != object:
        return pd.DataFrame(columns=names)
    texts = pd.Series(cells.dropna().astype(str).unique(), dtype=object).map(_usual)
    return texts.astype("string").str.extract(STAMP)[names].dropna().drop_duplicates()


def _possible(parts: pd.DataFrame) -> list[Order]:
    """Return the orders that the number of digits allows."""
    short = bool((parts["first"].str.len() == 2).all() and (parts["year2"].str.len() == 2).all())
    usual: list[Order] = ["day", "month"]
    return [*usual, "year"] if short else usual


def _dates(parts: pd.DataFrame, order: Order) -> "pd.Series[pd.Timestamp]":
    year, month, day = (_floats(parts[name]) for name in _PLACES[order])
    year = year.where(year >= 100, year + 2000)
    return pd.to_datetime(pd.DataFrame({"year": year, "month": month, "day": day}), errors="coerce")


def _span(dates: "pd.Series[pd.Timestamp]") -> float:
    """Return the days from the first to the last."""
    span = dates.max() - dates.min()
    return 0.0 if pd.isna(span) else float(span / pd.Timedelta(days=1))


_PLACES: dict[Order, tuple[str, str, str]] = {
    "day": ("year2", "second", "first"),
    "month": ("year2", "first", "second"),
    "year": ("first", "second", "year2"),
}
SCATTERED = 0.05
"""Share of the days between the first and the last date below which an order is doubted."""


def parse(cells: "pd.Series[Any]", order: Order, source: str, zone: str) -> Stamps:
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
    elif _is_serial(cells.dropna()):
        minutes = (_floats(cells) * 24 * 60).round()
        naive = (SERIAL + pd.to_timedelta(minutes, unit="min")).astype("datetime64[s]")
        notes.append("times are days as Excel counts them")
    elif kind == "epoch":
        values = _floats(cells)
        seconds = values / (_epoch_scale(values.dropna()) or 1)
        seconds = seconds.where(seconds.between(0, 4.2e9))
        moments = pd.to_datetime(seconds, unit="s", utc=True).dt.floor("s")
        notes.append(f"times since 1970 are taken to {zone}")
        return _at_home(moments, zone, notes)
    else:
        naive, offset = _read(cells, order)
        if offset.nunique() > SPANS:
            notes.append("times from one to another are taken from their start")
        elif offset.notna().any():
            return _with_offsets(naive, offset, source, zone, notes)
    return _from_zone(naive, source, zone, notes)


def _read(
    cells: "pd.Series[Any]", order: Order
) -> tuple["pd.Series[pd.Timestamp]", "pd.Series[Any]"]:
    """Return naive times and their offsets from UTC."""
    texts = cells.map(_as_text, na_action="ignore").astype("string")
    unique = pd.Series(texts.dropna().unique(), dtype="string")
    usual = unique.map(_usual)
    parts = usual.str.extract(f"^{STAMP.pattern}$")
    first, month, day = _PLACES[order]
    year = parts["year"].fillna(parts[first])
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
        return _with_colon(finite(cells.astype("float64")))
    unique = pd.Series(cells.dropna().astype(str).unique(), dtype="string")
    parts = unique.str.extract(f"^{CLOCK.pattern}$")
    hours = _floats(parts["hour"])
    late = parts["half"].str.lower().str.startswith("p").fillna(False).astype(bool)
    hours = hours.where(parts["half"].isna(), hours % 12 + 12 * late.astype(int))
    hours = hours + _floats(parts["minute"]).fillna(0) / 60
    plain = _floats(unique)
    hours = plain.where(plain.notna(), hours)
    known = dict(zip(unique, _with_colon(hours), strict=True))
    return cells.map(lambda cell: known.get(str(cell), np.nan), na_action="ignore").astype(
        "float64"
    )


def _with_colon(hours: "pd.Series[float]") -> "pd.Series[float]":
    """Return hours of numbers like 830, if they are such; else the same."""
    return hours // 100 + hours % 100 / 60 if _without_colon(hours.dropna()) else hours


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


def started(ended: "pd.Series[pd.Timestamp]", zone: str) -> "pd.Series[pd.Timestamp]":
    """Return when hours began of when they ended, all local times of one timezone."""
    again = shown_twice(ended, zone) & ended.duplicated()
    start = (ended - pd.Timedelta(hours=1)).where(~again, ended)
    before = start - pd.Timedelta(hours=1)
    return start.where(~never_shown(start, zone) | before.isin(start), before)


def never_shown(local: "pd.Series[pd.Timestamp]", zone: str) -> "pd.Series[bool]":
    """Say which local times the clock never showed, because it went forward."""
    shown = local.dt.tz_localize(zone, ambiguous=np.ones(len(local), bool), nonexistent="NaT")
    return shown.isna() & local.notna()


def shown_twice(local: "pd.Series[pd.Timestamp]", zone: str) -> "pd.Series[bool]":
    """Say which local times the clock showed twice, because it went back."""
    shown = local.dt.tz_localize(zone, ambiguous="NaT", nonexistent="shift_forward")
    return shown.isna() & local.notna()
