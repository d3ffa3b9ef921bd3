"""Deletes old predictions, so that clients whom nobody knows can't fill the disk.

Every prediction that a client asked for goes when it is too old, or one of too many. What the
error of the last 28 days rests on stays, and so do the backtests of the versions. It is done in
small transactions with pauses, between which predictions are stored as ever.
"""

import datetime as dt
import logging
import time

from flask import current_app

from . import queries

BATCH = 500  # rows of one transaction: some milliseconds
PAUSE = 0.05  # seconds between two, in which others write

log = logging.getLogger(__name__)


def prune() -> int:
    """Delete the predictions that the settings want no more; return how many."""
    days, most = (
        current_app.config[name] for name in ("VLIB_KEEP_PREDICTIONS_DAYS", "VLIB_MAX_PREDICTIONS")
    )
    deleted = 0
    if days:
        oldest = queries.utcnow() - dt.timedelta(days=days)
        deleted += _delete(before=first_id(oldest))
    if most and (surplus := queries.count_predictions() - most) > 0:
        deleted += _delete(limit=surplus)
    if deleted:
        log.info("%s old predictions were deleted", deleted)
    return deleted


def first_id(moment: dt.datetime) -> str:
    """Return what every id made from a moment on, naive UTC, is greater than (see UUIDv7)."""
    milliseconds = int(moment.replace(tzinfo=dt.UTC).timestamp() * 1000)
    digits = milliseconds.to_bytes(6, "big").hex()
    return f"{digits[:8]}-{digits[8:]}-"


def _delete(before: str | None = None, limit: float = float("inf")) -> int:
    """Delete from the oldest on, up to an id or so many."""
    needed = queries.scored_predictions()
    deleted, cursor = 0, ""
    while deleted < limit:
        ids = queries.oldest_predictions(cursor, before, int(min(BATCH, limit - deleted)))
        if not ids:
            break
        cursor = ids[-1]
        deleted += queries.delete_predictions([id_ for id_ in ids if id_ not in needed])
        time.sleep(PAUSE)
    return deleted
