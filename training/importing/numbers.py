"""Numbers as people write them, and the units that they are in."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

_UNIT = re.compile(r"\s*(%|°?\s*[cCfFkK]|km/h|m/s|mph|kn|kts?|mm|cm|in)\.?$")
_SPACES = re.compile(r"(?<=\d)[\s\u00a0\u202f'’](?=\d{3})")
_PLAIN = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_POINT_GROUPS = re.compile(r"[-+]?[1-9]\d{0,2}(?:\.\d{3})+")
_COMMA_GROUPS = re.compile(r"[-+]?[1-9]\d{0,2}(?:,\d{3})+")

TO_ITS_UNIT: dict[str, dict[str, Callable[["pd.Series[float]"], "pd.Series[float]"]]] = {
    "temperature": {
        "C": lambda value: value,
        "F": lambda value: (value - 32) / 1.8,
        "K": lambda value: value - 273.15,
        "uci": lambda value: value * 47 - 8,
    },
    "humidity": {"%": lambda value: value, "fraction": lambda value: value * 100},
    "windspeed": {
        "km/h": lambda value: value,
        "m/s": lambda value: value * 3.6,
        "mph": lambda value: value * 1.609344,
        "kn": lambda value: value * 1.852,
        "uci": lambda value: value * 67,
    },
    "rain": {
        "mm": lambda value: value,
        "cm": lambda value: value * 10,
        "in": lambda value: value * 25.4,
    },
    "snow": {
        "cm": lambda value: value,
        "mm": lambda value: value / 10,
        "in": lambda value: value * 2.54,
        "cm lying": lambda value: value,
    },
}
TO_ITS_UNIT["feels_like"] = TO_ITS_UNIT["temperature"] | {"uci": lambda value: value * 66 - 16}
"""To °C, %, km/h; rain to mm and snow to cm. The UCI data set's normalisation is in its README."""


CALM, BREEZY, WINDY = 3.2, 9.5, 12.0
"""Medians of wind: up to the first it is in m/s, as there is hardly any else; from the second on it
is not, from the third on it is in km/h, as anything else would be a storm."""
LIKELY_M_S = 6.0
"""Median of wind, half-way between usual ones in m/s and in km/h."""
MARKS = (-99.9, -999.0, -999.9, -9999.0, -9999.9, 999.0, 999.9, 9999.0, 9999.9)
"""What stations write for a value that they lack."""


def quantity(count: int, noun: str) -> str:
    """Return a count with its noun: 1 hour, 8,760 hours."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def decimal_mark(frame: pd.DataFrame) -> str | None:
    """Return the decimal mark that the cells of a table show; None if none tells."""
    votes = {",": 0, ".": 0}
    for name in frame:
        if frame[name].dtype != object:
            continue
        for cell in frame[name].dropna().astype(str).unique()[:2000]:
            number = _SPACES.sub("", _UNIT.sub("", cell))
            if re.fullmatch(r"[-+]?[\d.]*,\d+", number) and not _COMMA_GROUPS.fullmatch(number):
                votes[","] += 1
            elif re.fullmatch(r"[-+]?[\d,]*\.\d+", number) and not _POINT_GROUPS.fullmatch(number):
                votes["."] += 1
    if votes["."] == votes[","]:
        return None
    return max(votes, key=lambda mark: votes[mark])


def parse(cells: "pd.Series[Any]", decimal: str | None, whole: bool = False) -> "pd.Series[float]":
    """Return cells as numbers; NaN for what is none.

    `whole` says that they count something: if nothing tells the decimal mark, 1.234 and 1,234 are
    then a thousand and more.
    """
    if cells.dtype != object:
        return finite(pd.to_numeric(cells, errors="coerce").astype("float64"))
    known = cells.dropna().astype(str)
    values = {cell: _number(cell, decimal, whole) for cell in known.unique()}
    numbers = cells.map(lambda cell: values.get(str(cell), np.nan), na_action="ignore")
    return finite(numbers.astype("float64"))


def measured(
    cells: "pd.Series[Any]", decimal: str | None
) -> tuple["pd.Series[float]", "pd.Series[bool]"]:
    """Return what was measured, NaN where it was not, and whether a mark like -999 says so."""
    values = parse(cells, decimal)
    marks = values.isin(MARKS)
    return values.mask(marks), marks


def finite(values: "pd.Series[float]") -> "pd.Series[float]":
    """Return values, NaN for those that are infinite."""
    return values.where(np.isfinite(values))


def _number(cell: str, decimal: str | None, whole: bool) -> float:
    text = _SPACES.sub("", _UNIT.sub("", cell.strip())).replace("−", "-")
    if decimal == "," or (decimal is None and whole):
        if _POINT_GROUPS.fullmatch(text.split(",")[0]):
            text = text.replace(".", "")
    if decimal != ",":
        if _COMMA_GROUPS.fullmatch(text.split(".")[0]):
            text = text.replace(",", "")
    else:
        text = text.replace(",", ".") if text.count(",") == 1 and "." not in text else text
    return float(text) if _PLAIN.fullmatch(text) else np.nan


def unit_of_cells(field: str, cells: "pd.Series[Any]") -> str | None:
    """Return the unit that most cells carry beside their number."""
    if cells.dtype != object:
        return None
    found = (
        cells.dropna().astype(str).str.extract(_UNIT.pattern)[0].str.replace("[° ]", "", regex=True)
    )
    if found.notna().mean() < 0.9:
        return None
    unit = found.mode()[0]
    names = {"c": "C", "f": "F", "k": "K", "kt": "kn", "kts": "kn"}
    unit = names.get(unit.lower(), unit)
    return unit if unit in TO_ITS_UNIT.get(field, {}) else None


def guess_unit(field: str, values: "pd.Series[float]", days: float) -> tuple[str | None, str]:
    """Return the unit that the values are in, None if they fit more than one, and why.

    Parameters
    ----------
    days : float
        How long the table is: a year has a summer.
    """
    values = values.dropna()
    if values.empty:
        return next(iter(TO_ITS_UNIT[field])), "there is no value"
    # A slip of the pen, or a 999 for what is missing, must not change the unit of all others.
    rare = 0.01 if len(values) >= 100 else 0.0
    low, middle, high = (float(value) for value in values.quantile([rare, 0.5, 1 - rare]))
    if field in ("temperature", "feels_like"):
        return _temperature_unit(low, middle, high, days)
    if field == "humidity":
        if high <= 1 and len(values) >= 3:
            return "fraction", "no value is above 1"
        return "%", f"values up to {high:g}"
    if field == "windspeed":
        return _wind_unit(low, middle, high, len(values))
    return next(iter(TO_ITS_UNIT[field])), "the usual unit"


def _temperature_unit(
    low: float, middle: float, high: float, days: float
) -> tuple[str | None, str]:
    said = f"values from {low:g} to {high:g}"
    if low >= 0 and high <= 1:
        return "uci", f"{said}: normalised as in the UCI data set"
    if low > 180:
        return "K", said
    if high > 52 or (middle > 28 and low < 10):
        return "F", said
    if middle > 26 and days < 150:
        return None, f"{said} are a summer in °C or a winter in °F"
    return "C", said


def likely_wind(values: "pd.Series[float]") -> str:
    """Return the likelier of the two units that most of the world measures wind in."""
    return "m/s" if values.median() < LIKELY_M_S else "km/h"


def _wind_unit(low: float, middle: float, high: float, count: int) -> tuple[str | None, str]:
    said = f"values from {low:g} to {high:g}, half of them below {middle:g}"
    if low >= 0 and high <= 1 and count >= 24 and 0 < middle:
        return "uci", f"{said}: normalised as in the UCI data set"
    if middle <= CALM and high <= 30:
        return "m/s", said
    if middle >= WINDY:
        return "km/h", said
    return None, f"{said} fit {'m/s, ' if middle < BREEZY else ''}km/h, mph and kn"
