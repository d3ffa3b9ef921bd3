"""How the slices of hours are told: their names, and a table of the hours predicted worst."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from dash import html
from flask_babel import gettext as _

from training.history import as_hours
from webapp import history, monitoring, predictor, queries
from webapp.language import N_

from . import components, formats, urls

GROUPS = {
    "night": N_("Night"),
    "morning": N_("Morning"),
    "midday": N_("Midday"),
    "evening": N_("Evening"),
}
DAYS = {"working": N_("working day"), "free": N_("free day")}
KEYS = (
    *(f"hours:{group}-{day}" for group in GROUPS for day in DAYS),
    *(f"weather:{name}" for name in formats.WEATHER),
    *(f"temperature:{low:g}" for low in (float("-inf"), *monitoring.BANDS)),
)
"""The slices that a reader can choose."""
LEAST = 0.02  # share of the hours: of fewer nothing can be said
WORST = 20


def label(kind: str, name: str) -> str:
    """Name a slice."""
    if kind == "hours":
        group, _dash, day = name.partition("-")
        return f"{_(GROUPS[group])}, {_(DAYS[day])}"
    if kind == "weather":
        return _(formats.WEATHER[name])
    if kind == "temperature":
        return _band(float(name))
    if kind == "horizon":
        text = formats.ahead(int(name))
        return text[:1].upper() + text[1:]
    return _("Model %(version)s", version=name)


def options() -> dict[str, str]:
    """Return the names of the slices that a reader can choose."""
    return {"all": _("All hours")} | {key: label(*key.split(":", 1)) for key in KEYS}


def only(frame: pd.DataFrame, chosen: str) -> pd.DataFrame:
    """Return the rows of the chosen slice, all if none is chosen."""
    if chosen == "all" or frame.empty:
        return frame
    kind, _colon, name = chosen.partition(":")
    names, which = monitoring.sliced(frame, working(frame))[kind]
    found: pd.DataFrame = frame[which == names.index(name)]
    return found


def working(frame: pd.DataFrame) -> Any:
    """Say which rows lie on a working day."""
    hours = as_hours(frame["datetime"].to_numpy())
    calendar = predictor.current().calendar
    return history.cache().current.working(hours, calendar)


def table(frame: pd.DataFrame, **view: Any) -> pd.DataFrame:
    """Return every slice of a view that has some hours, the worst first.

    Columns `kind`, `label`, `hours`, `mae`, `baseline_mae`, `coverage`. `frame` is at one horizon
    and, perhaps, of one version; what other horizons and versions of the same hours were like is
    asked with the `start`, `end` and `source` of `view`.
    """
    known = monitoring.error_by_slice(frame, working(frame))
    measured = known[["kind", "name", "hours", "mae", "baseline_mae", "coverage"]]
    rows: list[Any] = measured.to_dict("records")
    span = {name: view[name] for name in ("start", "end", "source")}
    of_horizon = queries.scores_by("kind", model_version=view["model_version"], **span)
    rows += _scored("horizon", of_horizon)
    versions = queries.scores_by("model_version", horizon=view["horizon"], **span)
    rows += _scored("version", versions if len(versions) > 1 else [])
    told = pd.DataFrame(rows)
    told = told[told["hours"] >= LEAST * len(frame)].reset_index(drop=True)
    told["label"] = [label(row["kind"], row["name"]) for row in told.to_dict("records")]
    return told.sort_values("mae", ascending=False, ignore_index=True)


def worst(frame: pd.DataFrame, choices: urls.Choices) -> html.Section:
    """Return the hours that were predicted worst, each a link to its story."""
    hours = monitoring.worst(frame, WORST)
    rows = [_worst_row(row, choices) for row in hours.to_dict("records")]
    heads = [_("Hour"), _("Predicted"), _("Actual"), _("Error"), _("Interval"), _("Weather")]
    heads.append(_("Temperature"))
    title = _("The hours that were predicted worst")
    return components.card(
        title,
        components.table(title, heads, rows),
        note=_(
            "Each hour leads to its story: what the model was told, what that added, and how the "
            "hours around it went."
        ),
    )


def _scored(kind: str, found: list[tuple[int, queries.LiveScore]]) -> list[dict[str, Any]]:
    return [{"kind": kind, "name": str(name), **score._asdict()} for name, score in found]


def _band(low: float) -> str:
    bounds = (*monitoring.BANDS, float("inf"))
    high = next(bound for bound in bounds if bound > low)
    if low == float("-inf"):
        return _("Below %(high)s\xa0°C", high=formats.number(high))
    if high == float("inf"):
        return _("%(low)s\xa0°C and more", low=formats.number(low))
    return _("%(low)s to %(high)s\xa0°C", low=formats.number(low), high=formats.number(high))


def _worst_row(row: Mapping[Any, Any], choices: urls.Choices) -> list[Any]:
    when: pd.Timestamp = row["datetime"]
    story = urls.link(
        "explain",
        choices,
        date=when.date().isoformat(),
        hour=str(when.hour),
        ahead=f"{row['horizon']:.0f}",
        version=str(row["model_version"]),
        source=row["source"],
    )
    return [
        html.A(formats.hour(when), href=story, **components.IN_PAGE),
        formats.number(row["predicted"]),
        formats.number(row["actual"]),
        formats.signed(row["predicted"] - row["actual"]),
        formats.interval(row["lower"], row["upper"]),
        _(formats.WEATHER[row["weather"]]) if row["weather"] else formats.UNKNOWN,
        formats.number(row["temperature"], 1, "°C"),
    ]
