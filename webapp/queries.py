"""The only reader and writer of the tables.

Plain functions that need an application context. Hours go in as naive local datetimes and
come out as ISO text, or as data frames for the dashboard and for training.
"""

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from operator import itemgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import pysqlite3
from pydantic_core import from_json
from sqlalchemy import (
    ColumnElement,
    Connection,
    DateTime,
    Row,
    Select,
    String,
    Text,
    Update,
    bindparam,
    case,
    cast,
    delete,
    func,
    insert,
    select,
    text,
    type_coerce,
    types,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from training.features import HORIZONS

from .extensions import db
from .keeping import kept
from .models import (
    Activation,
    Alert,
    IdempotencyKey,
    Import,
    LatestPrediction,
    ModelVersion,
    Notice,
    Observation,
    Prediction,
    TrainingRun,
)

ACTIVE = ("queued", "running")
# What the webhook is told when a run ends so; a cancelled or kept one is no news.
EVENTS = {"promoted": "promoted", "rejected": "rejected", "failed": "failed", "abandoned": "failed"}
INPUTS = ["weather", "temperature", "humidity", "windspeed"]
PREDICTED = (
    *("id", "datetime", "as_of", "horizon", "model_version", "source", "rentals", "lower"),
    *("upper", "baseline", "input", "warnings", "requested_at"),
)
LATEST = (*PREDICTED[:10], "requested_at", "kind", *INPUTS)
LATEST_KEY = ("datetime", "source", "kind", "model_version")
ACTUAL = Observation.rentals.label("actual"), Observation.estimated.label("actual_estimated")
BOOKKEEPING = ("revision", "first_revision", "recorded_at")
OBSERVED = [name for name in Observation.__table__.columns.keys() if name not in BOOKKEEPING]
HISTORY = [name for name in OBSERVED if name != "estimated"]
KINDS = (0, *HORIZONS)
WEEK = dt.timedelta(days=7)
MANY = 256  # rows of one statement: a power of two, and 32,766 values at most
WALKED = 20_000  # predictions that a page of a listing looks through: some 50 ms
# A PostgreSQL advisory lock: numbers the writes to observations one after the other.
REVISION_LOCK = 0x766C6962
# What outlives the history that it was about; all other tables go with it.
OUTLIVING = ("imports", "model_versions", "training_runs")

JSON = dict[str, Any]


class LiveScore(NamedTuple):
    """How right the live predictions of one horizon were; errors are in rentals."""

    hours: int
    mae: float
    coverage: float  # share of the hours inside their interval
    baseline_mae: float | None  # seasonal-naive, on those of the hours that have one


def utcnow() -> dt.datetime:
    """Return the time in UTC, naive as the tables hold it."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


@contextmanager
def writing() -> Iterator[Connection]:
    """Give a connection in a write transaction, committed when the block ends well."""
    with db.engine.connect().execution_options(writing=True) as connection, connection.begin():
        yield connection


@contextmanager
def reading() -> Iterator[Connection]:
    """Give a connection whose reads all see one state of the database."""
    with db.engine.connect() as connection:
        yield connection


# Observations


def upsert_observations(rows: Sequence[JSON], imported: JSON | None = None) -> tuple[int, int]:
    """Write hours, replacing those already there; return how many are new and how many not.

    What says the same as before is no revision: it is left as it stands, as is what was counted
    where `estimated` says that a row was not. `imported` is the import that they come from, noted
    in the same transaction; if it replaces, all that was observed before goes, with what hung on
    it (see `_clear`).
    """
    latest = {row["datetime"]: _observed(row) for row in rows}
    if not latest:
        return 0, 0
    with writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(REVISION_LOCK)))
        revision = (connection.scalar(select(func.max(Observation.revision))) or 0) + 1
        if imported and imported["replaced"]:
            _clear(connection)
        known = _known_hours(connection, list(latest))
        stamp = {"revision": revision, "recorded_at": utcnow()}
        first = stamp | {"first_revision": revision}
        new = [row | first for hour, row in latest.items() if hour not in known]
        if new:
            connection.execute(insert(Observation), new)
        revised = [
            {f"new_{name}": value for name, value in (row | stamp).items()}
            for hour, row in latest.items()
            if hour in known and row != known[hour]
            if known[hour]["estimated"] or not row["estimated"]
        ]
        if revised:
            hours = Observation.__table__
            statement = update(hours).where(hours.c.datetime == bindparam("new_datetime"))
            names = [*(name for name in OBSERVED if name != "datetime"), *stamp]
            statement = statement.values({name: bindparam(f"new_{name}") for name in names})
            connection.execute(statement, revised)
        counts = len(new), len(latest) - len(new)
        if imported:
            noted = {"inserted": counts[0], "updated": counts[1], "imported_at": utcnow()}
            connection.execute(insert(Import).values(**imported, **noted))
    return counts


def upsert_frame(frame: pd.DataFrame, imported: JSON | None = None) -> tuple[int, int]:
    """Write the hours of a checked frame, as `upsert_observations` does."""
    return upsert_observations(records(frame), imported)


def newest_import() -> JSON | None:
    """Return the newest history that was taken in: it says whose the observations are."""
    statement = select(Import.__table__).order_by(Import.id.desc()).limit(1)
    with reading() as connection:
        row = connection.execute(statement).one_or_none()
    return dict(row._mapping) if row else None


def is_demo() -> bool:
    """Say whether the observations are the embedded history's."""
    newest = newest_import()
    return newest is not None and newest["source"] == "demo"


def history_start() -> int:
    """Return the number of the import that replaced all before it, 0 if none did."""
    with reading() as connection:
        return connection.scalar(select(func.max(Import.id)).where(Import.replaced)) or 0


def formats() -> list[dict[str, str]]:
    """Return the columns, by field, of each import whose hours are there."""
    statement = select(Import.columns).where(Import.id >= history_start())
    with reading() as connection:
        return [columns for columns in connection.scalars(statement) if columns]


def count_observations() -> int:
    """Return how many hours are known."""
    with reading() as connection:
        return connection.scalar(select(func.count()).select_from(Observation)) or 0


def records(frame: pd.DataFrame) -> list[JSON]:
    """Return the rows of a frame as plain values; what is missing is None."""
    plain = frame.astype(object)
    rows: list[Any] = plain.where(plain.notna(), None).to_dict("records")
    for row in rows:
        row["datetime"] = row["datetime"].to_pydatetime()
    return rows


def list_observations(
    start: dt.datetime | None, end: dt.datetime | None, limit: int, cursor: str | None
) -> tuple[list[JSON], str | None]:
    """Return a page of observations, newest first, and the cursor of the next page."""
    statement = select(*_columns(Observation, OBSERVED))
    statement = _between(statement, Observation.datetime, start, end)
    if cursor is not None:
        statement = statement.where(Observation.datetime < dt.datetime.fromisoformat(cursor))
    with reading() as connection:
        rows = connection.execute(
            statement.order_by(Observation.datetime.desc()).limit(limit + 1)
        ).all()
    items = [dict(row._mapping) | {"datetime": row.datetime.isoformat()} for row in rows[:limit]]
    return items, items[-1]["datetime"] if len(rows) > limit else None


def observations_frame(
    start: dt.datetime | None = None, end: dt.datetime | None = None
) -> pd.DataFrame:
    """Return the observed hours from `start` to before `end`, in order of time."""
    statement = select(*_columns(Observation, HISTORY)).order_by(Observation.datetime)
    return _frame(_between(statement, Observation.datetime, start, end))


def estimated_hours() -> set[dt.datetime]:
    """Return the hours whose rentals were estimated and not counted."""
    with reading() as connection:
        return set(connection.scalars(select(Observation.datetime).where(Observation.estimated)))


def recording_times(start: dt.datetime, end: dt.datetime) -> pd.DataFrame:
    """Return `datetime` and `recorded_at`, UTC, of the observed hours in a span."""
    statement = select(*_columns(Observation, ["datetime", "recorded_at"]))
    return _frame(_between(statement, Observation.datetime, start, end))


def newest_observation() -> dt.datetime | None:
    """Return the newest observed hour."""
    with reading() as connection:
        return connection.scalar(select(func.max(Observation.datetime)))


def observations_since(revision: int) -> tuple[int, Sequence[Row[Any]]]:
    """Return the newest revision and the hours written after `revision`."""
    names = ["datetime", "weather", "temperature", "feels_like", "humidity", "windspeed"]
    columns = _columns(Observation, [*names, "rentals", "holiday", "revision", "first_revision"])
    with reading() as connection:
        newest = connection.scalar(select(func.max(Observation.revision))) or 0
        if newest == revision:
            return revision, []
        changed = connection.execute(select(*columns).where(Observation.revision > revision)).all()
        return newest, changed


# Predictions


def insert_predictions(rows: Sequence[JSON]) -> None:
    """Store predictions, all or none."""
    add_predictions([_texts(row) for row in rows])


def add_predictions(rows: Sequence[Sequence[Any]]) -> None:
    """Store values in the order of `PREDICTED`; an id that is there already stays as it is.

    Times and JSON are the texts that SQLite keeps: for ten thousands of rows a second there is no
    time to make objects of them and texts again.
    """
    with writing() as connection:
        _insert_predictions(connection, rows)


def list_predictions(
    start: dt.datetime | None,
    end: dt.datetime | None,
    model_version: int | None,
    source: str | None,
    limit: int,
    cursor: str | None,
) -> tuple[list[JSON], str | None]:
    """Return a page of predictions, the last asked first, and the cursor of the next page.

    No page looks through more than `WALKED` of them: it may be short and have a next one.
    """
    statement = _answered().order_by(Prediction.id.desc()).limit(limit + 1)
    if model_version is not None:
        statement = statement.where(Prediction.model_version == model_version)
    if source is not None:
        statement = statement.where(Prediction.source == source)
    if cursor is not None:
        statement = statement.where(Prediction.id < cursor)
    with reading() as connection:
        hour: Any = Prediction.datetime
        last = _end_of_walk(connection, start, end, cursor)
        if last is not None:
            hour = func.coalesce(hour, None)  # no index has that: ids are walked, not hours sorted
            statement = statement.where(Prediction.id >= last)
        rows = connection.execute(_between(statement, hour, start, end)).all()
    items = [_prediction(row) for row in rows[:limit]]
    return items, items[-1]["prediction_id"] if len(rows) > limit else last


def get_prediction(prediction_id: str) -> JSON | None:
    """Return a prediction as it was answered, with its input and what happened."""
    with reading() as connection:
        row = connection.execute(_answered().where(Prediction.id == prediction_id)).one_or_none()
    return _prediction(row) if row else None


def get_predictions(prediction_ids: Sequence[str]) -> dict[str, JSON]:
    """Return those that there are of many predictions, by their ids."""
    with reading() as connection:
        rows = connection.execute(_answered().where(Prediction.id.in_(prediction_ids)))
        return {row.id: _prediction(row) for row in rows}


def waiting_prediction(values: Sequence[Any]) -> JSON:
    """Return a prediction that still waits, in the order of `PREDICTED`, as `get_prediction`."""
    row = dict(zip(PREDICTED, values, strict=True))
    for name in ("datetime", "as_of", "requested_at"):
        row[name] = row[name] and dt.datetime.fromisoformat(row[name])
    for name in ("input", "warnings"):
        row[name] = json.loads(row[name])
    hour = Observation.datetime == row["datetime"]
    with reading() as connection:
        actual = connection.execute(select(*ACTUAL).where(hour)).one_or_none()
    row["actual"], row["actual_estimated"] = actual or (None, None)
    return _prediction(SimpleNamespace(**row))


def predictions_frame(
    *,
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    sources: Sequence[str] = ("live", "replay", "backtest"),
    model_version: int | None = None,
    horizon: int | None = None,
) -> pd.DataFrame:
    """Return the last prediction of each hour, horizon and source beside its actual.

    Of horizons other than `HORIZONS` only the last one said of an hour is there.
    """
    said = LatestPrediction
    statement: Select[Any] = (
        select(
            *_columns(said, ["id", "datetime", "as_of", "horizon", "model_version", "source"]),
            said.rentals.label("predicted"),
            *_columns(said, ["lower", "upper", "baseline", *INPUTS, "requested_at"]),
            Observation.rentals.label("actual"),
            func.coalesce(Observation.estimated, False).label("estimated"),
        )
        .join(Observation, Observation.datetime == said.datetime, isouter=True)
        .where(*_said_by(sources, KINDS if horizon is None else [_kind(horizon)], model_version))
        .order_by(said.datetime, said.id)
    )
    if horizon is not None:
        statement = statement.where(said.horizon == horizon)
    frame = _frame(_between(statement, said.datetime, start, end))
    numbers = ["predicted", "lower", "upper", "baseline", "actual", "horizon"]
    return frame.astype(dict.fromkeys(numbers, float)).drop_duplicates(
        ["datetime", "source", "horizon"], keep="last"
    )


def _data_state() -> tuple[Any, ...]:
    """Return what changes with every new hour, prediction and history."""
    with reading() as connection:
        revision = connection.scalar(select(func.max(Observation.revision)))
        newest = connection.scalar(select(func.max(Prediction.id)))
    return history_start(), revision, newest


@kept(_data_state)
def scored_frame(
    *,
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    sources: Sequence[str] = ("live", "replay", "backtest"),
    model_version: int | None = None,
    horizon: int | None = None,
) -> pd.DataFrame:
    """Return what scoring needs of the predictions whose hour has happened, in order of time.

    Of several versions the one that spoke last counts. Predictions at other horizons than
    `HORIZONS` are left out. It is kept: whoever changes it changes a copy.
    """
    said = LatestPrediction
    names = ["model_version", "source", "lower", "upper", "baseline", "weather", "temperature"]
    statement = (
        select(
            type_coerce(said.datetime, String).label("datetime"),
            said.kind.label("horizon"),
            said.rentals.label("predicted"),
            *_columns(said, names),
            Observation.rentals.label("actual"),
            Observation.estimated,
        )
        .join(Observation, Observation.datetime == said.datetime)
        .where(*_said_by(sources, _scored(horizon), model_version))
        .order_by(said.datetime, said.id)
    )
    frame = _frame(_between(statement, said.datetime, start, end))
    # SQLite's texts become times here at once, which is ten times faster than one by one.
    frame["datetime"] = np.asarray(frame["datetime"], "datetime64[us]")
    numbers = ["predicted", "lower", "upper", "baseline", "actual", "horizon", "temperature"]
    frame = frame.astype(dict.fromkeys(numbers, float))
    if model_version is not None:
        return frame
    return frame.drop_duplicates(["datetime", "source", "horizon"], keep="last")


@kept(_data_state)
def scores_by(
    column: Literal["kind", "model_version"],
    *,
    start: dt.datetime | None,
    end: dt.datetime | None,
    source: str,
    model_version: int | None = None,
    horizon: int | None = None,
) -> list[tuple[int, LiveScore]]:
    """Return the scores of one source's predictions by their horizon or by their version."""
    said, actual = LatestPrediction, Observation.rentals
    by = getattr(said, column)
    statement = (
        select(by, *_score(actual))
        .join(Observation, Observation.datetime == said.datetime)
        .where(*_said_by([source], _scored(horizon), model_version))
        .group_by(by)
    )
    with reading() as connection:
        rows = connection.execute(_between(statement, said.datetime, start, end))
        return [(name, LiveScore(*score)) for name, *score in rows]


def said_frame(start: dt.datetime | None, end: dt.datetime | None) -> pd.DataFrame:
    """Return what was said live or in a replay, in order of time, with its input and its actual."""
    columns = ["datetime", "as_of", "horizon", "model_version", "source", "rentals", "lower"]
    columns += ["upper", "input", "requested_at"]
    statement = (
        select(*_columns(Prediction, columns), Observation.rentals.label("actual"))
        .join(Observation, Observation.datetime == Prediction.datetime, isouter=True)
        .where(Prediction.source.in_(("live", "replay")))
        .order_by(Prediction.id)
    )
    return _frame(_between(statement, Prediction.datetime, start, end))


def told(
    hour: dt.datetime, horizon: int, model_version: int, sources: Sequence[str]
) -> JSON | None:
    """Return what a version said of an hour, of the first of the sources in which it did.

    `input` is what it was told; where the prediction itself was pruned, that is the weather alone.
    """
    said = LatestPrediction
    columns = ["as_of", "horizon", "source", "rentals", "lower", "upper", "baseline", *INPUTS]
    statement = (
        select(*_columns(said, [*columns, "requested_at"]), Prediction.input)
        .join(Prediction, Prediction.id == said.id, isouter=True)
        .where(said.datetime == hour, *_said_by(sources, [horizon], model_version))
    )
    with reading() as connection:
        rows = {row.source: row for row in connection.execute(statement)}
    row = next((rows[source] for source in sources if source in rows), None)
    if row is None:
        return None
    found = dict(row._mapping)
    weather = {name: found.pop(name) for name in INPUTS}
    return found | {"input": found["input"] or weather}


def told_with(start: dt.datetime, end: dt.datetime, requested_at: dt.datetime) -> list[JSON]:
    """Return `datetime` and `input` of the hours of a span that were asked for in one batch."""
    statement = select(*_columns(Prediction, ["datetime", "input"])).where(
        Prediction.requested_at == requested_at
    )
    with reading() as connection:
        rows = connection.execute(_between(statement, Prediction.datetime, start, end))
        return [dict(row._mapping) for row in rows]


def newest_replayed(after: str) -> dt.datetime | None:
    """Return the hour that a replay predicted last, of the predictions whose ids are greater."""
    said = select(Prediction.datetime).where(Prediction.id > after, Prediction.source == "replay")
    with reading() as connection:
        return connection.scalar(said.order_by(Prediction.id.desc()).limit(1))


def prediction_span() -> tuple[dt.datetime, dt.datetime] | None:
    """Return the first and the last hour that was ever predicted, other than in a what-if."""
    with reading() as connection:  # one by one: together they would read the whole index
        first = connection.scalar(select(func.min(LatestPrediction.datetime)))
        last = connection.scalar(select(func.max(LatestPrediction.datetime)))
    return (first, last) if first and last else None


def is_predicted(start: dt.datetime, end: dt.datetime) -> bool:
    """Say whether any hour from `start` to before `end` was predicted live."""
    said = LatestPrediction
    statement = select(said.id).where(*_said_by(["live"], KINDS)).limit(1)
    with reading() as connection:
        return connection.scalar(_between(statement, said.datetime, start, end)) is not None


def count_predictions() -> int:
    """Return how many predictions are stored."""
    with reading() as connection:
        return connection.scalar(select(func.count()).select_from(Prediction)) or 0


def scored_predictions() -> set[str]:
    """Return the ids of those that live error counts in the 28 days to the newest observation.

    Hours of the weeks to come, which may be observed later, are among them.
    """
    said = LatestPrediction
    with reading() as connection:
        newest = connection.scalar(select(func.max(Observation.datetime)))
        if newest is None:
            return set()
        statement = select(said.id).where(*_said_by(["live"], HORIZONS))
        span = newest - 4 * WEEK, newest + 2 * WEEK
        return set(connection.scalars(_between(statement, said.datetime, *span)))


def oldest_predictions(after: str, before: str | None, limit: int) -> Sequence[str]:
    """Return ids between two, from the oldest on, without those of backtests."""
    with reading() as connection:
        return connection.scalars(_oldest([Prediction.id], after, before).limit(limit)).all()


def oldest_frame(after: str, before: str, limit: int) -> pd.DataFrame:
    """Return all that is stored of the `oldest_predictions`; their JSON is text."""
    columns = [
        cast(column, Text).label(column.name) if isinstance(column.type, types.JSON) else column
        for column in Prediction.__table__.columns
    ]
    return _frame(_oldest(columns, after, before).limit(limit)).astype(
        {"as_of": "datetime64[us]", "horizon": "Int32", "model_version": "int32"}
        | {"baseline": float}
    )


def delete_predictions(ids: Sequence[str]) -> int:
    """Delete predictions; return how many there were."""
    with writing() as connection:
        return connection.execute(delete(Prediction).where(Prediction.id.in_(ids))).rowcount


def live_scores(
    days: int = 7, model_version: int | None = None, *, counted: bool = False
) -> dict[int, LiveScore]:
    """Return the live error by horizon over the last days up to the newest observation.

    The last live prediction of each hour at each of the horizons counts, of all versions or of
    one, and of all hours or of those whose rentals were counted and not estimated; a horizon
    without any is left out.
    """
    said, actual = LatestPrediction, Observation.rentals
    with reading() as connection:
        if (newest := connection.scalar(select(func.max(Observation.datetime)))) is None:
            return {}
        mine = _said_by(["live"], HORIZONS, model_version)
        mine.append(said.datetime > newest - dt.timedelta(days))
        last = select(func.max(said.id)).where(*mine).group_by(said.datetime, said.kind)
        statement = (
            select(said.kind, *_score(actual))
            .join(Observation, Observation.datetime == said.datetime)
            .where(*mine, said.id.in_(last))
            .group_by(said.kind)
        )
        if counted:
            statement = statement.where(~Observation.estimated)
        return {kind: LiveScore(*score) for kind, *score in connection.execute(statement)}


# Models


def champion() -> JSON | None:
    """Return the version that serves, as `get_model` does."""
    with reading() as connection:
        version = connection.scalar(_champion_version())
    return get_model(version) if version else None


def champions() -> list[tuple[int, dict[str, str]]]:
    """Return every version that ever was champion with its checksums, the latest first."""
    latest = (
        select(Activation.version, func.max(Activation.id).label("id"))
        .group_by(Activation.version)
        .subquery()
    )
    statement = (
        select(ModelVersion.version, ModelVersion.checksums)
        .join(latest, latest.c.version == ModelVersion.version)
        .order_by(latest.c.id.desc())
    )
    with reading() as connection:
        return [(row.version, row.checksums) for row in connection.execute(statement)]


def newest_activation() -> int:
    """Return the number of the newest activation, 0 before the first."""
    with reading() as connection:
        return connection.scalar(select(func.max(Activation.id))) or 0


def list_models() -> list[JSON]:
    """Return every trained version, newest first, with its receipt and its last activation."""
    with reading() as connection:
        current = connection.scalar(_champion_version())
        activations = {
            row.version: row
            for row in connection.execute(select(Activation.__table__).order_by(Activation.id))
        }
        rows = connection.execute(
            select(ModelVersion.__table__).order_by(ModelVersion.version.desc())
        ).all()
    return [_model(row, current, activations.get(row.version)) for row in rows]


def get_model(version: int) -> JSON | None:
    """Return one version as `list_models` does."""
    return next((item for item in list_models() if item["version"] == str(version)), None)


def checksums(version: int) -> dict[str, str]:
    """Return the checksums of a version's files by name."""
    with reading() as connection:
        found = connection.scalar(
            select(ModelVersion.checksums).where(ModelVersion.version == version)
        )
    return found or {}


def receipt(version: int) -> JSON | None:
    """Return the promotion receipt of a version; nothing here ever changes one."""
    with reading() as connection:
        found = connection.scalar(
            select(ModelVersion.receipt).where(ModelVersion.version == version)
        )
    return None if found is None else {"version": str(version)} | found


def mlflow_run_of(version: int) -> str | None:
    """Return MLflow's id of the run that made a version."""
    found = select(ModelVersion.mlflow_run_id).where(ModelVersion.version == version)
    with reading() as connection:
        return connection.scalar(found)


def is_in_mlflow() -> bool:
    """Say whether any version was registered in MLflow, whose store thus was made."""
    statement = select(ModelVersion.version).where(ModelVersion.mlflow_version.is_not(None))
    with reading() as connection:
        return connection.scalar(statement.limit(1)) is not None


def champion_in_mlflow() -> str | None:
    """Return MLflow's number of the champion."""
    number = select(ModelVersion.mlflow_version)
    with reading() as connection:
        return connection.scalar(
            number.where(ModelVersion.version == _champion_version().scalar_subquery())
        )


def live_versions(since: dt.datetime) -> set[int]:
    """Return the versions of which live predictions were asked since a moment in UTC."""
    asked = select(LatestPrediction.model_version).where(
        LatestPrediction.source == "live", LatestPrediction.requested_at >= since
    )
    with reading() as connection:
        return set(connection.scalars(asked.distinct()))


def list_activations() -> list[JSON]:
    """Return who became champion when, by whom and why, newest first."""
    with reading() as connection:
        rows = connection.execute(select(Activation.__table__).order_by(Activation.id.desc())).all()
    return [
        dict(row._mapping) | {"version": str(row.version), "activated_at": _utc(row.activated_at)}
        for row in rows
    ]


def activate(version: int, by: str, reason: str) -> None:
    """Make a version champion; nothing is written of one that is."""
    with writing() as connection:
        if connection.scalar(_champion_version()) != version:
            _activate(connection, version, by, reason)


@contextmanager
def finishing(run_id: str, outcome: JSON, model: JSON, backtest: Sequence[JSON]) -> Iterator[int]:
    """Store a trained version, and all that hangs on its decision, in one transaction.

    The block gets the version's number, to put its files in place: if it raises, or the run
    has been cancelled meanwhile, nothing is stored.
    """
    with writing() as connection:
        added = insert(ModelVersion).values(**model).returning(ModelVersion.version)
        version = connection.execute(added).scalar_one()
        if not _finish(connection, run_id, outcome | {"model_version": version}):
            raise RuntimeError("the run has ended already")
        rows = [_texts(row | {"model_version": version}) for row in backtest]
        _insert_predictions(connection, rows)
        if model["decision"] == "promoted":
            _activate(connection, version, "training", outcome["reason"])
        yield version


# Training runs


def add_run(
    run_id: str,
    trigger: str,
    due: dt.datetime | None,
    *,
    cause: str | None = None,
    requested_by: str | None = None,
    accept_data: bool = False,
    machine: str | None = None,
) -> None:
    """Add a queued run; raise `IntegrityError` if one is active or `due` has been served."""
    row: JSON = {"run_id": run_id, "trigger": trigger, "due": due, "cause": cause}
    row |= {"requested_by": requested_by, "accept_data": accept_data, "machine": machine}
    row |= {"status": "queued", "active": True, "progress": 0.0, "requested_at": utcnow()}
    with writing() as connection:
        row["renewed_at"] = _database_time(connection)
        connection.execute(insert(TrainingRun).values(**row))


def renew_run(run_id: str) -> str | None:
    """Note that an active run lives; return its status."""
    with writing() as connection:
        _update_active(connection, run_id, {"renewed_at": _database_time(connection)})
        mine = TrainingRun.run_id == run_id
        return connection.scalar(select(TrainingRun.status).where(mine))


def is_renewed(run_id: str, within: dt.timedelta) -> bool:
    """Say whether a run has been renewed lately; no machine's own clock counts."""
    with reading() as connection:
        since = _database_time(connection) - within
        fresh = (TrainingRun.run_id == run_id) & (TrainingRun.renewed_at > since)
        return connection.scalar(select(TrainingRun.run_id).where(fresh)) is not None


def update_run(run_id: str, **values: Any) -> bool:
    """Change an active run and say whether it was one: what has ended stays as it is."""
    with writing() as connection:
        return _update_active(connection, run_id, values)


def finish_run(run_id: str, status: str, reason: str, receipt: JSON | None = None) -> bool:
    """End an active run; say whether it was active. Only one without a version has a receipt."""
    values = {"status": status, "reason": reason}
    with writing() as connection:
        return _finish(connection, run_id, values | ({"receipt": receipt} if receipt else {}))


def list_runs(limit: int = 100, cursor: str | None = None) -> list[JSON]:
    """Return runs, newest first; `cursor` is the ``requested_at`` to start after."""
    statement = select(TrainingRun.__table__).order_by(TrainingRun.requested_at.desc())
    if cursor is not None:
        at = from_utc(cursor)
        statement = statement.where(TrainingRun.requested_at < at)
    with reading() as connection:
        return [_run(row) for row in connection.execute(statement.limit(limit))]


def get_run(run_id: str) -> JSON | None:
    """Return one run."""
    return _one_run(TrainingRun.run_id == run_id)


def run_of(version: int) -> JSON | None:
    """Return the run that made a version."""
    return _one_run(TrainingRun.model_version == version)


def active_run() -> JSON | None:
    """Return the run that is queued or running."""
    return _one_run(TrainingRun.active.is_(True))


def run_counts() -> list[tuple[str, int, dt.datetime | None]]:
    """Return how many runs there are of each status, and when the last of them ended."""
    statement = select(
        TrainingRun.status, func.count(), func.max(TrainingRun.finished_at)
    ).group_by(TrainingRun.status)
    with reading() as connection:
        return [(status, number, last) for status, number, last in connection.execute(statement)]


def last_due(now: dt.datetime) -> dt.datetime | None:
    """Return the newest due time of the schedule, up to a local time, that led to a run."""
    newest = select(func.max(TrainingRun.due)).where(TrainingRun.due <= now)
    with reading() as connection:
        return connection.scalar(newest)


def first_request() -> dt.datetime | None:
    """Return when the first run was asked for."""
    with reading() as connection:
        return connection.scalar(select(func.min(TrainingRun.requested_at)))


# Alerts and notices


def open_alerts() -> dict[str, JSON]:
    """Return the alerts that are raised, by condition, with `found` and `raised_at`."""
    with reading() as connection:
        rows = connection.execute(select(Alert.__table__).where(Alert.active.is_(True))).all()
    return {row.condition: {"found": row.found, "raised_at": _utc(row.raised_at)} for row in rows}


def raise_alert(condition: str, found: JSON, notice: JSON) -> None:
    """Raise an alert, and note it for the webhook."""
    row = {"condition": condition, "active": True, "found": found, "raised_at": utcnow()}
    with writing() as connection:
        connection.execute(insert(Alert).values(**row))
        _notice(connection, "degraded", notice)


def update_alert(condition: str, found: JSON) -> None:
    """Change what was found of a raised alert."""
    with writing() as connection:
        connection.execute(_raised(condition).values(found=found))


def clear_alert(condition: str, notice: JSON) -> None:
    """Clear a raised alert, and note it for the webhook."""
    with writing() as connection:
        connection.execute(_raised(condition).values(active=None, cleared_at=utcnow()))
        _notice(connection, "recovered", notice)


def unsent_notices(limit: int = 20) -> list[JSON]:
    """Return the oldest notices."""
    statement = select(Notice.__table__).order_by(Notice.id).limit(limit)
    with reading() as connection:
        return [dict(row._mapping) for row in connection.execute(statement)]


def postpone_notice(number: int, pause: dt.timedelta) -> None:
    """Count a try in vain, and wait for the next."""
    values = {"attempts": Notice.attempts + 1, "due_at": utcnow() + pause}
    with writing() as connection:
        connection.execute(update(Notice).where(Notice.id == number).values(**values))


def forget_notice(number: int) -> None:
    """Delete a notice that was sent."""
    with writing() as connection:
        connection.execute(delete(Notice).where(Notice.id == number))


def forget_notices(older: dt.timedelta) -> None:
    """Delete the notices that are too old to be news."""
    old = Notice.created_at < utcnow() - older
    with reading() as connection:
        if connection.scalar(select(Notice.id).where(old).limit(1)) is None:
            return
    with writing() as connection:
        connection.execute(delete(Notice).where(old))


# Idempotency keys


def idempotency_begin(key: str, request_sha256: str) -> JSON:
    """Return the row of a key, added now unless the key came before; kept for 24 h."""
    now = utcnow()
    rows = IdempotencyKey.__table__
    with writing() as connection:
        connection.execute(delete(rows).where(rows.c.created_at < now - dt.timedelta(hours=24)))
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        claim = {"key": key, "request_sha256": request_sha256, "created_at": now}
        add = dialect.insert(rows).values(**claim).on_conflict_do_nothing()
        new = connection.execute(add.returning(rows.c.key)).one_or_none() is not None
        found = connection.execute(select(rows).where(rows.c.key == key)).one()
        return dict(found._mapping) | {"new": new}


def idempotency_finish(key: str, status: int | None, body: str) -> None:
    """Keep the answer to a key."""
    with writing() as connection:
        connection.execute(
            update(IdempotencyKey).where(IdempotencyKey.key == key).values(status=status, body=body)
        )


# Pieces


def _insert_predictions(connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
    """Store predictions, and what is the last word on an hour beside them."""
    _execute_many(connection, "predictions", PREDICTED, "(id) DO NOTHING", rows)
    # Of an hour only the newest of these rows: the ids are in order of time.
    said = sorted((row for row in rows if row[5] != "whatif"), key=itemgetter(0))
    newest = {(row[1], _kind(row[3]), row[4], row[5]): row for row in said}
    # Workers that write the same hours take their rows in one order, or PostgreSQL lets one fail.
    latest = [_latest(row) for _, row in sorted(newest.items())]
    changed = [name for name in LATEST if name not in LATEST_KEY]
    update = (
        f"({', '.join(LATEST_KEY)}) DO UPDATE SET "
        + ", ".join(f"{name} = excluded.{name}" for name in changed)
        + " WHERE excluded.id > latest_predictions.id"
    )
    _execute_many(connection, "latest_predictions", LATEST, update, latest)


def _execute_many(
    connection: Connection,
    table: str,
    names: Sequence[str],
    conflict: str,
    rows: Sequence[Sequence[Any]],
) -> None:
    """Insert values as the driver takes them, without SQLAlchemy's work on each of them.

    A statement takes many rows: at each statement the driver lets go of the interpreter, and waits
    until the threads that serve give it back.
    """
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    columns, marks = ", ".join(names), f"({', '.join([mark] * len(names))})"
    start, size = 0, MANY
    while left := len(rows) - start:
        while size > left:  # in halves: of few statements, which the driver keeps
            size //= 2
        values = ", ".join([marks] * size)
        statement = f"INSERT INTO {table} ({columns}) VALUES {values} ON CONFLICT {conflict}"  # noqa: S608
        some = chain.from_iterable(rows[start : start + size])
        connection.exec_driver_sql(statement, tuple(some))
        start += size


def _latest(row: Sequence[Any]) -> tuple[Any, ...]:
    """Return a prediction as a row of the latest ones."""
    given = from_json(row[10])
    return (*row[:10], row[12], _kind(row[3]), *(given.get(name) for name in INPUTS))


def _kind(horizon: int | None) -> int:
    return horizon if horizon in HORIZONS else 0


def _texts(row: JSON) -> list[Any]:
    """Return a prediction as values in the order of `PREDICTED`."""
    values = [row.get(name) for name in PREDICTED]
    for index, value in enumerate(values):
        if isinstance(value, dt.datetime):
            values[index] = value.isoformat(" ", "microseconds")
        elif isinstance(value, (dict, list)):
            values[index] = json.dumps(value)
    return values


def _database_time(connection: Connection) -> Any:
    """Return the time in UTC by a clock that all machines share."""
    if connection.dialect.name == "sqlite":
        return utcnow()
    return func.timezone("UTC", func.clock_timestamp(), type_=DateTime)


def _columns(table: Any, names: Sequence[str]) -> list[Any]:
    return [getattr(table, name) for name in names]


def _between(
    statement: Select[Any], column: Any, start: dt.datetime | None, end: dt.datetime | None
) -> Select[Any]:
    if start is not None:
        statement = statement.where(column >= start)
    if end is not None:
        statement = statement.where(column < end)
    return statement


def _frame(statement: Select[Any]) -> pd.DataFrame:
    with reading() as connection:
        result = connection.execute(statement)
        names = list(result.keys())
        # Column by column: pandas takes a row of SQLAlchemy's apart ten times slower.
        columns = zip(*result.all(), strict=True)
        return pd.DataFrame(dict(zip(names, columns, strict=False)), columns=names)


def _said_by(
    sources: Sequence[str], kinds: Sequence[int], model_version: int | None = None
) -> list[ColumnElement[bool]]:
    """Return what chooses among the latest predictions.

    Source and kind are always named, also where all are wanted: the index has them before the hour.
    """
    said = LatestPrediction
    chosen: list[ColumnElement[bool]] = [said.source.in_(sources), said.kind.in_(kinds)]
    if model_version is not None:
        chosen.append(said.model_version == model_version)
    return chosen


def _oldest(columns: list[Any], after: str, before: str | None) -> Select[Any]:
    statement = select(*columns).where(Prediction.id > after, Prediction.source != "backtest")
    if before is not None:
        statement = statement.where(Prediction.id < before)
    return statement.order_by(Prediction.id)


def _scored(horizon: int | None) -> Sequence[int]:
    """Return the kinds of prediction that are scored: a horizon's or those of all."""
    return HORIZONS if horizon is None else [horizon]


def _score(actual: Any) -> list[ColumnElement[Any]]:
    """Return the numbers of a `LiveScore`, in its order."""
    said = LatestPrediction
    return [
        func.count(),
        func.avg(func.abs(said.rentals - actual)),
        func.avg(case((actual.between(said.lower, said.upper), 1.0), else_=0.0)),
        func.avg(func.abs(said.baseline - actual)),
    ]


def _observed(row: JSON) -> JSON:
    return {name: row.get(name) for name in HISTORY} | {"estimated": bool(row.get("estimated"))}


def _known_hours(connection: Connection, hours: list[dt.datetime]) -> dict[dt.datetime, JSON]:
    """Return what is stored from the first to the last of the hours, by hour."""
    statement = select(*_columns(Observation, OBSERVED)).where(
        Observation.datetime >= min(hours), Observation.datetime <= max(hours)
    )
    return {row.datetime: dict(row._mapping) for row in connection.execute(statement)}


def _clear(connection: Connection) -> None:
    """Delete the observations and all that was said of them; no version of theirs serves again."""
    for table in reversed(db.metadata.sorted_tables):
        if table.name not in OUTLIVING:
            connection.execute(delete(table))
    connection.execute(update(ModelVersion).values(decision="rejected"))


def _end_of_walk(
    connection: Connection, start: dt.datetime | None, end: dt.datetime | None, cursor: str | None
) -> str | None:
    """Return the id at which a page of a listing ends at the latest, None if it needs no end."""
    of_hours = _between(select(Prediction.datetime), Prediction.datetime, start, end)
    if connection.scalar(of_hours.offset(WALKED).limit(1)) is None:
        return None  # their index leads to them
    older = select(Prediction.id).order_by(Prediction.id.desc())
    if cursor is not None:
        older = older.where(Prediction.id < cursor)
    return connection.scalar(older.offset(WALKED - 1).limit(1))


def _answered() -> Select[Any, Any, Any]:
    return select(Prediction.__table__, *ACTUAL).join(
        Observation, Observation.datetime == Prediction.datetime, isouter=True
    )


def _prediction(row: Any) -> JSON:
    return {
        "prediction_id": row.id,
        "datetime": row.datetime.isoformat(),
        "rentals": row.rentals,
        "interval": {"lower": row.lower, "upper": row.upper, "level": 0.9},
        "as_of": row.as_of.isoformat() if row.as_of else None,
        "model_version": str(row.model_version),
        "warnings": row.warnings,
        "requested_at": _utc(row.requested_at),
        "source": row.source,
        "input": row.input,
        "actual": row.actual,
        "actual_estimated": row.actual_estimated,
    }


def _champion_version() -> Select[int]:
    return select(Activation.version).order_by(Activation.id.desc()).limit(1)


def _model(row: Row[Any], champion: int | None, activation: Row[Any] | None) -> JSON:
    status = "former" if activation else row.decision
    return {
        "version": str(row.version),
        "status": "champion" if row.version == champion else status,
        "trained_at": _utc(row.trained_at),
        "mlflow_run_id": row.mlflow_run_id,
        "training": row.training,
        "holdout": row.holdout,
        "receipt": row.receipt,
        "activated_at": _utc(activation.activated_at) if activation else None,
        "activated_by": activation.activated_by if activation else None,
        "reason": activation.reason if activation else None,
    }


def _activate(connection: Connection, version: int, by: str, reason: str) -> None:
    row = {"version": version, "activated_by": by, "reason": reason, "activated_at": utcnow()}
    connection.execute(insert(Activation).values(**row))


def _finish(connection: Connection, run_id: str, values: JSON) -> bool:
    ended = {"active": None, "finished_at": utcnow()}
    if not _update_active(connection, run_id, values | ended):
        return False
    if event := EVENTS.get(values["status"]):
        version = values.get("model_version")
        body = {"run_id": run_id, "detail": values["reason"]}
        _notice(connection, event, body | {"model_version": str(version) if version else None})
    return True


def _raised(condition: str) -> Update:
    return update(Alert).where(Alert.condition == condition, Alert.active.is_(True))


def _notice(connection: Connection, event: str, body: JSON) -> None:
    now = utcnow()
    row = {"event": event, "body": body, "created_at": now, "due_at": now, "attempts": 0}
    connection.execute(insert(Notice).values(**row))


def _update_active(connection: Connection, run_id: str, values: JSON) -> bool:
    done = connection.execute(
        update(TrainingRun)
        .where(TrainingRun.run_id == run_id, TrainingRun.active.is_(True))
        .values(**values)
    )
    return done.rowcount == 1


def _one_run(condition: ColumnElement[bool]) -> JSON | None:
    with reading() as connection:
        row = connection.execute(select(TrainingRun.__table__).where(condition)).one_or_none()
    return _run(row) if row else None


def _run(row: Row[Any]) -> JSON:
    hidden = ("active", "due", "renewed_at")
    item = {name: value for name, value in row._mapping.items() if name not in hidden}
    for name in ("requested_at", "started_at", "finished_at"):
        item[name] = _utc(item[name])
    item["model_version"] = str(row.model_version) if row.model_version else None
    return item


def from_utc(text: str) -> dt.datetime:
    """Return a moment as `utcnow` does, from the text that the functions here give."""
    return dt.datetime.fromisoformat(text.removesuffix("Z"))


def _utc(moment: dt.datetime | None) -> str | None:
    return f"{moment.isoformat(timespec='milliseconds')}Z" if moment else None


def is_shared() -> bool:
    """Say whether several machines may use the database."""
    return bool(db.engine.dialect.name != "sqlite")


class CannotBackUp(Exception):
    """The database has a way of its own to be copied."""


def backup(path: Path) -> None:
    """Copy the SQLite database to a new file while others write; raise `CannotBackUp`."""
    if db.engine.dialect.name != "sqlite":
        raise CannotBackUp("The database is no SQLite file: use the server's own tool, as pg_dump.")
    with db.engine.connect() as connection:
        source = connection.connection.driver_connection
        assert source is not None  # noqa: S101 - the connection is open
        draft = path.with_name(f"{path.name}.part")
        try:
            with closing(pysqlite3.connect(str(draft))) as target:
                source.backup(target)
            draft.rename(path)
        except (OSError, pysqlite3.Error) as error:
            draft.unlink(missing_ok=True)
            raise CannotBackUp(f"{path}: {error}: name a file in a folder that exists.") from None


def database_revision() -> str | None:
    """Return the migration that the database is at, None for an empty one."""
    with reading() as connection:
        if not connection.dialect.has_table(connection, "alembic_version"):
            return None
        revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return revision
