"""A section: a part of a page that draws, refreshes and fails on its own."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.exceptions import PreventUpdate
from flask import current_app
from plotly.io.json import to_json_plotly

from . import components, figures, urls

REFRESH, PROGRESS = "shell-refresh-interval", "shell-progress-interval"
HIDDEN = "d-none"


@dataclass(frozen=True, slots=True)
class Chart:
    """What a chart shows, its unit, in words what there is to see, and its numbers.

    The columns of `table` are named as a reader is to see them, with their units.
    """

    figure: figures.Figure
    note: str
    summary: str
    table: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a section shows: components, and its charts by id; without charts they are hidden."""

    children: Any = None
    charts: Mapping[str, Chart] = field(default_factory=dict)


# Takes the choices of the URL and the theme, light or dark; gives what to show.
Draw = Callable[[urls.Choices, str], Drawing]


def section(id_: str, waiting: Any, *charts: html.Section, look: str = "") -> html.Div:
    """Return the place of a section: what stands there until it is drawn, and its charts.

    A chart stays in place while its figure changes, so that what the reader zoomed to and
    points at is kept.
    """
    parts: list[Any] = [html.Div(waiting, id=id_, className="section")]
    if charts:
        parts.append(html.Div(list(charts), id=f"{id_}-charts", className=look))
    return components.part(*parts, dcc.Store(id=f"{id_}-digests"))


def register(
    app: Dash,
    page: str,
    path: str,
    id_: str,
    draw: Draw,
    charts: Sequence[str] = (),
    look: str = "",
    every: str = REFRESH,
) -> None:
    """Draw a section when the URL or the theme changes, and again at each tick of a clock.

    What is the same as before is not sent, so that nothing moves under the reader. If `draw`
    raises, the section says so and the rest of the page lives on.

    Parameters
    ----------
    charts, look : as given to `section`
    every : id of the clock
    """
    outputs = [Output(id_, "children")]
    for chart in charts:
        outputs += [
            Output(chart, "figure"),
            Output(f"{chart}-note", "children"),
            Output(f"{chart}-summary", "children"),
        ]
    if charts:
        outputs.append(Output(f"{id_}-charts", "className"))

    @app.callback(
        *outputs,
        Output(f"{id_}-digests", "data"),
        Input(f"{page}-url", "search"),
        Input("shell-theme-store", "data"),
        Input(every, "n_intervals"),
        State(f"{page}-url", "pathname"),
        State(f"{id_}-digests", "data"),
    )
    def update(
        search: object, theme: object, _ticks: object, pathname: object, before: object
    ) -> list[Any]:
        if pathname and not urls.is_page(pathname, path):  # leaving for another page
            raise PreventUpdate
        try:
            drawing = draw(urls.parse(search), "dark" if theme == "dark" else "light")
        except Exception:  # whatever broke, the reader is told and the log has the reason
            current_app.logger.exception("The section %s can't be drawn", id_)
            drawing = Drawing(components.failure())
        values = _values(drawing, charts, look, str(search))
        digests = [_digest(value) for value in values]
        if digests == before:
            raise PreventUpdate
        known = before if isinstance(before, list) and len(before) == len(digests) else [""]
        changed = [
            no_update if digest in known[i : i + 1] else value
            for i, (value, digest) in enumerate(zip(values, digests, strict=True))
        ]
        return [*changed, digests]


def _values(drawing: Drawing, charts: Sequence[str], look: str, revision: str) -> list[Any]:
    """Return the values of a section's outputs, in their order."""
    values = [drawing.children]
    for id_ in charts:
        chart = drawing.charts.get(id_)
        if chart is None:
            values += [no_update, "", ""]
            continue
        # Plotly keeps what the reader zoomed to as long as the choices stay the same.
        layout = chart.figure["layout"] | {"uirevision": revision, "meta": _plain(chart.table)}
        values += [chart.figure | {"layout": layout}, chart.note, chart.summary]
    if charts:
        values.append(look if drawing.charts else HIDDEN)
    return values


def _plain(table: pd.DataFrame) -> dict[str, list[Any]]:
    """Return a table as assets/export.js shows and saves it."""
    columns = [figures.as_json(table[name]) for name in table]
    return {"columns": list(table), "rows": [list(row) for row in zip(*columns, strict=True)]}


def _digest(value: Any) -> str:
    if value is no_update:
        return ""
    return hashlib.sha256(to_json_plotly(value).encode()).hexdigest()[:16]
