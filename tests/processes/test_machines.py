"""Two machines, with a folder each, on one PostgreSQL and one MLflow server."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests import postgres
from tests.conftest import make_app
from tests.faults.conftest import HISTORY_DAYS, QUICKLY, begin, end_of, group
from training import sources
from webapp import importing, queries, versions
from webapp.extensions import db

from .conftest import Server, free_port, running, wait_for
from .test_serve import CHRISTMAS

pytestmark = postgres.NONE

SOON = 300  # seconds: what takes 5 on a quiet machine may take long on a busy one


@contextmanager
def mlflow_server(store: Path, place: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start MLflow's server on a copy of a store, and end it with the block."""
    shutil.copy(store, place / "mlflow.db")
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{place}/mlflow.db"]
    command += ["--artifacts-destination", str(place / "artifacts")]
    settings = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # eight processes less
    with (place / "mlflow.log").open("wb") as output:
        process = subprocess.Popen(
            command, env=settings, stdout=output, stderr=output, process_group=0
        )
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children as a power cut does, once."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def answers(address: str) -> bool:
    """Say whether a server is up."""
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=5):
            return True
    except OSError:
        return False


class Fleet:
    """The machines, by the folder of each, and what they share."""

    def __init__(self, mlflow: subprocess.Popen[bytes], apps: dict[str, Flask]) -> None:
        self.mlflow = mlflow
        self.apps = apps
        self.servers: dict[str, Server] = {}

    def leaders(self) -> list[str]:
        """Return the machines that became the one that schedules."""
        return [name for name, server in self.servers.items() if server.schedulers()]

    def others(self) -> list[str]:
        return [name for name in self.servers if name not in self.leaders()]

    def serves(self, name: str, version: str) -> bool:
        """Say whether a machine answers with a version, and nothing is wrong."""
        server = self.servers[name]
        answer = server.call("/api/predict", CHRISTMAS)[1]
        return (
            answer.get("model_version") == version and "problems" not in server.call("/readyz")[1]
        )


@pytest.fixture(scope="module")
def fleet(
    mlflow_store: Path, empty_postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    """Two machines that have just been started, without a model."""
    place = tmp_path_factory.mktemp("fleet")
    with ExitStack() as stack:
        uri = stack.enter_context(postgres.database(empty_postgres))
        address, mlflow = stack.enter_context(mlflow_server(mlflow_store, place))
        settings = {"VLIB_DATABASE_URI": uri, "VLIB_MLFLOW_TRACKING_URI": address}
        folders = {name: place / name for name in ("first", "second")}
        fleet = Fleet(mlflow, {n: make_app(path, **settings) for n, path in folders.items()})
        with fleet.apps["first"].app_context():
            frame = sources.embedded_history().tail(HISTORY_DAYS * 24)
            queries.upsert_frame(frame.reset_index(drop=True), importing.demo())
        wait_for(partial(answers, address), SOON)
        for name, path in folders.items():
            path.mkdir()
            command = ["serve", "--workers", "1"]
            server = stack.enter_context(running(command, path, **settings, **QUICKLY))
            fleet.servers[name] = server
        yield fleet
        for app in fleet.apps.values():
            with app.app_context():
                db.engine.dispose()


def artefact(fleet: Fleet, name: str, version: int) -> dict[str, bytes]:
    """Return what a machine's own copy of a version holds."""
    folder = Path(fleet.apps[name].instance_path) / "models" / str(version)
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".json"}


def test_one_trains_and_all_serve_it_from_a_copy_of_their_own(fleet: Fleet) -> None:
    (leader,) = wait_for(fleet.leaders, SOON)
    (other,) = fleet.others()
    wait_for(partial(fleet.serves, leader, "1"), SOON)
    began = time.monotonic()
    wait_for(partial(fleet.serves, other, "1"), SOON)
    print(f"reached the other machine {time.monotonic() - began:.1f} s after the first")
    with fleet.apps[other].app_context():
        (run,) = queries.list_runs()
    assert (run["status"], run["trigger"]) == ("promoted", "first")
    assert artefact(fleet, other, 1) == artefact(fleet, leader, 1)
    said = [server.call("/api/predict", CHRISTMAS)[1] for server in fleet.servers.values()]
    assert said[0]["rentals"] == said[1]["rentals"]
    assert len(fleet.leaders()) == 1


def test_an_activation_and_the_way_back_reach_all(fleet: Fleet) -> None:
    (leader,), (other,) = fleet.leaders(), fleet.others()
    with fleet.apps[other].app_context():
        copy_version()
    for asked, version in ((other, "2"), (leader, "1")):
        told = fleet.servers[asked].call(f"/api/models/{version}/activate", {"reason": "try it"})
        assert told[0] == 200, told
        began = time.monotonic()
        for name in fleet.servers:
            wait_for(partial(fleet.serves, name, version), SOON)
        print(f"version {version} reached all in {time.monotonic() - began:.1f} s")
    assert artefact(fleet, leader, 2) == artefact(fleet, other, 2) == artefact(fleet, other, 1)


def copy_version() -> None:
    """Store a version 2 with the files of version 1, which lies on this machine alone."""
    shutil.copytree(versions.directory(1), versions.directory(2))
    table = db.metadata.tables["model_versions"]
    with queries.writing() as connection:
        row = connection.execute(sa.select(table)).one()
        values: dict[str, Any] = dict(row._mapping) | {"version": 2, "decision": "kept"}
        connection.execute(sa.insert(table).values(**values))


def test_another_machines_training_is_left_alone_until_it_is_cancelled(fleet: Fleet) -> None:
    (leader,), (other,) = fleet.leaders(), fleet.others()
    with fleet.apps[other].app_context():
        run = begin("searching")
        status, told = fleet.servers[leader].call("/api/retrain", method="POST")
        assert (status, told["run_id"]) == (409, run["run_id"])
        assert (
            fleet.servers[leader].call(f"/api/retrain/{run['run_id']}", method="DELETE")[0] == 202
        )
        wait_for(lambda: not group(run["process_group"]), SOON)


def test_a_killed_training_leaves_no_version_half_made(fleet: Fleet) -> None:
    (other,) = fleet.others()
    with fleet.apps[other].app_context():
        run = begin("searching")
        os.killpg(run["process_group"], signal.SIGKILL)
        assert end_of(run["run_id"], SOON)["status"] == "abandoned"
        assert [model["version"] for model in queries.list_models()] == ["2", "1"]
    models = Path(fleet.apps[other].instance_path) / "models"
    wait_for(lambda: not list(models.glob(f".{run['run_id']}")), SOON)


def test_any_one_may_die(fleet: Fleet) -> None:
    (leader,), (other,) = fleet.leaders(), fleet.others()
    kill(fleet.servers[leader].process)
    kill(fleet.mlflow)
    wait_for(lambda: fleet.servers[other].schedulers(), SOON)
    assert fleet.serves(other, "1")
