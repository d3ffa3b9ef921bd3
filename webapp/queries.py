"""The only reader and writer of the tables.

Plain functions that need an application context. Hours go in as naive local datetimes and
come out as ISO text, or as data frames for the dashboard and for training.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pysqlite3
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError

from .extensions import db
from .models import (
    Activation,
    IdempotencyKey,
    ModelVersion,
    Observation,
    Prediction,
    TrainingRun,
)

ACTIVE = ("queued", "running")
BOOKKEEPING = ("revision", "first_revision", "recorded_at")
OBSERVED = [name for name in Observation.__table__.columns.keys() if name not in BOOKKEEPING]
WEEK = dt.timedelta(days=7)
# A PostgreSQL advisory lock: numbers the writes to observations one after the other.
REVISION_LOCK = 0x766C6962

JSON = dict[str, Any]


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


def upsert_observations(rows: Sequence[JSON]) -> tuple[int, int]:
    """Write hours, replacing those already there; return how many are new and how many not.

    What says the same as before is no revision: it is left as it stands.
    """
    latest = {row["datetime"]: {name: row.get(name) for name in OBSERVED} for row in rows}
    if not latest:
        return 0, 0
    with writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(REVISION_LOCK)))
        revision = (connection.scalar(select(func.max(Observation.revision))) or 0) + 1
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
        ]
        if revised:
            hours = Observation.__table__
            statement = update(hours).where(hours.c.datetime == bindparam("new_datetime"))
            names = [*(name for name in OBSERVED if name != "datetime"), *stamp]
            statement = statement.values({name: bindparam(f"new_{name}") for name in names})
            connection.execute(statement, revised)
    return len(new), len(latest) - len(new)


def upsert_frame(frame: pd.DataFrame) -> tuple[int, int]:
    """Write the hours of a checked frame, as `upsert_observations` does."""
    return upsert_observations(records(frame))


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
    statement = select(*_columns(Observation, OBSERVED)).order_by(Observation.datetime)
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
    with writing() as connection:
        connection.execute(insert(Prediction), list(rows))


def list_predictions(
    start: dt.datetime | None,
    end: dt.datetime | None,
    model_version: int | None,
    source: str | None,
    limit: int,
    cursor: str | None,
) -> tuple[list[JSON], str | None]:
    """Return a page of predictions, the last asked first, and the cursor of the next page."""
    statement = _between(_answered(), Prediction.datetime, start, end)
    if model_version is not None:
        statement = statement.where(Prediction.model_version == model_version)
    if source is not None:
        statement = statement.where(Prediction.source == source)
    if cursor is not None:
        statement = statement.where(Prediction.id < cursor)
    with reading() as connection:
        rows = connection.execute(statement.order_by(Prediction.id.desc()).limit(limit + 1)).all()
    items = [_prediction(row) for row in rows[:limit]]
    return items, items[-1]["prediction_id"] if len(rows) > limit else None


def get_prediction(prediction_id: str) -> JSON | None:
    """Return a prediction as it was answered, with its input and what happened."""
    with reading() as connection:
        row = connection.execute(_answered().where(Prediction.id == prediction_id)).one_or_none()
    return _prediction(row) if row else None


def predictions_frame(
    *,
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    sources: Sequence[str] = ("live", "replay", "backtest"),
    model_version: int | None = None,
    horizon: int | None = None,
) -> pd.DataFrame:
    """Return the last prediction of each hour, horizon, source and version beside its actual."""
    newest = select(func.max(Prediction.id)).where(Prediction.source.in_(sources))
    newest = _between(newest, Prediction.datetime, start, end)
    if model_version is not None:
        newest = newest.where(Prediction.model_version == model_version)
    if horizon is not None:
        newest = newest.where(Prediction.horizon == horizon)
    newest = newest.group_by(
        Prediction.datetime, Prediction.horizon, Prediction.source, Prediction.model_version
    )
    statement = (
        select(
            *_columns(Prediction, ["datetime", "as_of", "horizon", "model_version", "source"]),
            Prediction.rentals.label("predicted"),
            *_columns(Prediction, ["lower", "upper", "baseline", "input", "requested_at"]),
            Observation.rentals.label("actual"),
        )
        .join(Observation, Observation.datetime == Prediction.datetime, isouter=True)
        .where(Prediction.id.in_(newest))
        .order_by(Prediction.datetime)
    )
    frame = _frame(statement)
    given = frame.pop("input")
    for name in ("weather", "temperature", "humidity", "windspeed"):
        frame[name] = [row.get(name) for row in given]
    numbers = ["predicted", "lower", "upper", "baseline", "actual", "horizon"]
    return frame.astype(dict.fromkeys(numbers, float))


def prediction_span() -> tuple[dt.datetime, dt.datetime] | None:
    """Return the first and the last hour that was ever predicted."""
    with reading() as connection:
        row = connection.execute(
            select(func.min(Prediction.datetime), func.max(Prediction.datetime))
        ).one()
    return (row[0], row[1]) if row[0] else None


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


def champion_in_mlflow() -> str | None:
    """Return MLflow's number of the champion."""
    number = select(ModelVersion.mlflow_version)
    with reading() as connection:
        return connection.scalar(
            number.where(ModelVersion.version == _champion_version().scalar_subquery())
        )


def live_versions(since: dt.datetime) -> set[int]:
    """Return the versions of which live predictions were asked since a moment in UTC."""
    asked = select(Prediction.model_version).where(
        Prediction.source == "live", Prediction.requested_at >= since
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
        if rows := [row | {"model_version": version} for row in backtest]:
            connection.execute(insert(Prediction), rows)
        if model["decision"] == "promoted":
            _activate(connection, version, "training", outcome["reason"])
        yield version


# Training runs


def add_run(run_id: str, trigger: str, due: dt.datetime | None) -> None:
    """Add a queued run; raise `IntegrityError` if one is active or `due` has been served."""
    row = {"run_id": run_id, "trigger": trigger, "due": due, "requested_at": utcnow()}
    with writing() as connection:
        connection.execute(
            insert(TrainingRun).values(status="queued", active=True, progress=0.0, **row)
        )


def update_run(run_id: str, **values: Any) -> bool:
    """Change an active run and say whether it was one: what has ended stays as it is."""
    with writing() as connection:
        return _update_active(connection, run_id, values)


def finish_run(run_id: str, status: str, reason: str) -> bool:
    """End an active run; say whether it was active."""
    with writing() as connection:
        return _finish(connection, run_id, {"status": status, "reason": reason})


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


def active_run() -> JSON | None:
    """Return the run that is queued or running."""
    return _one_run(TrainingRun.active.is_(True))


def last_due() -> dt.datetime | None:
    """Return the newest due time of the schedule that led to a run."""
    with reading() as connection:
        return connection.scalar(select(func.max(TrainingRun.due)))


def first_request() -> dt.datetime | None:
    """Return when the first run was asked for."""
    with reading() as connection:
        return connection.scalar(select(func.min(TrainingRun.requested_at)))


# Idempotency keys


def idempotency_begin(key: str, request_sha256: str) -> JSON | None:
    """Claim a key; return None if it is ours now, else the row of who had it first."""
    now = utcnow()
    rows = IdempotencyKey.__table__
    with writing() as connection:
        connection.execute(
            delete(IdempotencyKey).where(
                (rows.c.created_at < now - dt.timedelta(hours=24))
                | (rows.c.status.is_(None) & (rows.c.created_at < now - dt.timedelta(seconds=60)))
            )
        )
        found = connection.execute(select(rows).where(rows.c.key == key)).one_or_none()
        if found:
            return dict(found._mapping)
        claim = {"key": key, "request_sha256": request_sha256, "created_at": now}
        try:
            connection.execute(insert(IdempotencyKey).values(**claim))
        except IntegrityError:  # PostgreSQL: another claimed it since we looked
            return claim | {"status": None, "body": None}
    return None


def idempotency_finish(key: str, status: int, body: str) -> None:
    """Keep the answer to a claimed key."""
    with writing() as connection:
        connection.execute(
            update(IdempotencyKey).where(IdempotencyKey.key == key).values(status=status, body=body)
        )


def idempotency_forget(key: str) -> None:
    """Give a claimed key up."""
    with writing() as connection:
        connection.execute(delete(IdempotencyKey).where(IdempotencyKey.key == key))


# Pieces


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
        return pd.DataFrame(result.all(), columns=list(result.keys()))


def _known_hours(connection: Connection, hours: list[dt.datetime]) -> dict[dt.datetime, JSON]:
    """Return what is stored from the first to the last of the hours, by hour."""
    statement = select(*_columns(Observation, OBSERVED)).where(
        Observation.datetime >= min(hours), Observation.datetime <= max(hours)
    )
    return {row.datetime: dict(row._mapping) for row in connection.execute(statement)}


def _answered() -> Select[Any, Any]:
    return select(Prediction.__table__, Observation.rentals.label("actual")).join(
        Observation, Observation.datetime == Prediction.datetime, isouter=True
    )


def _prediction(row: Row[Any, Any]) -> JSON:
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
    return _update_active(connection, run_id, values | {"active": None, "finished_at": utcnow()})


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
    item = {name: value for name, value in row._mapping.items() if name not in ("active", "due")}
    for name in ("requested_at", "started_at", "finished_at"):
        item[name] = _utc(item[name])
    item["model_version"] = str(row.model_version) if row.model_version else None
    return item


def from_utc(text: str) -> dt.datetime:
    """Return a moment as `utcnow` does, from the text that the functions here give."""
    return dt.datetime.fromisoformat(text.removesuffix("Z"))


def _utc(moment: dt.datetime | None) -> str | None:
    return f"{moment.isoformat(timespec='milliseconds')}Z" if moment else None


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
            target = pysqlite3.connect(str(draft))
            source.backup(target)
            target.close()
            draft.rename(path)
        except (OSError, pysqlite3.Error) as error:
            raise CannotBackUp(f"{path}: {error}: name a file in a folder that exists.") from None


def database_revision() -> str | None:
    """Return the migration that the database is at, None for an empty one."""
    with reading() as connection:
        if not connection.dialect.has_table(connection, "alembic_version"):
            return None
        revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return revision
