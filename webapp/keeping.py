"""Keeps what was read of the tables for as long as nothing new stands in them.

Sections of a page ask for the same hours at the same time, and again at every look.
"""

import time
from collections.abc import Callable, Hashable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import current_app

SECONDS = 60  # what was stored late, under an older id, shows by then
ENTRIES = 16

Asked = ParamSpec("Asked")
Found = TypeVar("Found")


def kept(
    state: Callable[[], Hashable],
) -> Callable[[Callable[Asked, Found]], Callable[Asked, Found]]:
    """Let a function's last answers stand while `state` is the same; nobody may change them."""

    def keep(read: Callable[Asked, Found]) -> Callable[Asked, Found]:
        @wraps(read)
        def look(*args: Asked.args, **asked: Asked.kwargs) -> Found:
            known = current_app.extensions.setdefault("vlib_kept", {})
            key = (read.__name__, args, *sorted(asked.items()))
            now = state()
            then, until, found = known.get(key, (None, 0.0, None))
            if then != now or until < time.monotonic():
                found = read(*args, **asked)
                known.pop(key, None)  # the newest come last
                known[key] = now, time.monotonic() + SECONDS, found
                for oldest in list(known)[:-ENTRIES]:
                    known.pop(oldest, None)
            answer: Found = found
            return answer

        return look

    return keep
