"""Names of requests and predictions: random, and those of predictions in order of time.

They open nothing, so they come from a generator that asks the system for its seed alone, and not
twice a prediction.
"""

import os
import random
import time

_random = random.Random()  # noqa: S311 - names, no secrets
os.register_at_fork(after_in_child=_random.seed)  # else all workers would give the same names


def new_id(milliseconds: int | None = None, seed: bytes | None = None) -> str:
    """Return a UUIDv7 (RFC 9562): random, and in order of time.

    With a time since 1970 and a seed of ten bytes it is the same each time.
    """
    if milliseconds is None:
        milliseconds = time.time_ns() // 1_000_000
    bits = _random.getrandbits(80) if seed is None else int.from_bytes(seed, "big")
    digits = f"{milliseconds:012x}{bits:020x}"
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-7{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def new_request_id() -> str:
    """Return 32 random hexadecimal digits."""
    return f"{_random.getrandbits(128):032x}"
