"""What the reader chose, kept in the URL's query string.

The URL is the only place where a choice lives: a link shows the same picture and Back works.
A page's figures read the query string; its controls write it, and follow it when it changes.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from dash import Dash, Input, Output, State, ctx, dcc, no_update
from dash.exceptions import PreventUpdate

PREFIX = "/dashboard/"
Choices = dict[str, str]
# Takes what was chosen and the name of what changed last, gives what is legal.
Clean = Callable[[Choices, str | None], Choices]


def parse(search: object) -> Choices:
    """Read a query string; anything that is none counts as empty."""
    if not isinstance(search, str) or len(search) > 2000:
        return {}
    return dict(parse_qsl(search.removeprefix("?"), max_num_fields=None))


def day(text: str | None) -> dt.datetime | None:
    """Read a date from 1970 to 2100 as its first hour; anything else is none."""
    try:
        date = dt.date.fromisoformat(text or "")
    except ValueError:
        return None
    return dt.datetime.combine(date, dt.time()) if 1970 <= date.year <= 2100 else None


def number(text: object) -> int | None:
    """Read the number of a version; anything else is none."""
    if isinstance(text, str) and text.isdecimal() and len(text) < 10:
        return int(text)
    return None


def search(choices: Mapping[str, str]) -> str:
    """Write a query string, without what is empty."""
    given = {name: value for name, value in choices.items() if value}
    return f"?{urlencode(given)}" if given else ""


def with_choice(choices: Mapping[str, str], **changes: str) -> str:
    """Write the query string of a link that changes some choices and keeps the others."""
    return search({**choices, **changes}) or "?"


def link(page: str, choices: Mapping[str, str], **choice: str) -> str:
    """Return the address of another page with a choice of its own, in this language and theme."""
    kept = {name: choices[name] for name in ("lang", "theme") if name in choices}
    return f"{PREFIX}{page}{search({**kept, **choice})}"


def location(page: str, choices: Mapping[str, str]) -> dcc.Location:
    """Return a page's hold on the address bar; it never makes the router draw the page anew."""
    return dcc.Location(id=f"{page}-url", refresh=False, search=search(choices))


def is_page(pathname: object, path: str) -> bool:
    """Say whether the address bar shows a page."""
    return isinstance(pathname, str) and pathname.rstrip("/") == path.rstrip("/")


def sync(
    app: Dash,
    page: str,
    path: str,
    controls: Mapping[str, str],
    clean: Clean,
) -> None:
    """Keep a page's controls and the query string the same.

    Parameters
    ----------
    controls : ids of the controls by the name of their choice
    clean : turns what came in, from a link or a control, into legal choices
    """
    url = f"{page}-url"
    names = list(controls)
    values = [(id_, "value") for id_ in controls.values()]

    @app.callback(
        Output(url, "search"),
        *[Output(*value) for value in values],
        Input(url, "search"),
        *[Input(*value) for value in values],
        State(url, "pathname"),
        prevent_initial_call=True,
    )
    def follow(old: object, *rest: Any) -> list[Any]:
        *given, pathname = rest
        if not is_page(pathname, path):  # the reader is leaving for another page
            raise PreventUpdate
        shown = {name: _text(value) for name, value in zip(names, given, strict=True)}
        changed = next((name for name in names if controls[name] == ctx.triggered_id), None)
        if changed is None:
            wanted = clean(parse(old), None)
        else:
            wanted = clean({**parse(old), changed: shown[changed]}, changed)

        def moved(name: str) -> Any:
            value = wanted.get(name, "")
            # What the reader is typing or dragging is never moved under their hands.
            return no_update if name == changed or shown[name] == value else value

        return [search(wanted) if changed else no_update, *map(moved, names)]


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else "" if value is None else str(value)
