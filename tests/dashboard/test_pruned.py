"""What the pages show when the predictions that they are about have moved to Parquet."""

import datetime as dt
from typing import Any

import pandas as pd
from flask import Flask

from webapp import predictor, queries
from webapp.history import to_hour
from webapp.ids import new_id

from .conftest import Call, text
from .test_pages import draw, row

FIRST = dt.datetime(2012, 11, 1)
SECTIONS = (
    *("performance-result-section", "performance-slices-section", "performance-worst-section"),
    *("overview-status-section", "overview-curve-section"),
)


def test_no_page_changes(app: Flask, call: Call) -> None:
    with app.app_context():
        store(days_ago=100)
    before = drawn(app, call)
    told = app.test_cli_runner().invoke(args=["prune"])
    assert "72 predictions were moved" in told.output
    assert len(pd.read_parquet(f"{app.instance_path}/archive")) == 72
    assert drawn(app, call) == before
    assert "72\N{NO-BREAK SPACE}hours" in text(before[0][SECTIONS[0]]["children"])


def store(days_ago: int) -> None:
    """Store live predictions of 72 hours, an hour ahead, as if they had been asked for long ago."""
    hours = range(to_hour(FIRST), to_hour(FIRST) + 72)
    asked = [predictor.HourRequest(hour, 0, 5.0, 50.0, 10.0, as_of=hour - 1) for hour in hours]
    made = queries.utcnow() - dt.timedelta(days=days_ago)
    milliseconds = int(made.replace(tzinfo=dt.UTC).timestamp() * 1000)
    for prediction in predictor.predict(asked, source="live"):
        stored = row(prediction) | {"id": new_id(milliseconds), "requested_at": made}
        queries.insert_predictions([stored])


def drawn(app: Flask, call: Call) -> list[dict[str, Any]]:
    """Return what pages show, read anew."""
    app.extensions.pop("vlib_kept", None)
    return [draw(call, section, "?window=all&source=live&horizon=1") for section in SECTIONS]
