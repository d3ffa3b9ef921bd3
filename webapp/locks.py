"""Locks between processes, and between machines; all are free again when their holder dies."""

import fcntl
import os
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

from flask import current_app
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import DBAPIError

from .extensions import db

# The server asks a silent holder whether it lives: a machine that lost its power has no more say.
KEEPALIVE = {"idle": "10", "interval": "5", "count": "3"}


class FileLock:
    """An exclusive lock, held by every process that has the open file; a ``with`` gives it up."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd: int | None = None

    def acquire(self, *, wait: bool = False) -> bool:
        """Take the lock if it is free, or when it is; say whether it is ours now."""
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(fd)
            return False
        if os.fstat(fd).st_nlink == 0:  # its holder deleted it between the two calls
            os.close(fd)
            return False
        self.fd = fd
        return True

    def is_held(self) -> bool:
        """Say whether it is ours."""
        return self.fd is not None

    def __enter__(self) -> "FileLock":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Close the file; a child process that was given it holds the lock on."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None


class AdvisoryLock:
    """An exclusive lock of a PostgreSQL database, held by a connection of its own.

    Used as `FileLock` is; but whoever holds it for long must ask whether it still does, since it
    goes with the connection.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.number = int.from_bytes(sha256(f"vlib {name}".encode()).digest()[:8], signed=True)
        self._connection: Connection | None = None

    def acquire(self, *, wait: bool = False) -> bool:
        """Take the lock if it is free, or when it is; say whether it is ours now."""
        with ExitStack() as stack:
            connection = stack.enter_context(self.engine.connect())
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            if wait:
                connection.execute(select(func.pg_advisory_lock(self.number)))
            elif not connection.scalar(select(func.pg_try_advisory_lock(self.number))):
                return False
            connection.detach()  # the pool must not give it to anybody else
            for name, seconds in KEEPALIVE.items():
                setting = func.set_config(f"tcp_keepalives_{name}", seconds, False)
                connection.execute(select(setting))
            self._connection = connection
            stack.pop_all()  # it stays open
        return True

    def is_held(self) -> bool:
        """Say whether it is ours still."""
        try:
            if self._connection is not None:
                self._connection.execute(select(1))
        except DBAPIError:
            self.release()
        return self._connection is not None

    def __enter__(self) -> "AdvisoryLock":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Close the connection, and the lock is free."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def of_all(name: str) -> FileLock | AdvisoryLock:
    """Return the lock with a name that the processes of all machines share."""
    if db.engine.dialect.name == "postgresql":
        return AdvisoryLock(db.engine, name)
    return FileLock(Path(current_app.instance_path) / f"{name}.lock")
