"""Performance: how wrong, since when, at which hours, in which weather."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import dash_bootstrap_components as dbc
import numpy as np
import pandas as pd
from dash import Dash, html

from webapp import monitoring, queries

from .. import components, figures, formats, sections, slices, urls
from ..sections import Chart, Drawing

PATH = f"{urls.PREFIX}performance"
NAME = "Performance"
TITLE = "How wrong, when, and in which weather?"

HOUR = dt.timedelta(hours=1)
WINDOWS = {
    "24h": f"24{formats.SPACE}h",
    "7d": f"7{formats.SPACE}d",
    "28d": f"28{formats.SPACE}d",
    "all": "All",
}
SPANS = {"24h": dt.timedelta(hours=24), "7d": dt.timedelta(days=7), "28d": dt.timedelta(days=28)}
HORIZONS = {"1": "1 hour", "24": "24 hours", "48": "48 hours", "168": "168 hours"}
SOURCES = {
    "auto": "Live, else backtest",
    "live": "Live",
    "replay": "Replay",
    "backtest": "Backtest",
}
# Name, and unit; what is said of it by period.
METRICS = {
    "mae": ("Mean absolute error", "rentals per hour"),
    "rmse": ("Root mean squared error", "rentals per hour"),
    "bias": ("Bias, predicted less actual", "rentals per hour"),
    "r2": ("R²", "1 is perfect"),
    "coverage": ("Hours inside the 90 % interval", "%"),
    "width": ("Width of the 90 % interval", "rentals per hour"),
}
DEFAULTS = {
    "window": "28d",
    "version": "champion",
    "horizon": "24",
    "source": "auto",
    "metric": "mae",
    "slice": "",
}
LEGAL = {
    "window": WINDOWS,
    "horizon": HORIZONS,
    "source": SOURCES,
    "metric": METRICS,
    "slice": slices.options(),
}
CONTROLS = {
    "window": "performance-window-radio",
    "from": "performance-from-input",
    "to": "performance-to-input",
    "version": "performance-version-select",
    "horizon": "performance-horizon-select",
    "source": "performance-source-select",
    "slice": "performance-slice-select",
    "metric": "performance-metric-select",
}
TIME, SCATTER, HOURS, SLICES = (
    f"performance-{name}-graph" for name in ("time", "scatter", "hour", "slice")
)
POINTS = 800

COLUMNS = {
    "datetime": "Hour",
    "hours": "Hours",
    "mae": "Mean absolute error, rentals per hour",
    "baseline_mae": "The same of repeating last week",
    "rmse": "Root mean squared error",
    "bias": "Bias, rentals per hour",
    "r2": "R²",
    "coverage": "Inside the interval, %",
    "width": "Width of the interval, rentals",
    "baseline_rmse": "Root mean squared error of repeating last week",
    "baseline_bias": "Bias of repeating last week",
    "baseline_r2": "R² of repeating last week",
    "label": "Slice",
    "predicted": "Predicted, rentals",
    "actual": "Actual, rentals",
}


@dataclass(frozen=True, slots=True)
class View:
    """What the page shows: predictions from `start` to before `end`, None being open."""

    start: dt.datetime | None
    end: dt.datetime | None
    version: int | None
    horizon: int
    source: str
    slice: str


def layout(choices: urls.Choices) -> Any:
    """Return the page with its controls as the URL says, before it is filled."""
    chosen = clean(choices, None)
    return components.page(
        TITLE,
        "Predictions held against what happened, beside the simplest forecast there is: "
        "the rentals of the same hour a week before.",
        urls.location("performance", choices),
        _controls(chosen),
        sections.section(
            "performance-result-section",
            components.waiting("small"),
            components.chart(TIME, "Right and wrong over time", "wide", _metric_field(chosen)),
            components.chart(SCATTER, "Predicted against actual"),
            components.chart(HOURS, "Error by hour and weekday", "whole"),
            look="chart-grid",
        ),
        sections.section(
            "performance-slices-section",
            None,
            components.chart(SLICES, "Where it is wrong, the worst first"),
        ),
        sections.section("performance-worst-section", components.waiting("large")),
    )


def register_callbacks(app: Dash) -> None:
    """Let controls and URL follow each other, and fill the page."""
    urls.sync(app, "performance", PATH, CONTROLS, clean)
    sections.register(
        app,
        "performance",
        PATH,
        "performance-result-section",
        result,
        [TIME, SCATTER, HOURS],
        look="chart-grid",
    )
    sections.register(
        app, "performance", PATH, "performance-slices-section", by_slice, charts=[SLICES]
    )
    sections.register(app, "performance", PATH, "performance-worst-section", worst)


def clean(choices: urls.Choices, changed: str | None) -> urls.Choices:
    """Return legal choices: dates win over a preset unless the preset changed last."""
    chosen = {**DEFAULTS, **choices}
    for name, legal in LEGAL.items():
        if chosen[name] not in legal:
            chosen[name] = DEFAULTS[name]
    if chosen["version"] not in ("champion", "all") and not _is_number(chosen["version"]):
        chosen["version"] = DEFAULTS["version"]
    for name in ("from", "to"):
        if changed == "window" or urls.day(chosen.get(name)) is None:
            chosen.pop(name, None)
    if "from" in chosen or "to" in chosen:
        chosen["window"] = ""
    return chosen


def result(choices: urls.Choices, theme: str) -> Drawing:
    """Return key figures and charts of what the URL asks for."""
    chosen = clean(choices, None)
    view = _view(chosen)
    frame = slices.only(_frame(view), view.slice)
    scores = monitoring.scores(frame)
    if scores is None:
        return Drawing(_nothing())
    told = html.P(_told(frame, scores, view), className="told", role="status")
    return Drawing(
        [told, _key_figures(scores)],
        {
            TIME: _over_time(frame, scores, chosen["metric"], theme),
            SCATTER: _scatter(frame, scores, theme),
            HOURS: _by_hour(frame, theme),
        },
    )


def by_slice(choices: urls.Choices, theme: str) -> Drawing:
    """Return the error of every slice of the hours, of all that were predicted."""
    view = _view(clean(choices, None))
    frame = _frame(view)
    if frame.empty:
        return Drawing()
    table = slices.table(
        frame,
        start=view.start,
        end=view.end,
        source=frame["source"].iloc[0],
        model_version=view.version,
        horizon=view.horizon,
    )
    top, last = table.iloc[0], table.iloc[-1]
    chart = Chart(
        figures.by_slice(table, theme),
        "Mean absolute error, rentals per hour",
        f"Worst: {top['label']}, {formats.number(top['mae'])} rentals per hour off on average "
        f"in {formats.quantity(top['hours'], 'hour')}. Best: {last['label']}, "
        f"{formats.number(last['mae'])}.",
        table.assign(coverage=100 * table["coverage"])[
            ["label", "hours", "mae", "baseline_mae", "coverage"]
        ].rename(columns=COLUMNS),
    )
    return Drawing(None, {SLICES: chart})


def worst(choices: urls.Choices, _theme: str) -> Drawing:
    """Return the hours that were predicted worst."""
    view = _view(clean(choices, None))
    frame = slices.only(_frame(view), view.slice)
    return Drawing(None if frame.empty else slices.worst(frame, choices))


def _frame(view: View) -> pd.DataFrame:
    """Return the scored predictions of a view."""
    sources = ("live", "backtest") if view.source == "auto" else (view.source,)
    frame = queries.scored_frame(
        start=view.start,
        end=view.end,
        sources=sources,
        model_version=view.version,
        horizon=view.horizon,
    )
    return monitoring.pick(frame, sources)


def _metric_field(chosen: urls.Choices) -> html.Div:
    names = {name: label for name, (label, _) in METRICS.items()}
    return html.Div(_select_field("Show", "metric", names, chosen), className="controls my-3")


def _controls(chosen: urls.Choices) -> html.Section:
    return html.Section(
        [
            components.presets(CONTROLS["window"], "Window", WINDOWS, chosen["window"]),
            _date_field("From", "from", chosen),
            _date_field("To", "to", chosen),
            _select_field("Model", "version", _versions(chosen["version"]), chosen),
            _select_field("Predicted ahead by", "horizon", HORIZONS, chosen),
            _select_field("Source", "source", SOURCES, chosen),
            _select_field("Only", "slice", LEGAL["slice"], chosen),
        ],
        className="panel controls",
        **components.attributes(aria_label="What to show"),
    )


def _date_field(label: str, name: str, chosen: urls.Choices) -> html.Div:
    control = dbc.Input(id=CONTROLS[name], type="date", value=chosen.get(name, ""), debounce=700)
    return components.field(label, control, CONTROLS[name])


def _select_field(label: str, name: str, options: dict[str, str], chosen: urls.Choices) -> html.Div:
    control = components.select(CONTROLS[name], options, chosen[name])
    return components.field(label, control, CONTROLS[name])


def _versions(chosen: str) -> dict[str, str]:
    numbers = [model["version"] for model in queries.list_models()]
    if _is_number(chosen) and chosen not in numbers:
        numbers.append(chosen)
    options = {"champion": "Champion", "all": "All versions"}
    return options | {number: f"Model {number}" for number in numbers}


def _view(chosen: urls.Choices) -> View:
    start, end = urls.day(chosen.get("from")), urls.day(chosen.get("to"))
    newest = queries.newest_observation()
    if chosen["window"] in SPANS and newest is not None:
        end = newest + HOUR
        start = end - SPANS[chosen["window"]]
    elif end is not None:
        end += dt.timedelta(days=1)  # the reader means the whole last day
    return View(
        start=start,
        end=end,
        version=_version(chosen["version"]),
        horizon=int(chosen["horizon"]),
        source=chosen["source"],
        slice=chosen["slice"],
    )


def _version(chosen: str) -> int | None:
    if chosen == "champion":
        champion = queries.champion()
        return int(champion["version"]) if champion else None
    return int(chosen) if _is_number(chosen) else None


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 10


def _nothing() -> html.Div:
    span = queries.prediction_span()
    if span is None:
        return components.empty(
            "There are no predictions yet.",
            "A training scores the newest 28 days, and its result shows here.",
        )
    return components.empty(
        "No prediction of this choice can be checked against rentals.",
        f"Hours from {formats.day(span[0])} to {formats.day(span[1])} have been predicted: "
        "choose another window, model or source.",
    )


def _told(frame: pd.DataFrame, scores: monitoring.Scores, view: View) -> str:
    source = frame["source"].iloc[0]
    versions = sorted(frame["model_version"].unique())
    models = ("Model " if len(versions) == 1 else "Models ") + ", ".join(map(str, versions))
    return (
        f"{models}, {formats.SOURCES[source]}, {formats.ahead(frame['horizon'].iloc[0])}: "
        f"{formats.quantity(scores.hours, 'hour')} from {formats.hour(scores.first)} to "
        f"{formats.hour(scores.last)}."
        + (f" Only: {LEGAL['slice'][view.slice]}." if view.slice else "")
    )


def _key_figures(scores: monitoring.Scores) -> html.Dl:
    model, naive = scores.model, scores.baseline

    def beside(text: str) -> str:
        return f"repeating last week: {text}"

    return components.tiles(
        components.tile(
            "MAE", formats.number(model["mae"], 1), beside(formats.number(naive.get("mae"), 1))
        ),
        components.tile(
            "RMSE", formats.number(model["rmse"], 1), beside(formats.number(naive.get("rmse"), 1))
        ),
        components.tile(
            "Bias", formats.signed(model["bias"], 1), beside(formats.signed(naive.get("bias"), 1))
        ),
        components.tile(
            "R²", formats.number(model["r2"], 2), beside(formats.number(naive.get("r2"), 2))
        ),
        components.tile("Coverage", formats.percent(model["coverage"]), "90 % is meant"),
        components.tile("Width of interval", formats.number(model["width"]), "rentals, on average"),
    )


def _over_time(frame: pd.DataFrame, scores: monitoring.Scores, metric: str, theme: str) -> Chart:
    every = monitoring.bucket(scores.first, scores.last)
    table = monitoring.error_over_time(frame, every)
    table["coverage"] *= 100
    period = {"h": "hour", "D": "day", "W": "week"}[every]
    worst = table.sort_values("mae").iloc[-1]
    better = int((table["mae"] < table["baseline_mae"]).sum())
    name, unit = METRICS[metric]
    return Chart(
        figures.error_over_time(table, metric, unit, theme),
        f"{name} by {period}, {unit}",
        f"The model beats repeating last week on {better} of "
        f"{formats.quantity(len(table), period)}. Worst: {_period(worst['datetime'], every)}, "
        f"{formats.number(worst['mae'])} rentals per hour off on average.",
        table.rename(columns=COLUMNS | {"datetime": period.capitalize()}),
    )


def _period(start: pd.Timestamp, every: str) -> str:
    if every == "h":
        return formats.hour(start)
    return formats.day(start) if every == "D" else f"the week from {formats.day(start)}"


def _by_hour(frame: pd.DataFrame, theme: str) -> Chart:
    table = monitoring.error_by_hour_and_weekday(frame)
    errors = table.to_numpy(float)
    weekday, hour = divmod(int(np.nanargmax(errors)), 24)
    return Chart(
        figures.heat_map(table, theme),
        "Mean absolute error, rentals per hour",
        f"Largest on {formats.WEEKDAYS[weekday]} at {hour:02d}:00: "
        f"{formats.number(errors[weekday, hour])} rentals per hour off on average.",
        table.rename(index=dict(enumerate(formats.WEEKDAYS)), columns=str)
        .rename_axis("Weekday")
        .reset_index(),
    )


def _scatter(frame: pd.DataFrame, scores: monitoring.Scores, theme: str) -> Chart:
    shown = monitoring.sample(frame, POINTS)
    bias = scores.model["bias"]
    leaning = "too high" if bias > 0 else "too low"
    return Chart(
        figures.predicted_against_actual(shown, theme),
        "Rentals per hour; on the dashed line the two agree",
        f"Predictions are {formats.number(abs(bias), 1)} rentals per hour {leaning} on average. "
        f"Shown: {formats.quantity(len(shown), 'hour')} of {formats.number(scores.hours)}.",
        shown[["datetime", "predicted", "actual"]].rename(columns=COLUMNS),
    )
