"""The Flask extensions, and how their database connections behave."""

import os
from pathlib import Path
from typing import Any

import pysqlite3
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """The base of all tables."""


db = SQLAlchemy(model_class=Base)
migrate = Migrate(compare_type=True, render_as_batch=True)


def prepare_connections(engine: Engine, *, durable: bool) -> None:
    """Set SQLite to WAL and explicit transactions; leave other databases alone.

    A writer says ``execution_options(writing=True)`` and begins with ``BEGIN IMMEDIATE``: a
    transaction that reads first and takes the write lock later would fail at once if
    another process wrote in between, whatever the busy timeout. If `durable`, a commit survives
    a power cut.
    """
    if engine.dialect.name != "sqlite":
        return
    path = str(engine.url.database)

    @event.listens_for(engine, "do_connect")
    def on_do_connect(*_: object) -> None:
        if _inode(path) is None:  # SQLite would make an empty one in the place of one moved away
            raise pysqlite3.OperationalError("the database file is gone")

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, record: Any) -> None:
        record.info["inode"] = _inode(path)
        connection.isolation_level = None  # the driver would begin on its own, and too late
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        # Pages: 32 MB. Each page that predictions change again and again is copied back once.
        cursor.execute("PRAGMA wal_autocheckpoint = 8000")
        cursor.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "checkout")
    def on_checkout(_connection: Any, record: Any, _proxy: Any) -> None:
        if record.info["inode"] != _inode(path):  # writes to a deleted file would be lost
            raise DisconnectionError

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def make_database(engine: Engine) -> None:
    """Make sure that there is a file for SQLite to fill."""
    if engine.dialect.name == "sqlite":
        Path(str(engine.url.database)).touch()


def _inode(path: str) -> int | None:
    try:
        return os.stat(path).st_ino
    except OSError:
        return None
