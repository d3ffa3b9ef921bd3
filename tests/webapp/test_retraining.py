"""One training at a time, whatever happens to it."""

import datetime as dt
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from tests.conftest import add_version, make_app
from webapp import queries, retraining, trainer, versions
from webapp.errors import Conflict, NotFound
from webapp.extensions import db

pytestmark = pytest.mark.both_engines


@pytest.fixture
def sleeper(monkeypatch: pytest.MonkeyPatch):
    """Let a process that sleeps, with a child that sleeps too, stand for the training."""
    processes: list[subprocess.Popen[bytes]] = []
    code = "import subprocess, time; subprocess.Popen(['sleep', '60']); time.sleep(60)"

    def spawn(run_id: str, lock: Any) -> int:
        process = subprocess.Popen(
            [sys.executable, "-c", code, run_id], process_group=0, pass_fds=[lock.fd]
        )
        processes.append(process)
        threading.Thread(target=process.wait, daemon=True).start()
        return process.pid

    monkeypatch.setattr(retraining, "_spawn", spawn)
    yield processes
    for process in processes:
        retraining._end_group(process.pid)


def group_is_gone(process_group: int) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.killpg(process_group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_of_twenty_requests_at_once_one_trains(
    app: Flask, admin: dict[str, str], sleeper: list[subprocess.Popen[bytes]]
) -> None:
    def post(_: int) -> Any:
        return app.test_client().post("/api/retrain", headers=admin)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(post, range(20)))
    assert sorted(answer.status_code for answer in answers) == [202] + 19 * [409]
    assert len({answer.get_json()["run_id"] for answer in answers}) == 1
    assert len(sleeper) == 1


def test_a_cancelled_run_leaves_no_process(app: Flask, sleeper: list[Any]) -> None:
    with app.app_context():
        run = retraining.start("admin")
        cancelled = retraining.cancel(run["run_id"])
        assert cancelled["status"] == "cancelled"
        assert group_is_gone(sleeper[0].pid)
        assert retraining.start("admin")["status"] == "queued"  # the next one may start


def test_only_what_runs_can_be_cancelled(app: Flask) -> None:
    with app.app_context():
        with pytest.raises(NotFound):
            retraining.cancel("no-such-run")
        with pytest.raises(Conflict):
            retraining.cancel("run-promoted")


def test_a_run_whose_process_was_killed_is_abandoned(app: Flask, sleeper: list[Any]) -> None:
    with app.app_context():
        run = retraining.start("admin")
        retraining.abandon_dead()
        assert queries.active_run() is not None  # it lives
        os.killpg(sleeper[0].pid, 9)
        assert group_is_gone(sleeper[0].pid)
        retraining.abandon_dead()
        abandoned = queries.get_run(run["run_id"])
        assert abandoned is not None
        assert abandoned["status"] == "abandoned"


def test_a_failed_look_keeps_no_lock(
    app: Flask, sleeper: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> None:
        raise OSError("database is locked")

    with app.app_context():
        retraining.start("admin")
        os.killpg(sleeper[0].pid, 9)
        assert group_is_gone(sleeper[0].pid)
        with monkeypatch.context() as patch:
            patch.setattr(queries, "finish_run", locked)
            with pytest.raises(OSError, match="locked"):
                retraining.abandon_dead()
        assert retraining.start("admin")["status"] == "queued"


def test_what_was_due_is_owed_while_no_process_was_started_for_it(app: Flask) -> None:
    with app.app_context():
        due = dt.datetime(2026, 11, 23, 3)
        here = retraining.machine()
        queries.add_run("lost", "schedule", due, machine=here)  # and then the scheduler died
        retraining.abandon_dead()
        assert queries.get_run("lost")["status"] == "abandoned"  # type: ignore[index]
        assert queries.last_due(due) is None


def test_a_training_that_cannot_be_started_says_so(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spawn(*_: object) -> int:
        raise OSError("too many processes")

    monkeypatch.setattr(retraining, "_spawn", spawn)
    with app.app_context():
        with pytest.raises(OSError, match="too many"):
            retraining.start("admin")
        assert queries.active_run() is None
        assert "too many processes" in queries.list_runs(limit=1)[0]["reason"]


def test_a_run_cancelled_before_its_process_is_known_ends(
    app: Flask, sleeper: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    spawn = retraining._spawn

    def cancelled_meanwhile(run_id: str, lock: Any) -> int:
        queries.finish_run(run_id, "cancelled", "on request")
        return spawn(run_id, lock)

    monkeypatch.setattr(retraining, "_spawn", cancelled_meanwhile)
    with app.app_context():
        assert retraining.start("admin")["status"] == "cancelled"
        assert group_is_gone(sleeper[0].pid)


def test_a_training_that_hangs_is_ended(app: Flask, sleeper: list[Any]) -> None:
    with app.app_context():
        run = retraining.start("admin")
        retraining.end_overdue()
        assert queries.active_run() is not None
        app.config["VLIB_TRAINING_LIMIT"] = -retraining.GRACE
        retraining.end_overdue()
        ended = queries.get_run(run["run_id"])
        assert ended is not None
        assert ended["status"] == "failed"
        assert group_is_gone(sleeper[0].pid)


def test_any_thread_of_a_training_tells_how_far_it_is(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        queries.add_run("run", "admin", None)
    with ThreadPoolExecutor() as pool:
        pool.submit(trainer.report, app, "run", "searching", 0.3).result()
    with monkeypatch.context() as locked, ThreadPoolExecutor() as pool:
        locked.setattr(queries, "update_run", database_is_locked)
        pool.submit(trainer.report, app, "run", "searching", 0.4).result()
    with app.app_context():
        run = queries.get_run("run")
    assert run is not None
    assert (run["stage"], run["progress"]) == ("searching", 0.3)


def database_is_locked(*_: Any, **_how: Any) -> None:
    raise OperationalError("UPDATE", {}, Exception("database is locked"))


@pytest.mark.postgres
def test_another_machines_run_is_left_alone_until_its_lease_has_lapsed(app: Flask) -> None:
    with app.app_context():
        queries.add_run("theirs", "admin", None, machine="another:/instance")
        queries.update_run("theirs", process_group=os.getpid())  # a number means nothing elsewhere
        retraining.look_after()
        with pytest.raises(Conflict) as refused:
            retraining.start("admin")
        assert refused.value.extra["run_id"] == "theirs"
        queries.update_run("theirs", renewed_at=dt.datetime(2012, 12, 25))
        retraining.look_after()
        run = queries.get_run("theirs")
        assert run is not None and run["status"] == "abandoned"


@pytest.mark.postgres
def test_a_lease_that_is_renewed_holds(app: Flask) -> None:
    with app.app_context():
        queries.add_run("theirs", "admin", None, machine="another:/instance")
        queries.update_run("theirs", renewed_at=dt.datetime(2012, 12, 25))
        assert not queries.is_renewed("theirs", retraining.LEASE)
        assert queries.renew_run("theirs") == "queued"
        assert queries.is_renewed("theirs", retraining.LEASE)
        retraining.cancel("theirs")
        assert queries.renew_run("theirs") == "cancelled"


@pytest.mark.postgres
def test_of_two_machines_one_trains(app: Flask, sleeper: list[Any], tmp_path: Path) -> None:
    other = make_app(tmp_path / "other", VLIB_DATABASE_URI=app.config["VLIB_DATABASE_URI"])
    (tmp_path / "other" / "models").mkdir(parents=True)

    def start(machine: Flask) -> str:
        with machine.app_context():
            try:
                return str(retraining.start("admin")["status"])
            except Conflict:
                return "refused"
            finally:
                db.engine.dispose()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(start, [app, other])) == ["queued", "refused"]
    assert len(sleeper) == 1


def test_activation_changes_who_serves(
    app: Flask, client: FlaskClient, admin: dict[str, str]
) -> None:
    with app.app_context():
        kept = add_version(queries.observations_frame(), "kept")
    body = {"reason": "it is better on Sundays"}
    answer = client.post(f"/api/models/{kept}/activate", json=body, headers=admin)
    assert answer.status_code == 200
    assert answer.get_json()["status"] == "champion"
    assert client.get("/api/model").get_json()["version"] == str(kept)


def test_what_cannot_serve_cannot_be_activated(app: Flask) -> None:
    with app.app_context():
        kept = add_version(queries.observations_frame(), "kept")
        (versions.directory(kept) / "week.onnx").unlink()
        with pytest.raises(Conflict, match="artefact is broken"):
            retraining.activate(kept, "try it", "cli")
        with pytest.raises(NotFound):
            retraining.activate(99, "try it", "cli")
