"""The promotion gate: gathers what a decision stands on, and writes its receipt."""

import json
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
from flask import current_app

from training import promotion, tracking
from training.artefact import Artefact, BrokenArtefact
from training.behaviour import Behaviour, check_behaviour
from training.history import History, as_hours
from training.promotion import Decision, Rules
from training.train import HEADLINE_HORIZON, TrainingRejected, TrainingResult, backtest, describe

from . import predictor, queries

JSON = dict[str, Any]

MEASURED = (
    *("champion_version", "champion_by_hand", "from", "to", "hours", "days"),
    *("challenger", "champion", "baseline", "difference", "slices", "behaviour"),
    *("seen_to", "mlflow_run_id", "mlflow_version"),
)
"""What the receipt of a run without a model does not know."""


def judge(
    run: JSON, frame: pd.DataFrame, result: TrainingResult, directory: Path, started: float
) -> JSON:
    """Decide about a challenger, and return the receipt.

    Parameters
    ----------
    run : dict
        As `queries.get_run` returns it.
    frame : DataFrame
        The hours that the challenger was trained and scored on.
    directory : Path
        Of its artefact.
    started : float
        When the run began, by `time.monotonic`.
    """
    history, current = History.from_frame(frame), predictor.current()
    current.mend()  # another machine may have trained the champion
    champion, theirs, too_few = current.serving, None, None
    ours = _a_day_ahead(result.backtest)
    if champion is not None:
        seen_to = _seen_to(champion.version)
        new = ours[ours["datetime"] > pd.Timestamp(seen_to)]
        too_few = _too_few(len(new), champion.version, seen_to)
        if not too_few:
            ours, hours = new, as_hours(new["datetime"].to_numpy())
            scored = backtest(champion.artefact, history, current.calendar, hours)
            theirs = _a_day_ahead(scored)
    working = history.working(as_hours(ours["datetime"].to_numpy()), current.calendar)
    evidence = promotion.weigh(ours, theirs, working, rules())
    behaviour, broken = _try_out(directory, result.checksums, history)
    decision = promotion.decide(evidence, behaviour, rules(), broken=broken, too_few=too_few)
    replaces = _activated_by_hand()
    if decision.status == "promoted" and replaces:
        decision = replace(decision, reason=f"{decision.reason}; {_undone(replaces)}")
    newest = ours["datetime"].iloc[-1].isoformat()
    compared = decision.status == "promoted" and theirs is not None
    found = {
        "champion_version": str(champion.version) if champion else None,
        "champion_by_hand": replaces,
        "from": ours["datetime"].iloc[0].isoformat(),
        "to": newest,
        **evidence,
        "behaviour": behaviour,
        "data": result.data,
        "findings": result.findings,
        "seen_to": newest if compared else result.data["to"],
        "mlflow_run_id": result.mlflow_run_id,
        "mlflow_version": result.mlflow_version,
    }
    return _receipt(run, decision, started, found)


def refuse(run: JSON, frame: pd.DataFrame, error: TrainingRejected, started: float) -> JSON:
    """Return the receipt of a run that was rejected before anything was fitted."""
    decision = Decision("rejected", str(error))
    found = {"data": describe(frame) if len(frame) else None, "findings": error.findings}
    return _receipt(run, decision, started, dict.fromkeys(MEASURED) | found)


def rules() -> Rules:
    """Return what the settings say of promotion."""
    config = current_app.config
    return Rules(
        level=config["VLIB_PROMOTION_LEVEL"],
        slice=config["VLIB_PROMOTION_SLICE"],
        hours=config["VLIB_PROMOTION_HOURS"],
    )


def _activated_by_hand() -> JSON | None:
    """Return the activation that made the champion one, if a person asked for it."""
    newest = next(iter(queries.list_activations()), None)
    if newest is None or newest["activated_by"] == "training":
        return None
    return {name: newest[name] for name in ("version", "activated_at", "activated_by", "reason")}


def _undone(activation: JSON) -> str:
    return (
        f"this undoes the activation of version {activation['version']} by"
        f" {activation['activated_by']} on {activation['activated_at'][:10]}:"
        f" {activation['reason']}"
    )


def _a_day_ahead(scored: pd.DataFrame) -> pd.DataFrame:
    return scored[scored["horizon"] == HEADLINE_HORIZON].reset_index(drop=True)


def _seen_to(version: int) -> str:
    """Return the newest hour that a version was fitted, tuned or calibrated on, or promoted by.

    A comparison that it won has chosen it for those hours: they would flatter it in the next.
    """
    model = queries.get_model(version)
    assert model is not None  # noqa: S101 - it serves
    seen_to: str = model["receipt"].get("seen_to") or model["training"]["to"]
    return max([seen_to, *_overruled()])


def _overruled() -> list[str]:
    """Return to which hours the comparisons reach whose outcome a person has undone since.

    They can't win again by themselves: only newer hours speak against what a person decided.
    """
    found: list[str] = []
    for before, now in pairwise(reversed(queries.list_activations())):
        found = [] if now["activated_by"] == "training" else [*found, before["version"]]
    receipts = [queries.receipt(int(version)) or {} for version in found]
    return [item["seen_to"] for item in receipts if item.get("champion") and item.get("seen_to")]


def _too_few(hours: int, version: int, seen_to: str) -> str | None:
    least = rules().hours
    if hours >= least:
        return None
    return (
        f"too few new hours to compare on: {hours} are newer than what champion (version "
        f"{version}, to {seen_to}) and challenger have seen, {least} are needed"
    )


def _try_out(
    directory: Path, checksums: dict[str, str], history: History
) -> tuple[list[Behaviour], str | None]:
    """Return how the artefact behaves, or why it does not answer in a process of its own."""
    try:
        served: Artefact = predictor.load(directory, checksums)
    except BrokenArtefact as error:
        return [], str(error)
    return check_behaviour(served, history, predictor.current().calendar), None


def _receipt(run: JSON, decision: Decision, started: float, found: JSON) -> JSON:
    """Return the receipt as JSON has it; `api.answers.Receipt` says what it means."""
    receipt = {
        "decision": decision.status,
        "reason": decision.reason,
        "decided_at": queries.utcnow().isoformat(timespec="seconds") + "Z",
        "run_id": run["run_id"],
        "trigger": run["trigger"],
        "requested_by": run["requested_by"],
        "cause": run.get("cause"),
        "accepted": run["accept_data"],
        **found,
        "settings": {
            "level": rules().level,
            "slice": rules().slice,
            "slice_level": promotion.SLICE_SURE,
            "least_hours": rules().hours,
            "resamples": promotion.RESAMPLES,
            "coverage_band": promotion.COVERAGE_BAND,
        },
        "git_revision": tracking.git_revision(),
        "seconds": round(time.monotonic() - started, 1),
    }
    plain: JSON = json.loads(json.dumps(receipt), parse_constant=lambda _: None)
    return plain
