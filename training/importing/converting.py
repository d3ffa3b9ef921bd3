"""Makes hours of a table by its mapping, or names every value that can't be one."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from training.importing import hours, names, numbers, times, weather
from training.importing.mapping import Mapping
from training.importing.numbers import quantity
from training.importing.proposing import AMOUNTS, COUNTS, MEASURED
from training.importing.reading import Table
from training.schema import (
    FIRST_YEAR,
    HISTORY,
    LAST_YEAR,
    NUMBERS,
    InvalidHistory,
    Problem,
    check_history,
)

YES = frozenset(
    "true 1 1.0 yes y ja oui si sí sim t x on open fun func holiday festivo feriado ferie férié "
    "feiertag wahr vrai kyllä 예 휴일 공휴일 운영 o".split()
)
NO = frozenset(
    "false 0 0.0 no n nein non não nao f off closed nofunc nofun falsch faux ei 아니오 평일 "
    "미운영".split()
) | {"no holiday", "not a holiday", "no festivo", "kein feiertag", "non férié", "working day"}

CLOSED = {"closed": True, "off": True, "open": False, "on": False}
"""What these words say in a column that asks the other way round."""
TRACE = {"T": "0.01", "t": "0.01"}
"""What American stations write for rain too light to measure."""


@dataclass(slots=True)
class Converted:
    """The hours of a file, and what became of its rows.

    Attributes
    ----------
    frame : DataFrame
        As `training.schema.check_history` gives it.
    rows : int
        Rows in the file.
    notes : list of str
        What was done that a reader should know of.
    warnings : list of str
        What a reader should look at.
    """

    frame: pd.DataFrame
    rows: int
    zone: str
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class _Work:
    """The rows on their way to hours, and the problems met."""

    def __init__(self, table: Table, mapping: Mapping, zone: str) -> None:
        self.frame, self.mapping, self.zone = table.frame, mapping, zone
        self.problems: list[Problem] = []
        self.notes = list(table.notes)
        self.warnings: list[str] = []
        self.left_out = pd.Series(False, index=self.frame.index)

    def cells(self, name: str) -> "pd.Series[Any] | None":
        column = self.mapping.columns.get(name)
        return self.frame[column] if column else None

    def stamps(self) -> "pd.Series[Any]":
        """Return the cells that say the time, or the date."""
        cells = self.cells("datetime")
        cells = self.cells("date") if cells is None else cells
        assert cells is not None  # noqa: S101 - a proposal without it is no proposal
        return cells

    def report(self, name: str, bad: "pd.Series[bool]", expected: str) -> None:
        """Add a problem for each bad row that is not left out."""
        column = self.mapping.columns.get(name) or name
        for row in bad.index[bad & ~self.left_out]:
            cell = self.frame.at[row, column] if column in self.frame.columns else None
            value = cell.item() if isinstance(cell, np.generic) else cell
            self.problems.append(
                Problem(int(row), column, "" if _is_none(value) else value, expected)
            )


def convert(
    table: Table,
    mapping: Mapping,
    zone: str,
    *,
    add_up: bool = False,
    skip_incomplete: bool = False,
) -> Converted:
    """Return the hours of a table in the local time of `zone`.

    Parameters
    ----------
    add_up : bool
        Rows of the same hour are parts of it, as one a station: rentals are summed.
    skip_incomplete : bool
        Leave hours out that lack a value which no hour can do without.

    Raises
    ------
    InvalidHistory
        With every value that is none; or the rows are no hours.
    """
    work = _Work(table, mapping, zone)
    _leave_out_foot(work)
    _leave_out_closed(work)
    if skip_incomplete:
        _leave_out_incomplete(work)
    rows = pd.DataFrame({"datetime": _times(work)})
    for name in (*COUNTS, *MEASURED):
        rows[name] = _numbers(work, name)
    rows["rentals"] = _rentals(work, rows)
    rows["weather"] = _weather(work)
    rows["holiday"] = _whole_days(work, rows["datetime"], _flag(work, "holiday"))
    if work.problems:
        raise InvalidHistory.of(work.problems)
    rows = rows[~work.left_out]
    cells = work.frame.loc[rows.index].astype(str)
    words = [name for name in map(str, cells) if names.matches("weather", name)]
    alike = cells.drop(columns=words).duplicated() if words else False
    rows = rows.assign(copy=cells.duplicated(), alike=alike)
    if rows.empty:
        raise InvalidHistory("no row is left, expected at least one hour")
    found, notes = hours.to_hours(rows, work.stamps(), zone, add_up=add_up)
    work.notes += notes
    frame = check_history(found[list(HISTORY)])
    return Converted(frame, len(table.frame), zone, work.notes, work.warnings)


def _is_none(value: Any) -> bool:
    return value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value))


def _leave_out_foot(work: _Work) -> None:
    """Leave out what stands below the hours, as a total or a source: no digit is in its time."""
    cells = work.stamps()
    if cells.dtype != object:
        return
    foot = cells.notna() & ~cells.astype(str).str.contains(r"\d")
    foot &= foot[::-1].cummin()[::-1]  # up to the end of the file
    work.left_out |= foot
    if foot.any():
        said = ", ".join(repr(str(cell)[:40]) for cell in cells[foot][:3])
        work.notes.append(f"{quantity(foot.sum(), 'row')} below the hours left out: {said}")


def _leave_out_closed(work: _Work) -> None:
    for name, closed in (("open", False), ("closed", True)):
        if work.cells(name) is None:
            continue
        flag = _flag(work, name)
        out = (flag == closed).fillna(False).astype(bool)
        work.left_out |= out
        if out.any():
            work.notes.append(
                f"{quantity(out.sum(), 'closed hour')} left out: what people wanted then is "
                "unknown, not zero"
            )


def _leave_out_incomplete(work: _Work) -> None:
    needed = ["datetime", "date", "hour", "temperature", "humidity", "windspeed", "weather"]
    needed += ["rentals"] if work.cells("rentals") is not None else ["casual", "registered"]
    empty = pd.Series(False, index=work.frame.index)
    for name in needed:
        if (cells := work.cells(name)) is not None:
            empty |= cells.isna()
            if name in MEASURED:
                empty |= numbers.measured(cells, work.mapping.decimal)[1]
    empty &= ~work.left_out
    work.left_out |= empty
    if empty.any():
        work.notes.append(f"{quantity(empty.sum(), 'row')} with an empty cell left out")


def _times(work: _Work) -> "pd.Series[pd.Timestamp]":
    """Return the local time of each row; leave out what the clock never showed."""
    mapping = work.mapping
    column = "datetime" if work.cells("datetime") is not None else "date"
    cells = work.stamps()
    source = mapping.timezone or work.zone
    clock = work.cells("hour") if column == "date" else None
    found = times.parse(
        cells, mapping.order or "month", work.zone if clock is not None else source, work.zone
    )
    local = found.local
    order = f", {mapping.order} first" if mapping.order else ""
    kind = "a date and time" if clock is None else "a date"
    work.report(column, local.isna(), f"{kind}{order}, {FIRST_YEAR} to {LAST_YEAR}")
    if clock is not None:
        local = local.dt.normalize() + _clock(work, clock)
        local = local.astype("datetime64[s]")
        if source != work.zone:
            local = times.from_zone(local, source, work.zone)
            work.notes.append(f"times are taken from {source} to {work.zone}")
    work.notes += found.notes
    if mapping.units.get("datetime") == "end" or mapping.units.get("hour") == "end":
        local = times.started(local, work.zone)
        work.notes.append("hours are named by their end: they are taken by their start")
    never = times.never_shown(local, work.zone) & ~work.left_out
    if never.any():
        example = local[never].iloc[0]
        work.warnings.append(
            f"{quantity(never.sum(), 'row')} left out, of hours like {example:%Y-%m-%d %H:%M} that "
            f"clocks in {work.zone} skipped: if the file keeps another time, say --timezone"
        )
        work.left_out |= never
    return local


def _clock(work: _Work, cells: "pd.Series[Any]") -> "pd.Series[pd.Timedelta]":
    hours = times.clock(cells)
    if work.mapping.units.get("hour") == "1-24":
        work.report("hour", ~hours.between(1, 24), "an hour from 1 to 24")
        hours = hours - 1
    else:
        work.report("hour", ~((hours >= 0) & (hours < 24)), "an hour from 0 to 23")
    minutes = (hours * 60).where(hours.between(0, 24)).round()
    return pd.to_timedelta(minutes, unit="min")


def _numbers(work: _Work, name: str) -> "pd.Series[float]":
    cells = work.cells(name)
    if cells is None:
        return pd.Series(np.nan, index=work.frame.index)
    counts = name in COUNTS
    if counts:
        raw, marks = numbers.parse(cells, work.mapping.decimal, whole=True), cells.isna()
    else:
        raw, marks = numbers.measured(cells, work.mapping.decimal)
    unit = work.mapping.units.get(name)
    change = numbers.TO_ITS_UNIT.get(name, {}).get(unit or "")
    values = raw if change is None else change(raw)
    values = values.round(6)
    limits = NUMBERS[name]
    bad = ~values.between(limits.low, limits.high)
    if counts:
        bad |= values != values.round()
    if not limits.required:
        bad &= cells.notna() & ~marks
    wanted = "a whole number" if counts else "a number"
    expected = f"{wanted} from {limits.low:g} to {limits.high:.7g} ({limits.unit})"
    if unit and change is not None and unit not in ("C", "%", "km/h"):
        expected += f", as it is taken for {unit}"
    if name != "rentals" or work.cells("rentals") is not None:
        work.report(name, bad, expected)
    return values.round(2) if change is not None and unit not in ("C", "%", "km/h") else values


def _rentals(work: _Work, rows: pd.DataFrame) -> "pd.Series[float]":
    """Return the rentals; the sum of both kinds of users where there is no total."""
    parts = rows["casual"] + rows["registered"]
    if work.cells("rentals") is None:
        work.notes.append("rentals are the sum of casual and registered")
        for name in ("casual", "registered"):
            cells = work.cells(name)
            if cells is not None:
                work.report(name, cells.isna(), "a number: there is no total to take its place")
        return parts
    wrong = parts.notna() & (parts != rows["rentals"]) & rows["rentals"].notna()
    work.report("rentals", wrong, "the sum of casual and registered, or --map casual= to leave it")
    return rows["rentals"]


def _weather(work: _Work) -> "pd.Series[Any]":
    cells = work.cells("weather")
    if cells is not None:
        kind = work.mapping.units.get("weather", "text")
        found = weather.parse(cells, kind, work.mapping.weather)
        silent = cells.isna()
        if kind == "text" and silent.mean() > 0.5:  # as stations that write down what falls
            found = found.mask(silent, weather.CLEAR)
            work.notes.append(
                f"most hours have no word for the weather: {int(silent.sum()):,} are taken as clear"
            )
        code = "a code" if kind != "text" else "a word"
        expected = f"{code} for the weather ({kind}), or one in the mapping file's [weather]"
        work.report("weather", found.isna(), expected)
        return found
    if all(work.cells(name) is None for name in AMOUNTS):
        work.warnings.append("no column says the weather: every hour is stored as clear")
        return pd.Series(weather.CLEAR, index=work.frame.index, dtype=object)
    work.notes.append(
        "weather is made of rain and snow: more than 7.6 mm or 2.5 cm an hour is heavy, a dry hour "
        "is clear (mist can't be told)"
    )
    return weather.of_amounts(_amount(work, "rain"), _amount(work, "snow"))


def _amount(work: _Work, name: str) -> "pd.Series[float]":
    cells = work.cells(name)
    if cells is None:
        return pd.Series(0.0, index=work.frame.index)
    values, marks = numbers.measured(cells.replace(TRACE), work.mapping.decimal)
    lacking = cells.isna() | marks
    if missing := int((lacking & ~work.left_out).sum()):
        count = quantity(missing, "empty cell")
        work.notes.append(f"{count} of {name} taken as none")
    unit = work.mapping.units.get(name, "mm")
    work.report(name, values.isna() & ~lacking | (values < 0), f"an amount of {name}")
    values = numbers.TO_ITS_UNIT[name][unit](values)
    # What fell is by how much more lies than an hour before.
    return values.diff().clip(lower=0) if unit == "cm lying" else values


def _whole_days(
    work: _Work, stamps: "pd.Series[pd.Timestamp]", flag: "pd.Series[Any]"
) -> "pd.Series[Any]":
    """Return whether hours lie on a holiday, where a file may say so at midnight alone."""
    days = flag.groupby(stamps.dt.normalize()).transform("max")
    grown = days.fillna(False) & ~flag.fillna(False) & flag.notna()
    if grown.any():
        work.notes.append(
            f"{quantity(grown.sum(), 'hour')} more of days marked as holidays in part"
        )
    return flag.mask(grown.astype(bool), True)


def _flag(work: _Work, name: str) -> "pd.Series[Any]":
    """Return yes or no for each row, unknown where the cell is empty."""
    cells = work.cells(name)
    if cells is None:
        return pd.Series(pd.NA, index=work.frame.index, dtype="boolean")
    text = weather.as_text(cells).str.casefold().str.strip()
    if name == "holiday" and text.notna().any() and not text.isin(YES | NO).any():
        # Names of holidays: any name is one.
        work.notes.append(f"a cell in {work.mapping.columns[name]!r} is a holiday, none is not")
        return text.notna().astype("boolean")
    known = {word: True for word in YES} | {word: False for word in NO}
    if name == "closed":
        known |= CLOSED
    flag = text.map(known.get, na_action="ignore").astype("boolean")
    work.report(name, flag.isna() & text.notna(), "yes or no")
    return flag
