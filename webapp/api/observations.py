"""Observations: the hours that have happened."""

import datetime as dt
from typing import Any

from flask import Blueprint

from .. import predictor, queries
from ..errors import Unprocessable
from . import answers
from .operations import BATCH_BYTES, operation
from .parsing import validate
from .schemas import Observation, Observations, ObservationSpan

blueprint = Blueprint("observations", __name__)
JSON = dict[str, Any]


@blueprint.post("/observations")
@operation(answers.Upserted, body=Observations, limit=BATCH_BYTES, admin=True)
def add_observations(asked: Observations) -> JSON:
    """Store hours. A bad item costs itself alone; the same hour again replaces it."""
    rows: dict[dt.datetime, JSON] = {}
    rejected: list[JSON] = []
    for index, item in enumerate(asked.items):
        try:
            row = to_row(item, f"/items/{index}")
            rows[row["datetime"]] = row
        except Unprocessable as error:
            rejected.append({"index": index, "errors": error.errors})
    inserted, _ = queries.upsert_observations([*rows.values()])
    predictor.current().refresh()  # the other workers notice within a second or two
    # An hour that stands twice among the items was replaced as well, if only by the next item.
    updated = len(asked.items) - len(rejected) - inserted
    return {"inserted": inserted, "updated": updated, "rejected": rejected}


@blueprint.get("/observations")
@operation(answers.ObservedPage, query=ObservationSpan)
def list_observations(asked: ObservationSpan) -> JSON:
    """List observed hours, newest first."""
    items, cursor = queries.list_observations(asked.start, asked.end, asked.limit, asked.cursor)
    return {"items": items, "next_cursor": cursor}


def to_row(item: object, pointer: str) -> JSON:
    """Return an item as the table holds it; raise `Unprocessable`."""
    row = validate(Observation, item, pointer).model_dump()
    row["datetime"] = row["datetime"].replace(minute=0, second=0, microsecond=0)
    parts = [row[name] for name in ("casual", "registered") if row[name] is not None]
    if sum(parts) > row["rentals"] or (len(parts) == 2 and sum(parts) < row["rentals"]):
        raise Unprocessable.at(f"{pointer}/rentals", "must be the sum of casual and registered")
    return row
