"""Moves old predictions from the database to Parquet files, and charts keep what they show.

Charts read the last word on each hour, which has a table of its own and stays. A file is `.draft`
while it is written, `.moving-NAME` when it is safe on the disk and was read back, and NAME when
none of its rows is in the database any more. Whoever is killed leaves the first, which nobody
needs, or the second, with which the next move begins.
"""

import datetime as dt
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from flask import current_app

from . import queries
from .locks import FileLock
from .retention import first_id
from .segments import sync_folder

ROWS = 100_000  # of a file, and in memory at once
BATCH = 500  # rows deleted in one transaction
PAUSE = 0.01  # seconds between two, in which others write
DRAFT, MOVING = ".draft", ".moving-"


class CannotMove(Exception):
    """Another process moves predictions, or what was written is not what was read."""


def folder() -> Path:
    """Return where the files are."""
    return Path(current_app.instance_path) / "archive"


def move(days: float) -> Iterator[int]:
    """Move what was asked for more than so many days ago; yield how many rows left, bit by bit.

    What the live error of the last 28 days rests on stays, and so do backtests.
    """
    folder().mkdir(exist_ok=True)
    lock = FileLock(folder() / ".lock")
    if not lock.acquire():
        raise CannotMove("Another process moves predictions already.")
    with lock:
        yield from _finish()
        before = first_id(queries.utcnow() - dt.timedelta(days=days))
        needed, cursor = queries.scored_predictions(), ""
        while not (rows := queries.oldest_frame(cursor, before, ROWS)).empty:
            cursor = rows["id"].iloc[-1]
            rows = rows[~rows["id"].isin(needed)].reset_index(drop=True)
            if not rows.empty:
                _write(rows)
                yield from _finish()


def _write(rows: pd.DataFrame) -> None:
    """Write a file, make sure of it, and say so by its name."""
    draft = folder() / DRAFT
    with draft.open("wb") as file:
        rows.to_parquet(file, index=False)
        file.flush()
        os.fsync(file.fileno())
    if not pd.read_parquet(draft).equals(rows):
        raise CannotMove(f"{draft} is not what was written: the disk may be damaged.")
    name = f"{rows['requested_at'].iloc[0]:%Y-%m-%d}-{time.time_ns()}.parquet"
    draft.rename(folder() / f"{MOVING}{name}")
    sync_folder(folder())


def _finish() -> Iterator[int]:
    """Delete the rows of the file that is being moved, if there is one, and give it its name."""
    for path in sorted(folder().glob(f"{MOVING}*")):
        ids = pd.read_parquet(path, columns=["id"])["id"].tolist()
        for first in range(0, len(ids), BATCH):
            yield queries.delete_predictions(ids[first : first + BATCH])
            time.sleep(PAUSE)
        path.rename(path.with_name(path.name.removeprefix(MOVING)))
        sync_folder(folder())
