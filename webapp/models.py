"""The tables. Times of hours are local wall-clock time, all others are UTC; both are naive."""

import datetime as dt
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from .extensions import db


class Observation(db.Model):
    """One hour that has happened: its weather and its rentals."""

    __tablename__ = "observations"

    datetime: Mapped[dt.datetime] = mapped_column(primary_key=True)
    weather: Mapped[str] = mapped_column(String(32))
    temperature: Mapped[float]
    feels_like: Mapped[float | None]
    humidity: Mapped[float]
    windspeed: Mapped[float]
    rentals: Mapped[int]
    casual: Mapped[int | None]
    registered: Mapped[int | None]
    holiday: Mapped[bool | None]
    estimated: Mapped[bool] = mapped_column(server_default=false())  # else the rentals were counted
    # Counts the writes to this table, so that a worker reads what changed and nothing else.
    revision: Mapped[int] = mapped_column(index=True)
    first_revision: Mapped[int]  # the write that made the hour known
    recorded_at: Mapped[dt.datetime]


class Import(db.Model):
    """A history that was taken in; the newest row says whose the observations are."""

    __tablename__ = "imports"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(16))  # demo or own
    replaced: Mapped[bool]  # all that was observed before is gone
    file: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64))
    city: Mapped[str | None]
    timezone: Mapped[str]
    holidays: Mapped[str]
    columns: Mapped[dict[str, str] | None] = mapped_column(JSON)  # their names, by field
    inserted: Mapped[int]
    updated: Mapped[int]
    imported_at: Mapped[dt.datetime]


class Prediction(db.Model):
    """What a model version said of one hour."""

    # Each index more would cost a stored prediction as much as all the rest of its row.
    __tablename__ = "predictions"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)  # UUIDv7: in order of time
    datetime: Mapped[dt.datetime] = mapped_column(index=True)
    as_of: Mapped[dt.datetime | None]
    horizon: Mapped[int | None]  # hours
    model_version: Mapped[int] = mapped_column(ForeignKey("model_versions.version"))
    source: Mapped[str] = mapped_column(String(16))
    rentals: Mapped[float]
    lower: Mapped[float]
    upper: Mapped[float]
    baseline: Mapped[float | None]  # seasonal-naive: the rentals a week before the hour
    input: Mapped[dict[str, Any]] = mapped_column(JSON)
    warnings: Mapped[list[str]] = mapped_column(JSON)
    requested_at: Mapped[dt.datetime]


class LatestPrediction(db.Model):
    """The last word of a version on an hour, for every source but what-ifs.

    Charts read this table: it grows with the hours and not with the requests, and stays as it is
    when old predictions are pruned.
    """

    __tablename__ = "latest_predictions"
    __table_args__ = (
        Index("ix_latest_predictions_source_kind_datetime", "source", "kind", "datetime"),
    )

    datetime: Mapped[dt.datetime] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(16), primary_key=True)
    # 1, 24, 48, 168: the horizons that are measured; 0: any other.
    kind: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    model_version: Mapped[int] = mapped_column(
        ForeignKey("model_versions.version"), primary_key=True
    )
    id: Mapped[str] = mapped_column(String(36))  # of the prediction
    as_of: Mapped[dt.datetime | None]
    horizon: Mapped[int | None]
    rentals: Mapped[float]
    lower: Mapped[float]
    upper: Mapped[float]
    baseline: Mapped[float | None]
    weather: Mapped[str | None] = mapped_column(String(32))
    temperature: Mapped[float | None]
    humidity: Mapped[float | None]
    windspeed: Mapped[float | None]
    requested_at: Mapped[dt.datetime]


class ModelVersion(db.Model):
    """A model that was trained to the end."""

    __tablename__ = "model_versions"
    __table_args__ = {"sqlite_autoincrement": True}  # a number is never used twice

    version: Mapped[int] = mapped_column(primary_key=True)
    decision: Mapped[str] = mapped_column(String(16))  # promoted, kept or rejected
    trained_at: Mapped[dt.datetime]
    mlflow_run_id: Mapped[str | None] = mapped_column(String(64))
    mlflow_version: Mapped[str | None] = mapped_column(String(16))
    training: Mapped[dict[str, Any]] = mapped_column(JSON)  # rows, from, to, data_sha256
    holdout: Mapped[dict[str, Any]] = mapped_column(JSON)  # from, to, metrics, baseline, horizons
    checksums: Mapped[dict[str, str]] = mapped_column(JSON)  # of the artefact's files, SHA-256
    receipt: Mapped[dict[str, Any]] = mapped_column(JSON)


class TrainingRun(db.Model):
    """One attempt to train, from its request to its outcome."""

    __tablename__ = "training_runs"

    run_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    status: Mapped[str] = mapped_column(String(16))
    trigger: Mapped[str] = mapped_column(String(16))
    requested_by: Mapped[str | None] = mapped_column(String(64))  # the account or token that asked
    accept_data: Mapped[bool]  # train on doubtful data all the same
    cause: Mapped[str | None]  # the evidence that called for it
    active: Mapped[bool | None] = mapped_column(unique=True)  # true for one at most, else null
    stage: Mapped[str | None] = mapped_column(String(64))
    progress: Mapped[float]
    reason: Mapped[str | None]
    metrics: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    candidates: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)
    # Of a run that was rejected before it made a version, which else has it.
    receipt: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    model_version: Mapped[int | None] = mapped_column(ForeignKey("model_versions.version"))
    mlflow_run_id: Mapped[str | None] = mapped_column(String(64))
    machine: Mapped[str | None] = mapped_column(String(255))  # that the process group is of
    process_group: Mapped[int | None]
    renewed_at: Mapped[dt.datetime | None]  # by the database's clock
    # The local time that the schedule meant; unique, so that no due time is served twice.
    due: Mapped[dt.datetime | None] = mapped_column(unique=True)
    requested_at: Mapped[dt.datetime]
    started_at: Mapped[dt.datetime | None]
    finished_at: Mapped[dt.datetime | None]


class Activation(db.Model):
    """A version became champion; the newest row says which one serves."""

    __tablename__ = "activations"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(ForeignKey("model_versions.version"))
    activated_at: Mapped[dt.datetime]
    activated_by: Mapped[str] = mapped_column(String(16))  # training, admin or cli
    reason: Mapped[str]


class IdempotencyKey(db.Model):
    """The answer to a POST that carried an ``Idempotency-Key``; null while it runs."""

    __tablename__ = "idempotency_keys"

    key: Mapped[str] = mapped_column(String(512), primary_key=True)
    request_sha256: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None]
    body: Mapped[str | None]
    created_at: Mapped[dt.datetime] = mapped_column(index=True)


class Alert(db.Model):
    """A condition of `alerts` that holds, or held."""

    __tablename__ = "alerts"
    __table_args__ = (UniqueConstraint("condition", "active"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    condition: Mapped[str] = mapped_column(String(32))
    active: Mapped[bool | None]  # true for one of a condition at most, else null
    found: Mapped[dict[str, Any]] = mapped_column(JSON)  # the values that its text shows
    raised_at: Mapped[dt.datetime]
    cleared_at: Mapped[dt.datetime | None]


class Notice(db.Model):
    """Something that the webhook has not yet been told."""

    __tablename__ = "notices"

    id: Mapped[int] = mapped_column(primary_key=True)
    event: Mapped[str] = mapped_column(String(16))
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[dt.datetime]
    attempts: Mapped[int]
    due_at: Mapped[dt.datetime]
