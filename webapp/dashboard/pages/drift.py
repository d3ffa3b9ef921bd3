"""Drift: the weather and the rentals against the same season of earlier years."""

import datetime as dt
from typing import Any, NamedTuple

import dash_bootstrap_components as dbc
import pandas as pd
from dash import Dash, html
from flask import current_app

from training import quality
from training.drift import Drift, Fault, faults, newest_end, season_band, season_drift
from webapp import history, monitoring, predictor, queries

from .. import components, figures, formats, sections, urls
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
MOST_STRETCHES = 20


class Words(NamedTuple):
    """How an input is told: its name, what more and less of it is, its unit, times what."""

    label: str
    more: str
    less: str
    unit: str
    factor: float = 1.0
    digits: int = 1


WORDS = {
    "temperature": Words("Temperature", "warmer", "colder", "°C"),
    "feels_like": Words("Felt temperature", "warmer", "colder", "°C"),
    "humidity": Words("Humidity", "more humid", "drier", "%"),
    "windspeed": Words("Wind speed", "windier", "calmer", "km/h"),
    "clear": Words("Clear sky", "more often", "less often", "% of hours", 100, 0),
    "precipitation": Words("Rain or snow", "more often", "less often", "% of hours", 100, 0),
    "rentals": Words("Rentals, growth aside", "more", "fewer", "% of the 4 weeks before", 100, 0),
    "level": Words("Level of rentals", "higher", "lower", "rentals per hour", 1, 0),
}
RELATIONS = {
    "felt_difference": "Felt less real temperature",
    "rain_humidity": "Humidity while it rains or snows",
    "rain_contrast": "Humidity in rain less that without",
}
UNITS = {"felt_difference": "°C", "rain_humidity": "%", "rain_contrast": "%"}


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
    if chosen["input"] not in WORDS:
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
    chosen = (
        [drift.name for drift in drifts].index(view.name)
        if view.name in {drift.name for drift in drifts}
        else None
    )
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
    words = WORDS[view.name]
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
    if view is None:
        return Drawing()
    start, end = view.start, view.end
    absent = quality.missing(view.hours, start, end, current_app.config["VLIB_TIMEZONE"])
    stuck = quality.stuck(view.hours, start, end)
    impossible = quality.impossible(view.hours, start, end)
    tiles = components.tiles(
        _tile("Missing", absent, f"of {formats.number(24 * view.days)} in the window"),
        _tile("Stuck", stuck, "an input with one value for a day or longer"),
        _tile("Impossible", impossible, "a value that no weather has"),
        _late(start, end),
    )
    stretches = sorted(absent + stuck + impossible, key=lambda one: one.first, reverse=True)
    return Drawing([html.H2("Data quality", className="section-heading"), tiles, _list(stretches)])


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
    labels = {name: words.label for name, words in WORDS.items()}
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
    drifted = [WORDS[drift.name].label for drift in drifts if drift.flagged]
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
    words = WORDS[drift.name]
    link = html.A(
        words.label,
        id=f"drift-{drift.name}-link",
        href=urls.with_choice(choices, input=drift.name),
        **components.IN_PAGE,
    )
    return [
        link,
        _state(drift),
        _value(drift.current, words),
        _value(drift.reference, words),
        _difference(drift, words),
        "±" + _size(drift.threshold, words) if drift.threshold else formats.UNKNOWN,
    ]


def _state(drift: Drift) -> html.Span:
    if drift.flagged:
        assert drift.since is not None  # noqa: S101 - flagged now, so at some time first
        last = drift.since - dt.timedelta(hours=1)
        return components.badge(f"drifted since {last.day} {last:%b}", "warning")
    if drift.name == "level":
        return components.badge("growth is no alarm")
    return components.badge("as usual", "success") if drift.threshold else components.badge("?")


def _value(value: float | None, words: Words) -> str:
    if value is None:
        return formats.UNKNOWN
    unit = words.unit.partition(" of ")[0] if words.factor == 100 else words.unit
    return f"{formats.number(value * words.factor, words.digits)}{formats.SPACE}{unit}"


def _difference(drift: Drift, words: Words) -> str:
    if drift.statistic is None:
        return "no earlier year"
    if not round(drift.statistic * words.factor, words.digits):
        return "none"
    direction = words.more if drift.statistic > 0 else words.less
    return f"{_size(abs(drift.statistic), words)} {direction}"


def _size(difference: float, words: Words) -> str:
    size = formats.number(difference * words.factor, words.digits)
    points = "point" if size == "1" else "points"
    return f"{size}{formats.SPACE}{points if words.unit.startswith('%') else words.unit}"


def _predicted(view: View) -> str:
    """Say what was predicted for the window, beside what happened."""
    frame = monitoring.pick(
        queries.predictions_frame(start=view.start, end=view.end), monitoring.SOURCES
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
                html.Ul([html.Li(_told(fault)) for fault in found], className="mb-0"),
                "The model takes what it is given: look at the source of these inputs.",
            ],
            color="warning",
        )
    ]


def _told(fault: Fault) -> str:
    """Say what is wrong with an input."""
    words = WORDS.get(fault.name)
    label = words.label if words else RELATIONS[fault.name]
    unit = words.unit if words else UNITS[fault.name]
    factor = words.factor if words else 1.0

    def write(value: float) -> str:
        return f"{formats.number(value * factor, 1)}{formats.SPACE}{unit}"

    since = formats.hour(fault.since)
    if fault.kind == "stuck":
        return f"{label} has been {write(fault.value)} without a change since {since}."
    if fault.kind == "impossible":
        return f"{label} has values that no weather has, the first at {since}."
    what = "peaks at" if fault.kind == "peak" else "is on average"
    bound = (
        f"at least {write(fault.low)}"
        if fault.value < fault.low
        else f"at most {write(fault.high)}"
    )
    return f"{label} {what} {write(fault.value)}; in this season it would be {bound}."


def _summary(band: pd.DataFrame, words: Words) -> str:
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
    return components.badge(
        stretch.kind, "warning" if stretch.kind == "impossible" else "secondary"
    )
