"""Locks between processes: kernel locks on files, free again when their holder dies."""

import fcntl
import os
from pathlib import Path


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

    def __enter__(self) -> "FileLock":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Close the file; a child process that was given it holds the lock on."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None
