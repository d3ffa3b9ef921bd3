"""The OpenAPI document and the page to try it."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

CALLS = {
    ("post", "/api/predict"),
    ("post", "/api/predict/batch"),
    ("get", "/api/predictions"),
    ("get", "/api/predictions/{id}"),
    ("post", "/api/observations"),
    ("get", "/api/observations"),
    ("get", "/api/model"),
    ("get", "/api/models"),
    ("get", "/api/models/{version}/receipt"),
    ("post", "/api/models/{version}/activate"),
    ("post", "/api/retrain"),
    ("get", "/api/retrain"),
    ("get", "/api/retrain/{run_id}"),
    ("delete", "/api/retrain/{run_id}"),
    ("get", "/healthz"),
    ("get", "/readyz"),
    ("get", "/metrics"),
}


@pytest.fixture
def document(client: FlaskClient) -> Any:
    return client.get("/api/openapi.json").json


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        here = {node["$ref"]} if "$ref" in node else set()
        return here.union(*(references(value) for value in node.values()))
    return set().union(*(references(value) for value in node)) if isinstance(node, list) else set()


def test_it_has_exactly_the_contracts_calls(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    found = {(method, path) for path, item in document["paths"].items() for method in item}
    assert found == CALLS


def test_every_reference_leads_somewhere(document: Any) -> None:
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) <= known


def test_every_operation_is_named_once_and_says_what_can_go_wrong(document: Any) -> None:
    operations = [item for path in document["paths"].values() for item in path.values()]
    assert len({item["operationId"] for item in operations}) == len(CALLS)
    for item in operations:
        for status, answer in item["responses"].items():
            kind = "application/problem+json" if status >= "400" else None
            assert kind is None or list(answer["content"]) == [kind]


def test_admin_calls_are_marked(document: Any) -> None:
    marked = {
        (method, path)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if operation["security"] == [{"admin": []}]
    }
    assert marked == {
        ("post", "/api/observations"),
        ("post", "/api/models/{version}/activate"),
        ("post", "/api/retrain"),
        ("delete", "/api/retrain/{run_id}"),
    }


def test_an_hour_has_the_contracts_ranges(document: Any) -> None:
    hour = document["components"]["schemas"]["Hour"]
    assert hour["additionalProperties"] is False
    assert hour["properties"]["temperature"]["minimum"] == -40
    assert hour["properties"]["windspeed"]["maximum"] == 200
    assert re.match(hour["properties"]["datetime"]["pattern"], "2012-12-25T08:00:00")


def test_parameters_are_described(document: Any) -> None:
    described = {
        parameter["name"]: parameter["schema"]
        for parameter in document["paths"]["/api/predictions"]["get"]["parameters"]
    }
    names = ["limit", "from", "to", "cursor", "model_version", "source"]
    assert sorted(described) == sorted(names)
    assert described["limit"] == {"default": 100, "maximum": 1000, "minimum": 1, "type": "integer"}


def test_the_page_needs_no_other_server(client: FlaskClient) -> None:
    page = client.get("/api/docs")
    assert page.status_code == 200
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page.text)
    script = client.get("/static/docs.js", buffered=True)
    assert "validatorUrl: null" in script.text
    for address in re.findall(r"""(?:src|href)=["']([^"']+)""", page.text):
        assert client.get(address, buffered=True).status_code == 200
