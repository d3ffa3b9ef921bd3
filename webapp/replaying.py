"""Plays a stretch of history through the API of a running server, as if it were live."""

import datetime as dt
import json
import time
import urllib.error
import urllib.request
from typing import Any

import click
from flask import current_app

from . import auth, queries

HOUR = dt.timedelta(hours=1)
WEATHER = ["weather", "temperature", "feels_like", "humidity", "windspeed", "holiday"]


class CannotReplay(Exception):
    """There is nothing to play, or no server that takes it."""


def replay(start: dt.datetime | None, end: dt.datetime | None, speed: float, url: str) -> None:
    """Predict each hour an hour ahead, then report what happened; `speed` is hours a second.

    The predictions are marked ``replay`` and stay out of the live error. By default the
    champion's holdout is played. Raises `CannotReplay`.
    """
    champion = queries.champion()
    if start is None and champion is not None:
        start = dt.datetime.fromisoformat(champion["holdout"]["from"])
    hours = queries.observations_frame(start, end)
    if hours.empty:
        raise CannotReplay(f"No hour was observed from {start} to {end}: choose another stretch.")
    with click.progressbar(queries.records(hours), label="Replaying") as bar:
        for row in bar:
            began = time.monotonic()
            known = {name: value for name, value in row.items() if value is not None}
            hour = known.pop("datetime")
            asked = {name: known[name] for name in WEATHER if name in known}
            as_of = (hour - HOUR).isoformat()
            _post(url, "/api/predict", {"datetime": hour.isoformat(), "as_of": as_of} | asked)
            _post(url, "/api/observations", {"items": [{"datetime": hour.isoformat()} | known]})
            time.sleep(max(0.0, 1 / speed - (time.monotonic() - began)))
    click.echo(f"{len(hours)} hours replayed: {url}/dashboard/performance?source=replay&horizon=1")


def _post(url: str, path: str, body: dict[str, Any]) -> None:
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {auth.admin_token(current_app)}",
        "X-Vlib-Source": "replay",
    }
    content = json.dumps(body).encode()
    try:
        request = urllib.request.Request(url.rstrip("/") + path, content, headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - the operator names it
            pass
    except urllib.error.HTTPError as error:
        raise CannotReplay(f"{url}{path} answered {error.code}: {error.read().decode()}") from None
    except (OSError, ValueError) as error:
        raise CannotReplay(
            f"No server answers at {url} ({error}): start one, or say --url."
        ) from None
