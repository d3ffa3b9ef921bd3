"""Gets a JSON document from a server that may be slow, broken or wrong."""

import http.client
import time
import urllib.request
from typing import Any

from pydantic_core import from_json

TIMEOUT = 4  # seconds that the server may be silent
WHOLE = 8  # seconds that a body may take
LIMIT = 16 * 2**20  # bytes


class FeedError(Exception):
    """A feed gave nothing that can be used; the message says why."""


def get_json(url: str) -> dict[str, Any]:
    """Return the object that a server answers with.

    Raises `FeedError` if it can't be reached, is too slow, says too much, or no JSON object.
    """
    if not url.startswith(("http://", "https://")):
        raise FeedError(f"{url[:200]!r} is no address that begins with http:// or https://")
    asked = urllib.request.Request(  # noqa: S310 - checked above
        url, headers={"Accept": "application/json", "User-Agent": "vlib"}
    )
    try:
        with urllib.request.urlopen(asked, timeout=TIMEOUT) as answer:  # noqa: S310 - as above
            body = _read(answer)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise FeedError(f"no answer: {error}"[:300]) from None
    try:
        document = from_json(body, allow_inf_nan=False)
    except ValueError:
        raise FeedError("the answer is no JSON") from None
    if not isinstance(document, dict):
        raise FeedError("the answer is no JSON object")
    return document


def _read(answer: http.client.HTTPResponse) -> bytes:
    """Read a body in pieces, since a timeout alone lets one byte every few seconds go on."""
    end, body = time.monotonic() + WHOLE, bytearray()
    while piece := answer.read1(2**16):
        body += piece
        if len(body) > LIMIT:
            raise FeedError(f"the answer is longer than {LIMIT >> 20} MB")
        if time.monotonic() > end:
            raise FeedError(f"the answer took longer than {WHOLE} s")
    if answer.length:
        raise FeedError("the answer broke off")
    return bytes(body)
