"""The training process, which `retraining.start` spawns: train, decide, store the outcome."""

import logging
import math
import os
import shutil
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from flask import Flask, current_app
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from training import artefact_store, tracking
from training.history import HOURS_PER_WEEK, as_hours
from training.train import TrainingRejected, TrainingResult, train

from . import create_app, gate, queries, versions
from .history import cache
from .ids import new_id
from .retraining import tell_mlflow, workspace

log = logging.getLogger(__name__)

INPUTS = ["weather", "temperature", "humidity", "windspeed"]
RESERVE = 2**20  # bytes of the disk that the reason of a failure has in any case
RENEW = 1.0  # seconds from one sign of life to the next
PATIENCE = 600  # seconds for which the database may be away when a run's reason is to be stored


class TimeLimit(BaseException):
    """A training took longer than it may; no ``except Exception`` on the way holds it up."""


TOLD = (TimeLimit, tracking.TrackingUnavailable, artefact_store.StoreUnavailable)
"""What ends a training and says all by itself."""


def main(run_id: str, lock_fd: str) -> None:
    """Train, and store the outcome whatever it is."""
    os.set_inheritable(int(lock_fd), False)  # our children must not keep the lock alive
    os.nice(10)  # serving comes first
    logging.basicConfig(level=logging.INFO)
    app = create_app()
    with app.app_context():
        try:
            limit_time(app.config["VLIB_TRAINING_LIMIT"])
            if queries.is_shared():
                threading.Thread(target=keep_lease, args=(app, run_id), daemon=True).start()
            workspace(run_id).mkdir(exist_ok=True)
            (workspace(run_id) / "reserve").write_bytes(bytes(RESERVE))
            run(app, run_id)
            versions.prune()
        except (TimeLimit, Exception) as error:
            log.exception("Training %s failed", run_id)
            fail(run_id, _reason(error))
        finally:
            shutil.rmtree(workspace(run_id), ignore_errors=True)
            os.close(int(lock_fd))  # the next may start; this interpreter takes its time to end


def limit_time(seconds: int) -> None:
    """Raise `TimeLimit` in this process after so many seconds."""

    def end(_signal: int, _frame: Any) -> None:
        raise TimeLimit(f"The training was ended after its limit of {seconds} s.")

    signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)


def keep_lease(app: Flask, run_id: str) -> None:
    """Tell other machines that this training lives; end it when one of them has ended it."""
    while True:
        try:
            with app.app_context():
                if queries.renew_run(run_id) in ("cancelled", "abandoned"):
                    shutil.rmtree(workspace(run_id), ignore_errors=True)
                    os.killpg(0, signal.SIGKILL)
        except SQLAlchemyError as error:
            log.warning("The lease of %s can't be renewed yet: %s", run_id, error)
        time.sleep(RENEW)


def fail(run_id: str, reason: str) -> None:
    """Store why a run failed; what failed may be the database, which is given time to come back."""
    signal.alarm(0)
    shutil.rmtree(workspace(run_id), ignore_errors=True)  # a full disk has room for it then
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            queries.finish_run(run_id, "failed", reason)
            return
        except SQLAlchemyError as error:
            if time.monotonic() > deadline:
                raise
            log.warning("The reason of %s can't be stored yet: %s", run_id, error)
            time.sleep(1)


def _reason(error: BaseException) -> str:
    if isinstance(error, TOLD):
        return str(error)
    if isinstance(error, DBAPIError):
        return f"The database can't be used: {error.orig}"
    return f"{type(error).__name__}: {error}"


def run(app: Flask, run_id: str) -> None:
    """Train on all that was observed, decide at the gate, store the version."""
    config, started = app.config, time.monotonic()
    begun = {"started_at": queries.utcnow(), "process_group": os.getpgrp()}
    if not queries.update_run(run_id, status="running", **begun):
        return  # it was cancelled before it began
    asked = queries.get_run(run_id)
    assert asked is not None  # noqa: S101 - the process that started this one added it
    frame, progress = queries.observations_frame(), partial(report, app, run_id)
    try:
        result = train(
            frame,
            directory=workspace(run_id),
            tracking_uri=config["VLIB_MLFLOW_TRACKING_URI"],
            artifact_location=artifact_location(),
            holidays=config["VLIB_HOLIDAYS"],
            n_jobs=config["VLIB_TRAINING_JOBS"] or os.cpu_count() or 1,
            cluster=config["VLIB_TRAINING_CLUSTER"],
            quick=asked["trigger"] == "first",
            accept_data=asked["accept_data"],
            new_store=not queries.is_in_mlflow(),
            progress=progress,
        )
    except TrainingRejected as error:
        reject(run_id, gate.refuse(asked, frame, error, started))
        return
    progress("deciding", 0.95)
    receipt = gate.judge(asked, frame, result, workspace(run_id), started)
    log_receipt(receipt, result.mlflow_run_id)
    if address := config["VLIB_ARTEFACT_STORE"]:
        files = workspace(run_id), result.checksums
        artefact_store.publish(address, result.mlflow_run_id, *files)
    store(run_id, result, receipt)


def reject(run_id: str, receipt: dict[str, Any]) -> None:
    """End a run that was rejected before anything was fitted."""
    try:
        log_receipt(receipt, None)
    except tracking.TrackingUnavailable as error:  # no reason to call it anything but rejected
        log.warning("The receipt of %s is in the database alone: %s", run_id, error)
    queries.finish_run(run_id, "rejected", receipt["reason"], receipt)


def log_receipt(receipt: dict[str, Any], mlflow_run_id: str | None) -> None:
    """Store a receipt in MLflow too."""
    uri = current_app.config["VLIB_MLFLOW_TRACKING_URI"]
    new = not queries.is_in_mlflow()
    tracking.log_receipt(uri, artifact_location(), receipt, mlflow_run_id, new=new)


def artifact_location() -> str:
    """Return where MLflow keeps files, if its store is no server."""
    return (Path(current_app.instance_path) / "mlartifacts").as_uri()


def store(run_id: str, result: TrainingResult, receipt: dict[str, Any]) -> None:
    """Store the version with all that hangs on its decision."""
    holdout = result.holdout | {
        "metrics": result.metrics,
        "baseline": result.baseline,
        "horizons": {str(h): values for h, values in result.metrics_by_horizon.items()},
        "baseline_horizons": {str(h): values for h, values in result.baseline_by_horizon.items()},
    }
    model = {
        "decision": receipt["decision"],
        "trained_at": queries.utcnow(),
        "mlflow_run_id": result.mlflow_run_id,
        "mlflow_version": result.mlflow_version,
        "training": result.data,
        "holdout": holdout,
        "checksums": result.checksums,
        "receipt": receipt,
    }
    outcome = {
        "status": receipt["decision"],
        "reason": receipt["reason"],
        "progress": 1.0,
        "metrics": result.metrics,
        "candidates": result.candidates,
        "mlflow_run_id": result.mlflow_run_id,
    }
    rows = backtest_rows(result.backtest)
    (workspace(run_id) / "reserve").unlink(missing_ok=True)
    with queries.finishing(run_id, outcome, model, rows) as version:
        target = versions.directory(version)
        shutil.rmtree(target, ignore_errors=True)  # left by a process that died right here
        workspace(run_id).rename(target)
    if receipt["decision"] == "promoted":
        tell_mlflow()


def report(app: Flask, run_id: str, stage: str, share: float) -> None:
    """Say how far the training is, in whichever thread; it goes on if that can't be stored."""
    try:
        with app.app_context():
            queries.update_run(run_id, stage=stage, progress=share)
    except SQLAlchemyError as error:
        log.warning("The progress of %s can't be stored: %s", run_id, error)


def backtest_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the holdout's predictions as rows of the predictions table."""
    week_before = as_hours(frame["datetime"].to_numpy()) - HOURS_PER_WEEK
    baseline = cache().current.rentals_at(week_before).tolist()
    scored: list[dict[str, Any]] = frame.to_dict("records")  # type: ignore[assignment]
    now = queries.utcnow()
    return [
        {
            "id": new_id(),
            "datetime": row["datetime"].to_pydatetime(),
            "as_of": row["as_of"].to_pydatetime(),
            "horizon": row["horizon"],
            "source": "backtest",
            "rentals": round(row["predicted"], 2),
            "lower": round(row["lower"], 2),
            "upper": round(row["upper"], 2),
            "baseline": None if math.isnan(naive) else naive,
            "input": {"datetime": row["datetime"].isoformat()} | {k: row[k] for k in INPUTS},
            "warnings": [],
            "requested_at": now,
        }
        for row, naive in zip(scored, baseline, strict=True)
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
