"""Tells the webhook what happened: promoted, rejected, failed, degraded and recovered.

A notice is stored in the transaction that it tells of, so none is lost, and sent by the process
that schedules: in order, again and again with growing pauses, and in nobody's way. Only an outage
of the database itself is told from memory.
"""

import datetime as dt
import json
import logging
import urllib.request
from typing import Any

from flask import current_app

from . import queries

log = logging.getLogger(__name__)

TIMEOUT = 5  # seconds that the webhook has to answer
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
    request = urllib.request.Request(  # noqa: S310 - the setting is checked to be http or https
        current_app.config["VLIB_ALERT_WEBHOOK"],
        json.dumps(body | {"application": "vlib"}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT):  # noqa: S310 - as above
            return True
    except (OSError, ValueError) as error:
        log.warning("The webhook did not take the notice %s: %s", body["event"], error)
        return False
