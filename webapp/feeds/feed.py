"""One feed: when it is asked next, what it last gave, and what is wrong with it."""

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .fetching import FeedError

log = logging.getLogger(__name__)

FIRST_PAUSE = 10.0  # seconds to the next try, doubled each time
JSON = dict[str, Any]


class Feed:
    """What a configured feed gave, kept in a file so that it survives a restart.

    Times are seconds since 1970.
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
        self.kept: JSON = _read(path, url)

    def poll(self, now: float, take: Callable[[JSON], float]) -> bool:
        """Ask the feed if it is due; say whether it gave something good.

        `take` gets what is kept, changes it, and returns for how many seconds nothing new is to
        be expected. After `FeedError` what is kept stays, and the next try is soon.
        """
        if self.tried <= now < self.due:  # a clock that was put back makes it due
            return False
        self.since = now if self.since is None else min(self.since, now)
        self.tried = now
        try:
            fresh = json.loads(json.dumps(self.kept))
            wait = max(self.seconds, take(fresh))
        except FeedError as error:
            self._failed(str(error), now)
            return False
        if self.problem is not None:
            log.info("The %s feed is good again", self.name)
        self.problem, self.failures, self.due = None, 0, now + wait
        self.keep(fresh | {"good": now})
        return True

    def keep(self, kept: JSON) -> None:
        """Hold this from now on, also across a restart."""
        self.kept = kept
        self.path.parent.mkdir(exist_ok=True)
        draft = self.path.with_suffix(".tmp")
        draft.write_text(json.dumps(kept | {"url": self.url}))
        os.replace(draft, self.path)

    def late(self, now: float) -> bool:
        """Say whether it has given nothing good for three polls, and a quarter of an hour."""
        last = max(min(self.kept.get("good", 0.0), now), self.since or now)
        return bool(now - last > max(3 * self.seconds, 900))

    def _failed(self, problem: str, now: float) -> None:
        if problem != self.problem:
            log.warning("The %s feed gave nothing good: %s", self.name, problem)
        self.problem = problem
        self.due = now + min(FIRST_PAUSE * 2 ** min(self.failures, 20), max(self.seconds, 60))
        self.failures += 1


def _read(path: Path, url: str) -> JSON:
    """Return what was kept of this address; nothing of another, or of a file that is broken."""
    try:
        kept = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        log.warning("What the feed gave before can't be read, so it starts anew: %s", error)
        return {}
    return kept if isinstance(kept, dict) and kept.get("url") == url else {}
