"""What stands between Dash's public endpoints and the network.

Dash takes any body to its update endpoint and fails on what it does not expect. Here a request
that fits no registered callback is refused before Dash sees it.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from dash import Dash
from flask import Flask, abort, make_response, request
from werkzeug.wrappers import Response

from . import urls

LARGEST_BODY = 64 * 1024
UPDATE = f"{urls.PREFIX}_dash-update-component"
ANY_PAGE = f"{urls.PREFIX}<path:path>"

View = Callable[..., Any]


def protect(app: Flask, dash_app: Dash, pages: Sequence[str]) -> None:
    """Check the requests to Dash's views, and answer 404 to addresses that are no page."""
    app.view_functions[UPDATE] = _checked(app.view_functions[UPDATE], dash_app)
    app.view_functions[ANY_PAGE] = _found(app.view_functions[ANY_PAGE], pages)


def _checked(update: View, dash_app: Dash) -> View:
    def checked() -> Any:
        request.max_content_length = LARGEST_BODY
        try:
            body = request.get_json()
            json.dumps(body, ensure_ascii=False).encode()  # half a surrogate pair is no text
        except (RecursionError, UnicodeEncodeError):
            abort(400)
        if not _fits(body, dash_app.callback_map):
            abort(400)
        return update()

    return checked


def _found(index: View, pages: Sequence[str]) -> View:
    def found(path: str) -> Response:
        known = any(urls.is_page(request.path, page) for page in pages)
        return make_response(index(path), 200 if known else 404)

    return found


def _fits(body: Any, callbacks: dict[str, Any]) -> bool:
    """Say whether a body calls a registered callback with the values it declares."""
    if not isinstance(body, dict) or not isinstance(body.get("output"), str):
        return False
    callback = callbacks.get(body["output"])
    if callback is None:
        return False
    inputs, state = callback["inputs"], callback["state"]
    wanted = {f"{item['id']}.{item['property']}" for item in inputs}
    changed = body.get("changedPropIds", [])
    return (
        _same_properties(body.get("inputs"), inputs)
        and _same_properties(body.get("state", []), state)
        and _same_properties(_as_list(body.get("outputs")), _outputs(body["output"]))
        and isinstance(changed, list)
        and all(isinstance(item, str) and item in wanted for item in changed)
    )


def _same_properties(given: Any, declared: Sequence[dict[str, str]]) -> bool:
    return (
        isinstance(given, list)
        and len(given) == len(declared)
        and all(
            isinstance(one, dict)
            and one.get("id") == other["id"]
            and one.get("property") == other["property"]
            for one, other in zip(given, declared, strict=True)
        )
    )


def _as_list(outputs: Any) -> Any:
    return [outputs] if isinstance(outputs, dict) else outputs


def _outputs(key: str) -> list[dict[str, str]]:
    """Read Dash's name of a callback: ``id.property``, or several as ``..a.b...c.d..``."""
    names = key[2:-2].split("...") if key.startswith("..") else [key]
    pairs = (name.rpartition(".") for name in names)
    return [{"id": id_, "property": property_} for id_, _, property_ in pairs]
