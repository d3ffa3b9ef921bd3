"""Receipts: why a version serves or does not, as it was written when it was decided."""

from collections import defaultdict
from typing import Any

from dash import Dash, html
from flask import current_app

from webapp import queries

from .. import components, formats, sections, urls
from ..sections import Drawing

PATH = f"{urls.PREFIX}receipts"
NAME = "Receipts"
TITLE = "Why does this model serve, or not?"

CONTROLS = {"version": "receipts-version-select"}
BETWEEN = f"{formats.SPACE}to "

Receipt = dict[str, Any]


def layout(choices: urls.Choices) -> Any:
    """Return the page with the version that the URL names, or the newest, chosen."""
    versions = {
        model["version"]: f"Model {model['version']} ({model['status']})"
        for model in queries.list_models()
    }
    select = components.select(CONTROLS["version"], versions, clean(choices, None)["version"])
    return components.page(
        TITLE,
        "The receipt of each decision about a new model. Nothing changes it afterwards.",
        urls.location("receipts", choices),
        html.Div(components.field("Model", select, CONTROLS["version"]), className="controls mb-3"),
        sections.section("receipts-receipt-section", components.waiting("large")),
    )


def register_callbacks(app: Dash) -> None:
    """Let control and URL follow each other, and fill the page."""
    urls.sync(app, "receipts", PATH, CONTROLS, clean)
    sections.register(app, "receipts", PATH, "receipts-receipt-section", receipt)


def clean(choices: urls.Choices, changed: str | None) -> urls.Choices:
    """Return the choices with a version, the newest if none is named; a version ends a run."""
    models = [] if choices.get("version") else queries.list_models()
    newest = models[0]["version"] if models else ""
    chosen = {"version": newest, **choices}
    return {"version": chosen["version"]} if changed else chosen


def receipt(choices: urls.Choices, _theme: str) -> Drawing:
    """Return the receipt of the version, or of the run without one, that the URL names."""
    chosen = clean(choices, None)
    found = _of_run(chosen["run"]) if chosen.get("run") else _of_version(chosen["version"])
    if found is None:
        return Drawing(_nothing(chosen))
    found = defaultdict(lambda: None, found)  # the receipts of older versions said less
    parts = (_decision, _scores, _slices, _behaviour, _data)
    return Drawing([part for part in (draw(found) for draw in parts) if part is not None])


def _of_version(version: str) -> Receipt | None:
    return queries.receipt(int(version)) if version.isdecimal() and len(version) < 10 else None


def _of_run(run_id: str) -> Receipt | None:
    """Return the receipt of a run that was rejected before it made a version."""
    run = queries.get_run(run_id)
    if run is None:
        return None
    return run["receipt"] or _of_version(run["model_version"] or "")


def _nothing(chosen: urls.Choices) -> html.Div:
    trainings = html.A("Experiments", href=f"{urls.PREFIX}experiments", **components.IN_PAGE)
    if chosen.get("run"):
        return components.empty(
            "This training left no receipt.",
            "It came to no decision; what ended it stands on the page ",
            trainings,
            ".",
        )
    if chosen["version"]:
        return components.empty("There is no such model.", "Choose one above.")
    return components.empty(
        "Nothing has been decided yet.",
        "The first training writes the first receipt; its progress shows on the page ",
        trainings,
        ".",
    )


def _decision(found: Receipt) -> html.Section:
    version = found["version"]
    facts = {
        "Decided": _moment(found["decided_at"]) if found["decided_at"] else None,
        "Asked for by": _trigger(found),
        "Took": f"{formats.number(found['seconds'], 1)}{formats.SPACE}s",
        "Doubtful data": "accepted by an admin" if found["accepted"] else None,
        "Champion then": f"Model {found['champion_version']}"
        if found["champion_version"]
        else None,
        "Made champion by": _by_hand(found["champion_by_hand"]),
        "Code": found["git_revision"],
        "MLflow run": found["mlflow_run_id"],
        "Training": found["run_id"],
    }
    title = f"Model {version}" if version else "A training without a model"
    address = f"/api/models/{version}/receipt" if version else f"/api/retrain/{found['run_id']}"
    return components.card(
        title,
        html.P([components.status(found["decision"]), f" {found['reason']}."]),
        _facts(facts),
        html.P(html.A("The same as JSON", href=address), className="mb-0"),
    )


def _facts(facts: dict[str, Any]) -> html.Dl:
    rows = [(html.Dt(name), html.Dd(value)) for name, value in facts.items() if value]
    return html.Dl([cell for row in rows for cell in row], className="facts")


def _trigger(found: Receipt) -> str:
    asked = f"{found['trigger']}, {found['requested_by']}" if found["requested_by"] else None
    return f"{asked or found['trigger']}{': ' + found['cause'] if found['cause'] else ''}"


def _by_hand(activation: dict[str, Any] | None) -> str | None:
    if activation is None:
        return None
    when = _moment(activation["activated_at"])
    return f"{activation['activated_by']}, {when}: {activation['reason']}"


def _scores(found: Receipt) -> html.Section | None:
    if found["challenger"] is None:
        return None
    names = {
        "challenger": f"Model {found['version']}",
        "champion": f"Model {found['champion_version']}, champion then",
        "baseline": "Repeating last week",
    }
    rows = [_score(name, found[key]) for key, name in names.items() if found[key] is not None]
    heads = ["", "MAE", "90 % of the resamples", "RMSE", "Bias", "R²", "Coverage"]
    return components.card(
        "Scores",
        components.table("Scores", heads, rows),
        html.P(_difference(found), className="mb-0"),
        note=f"A day ahead on {_compared(found)}. Errors in rentals per hour.",
    )


def _compared(found: Receipt) -> str:
    """Say on which hours the scores are."""
    unseen = "hours that neither had seen" if found["champion"] else "hours that it had not seen"
    if not found["hours"]:
        return unseen
    hours, days = formats.quantity(found["hours"], "hour"), formats.quantity(found["days"], "day")
    span = f"{_hour(found['from'])}{BETWEEN}{_hour(found['to'])}"
    return f"{unseen}: {hours} on {days}, {span}"


def _score(name: str, score: dict[str, Any]) -> list[Any]:
    return [
        html.Strong(name),
        formats.number(score["mae"], 2),
        _interval(score.get("mae_interval")),
        formats.number(score["rmse"], 2),
        formats.signed(score["bias"], 2),
        formats.number(score["r2"], 3),
        _coverage(score),
    ]


def _coverage(score: dict[str, Any]) -> str:
    covered = formats.percent(score.get("coverage"), 1)
    if not score.get("coverage_interval"):
        return covered
    low, high = (formats.number(100 * share, 1) for share in score["coverage_interval"])
    return f"{covered} ({low}{BETWEEN}{high})"


def _difference(found: Receipt) -> str:
    difference, rules = found["difference"], found["settings"]
    if difference is None:
        return "It was compared with no champion."
    word = "lower" if difference["mae"] > 0 else "higher"
    return (
        f"Its error is {formats.number(abs(difference['mae']), 2)} {word} than the champion's;"
        f" in 90{formats.SPACE}% of the resamples of days it is lower by"
        f" {_interval(difference['interval'])}. It is lower at all in"
        f" {formats.percent(difference['confidence'], 1)} of"
        f" {formats.number(rules['resamples'])} resamples;"
        f" {formats.percent(rules['level'], 1)} are needed."
    )


def _slices(found: Receipt) -> html.Section | None:
    if not found["slices"]:
        return None
    rows = [
        [
            formats.WEATHER.get(item["slice"], item["slice"].capitalize()),
            formats.number(item["hours"]),
            formats.number(item["challenger"], 2),
            formats.number(item["champion"], 2),
            f"{formats.signed(100 * item['change'], 1)}{formats.SPACE}%",
            formats.percent(item["confidence"]),
            components.badge("worse", "warning") if item["worse"] else "no worse",
        ]
        for item in found["slices"]
    ]
    heads = ["Slice", "Hours", "MAE", "Champion's", "Change", "Sure to be worse", "Verdict"]
    return components.card(
        "Slices",
        components.table("Slices", heads, rows),
        note=f"Worse is an error more than {formats.percent(found['settings']['slice'])} higher"
        f" that is higher at all in {formats.percent(found['settings']['level'], 1)} of the"
        " resamples.",
    )


def _behaviour(found: Receipt) -> html.Section | None:
    if not found["behaviour"]:
        return None
    rows = [
        [
            item["check"].capitalize(),
            components.badge("passed", "success")
            if item["passed"]
            else components.badge("failed", "danger"),
            item["detail"],
        ]
        for item in found["behaviour"]
    ]
    return components.card(
        "Behaviour",
        components.table("Behaviour", ["Check", "Outcome", "What it does"], rows),
        note="What it says when one thing of a real hour is changed.",
    )


def _data(found: Receipt) -> html.Section:
    data = found["data"]
    facts = {}
    if data is not None:
        facts = {
            "Hours": formats.number(data["rows"]),
            "From": _hour(data["from"]),
            "To": _hour(data["to"]),
            "SHA-256": data["data_sha256"],
            "Seen up to": _hour(found["seen_to"]) if found["seen_to"] else None,
        }
    rows = [
        [item["check"].capitalize(), item["first"], item["last"], item["detail"]]
        for item in found["findings"] or []
    ]
    heads = ["Check", "First day", "Last day", "What is doubtful"]
    doubts = components.table("Doubtful data", heads, rows) if rows else None
    return components.card(
        "Data", _facts(facts), doubts or html.P("Nothing about it was doubtful.", className="mb-0")
    )


def _interval(bounds: list[float] | None) -> str:
    if bounds is None:
        return formats.UNKNOWN
    return BETWEEN.join(formats.number(bound, 2) for bound in bounds)


def _hour(text: str) -> str:
    return text.replace("T", " ")[:16]


def _moment(stamp: str) -> str:
    return formats.moment(stamp, current_app.config["VLIB_TIMEZONE"])
