"""A browser's half of Dash: calls a callback by one of its outputs."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

UPDATE = "/dashboard/_dash-update-component"
Call = Callable[..., Any]
UNDERSTANDING: dict[str, Any] = {
    "importance": {"windspeed": [0.1, -0.5], "hour": [50.0, 54.0], "kind of day": [20.0, 22.0]},
    "dependence": {
        "hour": {
            "values": list(range(24)),
            "mean": [float(10 + hour) for hour in range(24)],
            "curves": [[float(k * hour) for hour in range(24)] for k in (1, 2)],
        },
        "temperature": {"values": [-5.0, 20.0], "mean": [40.0, 90.0], "curves": [[30.0, 80.0]]},
        "weather": {"values": ["clear", "mist"], "mean": [90.0, 60.0], "curves": [[95.0, 70.0]]},
    },
}


def body(client: FlaskClient, output: str, changed: str = "", **values: Any) -> dict[str, Any]:
    """Return the request of the callback with an output; values by ``id.property``."""
    known = client.get("/dashboard/_dash-dependencies").get_json()
    spec = next(item for item in known if f".{output}." in f".{item['output']}.")
    names = spec["output"].strip(".").split("...")
    outputs = [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in names]

    def filled(items: list[dict[str, str]]) -> list[dict[str, Any]]:
        return [item | {"value": values.get(f"{item['id']}.{item['property']}")} for item in items]

    return {
        "output": spec["output"],
        "outputs": outputs if spec["output"].startswith("..") else outputs[0],
        "inputs": filled(spec["inputs"]),
        "state": filled(spec["state"]),
        "changedPropIds": [changed] if changed else [],
    }


@pytest.fixture
def call(client: FlaskClient) -> Call:
    """Call a callback; return what it sends by id, or None if nothing has changed."""

    def call(output: str, changed: str = "", **values: Any) -> Any:
        answer = client.post(UPDATE, json=body(client, output, changed, **values))
        assert answer.status_code in (200, 204), answer.text
        return answer.get_json()["response"] if answer.status_code == 200 else None

    return call


def text(component: Any) -> str:
    """Return all words of a component, as a reader sees them."""
    if isinstance(component, dict):
        return text(component.get("props", {}).get("children"))
    if isinstance(component, list):
        return "".join(map(text, component))
    return "" if component is None else str(component)
