"""The champion: loaded, checked, swapped; and what it says of the hours asked."""

import json
import logging
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from flask import Flask, current_app
from numpy.typing import NDArray
from sqlalchemy.exc import SQLAlchemyError

from training import features
from training.artefact import (
    RUNTIME,
    Artefact,
    BrokenArtefact,
    check_files,
    read_understanding,
)
from training.calendar import Calendar
from training.columns import values_of
from training.history import HOURS_PER_WEEK, NO_HISTORY, History
from training.quantiles import Quantiles
from training.schema import WEATHER

from . import children, fetching, history, queries, versions
from .errors import Conflict, Unavailable, Unprocessable
from .history import HistoryCache, Revisions, to_text
from .ids import new_id
from .language import N_
from .versions import Versions

log = logging.getLogger(__name__)

NOT_READY = "No model is ready yet; see /readyz for what is missing."
STALE_AFTER = HOURS_PER_WEEK
RETRY = 15  # a broken champion is tried again after so many times the age of a refresh


class HourRequest(NamedTuple):
    """An hour to predict: its number, its weather and what may be known of it."""

    hour: int
    weather: int
    temperature: float
    humidity: float
    windspeed: float
    feels_like: float | None = None
    holiday: bool | None = None
    as_of: int | None = None


class Prediction(NamedTuple):
    """What the champion said of one hour."""

    prediction_id: str
    request: HourRequest
    as_of: int | None
    rentals: float
    lower: float
    upper: float
    baseline: float | None
    model_version: int
    source: str
    warnings: list[str]
    chosen: bool = False  # the request named the version

    def to_json(self) -> dict[str, Any]:
        """Return the answer that a client gets."""
        return {
            "prediction_id": self.prediction_id,
            "datetime": to_text(self.request.hour),
            "rentals": self.rentals,
            "interval": {"lower": self.lower, "upper": self.upper, "level": 0.9},
            "as_of": None if self.as_of is None else to_text(self.as_of),
            "model_version": str(self.model_version),
            "warnings": self.warnings,
        }

    def input(self) -> dict[str, Any]:
        """Return the request as the client would write it."""
        asked = self.request
        given = {
            "datetime": to_text(asked.hour),
            "weather": WEATHER[asked.weather],
            "temperature": asked.temperature,
            "humidity": asked.humidity,
            "windspeed": asked.windspeed,
        }
        if asked.feels_like is not None:
            given["feels_like"] = asked.feels_like
        if asked.holiday is not None:
            given["holiday"] = asked.holiday
        if asked.as_of is not None:
            given["as_of"] = to_text(asked.as_of)
        if self.chosen:
            given["model_version"] = str(self.model_version)
        return given


class Serving(NamedTuple):
    """What serves: one value, so that no prediction mixes two versions."""

    version: int
    artefact: Artefact


class Predictor:
    """The champion of one process, kept up to date.

    A background thread refreshes it where a server runs (see `startup`); where none does,
    the first request that finds it out of date refreshes it.
    """

    def __init__(self, calendar: Calendar, cache: HistoryCache, max_age: float) -> None:
        self.calendar = calendar
        self.history = cache
        self.serving: Serving | None = None
        self.others = Versions(self._load_other)
        self.problem: str | None = None  # with the champion
        self.coming = False  # the champion, from another machine: that is its only problem
        self.outage: str | None = None  # of the database
        self._wanted: int | None = None  # the champion, if it can't serve
        self._fetched: int | None = None  # the version that was last to be fetched,
        self._not_fetched: str | None = None  # why that failed,
        self._fetch_at = float("-inf")  # and when it may be tried again
        self._retry_at = float("-inf")
        self._files: dict[int, versions.State] = {}  # of what serves and should, when last read
        self._understood: tuple[int, dict[str, Any] | None] | None = None
        self._activation = 0
        self._max_age = max_age
        self._checked = float("-inf")
        self._lock = threading.Lock()

    def is_fresh(self) -> bool:
        """Say whether champion and history are as new as they should be."""
        return time.monotonic() - self._checked <= self._max_age

    def ensure_fresh(self) -> None:
        """Refresh what is older than it should be; only who has nothing to serve waits."""
        if self.is_fresh() or not self._lock.acquire(blocking=self.serving is None):
            return
        try:
            if not self.is_fresh():  # else another thread did it while this one waited
                self._take_in()
        finally:
            self._lock.release()

    def refresh(self) -> None:
        """Take in new hours and a new champion now."""
        with self._lock:
            self._take_in()

    def mend(self) -> None:
        """Fetch a champion that can't serve from this machine's files; takes seconds."""
        version = self._wanted
        if version is None or not fetching.is_possible():
            return
        if version == self._fetched and time.monotonic() < self._fetch_at:
            return
        self._fetched, self._not_fetched = version, None
        try:
            fetching.fetch(version, versions.directory(version))
            versions.prune()
        except BrokenArtefact as error:
            self._not_fetched = str(error)
        self._fetch_at = time.monotonic() + RETRY * self._max_age
        self._retry_at = float("-inf")
        self.refresh()

    def version(self, number: int | None) -> Serving:
        """Return the version with a number, by default the champion.

        Raises `Unavailable` without a champion, `Unprocessable` if there is no such version, and
        `Conflict` if its artefact is gone or broken.
        """
        serving = self.serving
        if number is not None and (serving is None or number != serving.version):
            return Serving(number, self.others.get(number))
        if serving is None:
            raise Unavailable(NOT_READY)
        return serving

    def predict(
        self,
        requests: Sequence[HourRequest],
        *,
        source: str | None = None,
        version: int | None = None,
        ids: Sequence[str] | None = None,
    ) -> list[Prediction]:
        """Predict hours with the champion, by what has been taken in; nothing is stored.

        `source` marks the predictions; by default an hour whose rentals are known already, or that
        another than the champion predicts, is a what-if, any other is live. `ids` names them; by
        default each gets a new one.

        With a `version`, it says what it would have said when `as_of` was the newest hour: weather
        after it is known from the requests alone; another than the champion needs an app context.
        Raises `Unavailable` while there is no champion, and what `version` raises.
        """
        return _predict(self, requests, source, version, ids)[0]

    def understanding(self, version: int) -> dict[str, Any] | None:
        """Read what is known of how a version works, once."""
        if self._understood is None or self._understood[0] != version:
            try:
                found = read_understanding(versions.directory(version), queries.checksums(version))
            except BrokenArtefact:
                found = None
            self._understood = version, found
        return self._understood[1]

    def _load_other(self, version: int) -> Artefact:
        if not queries.checksums(version):
            raise Unprocessable.at("/model_version", "is no version that was trained")
        try:
            return load_or_fetch(version)
        except BrokenArtefact as error:
            raise Conflict(f"This model can't answer: {error}.") from None

    def _take_in(self) -> None:
        try:
            self.history.refresh()
            activation = queries.newest_activation()
            retry = self._wanted is not None and time.monotonic() > self._retry_at
            if activation != self._activation or retry or self._touched():
                self._swap(activation)
            self.outage = None
        except SQLAlchemyError as error:  # the last good state serves until the database is back
            self.outage = "the database can't be read"
            log.warning("The database can't be read, so no news is taken in: %s", error)
        self._checked = time.monotonic()

    def _touched(self) -> bool:
        """Say whether the files of what serves or should, which never change, did or came."""
        return any(versions.state(version) != state for version, state in self._files.items())

    def _swap(self, activation: int) -> None:
        """Serve the champion or, while it can't be served, the one before it."""
        problem = None
        champions = queries.champions()
        if not champions:  # the history that they were of was replaced
            self.serving = None
        self._files = {}
        for version, checksums in champions:
            try:
                self._serve(version, checksums)
                break
            except BrokenArtefact as error:
                problem = problem or f"model {version} is broken: {error}"
                if self.serving is not None and version == self.serving.version:
                    break  # it was whole when it was loaded
        self._wanted = champions[0][0] if problem else None
        self.coming = problem is not None and self._may_come(champions[0][0])
        if self.coming:
            problem = f"model {self._wanted} is being fetched"
        elif problem and self._not_fetched and self._wanted == self._fetched:
            problem += f", and {self._not_fetched}"
        if problem:
            problem += f"; {self._instead(champions[0][0])}"
        if problem and problem != self.problem:
            log.log(logging.INFO if self.coming else logging.ERROR, "%s", problem)
        self.problem, self._activation = problem, activation
        self._retry_at = time.monotonic() + RETRY * self._max_age

    def _may_come(self, version: int) -> bool:
        """Say whether a champion is not here, but may be fetched."""
        failed = version == self._fetched and self._not_fetched
        there = versions.directory(version).is_dir()
        return not there and not failed and fetching.is_possible()

    def _instead(self, champion: int) -> str:
        if self.serving is None:
            return "no model serves"
        if self.serving.version == champion:
            return "it serves on from memory, until the next start"
        return f"model {self.serving.version} serves instead"

    def _serve(self, version: int, checksums: dict[str, str]) -> None:
        """Serve a version; raise `BrokenArtefact` if its files are not what was stored."""
        self._files[version] = versions.state(version)
        if self.serving is not None and version == self.serving.version:
            check_files(versions.directory(version), checksums)
            return
        self.serving = Serving(version, load(versions.directory(version), checksums))
        log.info("Model %s serves", version)


def init_app(app: Flask) -> None:
    """Give the application its predictor, still without a champion."""
    app.extensions["predictor"] = Predictor(
        calendar=Calendar(app.config["VLIB_HOLIDAYS"]),
        cache=history.of(app),
        # Twice the thread's interval: requests only refresh where no thread does.
        max_age=app.config["VLIB_REFRESH_SECONDS"] * 2,
    )


def of(app: Flask) -> Predictor:
    """Return an application's predictor, as it is."""
    predictor: Predictor = app.extensions["predictor"]
    return predictor


def current() -> Predictor:
    """Return the current application's predictor, up to date."""
    predictor = of(current_app)
    predictor.ensure_fresh()
    return predictor


def missing() -> list[str]:
    """Name what is missing before predictions can be made; empty when ready."""
    predictor = current()
    if predictor.outage:
        return [predictor.outage]
    if predictor.serving is None:
        return [predictor.problem or N_("no model has been trained yet")]
    return []


def predict(
    requests: Sequence[HourRequest],
    *,
    source: str | None = None,
    version: int | None = None,
    ids: Sequence[str] | None = None,
) -> list[Prediction]:
    """Predict hours as `Predictor.predict` of the current application does."""
    return current().predict(requests, source=source, version=version, ids=ids)


def explain(
    request: HourRequest,
    *,
    source: str | None = None,
    version: int | None = None,
    ids: Sequence[str] | None = None,
    batch: Sequence[HourRequest] = (),
) -> tuple[Prediction, dict[str, float]]:
    """Predict an hour, and say what each feature adds to it, in rentals.

    `batch` are hours whose weather is told with it. What is answered adds up to the prediction; its
    method is in `training.explain`. Raises `Unavailable` while there is no champion, or if the
    champion can't explain itself.
    """
    hours = [request, *batch]
    (prediction, *_), matrix, artefact = _predict(current(), hours, source, version, ids)
    try:
        added = {name: round(value, 3) for name, value in artefact.explain(matrix[0]).items()}
    except BrokenArtefact as error:
        raise Unavailable(f"This model can't explain itself: {error}.") from None
    # The baseline takes what rounding left, so that the sum is the answered number.
    rest = prediction.rentals - sum(added.values())
    return prediction, added | {"baseline": round(added["baseline"] + rest, 3)}


def predict_quantile(
    requests: Sequence[HourRequest], level: float
) -> tuple[list[Prediction], list[float] | None]:
    """Predict hours, and what they do not exceed with a probability; nothing is stored.

    No quantiles if the champion was trained before it kept them. Raises `Unavailable` while there
    is no champion.
    """
    predictions, matrix, artefact = _predict(current(), requests, "whatif", None, None)
    kept = Quantiles.of(artefact.metadata)
    if kept is None:
        return predictions, None
    rentals, lower, upper = np.array([(one.rentals, one.lower, one.upper) for one in predictions]).T
    return predictions, kept.at(level, rentals, lower, upper, matrix).tolist()


def understanding() -> dict[str, Any] | None:
    """Return `importance` and `dependence` of the champion, as `training.understanding` says.

    None if there is none beside its artefact. Raises `Unavailable` without a champion.
    """
    predictor = current()
    if predictor.serving is None:
        raise Unavailable(NOT_READY)
    return predictor.understanding(predictor.serving.version)


def _predict(
    predictor: Predictor,
    requests: Sequence[HourRequest],
    source: str | None,
    asked: int | None,
    ids: Sequence[str] | None,
) -> tuple[list[Prediction], NDArray[np.float32], Artefact]:
    """Return the predictions, and what they were made of and by."""
    version, artefact = predictor.version(asked)
    chosen = asked is not None
    other = chosen and (predictor.serving is None or version != predictor.serving.version)
    known = predictor.history.current
    rows = _rows(requests, known)
    matrix = features.build(rows, known, predictor.calendar, as_known=chosen)
    rentals, lower, upper = artefact.predict(matrix).round(2).tolist()
    as_of = values_of(rows.as_of)
    happened = values_of(known.rentals_at(rows.hour))
    baseline = values_of(known.rentals_at(rows.hour - HOURS_PER_WEEK))
    ranges = artefact.metadata.get("ranges", {})
    revised = _revised(requests, as_of, chosen, predictor.history.revisions)
    predictions = [
        Prediction(
            prediction_id=ids[i] if ids else new_id(),
            request=request,
            as_of=None if as_of[i] == NO_HISTORY else as_of[i],
            rentals=rentals[i],
            lower=lower[i],
            upper=upper[i],
            baseline=baseline[i] if baseline[i] == baseline[i] else None,
            model_version=version,
            source=source or ("whatif" if other or happened[i] == happened[i] else "live"),
            warnings=_warnings(request, as_of[i], ranges, predictor.calendar, revised[i]),
            chosen=chosen,
        )
        for i, request in enumerate(requests)
    ]
    return predictions, matrix, artefact


def _rows(requests: Sequence[HourRequest], known: History) -> features.Rows:
    if len(requests) == 1:
        (one,) = requests
        return features.Rows(
            hour=one.hour,
            as_of=known.newest_before(_known_until(one)),
            weather=one.weather,
            temperature=one.temperature,
            humidity=one.humidity,
            windspeed=one.windspeed,
            feels_like=one.feels_like,
            holiday=_stated(one),
        )
    hour, weather, temperature, humidity, windspeed, feels_like, _, _ = zip(*requests, strict=True)
    return features.Rows(
        hour=np.array(hour, np.int64),
        as_of=known.newest_before(np.array([_known_until(one) for one in requests], np.int64)),
        weather=np.array(weather, np.int8),
        temperature=np.array(temperature, np.float64),
        humidity=np.array(humidity, np.float64),
        windspeed=np.array(windspeed, np.float64),
        feels_like=np.array(feels_like, np.float64),  # None becomes NaN
        holiday=np.array([_stated(one) for one in requests], np.int8),
    )


def _known_until(request: HourRequest) -> int:
    return request.hour - 1 if request.as_of is None else request.as_of


def _stated(request: HourRequest) -> int:
    return -1 if request.holiday is None else request.holiday


def _revised(
    requests: Sequence[HourRequest], as_of: Sequence[int], chosen: bool, revisions: Revisions
) -> list[bool]:
    """Say of which requests for the past the observations were revised since."""
    past = [chosen or request.as_of is not None for request in requests]
    if any(past):
        since = revisions.since(as_of)
        return [each and revised for each, revised in zip(past, since, strict=True)]
    return past


def _warnings(
    request: HourRequest,
    as_of: int,
    ranges: dict[str, list[float]],
    calendar: Calendar,
    revised: bool,
) -> list[str]:
    warnings = []
    if as_of == NO_HISTORY:
        warnings.append("no_history")
    elif request.hour - as_of > STALE_AFTER:
        warnings.append("history_is_stale")
    for name, (low, high) in ranges.items():
        value = getattr(request, name)
        if value is not None and not low <= value <= high:
            warnings.append("outside_training_range")
            break
    if request.holiday is not None:
        if request.holiday != bool(calendar.is_holiday(np.array([request.hour]))[0]):
            warnings.append("holiday_contradicts_calendar")
    if revised:
        warnings.append("history_revised")
    return warnings


def load_or_fetch(version: int) -> Artefact:
    """Load a version's artefact, fetching it if need be; raise `BrokenArtefact`."""
    directory, checksums = versions.directory(version), queries.checksums(version)
    try:
        return load(directory, checksums)
    except BrokenArtefact:
        if not fetching.is_possible():
            raise
    fetching.fetch(version, directory)
    return load(directory, checksums)


def load(directory: Path, checksums: dict[str, str]) -> Artefact:
    """Load an artefact; a child process tries it first, if none has done so with this runtime.

    What crashes the child harms nobody. Raises `BrokenArtefact`.
    """
    if not directory.is_dir():
        raise BrokenArtefact("its artefact was pruned or removed")
    tried = directory / versions.TRIED
    proof = json.dumps({"onnxruntime": RUNTIME, "checksums": checksums}, sort_keys=True)
    try:
        if tried.read_text() == proof:  # whatever has these checksums
            return Artefact.load(directory, checksums)
    except (OSError, ValueError):
        pass
    _try(directory, checksums)
    with suppress(OSError):
        tried.write_text(proof)
    return Artefact.load(directory, checksums)


def _try(directory: Path, checksums: dict[str, str]) -> None:
    children.run("training.artefact", str(directory), given=json.dumps(checksums), seconds=30)
