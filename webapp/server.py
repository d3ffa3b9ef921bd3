"""Production: the application on Granian, one process a worker."""

import os
import threading
import time
from contextlib import suppress
from functools import partial
from typing import Any

import granian
from flask import Flask
from granian.constants import Interfaces

from . import journal, startup
from .extensions import db

SETTINGS: dict[str, Any] = {
    "interface": Interfaces.WSGI,
    # Some wait for a body, the disk or the database; more of them take the interpreter from each
    # other, at 16 a fifth of what a worker does goes into that.
    "blocking_threads": 3,
    "backlog": 1024,
    "respawn_failed_workers": True,
    "respawn_interval": 3,  # a SIGHUP's new worker loads for so long beside the old one
    "workers_kill_timeout": 5,
}

# Its lines are written as ours are.
LOGGING: dict[str, Any] = {"loggers": {"_granian": {"handlers": [], "propagate": True}}}


def run(app: Flask, host: str, port: int, workers: int) -> None:
    """Serve until a signal ends it; `app` has been prepared."""
    with app.app_context():
        db.engine.dispose()  # workers are forked, and must not share connections
    granian.Granian(
        "wsgi:app",
        address=host,
        port=port,
        workers=workers,
        log_dictconfig=LOGGING,
        **SETTINGS,
    ).serve(target_loader=partial(_load, os.getpid()), wrap_loader=False)
    with app.app_context():
        journal.current().drain()  # what the last workers left


def _load(supervisor: int) -> Any:
    """Load the application in a worker, and start its threads."""
    keep_the_processor()
    _end_with(supervisor)
    from wsgi import app

    startup.start(app)
    return app


def keep_the_processor() -> None:
    """Let no thread that wakes up interrupt one that runs.

    Else a thread that lets go of the interpreter for microseconds, as to write a line, finds it
    taken and its own processor lent, at each such place.
    """
    if hasattr(os, "SCHED_BATCH"):  # Linux
        with suppress(OSError):  # a container may forbid it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _end_with(supervisor: int) -> None:
    """End this worker when its supervisor dies: an orphan would keep the port."""

    def watch() -> None:
        while os.getppid() == supervisor:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="supervisor").start()
