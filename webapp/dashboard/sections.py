"""A section: a part of a page that draws, refreshes and fails on its own."""

import hashlib
from collections.abc import Callable
from typing import Any

from dash import Dash, Input, Output, State, dcc, html
from dash.exceptions import PreventUpdate
from flask import current_app
from plotly.io.json import to_json_plotly

from . import components, urls

# Takes the choices of the URL and the theme, light or dark; gives what to show.
Draw = Callable[[urls.Choices, str], Any]

REFRESH, PROGRESS = "shell-refresh-interval", "shell-progress-interval"


def section(id_: str, waiting: Any) -> html.Div:
    """Return the place of a section, showing what stands there until it is first drawn."""
    return html.Div([html.Div(waiting, id=id_, className="section"), dcc.Store(id=f"{id_}-digest")])


def register(app: Dash, page: str, path: str, id_: str, draw: Draw, every: str = REFRESH) -> None:
    """Draw a section when the URL or the theme changes, and again at each tick of a clock.

    A drawing that is the same as before is not sent, so that nothing moves under the reader. If
    `draw` raises, the section says so and the rest of the page lives on.
    """

    @app.callback(
        Output(id_, "children"),
        Output(f"{id_}-digest", "data"),
        Input(f"{page}-url", "search"),
        Input("shell-theme-store", "data"),
        Input(every, "n_intervals"),
        State(f"{page}-url", "pathname"),
        State(f"{id_}-digest", "data"),
    )
    def update(
        search: object, theme: object, _ticks: object, pathname: object, digest: object
    ) -> tuple[Any, str]:
        if pathname and not urls.is_page(pathname, path):  # leaving for another page
            raise PreventUpdate
        try:
            children = draw(urls.parse(search), "dark" if theme == "dark" else "light")
        except Exception:  # whatever broke, the reader is told and the log has the reason
            current_app.logger.exception("The section %s can't be drawn", id_)
            children = components.failure()
        new = _digest(children)
        if new == digest:
            raise PreventUpdate
        return children, new


def _digest(children: Any) -> str:
    return hashlib.sha256(to_json_plotly(children).encode()).hexdigest()[:16]
