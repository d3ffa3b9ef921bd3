"""What a version would have said of a stored stretch, against what was said; nothing is stored."""

import datetime as dt
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import click
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training import evaluate, features
from training.artefact import Artefact
from training.calendar import Calendar
from training.features import HORIZONS
from training.history import NO_HISTORY, History, as_hours
from training.schema import WEATHER

from . import history, predictor, queries

WORST = 5
CHUNK = 10_000
DAY = dt.timedelta(days=1)
HEADS: tuple[str, ...] = (
    *("Horizon", "Predictions", "MAE", "then", "Bias", "then", "In interval", "then", "Better"),
)

JSON = dict[str, Any]


class CannotRescore(Exception):
    """There is no such version, or nothing that it could be compared with."""


def rescore(start: dt.datetime | None, end: dt.datetime | None, version: int) -> JSON:
    """Score what was said of the hours from `start` to before `end`, live or in a replay.

    Of each hour and horizon the last prediction counts. The version knows what the one that spoke
    knew: the rentals and weather up to `as_of`, and the weather of its own request or batch.
    Raises `CannotRescore`, or what `Predictor.version` raises.
    """
    if queries.get_model(version) is None:
        raise CannotRescore(f"There is no model {version}: `flask models` lists them.")
    # Of batches that reach into the stretch, the hours before it are context.
    said = queries.said_frame(start - DAY if start else None, end)
    inside = said["actual"].notna()
    if start is not None:
        inside &= said["datetime"] >= start
    if not inside.any():
        raise CannotRescore(
            f"Nothing was said, live or in a replay, of an observed hour from"
            f" {start or 'the first'} to {end or 'the last'}: choose another stretch."
        )
    serving = predictor.current()
    artefact = serving.version(version).artefact
    rescored = _rescored(said, artefact, history.cache().current, serving.calendar)
    said = said.assign(**dict(zip(("model", "model_lower", "model_upper"), rescored, strict=True)))
    return compare(said[inside].drop_duplicates(["datetime", "horizon"], keep="last"), version)


def compare(said: pd.DataFrame, version: int) -> JSON:
    """Return both scores of a frame, over all and by horizon, and where they differ most."""
    error = (said["rentals"] - said["actual"]).abs()
    said = said.assign(gain=error - (said["model"] - said["actual"]).abs())
    ranked = said.sort_values(["gain", "datetime"])
    avoided, caused = ranked[ranked["gain"] > 0].iloc[::-1], ranked[ranked["gain"] < 0]
    return {
        "model": str(version),
        "from": said["datetime"].min().isoformat(),
        "to": said["datetime"].max().isoformat(),
        "sources": said["source"].value_counts().to_dict(),
        "said_by": said["model_version"].astype(str).value_counts().to_dict(),
        "all": _scores(said),
        "horizons": {name: _scores(part) for name, part in _by_horizon(said)},
        "avoided": [_told(row) for row in avoided.head(WORST).to_dict("records")],
        "caused": [_told(row) for row in caused.head(WORST).to_dict("records")],
    }


def report(found: JSON) -> str:
    """Return what `compare` found as text for a terminal."""
    speakers = ", ".join(f"model {version}" for version in found["said_by"])
    whole = found["all"]
    table = [HEADS]
    table += [_row(f"{name} h", scores) for name, scores in found["horizons"].items()]
    table.append(_row("all", whole))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        [
            f"Model {found['model']} on what {speakers} said then,"
            f" {found['from'][:16]} to {found['to'][:16]}:",
            "",
            *("  ".join(map(str.rjust, row, widths)) for row in table),
            "",
            f"It would have avoided {whole['avoided']:,.0f} rentals of error in"
            f" {whole['improved']:,} predictions, and caused {whole['caused']:,.0f}"
            f" in {whole['worsened']:,}.",
            *_listed("The largest errors avoided", found["avoided"]),
            *_listed("The largest errors caused", found["caused"]),
        ]
    )


def _rescored(
    said: pd.DataFrame, artefact: Artefact, known: History, calendar: Calendar
) -> NDArray[np.float64]:
    """Return rentals, lower and upper of each row, rounded as they are answered."""
    rows = _rows(said, known)
    found = np.empty((3, len(said)))
    with click.progressbar(length=len(said), label="Rescoring") as bar:
        for part, alone in _parts(said):
            chosen = features.Rows(*(column[part] for column in rows))
            hidden = np.ones(len(part), np.bool_) if alone else None
            matrix = features.build(chosen, known, calendar, hidden, as_known=True)
            found[:, part] = np.round(artefact.predict(matrix), 2)
            bar.update(len(part))
    return found


def _parts(said: pd.DataFrame) -> Iterator[tuple[NDArray[np.int64], bool]]:
    """Yield places of rows, and whether each was asked for alone: a batch has one moment."""
    number, _ = pd.factorize(said["requested_at"])
    count = np.bincount(number)
    single = np.flatnonzero(count[number] == 1)
    for start in range(0, len(single), CHUNK):
        yield single[start : start + CHUNK], True
    order = np.argsort(number, kind="stable")
    ends = np.cumsum(count)
    for batch in np.flatnonzero(count > 1):
        yield order[ends[batch] - count[batch] : ends[batch]], False


def _rows(said: pd.DataFrame, known: History) -> list[NDArray[Any]]:
    """Return the columns of `features.Rows`."""
    given = said["input"].tolist()
    as_of = said["as_of"].to_numpy("datetime64[s]")
    hours = np.where(np.isnat(as_of), NO_HISTORY, as_hours(as_of))
    codes = {name: code for code, name in enumerate(WEATHER)}

    def numbers(name: str) -> NDArray[np.float64]:
        return np.array([asked.get(name, np.nan) for asked in given], float)

    return [
        as_hours(said["datetime"].to_numpy("datetime64[s]")),
        known.newest_before(hours),
        np.array([codes[asked["weather"]] for asked in given], np.int8),
        numbers("temperature"),
        numbers("feels_like"),
        numbers("humidity"),
        numbers("windspeed"),
        np.array([asked.get("holiday", -1) for asked in given], np.int8),
    ]


def _by_horizon(said: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the predictions by how far they looked ahead; those without `as_of` last."""
    ahead = said["horizon"].astype(float).fillna(np.inf)
    names = ["1", *(f"{low + 1} to {high}" for low, high in pairwise(HORIZONS))]
    names.append(f"over {HORIZONS[-1]}")
    place = np.searchsorted(HORIZONS, ahead.to_numpy())
    for number, name in enumerate(names):
        if (place == number).any():
            yield name, said[place == number]


def _scores(said: pd.DataFrame) -> JSON:
    actual, spoke, model = (said[name].to_numpy(float) for name in ("actual", "rentals", "model"))
    bounds = ("lower", "upper", "model_lower", "model_upper")
    lower, upper, model_lower, model_upper = (said[name].to_numpy(float) for name in bounds)
    gain = said["gain"].to_numpy()
    return {
        "predictions": len(said),
        "said": evaluate.metrics(actual, spoke, lower, upper),
        "rescored": evaluate.metrics(actual, model, model_lower, model_upper),
        "improved": int((gain > 0).sum()),
        "worsened": int((gain < 0).sum()),
        "avoided": float(gain[gain > 0].sum()),
        "caused": float(np.abs(gain[gain < 0]).sum()),
    }


def _told(row: dict[Any, Any]) -> JSON:
    ahead = row["horizon"]
    return {
        "datetime": row["datetime"].isoformat(),
        "horizon": None if pd.isna(ahead) else int(ahead),
        "actual": row["actual"],
        "said": row["rentals"],
        "said_by": str(row["model_version"]),
        "rescored": row["model"],
    }


def _row(name: str, scores: JSON) -> tuple[str, ...]:
    then, now = scores["said"], scores["rescored"]
    better = scores["improved"] / scores["predictions"]
    return (
        name,
        f"{scores['predictions']:,}",
        *(f"{each['mae']:.2f}" for each in (now, then)),
        *(f"{each['bias']:+.2f}" for each in (now, then)),
        *(f"{each['coverage']:.1%}" for each in (now, then)),
        f"{better:.0%}",
    )


def _listed(title: str, rows: list[JSON]) -> Iterator[str]:
    if rows:
        yield f"\n{title}:"
    for row in rows:
        ahead = "no as_of" if row["horizon"] is None else f"{row['horizon']} h ahead"
        yield (
            f"  {row['datetime'][:16]}, {ahead}: {row['actual']:,.0f} rented,"
            f" {row['rescored']:,.1f} against {row['said']:,.1f} by model {row['said_by']}"
        )
