"""What an operator should know of: one table of conditions.

The dashboard shows those that hold, ``/metrics`` has a gauge for each, the webhook tells when one
begins and ends, and some of them are evidence for a retraining. The process that schedules looks
at them every ``VLIB_ALERT_SECONDS``. What is raised at one threshold is cleared at a milder one, so
that a value near it does not flap.
"""

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, current_app
from sqlalchemy.exc import SQLAlchemyError

from training.drift import season_drift
from training.features import HORIZONS

from . import journal, monitoring, notices, predictor, queries
from .feeds import feed
from .language import N_

log = logging.getLogger(__name__)

ENOUGH = 72  # live hours that an error or a coverage is judged by
MILDER = 0.9  # of a threshold, at which its alert is cleared
DRIFT_DAYS = 28
DRIFT_EVERY = dt.timedelta(hours=6)  # it moves slowly, and reads the whole history
BEHIND = 60  # seconds that a prediction may wait for the database

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is wrong: how to find it, how to say it, and what to do about it.

    `check` gets whether the alert is raised already, and returns the values that `text` shows
    while it holds, else None. `page` is that of the dashboard which helps, if any.
    """

    name: str
    text: str
    act: str
    check: Callable[[bool], Values | None]
    evidence: bool = False  # that a new model would be better
    page: str = ""


def no_predictions(_raised: bool) -> Values | None:
    """Find that nothing can be predicted, though no first training is under way or about to be."""
    missing = predictor.missing()
    coming = queries.active_run() is not None or queries.first_request() is None
    return {"missing": "; ".join(missing)} if missing and not coming else None


def champion_broken(_raised: bool) -> Values | None:
    """Find that the champion's artefact is broken: it serves from memory, or an older version."""
    current = predictor.current()
    problem = current.problem is not None and not current.coming
    broken = problem and current.serving is not None
    return {"problem": current.problem} if broken else None


def database_behind(raised: bool) -> Values | None:
    """Find that predictions wait for the database."""
    waits = journal.lag()
    return {"seconds": round(waits)} if waits > BEHIND * (MILDER if raised else 1) else None


def history_late(_raised: bool) -> Values | None:
    """Find that observations have stopped to come."""
    return _newest_if("late")


def history_ahead(_raised: bool) -> Values | None:
    """Find an observation of an hour that is still to come."""
    return _newest_if("ahead")


def _newest_if(state: str) -> Values | None:
    newest = queries.newest_observation()
    zone = ZoneInfo(current_app.config["VLIB_TIMEZONE"])
    now = dt.datetime.now(zone).replace(tzinfo=None)
    if newest is None or monitoring.freshness(newest, now, demo=queries.is_demo()) != state:
        return None
    return {"newest": newest.isoformat()}


def weather_late(_raised: bool) -> Values | None:
    """Find that no good forecast has come for three polls and 15 minutes."""
    return _late("weather")


def stations_late(_raised: bool) -> Values | None:
    """Find that no good status of the stations has come for three polls and 15 minutes."""
    return _late("gbfs")


def _late(name: str) -> Values | None:
    one = feed.configured().get(name)
    seconds = one.outage() if one is not None else None
    return None if seconds is None else {"hours": round(seconds / 3600, 1)}


def training_failed(_raised: bool) -> Values | None:
    """Find that the last training came to no decision, or to a rejection."""
    run = next((run for run in queries.list_runs(limit=2) if run["finished_at"]), None)
    if run is None or run["status"] not in ("rejected", "failed", "abandoned"):
        return None
    return {"status": run["status"], "reason": run["reason"]}


def error_high(raised: bool) -> Values | None:
    """Find that the champion's live error is above its holdout's."""
    judged = _judged()
    if judged is None:
        return None
    horizon, live, holdout = judged
    factor = current_app.config["VLIB_ALERT_ERROR"] * (MILDER if raised else 1)
    if live.mae <= factor * holdout["mae"]:
        return None
    return {
        "mae": round(live.mae, 1),
        "holdout": round(holdout["mae"], 1),
        "horizon": horizon,
        "hours": live.hours,
    }


def champion_weak(_raised: bool) -> Values | None:
    """Find that the champion was no better on its holdout than repeating last week, as a first
    one may be: nothing else could serve."""
    champion = queries.champion()
    if champion is None:
        return None
    holdout = champion["holdout"]
    mae, baseline = holdout["metrics"].get("mae"), holdout["baseline"].get("mae")
    if mae is None or baseline is None or mae <= baseline:
        return None
    return {"mae": round(mae, 1), "baseline": round(baseline, 1)}


def coverage_off(raised: bool) -> Values | None:
    """Find that the champion's intervals are too narrow or too wide on live hours."""
    judged = _judged()
    if judged is None:
        return None
    horizon, live, _ = judged
    allowed = current_app.config["VLIB_ALERT_COVERAGE"] * (MILDER if raised else 1)
    if abs(live.coverage - 0.9) <= allowed:
        return None
    return {"coverage": round(100 * live.coverage), "horizon": horizon, "hours": live.hours}


def inputs_drift(raised: bool) -> Values | None:
    """Find inputs that differ from the same season of earlier years."""
    newest = queries.newest_observation()
    if newest is None or queries.is_demo():
        return None
    kept = current_app.extensions.get("vlib_drift")
    now = queries.utcnow()
    if kept is None or now - kept[0] > DRIFT_EVERY:
        found = season_drift(queries.observations_frame(), newest, DRIFT_DAYS)
        kept = now, found
        current_app.extensions["vlib_drift"] = kept
    names = [item.name for item in kept[1] if item.severity > (MILDER if raised else 1)]
    return {"names": ", ".join(names), "days": DRIFT_DAYS} if names else None


CONDITIONS = (
    Condition(
        "no_predictions",
        N_("Nothing can be predicted: {missing}."),
        N_("Look at the last training on the page Experiments, and start one."),
        no_predictions,
        page="experiments",
    ),
    Condition(
        "champion_broken",
        N_("The champion's artefact is damaged: {problem}."),
        N_("Restore its files from a backup, or activate another version."),
        champion_broken,
        page="experiments",
    ),
    Condition(
        "database_behind",
        N_("Predictions have waited {seconds} s for the database; they are held in the journal."),
        N_("See whether the database is locked, full or gone; they are stored when it is back."),
        database_behind,
    ),
    Condition(
        "history_late",
        N_("No observation has come since {newest}, so predictions get worse by the day."),
        N_("See what sends them to POST /api/observations."),
        history_late,
    ),
    Condition(
        "history_ahead",
        N_("The newest observation, {newest}, is of an hour that is still to come."),
        N_("Take it out as docs/operations.md says: until then screens and trainings end there."),
        history_ahead,
    ),
    Condition(
        "weather_late",
        N_("Nothing good has come of the weather forecast for {hours} h."),
        N_("See the log for the reason; the last one that was good is used for 12 h."),
        weather_late,
    ),
    Condition(
        "stations_late",
        N_("Nothing good has come of the station status for {hours} h."),
        N_("See the log for the reason; until it ends, no rentals are estimated."),
        stations_late,
    ),
    Condition(
        "training_failed",
        N_("The last training ended as {status}: {reason}"),
        N_("Mend what the reason names, and train again; the last good model serves on."),
        training_failed,
        page="experiments",
    ),
    Condition(
        "champion_weak",
        N_(
            "The champion is worse than repeating last week: on its holdout it was off by {mae} "
            "rentals an hour, last week by {baseline}."
        ),
        N_("Bring more history, or mend what the page Drift shows of it, and train again."),
        champion_weak,
        page="drift",
    ),
    Condition(
        "error_high",
        N_(
            "Over the last {hours} live hours the error at {horizon} h ahead is {mae} rentals an "
            "hour; on the holdout it was {holdout}."
        ),
        N_("A training starts by itself; see the page Drift for what has changed."),
        error_high,
        evidence=True,
        page="drift",
    ),
    Condition(
        "coverage_off",
        N_(
            "{coverage} % of the last {hours} live hours lie in the interval at {horizon} h ahead;"
            " 90 % should."
        ),
        N_("A training starts by itself; until then take the intervals with care."),
        coverage_off,
        evidence=True,
        page="performance",
    ),
    Condition(
        "inputs_drift",
        N_(
            "Over the last {days} days these differ from the same season of earlier years: {names}."
        ),
        N_("See the page Drift: a broken sensor is to be mended, a real change is learned."),
        inputs_drift,
        evidence=True,
        page="drift",
    ),
)


def raised() -> list[tuple[Condition, dict[str, Any]]]:
    """Return the conditions that hold with their alerts: `found` and `raised_at`."""
    rows = queries.open_alerts()
    return [(item, rows[item.name]) for item in CONDITIONS if item.name in rows]


def evidence() -> str | None:
    """Return, in words, the evidence for a retraining; None while a recent one is its answer."""
    found = [item.text.format(**row["found"]) for item, row in raised() if item.evidence]
    runs = queries.list_runs(limit=1)
    pause = dt.timedelta(hours=current_app.config["VLIB_EVIDENCE_PAUSE_HOURS"])
    if not found or (runs and queries.utcnow() - queries.from_utc(runs[0]["requested_at"]) < pause):
        return None
    return " ".join(found)


def watch(app: Flask) -> None:
    """Look at every condition, and tell what began, ended or happened since."""
    with app.app_context():
        try:
            look()
            notices.database_is_back()
            notices.send_all()
        except SQLAlchemyError as error:
            log.warning("The database can't be read, so alerts wait: %s", error)
            notices.database_is_away()


def look() -> None:
    """Raise what has begun and clear what has ended."""
    before = queries.open_alerts()
    for condition in CONDITIONS:
        row = before.get(condition.name)
        found = condition.check(row is not None)
        if found is None and row is not None:
            queries.clear_alert(condition.name, _told(condition, row["found"]))
        elif found is not None and row is None:
            queries.raise_alert(condition.name, found, _told(condition, found))
        elif row is not None and found is not None and found != row["found"]:
            queries.update_alert(condition.name, found)


def _told(condition: Condition, values: Values) -> Values:
    """Return what the webhook says of an alert."""
    return {
        "condition": condition.name,
        "detail": condition.text.format(**values),
        "act": condition.act,
    }


def _judged() -> tuple[int, queries.LiveScore, dict[str, float]] | None:
    """Return the horizon the champion is judged at, its live score and its holdout's metrics.

    That is a day ahead, else the horizon with most live hours; None while there are too few. Hours
    whose rentals were estimated are no evidence: they may be as wrong as the model.
    """
    champion = queries.champion()
    if champion is None:
        return None
    live = queries.live_scores(model_version=int(champion["version"]), counted=True)
    held = champion["holdout"]["horizons"]
    known = [h for h in HORIZONS if str(h) in held and h in live and live[h].hours >= ENOUGH]
    if not known:
        return None
    horizon = 24 if 24 in known else max(known, key=lambda h: live[h].hours)
    return horizon, live[horizon], held[str(horizon)]
