"""MLflow's store missing, locked or unreachable: a training says so, and all else goes on."""

import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
from flask import Flask, current_app

from tests.processes.conftest import Server
from tests.processes.test_serve import CHRISTMAS
from webapp import retraining

from .conftest import begin, end_of

Fault = Callable[[Path], AbstractContextManager[str]]


@contextmanager
def locked(place: Path) -> Iterator[str]:
    """Hold the store's write lock; give what a training says of it."""
    with closing(sqlite3.connect(place / "mlflow.db")) as store:
        store.execute("BEGIN IMMEDIATE")
        yield "mlflow.db: database is locked"


@contextmanager
def refusing(place: Path) -> Iterator[str]:
    """Let nobody listen where the store should."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        current_app.config["VLIB_MLFLOW_TRACKING_URI"] = address
        yield f"{address}: [Errno 111] Connection refused"


@contextmanager
def silent(place: Path) -> Iterator[str]:
    """Take connections and answer none."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        current_app.config["VLIB_MLFLOW_TRACKING_URI"] = address
        yield f"{address}: timed out"


def test_a_missing_store_is_made_and_one_that_goes_away_ends_a_training(
    app: Flask, server: Server, place: Path
) -> None:
    made = end_of(begin("deciding")["run_id"])
    assert made["status"] == "kept", made["reason"]

    run = begin("exporting")
    with locked(place) as said:
        ended = end_of(run["run_id"])
        assert server.call("/api/predict", CHRISTMAS)[0] == 200
    assert ended["status"] == "failed" and ended["reason"].endswith(said)


@pytest.mark.parametrize("fault", [locked, refusing, silent])
def test_a_training_ends_with_its_reason_and_predictions_go_on(
    app: Flask, server: Server, place: Path, rounds: range, fault: Fault
) -> None:
    for _ in rounds[::3]:  # three faults share them
        with fault(place) as said:
            run = end_of(retraining.start("first")["run_id"])
            assert server.call("/api/predict", CHRISTMAS)[0] == 200
        assert run["status"] == "failed" and run["reason"].endswith(said), run["reason"]
