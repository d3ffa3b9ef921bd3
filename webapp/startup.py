"""What happens before and beside serving, under ``flask run`` and ``flask serve`` alone.

`prepare` makes an instance folder ready, once a server. `start` begins the threads of a
serving process: one keeps its champion and history fresh, one competes to be the scheduler.
"""

import gc
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import click
import flask.cli
import flask_migrate
from alembic.script import ScriptDirectory
from flask import Flask, current_app
from sqlalchemy.exc import OperationalError

from training import sources

from . import (
    auth,
    config,
    importing,
    journal,
    locks,
    logs,
    predictor,
    queries,
    retraining,
    scheduler,
)
from .extensions import db, make_database, migrate
from .locks import FileLock

log = logging.getLogger(__name__)


class CannotStart(click.ClickException):
    """The one line that says why the server does not start, and what to do."""


def under_flask_run(app: Flask) -> None:
    """Prepare and start if it is ``flask run`` that loads the application."""
    context = click.get_current_context(silent=True)
    if context is None or context.command is not flask.cli.run_command:
        return
    options = context.params
    reloads = flask.helpers.get_debug_flag() if options["reload"] is None else options["reload"]
    reloaded = os.environ.get("WERKZEUG_RUN_MAIN") == "true"
    if not reloaded:
        require_free_port(options["host"], options["port"])
    if reloaded or not reloads:  # the reloader's parent serves nothing
        prepare(app)
        say_who_may(app, options["host"])
        start(app)


def require_free_port(host: str, port: int) -> None:
    """Raise `CannotStart` if another program listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotStart(
                f"Can't listen on {host}:{port} ({error.strerror}): stop the program that does,"
                " or choose another with --port."
            ) from None


def prepare(app: Flask, log_form: str = "text") -> None:
    """Make the instance folder ready to serve: tables, embedded history, admin token.

    `log_form` is the form of the logs where ``VLIB_LOG`` names none.
    Raises `CannotStart` if the folder can't be written, is served by another process, or
    holds a database of a newer Vlib.
    """
    logs.configure(app.config["VLIB_LOG"] or log_form)
    for name in config.unknown():
        log.warning("%s is in the environment but no setting: README.md lists them", name)
    lock = FileLock(make_folder(app) / "server.lock")
    try:
        alone = lock.acquire()
    except OSError as error:
        raise not_writable(app, error) from None
    if not alone:
        raise CannotStart(
            f"Another Vlib server uses the instance folder {app.instance_path}: stop it,"
            " or set VLIB_INSTANCE_PATH to a folder of its own."
        )
    app.extensions["server_lock"] = lock  # held for as long as the process lives
    with app.app_context(), locks.of_all("setup") as one_at_a_time:
        one_at_a_time.acquire(wait=True)
        upgrade_database()
        if queries.newest_observation() is None:
            queries.upsert_frame(sources.embedded_history(), importing.demo())
        auth.ensure_admin_token(app)


def say_who_may(app: Flask, host: str) -> None:
    """Warn of access that the operator may not have meant, in one line."""
    closed = app.config["VLIB_ACCESS"] == "token"
    if not closed and not _is_loopback(host):
        log.warning(
            "Whoever reaches %s may ask for predictions and see the dashboard:"
            " VLIB_ACCESS=token asks them for a token",
            host,
        )
    if closed and not app.config["VLIB_CLIENT_TOKEN"]:
        log.warning(
            "VLIB_ACCESS is token but VLIB_CLIENT_TOKEN is not set: only the admin's token"
            " opens predictions and the dashboard"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def make_folder(app: Flask) -> Path:
    """Make sure of the instance folder, and return it; raise `CannotStart` if it can't be."""
    instance = Path(app.instance_path)
    try:
        (instance / "models").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_writable(app, error) from None
    return instance


def not_writable(app: Flask, error: OSError) -> CannotStart:
    """Return the error that says what to do about a folder that can't be written."""
    return CannotStart(
        f"Can't write to the instance folder {app.instance_path} ({error.strerror}): make it"
        " writable, or set VLIB_INSTANCE_PATH to a folder that is."
    )


def upgrade_database() -> None:
    """Migrate the database to the newest revision; raise `CannotStart` if it is newer still."""
    make_folder(current_app)
    make_database(db.engine)
    revision = queries.database_revision()
    script = ScriptDirectory(str(migrate.directory))
    if revision is not None and revision not in {item.revision for item in script.walk_revisions()}:
        raise CannotStart(
            f"The database is at revision {revision}, which this Vlib does not know:"
            " start the newer Vlib that made it, or restore a backup."
        )
    if revision != script.get_current_head():
        flask_migrate.upgrade()


def start(app: Flask) -> None:
    """Start the threads of a serving process."""
    with app.app_context():
        predictor.current()
    _every(app, app.config["VLIB_REFRESH_SECONDS"], lambda: predictor.current().refresh())
    _every(app, app.config["VLIB_REFRESH_SECONDS"], lambda: predictor.current().mend())
    with app.app_context():
        journal.current().drainer = os.getpid()
    _leave_what_is_loaded_alone()
    _every(app, journal.DRAIN_SECONDS, lambda: journal.current().drain())
    _every(app, app.config["VLIB_SCHEDULER_SECONDS"], retraining.look_after)
    leader = scheduler.Leader(app)
    _every(app, app.config["VLIB_SCHEDULER_SECONDS"], leader.compete)


def _leave_what_is_loaded_alone() -> None:
    """Keep the garbage collector from walking all libraries again every few requests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _every(app: Flask, seconds: float, work: Callable[[], None]) -> None:
    def loop() -> None:
        while True:
            time.sleep(seconds)
            try:
                with app.app_context():
                    work()
            except OperationalError as error:
                log.warning("A background task waits for the database: %s", error.orig)
            except Exception:
                log.exception("A background task failed; it is tried again in %s s", seconds)

    threading.Thread(target=loop, daemon=True, name=getattr(work, "__name__", "work")).start()
