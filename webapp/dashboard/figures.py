"""Charts: pure functions from frames to figures, in a light and a dark dress.

Colours are Okabe and Ito's (2008, "Color Universal Design"), which colour-blind readers tell
apart; what a line means is never said by its colour alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

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
        actual="#f3f5f7",
        baseline="#e69f00",
        scale=("#1d2832", "#1f4c6b", "#2d7fb0", "#56b4e9", "#cdeaff"),
    ),
}
DASHES = {"live": "solid", "replay": "dash", "backtest": "dot"}
UNIT = "rentals per hour"
HEIGHT = 340  # pixels; assets/vlib.css keeps as much free until a chart is drawn


def curve(frame: pd.DataFrame, theme: str, now: pd.Timestamp | None = None) -> go.Figure:
    """Draw predictions with their interval and what happened, one prediction an hour.

    Each source has a line of its own; `now` marks the end of the known hours.
    """
    colours = THEMES[theme]
    hours = _hourly(frame)
    figure = go.Figure()
    figure.add_scatter(
        x=hours.index,
        y=hours["upper"],
        mode="lines",
        line={"width": 0},
        showlegend=False,
        hoverinfo="skip",
        connectgaps=False,
    )
    figure.add_scatter(
        x=hours.index,
        y=hours["lower"],
        mode="lines",
        line={"width": 0},
        fill="tonexty",
        fillcolor=colours.band,
        name="90 % interval",
        hoverinfo="skip",
        connectgaps=False,
    )
    sources = [source for source in DASHES if (hours["source"] == source).any()]
    for source in sources:
        name = "Predicted" if len(sources) == 1 else f"Predicted ({formats.SOURCES[source]})"
        mine = hours.where(hours["source"] == source)
        figure.add_scatter(
            x=hours.index,
            y=mine["predicted"],
            mode="lines",
            name=name,
            line={"color": colours.model, "width": 2.5, "dash": _dash(source, sources)},
            customdata=np.column_stack([mine["lower"], mine["upper"]]),
            hovertemplate="%{y:.0f} (%{customdata[0]:.0f} to %{customdata[1]:.0f})",
        )
    figure.add_scatter(
        x=hours.index,
        y=hours["actual"],
        mode="lines+markers",
        name="Actual",
        line={"color": colours.actual, "width": 1},
        marker={"size": 4},
        hovertemplate="%{y:.0f}",
    )
    figure.update_xaxes(
        tickformat="%H:%M\n%-d %b", hoverformat="%a %-d %b %Y, %H:%M", nticks=9, tickangle=0
    )
    if now is not None and not hours.empty and now < hours.index[-1]:
        figure.add_vline(x=now, line={"color": colours.text, "width": 1, "dash": "dot"})
    return _dress(figure, theme, hovermode="x unified")


def error_over_time(table: pd.DataFrame, theme: str) -> go.Figure:
    """Draw the mean absolute error of the model and of the seasonal-naive baseline."""
    colours = THEMES[theme]
    figure = go.Figure()
    lines = (
        ("baseline_mae", "Repeating last week", colours.baseline, "dash", "diamond"),
        ("mae", "Model", colours.model, "solid", "circle"),
    )
    for column, name, colour, dash, symbol in lines:
        figure.add_scatter(
            x=table["datetime"],
            y=table[column],
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 2.5 if column == "mae" else 1.5, "dash": dash},
            marker={"size": 6, "symbol": symbol},
            hovertemplate="%{y:.1f}",
        )
    figure.update_xaxes(tickformat="%-d %b\n%Y", hoverformat="%a %-d %b %Y, %H:%M")
    return _dress(figure, theme, hovermode="x unified")


def heat_map(table: pd.DataFrame, theme: str) -> go.Figure:
    """Draw a value by weekday (rows, Monday first) and hour (columns)."""
    colours = THEMES[theme]
    figure = go.Figure(
        go.Heatmap(
            x=list(table.columns),
            y=list(formats.WEEKDAYS),
            z=table.to_numpy(float),
            colorscale=list(colours.scale),
            xgap=2,
            ygap=2,
            zmin=0,
            hovertemplate="%{y} %{x}:00 · %{z:.0f} rentals per hour<extra></extra>",
            colorbar={
                "orientation": "h",
                "thickness": 8,
                "y": -0.24,
                "yanchor": "top",
                "len": 0.6,
                "outlinewidth": 0,
                "ticks": "",
                "nticks": 5,
                "title": {"text": "Rentals per hour", "side": "bottom"},
            },
        )
    )
    figure.update_xaxes(
        tickvals=list(range(0, 24, 3)),
        ticktext=[f"{h:02d}:00" for h in range(0, 24, 3)],
        showgrid=False,
    )
    figure.update_yaxes(autorange="reversed", showgrid=False, rangemode="normal")
    return _dress(figure, theme, showlegend=False)


def by_weather(table: pd.DataFrame, theme: str) -> go.Figure:
    """Draw the error of model and baseline by weather."""
    colours = THEMES[theme]
    names = [formats.WEATHER[name].replace(" or", "<br>or") for name in table["weather"]]
    top = table[["mae", "baseline_mae"]].max().max()
    figure = go.Figure()
    bars = (
        ("mae", "Model", colours.model, ""),
        ("baseline_mae", "Repeating last week", colours.baseline, "/"),
    )
    for column, name, colour, pattern in bars:
        figure.add_bar(
            y=names,
            x=table[column],
            name=name,
            orientation="h",
            marker={
                "color": colour,
                "pattern": {
                    "shape": pattern,
                    "fillmode": "overlay",
                    "fgcolor": colours.surface,
                    "size": 6,
                },
            },
            text=[formats.number(value) for value in table[column]],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{x:.1f}",
        )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(range=[0, 1.2 * top])  # room for the numbers behind the bars
    figure.update_layout(bargap=0.35, bargroupgap=0.1, barmode="group")
    return _dress(figure, theme, hovermode="y unified")


def predicted_against_actual(frame: pd.DataFrame, theme: str) -> go.Figure:
    """Draw each hour's actual over its prediction; on the diagonal the two agree."""
    colours = THEMES[theme]
    top = float(max(frame["predicted"].max(), frame["actual"].max(), 1)) if len(frame) else 1.0
    figure = go.Figure()
    figure.add_scatter(
        x=[0, top],
        y=[0, top],
        mode="lines",
        name="Perfect",
        hoverinfo="skip",
        line={"color": colours.baseline, "width": 1.5, "dash": "dash"},
    )
    figure.add_scatter(
        x=frame["predicted"],
        y=frame["actual"],
        mode="markers",
        name="One hour",
        marker={"color": colours.model, "size": 6, "opacity": 0.4},
        text=[formats.hour(when) for when in frame["datetime"]],
        hovertemplate="%{text}<br>predicted %{x:.0f}, actual %{y:.0f}<extra></extra>",
    )
    figure.update_xaxes(title_text=f"Predicted, {UNIT}", rangemode="tozero")
    figure.update_yaxes(title_text=f"Actual, {UNIT}")
    return _dress(figure, theme)


def day(
    hours: Sequence[Any],
    predicted: Sequence[float],
    lower: Sequence[float],
    upper: Sequence[float],
    chosen: int,
    theme: str,
) -> go.Figure:
    """Draw one day's predictions with their interval, the hour at index `chosen` marked."""
    colours = THEMES[theme]
    figure = go.Figure()
    figure.add_scatter(
        x=hours, y=upper, mode="lines", line={"width": 0}, showlegend=False, hoverinfo="skip"
    )
    figure.add_scatter(
        x=hours,
        y=lower,
        mode="lines",
        line={"width": 0},
        fill="tonexty",
        hoverinfo="skip",
        fillcolor=colours.band,
        name="90 % interval",
    )
    figure.add_scatter(
        x=hours,
        y=predicted,
        mode="lines",
        name="Predicted",
        line={"color": colours.model, "width": 2.5},
        customdata=np.column_stack([lower, upper]),
        hovertemplate="%{y:.0f} (%{customdata[0]:.0f} to %{customdata[1]:.0f})",
    )
    figure.add_scatter(
        x=[hours[chosen]],
        y=[predicted[chosen]],
        mode="markers",
        name="Your hour",
        hoverinfo="skip",
        marker={"color": colours.surface, "size": 12, "line": {"color": colours.model, "width": 3}},
    )
    figure.update_xaxes(tickformat="%H:%M", hoverformat="%H:%M")
    return _dress(figure, theme, hovermode="x unified")


def _hourly(frame: pd.DataFrame) -> pd.DataFrame:
    """Put the hours on a grid without gaps, so that a line breaks where nothing is known."""
    hours = frame.set_index("datetime")
    if hours.empty:
        return hours
    return hours.reindex(pd.date_range(hours.index[0], hours.index[-1], freq="h"))


def _dash(source: str, sources: Sequence[str]) -> str:
    return "solid" if len(sources) == 1 else DASHES[source]


def _dress(
    figure: go.Figure, theme: str, *, hovermode: str = "closest", showlegend: bool = True
) -> go.Figure:
    colours = THEMES[theme]
    axis = {
        "gridcolor": colours.grid,
        "linecolor": colours.grid,
        "zeroline": False,
        "ticks": "",
        "ticklabelstandoff": 4,
        "automargin": True,
        "title": {"font": {"size": 12}},
    }
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    if hovermode == "x unified":
        figure.update_yaxes(rangemode="tozero", title_text=UNIT)
        figure.update_xaxes(showgrid=False)
    return figure.update_layout(
        template="none",
        height=HEIGHT,
        margin={"l": 8, "r": 12, "t": 8, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 12, "color": colours.text},
        hovermode=hovermode,
        hoverlabel={
            "bgcolor": colours.surface,
            "bordercolor": colours.grid,
            "font": {"color": colours.actual},
        },
        dragmode=False,  # a finger that scrolls the page must not zoom the chart
        showlegend=showlegend,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    )
