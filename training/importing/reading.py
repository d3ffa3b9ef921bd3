"""Reads a table from CSV, TSV, Excel or Parquet; what its cells mean is decided elsewhere."""

import csv
import datetime as dt
import io
import re
import zipfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from training.importing import names
from training.importing.mapping import Mapping
from training.schema import InvalidHistory

_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "pipes", ",": "commas"}
UNKNOWN = frozenset(
    "na n/a nan null none nil - -- – — ? . #n/a #na #null! nat missing k.a. n.d. s/d unknown "
    "unbekannt inconnu desconocido desconhecido sconosciuto onbekend".split()
)
"""What stands for an empty cell, beside nothing."""
_SAMPLE = 200
_TOP = 20
_MARKS = (("utf-8-sig", b"\xef\xbb\xbf"), ("utf-16", b"\xff\xfe"), ("utf-16", b"\xfe\xff"))
_UNITS = re.compile(r"[(\[]?(°?[CFK]|%|[a-zµ]+/[a-zµ\d]+|mph|kn|kts?|[mck]?m|in|hpa|h)[)\]]?", re.I)
"""A cell of a line of units below the header."""
_VALUE = re.compile(r"[-+]?[\d.,:/ '-]*\d[\d.,:/ TZ%'-]*")


@dataclass(frozen=True, slots=True)
class Table:
    """What a file holds.

    Attributes
    ----------
    frame : DataFrame
        Cells are text where the file has text, else numbers or times; what is unknown is None.
        Its index counts the rows below the header, from 0.
    notes : list of str
        How it was read, and what a reader would want to know of it.
    """

    frame: pd.DataFrame
    notes: list[str] = field(default_factory=list)


def read(path: Path, given: Mapping) -> Table:
    """Return the table of a file, whose format is seen from its content.

    Raises
    ------
    InvalidHistory
        It is none of the formats, or has no header or no rows.
    OSError
        The file can't be read.
    """
    content = path.read_bytes()
    if not content.strip():
        raise InvalidHistory("the file is empty")
    if content[:4] == b"PAR1":
        return _read_parquet(content)
    if content[:4] == b"PK\x03\x04":
        return _read_excel(content, given)
    if content[:4] == b"\xd0\xcf\x11\xe0":
        raise InvalidHistory("this is Excel's old format: save it as .xlsx or .csv")
    if content[:2] == b"\x1f\x8b":
        raise InvalidHistory("this is compressed: unpack it first")
    return _read_text(content, given)


def _read_parquet(content: bytes) -> Table:
    try:
        frame = pd.read_parquet(io.BytesIO(content), engine="pyarrow")
    except (OSError, ValueError) as error:
        raise InvalidHistory(f"this is no Parquet file that can be read: {error}") from None
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index()
    frame.columns = pd.Index(_unique([str(name) for name in frame.columns]))
    return Table(_checked(_all_typed(frame)), ["read as Parquet"])


def _read_excel(content: bytes, given: Mapping) -> Table:
    try:
        sheets = pd.read_excel(
            io.BytesIO(content), sheet_name=None, header=None, dtype=object, engine="openpyxl"
        )
    except (KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise InvalidHistory(f"this is no Excel workbook that can be read: {error}") from None
    name = given.sheet or max(sheets, key=lambda each: sheets[each].size)
    if name not in sheets:
        raise InvalidHistory(f"sheet {name!r} is not there, expected one of {', '.join(sheets)}")
    rows = sheets[name].astype(object).where(sheets[name].notna(), None).to_numpy().tolist()
    header, notes = _header(rows)
    frame = _frame([str(cell or "").strip() for cell in rows[header]], rows[header + 1 :])
    return Table(_checked(_all_typed(frame)), [f"read as Excel, sheet {name!r}", *notes])


def _read_text(content: bytes, given: Mapping) -> Table:
    text, encoding = _decode(content, given.encoding)
    delimiter = given.delimiter or _delimiter(text)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise InvalidHistory(f"this is no table: {error}") from None
    header, notes = _header(rows)
    heads = [cell.strip() for cell in rows[header]]
    while heads and not heads[-1]:  # as lines that end with a delimiter have
        heads.pop()
    for number, row in enumerate(rows[header + 1 :], start=1):
        if any(cell.strip() for cell in row[len(heads) :]):
            raise InvalidHistory(
                f"row {number} has {len(row)} cells, expected {len(heads)} as in the header"
            )
    frame = _frame(heads, [row[: len(heads)] for row in rows[header + 1 :]])
    read = f"read as text in {encoding}, separated by {_DELIMITERS.get(delimiter, delimiter)}"
    return Table(_checked(_all_typed(frame)), [read, *notes])


def _decode(content: bytes, encoding: str | None) -> tuple[str, str]:
    """Return the text, and the encoding: what is said, marked, or fits."""
    marked = next((name for name, mark in _MARKS if content.startswith(mark)), None)
    for name in [encoding] if encoding else [marked] if marked else ["utf-8"]:
        try:
            return content.decode(name), name
        except LookupError:
            raise InvalidHistory(f"encoding {name!r} is unknown") from None
        except UnicodeDecodeError as error:
            if encoding or marked:
                raise InvalidHistory(f"this is not {name}: {error}") from None
    if b"\x00" in content:
        raise InvalidHistory("this is no text: expected CSV, TSV, Excel or Parquet")
    with suppress(UnicodeDecodeError):
        japanese = content.decode("cp932")
        # Accents stand between Latin letters; Korean would be full of half-width kana.
        if re.search(rb"[\x80-\xff]{3}", content) and not re.search("[｡-ﾟ]", japanese):
            return japanese, "cp932"
    korean = content.decode("cp949", errors="replace")
    # A single syllable between Latin letters is an accent misread: é and r make one.
    if re.search(r"[가-힣]{2,}", korean) and korean.count("\ufffd") == 0:
        return korean, "cp949"
    try:
        return content.decode("cp1252"), "cp1252"
    except UnicodeDecodeError:
        return content.decode("latin-1"), "latin-1"


def _delimiter(text: str) -> str:
    """Return the delimiter that splits most of the first lines into as many cells each."""
    head = "\n".join(text.splitlines()[:_SAMPLE])
    best, widest = ",", 1
    for delimiter in _DELIMITERS:
        try:
            rows = [row for row in csv.reader(io.StringIO(head), delimiter=delimiter) if row]
        except csv.Error:
            continue
        width, lines = Counter(len(row) for row in rows).most_common(1)[0]
        if width > widest and lines >= 0.8 * (len(rows) - 5):
            best, widest = delimiter, width
    return best


def _header(rows: Sequence[Sequence[Any]]) -> tuple[int, list[str]]:
    """Return where the header stands, and what to say.

    That is the first row that is as wide as most, below any empty line near the top.
    """
    widths = [sum(1 for cell in row if not _is_empty(cell)) for row in rows[:_SAMPLE]]
    counted = Counter(width for width in widths if width > 1)
    if not counted:
        raise InvalidHistory("there is one column at most: is it a table of hours?")
    usual = counted.most_common(1)[0][0]
    wide = [place for place, width in enumerate(widths) if width >= 0.8 * usual]
    empty = max((place for place, width in enumerate(widths[:_TOP]) if not width), default=0)
    below = next((place for place in wide if place >= empty), wide[0])
    header = wide[0] if _holds_values(rows[below]) else below
    if _holds_values(rows[header]):
        raise InvalidHistory("the first row holds values: expected the names of the columns there")
    if not header:
        return 0, []
    return header, [f"{header} lines above the header are left out"]


def _holds_values(row: Sequence[Any]) -> bool:
    cells = [str(cell).strip() for cell in row if not _is_empty(cell)]
    return sum(1 for cell in cells if _VALUE.fullmatch(cell)) > len(cells) / 2


def _frame(heads: list[str], rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    units = [str(cell).strip() for cell in rows[0] if not _is_empty(cell)] if rows else []
    if len(units) > 1 and all(_UNITS.fullmatch(unit) for unit in units):
        padded = [*rows[0], *[None] * len(heads)]
        heads = [
            name if _is_empty(unit) else f"{name} ({str(unit).strip(' ()[]')})"
            for name, unit in zip(heads, padded, strict=False)
        ]
        rows = rows[1:]
    heads = _unique([name or f"column {place}" for place, name in enumerate(heads, start=1)])
    width = len(heads)
    padded = [[*row[:width], *[None] * (width - len(row))] for row in rows]
    return pd.DataFrame(padded, columns=pd.Index(heads), dtype=object)


def _unique(heads: list[str]) -> list[str]:
    seen: Counter[str] = Counter()
    result = []
    for name in heads:
        seen[name] += 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return result


def _all_typed(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({name: _typed(frame[name]) for name in frame})


def _typed(cells: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return cells as numbers or times if all are, else as text without spaces around it."""
    if pd.api.types.is_bool_dtype(cells):
        return cells.astype(object)
    if pd.api.types.is_datetime64_any_dtype(cells):
        return cells
    if pd.api.types.is_numeric_dtype(cells):
        return cells.astype("float64")
    cells = cells.astype(object)
    if all(isinstance(cell, str) for cell in cells):
        texts = {cell: _text(cell) for cell in set(cells)}  # most stand there often
        return pd.Series([texts[cell] for cell in cells], cells.index, object, str(cells.name))
    known = cells[~cells.map(_is_empty)]
    kinds = set(map(type, known))
    if kinds and kinds <= {int, float}:
        return cells.where(~cells.map(_is_empty), None).astype("float64")
    if kinds and all(issubclass(kind, dt.datetime) for kind in kinds):
        return pd.to_datetime(cells, utc=any(value.tzinfo is not None for value in known))
    return cells.map(_text).astype(object)


def _text(cell: Any) -> str | None:
    if _is_empty(cell):
        return None
    if isinstance(cell, dt.datetime | dt.date | dt.time):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _is_empty(cell: Any) -> bool:
    if isinstance(cell, str):
        return not cell.strip() or cell.strip().casefold() in UNKNOWN
    return cell is None or bool(pd.isna(cell))


def _checked(frame: pd.DataFrame) -> pd.DataFrame:
    """Return it without rows and columns of nothing."""
    frame = frame.dropna(how="all")
    if frame.empty:
        raise InvalidHistory("there is no row below the header, expected at least one hour")
    return _dated(frame)


def _dated(frame: pd.DataFrame) -> pd.DataFrame:
    """Return it with a column of dates if they stand in three columns."""
    found = {
        part: [name for name in map(str, frame) if names.matches(part, name) == 2]
        for part in ("year", "month", "day")
    }
    if not all(len(columns) == 1 for columns in found.values()):
        return frame
    parts = [frame[columns[0]].map(_text, na_action="ignore") for columns in found.values()]
    if not parts[0].dropna().str.fullmatch(r"(19|20)\d\d").all():
        return frame
    dates = parts[0] + "-" + parts[1] + "-" + parts[2]
    return frame.assign(**{"year-month-day": dates.astype(object)})
