"""Keeps what was predicted safe until it is in the database.

A prediction is one line, appended to a file of this process below ``journal/`` in the instance
folder before anybody is told of it: then it survives a kill -9 of every process, and whatever
happens to the database. A few times a second the file is closed to new lines, what stands in it
is put into the database, and it is removed. Whoever is killed in between, the lines are put in
again, which changes nothing: a prediction whose id is there already is left as it is.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, current_app
from pydantic_core import from_json, to_json
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from . import queries, segments
from .errors import Unavailable
from .history import to_text
from .predictor import Prediction
from .segments import Segment

DRAIN_SECONDS = 0.5
RETRY_SECONDS = 1.0
REFUSED = "refused.txt"

log = logging.getLogger(__name__)


class Journal:
    """The journal of one process, and what it does with those of dead ones."""

    def __init__(self, directory: Path, limit: int, *, durable: bool) -> None:
        self.directory = directory
        self.limit = limit  # bytes, of all processes
        self.durable = durable
        self.drainer: int | None = None  # the process in which a thread drains
        self._segment: Segment | None = None
        self._closed: list[Segment] = []  # to new lines
        self._waiting = 0  # bytes, of all processes at the last look
        self._outage = False
        self._retry_at = float("-inf")
        self._lock = threading.Lock()
        self._draining = threading.Lock()

    def store(self, predictions: Sequence[Prediction]) -> None:
        """Keep predictions, all or none; they then survive a kill -9 of every process.

        They have one moment, by which a batch is known later. Where no thread drains, they are put
        into the database at once, which needs an app context. Raises `Unavailable` if they can't
        be kept.
        """
        now = queries.utcnow().isoformat(" ", "microseconds")
        self.append(b"".join([_line(prediction, now) for prediction in predictions]))
        if not self.is_drained():
            self.drain()

    def is_drained(self) -> bool:
        """Say whether a thread of this process puts into the database what waits."""
        return self.drainer == os.getpid()

    def append(self, lines: bytes) -> None:
        """Write lines, all or none; raise `Unavailable` if they can't be kept safe."""
        try:
            with self._lock:
                if self._waiting + len(lines) > self.limit:
                    raise Unavailable("Too many predictions wait for the database.")
                segment = self._writable()
                size = segment.append(lines)
                self._waiting += len(lines)
            if self.durable:
                segment.sync(size)
        except OSError as error:
            log.error("The journal can't be written: %s", error)
            raise Unavailable("Predictions can't be stored now; none was made.") from None

    def drain(self) -> None:
        """Put what waits into the database, or say in the log why not; needs an app context."""
        with self._draining:
            if time.monotonic() < self._retry_at:
                return
            try:
                for segment in self._finished():
                    for lines in segments.lines_of(segment.fd):
                        self._put(lines)
                    segment.remove()
                self._outage = False
            except (SQLAlchemyError, OSError) as error:
                self._retry_at = time.monotonic() + RETRY_SECONDS
                if not self._outage:
                    log.error("Predictions wait in the journal: %s", error)
                self._outage = True
        with self._lock:
            self._waiting = sum(size for _, size in self.waiting())

    def copy_all(self) -> None:
        """Put what waits in any process's file into the database, and leave the files alone."""
        for path in segments.paths(self.directory):
            for lines in segments.read(path):
                self._put(lines)

    def waiting(self) -> Iterator[tuple[Path, int]]:
        """Yield the files of all processes that hold lines, the oldest first, with their bytes."""
        for path in segments.paths(self.directory):
            try:
                size = path.stat().st_size
            except FileNotFoundError:  # it has just been drained
                continue
            if size:
                yield path, size

    def find(self, prediction_id: str) -> list[Any] | None:
        """Return the values of a prediction that waits."""
        sought = b'["' + prediction_id.encode()
        for path in segments.paths(self.directory):
            for lines in segments.read(path):
                for line in lines:
                    if line.startswith(sought):
                        values: list[Any] = from_json(line)
                        return values
        return None

    def _writable(self) -> Segment:
        segment = self._segment
        if segment is not None and segment.pid != os.getpid():  # a fork: they are the parent's
            segment, self._closed = None, []
        if segment is not None and segment.broken:
            self._closed.append(segment)
            segment = None
        if segment is None:
            self._segment = segment = Segment.create(self.directory, durable=self.durable)
        return segment

    def _finished(self) -> Iterator[Segment]:
        """Yield the files to which nothing is added any more: our own and those of the dead."""
        with self._lock:
            if self._segment is not None and not self._closed:
                self._closed.append(self._segment)
                self._segment = None
        while self._closed:
            yield self._closed[0]
            del self._closed[0]  # it has been removed
        yield from segments.orphans(self.directory)

    def _put(self, lines: Sequence[bytes]) -> None:
        try:
            rows = from_json(b"[" + b",".join(lines) + b"]")  # half the time of one by one
            if {len(row) for row in rows} != {len(queries.PREDICTED)}:
                raise ValueError
        except (ValueError, TypeError):
            rows = [values for line in lines if (values := self._values(line))]
        try:
            queries.add_predictions(rows)
        except (IntegrityError, DataError):
            for row in rows:
                self._put_one(row)

    def _put_one(self, row: list[Any]) -> None:
        try:
            queries.add_predictions([row])
        except (IntegrityError, DataError) as error:
            self._refuse(to_json(row), str(error.orig))

    def _values(self, line: bytes) -> list[Any] | None:
        try:
            values: list[Any] = from_json(line)
            if len(values) == len(queries.PREDICTED):
                return values
        except (ValueError, TypeError):
            pass
        self._refuse(line, "it is no line of a journal")
        return None

    def _refuse(self, line: bytes, reason: str) -> None:
        """Set aside what would stop all others for ever."""
        log.error("A prediction is set aside in %s: %s", REFUSED, reason)
        with (self.directory / REFUSED).open("ab") as refused:
            refused.write(line + b"\n")


def init_app(app: Flask) -> None:
    """Give the application its journal, still without a file."""
    app.extensions["journal"] = Journal(
        Path(app.instance_path) / "journal",
        limit=app.config["VLIB_JOURNAL_MB"] * 2**20,
        durable=app.config["VLIB_DURABILITY"] == "power",
    )


def of(app: Flask) -> Journal:
    """Return an application's journal."""
    journal: Journal = app.extensions["journal"]
    return journal


def current() -> Journal:
    """Return the current application's journal."""
    return of(current_app)


def find(prediction_id: str) -> dict[str, Any] | None:
    """Return a prediction as `queries.get_prediction` does, from wherever it is."""
    # The journal first: a file is removed only when its lines are in the database.
    if (values := current().find(prediction_id)) is not None:
        return queries.waiting_prediction(values)
    return queries.get_prediction(prediction_id)


def find_all(prediction_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return those of the predictions that were stored, by their ids."""
    current().copy_all()
    return queries.get_predictions(prediction_ids)


def lag() -> float:
    """Return for how many seconds the oldest prediction has waited for the database."""
    oldest = next(current().waiting(), None)
    return 0.0 if oldest is None else max(0.0, time.time() - segments.begun(oldest[0]))


def waiting() -> int:
    """Return how many predictions wait for the database."""
    files = (path for path, _ in current().waiting())
    return sum(len(lines) for path in files for lines in segments.read(path))


def _line(prediction: Prediction, now: str) -> bytes:
    """Return the values of `queries.PREDICTED` as the database takes them."""
    asked, as_of = prediction.request, prediction.as_of
    values = [
        prediction.prediction_id,
        _text(asked.hour),
        None if as_of is None else _text(as_of),
        None if as_of is None else asked.hour - as_of,
        prediction.model_version,
        prediction.source,
        prediction.rentals,
        prediction.lower,
        prediction.upper,
        prediction.baseline,
        to_json(prediction.input()).decode(),
        to_json(prediction.warnings).decode() if prediction.warnings else "[]",
        now,
    ]
    return to_json(values) + b"\n"


@lru_cache(maxsize=50_000)
def _text(hour: int) -> str:
    return to_text(hour).replace("T", " ") + ".000000"
