"""Starts, watches and cancels the one training process; reads its outcome.

A kernel lock, handed by whoever starts a training to the process that trains, says whether one
runs on this machine: only one can hold it, and it is free again however its holder ends. A run of
this machine that the table calls active while the lock is free has died. Where machines share the
database, a training belongs to the machine it runs on: it renews its lease there (see `trainer`),
the others leave its processes alone, and call it dead when the lease has lapsed.
"""

import datetime as dt
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from flask import current_app

from training.artefact import BrokenArtefact

from . import locks, predictor, queries, versions
from .config import ROOT
from .errors import Conflict, NotFound
from .language import N_
from .locks import FileLock

log = logging.getLogger(__name__)

GRACE = 60  # seconds beyond its time limit that a training has to end by itself
LEASE = dt.timedelta(seconds=60)  # for which another machine's training may be silent

JSON = dict[str, Any]


def start(
    trigger: str,
    due: dt.datetime | None = None,
    *,
    cause: str | None = None,
    requested_by: str | None = None,
    accept_data: bool = False,
) -> JSON:
    """Start a training in a process of its own; return the run. `cause` is its evidence.

    With `accept_data` it trains on data that the checks doubt. Raises `Conflict`, with the running
    run's id, if there is one.
    """
    run_id = str(uuid.uuid4())
    with _alone() as lock:
        told: JSON = {"cause": cause, "requested_by": requested_by, "accept_data": accept_data}
        queries.add_run(run_id, trigger, due, machine=machine(), **told)
        try:
            process_group = _spawn(run_id, lock)
        except OSError as error:
            queries.finish_run(run_id, "failed", f"The training can't be started: {error}")
            raise
        if not queries.update_run(run_id, process_group=process_group):
            _end_group(process_group)  # it was cancelled before anybody knew its processes
    run = queries.get_run(run_id)
    assert run is not None  # noqa: S101 - it was added above
    return run


def cancel(run_id: str) -> JSON:
    """End a run and its process group; raise `NotFound`, or `Conflict` if it has ended."""
    if queries.get_run(run_id) is None:
        raise NotFound(N_("There is no training with this id."))
    if not _end_run(run_id, "cancelled", N_("Cancelled on request.")):
        raise Conflict(N_("This training has ended already."))
    run = queries.get_run(run_id)
    assert run is not None  # noqa: S101 - it was read above
    return run


@contextmanager
def idle() -> Iterator[None]:
    """Let no training start; raise `Conflict`, with the run's id, if one runs."""
    with _alone():
        yield


def activate(version: int, reason: str, actor: str) -> JSON:
    """Make a version champion in every worker; return it.

    Raises `NotFound`, or `Conflict` if it was rejected or its artefact is gone or broken.
    """
    model = queries.get_model(version)
    if model is None:
        raise NotFound(N_("There is no model with this version."))
    if model["status"] == "rejected":
        raise Conflict(N_("This model was rejected, so it can't be activated."))
    with versions.locked():
        if not versions.exists(version):
            raise Conflict(N_("This model's artefact was pruned, so it can't be activated."))
        try:
            predictor.load_or_fetch(version)
        except BrokenArtefact as error:
            raise Conflict(f"This model's artefact is broken: {error}") from None
        queries.activate(version, actor, reason)
    predictor.current().refresh()
    tell_mlflow()
    activated = queries.get_model(version)
    assert activated is not None  # noqa: S101 - it was read above
    return activated


def look_after() -> None:
    """Look whether a training died, or hangs; each machine has to, for its own."""
    abandon_dead()
    end_overdue()


def abandon_dead() -> None:
    """Close the books on a run whose process has died, and end what is left of it."""
    if queries.active_run() is None:
        return
    with FileLock(_lock_path()) as lock, suppress(Conflict):
        if lock.acquire():
            _abandon_active()


def end_overdue() -> None:
    """End a training that its own time limit did not end, as one that hangs in compiled code."""
    run, now = queries.active_run(), time.monotonic()
    if run is None or not _is_here(run):
        return
    limit = current_app.config["VLIB_TRAINING_LIMIT"] + GRACE
    known: tuple[str, float] | None = current_app.extensions.get("vlib_watched")
    if known is None or known[0] != run["run_id"]:  # by a clock that nobody sets
        current_app.extensions["vlib_watched"] = run["run_id"], now
    elif now - known[1] >= limit:
        reason = f"The training was ended: it took more than {limit:.0f} s."
        _end_run(run["run_id"], "failed", reason)


@contextmanager
def _alone() -> Iterator[FileLock]:
    """Hold the training lock while no machine trains or starts to; raise `Conflict` if one does."""
    with _acquire() as lock, locks.of_all("starting") as starting:
        starting.acquire(wait=True)
        _abandon_active()
        yield lock


def _acquire() -> FileLock:
    """Take the training lock; raise `Conflict` if a training holds it."""
    lock = FileLock(_lock_path())
    for _ in range(100):  # between its lock and its row another start is invisible for a moment
        if lock.acquire():
            return lock
        if run := queries.active_run():
            raise Conflict(N_("A training is running already."), run_id=run["run_id"])
        time.sleep(0.05)
    raise Conflict(N_("A training is running already."))


def _abandon_active() -> None:
    """With the lock in hand: what the table still calls active is dead, unless it is elsewhere.

    Raises `Conflict` if it lives on another machine.
    """
    if (run := queries.active_run()) is not None:
        _abandon(run)
    for left in versions.folder().glob(".*-*-*-*-*"):  # also of those that other machines abandoned
        shutil.rmtree(left, ignore_errors=True)


def _abandon(run: JSON) -> None:
    if not _is_here(run) and queries.is_renewed(run["run_id"], LEASE):
        raise Conflict(N_("A training is running already."), run_id=run["run_id"])
    if run["process_group"] is None:  # who was to start it died first: it is owed still
        queries.update_run(run["run_id"], due=None)
    queries.finish_run(run["run_id"], "abandoned", N_("The training process died."))
    log.warning("Training %s died; it is abandoned", run["run_id"])
    if _is_here(run) and run["process_group"] and _is_ours(run["process_group"], run["run_id"]):
        _end_group(run["process_group"])


def _end_run(run_id: str, status: str, reason: str) -> bool:
    """End an active run with its processes and files; say whether it was active."""
    if not queries.finish_run(run_id, status, reason):
        return False
    run = queries.get_run(run_id)
    assert run is not None  # noqa: S101 - it was ended above
    if _is_here(run):  # another machine's sees it, and ends itself
        _end_group(run["process_group"])
        shutil.rmtree(workspace(run_id), ignore_errors=True)
    return True


def tell_mlflow() -> None:
    """Let MLflow's alias follow, in a child process: nobody waits for a slow store."""
    if queries.champion_in_mlflow() is not None:  # else MLflow has no such version
        _start("webapp.alias", str(queries.newest_activation()))


def _spawn(run_id: str, lock: FileLock) -> int:
    """Start the training process, which inherits the lock; return its process group."""
    assert lock.fd is not None  # noqa: S101 - it was acquired
    return _start("webapp.trainer", run_id, str(lock.fd), pass_fds=[lock.fd])


def _start(module: str, *arguments: str, pass_fds: Sequence[int] = ()) -> int:
    """Start a module of ours in a process group of its own, with our settings; return its id."""
    settings = {
        key: str(value)
        for key, value in current_app.config.items()
        if key.startswith("VLIB_") and value is not None
    }
    with open(Path(current_app.instance_path) / "training.log", "ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=os.environ | settings,
            pass_fds=pass_fds,
            process_group=0,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    _reap(process)
    return process.pid


def _reap(process: subprocess.Popen[bytes]) -> None:
    """Wait for a child in the background, so that it leaves no zombie."""
    threading.Thread(target=process.wait, daemon=True).start()


def _is_ours(process_group: int, run_id: str) -> bool:
    """Say whether a process group still is the training's: numbers are used again."""
    command = ["ps", "-o", "command=", "-p", str(process_group)]
    shown = subprocess.run(command, capture_output=True, text=True)  # noqa: S603
    return run_id in shown.stdout


def _end_group(process_group: int | None) -> None:
    """End a training and its children: politely, then for good."""
    if process_group is None:
        return
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process_group, sign)
        except (ProcessLookupError, PermissionError):  # gone; macOS says so of zombies
            return
        time.sleep(0.5)


def machine() -> str:
    """Name this machine, and the instance folder that it works in."""
    return f"{socket.gethostname()}:{current_app.instance_path}"[:255]


def _is_here(run: JSON) -> bool:
    """Say whether a run's processes are this machine's."""
    return not queries.is_shared() or run["machine"] == machine()


def workspace(run_id: str) -> Path:
    """Return the folder that a training works in."""
    return versions.folder() / f".{run_id}"


def _lock_path() -> Path:
    return Path(current_app.instance_path) / "training.lock"
