"""Experiments: the trainings, what they tried, the versions they made, and who serves."""

from typing import Any

import dash_bootstrap_components as dbc
from dash import Dash, Input, Output, State, ctx, html
from dash.exceptions import PreventUpdate
from flask import current_app

from webapp import auth, queries, retraining, versions
from webapp.errors import Problem

from .. import components, formats, sections, urls
from ..sections import Drawing

PATH = f"{urls.PREFIX}experiments"
NAME = "Experiments"
TITLE = "What was trained, and what serves"

RUNS, MODELS = 20, 50
REFUSED = "That is not the admin token. The file instance/admin_token holds it."
FIXED_COLUMNS = {"rank": "Rank", "mean_score": "Mean error", "fit_seconds": "Fit time"}


def layout(choices: urls.Choices) -> Any:
    """Return the page before it is filled; the token is kept nowhere but in its field."""
    return components.page(
        TITLE,
        "Every training with its candidates, every version with its score on the holdout.",
        urls.location("experiments", choices),
        sections.section("experiments-active-section", None),
        _actions(),
        sections.section("experiments-runs-section", components.waiting("large")),
        sections.section("experiments-candidates-section", None),
        sections.section("experiments-models-section", components.waiting("large")),
        sections.section("experiments-champions-section", None),
    )


def register_callbacks(app: Dash) -> None:
    """Fill the page, keep it filled, and answer its buttons."""
    progress, slow = sections.PROGRESS, sections.REFRESH
    for name, draw, every in (
        ("active", active, progress),
        ("runs", runs, progress),
        ("candidates", candidates, slow),
        ("models", models, slow),
        ("champions", champions, slow),
    ):
        sections.register(
            app, "experiments", PATH, f"experiments-{name}-section", draw, every=every
        )

    @app.callback(
        Output("experiments-version-select", "options"),
        Input("shell-refresh-interval", "n_intervals"),
        Input("experiments-message", "children"),
    )
    def offered(_ticks: object, _message: object) -> list[dict[str, str]]:
        return _versions()

    @app.callback(
        Output("experiments-message", "children"),
        Input("experiments-retrain-button", "n_clicks"),
        Input("experiments-cancel-button", "n_clicks"),
        Input("experiments-activate-button", "n_clicks"),
        State("experiments-token-input", "value"),
        State("experiments-version-select", "value"),
        State("experiments-reason-input", "value"),
        prevent_initial_call=True,
    )
    def act(*given: Any) -> dbc.Alert:
        *clicks, token, version, reason = given
        if not any(clicks):
            raise PreventUpdate
        try:
            if not isinstance(token, str) or not auth.is_admin_token(token):
                return _message(REFUSED, "danger")
            return _message(_done(str(ctx.triggered_id), version, reason), "success")
        except Problem as problem:
            return _message(problem.detail, "warning")
        except Exception:  # a button that was pressed always gets an answer
            current_app.logger.exception("%s failed", ctx.triggered_id)
            return _message("That did not work; the server's log has the reason.", "danger")


def active(_choices: urls.Choices, _theme: str) -> Drawing:
    """Return the progress of the training under way."""
    run = queries.active_run()
    return Drawing(components.progress(run, "Training a model") if run else None)


def runs(choices: urls.Choices, _theme: str) -> Drawing:
    """Return the trainings, newest first."""
    items = queries.list_runs(limit=RUNS)
    if not items:
        return Drawing(components.empty("There has been no training yet.", "Start one above."))
    chosen = _chosen(choices, items)
    rows = [_run_row(run, choices) for run in items]
    index = next((i for i, run in enumerate(items) if run is chosen), None)
    heads = ["Asked for", "Trigger", "Status", "Took", "Model", "Error", "Reason"]
    card = components.card(
        "Trainings",
        components.table("Trainings, newest first", heads, rows, index),
        note="Error: mean absolute error a day ahead on the holdout, rentals per hour. "
        "Choose a training to see its candidates.",
    )
    return Drawing(card)


def candidates(choices: urls.Choices, _theme: str) -> Drawing:
    """Return what the chosen training tried, as a table that can be sorted."""
    run = _chosen(choices, queries.list_runs(limit=RUNS))
    if run is None:
        return Drawing()
    tried = run["candidates"] or []
    title = f"Candidates of the training of {_moment(run['requested_at'])}"
    if not tried:
        card = components.card(
            title, html.P("This training got to no candidates.", className="mb-0")
        )
    names = sorted({name for item in tried for name in item["params"]})
    columns = FIXED_COLUMNS | {name: _parameter(name) for name in names}
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
        note="Mean error: mean absolute error over time-ordered folds. The best is marked.",
    )
    return Drawing(card)
    return Drawing(card)


def models(_choices: urls.Choices, _theme: str) -> Drawing:
    """Return the versions with their scores on the holdout."""
    items = queries.list_models()[:MODELS]
    if not items:
        return Drawing(components.empty("No model has been trained to the end yet."))
    heads = [
        "Model",
        "Status",
        "Trained",
        "MAE",
        "Last week",
        "RMSE",
        "Bias",
        "R²",
        "Coverage",
        "Why",
    ]
    card = components.card(
        "Versions",
        components.table("Versions, newest first", heads, [_model_row(model) for model in items]),
        note="Scores a day ahead on each version's own holdout, its newest 28 days; "
        "“Last week” is the MAE of repeating last week on the same hours.",
    )
    return Drawing(card)


def champions(_choices: urls.Choices, _theme: str) -> Drawing:
    """Return who was champion when, the newest first."""
    items = queries.list_activations()[:MODELS]
    if not items:
        return Drawing()
    ends = ["today", *(_moment(item["activated_at"]) for item in items)]
    rows = [
        [
            html.Strong(item["version"]),
            _moment(item["activated_at"]),
            end,
            item["activated_by"],
            item["reason"],
        ]
        for item, end in zip(items, ends, strict=False)
    ]
    heads = ["Model", "From", "To", "Activated by", "Reason"]
    title = "Who was champion when"
    return Drawing(components.card(title, components.table(title, heads, rows)))


def _actions() -> html.Details:
    token = dbc.Input(id="experiments-token-input", type="password", autocomplete="off")
    version = dbc.Select(id="experiments-version-select", options=_versions())
    reason = dbc.Input(id="experiments-reason-input", type="text", maxLength=200)
    retrain, cancel, activate = (
        dbc.Button(text, id=f"experiments-{name}-button", color=colour, outline=outline)
        for name, text, colour, outline in (
            ("retrain", "Retrain now", "primary", False),
            ("cancel", "Cancel the running training", "danger", True),
            ("activate", "Activate this model", "primary", True),
        )
    )
    return html.Details(
        [
            html.Summary("Retrain, cancel, activate"),
            html.Div(
                [
                    components.field("Admin token", token, "experiments-token-input"),
                    html.Div([retrain, cancel], className="field buttons"),
                ],
                className="controls",
            ),
            html.Div(
                [
                    components.field("Model to activate", version, "experiments-version-select"),
                    components.field("Reason", reason, "experiments-reason-input"),
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


def _done(button: str, version: object, reason: object) -> str:
    if button == "experiments-retrain-button":
        retraining.start("admin")
        return "A training has been started; its progress shows above."
    if button == "experiments-cancel-button":
        run = queries.active_run()
        if run is None:
            return "No training is running."
        retraining.cancel(run["run_id"])
        return "The training has been cancelled."
    if not isinstance(version, str) or not version.isdecimal():
        return "Choose the model to activate first."
    if not isinstance(reason, str) or not reason.strip():
        return "Say why first: the reason is kept with the activation."
    retraining.activate(int(version), reason.strip()[:200], "admin")
    return f"Model {version} serves now."


def _versions() -> list[dict[str, str]]:
    return [
        {"value": model["version"], "label": f"Model {model['version']} ({model['status']})"}
        for model in queries.list_models()
        if model["status"] not in ("champion", "rejected") and versions.exists(model["version"])
    ]


def _message(text: str, colour: str) -> dbc.Alert:
    return dbc.Alert(text, color=colour, className="mb-0 mt-3")


def _chosen(choices: urls.Choices, items: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the run that the URL names, else the newest with candidates."""
    wanted = choices.get("run")
    named = (run for run in items if run["run_id"] == wanted)
    return next(named, next((run for run in items if run["candidates"]), None))


def _run_row(run: dict[str, Any], choices: urls.Choices) -> list[Any]:
    href = urls.with_choice(choices, run=run["run_id"])
    status: list[Any] = [components.status(run["status"])]
    if run["status"] in ("queued", "running"):
        status.append(f" {run['stage'] or ''} {formats.percent(run['progress'])}")
    return [
        html.A(
            _moment(run["requested_at"]),
            id=f"experiments-run-{run['run_id']}-link",
            href=href,
            **components.IN_PAGE,
        ),
        run["trigger"],
        html.Span(status),
        formats.duration(run["started_at"], run["finished_at"]),
        _decision(run),
        formats.number((run["metrics"] or {}).get("mae"), 1),
        run["reason"] or formats.UNKNOWN,
    ]


def _candidate_row(item: dict[str, Any], names: list[str]) -> list[Any]:
    return [
        str(item.get("rank", formats.UNKNOWN)),
        formats.number(item.get("mean_score"), 2),
        f"{formats.number(item.get('fit_seconds'), 1)}{formats.SPACE}s",
        *(str(item["params"].get(name, formats.UNKNOWN)) for name in names),
    ]


def _model_row(model: dict[str, Any]) -> list[Any]:
    metrics, baseline = model["holdout"]["metrics"], model["holdout"]["baseline"]
    why = (model["receipt"] or {}).get("reason")
    if model["reason"] and model["reason"] != why:
        why = f"{why}; activated by {model['activated_by']}: {model['reason']}"
    return [
        _receipt(f"Model {model['version']}", version=model["version"]),
        components.status(model["status"]),
        _moment(model["trained_at"]),
        formats.number(metrics.get("mae"), 1),
        formats.number(baseline.get("mae"), 1),
        formats.number(metrics.get("rmse"), 1),
        formats.signed(metrics.get("bias"), 1),
        formats.number(metrics.get("r2"), 2),
        formats.percent(metrics.get("coverage")),
        why or formats.UNKNOWN,
    ]


def _decision(run: dict[str, Any]) -> Any:
    """Return the link to the receipt of a run, if it came to a decision."""
    if run["model_version"]:
        return _receipt(f"Model {run['model_version']}", version=run["model_version"])
    return _receipt("Receipt", run=run["run_id"]) if run["receipt"] else formats.UNKNOWN


def _receipt(label: str, **of: str) -> html.A:
    href = f"{urls.PREFIX}receipts{urls.search(of)}"
    return html.A(label, href=href, **components.IN_PAGE)


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


def _parameter(name: str) -> str:
    return name.rsplit("__", 1)[-1].replace("_", " ").capitalize()


def _moment(stamp: str | None) -> str:
    return formats.moment(stamp, current_app.config["VLIB_TIMEZONE"])
