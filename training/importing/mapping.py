"""What the operator says of a file: which column is what, and in which unit."""

import json
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

from training.importing.times import Order
from training.schema import WEATHER

FIELDS = {
    "datetime": "date and time of the hour",
    "date": "its date, if the hour is in another column",
    "hour": "its hour, beside `date`",
    "rentals": "bikes rented in it",
    "weather": "as text or as a code",
    "rain": "amount in the hour, where there is no `weather`",
    "snow": "amount in the hour, where there is no `weather`",
    "temperature": "of the air",
    "feels_like": "temperature as felt",
    "humidity": "relative",
    "windspeed": "mean",
    "casual": "rentals of casual users",
    "registered": "rentals of registered users",
    "holiday": "whether it is one",
    "open": "whether bikes could be rented (no: the hour is left out)",
    "closed": "the same the other way round",
}
UNITS = {
    "temperature": ("C", "F", "K", "uci"),
    "feels_like": ("C", "F", "K", "uci"),
    "humidity": ("%", "fraction"),
    "windspeed": ("km/h", "m/s", "mph", "kn", "uci"),
    "rain": ("mm", "cm", "in"),
    "snow": ("cm", "mm", "in", "cm lying"),
    "weather": ("text", "uci", "wmo", "london", "openweather", "meteostat"),
    "hour": ("0-23", "1-24", "end"),
    "datetime": ("start", "end"),
}
"""The units that a field may come in; `uci` is normalised as in the UCI data set, `end` is an hour
named by its end."""
_FLAGS = ("day_first", "year_first")
_OPTIONS = (*_FLAGS, "timezone", "decimal", "encoding", "delimiter", "sheet")


class InvalidMapping(ValueError):
    """A mapping says what can't be; the message names it and what was expected."""


@dataclass(slots=True)
class Mapping:
    """What a file's columns mean, as far as it is known.

    Attributes
    ----------
    columns : dict
        Name of the column by field; an empty one says that the file has none.
    units : dict
        One of `UNITS` by field.
    weather : dict
        One of the four weathers by a word or code of the file.
    day_first : bool or None
        Whether 01/02 is the first of February.
    year_first : bool or None
        Whether 01/02/03 is the third of February 2001.
    timezone : str or None
        Of times without an offset, if it is not the system's.
    decimal, encoding, delimiter, sheet : str or None
        How to read it, if it can't be seen.
    """

    columns: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    weather: dict[str, str] = field(default_factory=dict)
    day_first: bool | None = None
    year_first: bool | None = None
    timezone: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None

    @property
    def order(self) -> Order | None:
        """What dates of three numbers begin with."""
        if self.year_first:
            return "year"
        return None if self.day_first is None else "day" if self.day_first else "month"

    def check(self) -> Self:
        """Return it; raise `InvalidMapping` if a field, unit or option is unknown."""
        for name in self.columns:
            _expect("column for", name, FIELDS)
        for name, unit in self.units.items():
            _expect("unit for", name, UNITS)
            _expect(f"unit of {name}", unit, UNITS[name])
        for word, weather in self.weather.items():
            _expect(f"weather {word!r} as", weather, WEATHER)
        if self.decimal is not None:
            _expect("decimal", self.decimal, (".", ","))
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise InvalidMapping(f"delimiter {self.delimiter!r}: expected one character")
        if self.timezone is not None:
            try:
                ZoneInfo(self.timezone)
            except (KeyError, ValueError, OSError):
                raise InvalidMapping(
                    f"timezone {self.timezone!r}: expected a name like Europe/Paris or UTC"
                ) from None
        return self

    def save(self, path: Path) -> None:
        """Write it as TOML, or as JSON if the file is named so."""
        document = self._document()
        if path.suffix == ".json":
            path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
            return
        lines = ["# What `flask import-history --mapping` takes; see docs/import.md."]
        for table, values in document.items():
            lines += ["", f"[{table}]"]
            lines += [f"{_quoted(k)} = {_quoted(v)}" for k, v in values.items()]
        path.write_text("\n".join(lines) + "\n", "utf-8")

    def _document(self) -> dict[str, dict[str, Any]]:
        options = {name: getattr(self, name) for name in _OPTIONS}
        tables = {
            "columns": self.columns,
            "units": self.units,
            "weather": self.weather,
            "options": {name: value for name, value in options.items() if value is not None},
        }
        return {name: table for name, table in tables.items() if table}

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote, or what an operator did; raise `InvalidMapping`."""
        try:
            text = path.read_text("utf-8-sig")
            document = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        except (OSError, UnicodeError, ValueError) as error:
            raise InvalidMapping(f"{path}: {error}") from None
        try:
            return cls._of(document).check()
        except InvalidMapping as error:
            raise InvalidMapping(f"{path}: {error}") from None

    @classmethod
    def _of(cls, document: Any) -> Self:
        tables = ("columns", "units", "weather", "options")
        if not isinstance(document, dict):
            raise InvalidMapping(f"expected the tables {', '.join(tables)}")
        for name, table in document.items():
            _expect("table", name, tables)
            if not isinstance(table, dict):
                raise InvalidMapping(f"table {name}: {table!r}, expected names and values")
            for key, value in table.items():
                if not isinstance(value, bool if key in _FLAGS else str):
                    kind = "true or false" if key in _FLAGS else "text"
                    raise InvalidMapping(f"{name}.{key}: {value!r}, expected {kind}")
        options = document.get("options", {})
        for name in options:
            _expect("option", name, _OPTIONS)
        columns, units, weather = (dict(document.get(name, {})) for name in tables[:3])
        return cls(columns, units, weather, **options)

    def merged(self, other: Self) -> Self:
        """Return this with all that the other says in its place."""
        mine = {item.name: getattr(self, item.name) for item in fields(self)}
        theirs = {item.name: getattr(other, item.name) for item in fields(other)}
        for name, value in theirs.items():
            if isinstance(value, dict):
                mine[name] = mine[name] | value
            elif value is not None:
                mine[name] = value
        return type(self)(**mine)


def _expect(what: str, value: Any, choices: Any) -> None:
    if value not in choices:
        raise InvalidMapping(f"{what} {value!r}: expected one of {', '.join(choices)}")


def _quoted(value: Any) -> str:
    """Return a value as TOML writes it; its strings are JSON's."""
    return json.dumps(value, ensure_ascii=False)
