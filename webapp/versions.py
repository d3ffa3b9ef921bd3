"""The artefacts of the versions: which are there, the few others in memory, the old ones pruned."""

import datetime as dt
import logging
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import current_app

from training.artefact import Artefact

from . import queries
from .errors import Unavailable
from .locks import FileLock

log = logging.getLogger(__name__)

KEPT = 2  # other versions in memory: each takes tens of megabytes, in each worker
PATIENCE = 10  # seconds that a request waits for others to be loaded
IN_USE = dt.timedelta(days=30)
PRUNED = ".pruned-"
TRIED = "tried.json"
"""Beside an artefact: which runtime loaded these very files in a process of its own."""


class Versions:
    """The last few versions that were asked for beside the champion, ready to predict."""

    def __init__(self, load: Callable[[int], Artefact]) -> None:
        self._load = load
        self._ready: OrderedDict[int, Artefact] = OrderedDict()
        self._using = threading.Lock()
        self._loading = threading.Lock()

    def get(self, version: int) -> Artefact:
        """Return a version, loading it if need be; raise what loading raises.

        One is loaded at a time, so that nobody keeps a machine busy by asking for many.
        Raises `Unavailable` to who would wait too long.
        """
        if (found := self._find(version)) is not None:
            return found
        if not self._loading.acquire(timeout=PATIENCE):
            raise Unavailable("Other versions are being loaded just now.")
        try:
            if (found := self._find(version)) is None:  # else it was loaded while this one waited
                found = self._load(version)
                with self._using:
                    self._ready[version] = found
                    if len(self._ready) > KEPT:
                        self._ready.popitem(last=False)
            return found
        finally:
            self._loading.release()

    def _find(self, version: int) -> Artefact | None:
        with self._using:
            if version not in self._ready or not exists(version):
                return None
            self._ready.move_to_end(version)
            return self._ready[version]


def folder() -> Path:
    """Return the folder of the artefacts, one folder a version."""
    return Path(current_app.instance_path) / "models"


def directory(version: int | str) -> Path:
    """Return the folder of a version's artefact."""
    return folder() / str(version)


def exists(version: int | str) -> bool:
    """Say whether a version's artefact is there, whole or broken."""
    return directory(version).is_dir()


def state(version: int) -> dict[str, tuple[int, int, int]]:
    """Return of each file of an artefact what changes when it is written or replaced."""
    try:
        files = directory(version).iterdir()
        found = [(path.name, path.stat()) for path in files if path.name != TRIED]
    except OSError:
        return {}
    return {name: (stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in found}


@contextmanager
def locked() -> Iterator[None]:
    """Let nobody prune, or become champion, while the block runs."""
    with FileLock(Path(current_app.instance_path) / "models.lock") as lock:
        lock.acquire(wait=True)
        yield


def prune() -> list[int]:
    """Delete old artefacts, as ``VLIB_KEEP_MODELS`` says; return the versions.

    Never deleted is that of the champion, of the champion before it, and of a version with live
    predictions in the last 30 days. What the tables say of a version stays.
    """
    if not (newest := current_app.config["VLIB_KEEP_MODELS"]):
        return []
    with locked():
        there = [int(path.name) for path in folder().iterdir() if path.name.isdecimal()]
        champions = [version for version, _ in queries.champions() if version in there]
        needed = queries.live_versions(queries.utcnow() - IN_USE).union(champions[:2])
        pruned = sorted(set(sorted(there)[:-newest]) - needed)
        for version in pruned:  # gone at once: half an artefact would count as broken
            directory(version).rename(folder() / f"{PRUNED}{version}")
    for doomed in folder().glob(f"{PRUNED}*"):
        shutil.rmtree(doomed)
    if pruned:
        log.info("The artefacts of versions %s were pruned", pruned)
    return pruned
