"""Two versions side by side: their scores, their slices, their parameters and their data."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pandas as pd
from dash import html
from flask_babel import gettext as _

from webapp import monitoring, queries
from webapp.language import N_, translated

from . import components, formats, slices

# Digits, and whether it is a share.
METRICS = {"mae": 1, "rmse": 1, "bias": 1, "r2": 2, "coverage": 0, "width": 0}
NAMES = {
    "mae": "MAE",
    "rmse": "RMSE",
    "bias": N_("Bias"),
    "r2": "R²",
    "coverage": N_("Coverage"),
    "width": N_("Width of interval"),
}
HORIZON = 24
LEAST = 24  # hours of a slice


def report(first: Mapping[str, Any], second: Mapping[str, Any]) -> html.Section:
    """Return the card that compares two versions."""
    heads = [
        _("What"),
        *(_("Model %(version)s", version=one["version"]) for one in (first, second)),
    ]
    heads.append(_("Difference"))
    title = _("Compared")
    parts = [
        (_("Scores on the holdout of each, a day ahead"), _holdouts(first, second)),
        (_("Parameters and data"), _made_of(first, second)),
    ]
    frames = _common(first, second)
    if frames is not None:
        told = _(
            "Errors on the %(hours)s that both have predicted a day ahead",
            hours=formats.hours(len(frames[0])),
        )
        parts.insert(1, (told, _slices(*frames)))
    tables = [
        [html.H3(caption, className="part-heading"), components.table(caption, heads, rows)]
        for caption, rows in parts
    ]
    note = (
        ""
        if frames is not None
        else _("No hour was predicted a day ahead by both after training, so no slices.")
    )
    return components.card(title, *(part for table in tables for part in table), note=note)


def _holdouts(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[list[Any]]:
    ours, theirs = first["holdout"]["metrics"], second["holdout"]["metrics"]
    return [
        [_label(name), *_pair(ours.get(name), theirs.get(name), digits, name)]
        for name, digits in METRICS.items()
    ]


def _slices(first: pd.DataFrame, second: pd.DataFrame) -> list[list[Any]]:
    """Return the error of both by slice, where the second is worse first."""
    working = slices.working(first)
    ours, theirs = (
        monitoring.error_by_slice(frame, working).set_index(["kind", "name"])
        for frame in (first, second)
    )
    both = ours[["hours", "mae"]].join(theirs["mae"].rename("mae_second"))
    both = both[both["hours"] >= LEAST]
    both["change"] = both["mae_second"] - both["mae"]
    mine, other = ((one["predicted"] - one["actual"]).abs().mean() for one in (first, second))
    rows = [[html.Strong(_("All hours")), *_pair(mine, other, 1, "mae")]]
    for row in both.sort_values("change", ascending=False).reset_index().to_dict("records"):
        pair = _pair(row["mae"], row["mae_second"], 1, "mae")
        rows.append([slices.label(row["kind"], row["name"]), *pair])
    return rows


def _made_of(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[list[Any]]:
    ours, theirs = (_facts(one) for one in (first, second))
    return [
        [
            name,
            ours.get(name, formats.UNKNOWN),
            theirs.get(name, formats.UNKNOWN),
            "" if ours.get(name) == theirs.get(name) else components.badge(_("differs"), "info"),
        ]
        for name in dict.fromkeys((*ours, *theirs))
    ]


def _facts(model: Mapping[str, Any]) -> dict[str, str]:
    training = model["training"]
    run = queries.run_of(int(model["version"]))
    tried = (run or {}).get("candidates") or []
    best: dict[str, Any] = min(tried, key=lambda one: one.get("rank", 0), default={"params": {}})
    return {
        **{
            formats.parameter(name): formats.setting(value)
            for name, value in best["params"].items()
        },
        _("Hours of training"): formats.number(training["rows"]),
        _("Training data from"): formats.hour(dt.datetime.fromisoformat(training["from"])),
        _("Training data to"): formats.hour(dt.datetime.fromisoformat(training["to"])),
        _("Data, SHA-256"): training["data_sha256"][:12],
    }


def _common(
    first: Mapping[str, Any], second: Mapping[str, Any]
) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Return what both said in their backtests of the hours that both predicted, if any."""
    frames = [
        queries.scored_frame(
            sources=("backtest",), model_version=int(one["version"]), horizon=HORIZON
        )
        for one in (first, second)
    ]
    ours, theirs = (
        frame[frame["datetime"].isin(other["datetime"])].reset_index(drop=True)
        for frame, other in zip(frames, reversed(frames), strict=True)
    )
    return None if ours.empty else (ours, theirs)


def _label(name: str) -> str:
    return translated(NAMES)[name]


def _pair(first: float | None, second: float | None, digits: int, name: str) -> list[Any]:
    """Write two values and their difference, shares as percentages."""
    write = formats.percent if name == "coverage" else formats.number
    known = first is not None and second is not None
    difference = second - first if known else None  # type: ignore[operator]
    if difference is not None and name == "coverage":
        size = round(100 * difference)
        told = formats.points(abs(size))
        if size < 0:
            told = formats.Written(f"{formats.MINUS}{told}", f"-{told.data}")
        elif size > 0:
            told = formats.Written(f"+{told}", told.data)
        return [write(first, digits), write(second, digits), told]
    return [write(first, digits), write(second, digits), formats.signed(difference, digits)]
