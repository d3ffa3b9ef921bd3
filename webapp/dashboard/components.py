"""The pieces that pages are made of."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import dash_bootstrap_components as dbc
from dash import dcc, html
from flask_babel import gettext as _

from . import formats

GRAPH_CONFIG: Any = {
    "displayModeBar": False,  # what it could do, the buttons below the chart do
    "responsive": True,
}
# What a chart shows before its first figure: nothing, on the page's own background.
BLANK: Any = {
    "data": [],
    "layout": {
        "xaxis": {"visible": False},
        "yaxis": {"visible": False},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "height": 340,
    },
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


def part(*children: Any) -> html.Div:
    """Return a part of a page that says, by assets/answers.js, when it waits for the server."""
    return html.Div([html.P(className="news", role="status"), *children], className="part")


def card(title: str, *children: Any, note: str = "", className: str = "") -> html.Section:
    """Return a titled card."""
    head: list[Any] = [html.H2(title, className="card-heading")]
    if note:
        head.append(html.P(note, className="card-note"))
    return html.Section([*head, *children], className=f"panel {className}".strip())


def chart(id_: str, title: str, className: str = "", control: Any = None) -> html.Section:
    """Return a card with a chart, its unit, and in words what it shows, all still to come.

    `control` chooses what this chart alone shows.
    """
    return html.Section(
        [
            html.H2(title, id=f"{id_}-title", className="card-heading"),
            html.P(id=f"{id_}-note", className="card-note"),
            *([] if control is None else [control]),
            html.Figure(
                [
                    dcc.Graph(
                        id=id_,
                        figure=BLANK,
                        config=GRAPH_CONFIG | formats.plotly_locale(),
                        className="chart",
                    ),
                    html.Figcaption(_("Loading…"), id=f"{id_}-summary", className="chart-summary"),
                ],
                role="group",
                **attributes(aria_labelledby=f"{id_}-title", aria_describedby=f"{id_}-summary"),
            ),
            html.Div(
                [
                    _tool("table", id_, _("Table"), title, aria_expanded="false"),
                    _tool("csv", id_, "CSV", title),
                    _tool("png", id_, "PNG", title),
                    _tool("svg", id_, "SVG", title),
                ],
                className="tools",
            ),
            html.Div(
                id=f"{id_}-table", className="chart-table table-wrap", hidden=True, tabIndex=0
            ),
        ],
        className=f"panel {className}".strip(),
    )


def _tool(kind: str, of: str, label: str, title: str, **state: str) -> html.Button:
    """Return a small button; assets/export.js does what it says."""
    name = _("%(what)s: %(of)s", what=label, of=title)
    return html.Button(
        label,
        type="button",
        className="tool",
        **attributes(data_tool=kind, data_of=of, aria_label=name, **state),
    )


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


def status(name: str) -> html.Span:
    """Return the label of a run's or a version's status."""
    return badge(formats.status(name), STATUS_COLOURS.get(name, "secondary"))


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
                html.Td(cell, **attributes(data_label=name, **_data(cell)))
                for name, cell in zip(names, row, strict=True)
            ],
            className="table-active" if index == chosen else None,
        )
        for index, row in enumerate(rows)
    ]
    drawn = html.Table(
        [
            html.Caption(caption, className="visually-hidden"),
            html.Thead(html.Tr(top)),
            html.Tbody(body),
        ],
        className=f"table data-table {look}",
    )
    name = "-".join(re.findall(r"\w+", caption.lower()))
    return html.Div(
        [
            html.Div(
                drawn,
                className="table-wrap",
                role="group",
                tabIndex=0,  # where it is too wide, the keyboard scrolls it
                **attributes(aria_label=caption),
            ),
            html.Div(_tool("rows", name, "CSV", caption), className="tools"),
        ],
        className="table-block",
    )


def _data(cell: Any) -> dict[str, str]:
    """Return what assets/export.js takes for a cell, where it is not the text that is shown."""
    value = getattr(cell, "children", cell)
    if isinstance(value, formats.Written):
        return {"data_value": value.data}
    return {"data_value": ""} if value == formats.UNKNOWN else {}


def sort_head(id_: str, label: str, href: str, order: str | None) -> html.Th:
    """Return the head of a column that a click sorts; `order` is how it is sorted now."""
    arrow = {"ascending": " ▲", "descending": " ▼"}.get(order or "", "")
    mark = html.Span(arrow, **attributes(aria_hidden="true"))
    link = html.A([label, mark], id=id_, href=href, **IN_PAGE)
    state = attributes(aria_sort=order or "none", data_value=label)
    return html.Th(link, scope="col", title=label, **state)


def field(label: Any, control: Any, id_: str) -> html.Div:
    """Return a labelled control."""
    name = dbc.Label(label, html_for=id_, className="field-label")
    parts = control if isinstance(control, list) else [control]
    return html.Div([name, *parts], className="field")


def select(id_: str, options: Mapping[str, str], value: str) -> dbc.Select:
    """Return a drop-down list; options are labels by value."""
    choices = [{"value": key, "label": label} for key, label in options.items()]
    return dbc.Select(id=id_, options=choices, value=value)


def presets(id_: str, label: str, options: Mapping[str, str], value: str) -> html.Fieldset:
    """Return buttons of which one is chosen at most; options are labels by value."""
    buttons = dbc.RadioItems(
        id=id_,
        name=id_,  # with a name they are one group, which the arrow keys move in
        options=[{"value": key, "label": text} for key, text in options.items()],
        value=value,
        className="presets",
        inputClassName="btn-check",
        labelClassName="btn btn-outline-secondary btn-sm",
        labelCheckedClassName="active",
        inline=True,
    )
    legend = html.Legend(label, className="field-label")
    return html.Fieldset([legend, buttons], className="field field-wide")


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
            html.Strong(_("This part could not be loaded.")),
            " ",
            _("It tries again by itself; the server's log has the reason."),
        ],
        color="danger",
    )


def waiting(*heights: str) -> html.Div:
    """Return grey blocks, small, medium or large, that stand until a section is drawn."""
    blocks = [html.Div(className=f"waiting waiting-{height}") for height in heights]
    return html.Div([html.Span(_("Loading…"), className="visually-hidden"), *blocks], role="status")


def progress(run: Mapping[str, Any], title: str, hint: str = "") -> html.Section:
    """Return the card of a training that is under way."""
    share = float(run["progress"] or 0)
    stage = formats.stage(run["stage"]) if run["stage"] else formats.status(run["status"])
    percent = formats.percent(share)
    return card(
        title,
        html.P(
            [
                stage[:1].upper() + stage[1:],
                html.Span(f" · {percent}", className="text-body-secondary"),
            ]
        ),
        bar(round(100 * share), 100, _("%(what)s: %(of)s", what=title, of=percent)),
        note=hint,
    )
