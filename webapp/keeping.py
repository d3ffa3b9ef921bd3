"""Keeps what was read of the tables for as long as nothing new stands in them.

Sections of a page ask for the same hours at the same time, and again at every look.
"""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import wraps
from threading import Lock
from typing import Any, ParamSpec, TypeVar

from flask import current_app

SECONDS = 60  # what was stored late, under an older id, shows by then
ENTRIES = 16

Asked = ParamSpec("Asked")
Found = TypeVar("Found")


@dataclass(slots=True)
class Answer:
    """What was found in a state, until when it stands, and who is reading it now."""

    state: Hashable = None
    until: float = 0.0
    found: Any = None
    lock: Lock = field(default_factory=Lock)


def kept(
    state: Callable[[], Hashable],
) -> Callable[[Callable[Asked, Found]], Callable[Asked, Found]]:
    """Let a function's last answers stand while `state` is the same; nobody may change them.

    Who asks for what is being read waits for it.
    """

    def keep(read: Callable[Asked, Found]) -> Callable[Asked, Found]:
        @wraps(read)
        def look(*args: Asked.args, **asked: Asked.kwargs) -> Found:
            known = current_app.extensions.setdefault("vlib_kept", {})
            key = (read.__name__, args, *sorted(asked.items()))
            answer, now = known.setdefault(key, Answer()), state()
            with answer.lock:
                if answer.state != now or answer.until < time.monotonic():
                    answer.found = read(*args, **asked)
                    answer.state, answer.until = now, time.monotonic() + SECONDS
                    known[key] = known.pop(key, answer)  # the newest come last
                    for oldest in list(known)[:-ENTRIES]:
                        known.pop(oldest, None)
                found: Found = answer.found
            return found

        return look

    return keep
