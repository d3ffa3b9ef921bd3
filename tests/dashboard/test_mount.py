"""The Dash app on the Flask server, and the gate before its public endpoints."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import make_app
from webapp.dashboard import PAGES

from .conftest import UPDATE, Call, body, text

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("page", PAGES)
def test_each_page_has_its_own_address(client: FlaskClient, page: Any) -> None:
    assert client.get(page.PATH).status_code == 200
    assert client.get(f"{page.PATH.rstrip('/')}/").status_code == 200


def test_an_address_that_is_no_page_is_404(client: FlaskClient) -> None:
    answer = client.get("/dashboard/nowhere")
    assert answer.status_code == 404
    assert "_dash-config" in answer.text


def test_the_root_leads_to_the_dashboard(client: FlaskClient) -> None:
    assert client.get("/").headers["Location"] == "/dashboard/"


def test_every_asset_comes_from_here(client: FlaskClient) -> None:
    html = client.get("/dashboard/").text
    addresses = [part.split('"')[0] for part in html.split(' src="')[1:]]
    addresses += [part.split('"')[0] for part in html.split(' href="')[1:]]
    assert len(addresses) > 8
    for address in addresses:
        assert address.startswith("/dashboard/"), address
        with client.get(address) as answer:
            assert answer.status_code == 200, address


@pytest.mark.parametrize("page", PAGES)
def test_the_router_shows_the_page(call: Call, page: Any) -> None:
    sent = call("shell-content.children", **{"shell-url.pathname": page.PATH})
    assert page.TITLE in text(sent["shell-content"]["children"])


def test_the_router_knows_nothing_of_other_addresses(call: Call) -> None:
    sent = call("shell-content.children", **{"shell-url.pathname": "/dashboard/nowhere"})
    assert "no such page" in text(sent["shell-content"]["children"])


def test_a_page_whose_layout_breaks_says_so(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.queries.list_models", lambda: 1 / 0)
    sent = call("shell-content.children", **{"shell-url.pathname": "/dashboard/performance"})
    assert "could not be loaded" in text(sent["shell-content"]["children"])


def test_layouts_take_any_query(call: Call) -> None:
    for page in PAGES:
        search = "?window=%00&hour=nan&date=9999-99-99&version=99999999999999999999&self=1&_=2"
        asked = {"shell-url.pathname": page.PATH, "shell-url.search": search}
        sent = call("shell-content.children", **asked)
        assert page.TITLE in text(sent["shell-content"]["children"])


def test_two_applications_in_one_process_do_not_meet(app: Flask, tmp_path: Path) -> None:
    other = make_app(tmp_path / "other")
    for each in (app, other, app):
        known = each.test_client().get("/dashboard/_dash-dependencies").get_json()
        outputs = [item["output"] for item in known]
        assert len(outputs) == len(set(outputs))
        assert "shell-content.children" in outputs


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"{}",
        b'{"output": 1}',
        b'{"output": "nothing.children"}',
        b'{"output": "shell-content.children"}',
        b'{"output": "shell-content.children", "inputs": 7}',
        b"[" * 30_000,
        b'{"a": "\\ud800"}',
        b"\xff\xfe",
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_fits_no_callback_is_refused(client: FlaskClient, data: bytes) -> None:
    assert client.post(UPDATE, data=data, headers=JSON).status_code == 400


def test_a_body_that_is_too_large_is_refused(client: FlaskClient) -> None:
    data = b'{"output": "' + b"x" * 70_000 + b'"}'
    assert client.post(UPDATE, data=data, headers=JSON).status_code == 413


def test_another_content_type_is_refused(client: FlaskClient) -> None:
    assert client.post(UPDATE, data=b"{}").status_code == 415


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": []},
        {"inputs": [[]]},
        {"inputs": [{"id": "shell-url"}]},
        {"inputs": [{"id": {"a": 1}, "property": "pathname", "value": 1}]},
        {"state": None},
        {"outputs": [{"id": "other", "property": "children"}]},
        {"outputs": 3},
        {"changedPropIds": ["{"]},
        {"changedPropIds": [7]},
        {"changedPropIds": None},
    ],
)
def test_a_callback_takes_nothing_but_what_it_declares(
    client: FlaskClient, change: dict[str, Any]
) -> None:
    asked = body(client, "shell-content.children", "shell-url.pathname")
    assert client.post(UPDATE, json=asked | change).status_code == 400


@pytest.mark.parametrize("value", [7, -1.5, True, [], {"a": [1]}, "x" * 3000, "?a=%ff", "\x00"])
def test_no_value_breaks_a_callback(client: FlaskClient, value: object) -> None:
    known = client.get("/dashboard/_dash-dependencies").get_json()
    for item in known:
        if item["clientside_function"]:
            continue
        asked = body(client, item["output"].strip(".").split("...")[0])
        for given in asked["inputs"] + asked["state"]:
            given["value"] = value
        answer = client.post(UPDATE, json=asked)
        assert answer.status_code in (200, 204), item["output"]
