"""Append-only files of lines: one process writes each of them, all may read them.

The writer holds its file's lock. When it is dead the lock is free, and who takes the lock may
do what is left to do with the lines, and remove the file.
"""

import errno
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from .locks import FileLock

SUFFIX = ".lines"
PART_BYTES = 1024 * 1024  # a transaction: thousands of predictions


class Segment:
    """One file, locked by this process."""

    def __init__(self, lock: FileLock) -> None:
        assert lock.fd is not None  # noqa: S101 - it has been acquired
        self.path, self.fd = lock.path, lock.fd
        self.pid = os.getpid()
        self.broken = False  # its last line is torn, and may not be followed by another
        self._lock = lock
        self._size = os.fstat(self.fd).st_size
        self._synced = 0
        self._syncing = threading.Lock()

    @classmethod
    def create(cls, directory: Path, *, durable: bool) -> "Segment":
        """Begin a file; its name says when. Raises OSError."""
        directory.mkdir(exist_ok=True)
        lock = FileLock(directory / _new_name())
        while not lock.acquire():  # somebody took it for a dead process's
            lock = FileLock(directory / _new_name())
        if durable:
            sync_folder(directory)
        return cls(lock)

    def append(self, lines: bytes) -> int:
        """Write lines, all or none, and return the size of the file; one thread at a time.

        Raises OSError.
        """
        try:
            written = os.pwrite(self.fd, lines, self._size)
            if written != len(lines):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            self._take_back()
            raise
        self._size += written
        return self._size

    def sync(self, size: int) -> None:
        """Wait until so many bytes are on the disk; one wait serves all who wait."""
        with self._syncing:
            if self._synced < size and self._lock.fd is not None:  # else it has been removed
                written = self._size
                os.fsync(self.fd)
                self._synced = written

    def remove(self) -> None:
        """Delete the file: its lines are somewhere else now."""
        with self._syncing:
            self.path.unlink(missing_ok=True)
            self._lock.release()

    def _take_back(self) -> None:
        try:
            os.ftruncate(self.fd, self._size)
        except OSError:
            self.broken = True


def orphans(directory: Path) -> Iterator[Segment]:
    """Yield the files of processes that are dead, the oldest first."""
    for path in paths(directory):
        lock = FileLock(path)
        if lock.acquire():
            with lock:
                yield Segment(lock)


def paths(directory: Path) -> list[Path]:
    """Return all files, the oldest first."""
    return sorted(directory.glob(f"*{SUFFIX}"))


def lines_of(fd: int) -> Iterator[list[bytes]]:
    """Yield the lines of a file, some at a time; a torn last one is left out."""
    offset, rest = 0, b""
    while part := os.pread(fd, PART_BYTES, offset):
        offset += len(part)
        *lines, rest = (rest + part).split(b"\n")
        if lines:
            yield lines


def read(path: Path) -> Iterator[list[bytes]]:
    """Yield the lines of any process's file as `lines_of` does; none if it is gone."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        yield from lines_of(fd)
    finally:
        os.close(fd)


def begun(path: Path) -> float:
    """Return when a file was begun, in seconds since 1970."""
    return int(path.name.partition("-")[0]) / 1e9


def _new_name() -> str:
    return f"{time.time_ns()}-{os.getpid()}{SUFFIX}"


def sync_folder(directory: Path) -> None:
    """Make sure that a power cut does not undo what became of the files' names."""
    fd = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
