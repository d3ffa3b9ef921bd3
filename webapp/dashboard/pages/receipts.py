"""Receipts: why a version serves or does not, as it was written when it was decided."""

import datetime as dt
from collections import defaultdict
from typing import Any

from dash import Dash, html
from flask import current_app
from flask_babel import gettext as _

from webapp import queries
from webapp.language import N_

from .. import components, formats, reasons, sections, urls
from ..sections import Drawing

PATH = f"{urls.PREFIX}receipts"
NAME = N_("Receipts")
TITLE = N_("Why does this model serve, or not?")

CONTROLS = {"version": "receipts-version-select"}

Receipt = dict[str, Any]


def layout(choices: urls.Choices) -> Any:
    """Return the page with the version that the URL names, or the newest, chosen."""
    versions = {model["version"]: formats.model(model) for model in queries.list_models()}
    select = components.select(CONTROLS["version"], versions, clean(choices, None)["version"])
    return components.page(
        _(TITLE),
        _("The receipt of each decision about a new model. Nothing changes it afterwards."),
        urls.location("receipts", choices),
        html.Div(
            components.field(_("Model"), select, CONTROLS["version"]), className="controls mb-3"
        ),
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
    number = urls.number(version)
    return None if number is None else queries.receipt(number)


def _of_run(run_id: str) -> Receipt | None:
    """Return the receipt of a run that was rejected before it made a version."""
    run = queries.get_run(run_id)
    if run is None:
        return None
    return run["receipt"] or _of_version(run["model_version"] or "")


def _nothing(chosen: urls.Choices) -> html.Div:
    trainings = html.A(
        _("To the trainings"), href=urls.link("experiments", chosen), **components.IN_PAGE
    )
    if chosen.get("run"):
        return components.empty(
            _("This training left no receipt."),
            _("It came to no decision; what ended it stands beside it."),
            " ",
            trainings,
        )
    if chosen["version"]:
        return components.empty(_("There is no such model."), _("Choose one above."))
    return components.empty(
        _("Nothing has been decided yet."),
        _("The first training writes the first receipt."),
        " ",
        trainings,
    )


def _decision(found: Receipt) -> html.Section:
    version, champion = found["version"], found["champion_version"]
    facts = {
        _("Decided"): _moment(found["decided_at"]) if found["decided_at"] else None,
        _("Asked for by"): _trigger(found),
        _("Took"): f"{formats.number(found['seconds'], 1)}{formats.SPACE}s",
        _("Doubtful data"): _("accepted by an admin") if found["accepted"] else None,
        _("Champion then"): _("Model %(version)s", version=champion) if champion else None,
        _("Made champion by"): _by_hand(found["champion_by_hand"]),
        _("Code"): found["git_revision"],
        _("MLflow run"): found["mlflow_run_id"],
        _("Training"): found["run_id"],
    }
    title = _("Model %(version)s", version=version) if version else _("A training without a model")
    address = f"/api/models/{version}/receipt" if version else f"/api/retrain/{found['run_id']}"
    return components.card(
        title,
        html.P([components.status(found["decision"]), " ", reasons.told(found["reason"]), "."]),
        _facts(facts),
        html.P(html.A(_("The same as JSON"), href=address), className="mb-0"),
    )


def _facts(facts: dict[str, Any]) -> html.Dl:
    rows = [(html.Dt(name), html.Dd(value)) for name, value in facts.items() if value]
    return html.Dl([cell for row in rows for cell in row], className="facts")


def _trigger(found: Receipt) -> str:
    asked = formats.trigger(found["trigger"])
    if found["requested_by"]:
        asked += f", {reasons.told(found['requested_by'])}"
    if found["cause"]:
        return _("%(what)s: %(of)s", what=asked, of=reasons.told(found["cause"]))
    return asked


def _by_hand(activation: dict[str, Any] | None) -> str | None:
    if activation is None:
        return None
    who = f"{formats.trigger(activation['activated_by'])}, {_moment(activation['activated_at'])}"
    return _("%(what)s: %(of)s", what=who, of=reasons.told(activation["reason"]))


def _scores(found: Receipt) -> html.Section | None:
    if found["challenger"] is None:
        return None
    names = {
        "challenger": _("Model %(version)s", version=found["version"]),
        "champion": _("Model %(version)s, champion then", version=found["champion_version"]),
        "baseline": _("Repeating last week"),
    }
    rows = [_score(name, found[key]) for key, name in names.items() if found[key] is not None]
    heads = [
        _("Model"),
        _("MAE"),
        _("90 % of the resamples"),
        _("RMSE"),
        _("Bias"),
        "R²",
        _("Coverage"),
    ]
    return components.card(
        _("Scores"),
        components.table(_("Scores"), heads, rows),
        html.P(_difference(found), className="mb-0"),
        note=" ".join([_compared(found), _("Errors in rentals per hour.")]),
    )


def _compared(found: Receipt) -> str:
    """Say on which hours the scores are."""
    compared = found["champion"] is not None
    unseen = (
        _("A day ahead on hours that neither had seen.")
        if compared
        else _("A day ahead on hours that it had not seen.")
    )
    if not found["hours"]:
        return unseen
    span = _(
        "%(hours)s on %(days)s, %(first)s to %(last)s.",
        hours=formats.hours(found["hours"]),
        days=formats.days(found["days"]),
        first=_hour(found["from"]),
        last=_hour(found["to"]),
    )
    return f"{unseen} {span}"


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
    low, high = score["coverage_interval"]
    bounds = formats.interval(100 * low, 100 * high, 1)
    return formats.Written(f"{covered} ({bounds})", f"{covered.data} ({bounds.data})")


def _difference(found: Receipt) -> str:
    difference, rules = found["difference"], found["settings"]
    if difference is None:
        return _("It was compared with no champion.")
    error = formats.number(abs(difference["mae"]), 2)
    told = [
        _("Its error is %(error)s lower than the champion's.", error=error)
        if difference["mae"] > 0
        else _("Its error is %(error)s higher than the champion's.", error=error),
        _(
            "In 90 %% of the resamples of days it is lower by %(interval)s.",
            interval=_interval(difference["interval"]),
        ),
        _(
            "It is lower at all in %(share)s of %(resamples)s resamples; %(level)s are needed.",
            share=formats.percent(difference["confidence"], 1),
            resamples=formats.number(rules["resamples"]),
            level=formats.percent(rules["level"], 1),
        ),
    ]
    return " ".join(told)


def _slices(found: Receipt) -> html.Section | None:
    if not found["slices"]:
        return None
    rows = [
        [
            _slice_name(item["slice"]),
            formats.number(item["hours"]),
            formats.number(item["challenger"], 2),
            formats.number(item["champion"], 2),
            formats.signed(100 * item["change"], 1, "%"),
            formats.percent(item["confidence"]),
            components.badge(_("worse"), "warning") if item["worse"] else _("no worse"),
        ]
        for item in found["slices"]
    ]
    heads = [
        _("Slice"),
        _("Hours"),
        _("MAE"),
        _("Champion's"),
        _("Change"),
        _("Sure to be worse"),
        _("Verdict"),
    ]
    return components.card(
        _("Slices"),
        components.table(_("Slices"), heads, rows),
        note=_(
            "Worse is an error more than %(slice)s higher that is higher at all in %(level)s of "
            "the resamples.",
            slice=formats.percent(found["settings"]["slice"]),
            level=formats.percent(
                found["settings"].get("slice_level") or found["settings"]["level"]
            ),
        ),
    )


def _slice_name(name: str) -> str:
    weather = formats.WEATHER.get(name)
    told = _(weather) if weather else reasons.told(name)
    return told[:1].upper() + told[1:]


def _behaviour(found: Receipt) -> html.Section | None:
    if not found["behaviour"]:
        return None
    rows = [
        [
            formats.check(item["check"]),
            components.badge(_("passed"), "success")
            if item["passed"]
            else components.badge(_("failed"), "danger"),
            reasons.told(item["detail"]),
        ]
        for item in found["behaviour"]
    ]
    return components.card(
        _("Behaviour"),
        components.table(_("Behaviour"), [_("Check"), _("Outcome"), _("What it does")], rows),
        note=_("What it says when one thing of a real hour is changed."),
    )


def _data(found: Receipt) -> html.Section:
    data = found["data"]
    facts = {}
    if data is not None:
        facts = {
            _("Hours"): formats.number(data["rows"]),
            _("From"): _hour(data["from"]),
            _("To"): _hour(data["to"]),
            _("SHA-256"): data["data_sha256"],
            _("Seen up to"): _hour(found["seen_to"]) if found["seen_to"] else None,
        }
    rows = [
        [
            formats.check(item["check"]),
            _day(item["first"]),
            _day(item["last"]),
            reasons.told(item["detail"]),
        ]
        for item in found["findings"] or []
    ]
    heads = [_("Check"), _("First day"), _("Last day"), _("What is doubtful")]
    doubts = components.table(_("Doubtful data"), heads, rows) if rows else None
    none = html.P(_("Nothing about it was doubtful."), className="mb-0")
    return components.card(_("Data"), _facts(facts), doubts or none)


def _interval(bounds: list[float] | None) -> str:
    if bounds is None:
        return formats.UNKNOWN
    low, high = bounds
    return formats.interval(low, high, 2)


def _hour(text: str) -> str:
    return formats.hour(dt.datetime.fromisoformat(text))


def _day(text: str) -> str:
    return formats.day(dt.date.fromisoformat(text))


def _moment(stamp: str) -> str:
    return formats.moment(stamp, current_app.config["VLIB_TIMEZONE"])
