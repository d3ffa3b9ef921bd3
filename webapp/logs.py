"""What a server writes of itself: lines of JSON, one of them for each request.

A request's line says what was called and how long it took, never with what: the route stands in
it and not the path, and no query, header, body or address of a client.
"""

import json
import logging
import sys
import time
from contextlib import suppress
from functools import cache, lru_cache

from flask import has_request_context

from .errors import request_id

TEXT = "%(levelname)s %(name)s: %(message)s"

requests = logging.getLogger("vlib.requests")
quoted = cache(json.dumps)  # the routes are few


class JSONFormatter(logging.Formatter):
    """One JSON object a line; the time is UTC."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        said = f'"message":{json.dumps(record.getMessage())}'
        if has_request_context():
            said += f',"request_id":"{request_id()}"'
        if record.exc_info:
            said += f',"exception":{json.dumps(self.formatException(record.exc_info))}'
        return _line(record.created, record.levelname, record.name, said)


def configure(form: str) -> None:
    """Write all logs to stderr, as ``json`` or as ``text``.

    As text no requests are logged but by ``flask run``, which has readable lines of its own.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JSONFormatter() if form == "json" else logging.Formatter(TEXT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    requests.disabled = form != "json"
    logging.getLogger("apscheduler").setLevel(logging.WARNING)  # else two lines a tick
    # Nothing of these is written, and each costs something in every line.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    if form == "json":
        # Its lines of requests hold the path and the query.
        logging.getLogger("werkzeug").setLevel(logging.WARNING)


def log_request(name: str, method: str, route: str, status: int, seconds: float) -> None:
    """Write the line of the request with an id; `route` is the rule that its path matched.

    It takes no way through `logging`, which costs as much as all else around a prediction.
    """
    if requests.isEnabledFor(logging.INFO):
        said = (
            f'"request_id":"{name}","method":"{method}","route":{quoted(route)},'
            f'"status":{status},"ms":{seconds * 1e3:.3f}'
        )
        with suppress(OSError):  # a full disk costs a line and not an answer
            sys.stderr.write(_line(time.time(), "INFO", requests.name, said) + "\n")


def _line(moment: float, level: str, logger: str, said: str) -> str:
    return (
        f'{{"time":"{_second(int(moment))}.{int(moment % 1 * 1000):03}Z","level":"{level}",'
        f'"logger":{quoted(logger)},{said}}}'
    )


@lru_cache(maxsize=2)
def _second(moment: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))
