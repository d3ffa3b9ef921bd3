"""Gets a JSON document from a server that may be slow, broken or wrong."""

import asyncio
from typing import Any

from pydantic_core import from_json

SECONDS = 6.0  # from the first look-up to the last byte, redirects and all
LIMIT = 16 * 2**20  # bytes, unpacked
REDIRECTS = 5


class FeedError(Exception):
    """A feed gave nothing that can be used; the message says why."""


def get_json(url: str) -> dict[str, Any]:
    """Return the object that a server answers with.

    Raises `FeedError` if it can't be reached, is too slow, says too much, or no JSON object.
    """
    if not url.startswith(("http://", "https://")):
        raise FeedError(f"{url[:200]!r} is no address that begins with http:// or https://")
    try:
        document = from_json(asyncio.run(_get(url)), allow_inf_nan=False)
    except ValueError:
        raise FeedError("the answer is no JSON") from None
    if not isinstance(document, dict):
        raise FeedError("the answer is no JSON object")
    return document


async def _get(url: str) -> bytes:
    import aiohttp  # half a second, that only the process which schedules has to spend

    limit = aiohttp.ClientTimeout(total=SECONDS)
    headers = {"Accept": "application/json", "User-Agent": "vlib"}
    try:
        async with (
            aiohttp.ClientSession(timeout=limit, headers=headers, trust_env=True) as session,
            session.get(url, max_redirects=REDIRECTS) as answer,
        ):
            if answer.status != 200:
                raise FeedError(f"the server answers {answer.status}")
            body = bytearray()
            async for piece in answer.content.iter_chunked(2**16):
                body += piece
                if len(body) > LIMIT:
                    raise FeedError(f"the answer is longer than {LIMIT >> 20} MB")
            return bytes(body)
    except TimeoutError:
        raise FeedError(f"no whole answer within {SECONDS:g} s") from None
    except aiohttp.TooManyRedirects:
        raise FeedError(f"more than {REDIRECTS} redirects") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise FeedError(f"no answer: {type(error).__name__} {error}"[:300]) from None
