"""One feed: when it is asked next, what it last gave, and what is wrong with it."""

import datetime as dt
import json
import logging
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from flask import Flask, current_app

from .. import queries
from .fetching import FeedError

log = logging.getLogger(__name__)

LABELS = {"weather": "weather forecast", "gbfs": "station status"}
FIRST_PAUSE = 10.0  # seconds to the next try, doubled each time
LATE = 900.0  # seconds for which any feed may give nothing good
JSON = dict[str, Any]


class Feed:
    """What a configured feed gave, kept in a file so that it survives a restart.

    Times are seconds since 1970. One process polls it; any may ask how old it is.
    """

    def __init__(self, name: str, url: str, seconds: float, path: Path) -> None:
        self.name = name
        self.url = url
        self.seconds = seconds  # between two polls
        self.path = path
        self.since: float | None = None  # when this process first asked
        self.problem: str | None = None
        self.failures = 0
        self.tried = 0.0
        self.due = 0.0

    @cached_property
    def kept(self) -> JSON:
        """What was last good, for the process that polls."""
        return self._read()

    def poll(self, take: Callable[[JSON], float]) -> None:
        """Ask the feed if it is due.

        `take` gets what is kept, changes it, and returns for how many seconds nothing new is to
        be expected. After `FeedError` what is kept stays, and the next try is soon.
        """
        now = time()
        if self.tried <= now < self.due:  # a clock that was put back makes it due
            return
        self.since = now if self.since is None else min(self.since, now)
        self.tried = now
        try:
            fresh = json.loads(json.dumps(self.kept))
            wait = max(self.seconds, take(fresh))
        except FeedError as error:
            self._failed(str(error), now)
            return
        if self.problem is not None:
            log.info("The %s is good again", LABELS[self.name])
        self.problem, self.failures, self.due = None, 0, now + wait
        self.keep(fresh | {"good": now})

    def keep(self, kept: JSON) -> None:
        """Hold this from now on, also across a restart if it can be written."""
        self.kept = kept
        draft = self.path.with_suffix(".tmp")
        try:
            self.path.parent.mkdir(exist_ok=True)
            draft.write_text(json.dumps(kept | {"url": self.url}))
            os.replace(draft, self.path)
        except OSError as error:
            log.warning("The %s is held in memory alone: %s", LABELS[self.name], error)

    def age(self) -> float | None:
        """Return how old its last good answer is, in seconds, None if there is none."""
        good = self._read().get("good")
        return max(0.0, time() - good) if isinstance(good, int | float) else None

    def is_late(self, age: float) -> bool:
        """Say whether that is longer than three polls, and a quarter of an hour."""
        return age > max(3 * self.seconds, LATE)

    def outage(self) -> float | None:
        """Return for how many seconds nothing good has come; None while that is not for long."""
        if self.problem is None or self.since is None:
            return None
        age = self.age()
        seconds = time() - self.since if age is None else age
        return seconds if self.is_late(seconds) else None

    def _failed(self, problem: str, now: float) -> None:
        if problem != self.problem:
            log.warning("The %s gave nothing good: %s", LABELS[self.name], problem)
        self.problem = problem
        self.due = now + min(FIRST_PAUSE * 2 ** min(self.failures, 20), max(self.seconds, 60))
        self.failures += 1

    def _read(self) -> JSON:
        """Return what was kept of this address; nothing of another, or of a broken file."""
        try:
            kept = json.loads(self.path.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            log.warning("What the %s was can't be read: %s", LABELS[self.name], error)
            return {}
        return kept if isinstance(kept, dict) and kept.get("url") == self.url else {}


def init_app(app: Flask) -> None:
    """Give the application its configured feeds, of which nothing has been read yet."""
    folder = Path(app.instance_path) / "feeds"
    app.extensions["feeds"] = {
        name: Feed(name, url, app.config[f"VLIB_{name.upper()}_SECONDS"], folder / f"{name}.json")
        for name in LABELS
        if (url := app.config[f"VLIB_{name.upper()}_URL"])
    }


def configured() -> dict[str, Feed]:
    """Return the feeds whose address is set, by name: `weather`, `gbfs`."""
    feeds: dict[str, Feed] = current_app.extensions["feeds"]
    return feeds


def time() -> float:
    """Return the wall clock in seconds since 1970."""
    return queries.utcnow().replace(tzinfo=dt.UTC).timestamp()
