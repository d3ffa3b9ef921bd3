"""Takes in the history of a city: what it replaces, and what it must not be mixed with."""

import hashlib
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from flask import current_app

from training import sources
from training.history import LEVEL_HOURS
from training.importing.numbers import quantity

from . import likeness, queries, retraining

DEMO_CITY = "Washington, D.C."
TRAINABLE = 3 * LEVEL_HOURS
"""Hours below which a training is refused: a holdout, and twice that before it."""
PLACE = {"city": "VLIB_CITY", "timezone": "VLIB_TIMEZONE", "holidays": "VLIB_HOLIDAYS"}

JSON = dict[str, Any]


class Refused(Exception):
    """A history that does not belong to the one that is there; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What taking in a history would change.

    Attributes
    ----------
    rows : DataFrame
        The hours to write: those that are new or say something else.
    replaces : str
        What goes for it; empty if it is added to what is there.
    total : int
        How many hours are known then.
    doubt : str
        Why it may be another city's all the same; empty if nothing says so.
    """

    file: Path
    columns: dict[str, str]
    rows: pd.DataFrame
    added: int
    changed: int
    unchanged: int
    replaces: str
    total: int
    doubt: str = ""

    def line(self) -> str:
        """Return it in a sentence."""
        said = f"{quantity(self.added, 'hour')} to add, {self.changed:,} to change"
        return f"{said}, {self.unchanged:,} known already." if self.unchanged else f"{said}."


def city() -> str:
    """Return the name of the city whose history is there, empty if nobody said it."""
    newest = queries.newest_import()
    if newest is not None and newest["source"] == "demo":
        return DEMO_CITY
    known = newest["city"] if newest else None
    return str(current_app.config["VLIB_CITY"] or known or "")


def demo() -> JSON:
    """Return the import of the embedded history."""
    return _import(sources.EMBEDDED, "demo", False) | {"city": DEMO_CITY}


def plan(
    frame: pd.DataFrame, file: Path, columns: dict[str, str], *, replace: bool, same_city: bool
) -> Plan:
    """Return what taking in the hours of a checked frame would change.

    Parameters
    ----------
    columns : dict
        What the file calls them, by field.
    replace : bool
        All that is there goes for it.
    same_city : bool
        It belongs to what is there, whatever it looks like.

    Raises
    ------
    Refused
        It looks like another city's, and neither was said.
    """
    newest = queries.newest_import()
    demo = newest is not None and newest["source"] == "demo"
    count = queries.count_observations()
    if count and (demo or replace):
        whose = f"the demo data of {DEMO_CITY}" if demo else "the history that is there"
        replaces = f"{whose} ({quantity(count, 'hour')})"
        return Plan(file, columns, frame, len(frame), 0, 0, replaces, len(frame))
    known = queries.observations_frame()
    known = known.assign(datetime=known["datetime"].astype(frame["datetime"].dtype))
    estimated = queries.estimated_hours()
    doubt = ""
    if not same_city:
        _refuse_another_place(newest)
        doubt = _doubt(frame, known[~known["datetime"].isin(estimated)], columns)
    there_already = frame["datetime"].isin(known["datetime"])
    same = _equal(frame, known) & ~frame["datetime"].isin(estimated)
    changed = int((there_already & ~same).sum())
    added = int((~there_already).sum())
    kept = int(same.sum())
    return Plan(file, columns, frame[~same], added, changed, kept, "", count + added, doubt)


def take_in(plan: Plan) -> None:
    """Do what a plan says, in one transaction; raise `Conflict` if a training stands in the way."""
    if plan.rows.empty:
        return
    replaces = bool(plan.replaces)
    with retraining.idle() if replaces else nullcontext():
        queries.upsert_frame(
            plan.rows, _import(plan.file, "own", replaces) | {"columns": plan.columns}
        )


def unset_places() -> list[str]:
    """Return the settings that say where the bikes are, and that still have the demo's values."""
    config: Mapping[str, Any] = current_app.config
    defaults = {"VLIB_TIMEZONE": "America/New_York", "VLIB_HOLIDAYS": "US-DC", "VLIB_CITY": None}
    return [name for name, value in defaults.items() if config[name] == value]


def _import(file: Path, source: str, replaced: bool) -> JSON:
    place = {name: current_app.config[setting] for name, setting in PLACE.items()}
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return {"source": source, "replaced": replaced, "file": file.name, "sha256": digest} | place


def _refuse_another_place(newest: JSON | None) -> None:
    """Refuse settings that name another place than the import before."""
    if newest is None:
        return
    for name, setting in PLACE.items():
        before, now = newest[name], current_app.config[setting]
        if name == "holidays":  # a subdivision may be put right
            before, now = before.partition("-")[0], now.partition("-")[0]
        if before and now and before.casefold() != now.casefold():
            raise Refused(
                f"{setting} is {current_app.config[setting]!r}, but the hours that are there were "
                f"taken in with {newest[name]!r}: {WAYS}"
            )


def _doubt(frame: pd.DataFrame, known: pd.DataFrame, columns: dict[str, str]) -> str:
    """Return why hours may be another city's; raise `Refused` where they are too unlike."""
    if difference := likeness.difference(frame, known):
        raise Refused(f"{difference}, as another city's: {WAYS}")
    before = queries.formats()
    if not before or likeness.agree(frame, known):
        return ""
    if any(likeness.called_alike(columns, each) for each in before):
        return ""
    newest = before[-1]
    names = ", ".join(repr(newest[name]) for name in likeness.NAMED if name in newest)
    return f"its columns are not called as those of the file before ({names})"


WAYS = (
    "use an instance of its own (VLIB_INSTANCE_PATH), say --replace to start anew with this file, "
    "or --same-city if it is the same"
)


def _equal(frame: pd.DataFrame, known: pd.DataFrame) -> "pd.Series[bool]":
    """Say for each hour whether it is known with the same values."""
    names = [name for name in frame.columns if name != "datetime"]
    before = known.set_index("datetime").reindex(frame["datetime"])
    same = frame["datetime"].isin(known["datetime"])
    for name in names:
        ours, theirs = _comparable(frame[name]), _comparable(before[name])
        same &= (ours == theirs) | (ours.isna() & theirs.isna())
    return same


def _comparable(values: "pd.Series[Any]") -> "pd.Series[Any]":
    plain = values.reset_index(drop=True)
    if plain.name == "weather":
        return plain.astype(object)
    return plain.map(float, na_action="ignore").astype("float64")
