"""The dashboard: a Dash app on the Flask server, each page at its own URL."""

import datetime as dt
from importlib.resources import files
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html
from dash.exceptions import PreventUpdate
from flask import Blueprint, Flask, current_app, redirect
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from webapp import importing, language
from webapp.language import N_, translated

from . import components, delivery, formats, guard, sections, urls
from .pages import drift, experiments, explain, overview, performance, receipts, what_if

PAGES = (overview, performance, drift, experiments, receipts, what_if, explain)
THEMES = {"system": N_("System"), "light": N_("Light"), "dark": N_("Dark")}
REFRESH_MS, PROGRESS_MS = 10_000, 3_000

INDEX = """<!DOCTYPE html>
<html lang="{lang}">
  <head>
    {%metas%}
    <title>{%title%}</title>
    <link rel="icon" type="image/svg+xml" href="/dashboard/assets/favicon.svg">
    <script src="/dashboard/assets/language.js"></script>
    <script src="/dashboard/assets/theme.js"></script>
    {%css%}
    <link rel="preload" as="script"
      href="/dashboard/_dash-component-suites/dash/dcc/async-graph.js">
    <link rel="preload" as="script" href="{plotly}">
  </head>
  <body>
    {%app_entry%}
    <noscript><p>{noscript}</p></noscript>
    <footer>{%config%}{%scripts%}{%renderer%}</footer>
    <script async src="{plotly}"></script>
  </body>
</html>"""


# It is large: it is read while the first answers are under way, not when the first chart is drawn.
PLOTLY = "/dashboard/_dash-component-suites/plotly/package_data/plotly.min.js"


class Dashboard(Dash):
    """A Dash app whose document says in which language it is."""

    def interpolate_index(self, **parts: str) -> str:  # type: ignore[override]
        """Return the document in the reader's language."""
        noscript = _("The dashboard needs JavaScript; the same numbers are below /api.")
        page: str = super().interpolate_index(**parts)  # type: ignore[no-untyped-call]
        words = {"{lang}": str(language.current()), "{noscript}": noscript, "{plotly}": PLOTLY}
        for name, word in words.items():
            page = page.replace(name, word)
        return page


def init_app(app: Flask) -> Dash:
    """Mount the dashboard below ``/dashboard/``, complete before the first request."""
    bootstrap = files("flask_bootstrap") / "static" / "bootstrap5" / "css"
    app.register_blueprint(
        Blueprint(
            "bootstrap",
            __name__,
            static_folder=str(bootstrap),
            static_url_path=f"{urls.PREFIX}bootstrap",
        )
    )
    dash_app = Dashboard(
        __name__,
        server=app,  # type: ignore[arg-type]
        url_base_pathname=urls.PREFIX,
        title="Vlib",
        update_title="",
        index_string=INDEX,
        external_stylesheets=[f"{urls.PREFIX}bootstrap/bootstrap.min.css"],
        assets_ignore="theme.js|language.js",  # they stand in the head, before anything else
        suppress_callback_exceptions=True,  # pages come and go
        add_log_handler=False,
        on_error=_log_error,
        enable_mcp=False,
    )
    dash_app.layout = _shell
    _register_callbacks(dash_app)
    for page in PAGES:
        page.register_callbacks(dash_app)
    delivery.init_app(app)
    guard.protect(app, dash_app, [page.PATH for page in PAGES])
    app.add_url_rule("/", "home", _home)
    # Dash does this in its first request, where requests at the same time would race.
    with app.app_context():
        dash_app._setup_server()  # type: ignore[no-untyped-call]
    return dash_app


def _home() -> Response:
    return redirect(urls.PREFIX)


def _log_error(error: Exception) -> None:
    current_app.logger.error("A callback of the dashboard failed", exc_info=error)


def _shell() -> html.Div:
    theme = components.select("shell-theme-select", translated(THEMES), "system")
    theme.className = "theme-select form-select-sm"
    names = {code: code.upper() for code in language.LANGUAGES}
    languages = components.select("shell-language-select", names, str(language.current()))
    languages.className = "theme-select form-select-sm"
    links = [
        html.A(
            _(page.NAME),
            id=_link_id(page),
            href=page.PATH,
            className="nav-item",
            **components.IN_PAGE,
        )
        for page in PAGES
    ]
    return html.Div(
        [
            dcc.Location(id="shell-url", refresh=False),
            dcc.Store(id="shell-theme-store"),
            dcc.Interval(id=sections.REFRESH, interval=REFRESH_MS),
            dcc.Interval(id=sections.PROGRESS, interval=PROGRESS_MS),
            html.A(_("Skip to the content"), href="#shell-content", className="skip-link"),
            html.Header(
                html.Div(
                    [
                        html.Span("Vlib", className="brand"),
                        html.Span(id="shell-city-name", className="brand-city"),
                        html.Nav(
                            links,
                            className="nav-items",
                            **components.attributes(aria_label=_("Pages")),
                        ),
                        _hidden_label(_("Language"), "shell-language-select"),
                        languages,
                        _hidden_label(_("Theme"), "shell-theme-select"),
                        theme,
                    ],
                    className="bar-inner",
                ),
                className="topbar",
            ),
            html.Div(
                [
                    html.Time(id="shell-fresh-time", className="visually-hidden"),
                    html.Span(
                        _("Times are those of %(place)s", place=formats.place()), className="zone"
                    ),
                    html.Span(
                        id="shell-age",
                        className="age",
                        **components.attributes(  # assets/clientside.js counts, in these words
                            data_age=_("Data as of {age} ago"),
                            data_paused=_("Paused."),
                            data_silent=_("The server does not answer."),
                        ),
                    ),
                    html.Button(
                        _("Pause"),
                        id="shell-pause-button",
                        type="button",
                        className="tool",
                        **components.attributes(data_pause=_("Pause"), data_go_on=_("Go on")),
                    ),
                ],
                className="freshness",
            ),
            components.part(
                html.Main(
                    components.waiting("medium", "large"),
                    id="shell-content",
                    tabIndex=-1,
                    **components.attributes(  # assets/answers.js says how far it is, in these
                        data_loading=_("Loading…"),
                        data_missing=_("Nothing could be loaded yet. It tries again by itself."),
                        data_outdated=_(
                            "This is not what you chose now: the server sent no answer. It tries "
                            "again by itself."
                        ),
                    ),
                )
            ),
        ]
    )


def _hidden_label(text: str, of: str) -> html.Label:
    return html.Label(text, htmlFor=of, className="visually-hidden")


def _register_callbacks(app: Dash) -> None:
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("vlib", "shell"),
        Output("shell-theme-store", "data"),
        Output("shell-theme-select", "value"),
        Output("shell-language-select", "value"),
        *[Output(_link_id(page), "href") for page in PAGES],
        *[Output(_link_id(page), "aria-current") for page in PAGES],
        Input("shell-url", "pathname"),
        Input("shell-url", "search"),
        Input("shell-theme-select", "value"),
        Input("shell-language-select", "value"),
        State("shell-theme-store", "data"),
    )

    @app.callback(Output("shell-city-name", "children"), Input("shell-url", "pathname"))
    def name_city(_pathname: object) -> str:
        return importing.city()

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("vlib", "pause"),
        Output(sections.REFRESH, "disabled"),
        Output(sections.PROGRESS, "disabled"),
        Output("shell-pause-button", "children"),
        Output("shell-pause-button", "aria-pressed"),
        Input("shell-pause-button", "n_clicks"),
        prevent_initial_call=True,
    )

    @app.callback(Output("shell-fresh-time", "dateTime"), Input(sections.REFRESH, "n_intervals"))
    def fresh(_ticks: object) -> str:
        return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")

    @app.callback(
        Output("shell-content", "children"),
        Input("shell-url", "pathname"),
        State("shell-url", "search"),
    )
    def show(pathname: object, search: object) -> Any:
        if pathname is None:
            raise PreventUpdate
        page = next((page for page in PAGES if urls.is_page(pathname, page.PATH)), None)
        if page is None:
            return components.empty(_("There is no such page."), _("Choose one of those above."))
        try:
            return page.layout(urls.parse(search))
        except Exception:  # a page must never leave the reader before nothing
            current_app.logger.exception("The page %s can't be drawn", page.NAME)
            return components.failure()


def _link_id(page: Any) -> str:
    return f"shell-{page.__name__.rpartition('.')[2].replace('_', '-')}-link"
