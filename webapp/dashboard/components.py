"""The pieces that pages are made of."""

from collections.abc import Mapping, Sequence
from typing import Any

import dash_bootstrap_components as dbc
import plotly.graph_objects as go
from dash import dcc, html

GRAPH_CONFIG: Any = {
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
}
STATUS_COLOURS = {
    "champion": "success",
    "promoted": "success",
    "running": "info",
    "queued": "info",
    "rejected": "warning",
    "failed": "danger",
    "abandoned": "danger",
    "cancelled": "warning",
}


def attributes(**values: str) -> dict[str, Any]:
    """Return attributes whose names have hyphens: ``aria_label`` is ``aria-label``."""
    return {name.replace("_", "-"): value for name, value in values.items()}


# The address bar follows such a link without a new page: see assets/clientside.js.
IN_PAGE = attributes(data_in_page="true")


def page(title: str, lead: str, *children: Any) -> html.Div:
    """Return a page: a heading, one sentence that says what it answers, and its parts."""
    head = html.Header(
        [html.H1(title, className="page-title"), html.P(lead, className="page-lead")],
        className="page-head",
    )
    return html.Div([head, *children])


def card(title: str, *children: Any, note: str = "", className: str = "") -> html.Section:
    """Return a titled card."""
    head: list[Any] = [html.H2(title, className="card-heading")]
    if note:
        head.append(html.P(note, className="card-note"))
    return html.Section([*head, *children], className=f"panel {className}".strip())


def chart(
    id_: str,
    title: str,
    unit: str,
    summary: str,
    figure: go.Figure,
    className: str = "",
    revision: str = "",
) -> html.Section:
    """Return a card with a chart, its unit, and in words what it shows.

    What the reader zoomed to outlives a refresh as long as `revision` stays the same.
    """
    figure.update_layout(uirevision=revision)
    described = html.Figure(
        [
            dcc.Graph(id=id_, figure=figure, config=GRAPH_CONFIG, className="chart"),
            html.Figcaption(summary, className="chart-summary"),
        ],
        role="group",
        **attributes(aria_label=f"{title}. {summary}"),
    )
    return card(title, described, note=unit, className=className)


def tile(label: str, value: Any, detail: Any = "") -> html.Div:
    """Return a key figure: what it is, how much, and what to hold it against."""
    return html.Div(
        [
            html.Dt(label, className="tile-label"),
            html.Dd(value, className="tile-value"),
            html.Dd(detail, className="tile-detail"),
        ],
        className="tile",
    )


def tiles(*items: html.Div) -> html.Dl:
    """Return key figures side by side."""
    return html.Dl(list(items), className="tiles")


def bar(value: float, largest: float, label: str, className: str = "bar") -> html.Progress:
    """Return a horizontal bar."""
    return html.Progress(
        value=str(value), max=str(largest or 1), className=className, **attributes(aria_label=label)
    )


def badge(text: str, colour: str = "secondary") -> html.Span:
    """Return a small label."""
    return html.Span(
        text,
        className=f"badge border bg-{colour}-subtle text-{colour}-emphasis border-{colour}-subtle",
    )


def status(text: str) -> html.Span:
    """Return the label of a run's or a version's status."""
    return badge(text, STATUS_COLOURS.get(text, "secondary"))


def table(
    caption: str,
    heads: Sequence[Any],
    rows: Sequence[Sequence[Any]],
    chosen: int | None = None,
    look: str = "stacked",
) -> html.Div:
    """Return a table; a stacked one turns into a list of cards on a phone.

    A head is a text or an `html.Th` made by `sort_head`; `chosen` is the marked row.
    """
    names = [head if isinstance(head, str) else getattr(head, "title", "") for head in heads]
    top = [html.Th(head, scope="col") if isinstance(head, str) else head for head in heads]
    body = [
        html.Tr(
            [
                html.Td(cell, **attributes(data_label=name))
                for name, cell in zip(names, row, strict=True)
            ],
            className="table-active" if index == chosen else None,
        )
        for index, row in enumerate(rows)
    ]
    return html.Div(
        html.Table(
            [
                html.Caption(caption, className="visually-hidden"),
                html.Thead(html.Tr(top)),
                html.Tbody(body),
            ],
            className=f"table data-table {look}",
        ),
        className="table-wrap",
    )


def sort_head(label: str, href: str, order: str | None) -> html.Th:
    """Return the head of a column that a click sorts; `order` is how it is sorted now."""
    arrow = {"ascending": " ▲", "descending": " ▼"}.get(order or "", "")
    link = html.A([label, html.Span(arrow, **attributes(aria_hidden="true"))], href=href, **IN_PAGE)
    return html.Th(link, scope="col", title=label, **attributes(aria_sort=order or "none"))


def field(label: str, control: Any, id_: str, hint: str = "") -> html.Div:
    """Return a labelled control."""
    parts = [dbc.Label(label, html_for=id_, className="field-label"), control]
    if hint:
        parts.append(html.Div(hint, className="form-text"))
    return html.Div(parts, className="field")


def select(id_: str, options: Mapping[str, str], value: str) -> dbc.Select:
    """Return a drop-down list; options are labels by value."""
    choices = [{"value": key, "label": label} for key, label in options.items()]
    return dbc.Select(id=id_, options=choices, value=value)


def empty(title: str, *hint: Any) -> html.Div:
    """Return what stands where there is nothing to show yet, and why."""
    return html.Div(
        [html.P(title, className="empty-title"), html.P(list(hint), className="empty-hint")],
        className="panel empty",
    )


def failure() -> dbc.Alert:
    """Return what stands where a part could not be drawn."""
    return dbc.Alert(
        [
            html.Strong("This part could not be loaded. "),
            "It tries again by itself; the server's log has the reason.",
        ],
        color="danger",
    )


def waiting(*heights: str) -> html.Div:
    """Return grey blocks, small, medium or large, that stand until a section is drawn."""
    blocks = [html.Div(className=f"waiting waiting-{height}") for height in heights]
    return html.Div([html.Span("Loading…", className="visually-hidden"), *blocks], role="status")


def progress(run: Mapping[str, Any], title: str) -> html.Section:
    """Return the card of a training that is under way."""
    percent = round(100 * float(run["progress"] or 0))
    stage = str(run["stage"] or run["status"]).capitalize()
    return card(
        title,
        html.P([stage, html.Span(f" · {percent} %", className="text-body-secondary")]),
        bar(percent, 100, f"{title}: {percent} %"),
        className="progress-card",
    )
