"""Drift: the weather and the rentals against the same season of earlier years."""

import datetime as dt
from typing import Any, NamedTuple

import dash_bootstrap_components as dbc
import pandas as pd
from dash import Dash, html
from flask_babel import gettext as _
from flask_babel import ngettext

from training.drift import Drift, faults, newest_end, season_band, season_drift
from webapp import history, monitoring, predictor, queries
from webapp.language import N_, translated

from .. import components, figures, formats, inputs, quality, sections, urls
from ..sections import Chart, Drawing

PATH = f"{urls.PREFIX}drift"
NAME = N_("Drift")
TITLE = N_("Is it as it was in other years?")

WINDOWS = {"7d": N_("7\xa0d"), "28d": N_("28\xa0d"), "90d": N_("90\xa0d")}
DEFAULTS = {"window": "28d", "input": "temperature"}
CONTROLS = {
    "window": "drift-window-radio",
    "to": "drift-to-input",
    "input": "drift-input-select",
}
CHART = "drift-season-graph"
COLUMNS = {
    "datetime": N_("Day"),
    "value": N_("Daily mean"),
    "low": N_("Earlier years, lowest but 5 %"),
    "usual": N_("Earlier years, mean"),
    "high": N_("Earlier years, highest but 5 %"),
}
FAULT_DAYS = 3


def layout(choices: urls.Choices) -> Any:
    """Return the page with its controls as the URL says, before it is filled."""
    chosen = clean(choices, None)
    return components.page(
        _(TITLE),
        _(
            "The weather and the rentals of a window beside the same weeks of earlier years. What "
            "two years usually differ by is no drift."
        ),
        urls.location("drift", choices),
        _controls(chosen),
        html.Div(
            [
                sections.section("drift-table-section", components.waiting("small", "large")),
                sections.section(
                    "drift-chart-section",
                    None,
                    components.chart(CHART, _("Day by day, beside earlier years")),
                ),
            ],
            className="side-by-side",
        ),
        sections.section("drift-quality-section", components.waiting("medium")),
    )


def register_callbacks(app: Dash) -> None:
    """Let controls and URL follow each other, and fill the page."""
    urls.sync(app, "drift", PATH, CONTROLS, clean)
    sections.register(app, "drift", PATH, "drift-table-section", table)
    sections.register(app, "drift", PATH, "drift-chart-section", chart, [CHART])
    sections.register(app, "drift", PATH, "drift-quality-section", data_quality)


def clean(choices: urls.Choices, _changed: str | None) -> urls.Choices:
    """Return legal choices; an end that is no date is the newest hour."""
    chosen = {**DEFAULTS, **choices}
    if chosen["window"] not in WINDOWS:
        chosen["window"] = DEFAULTS["window"]
    if chosen["input"] not in inputs.WORDS:
        chosen["input"] = DEFAULTS["input"]
    if urls.day(chosen.get("to")) is None:
        chosen.pop("to", None)
    return chosen


class View(NamedTuple):
    """What the page shows: the hours up to `end` and the window before it."""

    hours: pd.DataFrame
    end: dt.datetime
    days: int
    name: str

    @property
    def start(self) -> dt.datetime:
        """Return the first hour of the window."""
        return self.end - dt.timedelta(days=self.days)


def table(choices: urls.Choices, _theme: str) -> Drawing:
    """Return what has drifted, worst first, and what is broken."""
    view = _view(choices)
    drifts = season_drift(view.hours, view.end, view.days) if view else []
    if view is None or not drifts:
        return Drawing(_nothing(view))
    if not any(drift.years for drift in drifts):
        return Drawing([*_faults(view), _no_earlier_year(view)])
    chosen = next((row for row, drift in enumerate(drifts) if drift.name == view.name), None)
    rows = [_row(drift, choices) for drift in drifts]
    heads = [
        _("Input"),
        _("State"),
        _("In this window"),
        _("Earlier years"),
        _("Difference"),
        _("Usually within"),
    ]
    return Drawing(
        [
            *_faults(view),
            components.card(
                _verdict(drifts),
                components.table(
                    _("Inputs and rentals, the most drifted first"), heads, rows, chosen
                ),
                html.P(_predicted(view), className="card-note mt-3 mb-0"),
                note=_span(view, drifts),
            ),
        ]
    )


def chart(choices: urls.Choices, theme: str) -> Drawing:
    """Return the daily means of the chosen input beside those of earlier years."""
    view = _view(choices)
    if view is None:
        return Drawing()
    words = inputs.WORDS[view.name]
    band = season_band(view.hours, view.name, view.end, view.days)
    columns = ["value", "low", "usual", "high"]
    band[columns] *= words.factor
    if band["value"].isna().all():
        unknown = _("%(input)s is not known in this window.", input=_(words.label))
        return Drawing(components.empty(unknown))
    figure = figures.season(band, _(words.label), _(words.unit), theme)
    note = _("%(input)s, daily mean, %(unit)s", input=_(words.label), unit=_(words.unit))
    told = Chart(figure, note, _summary(band, words), band.rename(columns=translated(COLUMNS)))
    return Drawing(None, {CHART: told})


def data_quality(choices: urls.Choices, _theme: str) -> Drawing:
    """Return absent, stuck, impossible and late hours of the window."""
    view = _view(choices)
    return Drawing(None if view is None else quality.report(view.hours, view.start, view.end))


def _view(choices: urls.Choices) -> View | None:
    chosen = clean(choices, None)
    predictor.current()  # takes in new hours where no thread does
    hours = history.cache().current.frame()
    if hours.empty:
        return None
    end, day = newest_end(hours), urls.day(chosen.get("to"))
    if day is not None:  # the reader means the whole last day
        end = min(end, day + dt.timedelta(days=1))
    return View(hours, end, int(chosen["window"].rstrip("d")), chosen["input"])


def _controls(chosen: urls.Choices) -> html.Section:
    until = dbc.Input(id=CONTROLS["to"], type="date", value=chosen.get("to", ""), debounce=700)
    labels = {name: _(words.label) for name, words in inputs.WORDS.items()}
    return html.Section(
        [
            components.presets(
                CONTROLS["window"], _("Window"), translated(WINDOWS), chosen["window"]
            ),
            components.field(_("Until"), until, CONTROLS["to"]),
            components.field(
                _("Day by day"),
                components.select(CONTROLS["input"], labels, chosen["input"]),
                CONTROLS["input"],
            ),
        ],
        className="panel controls",
        **components.attributes(aria_label=_("What to show")),
    )


def _nothing(view: View | None) -> html.Div:
    if view is None:
        return components.empty(
            _("No hour has been observed yet."),
            _("As soon as there are observations, they show here."),
        )
    first = view.hours["datetime"].iloc[0]
    return components.empty(
        _("No hour of this window has been observed."),
        _("The first known hour is %(hour)s: choose a later end.", hour=formats.hour(first)),
    )


def _no_earlier_year(view: View) -> html.Div:
    first = view.hours["datetime"].iloc[0]
    return components.empty(
        _("There is no earlier year to compare with."),
        _(
            "Hours are known since %(day)s; drift shows as soon as the same weeks of the year "
            "before are among them. Stuck and impossible values are found without.",
            day=formats.day(first),
        ),
    )


def _verdict(drifts: list[Drift]) -> str:
    drifted = [_(inputs.WORDS[drift.name].label) for drift in drifts if drift.flagged]
    if not drifted:
        return _("Nothing has drifted")
    return ngettext(
        "%(num)s of %(all)s drifted: %(names)s",
        "%(num)s of %(all)s drifted: %(names)s",
        len(drifted),
        all=len(drifts),
        names=", ".join(drifted),
    )


def _span(view: View, drifts: list[Drift]) -> str:
    last = view.end - dt.timedelta(hours=1)
    years = max(drift.years for drift in drifts)
    beside = ngettext(
        "%(first)s to %(last)s beside the same weeks of %(num)s earlier year, by their means.",
        "%(first)s to %(last)s beside the same weeks of %(num)s earlier years, by their means.",
        years,
        first=formats.day(view.start),
        last=formats.day(last),
    )
    rule = _(
        "An input has drifted if it differs by more than such windows do once in a hundred times."
    )
    return f"{beside} {rule}"


def _row(drift: Drift, choices: urls.Choices) -> list[Any]:
    words = inputs.WORDS[drift.name]
    link = html.A(
        _(words.label),
        id=f"drift-{drift.name}-link",
        href=urls.with_choice(choices, input=drift.name),
        **components.IN_PAGE,
    )
    # Of what a share is, its two columns do not say.
    unit = f", {_(words.unit)}" if words.unit.startswith("% ") else ""
    return [
        html.Span([link, unit]),
        _state(drift),
        inputs.value(drift.current, words),
        inputs.value(drift.reference, words),
        inputs.difference(drift, words),
        _threshold(drift, words),
    ]


def _threshold(drift: Drift, words: inputs.Words) -> str:
    if not drift.threshold:
        return formats.UNKNOWN
    size = inputs.size(drift.threshold, words)
    return formats.Written(f"±{size}", size.data)


def _state(drift: Drift) -> html.Span:
    if drift.flagged:
        assert drift.since is not None  # noqa: S101 - flagged now, so at some time first
        last = drift.since - dt.timedelta(hours=1)
        since = _("drifted since %(day)s", day=formats.short_day(last))
        return components.badge(since, "warning")
    if drift.name == "level":
        return components.badge(_("growth is no alarm"))
    return components.badge(_("as usual"), "success") if drift.threshold else components.badge("?")


def _predicted(view: View) -> str:
    """Say what was predicted for the window, beside what happened."""
    frame = monitoring.pick(
        queries.scored_frame(start=view.start, end=view.end), monitoring.SOURCES
    )
    if frame.empty:
        return _("No hour of this window was predicted and has happened.")
    predicted, actual = frame["predicted"].mean(), frame["actual"].mean()
    return _(
        "Predicted for %(hours)s of the window, %(ahead)s: %(predicted)s rentals per hour on "
        "average; %(actual)s happened.",
        hours=formats.hours(len(frame)),
        ahead=formats.ahead(frame["horizon"].iloc[0]),
        predicted=formats.number(predicted),
        actual=formats.number(actual),
    )


def _faults(view: View) -> list[dbc.Alert]:
    found = faults(view.hours, view.end, FAULT_DAYS)
    if not found:
        return []
    return [
        dbc.Alert(
            [
                html.Strong(
                    _("Likely broken in the last %(days)s:", days=formats.days(FAULT_DAYS))
                ),
                html.Ul([html.Li(inputs.told(fault)) for fault in found], className="mb-0"),
                _("The model takes what it is given: look at the source of these inputs."),
            ],
            color="warning",
        )
    ]


def _summary(band: pd.DataFrame, words: inputs.Words) -> str:
    known = band.dropna(subset=["value", "low"])
    if known.empty:
        return _("No earlier year knows these weeks.")
    outside = ~known["value"].between(known["low"], known["high"])
    return _(
        "%(days)s of %(all)s outside of what 9 in 10 days of the same season were in earlier "
        "years; on average %(mean)s beside %(usual)s %(unit)s.",
        days=formats.days(int(outside.sum())),
        all=len(known),
        mean=formats.number(known["value"].mean(), words.digits),
        usual=formats.number(known["usual"].mean(), words.digits),
        unit=_(words.unit),
    )
