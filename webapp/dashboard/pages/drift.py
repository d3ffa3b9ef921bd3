"""Drift: the weather and the rentals against the same season of earlier years."""

import datetime as dt
from typing import Any, NamedTuple

import dash_bootstrap_components as dbc
import pandas as pd
from dash import Dash, html

from training.drift import Drift, faults, newest_end, season_band, season_drift
from webapp import history, monitoring, predictor, queries

from .. import components, figures, formats, inputs, quality, sections, urls
from ..sections import Chart, Drawing

PATH = f"{urls.PREFIX}drift"
NAME = "Drift"
TITLE = "Is it as it was in other years?"

WINDOWS = {name: name.replace("d", f"{formats.SPACE}d") for name in ("7d", "28d", "90d")}
DEFAULTS = {"window": "28d", "input": "temperature"}
CONTROLS = {
    "window": "drift-window-radio",
    "to": "drift-to-input",
    "input": "drift-input-select",
}
CHART = "drift-season-graph"
COLUMNS = {
    "datetime": "Day",
    "value": "Daily mean",
    "low": "Earlier years, lowest but 5 %",
    "usual": "Earlier years, mean",
    "high": "Earlier years, highest but 5 %",
}
FAULT_DAYS = 3


def layout(choices: urls.Choices) -> Any:
    """Return the page with its controls as the URL says, before it is filled."""
    chosen = clean(choices, None)
    return components.page(
        TITLE,
        "The weather and the rentals of a window beside the same weeks of earlier years. What two "
        "years usually differ by is no drift.",
        urls.location("drift", choices),
        _controls(chosen),
        sections.section("drift-table-section", components.waiting("small", "large")),
        sections.section(
            "drift-chart-section", None, components.chart(CHART, "Day by day, beside earlier years")
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
    heads = ["Input", "", "In this window", "Earlier years", "Difference", "Usually within"]
    return Drawing(
        [
            *_faults(view),
            components.card(
                _verdict(drifts),
                components.table("Inputs and rentals, the most drifted first", heads, rows, chosen),
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
        return Drawing(components.empty(f"{words.label} is not known in this window."))
    figure = figures.season(band, words.label, words.unit, theme)
    note = f"{words.label}, daily mean, {words.unit}"
    told = Chart(figure, note, _summary(band, words), band.rename(columns=COLUMNS))
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
    labels = {name: words.label for name, words in inputs.WORDS.items()}
    return html.Section(
        [
            components.presets(CONTROLS["window"], "Window", WINDOWS, chosen["window"]),
            components.field("Until", until, CONTROLS["to"]),
            components.field(
                "Day by day",
                components.select(CONTROLS["input"], labels, chosen["input"]),
                CONTROLS["input"],
            ),
        ],
        className="panel controls",
        **components.attributes(aria_label="What to show"),
    )


def _nothing(view: View | None) -> html.Div:
    if view is None:
        return components.empty(
            "No hour has been observed yet.", "As soon as there are observations, they show here."
        )
    first = view.hours["datetime"].iloc[0]
    return components.empty(
        "No hour of this window has been observed.",
        f"The first known hour is {formats.hour(first)}: choose a later end.",
    )


def _no_earlier_year(view: View) -> html.Div:
    first = view.hours["datetime"].iloc[0]
    return components.empty(
        "There is no earlier year to compare with.",
        f"Hours are known since {formats.day(first)}; drift shows as soon as the same weeks of the "
        "year before are among them. Stuck and impossible values are found without.",
    )


def _verdict(drifts: list[Drift]) -> str:
    drifted = [inputs.WORDS[drift.name].label for drift in drifts if drift.flagged]
    if not drifted:
        return "Nothing has drifted"
    return f"{len(drifted)} of {len(drifts)} drifted: {', '.join(drifted)}"


def _span(view: View, drifts: list[Drift]) -> str:
    last = view.end - dt.timedelta(hours=1)
    years = max(drift.years for drift in drifts)
    return (
        f"{formats.day(view.start)} to {formats.day(last)} beside the same weeks of "
        f"{formats.quantity(years, 'earlier year')}, by their means. An input has drifted if it "
        "differs by more than such windows do once in a hundred times."
    )


def _row(drift: Drift, choices: urls.Choices) -> list[Any]:
    words = inputs.WORDS[drift.name]
    link = html.A(
        words.label,
        id=f"drift-{drift.name}-link",
        href=urls.with_choice(choices, input=drift.name),
        **components.IN_PAGE,
    )
    return [
        link,
        _state(drift),
        inputs.value(drift.current, words),
        inputs.value(drift.reference, words),
        inputs.difference(drift, words),
        "±" + inputs.size(drift.threshold, words) if drift.threshold else formats.UNKNOWN,
    ]


def _state(drift: Drift) -> html.Span:
    if drift.flagged:
        assert drift.since is not None  # noqa: S101 - flagged now, so at some time first
        last = drift.since - dt.timedelta(hours=1)
        return components.badge(f"drifted since {last.day} {last:%b}", "warning")
    if drift.name == "level":
        return components.badge("growth is no alarm")
    return components.badge("as usual", "success") if drift.threshold else components.badge("?")


def _predicted(view: View) -> str:
    """Say what was predicted for the window, beside what happened."""
    frame = monitoring.pick(
        queries.scored_frame(start=view.start, end=view.end), monitoring.SOURCES
    )
    if frame.empty:
        return "No hour of this window was predicted and has happened."
    predicted, actual = frame["predicted"].mean(), frame["actual"].mean()
    return (
        f"Predicted for {formats.quantity(len(frame), 'hour')} of the window, "
        f"{formats.ahead(frame['horizon'].iloc[0])}: {formats.number(predicted)} rentals per hour "
        f"on average; {formats.number(actual)} happened."
    )


def _faults(view: View) -> list[dbc.Alert]:
    found = faults(view.hours, view.end, FAULT_DAYS)
    if not found:
        return []
    return [
        dbc.Alert(
            [
                html.Strong(f"Likely broken in the last {FAULT_DAYS} days: "),
                html.Ul([html.Li(inputs.told(fault)) for fault in found], className="mb-0"),
                "The model takes what it is given: look at the source of these inputs.",
            ],
            color="warning",
        )
    ]


def _summary(band: pd.DataFrame, words: inputs.Words) -> str:
    known = band.dropna(subset=["value", "low"])
    if known.empty:
        return "No earlier year knows these weeks."
    outside = ~known["value"].between(known["low"], known["high"])
    return (
        f"{formats.quantity(int(outside.sum()), 'day')} of {len(known)} outside of what 9 in 10 "
        f"days of the same season were in earlier years; on average "
        f"{formats.number(known['value'].mean(), words.digits)} beside "
        f"{formats.number(known['usual'].mean(), words.digits)} {words.unit}."
    )
