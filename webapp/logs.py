"""What a server writes of itself: lines of JSON, one of them for each request.

A request's line says what was called and how long it took, never with what: the route stands in
it and not the path, and no query, header, body or address of a client.
"""

import json
import logging
import time
from functools import cache

from flask import has_request_context

from .errors import request_id

TEXT = "%(levelname)s %(name)s: %(message)s"
REQUEST = '"request_id":"%s","method":"%s","route":%s,"status":%d,"ms":%.3f'

requests = logging.getLogger("vlib.requests")
quoted = cache(json.dumps)  # the routes are few


class JSONFormatter(logging.Formatter):
    """One JSON object a line; the time is UTC."""

    _second = 0, ""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        """Return when it was logged; the text of a second is made once."""
        second, text = self._second
        if second != int(record.created):
            second = int(record.created)
            text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second, text
        return f"{text}.{int(record.msecs):03}Z"

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; what was logged of a request is JSON already."""
        said = record.getMessage()
        if record.name != requests.name:
            said = f'"message":{json.dumps(said)}'
            if has_request_context():
                said += f',"request_id":"{request_id()}"'
            if record.exc_info:
                said += f',"exception":{json.dumps(self.formatException(record.exc_info))}'
        return (
            f'{{"time":"{self.formatTime(record)}","level":"{record.levelname}",'
            f'"logger":{quoted(record.name)},{said}}}'
        )


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


def log_request(method: str, route: str, status: int, seconds: float) -> None:
    """Write the line of a request; `route` is the rule that its path matched."""
    if requests.isEnabledFor(logging.INFO):
        values = request_id(), method, quoted(route), status, seconds * 1e3
        # Not by `info`, which looks for its caller each time.
        requests.handle(
            logging.LogRecord(requests.name, logging.INFO, "", 0, REQUEST, values, None)
        )
