"""Old predictions move to Parquet: each is in one place, and the charts' figures stay."""

import datetime as dt
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flask import Flask

from tests.webapp.test_queries import HOUR, observation, prediction
from tests.webapp.test_queries import database as database  # a fixture
from tests.webapp.test_queries import version as version  # a fixture
from webapp import archive, queries, retention

DAY = dt.timedelta(days=1)
SAID = HOUR - 60 * DAY  # the newest 28 days stay
READ = pd.read_parquet
NUMBERS = itertools.count(1)


class Killed(BaseException):
    """What nobody catches, as nobody catches a kill -9."""


@pytest.fixture(autouse=True)
def context(database: Flask, version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test on both databases, with small files and batches."""
    monkeypatch.setattr(archive, "ROWS", 4)
    monkeypatch.setattr(archive, "BATCH", 2)
    monkeypatch.setattr(archive, "PAUSE", 0)
    hours = [SAID + dt.timedelta(hours=number) for number in range(6)]
    queries.upsert_observations([observation(hour) for hour in [*hours, HOUR]])


def add(count: int, days_ago: float = 400, **values: Any) -> set[str]:
    """Store predictions made days ago; return their ids."""
    made = queries.utcnow() - days_ago * DAY
    rows = [
        prediction(0, requested_at=made, rentals=50.0 + number, **values)
        | {"id": f"{retention.first_id(made)}7000-8000-{number:012d}"}
        | {"datetime": SAID + dt.timedelta(hours=number % 6)}
        for number in itertools.islice(NUMBERS, count)
    ]
    queries.insert_predictions(rows)
    return {row["id"] for row in rows}


def stored() -> set[str]:
    return {item["prediction_id"] for item in queries.list_predictions(*[None] * 4, 1000, None)[0]}


def archived() -> list[str]:
    return in_files("[!.]*.parquet")


def in_files(names: str) -> list[str]:
    files = archive.folder().glob(names)
    return [number for file in files for number in READ(file)["id"]]


def test_old_ones_move_and_young_ones_stay(version: int) -> None:
    backtest = stored()
    old, young = add(9), add(3, days_ago=1)
    assert sum(archive.move(days=90)) == 9
    assert (set(archived()), len(archived()), stored()) == (old, 9, young | backtest)
    assert sum(archive.move(days=90)) == 0


def test_what_is_archived_is_what_was_said(version: int) -> None:
    (number,) = add(1, as_of=None, horizon=None, baseline=None, warnings=["no_history"])
    said = queries.get_prediction(number)
    assert said is not None
    sum(archive.move(days=90))
    (row,) = pd.read_parquet(archive.folder()).to_dict("records")
    assert row["datetime"].isoformat() == said["datetime"]
    assert (row["rentals"], row["lower"], row["source"]) == (said["rentals"], 30.0, "live")
    assert pd.isna([row["as_of"], row["horizon"], row["baseline"]]).all()
    assert (row["input"], row["warnings"]) == (
        '{"weather": "clear", "temperature": 3.3}',
        '["no_history"]',
    )


def test_killed_anywhere_nothing_is_lost_or_doubled(
    version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in range(10):
        ids, known = add(3), stored()
        with killed_before(step, monkeypatch) as done:
            sum(archive.move(days=90))
        assert ids <= stored() | set(in_files(".moving-*.parquet")) | set(archived())
        assert stored().isdisjoint(archived())
        sum(archive.move(days=90))
        assert (stored(), sorted(archived())) == (known - ids, sorted(ids))
        shutil.rmtree(archive.folder())
    assert next(done) < 10, "there are steps before which nothing was killed"


@contextmanager
def killed_before(last: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Iterator[int]]:
    """Kill before a step that changes or reads a file or the database; count the steps."""
    done = itertools.count()

    def counted(step: Callable[..., Any]) -> Callable[..., Any]:
        def do(*args: Any, **options: Any) -> Any:
            if next(done) == last:
                raise Killed
            return step(*args, **options)

        return do

    steps = (os, "fsync"), (Path, "rename"), (pd, "read_parquet"), (queries, "delete_predictions")
    with monkeypatch.context() as patch, suppress(Killed):
        for owner, name in steps:
            patch.setattr(owner, name, counted(getattr(owner, name)))
        yield done


def test_what_is_half_written_is_thrown_away(version: int) -> None:
    archive.folder().mkdir()
    (archive.folder() / ".draft").write_bytes(b"PAR1 and then the power")
    ids = add(1)
    assert (sum(archive.move(days=90)), set(archived())) == (1, ids)


def test_a_file_that_reads_otherwise_stops_it(
    version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = add(3)
    monkeypatch.setattr(pd, "read_parquet", lambda *args, **options: READ(*args, **options)[:2])
    with pytest.raises(archive.CannotMove, match="is not what was written"):
        sum(archive.move(days=90))
    assert ids <= stored()


def test_two_do_not_move_at_once(version: int) -> None:
    add(3)
    moving = archive.move(days=90)
    next(moving)
    with pytest.raises(archive.CannotMove, match="already"):
        next(archive.move(days=90))
    moving.close()


def test_no_figure_of_a_chart_changes(version: int) -> None:
    for source, horizon in itertools.product(("live", "replay", "whatif"), (1, 24, 6, None)):
        add(12, source=source, horizon=horizon)
    before = figures()
    assert sum(archive.move(days=90)) > 100
    assert figures() == before
    assert before["by_version"][0][1].hours == 12


def figures() -> dict[str, Any]:
    """Return all that the pages of the dashboard ask of predictions."""
    span = {"start": None, "end": None}
    return {
        "shown": queries.predictions_frame().to_csv(),
        "scored": queries.scored_frame.__wrapped__().to_csv(),
        "by_horizon": queries.scores_by.__wrapped__("kind", source="live", **span),
        "by_version": queries.scores_by.__wrapped__("model_version", source="replay", **span),
        "live": queries.live_scores(days=90),
        "span": queries.prediction_span(),
        "predicted": queries.is_predicted(HOUR - 90 * DAY, HOUR),
    }
