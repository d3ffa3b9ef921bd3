"""Experiments: the trainings, what they tried, the versions they made, and who serves."""

import uuid
from typing import Any

import dash_bootstrap_components as dbc
import pandas as pd
from dash import Dash, Input, Output, State, ctx, html, no_update
from dash.exceptions import PreventUpdate
from flask import current_app
from flask_babel import gettext as _

from webapp import auth, queries, retraining, versions
from webapp.errors import Problem
from webapp.language import N_, translated

from .. import comparing, components, figures, formats, reasons, sections, urls
from ..sections import Chart, Drawing

PATH = f"{urls.PREFIX}experiments"
NAME = N_("Experiments")
TITLE = N_("What was trained, and what serves")

RUNS, MODELS = 20, 50
CANDIDATES = "experiments-candidates-graph"
SCORE = "mean_score"
CONTROLS = {"first": "experiments-first-select", "second": "experiments-second-select"}
REFUSED = N_("That is not the admin token. The file admin_token in the instance folder holds it.")
MISSING = N_("The admin token is missing. The file admin_token in the instance folder holds it.")
BUTTONS = ("retrain", "cancel", "activate")
SUCCESS_MS = 20_000  # after which its message goes: it was told, and may be true no more
FIXED_COLUMNS = {
    "rank": N_("Rank"),
    "mean_score": N_("Mean error"),
    "fit_seconds": N_("Fit time"),
}


def layout(choices: urls.Choices) -> Any:
    """Return the page before it is filled; the token is kept nowhere but in its field."""
    return components.page(
        _(TITLE),
        _("Every training with its candidates, every version with its score on the holdout."),
        urls.location("experiments", choices),
        sections.section("experiments-active-section", None),
        _actions(),
        sections.section("experiments-runs-section", components.waiting("large")),
        sections.section(
            "experiments-candidates-section",
            None,
            components.chart(CANDIDATES, _("What the candidates have in common")),
        ),
        sections.section("experiments-models-section", components.waiting("large")),
        _comparison(clean(choices, None)),
        sections.section("experiments-compare-section", None),
        sections.section("experiments-champions-section", None),
    )


def register_callbacks(app: Dash) -> None:
    """Fill the page, keep it filled, and answer its buttons."""
    urls.sync(app, "experiments", PATH, CONTROLS, clean)
    progress, slow = sections.PROGRESS, sections.REFRESH
    for name, draw, every, charts in (
        ("active", active, progress, []),
        ("runs", runs, progress, []),
        ("candidates", candidates, slow, [CANDIDATES]),
        ("models", models, slow, []),
        ("compare", compare, slow, []),
        ("champions", champions, slow, []),
    ):
        sections.register(
            app, "experiments", PATH, f"experiments-{name}-section", draw, charts, every=every
        )

    @app.callback(
        Output("experiments-version-select", "options"),
        Input("shell-refresh-interval", "n_intervals"),
        Input("experiments-message", "children"),
    )
    def offered(_ticks: object, _message: object) -> list[dict[str, str]]:
        return _versions()

    selects = list(CONTROLS.values())

    @app.callback(
        *(Output(id_, "options") for id_ in selects),
        *(Output(id_, "value", allow_duplicate=True) for id_ in selects),
        Input("shell-refresh-interval", "n_intervals"),
        State("experiments-url", "search"),
        *(State(id_, "value") for id_ in selects),
        prevent_initial_call=True,
    )
    def comparable(_ticks: object, search: object, *shown: object) -> list[Any]:
        """Offer new versions, and show those that are compared as long as none is chosen."""
        given = urls.parse(search)
        wanted = clean(given, None)
        options = [{"value": key, "label": text} for key, text in _comparable().items()]
        moved = [
            no_update if wanted[name] in (given.get(name), value) else wanted[name]
            for name, value in zip(CONTROLS, shown, strict=True)
        ]
        return [options, options, *moved]

    @app.callback(
        Output("experiments-message", "children"),
        Input("experiments-retrain-button", "n_clicks"),
        Input("experiments-cancel-button", "n_clicks"),
        Input("experiments-activate-button", "n_clicks"),
        State("experiments-token-input", "value"),
        State("experiments-version-select", "value"),
        State("experiments-reason-input", "value"),
        running=[
            (Output("experiments-message", "className"), "busy", ""),
            *((Output(f"experiments-{name}-button", "disabled"), True, False) for name in BUTTONS),
        ],
        prevent_initial_call=True,
    )
    def act(*given: Any) -> dbc.Alert:
        *clicks, token, version, reason = given
        if not any(clicks):
            raise PreventUpdate
        try:
            if not token:
                return _message(_(MISSING), "warning")
            if not isinstance(token, str) or not auth.is_admin_token(token):
                return _message(_(REFUSED), "danger")
            return _message(*_done(str(ctx.triggered_id), version, reason))
        except Problem as problem:
            return _message(_(problem.detail), "warning")
        except Exception:  # a button that was pressed always gets an answer
            current_app.logger.exception("%s failed", ctx.triggered_id)
            failed = _("That did not work; the server's log has the reason.")
            return _message(failed, "danger")


def clean(choices: urls.Choices, _changed: str | None) -> urls.Choices:
    """Return legal choices: the champion beside the version before it, if nothing is chosen."""
    items = queries.list_models()
    numbers = [model["version"] for model in items]
    champion = next((one["version"] for one in items if one["status"] == "champion"), "")
    others = [number for number in numbers if number != champion]
    usual = {"first": others[0] if others else champion, "second": champion}
    wrong = {name: usual[name] for name in usual if choices.get(name) not in numbers}
    return {**choices, **wrong}


def compare(choices: urls.Choices, _theme: str) -> Drawing:
    """Return the two chosen versions side by side."""
    chosen = clean(choices, None)
    found = {model["version"]: model for model in queries.list_models()}
    if chosen["first"] == chosen["second"] or len(found) < 2:
        return Drawing(
            components.empty(
                _("Choose two versions to compare."),
                _("With the second training there are two.") if len(found) < 2 else "",
            )
        )
    return Drawing(comparing.report(found[chosen["first"]], found[chosen["second"]]))


def active(_choices: urls.Choices, _theme: str) -> Drawing:
    """Return the progress of the training under way."""
    run = queries.active_run()
    return Drawing(components.progress(run, _("Training a model")) if run else None)


def runs(choices: urls.Choices, _theme: str) -> Drawing:
    """Return the trainings, newest first."""
    items = queries.list_runs(limit=RUNS)
    if not items:
        return Drawing(
            components.empty(_("There has been no training yet."), _("Start one above."))
        )
    chosen = _chosen(choices, items)
    rows = [_run_row(run, choices) for run in items]
    index = next((i for i, run in enumerate(items) if run is chosen), None)
    heads = [
        _("Asked for"),
        _("Trigger"),
        _("Status"),
        _("Took"),
        _("Model"),
        _("Error"),
        _("Reason"),
    ]
    card = components.card(
        _("Trainings"),
        components.table(_("Trainings, newest first"), heads, rows, index),
        note=_(
            "Error: mean absolute error a day ahead on the holdout, rentals per hour. Choose a "
            "training to see its candidates."
        ),
    )
    return Drawing(card)


def candidates(choices: urls.Choices, theme: str) -> Drawing:
    """Return what the chosen training tried, as a table that can be sorted and as lines."""
    run = _chosen(choices, queries.list_runs(limit=RUNS))
    if run is None:
        return Drawing()
    tried = run["candidates"] or []
    title = _("Candidates of the training of %(when)s", when=_moment(run["requested_at"]))
    if not tried:
        none = html.P(_("This training got to no candidates."), className="mb-0")
        return Drawing(components.card(title, none))
    names = sorted({name for item in tried for name in item["params"]})
    columns = translated(FIXED_COLUMNS) | {name: formats.parameter(name) for name in names}
    by = choices.get("sort", "rank")
    by = by if by in columns else "rank"
    down = choices.get("order") == "descending"
    heads = [_sort_head(key, label, by, down, choices) for key, label in columns.items()]
    best = min(tried, key=lambda item: _number(item.get("rank")))
    ordered = sorted(tried, key=lambda item: _sort_key(item, by), reverse=down)
    rows = [_candidate_row(item, names) for item in ordered]
    card = components.card(
        title,
        components.table(title, heads, rows, ordered.index(best), look="compact"),
        note=_("Mean error: mean absolute error over time-ordered folds. The best is marked."),
    )
    return Drawing(card, {CANDIDATES: _parallel(tried, names, theme)})


def _parallel(tried: list[dict[str, Any]], names: list[str], theme: str) -> Chart:
    """Return each candidate as a line over what was varied, to its error."""
    frame = pd.DataFrame([{**one["params"], SCORE: one.get(SCORE)} for one in tried])
    varied = [name for name in names if frame[name].astype(str).nunique() > 1]
    frame = frame[[*varied, SCORE]].sort_values(SCORE, ignore_index=True)
    labels = {name: formats.parameter(name) for name in varied} | {SCORE: _("Mean error")}
    values = ", ".join(f"{labels[name]} {formats.setting(frame[name].iloc[0])}" for name in varied)
    return Chart(
        figures.parallel(frame.rename(columns=labels), theme),
        _("Each line is a candidate; it ends at its mean error, rentals per hour"),
        _(
            "Best: %(values)s, with an error of %(error)s. Worst: %(worst)s.",
            values=values,
            error=formats.number(frame[SCORE].iloc[0], 2),
            worst=formats.number(frame[SCORE].iloc[-1], 2),
        ),
        frame.rename(columns=labels),
    )


def models(choices: urls.Choices, _theme: str) -> Drawing:
    """Return the versions with their scores on the holdout."""
    items = queries.list_models()[:MODELS]
    if not items:
        return Drawing(components.empty(_("No model has been trained to the end yet.")))
    heads = [
        _("Model"),
        _("Status"),
        _("Trained"),
        _("MAE"),
        _("Last week"),
        _("RMSE"),
        _("Bias"),
        "R²",
        _("Coverage"),
        _("Why"),
    ]
    card = components.card(
        _("Versions"),
        components.table(
            _("Versions, newest first"), heads, [_model_row(model, choices) for model in items]
        ),
        note=_(
            "Scores a day ahead on each version's own holdout, its newest 28 days; “Last week” is "
            "the MAE of repeating last week on the same hours."
        ),
    )
    return Drawing(card)


def champions(_choices: urls.Choices, _theme: str) -> Drawing:
    """Return who was champion when, the newest first."""
    items = queries.list_activations()[:MODELS]
    if not items:
        return Drawing()
    ends = [_("today"), *(_moment(item["activated_at"]) for item in items)]
    rows = [
        [
            html.Strong(item["version"]),
            _moment(item["activated_at"]),
            end,
            formats.trigger(item["activated_by"]),
            reasons.told(item["reason"]),
        ]
        for item, end in zip(items, ends, strict=False)
    ]
    heads = [_("Model"), _("From"), _("To"), _("Activated by"), _("Reason")]
    title = _("Who was champion when")
    return Drawing(components.card(title, components.table(title, heads, rows)))


def _comparison(chosen: urls.Choices) -> html.Section:
    options = _comparable()
    labels = {"first": _("Model"), "second": _("Beside")}
    fields = [
        components.field(labels[name], components.select(id_, options, chosen[name]), id_)
        for name, id_ in CONTROLS.items()
    ]
    return components.card(_("Compare two versions"), html.Div(fields, className="controls mt-3"))


def _comparable() -> dict[str, str]:
    numbers = [model["version"] for model in queries.list_models()]
    return {number: _("Model %(version)s", version=number) for number in numbers}


def _actions() -> html.Details:
    token = dbc.Input(id="experiments-token-input", type="password", autocomplete="off")
    version = dbc.Select(id="experiments-version-select", options=_versions())
    reason = dbc.Input(id="experiments-reason-input", type="text", maxLength=200)
    retrain, cancel, activate = (
        dbc.Button(text, id=f"experiments-{name}-button", color=colour, outline=outline)
        for name, text, colour, outline in (
            ("retrain", _("Retrain now"), "primary", False),
            ("cancel", _("Cancel the running training"), "danger", True),
            ("activate", _("Activate this model"), "primary", True),
        )
    )
    return html.Details(
        [
            html.Summary(_("Retrain, cancel, activate")),
            html.Div(
                [
                    components.field(_("Admin token"), token, "experiments-token-input"),
                    html.Div([retrain, cancel], className="field buttons"),
                ],
                className="controls",
            ),
            html.Div(
                [
                    components.field(_("Model to activate"), version, "experiments-version-select"),
                    components.field(_("Reason"), reason, "experiments-reason-input"),
                    html.Div(activate, className="field buttons"),
                ],
                className="controls",
            ),
            html.Div(
                id="experiments-message", role="status", **components.attributes(aria_live="polite")
            ),
        ],
        open=True,
        className="panel actions",
    )


def _done(button: str, version: object, reason: object) -> tuple[str, str]:
    """Do what a button says; return what to tell of it, and the colour of the message."""
    if button == "experiments-retrain-button":
        retraining.start("admin")
        return _("A training has been started; its progress shows above."), "success"
    if button == "experiments-cancel-button":
        run = queries.active_run()
        if run is None:
            return _("No training is running."), "secondary"
        retraining.cancel(run["run_id"])
        return _("The training has been cancelled."), "success"
    number = urls.number(version)
    if number is None:
        return _("Choose the model to activate first."), "warning"
    if not isinstance(reason, str) or not reason.strip():
        return _("Say why first: the reason is kept with the activation."), "warning"
    retraining.activate(number, reason.strip()[:200], "admin")
    return _("Model %(version)s serves now.", version=version), "success"


def _versions() -> list[dict[str, str]]:
    return [
        {
            "value": model["version"],
            "label": formats.model(model),
        }
        for model in queries.list_models()
        if model["status"] not in ("champion", "rejected") and versions.exists(model["version"])
    ]


def _message(text: str, colour: str) -> dbc.Alert:
    duration = SUCCESS_MS if colour == "success" else None
    # With an id of its own it is drawn anew where another one has gone.
    return dbc.Alert(
        text, id=str(uuid.uuid4()), color=colour, duration=duration, className="mb-0 mt-3"
    )


def _chosen(choices: urls.Choices, items: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the run that the URL names, else the newest with candidates."""
    wanted = choices.get("run")
    named = (run for run in items if run["run_id"] == wanted)
    return next(named, next((run for run in items if run["candidates"]), None))


def _run_row(run: dict[str, Any], choices: urls.Choices) -> list[Any]:
    href = urls.with_choice(choices, run=run["run_id"])
    status: list[Any] = [components.status(run["status"])]
    if run["status"] in ("queued", "running"):
        stage = formats.stage(run["stage"] or "")
        status.append(f" {stage} {formats.percent(run['progress'])}")
    return [
        html.A(
            _moment(run["requested_at"]),
            id=f"experiments-run-{run['run_id']}-link",
            href=href,
            **components.IN_PAGE,
        ),
        formats.trigger(run["trigger"]),
        html.Span(status),
        formats.duration(run["started_at"], run["finished_at"]),
        _decision(run, choices),
        formats.number((run["metrics"] or {}).get("mae"), 1),
        reasons.told(run["reason"]),
    ]


def _candidate_row(item: dict[str, Any], names: list[str]) -> list[Any]:
    return [
        str(item.get("rank", formats.UNKNOWN)),
        formats.number(item.get("mean_score"), 2),
        formats.number(item.get("fit_seconds"), 1, "s"),
        *(formats.setting(item["params"].get(name)) for name in names),
    ]


def _model_row(model: dict[str, Any], choices: urls.Choices) -> list[Any]:
    metrics, baseline = model["holdout"]["metrics"], model["holdout"]["baseline"]
    decided = (model["receipt"] or {}).get("reason")
    why: list[Any] = [reasons.told(decided)]
    if model["reason"] and model["reason"] != decided:
        by = formats.trigger(model["activated_by"])
        why += ["; ", _("activated by %(who)s:", who=by), " ", reasons.told(model["reason"])]
    return [
        _receipt(
            _("Model %(version)s", version=model["version"]), choices, version=model["version"]
        ),
        components.status(model["status"]),
        _moment(model["trained_at"]),
        formats.number(metrics.get("mae"), 1),
        formats.number(baseline.get("mae"), 1),
        formats.number(metrics.get("rmse"), 1),
        formats.signed(metrics.get("bias"), 1),
        formats.number(metrics.get("r2"), 2),
        formats.percent(metrics.get("coverage")),
        html.Span(why),
    ]


def _decision(run: dict[str, Any], choices: urls.Choices) -> Any:
    """Return the link to the receipt of a run, if it came to a decision."""
    if version := run["model_version"]:
        return _receipt(_("Model %(version)s", version=version), choices, version=version)
    if run["receipt"]:
        return _receipt(_("Receipt"), choices, run=run["run_id"])
    return formats.UNKNOWN


def _receipt(label: str, choices: urls.Choices, **of: str) -> html.A:
    return html.A(label, href=urls.link("receipts", choices, **of), **components.IN_PAGE)


def _sort_head(key: str, label: str, by: str, down: bool, choices: urls.Choices) -> html.Th:
    now = ("descending" if down else "ascending") if key == by else None
    following = "descending" if now == "ascending" else "ascending"
    href = urls.with_choice(choices, sort=key, order=following)
    return components.sort_head(f"experiments-sort-{key}-link", label, href, now)


def _sort_key(item: dict[str, Any], by: str) -> tuple[float, str]:
    value = item.get(by) if by in FIXED_COLUMNS else item["params"].get(by)
    return _number(value), str(value)


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else float("inf")


def _moment(stamp: str | None) -> str:
    return formats.moment(stamp, current_app.config["VLIB_TIMEZONE"])
