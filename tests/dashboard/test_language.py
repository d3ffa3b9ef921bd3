"""English and French: who gets which, and that each is whole."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from babel.messages import Catalog, extract, mofile, pofile
from flask import Flask
from flask.testing import FlaskClient

from training.features import FEATURES
from training.sources import embedded_history
from training.understanding import FAMILIES
from webapp import alerts, queries
from webapp.dashboard import PAGES, formats

from .conftest import UNDERSTANDING, UPDATE, body
from .test_drift import know
from .test_receipts import measured  # noqa: F401 - a fixture

ROOT = Path(__file__).resolve().parents[2]
FRENCH = ROOT / "webapp" / "translations" / "fr" / "LC_MESSAGES"
VISIBLE = {
    *("children", "label", "title", "placeholder", "aria-label", "data-label"),
    *("data-age", "data-paused", "data-silent", "data-pause", "data-go-on"),
    *("name", "text", "ticktext", "hovertemplate", "customdata", "columns", "rows"),
}
ALIKE = {  # in both languages
    *("Vlib", "EN", "FR", "Washington, D.C.", "New York"),
    *(
        "made for the tests",
        "run-promoted",
        "run-1",
        "unknown",
        "POST",
        "/api/observations",
        "points",
        "impossible",
    ),
    *("ann", "rush hours", "humidity stays 77", "less with rain", "ab" * 32),
    *("drift-window-radio", "performance-window-radio"),  # names of groups, which nobody sees
    *("km/h", "CSV", "PNG", "SVG", "MAE", "RMSE", "R²", "Pages", "Performance", "Versions"),
    *("Pause", "Total", "Source", "Date", "Code", "SHA-256", "Verdict"),
}


@cache
def catalogue() -> Catalog:
    with (FRENCH / "messages.po").open("rb") as file:
        return pofile.read_po(file, locale="fr")


def by_text(messages: Catalog) -> dict[str, list[str]]:
    return {texts(message.id)[0]: texts(message.string) for message in messages if message.id}


def extracted() -> set[str]:
    """Return the texts that the code marks."""
    methods = [("**.py", "python"), ("templates/**.html", "jinja2")]
    found = extract.extract_from_dir(ROOT / "webapp", methods)
    return {message[0] if isinstance(message, tuple) else message for _, _, message, *_ in found}


def texts(strings: Any) -> list[str]:
    return [strings] if isinstance(strings, str) else list(strings)


def test_the_language_is_the_urls_else_the_browsers(client: FlaskClient) -> None:
    def lang(address: str, accepted: str) -> str:
        html = client.get(address, headers={"Accept-Language": accepted}).text
        return html.partition('<html lang="')[2][:2]

    assert lang("/dashboard/", "de, fr-CA;q=0.8, en;q=0.5") == "fr"
    assert lang("/dashboard/", "de") == "en"
    assert lang("/dashboard/?lang=en", "fr") == "en"
    assert lang("/dashboard/?lang=xx", "fr") == "fr"


def test_the_api_is_english(client: FlaskClient) -> None:
    answer = client.get("/api/nothing?lang=fr", headers={"Accept-Language": "fr"})
    assert answer.get_json()["detail"] == "There is nothing at this address."


def test_a_page_outside_the_dashboard_is_french_too(client: FlaskClient) -> None:
    told = client.get("/nothing", headers={"Accept-Language": "fr"}).text
    assert '<html lang="fr">' in told
    assert "Il n’y a rien à cette adresse." in told


def marked() -> set[str]:
    """Return the same as Python reads it: Babel misses what stands inside of an f-string."""
    found = set()
    for path in (ROOT / "webapp").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                text, mark = node.args[0], node.func.id
                if mark in ("_", "N_", "ngettext") and isinstance(text, ast.Constant):
                    found.add(text.value)
    return found - {" "}


def test_every_text_is_translated_and_no_other() -> None:
    assert marked() - extracted() == set()
    known = set(by_text(catalogue()))
    assert extracted() - known == set()
    assert known - extracted() == set()


def test_every_translation_is_whole() -> None:
    holes = re.compile(r"%\(\w+\)s|%?\{.*?\}")
    for message in catalogue():
        ids, said = texts(message.id), texts(message.string)
        assert all(said), ids
        assert not message.fuzzy, ids
        for one in said if message.id else []:
            assert set(holes.findall(one)) <= set(holes.findall(ids[-1])), one
            assert len(ids) > 1 or set(holes.findall(one)) == set(holes.findall(ids[0])), one


def test_french_has_its_apostrophes_and_spaces() -> None:
    wrong = re.compile(r"'| [:;!?»](?!\w)|« |\d %")
    said = [one for message in catalogue() if message.id for one in texts(message.string)]
    assert [one for one in said if wrong.search(one)] == []


def test_the_compiled_catalogue_is_that_of_the_texts() -> None:
    with (FRENCH / "messages.mo").open("rb") as file:
        compiled = mofile.read_mo(file)
    assert by_text(compiled) == by_text(catalogue())


def test_all_that_the_model_looks_at_has_a_name() -> None:
    assert not {*FEATURES, *FAMILIES} - set(formats.FEATURES)


def shown(value: Any, visible: bool = False) -> Iterator[str]:
    """Return the texts that a reader may see."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from shown(item, name in VISIBLE)
    elif isinstance(value, list):
        for item in value:
            yield from shown(item, visible)
    elif visible and isinstance(value, str):
        text = re.sub(r"<.*?>|%\{.*?\}|[±\d]+\xa0", " ", value).strip()
        if re.search("[A-Za-z]{2}", text):
            yield text


def said(client: FlaskClient, language: str) -> set[str]:
    """Return all texts of the shell, of each page and of all its sections, in a language."""
    headers = {"Accept-Language": language}
    found = set(shown(client.get("/dashboard/_dash-layout", headers=headers).get_json()))
    for item in client.get("/dashboard/_dash-dependencies").get_json():
        output = item["output"].strip(".").split("...")[0]
        for page in PAGES if output == "shell-content.children" else PAGES[:1]:
            values = {"shell-url.pathname": page.PATH}
            if item["clientside_function"] or output.endswith("-url.search"):
                continue
            asked = body(client, output, **values)
            answer = client.post(UPDATE, json=asked, headers=headers)
            assert answer.status_code in (200, 204), output
            found |= set(shown(answer.get_json())) if answer.status_code == 200 else set()
    return found


def vocabulary(sentences: Iterator[str] | set[str] | list[str]) -> set[str]:
    plain = (re.sub(r"%\(\w+\)s|\{.*?\}|/\S+", " ", sentence) for sentence in sentences)
    return {word.lower() for sentence in plain for word in re.findall(r"[^\W\d_]{3,}", sentence)}


def assert_no_english(client: FlaskClient) -> None:
    """Say the same in both languages, and find no text and no word of the one in the other."""
    english, french = (said(client, language) for language in ("en", "fr"))
    assert len(french) > 30
    assert (english & french) - ALIKE == set()
    ours = [one for message in catalogue() for one in texts(message.string)]
    theirs = [one for message in catalogue() if message.id for one in texts(message.id)]
    foreign = vocabulary(theirs) - vocabulary(ours) - vocabulary(ALIKE)
    assert {text for text in french if vocabulary([text]) & foreign} - ALIKE == set()


@pytest.mark.usefixtures("measured")
def test_no_page_in_french_says_a_word_of_english(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.predictor.understanding", lambda: UNDERSTANDING)
    assert_no_english(client)


def test_nor_does_a_page_when_much_is_wrong(app: Flask, client: FlaskClient) -> None:
    broken = embedded_history()
    broken.loc[broken.index[-72:], "humidity"] = 55.0
    broken.loc[broken.index[-72:], "windspeed"] = -1.0
    know(app, broken)
    found = {"newest": "2012-12-31T23:00:00", "status": "failed", "names": "humidity"}
    found |= {"missing": "no model has been trained yet", "problem": "the database can't be read"}
    found |= {"reason": "The training process died."}
    with app.app_context():
        for condition in alerts.CONDITIONS:
            values = defaultdict(lambda: 7, found)
            used = {name: values[name] for name in re.findall(r"\{(\w+)\}", condition.text)}
            queries.raise_alert(condition.name, used, {})
        queries.add_run("run-1", "admin", None)
        queries.update_run("run-1", status="running", stage="searching", progress=0.4)
    assert_no_english(client)


def test_nor_does_one_without_a_model(app_without_model: Flask) -> None:
    assert_no_english(app_without_model.test_client())
