"""What was answered of an hour, made anew from what the model was told then."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from training.history import WEATHER
from training.tables import BEFORE
from webapp import predictor, queries
from webapp.history import to_hour

HOUR = dt.timedelta(hours=1)
# By the source that the URL names, where a prediction that was answered is looked for.
SOURCES = {"live": ("live",), "replay": ("replay",), "backtest": ()}
ANSWERED = ("live", "replay")
Told = tuple[predictor.Prediction, dict[str, float]]


def find(when: dt.datetime, ahead: int, version: int, source: str | None) -> dict[str, Any] | None:
    """Return what a version answered of an hour, as `queries.told` does."""
    return queries.told(when, ahead, version, SOURCES.get(source or "", ANSWERED))


def tell(when: dt.datetime, observed: Mapping[str, Any], ahead: int, version: int | None) -> Told:
    """Return a prediction of an observed hour in the weather it had, as a backtest makes it.

    Beside it is what each feature added. Raises what `predictor.explain` does.
    """
    as_of = when - ahead * HOUR
    batch = [_request(hour, row, as_of) for hour, row in _observed(*_span(when, as_of)).items()]
    return predictor.explain(_request(when, observed, as_of), version=version, batch=batch)


def retell(when: dt.datetime, said: Mapping[str, Any], version: int) -> Told:
    """Return a prediction made anew, and what each feature added to it.

    It is told what it was then: its input, the weather of its batch, and what had been observed.
    Raises what `predictor.explain` does.
    """
    as_of = said["as_of"]
    batch = [_request(hour, given, as_of) for hour, given in _beside(when, said).items()]
    return predictor.explain(_request(when, said["input"], as_of), version=version, batch=batch)


def _request(
    when: dt.datetime, given: Mapping[str, Any], as_of: dt.datetime
) -> predictor.HourRequest:
    """Return an hour as the predictor takes it; `given` is an input or an observation."""
    return predictor.HourRequest(
        hour=to_hour(when),
        weather=WEATHER.index(given["weather"]),
        temperature=given["temperature"],
        humidity=given["humidity"],
        windspeed=given["windspeed"],
        feels_like=given.get("feels_like"),
        holiday=given.get("holiday"),
        as_of=to_hour(as_of),
    )


def _beside(when: dt.datetime, said: Mapping[str, Any]) -> dict[dt.datetime, Mapping[str, Any]]:
    """Return the weather after `as_of` and before an hour that was known when it was predicted."""
    asked, span = said["requested_at"], _span(when, said["as_of"])
    known: dict[dt.datetime, Mapping[str, Any]] = {}
    if "model_version" not in said["input"]:  # which asks for nothing observed after `as_of`
        times = queries.recording_times(*span)
        recorded = set(times["datetime"][times["recorded_at"] <= asked])
        known = {hour: row for hour, row in _observed(*span).items() if hour in recorded}
    told = queries.told_with(*span, asked)
    return known | {row["datetime"]: row["input"] for row in told}


def _span(when: dt.datetime, as_of: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """Return the hours after `as_of` and before an hour whose weather a prediction looks at."""
    return max(when - BEFORE * HOUR, as_of + HOUR), when


def _observed(start: dt.datetime, end: dt.datetime) -> dict[dt.datetime, Mapping[str, Any]]:
    rows = queries.records(queries.observations_frame(start, end))
    return {row["datetime"]: row for row in rows}
