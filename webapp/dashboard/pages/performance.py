"""Performance: how wrong, since when, at which hours, in which weather."""

import datetime as dt
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import dash_bootstrap_components as dbc
import numpy as np
import pandas as pd
from dash import Dash, html
from flask_babel import gettext as _
from flask_babel import ngettext

from webapp import monitoring, queries
from webapp.language import N_, translated

from .. import components, figures, formats, sections, slices, urls
from ..sections import Chart, Drawing

PATH = f"{urls.PREFIX}performance"
NAME = N_("Performance")
TITLE = N_("How wrong, when, and in which weather?")

HOUR = dt.timedelta(hours=1)
WINDOWS = {
    "24h": N_("24\xa0h"),
    "7d": N_("7\xa0d"),
    "28d": N_("28\xa0d"),
    "all": N_("All"),
}
SPANS = {"24h": dt.timedelta(hours=24), "7d": dt.timedelta(days=7), "28d": dt.timedelta(days=28)}
HORIZONS = ("1", "24", "48", "168")
SOURCES = {
    "auto": N_("Live, else backtest"),
    "live": N_("Live"),
    "replay": N_("Replay"),
    "backtest": N_("Backtest"),
}
# Name, and unit.
METRICS = {
    "mae": (N_("Mean absolute error"), N_("rentals per hour")),
    "rmse": (N_("Root mean squared error"), N_("rentals per hour")),
    "bias": (N_("Bias, predicted less actual"), N_("rentals per hour")),
    "r2": ("R²", N_("1 is perfect")),
    "coverage": (N_("Hours inside the 90\xa0% interval"), "%"),
    "width": (N_("Width of the 90\xa0% interval"), N_("rentals per hour")),
}
# How far a value is from the best that there is; the width has no best.
OFF: dict[str, Callable[["pd.Series[float]"], "pd.Series[float]"]] = {
    "mae": lambda values: values,
    "rmse": lambda values: values,
    "bias": lambda values: values.abs(),
    "r2": lambda values: 1 - values,
    "coverage": lambda values: (values - 90).abs(),
    "width": lambda values: values,
}
DEFAULTS = {
    "window": "28d",
    "version": "champion",
    "horizon": "24",
    "source": "auto",
    "metric": "mae",
    "slice": "all",
}
LEGAL: dict[str, Container[str]] = {
    "window": WINDOWS,
    "horizon": HORIZONS,
    "source": SOURCES,
    "metric": METRICS,
    "slice": ("all", *slices.KEYS),
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
POINTS = 500

COLUMNS = {
    "datetime": N_("Hour"),
    "hours": N_("Hours"),
    "mae": N_("Mean absolute error, rentals per hour"),
    "baseline_mae": N_("The same of repeating last week"),
    "rmse": N_("Root mean squared error"),
    "bias": N_("Bias, rentals per hour"),
    "r2": "R²",
    "coverage": N_("Inside the interval, %"),
    "width": N_("Width of the interval, rentals"),
    "baseline_rmse": N_("Root mean squared error of repeating last week"),
    "baseline_bias": N_("Bias of repeating last week"),
    "baseline_r2": N_("R² of repeating last week"),
    "label": N_("Slice"),
    "predicted": N_("Predicted, rentals"),
    "actual": N_("Actual, rentals"),
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
        _(TITLE),
        _(
            "Predictions held against what happened, beside the simplest forecast there is: "
            "the rentals of the same hour a week before."
        ),
        urls.location("performance", choices),
        _controls(chosen),
        sections.section(
            "performance-result-section",
            components.waiting("small"),
            components.chart(TIME, _("Right and wrong over time"), "wide", _metric_field(chosen)),
            components.chart(SCATTER, _("Predicted against actual")),
            components.chart(HOURS, _("Error by hour and weekday"), "whole"),
            look="chart-grid",
        ),
        html.Div(
            [
                sections.section(
                    "performance-slices-section",
                    None,
                    components.chart(SLICES, _("Where it is wrong, the worst first")),
                ),
                sections.section("performance-worst-section", components.waiting("large")),
            ],
            className="side-by-side",
        ),
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
    if chosen["version"] not in ("champion", "all") and urls.number(chosen["version"]) is None:
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
        return Drawing(_nothing(view))
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
        _("Mean absolute error, rentals per hour"),
        _(
            "Worst: %(worst)s, %(error)s rentals per hour off on average in %(hours)s. Best: "
            "%(best)s, %(least)s.",
            worst=top["label"],
            error=formats.number(top["mae"]),
            hours=formats.hours(top["hours"]),
            best=last["label"],
            least=formats.number(last["mae"]),
        ),
        table.assign(coverage=100 * table["coverage"])[
            ["label", "hours", "mae", "baseline_mae", "coverage"]
        ].rename(columns=translated(COLUMNS)),
    )
    return Drawing(None, {SLICES: chart})


def worst(choices: urls.Choices, _theme: str) -> Drawing:
    """Return the hours that were predicted worst."""
    view = _view(clean(choices, None))
    frame = slices.only(_frame(view), view.slice)
    return Drawing(None if frame.empty else slices.worst(frame, choices))


def _frame(view: View) -> pd.DataFrame:
    """Return the scored predictions of a view."""
    return monitoring.pick(_all(view), _sources(view))


def _all(view: View) -> pd.DataFrame:
    return queries.scored_frame(
        start=view.start,
        end=view.end,
        sources=_sources(view),
        model_version=view.version,
        horizon=view.horizon,
    )


def _sources(view: View) -> tuple[str, ...]:
    return ("live", "backtest") if view.source == "auto" else (view.source,)


def _metric_field(chosen: urls.Choices) -> html.Div:
    names = {name: _name(name) for name in METRICS}
    return html.Div(_select_field(_("Show"), "metric", names, chosen), className="controls my-3")


def _name(metric: str) -> str:
    name = METRICS[metric][0]
    return name if metric == "r2" else _(name)


def _controls(chosen: urls.Choices) -> html.Section:
    horizons = {hours: formats.hours(int(hours)) for hours in HORIZONS}
    return html.Section(
        [
            components.presets(
                CONTROLS["window"], _("Window"), translated(WINDOWS), chosen["window"]
            ),
            _date_field(_("From"), "from", chosen),
            _date_field(_("To"), "to", chosen),
            _select_field(_("Model"), "version", _versions(chosen["version"]), chosen),
            _select_field(_("Predicted ahead by"), "horizon", horizons, chosen),
            _select_field(_("Source"), "source", translated(SOURCES), chosen),
            _select_field(_("Only"), "slice", slices.options(), chosen),
        ],
        className="panel controls",
        **components.attributes(aria_label=_("What to show")),
    )


def _date_field(label: str, name: str, chosen: urls.Choices) -> html.Div:
    control = dbc.Input(id=CONTROLS[name], type="date", value=chosen.get(name, ""), debounce=700)
    return components.field(label, control, CONTROLS[name])


def _select_field(
    label: str, name: str, options: Mapping[str, str], chosen: urls.Choices
) -> html.Div:
    control = components.select(CONTROLS[name], options, chosen[name])
    return components.field(label, control, CONTROLS[name])


def _versions(chosen: str) -> dict[str, str]:
    numbers = [model["version"] for model in queries.list_models()]
    if urls.number(chosen) is not None and chosen not in numbers:
        numbers.append(chosen)
    options = {"champion": _("Champion"), "all": _("All versions")}
    return options | {number: _("Model %(version)s", version=number) for number in numbers}


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
    return urls.number(chosen)


def _nothing(view: View) -> html.Div:
    if view.start and view.end and view.start >= view.end:
        return components.empty(
            _("The range ends before it begins."),
            _("Choose a last day that is not before the first."),
        )
    span = queries.prediction_span()
    if span is None:
        return components.empty(
            _("There are no predictions yet."),
            _("A training scores the newest 28 days, and its result shows here."),
        )
    return components.empty(
        _("No prediction of this choice can be checked against rentals."),
        _(
            "Hours from %(first)s to %(last)s have been predicted: choose another window, model or "
            "source.",
            first=formats.day(span[0]),
            last=formats.day(span[1]),
        ),
    )


def _told(frame: pd.DataFrame, scores: monitoring.Scores, view: View) -> str:
    versions = sorted(frame["model_version"].unique())
    models = ngettext("Model %(list)s", "Models %(list)s", len(versions), list=_listed(versions))
    source = formats.SOURCES[frame["source"].iloc[0]]
    told = _(
        "%(models)s, %(source)s, %(ahead)s: %(hours)s from %(first)s to %(last)s.",
        models=models,
        source=_(source),
        ahead=formats.ahead(frame["horizon"].iloc[0]),
        hours=formats.measured(scores.hours, scores.estimated),
        first=formats.hour(scores.first),
        last=formats.hour(scores.last),
    )
    if view.slice != "all":
        told += " " + _("Only: %(slice)s.", slice=slices.options()[view.slice])
    if few := monitoring.few_live_hours(_all(view), _sources(view)):
        told += " " + formats.few_live(few, monitoring.LIVE_LEAST)
    return told


def _listed(items: Iterable[object]) -> str:
    return ", ".join(map(str, items))


def _key_figures(scores: monitoring.Scores) -> html.Dl:
    model, naive = scores.model, scores.baseline

    def beside(value: str) -> str:
        return _("repeating last week: %(value)s", value=value)

    return components.tiles(
        components.tile(
            _("MAE"), formats.number(model["mae"], 1), beside(formats.number(naive.get("mae"), 1))
        ),
        components.tile(
            _("RMSE"),
            formats.number(model["rmse"], 1),
            beside(formats.number(naive.get("rmse"), 1)),
        ),
        components.tile(
            _("Bias"),
            formats.signed(model["bias"], 1),
            beside(formats.signed(naive.get("bias"), 1)),
        ),
        components.tile(
            "R²", formats.number(model["r2"], 2), beside(formats.number(naive.get("r2"), 2))
        ),
        components.tile(_("Coverage"), formats.percent(model["coverage"]), _("90 % is meant")),
        components.tile(
            _("Width of interval"), formats.number(model["width"]), _("rentals, on average")
        ),
    )


def _over_time(frame: pd.DataFrame, scores: monitoring.Scores, metric: str, theme: str) -> Chart:
    every = monitoring.bucket(scores.first, scores.last)
    table = monitoring.error_over_time(frame, every)
    table["coverage"] *= 100
    unit = METRICS[metric][1]
    unit = unit if unit == "%" else _(unit)
    notes = {
        "h": _("%(metric)s by hour, %(unit)s", metric=_name(metric), unit=unit),
        "D": _("%(metric)s by day, %(unit)s", metric=_name(metric), unit=unit),
        "W": _("%(metric)s by week, %(unit)s", metric=_name(metric), unit=unit),
    }
    heads = COLUMNS | {"datetime": {"h": N_("Hour"), "D": N_("Day"), "W": N_("Week")}[every]}
    return Chart(
        figures.error_over_time(table, metric, unit, theme),
        notes[every],
        _summary(table, metric, every),
        table.rename(columns=translated(heads)),
    )


def _summary(table: pd.DataFrame, metric: str, every: str) -> str:
    """Say in which period a metric is worst, and how often it beats that of the baseline."""
    off = OFF[metric](table[metric])
    if off.isna().all():
        return _("%(metric)s: so few hours do not tell it.", metric=_name(metric))
    worst = table.iloc[int(off.argmax())]
    told = {
        "metric": _name(metric),
        "when": _period(worst["datetime"], every),
        "value": _value(worst[metric], metric),
    }
    if metric == "width":
        return _("%(metric)s: widest %(when)s, %(value)s.", **told)
    if f"baseline_{metric}" not in table:
        return _("%(metric)s: worst %(when)s, %(value)s.", **told)
    better = int((off < OFF[metric](table[f"baseline_{metric}"])).sum())
    return _(
        "%(metric)s: the model beats repeating last week on %(better)s of %(periods)s. "
        "Worst: %(when)s, %(value)s.",
        better=formats.number(better),
        periods=_periods(int(off.notna().sum()), every),
        **told,
    )


def _value(value: float, metric: str) -> str:
    """Write a metric with its unit."""
    if metric == "r2":
        return formats.number(value, 2)
    if metric == "coverage":
        return formats.percent(value / 100)
    write = formats.signed if metric == "bias" else formats.number
    return _("%(error)s rentals per hour", error=write(value))


def _periods(count: int, every: str) -> str:
    if every == "W":
        return ngettext(
            "%(count)s\xa0week", "%(count)s\xa0weeks", count, count=formats.number(count)
        )
    return formats.hours(count) if every == "h" else formats.days(count)


def _period(start: pd.Timestamp, every: str) -> str:
    if every == "h":
        return formats.hour(start)
    if every == "D":
        return formats.day(start)
    return _("the week from %(day)s", day=formats.day(start))


def _by_hour(frame: pd.DataFrame, theme: str) -> Chart:
    table = monitoring.error_by_hour_and_weekday(frame)
    errors = table.to_numpy(float)
    weekdays = formats.weekdays()
    weekday, hour = divmod(int(np.nanargmax(errors)), 24)
    return Chart(
        figures.heat_map(table, theme),
        _("Mean absolute error, rentals per hour"),
        _(
            "Largest on %(weekday)s at %(hour)s: %(error)s rentals per hour off on average.",
            weekday=weekdays[weekday],
            hour=f"{hour:02d}:00",
            error=formats.number(errors[weekday, hour]),
        ),
        table.rename(index=dict(enumerate(weekdays)), columns=str)
        .rename_axis(_("Weekday"))
        .reset_index(),
    )


def _scatter(frame: pd.DataFrame, scores: monitoring.Scores, theme: str) -> Chart:
    shown = monitoring.sample(frame, POINTS)
    bias = scores.model["bias"]
    numbers = {
        "error": formats.number(abs(bias), 1),
        "shown": formats.hours(len(shown)),
        "all": formats.number(scores.hours),
    }
    return Chart(
        figures.predicted_against_actual(shown, theme),
        _("Rentals per hour; on the dashed line the two agree"),
        _(
            "Predictions are %(error)s rentals per hour too high on average. "
            "Shown: %(shown)s of %(all)s.",
            **numbers,
        )
        if bias > 0
        else _(
            "Predictions are %(error)s rentals per hour too low on average. "
            "Shown: %(shown)s of %(all)s.",
            **numbers,
        ),
        shown[["datetime", "predicted", "actual"]].rename(columns=translated(COLUMNS)),
    )
