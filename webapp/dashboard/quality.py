"""The part of a page that tells absent, stuck, impossible and late hours."""

import datetime as dt
from typing import Any

import pandas as pd
from dash import html
from flask import current_app
from flask_babel import gettext as _
from flask_babel import ngettext

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
        _tile(_("Missing"), absent, _("of %(hours)s in the window", hours=whole)),
        _tile(_("Stuck"), stuck, _("an input with one value for a day or longer")),
        _tile(_("Impossible"), impossible, _("a value that no weather has")),
        _late(start, end),
    )
    stretches = sorted(absent + stuck + impossible, key=lambda one: one.first, reverse=True)
    return [html.H2(_("Data quality"), className="section-heading"), tiles, _list(stretches)]


def _tile(label: str, stretches: list[quality.Stretch], detail: str) -> html.Div:
    hours = sum(stretch.hours for stretch in stretches)
    return components.tile(label, formats.hours(hours), detail)


def _late(start: dt.datetime, end: dt.datetime) -> html.Div:
    times = queries.recording_times(start, end)
    if times.empty:
        return components.tile(_("Late"), formats.UNKNOWN, _("no hour is known"))
    zone = current_app.config["VLIB_TIMEZONE"]
    told = quality.lateness(times["datetime"], times["recorded_at"], zone)
    if not told.reported:
        return components.tile(_("Late"), formats.UNKNOWN, _("all hours were loaded at once"))
    detail = _(
        "of %(reported)s came over a day after their end; half came within %(median)s",
        reported=formats.number(told.reported),
        median=formats.span(told.median),
    )
    return components.tile(_("Late"), formats.hours(told.late), detail)


def _list(stretches: list[quality.Stretch]) -> Any:
    if not stretches:
        return components.empty(_("Every hour of this window is there, and none is doubtful."))
    rows = [
        [
            _("Hours") if stretch.name == "hours" else _(WORDS[stretch.name].label),
            _stretch_state(stretch),
            formats.hour(stretch.first),
            formats.hour(stretch.last),
            formats.number(stretch.hours),
        ]
        for stretch in stretches[:MOST_STRETCHES]
    ]
    more = len(stretches) - MOST_STRETCHES
    note = _("The newest first.")
    if more > 0:
        note += " " + ngettext("%(num)s more before these.", "%(num)s more before these.", more)
    heads = [_("Input"), _("State"), _("First"), _("Last"), _("Hours")]
    title = _("Doubtful and missing hours")
    return components.card(title, components.table(title, heads, rows), note=note)


def _stretch_state(stretch: quality.Stretch) -> html.Span:
    if stretch.kind == "stuck":
        value = formats.number(stretch.value, 1)
        return components.badge(_("stuck at %(value)s", value=value), "warning")
    if stretch.kind == "impossible":
        return components.badge(_("impossible"), "warning")
    return components.badge(_("missing"))
