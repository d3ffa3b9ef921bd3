"""Charts: pure functions from frames to figures, in a light and a dark dress.

A figure is the plain JSON that plotly.js takes: `plotly.graph_objects` checks and copies each
value, which takes longer than all else that a page does.

Colours are Okabe and Ito's (2008, "Color Universal Design"), which colour-blind readers tell
apart; what a line means is never said by its colour alone.
"""

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import pandas as pd
from flask_babel import gettext as _

from webapp.language import N_

from . import formats

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of one dress."""

    text: str
    grid: str
    surface: str
    model: str
    band: str
    wash: str
    actual: str
    baseline: str
    scale: tuple[str, ...]


THEMES = {
    "light": Theme(
        text="#4a5560",
        grid="#e8ebee",
        surface="#ffffff",
        model="#0072b2",
        band="rgba(0, 114, 178, 0.15)",
        wash="rgba(213, 94, 0, 0.13)",
        actual="#1c2530",
        baseline="#d55e00",
        scale=("#f1f6fa", "#a9cfe6", "#56a0cc", "#0072b2", "#003c66"),
    ),
    "dark": Theme(
        text="#aab4bf",
        grid="#2c353f",
        surface="#181e25",
        model="#56b4e9",
        band="rgba(86, 180, 233, 0.18)",
        wash="rgba(230, 159, 0, 0.16)",
        actual="#f3f5f7",
        baseline="#e69f00",
        scale=("#1d2832", "#1f4c6b", "#2d7fb0", "#56b4e9", "#cdeaff"),
    ),
}
DASHES = {"live": "solid", "replay": "dash", "backtest": "dot"}
UNIT = N_("rentals per hour")
HOUR = "%a %-d %b %Y, %H:%M"  # as plotly.js writes `formats.hour`
MOST_MARKS = 8  # values that are written at an axis of parallel coordinates
DAY_MS = 24 * 3600 * 1000
HEIGHT = 340  # pixels; assets/vlib.css keeps as much free until a chart is drawn
# Pixels. Plotly can fit a margin to its labels, but then it draws each chart several times.
MARGIN = {"l": 58, "r": 24, "t": 8, "b": 48}

Figure = dict[str, Any]
Trace = dict[str, Any]


def curve(frame: pd.DataFrame, theme: str, now: pd.Timestamp | None = None) -> Figure:
    """Draw predictions with their interval and what happened, one prediction an hour.

    Each source has a line of its own, and rentals that were estimated another than those that
    were counted; `now` marks the end of the known hours.
    """
    colours = THEMES[theme]
    hours = _hourly(frame)
    traces = [_band(hours.index, hours["lower"], hours["upper"], colours)]
    sources = [source for source in DASHES if (hours["source"] == source).any()]
    for source in sources:
        name = _("Predicted")
        if len(sources) > 1:
            name += f" ({_(formats.SOURCES[source])})"
        mine = hours.where(hours["source"] == source)
        line = _prediction(hours.index, mine["predicted"], mine["lower"], mine["upper"], colours)
        line["line"]["dash"] = DASHES[source] if len(sources) > 1 else "solid"
        traces.append(line | {"name": name})
    estimated = hours["estimated"].eq(True)
    traces.append(_actual(hours["actual"].mask(estimated), colours))
    if estimated.any():
        hollow = {"size": 5, "symbol": "circle-open"}
        own = {"name": _("Actual (estimated)"), "marker": hollow}
        traces.append(_actual(hours["actual"].where(estimated), colours) | own)
    figure = _over_time(traces, theme, tickformat="%H:%M\n%-d %b", tickangle=0)
    if now is not None and not hours.empty and now < hours.index[-1]:
        figure["layout"]["shapes"] = [_mark(now.isoformat(), colours)]
    return figure


def _actual(rentals: "pd.Series[float]", colours: Theme) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": _("Actual"),
        "x": as_json(rentals.index),
        "y": as_json(rentals),
        "line": {"color": colours.actual, "width": 1},
        "marker": {"size": 4},
        "hovertemplate": "%{y:.0f}",
    }


def error_over_time(table: pd.DataFrame, metric: str, unit: str, theme: str) -> Figure:
    """Draw a metric of the model, and of the seasonal-naive baseline if it has that one."""
    colours = THEMES[theme]
    lines = (
        (
            f"baseline_{metric}",
            _("Repeating last week"),
            colours.baseline,
            "dash",
            "diamond",
            1.5,
        ),
        (metric, _("Model"), colours.model, "solid", "circle", 2.5),
    )
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": as_json(table["datetime"]),
            "y": as_json(table[column]),
            "line": {"color": colour, "width": width, "dash": dash},
            "marker": {"size": 6, "symbol": symbol},
            "hovertemplate": "%{y:.2f}" if metric == "r2" else "%{y:.1f}",
        }
        for column, name, colour, dash, symbol, width in lines
        if column in table
    ]
    figure = _over_time(traces, theme, **_ticks(table["datetime"]))
    zero = "tozero" if metric in ("mae", "rmse", "width") else "normal"
    figure["layout"]["yaxis"] |= {"rangemode": zero, "title": _title(unit)}
    return figure


def season(table: pd.DataFrame, label: str, unit: str, theme: str) -> Figure:
    """Draw daily means over the band and the mean of the same season of earlier years.

    `table` has the columns `datetime`, `value`, `low`, `usual` and `high`.
    """
    colours = THEMES[theme]
    days = table["datetime"]
    band = _band(days, table["low"], table["high"], colours)
    band |= {"name": _("9 in 10 days of earlier years"), "fillcolor": colours.wash}
    usual: Trace = {
        "name": _("Usual in earlier years"),
        "y": as_json(table["usual"]),
        "line": {"color": colours.baseline, "width": 1.5, "dash": "dash"},
        "mode": "lines",
    }
    now: Trace = {
        "name": label,
        "y": as_json(table["value"]),
        "line": {"color": colours.model, "width": 2.5},
        "marker": {"size": 5},
        "mode": "lines+markers",
    }
    common = {"type": "scatter", "x": as_json(days), "hovertemplate": "%{y:.1f} " + unit}
    figure = _over_time([band, common | usual, common | now], theme, **_ticks(days))
    figure["layout"]["xaxis"] |= {"hoverformat": "%a %-d %b %Y"}
    figure["layout"]["yaxis"] |= {"rangemode": "normal", "title": _title(unit)}
    return figure


def heat_map(table: pd.DataFrame, theme: str) -> Figure:
    """Draw a value by weekday (rows, Monday first) and hour (columns)."""
    scale = THEMES[theme].scale
    last = len(scale) - 1
    trace = {
        "type": "heatmap",
        "x": list(table.columns),
        "y": formats.weekdays(),
        "z": [as_json(row) for __, row in table.iterrows()],
        "zmin": 0,
        "xgap": 2,
        "ygap": 2,
        "colorscale": [[index / last, colour] for index, colour in enumerate(scale)],
        "hovertemplate": f"%{{y}} %{{x}}:00 · %{{z:.0f}} {_(UNIT)}<extra></extra>",
        "colorbar": {
            "orientation": "h",
            "thickness": 8,
            "len": 0.6,
            "y": -0.3,
            "yanchor": "top",
            "outlinewidth": 0,
            "nticks": 5,
            "title": {"text": _("Rentals per hour"), "side": "bottom"},
        },
    }
    hours = list(range(0, 24, 3))
    figure = _dress([trace], theme, showlegend=False)
    figure["layout"]["margin"]["l"] = _room(formats.weekdays())
    figure["layout"]["xaxis"] |= {
        "title": _title(_("Hour of the day")),
        "tickvals": hours,
        "ticktext": [f"{hour:02d}" for hour in hours],
        "tickangle": 0,
        "showgrid": False,
    }
    figure["layout"]["yaxis"] |= {"autorange": "reversed", "showgrid": False}
    return figure


def by_slice(table: pd.DataFrame, theme: str) -> Figure:
    """Draw the error of model and baseline by slice, `label`, from the top down."""
    colours = THEMES[theme]
    numbers = [formats.number(value) for value in table["mae"]]
    names = [_wrapped(name) for name in table["label"]]
    # Behind a short bar the number would lie under the mark of the baseline.
    told = [f"{name} <b>{text}</b>" for name, text in zip(names, numbers, strict=True)]
    bars = {
        "type": "bar",
        "orientation": "h",
        "name": _("Model"),
        "x": as_json(table["mae"]),
        "y": names,
        "hovertemplate": "%{x:.1f}",
        "marker": {"color": colours.model},
    }
    marks = {
        "type": "scatter",
        "mode": "markers",
        "name": _("Repeating last week"),
        "x": as_json(table["baseline_mae"]),
        "y": names,
        "hovertemplate": "%{x:.1f}",
        "marker": {"color": colours.baseline, "symbol": "diamond", "size": 9},
    }
    figure = _dress([bars, marks], theme, hovermode="y unified", bargap=0.35)
    top = table[["mae", "baseline_mae"]].max().max()
    figure["layout"]["height"] = max(HEIGHT, 90 + 30 * len(names))
    figure["layout"]["margin"]["l"] = _room(told)
    figure["layout"]["xaxis"] |= {"range": [0, 1.05 * top], "title": _title(_(UNIT))}
    figure["layout"]["yaxis"] |= {
        "autorange": "reversed",
        "showgrid": False,
        "tickvals": names,
        "ticktext": told,
    }
    return figure


def predicted_against_actual(frame: pd.DataFrame, theme: str) -> Figure:
    """Draw each hour's actual over its prediction; on the diagonal the two agree."""
    colours = THEMES[theme]
    top = float(frame[["predicted", "actual"]].max().max()) if len(frame) else 1.0
    diagonal = {
        "type": "scatter",
        "mode": "lines",
        "name": _("Perfect"),
        "x": [0, top],
        "y": [0, top],
        "line": {"color": colours.baseline, "width": 1.5, "dash": "dash"},
        "hoverinfo": "skip",
    }
    points = {
        "type": "scatter",
        "mode": "markers",
        "name": _("One hour"),
        "x": as_json(frame["predicted"]),
        "y": as_json(frame["actual"]),
        "customdata": as_json(frame["datetime"]),
        "marker": {"color": colours.model, "size": 6, "opacity": 0.4},
        "hovertemplate": f"%{{customdata|{HOUR}}}<br>"
        + _("predicted %{x:.0f}, actual %{y:.0f}")
        + "<extra></extra>",
    }
    figure = _dress([diagonal, points], theme)
    figure["layout"]["xaxis"] |= {
        "title": _title(_("Predicted, rentals per hour")),
        "rangemode": "tozero",
    }
    figure["layout"]["yaxis"] |= {"title": _title(_("Actual, rentals per hour"))}
    return figure


def day(frame: pd.DataFrame, chosen: int, theme: str) -> Figure:
    """Draw one day's predictions with their interval, the hour at position `chosen` marked.

    `frame` has the columns `datetime`, `predicted`, `lower`, `upper`, `typical` and perhaps
    `bikes`.
    """
    colours = THEMES[theme]
    hours, predicted = frame["datetime"], frame["predicted"]
    mark = {
        "type": "scatter",
        "mode": "markers",
        "name": _("Your hour"),
        "x": as_json(hours[chosen : chosen + 1]),
        "y": as_json(predicted[chosen : chosen + 1]),
        "marker": {
            "color": colours.surface,
            "size": 12,
            "line": {"color": colours.model, "width": 3},
        },
        "hoverinfo": "skip",
    }
    typical = {"color": colours.actual, "dash": "dot"}
    traces = [
        _band(hours, frame["lower"], frame["upper"], colours),
        _prediction(hours, predicted, frame["lower"], frame["upper"], colours),
        _line(_("A typical day"), hours, frame["typical"], typical),
        mark,
    ]
    if "bikes" in frame:
        steps = {"color": colours.baseline, "dash": "dash", "shape": "hvh"}
        traces.insert(2, _line(_("Bikes to have out"), hours, frame["bikes"], steps))
    return _over_time(traces, theme, tickformat="%H:%M")


def importance(repeats: Mapping[str, Sequence[float]], theme: str) -> Figure:
    """Draw the mean of each name's values as a bar, and over it each value as a ring."""
    colours = THEMES[theme]
    names = [_wrapped(name) for name in repeats]
    means = [sum(values) / len(values) for values in repeats.values()]
    ends = [max(0.0, *values) for values in repeats.values()]
    written = [formats.signed(mean, 1) for mean in means]
    bars = {
        "type": "bar",
        "orientation": "h",
        "name": _("Mean"),
        "x": as_json(means),
        "y": names,
        "marker": {"color": colours.model},
        "hovertemplate": "%{y}: %{x:.1f}<extra></extra>",
    }
    rings = {
        "type": "scatter",
        "mode": "markers",
        "name": _("One shuffle"),
        "x": as_json([value for values in repeats.values() for value in values]),
        "y": [name for name, values in zip(names, repeats.values(), strict=True) for __ in values],
        "marker": {
            "symbol": "circle-open",
            "size": 6,
            "color": colours.actual,
            "line": {"width": 1},
        },
        "hoverinfo": "skip",
    }
    figure = _dress(
        [bars, rings, _numbers(ends, names, written)], theme, showlegend=False, bargap=0.4
    )
    figure["layout"]["height"] = max(HEIGHT, 80 + 30 * len(names))
    figure["layout"]["margin"]["l"] = _room(names)
    figure["layout"]["xaxis"] |= {"range": [min([0.0, *means]), 1.35 * max([1.0, *ends])]} | {
        "nticks": 5,
        "tickangle": 0,
    }
    figure["layout"]["yaxis"] |= {"autorange": "reversed", "showgrid": False}
    return figure


def dependence(
    values: Sequence[float | str],
    mean: Sequence[float],
    curves: Sequence[Sequence[float]],
    label: str,
    theme: str,
) -> Figure:
    """Draw predictions over an input: their mean, and behind it single hours.

    An input in words has a bar for the mean and points for the hours, a number has lines.
    """
    colours = THEMES[theme]
    in_words = any(isinstance(value, str) for value in values)
    x = [_wrapped(str(value), 11) for value in values] if in_words else list(values)
    hours: Trace = {
        "type": "scatter",
        "mode": "markers" if in_words else "lines",
        "name": _("One hour"),
        # One trace for all: a gap stands between two curves.
        "x": [value for __ in curves for value in [*x, None]],
        "y": [value for curve in curves for value in [*as_json(curve), None]],
        "line": {"color": colours.text, "width": 1},
        "marker": {"color": colours.text, "size": 6},
        "opacity": 0.25,
        "hoverinfo": "skip",
    }
    line: Trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "line": {"color": colours.model, "width": 3},
        "marker": {"size": 6},
    }
    bar: Trace = {
        "type": "bar",
        "marker": {"color": colours.band, "line": {"color": colours.model, "width": 2}},
    }
    means = {"name": _("Mean"), "x": x, "y": as_json(mean), "hovertemplate": "%{y:.0f}"}
    figure = _dress([hours, (bar if in_words else line) | means], theme, bargap=0.4)
    figure["layout"]["hovermode"] = "x unified"
    if list(values) == list(range(24)):
        figure["layout"]["xaxis"] |= {"dtick": 3, "tick0": 0}
    figure["layout"]["xaxis"] |= {"title": _title(label), "showgrid": False}
    figure["layout"]["yaxis"] |= {"title": _title(_(UNIT)), "rangemode": "tozero"}
    return figure


def parts(
    start: float,
    steps: Sequence[tuple[str, float]],
    end: float,
    actual: float | None,
    theme: str,
) -> Figure:
    """Draw how named steps lead from a start to an end, and beside it what happened.

    Each step's bar begins where the one before it ends.
    """
    colours = THEMES[theme]
    totals = [(_("Starting point"), start), *steps, (_("Prediction"), end)]
    reached = list(accumulate(value for __, value in totals[:-1]))
    bases = [0.0, *reached[:-1], 0.0]
    if actual is not None:
        totals, bases = [*totals, (_("Actual"), actual)], [*bases, 0.0]
    rows = range(len(totals))
    sums = [0, *rows[len(steps) + 1 :]]
    raising = [row for row in rows if row not in sums and totals[row][1] >= 0]
    lowering = [row for row in rows if row not in sums and totals[row][1] < 0]
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "base": as_json([bases[row] for row in mine]),
            "x": as_json([totals[row][1] for row in mine]),
            "y": mine,
            "text": [write(totals[row][1], 1) for row in mine],
            "textposition": "outside",
            "cliponaxis": False,
            "width": 0.7,
            "marker": {
                "color": colour,
                "pattern": {"shape": pattern, "fillmode": "overlay", "fgcolor": colours.surface},
            },
            "customdata": [totals[row][0] for row in mine],
            "hovertemplate": "%{customdata}: %{text}<extra></extra>",
        }
        for name, mine, colour, pattern, write in (
            (_("Total"), sums, colours.text, "", formats.number),
            (_("Raises it"), raising, colours.model, "", formats.signed),
            (_("Lowers it"), lowering, colours.baseline, "/", formats.signed),
        )
    ]
    figure = _dress(traces, theme, barmode="overlay", showlegend=False)
    names = [_wrapped(name) for name, __ in totals]
    figure["layout"]["height"] = max(HEIGHT, 80 + 30 * len(totals))
    figure["layout"]["margin"]["l"] = _room(names)
    reach = [0.0, *reached, end, actual or 0.0]
    room = 0.2 * ((max(reach) - min(reach)) or 1.0)
    figure["layout"]["xaxis"] |= {
        "range": [min(reach) - (room if min(reach) < 0 else 0), max(reach) + room],
        "title": _title(_("rentals")),
        "showgrid": False,
    }
    figure["layout"]["yaxis"] |= {
        "tickvals": list(rows),
        "ticktext": names,
        "range": [len(totals) - 0.5, -0.5],
        "showgrid": False,
    }
    figure["layout"]["shapes"] = [_link(value, row, colours) for row, value in enumerate(reached)]
    return figure


def parallel(table: pd.DataFrame, theme: str) -> Figure:
    """Draw each row as a line over the columns, the best first; the last column is its score.

    Parallel coordinates (Inselberg 1985). Plotly's own need WebGL, which the content security
    policy does not let compile its shaders.
    """
    colours = THEMES[theme]
    labels = [str(name) for name in table]
    names = [_wrapped(label, 6) for label in labels]
    places = [_places(table[label]) for label in labels]
    columns = [table[label].astype(str) for label in labels]
    heights = [list(map(where.get, one)) for one, where in zip(columns, places, strict=True)]
    written = [list(map(formats.setting, table[label])) for label in labels]
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": _("The best") if row == 0 else _("Others"),
            "showlegend": row < 2,
            "x": names,
            "y": [column[row] for column in heights],
            "text": [
                f"{label}: {texts[row]}" for label, texts in zip(labels, written, strict=True)
            ],
            "hovertemplate": "%{text}<extra></extra>",
            "opacity": 1 if row == 0 else 0.45,
            "line": {
                "color": colours.model if row == 0 else colours.text,
                "width": 3 if row == 0 else 1,
            },
            "marker": {"size": 7 if row == 0 else 4},
        }
        for row in reversed(range(len(table)))
    ]
    figure = _dress(traces, theme)
    figure["layout"]["annotations"] = [
        {
            "x": name,
            "y": height,
            "text": text,
            "showarrow": False,
            "xanchor": "left",
            "xshift": 6,
            "font": {"size": 11, "color": colours.actual},
            "bgcolor": colours.surface,
        }
        for name, where, column, texts in zip(names, places, columns, written, strict=True)
        for text, height in _ends(where, dict(zip(column, texts, strict=True)))
    ]
    lines = max(name.count("<br>") + 1 for name in names)
    figure["layout"]["margin"] |= {"l": 36, "r": 48, "b": 20 + 18 * lines}
    figure["layout"]["xaxis"] |= {"gridcolor": colours.text, "tickangle": 0}
    figure["layout"]["yaxis"] |= {"visible": False, "range": [-0.06, 1.06]}
    return figure


def _places(column: "pd.Series[Any]") -> dict[str, float]:
    """Return where the values of an axis stand, from 0 to 1: numbers to scale, words by name."""
    values = column.drop_duplicates()
    texts = values.astype(str)
    if pd.api.types.is_numeric_dtype(values) and values.nunique() > MOST_MARKS:
        low, high = values.min(), values.max()
        return dict(zip(texts, ((values - low) / ((high - low) or 1)).tolist(), strict=True))
    ordered = texts.loc[values.sort_values(key=_order).index]
    steps = max(len(ordered) - 1, 1)
    return {text: place / steps for place, text in enumerate(ordered)}


def _order(values: "pd.Series[Any]") -> "pd.Series[Any]":
    return values if pd.api.types.is_numeric_dtype(values) else values.astype(str)


def _ends(where: dict[str, float], written: Mapping[str, str]) -> list[tuple[str, float]]:
    """Return the values to write at an axis: all, or if they are many the ends."""
    if len(where) <= MOST_MARKS:
        return [(written[text], place) for text, place in where.items()]
    first, last = min(where, key=where.__getitem__), max(where, key=where.__getitem__)
    return [(formats.number(float(text), 1), where[text]) for text in (first, last)]


def _numbers(x: Sequence[float], y: Sequence[str], texts: Sequence[str]) -> Trace:
    """Write texts behind what ends at `x`, and the half of a ring around that."""
    return {
        "type": "scatter",
        "mode": "text",
        "x": as_json(x),
        "y": list(y),
        "text": [f"{2 * formats.SPACE}{text}" for text in texts],
        "textposition": "middle right",
        "cliponaxis": False,
        "hoverinfo": "skip",
    }


def _wrapped(name: str, width: int = 22) -> str:
    return "<br>".join(textwrap.wrap(name, width, break_long_words=False))


def _room(labels: Sequence[str]) -> int:
    """Return how many pixels the longest line of the labels of an axis takes, with its tick."""
    lines = [re.sub("</?b>", "", line) for label in labels for line in label.split("<br>")]
    return 20 + round(7.2 * max(map(len, lines), default=0))


def _link(x: float, row: int, colours: Theme) -> dict[str, Any]:
    return {
        "type": "line",
        "layer": "below",
        "x0": x,
        "x1": x,
        "y0": row,
        "y1": row + 1,
        "line": {"color": colours.text, "width": 1, "dash": "dot"},
    }


def _hourly(frame: pd.DataFrame) -> pd.DataFrame:
    """Put the hours on a grid without gaps, so that a line breaks where nothing is known."""
    hours = frame.set_index("datetime")
    if hours.empty:
        return hours
    return hours.reindex(pd.date_range(hours.index[0], hours.index[-1], freq="h"))


def as_json(column: Any) -> list[Any]:
    """Write a column as JSON has it: times as text, numbers short, null where unknown."""
    values = pd.Series(column)
    if values.dtype.kind == "M":
        return list(values.dt.strftime("%Y-%m-%dT%H:%M:%S"))
    if not pd.api.types.is_numeric_dtype(values):
        return [None if pd.isna(value) else str(value) for value in values]
    return [None if value != value else round(value, 2) for value in values.tolist()]


def _line(name: str, hours: pd.Series, values: pd.Series, look: dict[str, str]) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": as_json(hours),
        "y": as_json(values),
        "line": {"width": 1.5} | look,
        "hovertemplate": "%{y:.0f}",
    }


def _band(hours: Any, lower: Any, upper: Any, colours: Theme) -> Trace:
    """Draw the interval as one area for each run of hours without a gap."""
    table = pd.DataFrame({"hour": as_json(hours), "lower": as_json(lower), "upper": as_json(upper)})
    known = table["upper"].notna()
    x: list[Any] = []
    y: list[Any] = []
    for __, run in table[known].groupby((~known).cumsum()[known]):
        x += [*run["hour"], *run["hour"][::-1], None]
        y += [*run["upper"], *run["lower"][::-1], None]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": _("90 % interval"),
        "x": x[:-1],
        "y": y[:-1],
        "line": {"width": 0},
        "fill": "toself",  # a gap parts one area from the next
        "fillcolor": colours.band,
        "hoverinfo": "skip",
    }


def _prediction(hours: Any, predicted: Any, lower: Any, upper: Any, colours: Theme) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines+markers",  # an hour between two gaps is a point, no line
        "name": _("Predicted"),
        "x": as_json(hours),
        "y": as_json(predicted),
        "line": {"color": colours.model, "width": 2.5},
        "marker": {"size": 3},
        "customdata": list(zip(as_json(lower), as_json(upper), strict=True)),
        "hovertemplate": _("%{y:.0f} (%{customdata[0]:.0f} to %{customdata[1]:.0f})"),
    }


def _mark(when: str, colours: Theme) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": when,
        "x1": when,
        "y0": 0,
        "y1": 1,
        "line": {"color": colours.text, "width": 1, "dash": "dot"},
        "label": {
            "text": _("Now"),
            "textposition": "end",
            "textangle": 0,
            "xanchor": "left",
            "padding": 4,
            "font": {"color": colours.text},
        },
    }


def _title(text: str) -> dict[str, Any]:
    return {"text": text, "font": {"size": 12}}


def _over_time(traces: list[Trace], theme: str, **xaxis: Any) -> Figure:
    figure = _dress(traces, theme, hovermode="x unified")
    figure["layout"]["yaxis"] |= {"rangemode": "tozero", "title": _title(_(UNIT))}
    figure["layout"]["xaxis"] |= {
        "type": "date",
        "showgrid": False,
        "hoverformat": HOUR,
    } | xaxis
    return figure


def _ticks(times: "pd.Series[pd.Timestamp]") -> dict[str, Any]:
    """Return how an axis of days is marked, never twice a day; of hours, with the hour."""
    if times.dt.hour.any():
        return {"tickformat": "%H:%M\n%-d %b", "tickangle": 0}
    few = {"dtick": DAY_MS} if len(times) <= 7 else {}
    return {"tickformat": "%-d %b\n%Y"} | few


def _dress(traces: list[Trace], theme: str, **layout: Any) -> Figure:
    colours = THEMES[theme]
    axis = {
        "gridcolor": colours.grid,
        "linecolor": colours.grid,
        "zeroline": False,
        "ticklabelstandoff": 4,
    }
    usual = {
        "xaxis": axis,
        "yaxis": dict(axis),
        "height": HEIGHT,
        "margin": dict(MARGIN),
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 12, "color": colours.text},
        "hovermode": "closest",
        "hoverlabel": {
            "bgcolor": colours.surface,
            "bordercolor": colours.grid,
            "font": {"color": colours.actual},
        },
        "dragmode": False,  # a finger that scrolls the page must not zoom the chart
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "yref": "container", "y": 1, "yanchor": "top"},
    }
    return {"data": traces, "layout": usual | layout}
