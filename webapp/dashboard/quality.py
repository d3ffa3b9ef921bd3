"""The part of a page that tells absent, stuck, impossible and late hours."""

import datetime as dt
from typing import Any

import pandas as pd
from dash import html
from flask import current_app

from training import quality
from webapp import queries

from . import components, formats
from .inputs import WORDS

MOST_STRETCHES = 20


def report(hours: pd.DataFrame, start: dt.datetime, end: dt.datetime) -> list[Any]:
    """Return key figures of a window, and its doubtful hours."""
    absent = quality.missing(hours, start, end, current_app.config["VLIB_TIMEZONE"])
    stuck = quality.stuck(hours, start, end)
    impossible = quality.impossible(hours, start, end)
    whole = formats.number((end - start) // dt.timedelta(hours=1))
    tiles = components.tiles(
        _tile("Missing", absent, f"of {whole} in the window"),
        _tile("Stuck", stuck, "an input with one value for a day or longer"),
        _tile("Impossible", impossible, "a value that no weather has"),
        _late(start, end),
    )
    stretches = sorted(absent + stuck + impossible, key=lambda one: one.first, reverse=True)
    return [html.H2("Data quality", className="section-heading"), tiles, _list(stretches)]


def _tile(label: str, stretches: list[quality.Stretch], detail: str) -> html.Div:
    hours = sum(stretch.hours for stretch in stretches)
    return components.tile(label, formats.quantity(hours, "hour"), detail)


def _late(start: dt.datetime, end: dt.datetime) -> html.Div:
    times = queries.recording_times(start, end)
    if times.empty:
        return components.tile("Late", formats.UNKNOWN, "no hour is known")
    zone = current_app.config["VLIB_TIMEZONE"]
    told = quality.lateness(times["datetime"], times["recorded_at"], zone)
    if not told.reported:
        return components.tile("Late", formats.UNKNOWN, "all hours were loaded at once")
    detail = (
        f"of {formats.number(told.reported)} came over a day after their end; "
        f"half came within {formats.number(told.median, 1)}{formats.SPACE}h"
    )
    return components.tile("Late", formats.quantity(told.late, "hour"), detail)


def _list(stretches: list[quality.Stretch]) -> Any:
    if not stretches:
        return components.empty("Every hour of this window is there, and none is doubtful.")
    rows = [
        [
            "Hours" if stretch.name == "hours" else WORDS[stretch.name].label,
            _stretch_state(stretch),
            formats.hour(stretch.first),
            formats.hour(stretch.last),
            formats.number(stretch.hours),
        ]
        for stretch in stretches[:MOST_STRETCHES]
    ]
    more = len(stretches) - MOST_STRETCHES
    note = f"The newest first; {more} more before these." if more > 0 else "The newest first."
    heads = ["Input", "", "First", "Last", "Hours"]
    return components.card(
        "Doubtful and missing hours",
        components.table("Doubtful and missing hours", heads, rows),
        note=note,
    )


def _stretch_state(stretch: quality.Stretch) -> html.Span:
    if stretch.kind == "stuck":
        return components.badge(f"stuck at {formats.number(stretch.value, 1)}", "warning")
    colour = "warning" if stretch.kind == "impossible" else "secondary"
    return components.badge(stretch.kind, colour)
