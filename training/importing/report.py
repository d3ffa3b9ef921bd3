"""What is shown before a file goes in: the mapping, ten rows as stored, and a summary."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from training.importing import times
from training.importing.converting import Converted
from training.importing.mapping import FIELDS
from training.importing.numbers import quantity
from training.importing.proposing import Proposal
from training.schema import Problem, gaps

PREVIEW = 10
LONGEST = 3


def mapping_lines(proposal: Proposal, columns: Sequence[str]) -> list[str]:
    """Return which column is what, in which unit, and why."""
    mapping = proposal.mapping
    lines = []
    for name in FIELDS:
        if column := mapping.columns.get(name):
            line = f"  {name:<12} {column!r} ({proposal.columns.get(name, '')})"
            if unit := mapping.units.get(name):
                line += f", {unit} ({proposal.units.get(name, '')})"
            lines.append(line)
    if mapping.order is not None:
        why = proposal.units.get("order", "as said")
        lines.append(f"  dates begin with the {mapping.order} ({why})")
    if mapping.timezone:
        why = proposal.units.get("timezone", "as said")
        lines.append(f"  times are {mapping.timezone} ({why})")
    if unused := [name for name in columns if name not in mapping.columns.values()]:
        lines.append(f"  not used: {', '.join(unused)}")
    return lines


def preview(frame: pd.DataFrame) -> list[str]:
    """Return ten rows as they are stored, from all over the history."""
    places = np.unique(np.linspace(0, len(frame) - 1, PREVIEW).astype(int))
    shown = frame.iloc[places].dropna(axis="columns", how="all")
    for name in ("rentals", "casual", "registered"):
        if name in shown:
            shown = shown.assign(**{name: shown[name].astype("Int64")})
    return [f"  {line}" for line in shown.to_string(index=False, na_rep="").splitlines()]


def summary(converted: Converted) -> list[str]:
    """Return what a history holds, and what is odd about it."""
    frame = converted.frame
    first, last = frame["datetime"].iloc[0], frame["datetime"].iloc[-1]
    total = int(frame["rentals"].sum())
    lines = [
        f"  {converted.rows:,} rows, {len(frame):,} hours from {first:%Y-%m-%d %H:%M} to "
        f"{last:%Y-%m-%d %H:%M}, {total:,} rentals",
        f"  {_gaps(frame, converted.zone)}",
        *(f"  {note}" for note in converted.notes),
        *(f"  Warning: {warning}" for warning in [*converted.warnings, *odd_values(frame)]),
    ]
    return lines


def _gaps(frame: pd.DataFrame, zone: str) -> str:
    found = gaps(frame)
    first = found["first"].astype("datetime64[s]")
    found = found[~(times.never_shown(first, zone) & (found["hours"] == 1))]
    if found.empty:
        return "no hour is missing in between"
    number = int(found["hours"].sum())
    longest = found.sort_values("hours", ascending=False).head(LONGEST)
    words = [f"{row.first:%Y-%m-%d %H:%M} ({row.hours:,} h)" for row in longest.itertuples()]
    return (
        f"{quantity(number, 'hour')} missing in between, in {quantity(len(found), 'gap')}; "
        f"longest: {', '.join(words)}"
    )


def odd_values(frame: pd.DataFrame) -> list[str]:
    """Return what is legal and yet hard to believe."""
    lines = []
    if zero := int((frame["humidity"] == 0).sum()):
        lines.append(f"{quantity(zero, 'hour')} with a humidity of 0 %")
    for name in ("temperature", "humidity", "windspeed"):
        if (longest := _longest_run(frame[name])) >= 48 and frame[name].nunique() > 1:
            lines.append(f"{name} stands still for {longest} hours")
        if len(frame) >= 48 and frame[name].nunique() == 1:
            lines.append(f"{name} never changes")
    rentals = frame["rentals"]
    if (closed := _longest_run(rentals.where(rentals == 0))) >= 24:
        lines.append(
            f"{closed} hours in a row have no rental: if nothing could be rented, leave them out"
        )
    usual = float(rentals.quantile(0.99))
    if len(frame) >= 168 and rentals.max() > 5 * usual > 0:
        when = frame["datetime"].iloc[int(rentals.to_numpy().argmax())]
        lines.append(
            f"{rentals.max():,.0f} rentals at {when:%Y-%m-%d %H:%M}, where 99 % have {usual:,.0f} "
            "at most"
        )
    felt = (frame["feels_like"] - frame["temperature"]).abs()
    if felt.median() > 12:
        lines.append(
            f"half of the hours feel {felt.median():.0f} °C or more off: is the unit right?"
        )
    if frame["temperature"].max() < -5 or frame["temperature"].min() > 38:
        lines.append("no temperature is one that people cycle in: is the unit right?")
    if _night_is_day(frame):
        lines.append("most rentals are at night: is the timezone right?")
    return lines


def _night_is_day(frame: pd.DataFrame) -> bool:
    if len(frame) < 168 or not frame["rentals"].sum():
        return False
    night = frame["datetime"].dt.hour.between(0, 4)
    return bool(frame.loc[night, "rentals"].mean() > frame.loc[~night, "rentals"].mean())


def _longest_run(values: "pd.Series[float]") -> int:
    """Return the largest number of equal values in a row; unknown ones end a run."""
    start = (values != values.shift()).cumsum()
    runs = values.groupby(start).count()
    return int(runs.max()) if len(runs) else 0


def write_problems(path: Path, problems: Sequence[Problem]) -> None:
    """Write every problem as a row of a CSV: row (from 1, below the header), column, value."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "column", "value", "expected"])
        writer.writerows([p.row + 1, p.column, p.value, p.expected] for p in problems)
