"""How the slices of hours are told: their names, and a table of the hours predicted worst."""

from typing import Any

import pandas as pd
from dash import html

from training import promotion
from training.history import as_hours
from webapp import history, monitoring, predictor, queries

from . import components, formats, urls

GROUPS = {"night": "Night", "morning": "Morning", "midday": "Midday", "evening": "Evening"}
DAYS = {"working": "working day", "free": "free day"}
KINDS = {
    "hours": "Hours",
    "weather": "Weather",
    "temperature": "Temperature",
    "horizon": "Ahead",
    "version": "Model",
}
WORST = 20


def label(kind: str, name: str) -> str:
    """Name a slice."""
    if kind == "hours":
        group, _, day = name.partition("-")
        first, last = promotion.GROUPS[group]
        return f"{GROUPS[group]} ({first}–{last} h), {DAYS[day]}"
    if kind == "weather":
        return formats.WEATHER[name]
    if kind == "temperature":
        return _band(float(name))
    if kind == "horizon":
        text = formats.ahead(int(name))
        return text[:1].upper() + text[1:]
    return f"Model {name}"


def options() -> dict[str, str]:
    """Return the slices that a reader can choose, by ``kind:name``."""
    hours = [f"hours:{group}-{day}" for group in GROUPS for day in DAYS]
    weather = [f"weather:{name}" for name in formats.WEATHER]
    bands = [f"temperature:{low:g}" for low in (float("-inf"), *monitoring.BANDS)]
    return {"": "All hours"} | {
        key: label(*key.split(":", 1)) for key in (*hours, *weather, *bands)
    }


def only(frame: pd.DataFrame, chosen: str) -> pd.DataFrame:
    """Return the rows of the chosen slice, all if none is chosen."""
    if not chosen or frame.empty:
        return frame
    kind, _, name = chosen.partition(":")
    return frame[monitoring.members(frame, working(frame))[kind, name]]


def working(frame: pd.DataFrame) -> Any:
    """Say which rows lie on a working day."""
    hours = as_hours(frame["datetime"].to_numpy())
    calendar = predictor.current().calendar
    return history.cache().current.working(hours, calendar)


def table(frame: pd.DataFrame, **view: Any) -> pd.DataFrame:
    """Return every slice of a view, the worst first.

    Columns `kind`, `label`, `hours`, `mae`, `baseline_mae`, `coverage`. `frame` is at one horizon
    and, perhaps, of one version; what other horizons and versions of the same hours were like is
    asked with the `start`, `end` and `source` of `view`.
    """
    known = monitoring.error_by_slice(frame, working(frame))
    rows = known[["kind", "name", "hours", "mae", "baseline_mae", "coverage"]].to_dict("records")
    span = {name: view[name] for name in ("start", "end", "source")}
    of_horizon = queries.scores_by("kind", model_version=view["model_version"], **span)
    rows += _scored("horizon", of_horizon)
    versions = queries.scores_by("model_version", horizon=view["horizon"], **span)
    rows += _scored("version", versions if len(versions) > 1 else [])
    told = pd.DataFrame(rows)
    told["label"] = [label(row["kind"], row["name"]) for row in rows]
    return told.sort_values("mae", ascending=False, ignore_index=True)


def worst(frame: pd.DataFrame, choices: urls.Choices) -> html.Section:
    """Return the hours that were predicted worst, each a link to its story."""
    hours = monitoring.worst(frame, WORST)
    rows = [_worst_row(row, choices) for row in hours.to_dict("records")]
    heads = ["Hour", "Predicted", "Actual", "Error", "Interval", "Weather", "Temperature"]
    title = f"The {len(rows)} worst hours"
    return components.card(
        title,
        components.table(title, heads, rows),
        note="Each hour leads to its story: what the model was told, what that added, and how "
        "the hours around it went.",
    )


def _scored(kind: str, found: list[tuple[int, queries.LiveScore]]) -> list[dict[str, Any]]:
    return [{"kind": kind, "name": str(name), **score._asdict()} for name, score in found]


def _band(low: float) -> str:
    bounds = (*monitoring.BANDS, float("inf"))
    high = next(bound for bound in bounds if bound > low)
    if low == float("-inf"):
        return f"Below {formats.number(high)}{formats.SPACE}°C"
    if high == float("inf"):
        return f"{formats.number(low)}{formats.SPACE}°C and more"
    return f"{formats.number(low)} to {formats.number(high)}{formats.SPACE}°C"


def _worst_row(row: dict[str, Any], choices: urls.Choices) -> list[Any]:
    when: pd.Timestamp = row["datetime"]
    story = urls.link(
        f"{urls.PREFIX}explain",
        choices,
        date=when.date().isoformat(),
        hour=str(when.hour),
        ahead=f"{row['horizon']:.0f}",
        version=str(row["model_version"]),
    )
    interval = f"{formats.number(row['lower'])} to {formats.number(row['upper'])}"
    return [
        html.A(formats.hour(when), href=story, **components.IN_PAGE),
        formats.number(row["predicted"]),
        formats.number(row["actual"]),
        formats.signed(row["predicted"] - row["actual"]),
        interval,
        formats.WEATHER.get(row["weather"], formats.UNKNOWN),
        f"{formats.number(row['temperature'], 1)}{formats.SPACE}°C",
    ]
