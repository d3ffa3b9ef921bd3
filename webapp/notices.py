"""Tells the webhook what happened: promoted, rejected, failed, degraded and recovered.

A notice is stored in the transaction that it tells of, so none is lost, and sent by the process
that schedules: in order, again and again with growing pauses, and in nobody's way. Only an outage
of the database itself is told from memory.
"""

import asyncio
import datetime as dt
import logging
from typing import Any

from flask import current_app

from . import queries

log = logging.getLogger(__name__)

TIMEOUT = 5.0  # seconds that the webhook has, from the first look-up to the answer
FIRST_PAUSE, LONGEST_PAUSE = 5, 3600  # seconds between tries
EXPIRES = dt.timedelta(days=3)

AWAY = {"event": "degraded", "condition": "database_away", "detail": "The database can't be read."}
BACK = {"event": "recovered", "condition": "database_away", "detail": "The database is back."}


def send_all() -> None:
    """Send what is due, oldest first; what fails is tried again later, with all behind it."""
    webhook = current_app.config["VLIB_ALERT_WEBHOOK"]
    queries.forget_notices(EXPIRES if webhook else dt.timedelta())
    if not webhook:
        return
    for notice in queries.unsent_notices():
        if notice["due_at"] > queries.utcnow():
            return
        at = notice["created_at"].isoformat(timespec="seconds") + "Z"
        if not _post({"event": notice["event"], "at": at} | notice["body"]):
            pause = min(FIRST_PAUSE * 2 ** notice["attempts"], LONGEST_PAUSE)
            queries.postpone_notice(notice["id"], dt.timedelta(seconds=pause))
            return
        queries.forget_notice(notice["id"])


def database_is_away() -> None:
    """Tell of the outage once."""
    if current_app.config["VLIB_ALERT_WEBHOOK"] and not _outage_told():
        current_app.extensions["vlib_outage_told"] = _post(AWAY)


def database_is_back() -> None:
    """Tell of the outage's end, if its beginning was told."""
    if _outage_told():
        current_app.extensions["vlib_outage_told"] = not _post(BACK)


def _outage_told() -> bool:
    return bool(current_app.extensions.get("vlib_outage_told"))


def _post(body: dict[str, Any]) -> bool:
    """Send one notice; say whether it was taken."""
    try:
        status = asyncio.run(_status(current_app.config["VLIB_ALERT_WEBHOOK"], body))
    except (OSError, ValueError) as error:
        refusal = str(error) or f"no answer within {TIMEOUT:g} s"
    else:
        if 200 <= status < 300:
            return True
        refusal = f"it answers {status}"
    log.warning("The webhook did not take the notice %s: %s", body["event"], refusal)
    return False


async def _status(url: str, body: dict[str, Any]) -> int:
    """Return what the webhook answers; a redirect is no address that anybody has set."""
    import aiohttp  # half a second, that only the process which schedules has to spend

    limit = aiohttp.ClientTimeout(total=TIMEOUT)
    notice = body | {"application": "vlib"}
    try:
        async with (
            aiohttp.ClientSession(timeout=limit, trust_env=True) as session,
            session.post(url, json=notice, allow_redirects=False) as answer,
        ):
            return answer.status
    except aiohttp.ClientError as error:
        raise ConnectionError(f"{type(error).__name__} {error}") from None
