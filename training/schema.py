"""The one check where a table of observed hours comes in.

A history has one row for each observed hour. An hour that is absent is unknown, not zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from training.history import WEATHER as WEATHER

FIRST_YEAR, LAST_YEAR = 1970, 2100


@dataclass(frozen=True, slots=True)
class Number:
    """The unit and the closed range of a numeric column."""

    unit: str
    low: float
    high: float
    required: bool = True


NUMBERS = {
    "temperature": Number("°C", -40, 60),
    "feels_like": Number("°C", -60, 70, required=False),
    "humidity": Number("%", 0, 100),
    "windspeed": Number("km/h", 0, 200),
    "rentals": Number("bikes in the hour", 0, 1_000_000),
    "casual": Number("bikes in the hour", 0, 1_000_000, required=False),
    "registered": Number("bikes in the hour", 0, 1_000_000, required=False),
}
REQUIRED = ("datetime", "weather", "temperature", "humidity", "windspeed", "rentals")
HISTORY = (
    "datetime",
    "weather",
    "temperature",
    "feels_like",
    "humidity",
    "windspeed",
    "rentals",
    "casual",
    "registered",
    "holiday",
)
_STAMP = r"\d{4}-\d\d-\d\d[T ]\d\d(:\d\d(:\d\d(\.0+)?)?)?"
_HOLIDAY = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}


@dataclass(frozen=True, slots=True)
class Problem:
    """A value that is none: its row (counted from 0), column, and what was expected."""

    row: int
    column: str
    value: object
    expected: str

    def __str__(self) -> str:
        return f"row {self.row + 1}, column {self.column}: {self.value!r}, expected {self.expected}"


class InvalidHistory(ValueError):
    """A table is no history: the message names row, column, value and expectation.

    `problems` are all of them, in the order of rows; empty if it is not about single values.
    """

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = problems

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> Self:
        """Return the error that names the first of the problems, and how many more there are."""
        found = sorted(problems, key=lambda problem: problem.row)
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return cls(f"{found[0]}{more}", found)


def check_history(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a clean copy of a table of observed hours, oldest hour first.

    Columns of the result are `HISTORY`: datetime (naive, to the second), weather (text),
    holiday (nullable boolean), the others float64. Optional ones that are absent are empty.

    Raises
    ------
    InvalidHistory
        Names the first bad row (counted from 1, without the header), column, value and what was
        expected, and how many more there are.
    """
    _check_columns(frame)
    frame = frame.reset_index(drop=True)
    problems: list[Problem] = []
    clean = pd.DataFrame({"datetime": _datetimes(frame["datetime"], problems)})
    clean["weather"] = _weather(frame["weather"], problems)
    for name, number in NUMBERS.items():
        clean[name] = _numbers(frame, name, number, problems)
    clean["holiday"] = _holidays(frame, problems)
    if problems:
        raise InvalidHistory.of(problems)
    _check_units(clean)
    clean = clean.sort_values("datetime", ignore_index=True)
    return clean[list(HISTORY)]


def gaps(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the stretches of absent hours of a clean history: first, last, hours."""
    hours = frame["datetime"].to_numpy().astype("datetime64[h]")
    after = np.flatnonzero(np.diff(hours).astype(int) > 1)
    hour = np.timedelta64(1, "h")
    first, last = hours[after] + hour, hours[after + 1] - hour
    count = (last - first).astype(int) + 1
    return pd.DataFrame({"first": first, "last": last, "hours": count})


def _check_columns(frame: pd.DataFrame) -> None:
    expected = f"expected {', '.join(HISTORY)}"
    for name in REQUIRED:
        if name not in frame.columns:
            raise InvalidHistory(f"column {name} is missing, {expected}")
    for name in frame.columns:
        if name not in HISTORY:
            raise InvalidHistory(f"column {name} is unknown, {expected}")
    if not frame.columns.is_unique:
        raise InvalidHistory("a column is there twice, expected each once")
    if frame.empty:
        raise InvalidHistory("there is no row, expected at least one observed hour")


def _report(problems: list[Problem], raw: pd.Series, bad: "pd.Series[bool]", expected: str) -> None:
    for row in np.flatnonzero(bad.to_numpy()):
        value = raw.iloc[row]
        shown = value.item() if isinstance(value, np.generic) else value
        problems.append(Problem(int(row), str(raw.name), shown, expected))


def _datetimes(raw: pd.Series, problems: list[Problem]) -> pd.Series:
    stamps: pd.Series
    if pd.api.types.is_datetime64_dtype(raw):
        stamps = raw
    else:
        text = raw.astype("string")
        stamps = pd.to_datetime(
            text.where(text.str.fullmatch(_STAMP).fillna(False)), format="ISO8601", errors="coerce"
        )
    known = stamps.notna()
    whole = (stamps.dt.floor("h") == stamps) & stamps.dt.year.between(FIRST_YEAR, LAST_YEAR)
    expected = (
        f"a whole local hour without an offset, {FIRST_YEAR} to {LAST_YEAR}, "
        "like 2012-12-25T08:00:00"
    )
    _report(problems, raw, ~(known & whole), expected)
    again = known & stamps.duplicated()
    _report(problems, raw, again, "each hour once (the hour that autumn repeats is one hour)")
    result: pd.Series = stamps.astype("datetime64[s]")
    return result


def _weather(raw: pd.Series, problems: list[Problem]) -> pd.Series:
    _report(problems, raw, ~raw.isin(WEATHER), f"one of {', '.join(WEATHER)}")
    return raw.astype("string").astype(object)


def _numbers(
    frame: pd.DataFrame, name: str, number: Number, problems: list[Problem]
) -> "pd.Series[float]":
    if name not in frame.columns:
        return pd.Series(np.nan, index=frame.index, name=name)
    raw = frame[name]
    values = pd.to_numeric(raw, errors="coerce").astype("float64")
    absent = raw.isna() & (not number.required)
    inside = values.between(number.low, number.high)
    expected = f"a number from {number.low:g} to {number.high:.7g} ({number.unit})"
    _report(problems, raw, ~(inside | absent), expected)
    return values


def _holidays(frame: pd.DataFrame, problems: list[Problem]) -> pd.Series:
    if "holiday" not in frame.columns:
        return pd.Series(pd.NA, index=frame.index, dtype="boolean")
    raw = frame["holiday"]
    values = raw.astype("string").str.lower().map(_HOLIDAY).astype("boolean")
    _report(problems, raw, values.isna() & raw.notna(), "true or false")
    return values


def _check_units(clean: pd.DataFrame) -> None:
    """Refuse humidity as a fraction: it lies within the range, so no single row gives it away."""
    highest = clean["humidity"].max()
    if len(clean) >= 24 and 0 < highest <= 1:
        row = int(clean["humidity"].to_numpy().argmax())
        problem = Problem(row, "humidity", float(highest), "% (0 to 100), not a fraction")
        raise InvalidHistory(f"{problem}: it is the largest value")
