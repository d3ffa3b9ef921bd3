"""Old predictions go; what the screens rest on stays."""

import datetime as dt

import pytest
from flask import Flask

from webapp import queries, retention
from webapp.ids import new_id

pytestmark = pytest.mark.both_engines

DAY = dt.timedelta(days=1)
TABLE_ROW = {"rentals": 5.0, "lower": 1.0, "upper": 9.0, "baseline": None, "model_version": 1}


@pytest.fixture(autouse=True)
def context(app: Flask, monkeypatch: pytest.MonkeyPatch):
    """Each test in the application, with small batches and no pauses."""
    monkeypatch.setattr(retention, "BATCH", 3)
    monkeypatch.setattr(retention, "PAUSE", 0)
    app.config["VLIB_KEEP_PREDICTIONS_DAYS"] = app.config["VLIB_MAX_PREDICTIONS"] = 0
    with app.app_context():
        yield


def add(number: int, days_ago: float = 0, source: str = "whatif", ahead: int = 9000) -> str:
    """Store a prediction made days ago of an hour so far from the newest observation."""
    made = queries.utcnow() - days_ago * DAY
    newest = queries.newest_observation()
    assert newest is not None
    row = {"id": f"{retention.first_id(made)}7000-8000-{number:012d}", "requested_at": made}
    row |= {"datetime": newest + dt.timedelta(hours=ahead), "as_of": newest, "horizon": 1}
    row |= {"source": source, "input": {}, "warnings": []}
    queries.insert_predictions([TABLE_ROW | row])
    return row["id"]


def stored(*ids: str) -> list[str]:
    return [id_ for id_ in ids if queries.get_prediction(id_)]


def test_by_default_nothing_young_goes(app: Flask) -> None:
    app.config.update(VLIB_KEEP_PREDICTIONS_DAYS=730, VLIB_MAX_PREDICTIONS=20_000_000)
    kept = add(1, days_ago=729)
    assert retention.prune() == 0
    assert stored(kept)


def test_what_is_too_old_goes(app: Flask) -> None:
    app.config["VLIB_KEEP_PREDICTIONS_DAYS"] = 30
    old = [add(number, days_ago=31) for number in range(7)]
    young = add(8, days_ago=29)
    assert retention.prune() == 7
    assert stored(*old, young) == [young]


def test_the_oldest_of_too_many_go(app: Flask) -> None:
    app.config["VLIB_MAX_PREDICTIONS"] = queries.count_predictions() + 2
    ids = [add(number, days_ago=10 - number) for number in range(7)]
    assert retention.prune() == 5
    assert stored(*ids) == ids[-2:]


def test_backtests_stay(app: Flask) -> None:
    before = len(queries.predictions_frame(sources=["backtest"]))
    app.config.update(VLIB_KEEP_PREDICTIONS_DAYS=1, VLIB_MAX_PREDICTIONS=1)
    kept, gone = add(1, days_ago=99, source="backtest"), add(2, days_ago=99)
    assert retention.prune() == 1
    assert stored(kept, gone) == [kept]
    assert len(queries.predictions_frame(sources=["backtest"])) == before + 1


def test_what_live_error_counts_stays(app: Flask) -> None:
    app.config["VLIB_MAX_PREDICTIONS"] = 1
    superseded = add(1, days_ago=40, source="live", ahead=-100)
    scored = add(2, days_ago=40, source="live", ahead=-100)
    to_come = add(3, days_ago=40, source="live", ahead=1)
    far_ahead = add(4, days_ago=40, source="live", ahead=9000)
    long_ago = add(5, days_ago=40, source="live", ahead=-29 * 24)
    retention.prune()
    assert stored(superseded, scored, to_come, far_ahead, long_ago) == [scored, to_come]


def test_an_id_is_in_order_of_its_time() -> None:
    assert retention.first_id(queries.utcnow() - DAY) < new_id()
    assert new_id() < retention.first_id(queries.utcnow() + DAY)
