"""Makes a POST that is sent again, under the same ``Idempotency-Key``, safe.

While a request runs, its process holds a lock for the key: if the process dies, the next try
runs in its place. What a request stores has ids that follow from the row of its key, so trying
again stores nothing twice.
"""

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from flask import Response, current_app, g, request
from sqlalchemy.exc import SQLAlchemyError

from . import queries
from .errors import Conflict, Problem, Unavailable, Unprocessable, respond
from .ids import new_id
from .locks import FileLock

KEY = re.compile(r"[!-~]{1,255}")
RUNS = "The first request with this Idempotency-Key still runs."
# A process on another machine may hold its lock there: its key is left alone for so long.
ELSEWHERE = dt.timedelta(seconds=60)
FAILED = ""  # in place of an answer: another try may run at once


class Claim(NamedTuple):
    """The key of the request that runs."""

    name: str
    began: dt.datetime
    again: bool  # an earlier try began, and may have stored something

    def ids(self, number: int) -> list[str]:
        """Return the ids of what the request stores, the same whenever it is tried."""
        began = int(self.began.replace(tzinfo=dt.UTC).timestamp() * 1000)
        seeds = (sha256(f"{self.name} {index}".encode()).digest() for index in range(number))
        return [new_id(began, seed[:10]) for seed in seeds]


def claim() -> Claim | None:
    """Return the claim of the current request; None if it came without a key."""
    found: Claim | None = g.get("claim")
    return found


def once(key: str, body: bytes, answer: Callable[[], Response]) -> Response:
    """Answer a request, or give the answer that the same key and body had before.

    Answers are kept for 24 h, all but those of 500 and above. Raises `Conflict` while the
    first request runs, and `Unprocessable` if the key came with another body.
    """
    if not KEY.fullmatch(key):
        raise Unprocessable.at("/header/Idempotency-Key", "must be 1 to 255 visible characters")
    name = sha256(f"{request.method} {request.path} {key}".encode()).hexdigest()
    digest = sha256(body).hexdigest()
    with _running(name):
        row = queries.idempotency_begin(name, digest)
        if row["request_sha256"] != digest:
            raise Unprocessable.at("/header/Idempotency-Key", "came before with another body")
        if row["status"] is not None:
            return _repeat(row)
        if not row["new"] and _may_run_elsewhere(row):
            raise Conflict(RUNS)
        g.claim = Claim(name, row["created_at"], again=not row["new"])
        return _run(name, answer)


@contextmanager
def _running(name: str) -> Iterator[None]:
    """Hold the key's lock; raise `Conflict` if another request does."""
    folder = Path(current_app.instance_path) / "keys"
    lock = FileLock(folder / name)
    try:
        folder.mkdir(exist_ok=True)
        free = lock.acquire()
    except OSError:
        raise Unavailable("The key can't be locked now; nothing was changed.") from None
    if not free:
        raise Conflict(RUNS)
    try:
        yield
    finally:
        lock.path.unlink(missing_ok=True)
        lock.release()


def _may_run_elsewhere(row: dict[str, Any]) -> bool:
    failed = row["body"] is not None
    return queries.is_shared() and not failed and queries.utcnow() - row["created_at"] < ELSEWHERE


def _run(name: str, answer: Callable[[], Response]) -> Response:
    try:
        response = answer()
    except Problem as problem:
        response = respond(problem)
    except Exception:
        _note_failure(name)
        raise
    if response.status_code < 500:
        queries.idempotency_finish(name, response.status_code, _pack(response))
    else:
        _note_failure(name)
    return response


def _note_failure(name: str) -> None:
    """Let another machine try at once; on this one the key's lock says that nobody does."""
    if queries.is_shared():
        with suppress(SQLAlchemyError):  # what failed may be the database, and is what is told
            queries.idempotency_finish(name, None, FAILED)


def _repeat(earlier: dict[str, Any]) -> Response:
    kept = json.loads(earlier["body"])
    return Response(kept["body"], earlier["status"], kept["headers"])


def _pack(response: Response) -> str:
    headers = {
        name: response.headers[name]
        for name in ("Content-Type", "Location")
        if name in response.headers
    }
    return json.dumps({"headers": headers, "body": response.get_data(as_text=True)})
