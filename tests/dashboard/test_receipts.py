"""The receipt's own page."""

import datetime as dt
from typing import Any

import pandas as pd
import pytest
from flask import Flask

from tests.conftest import receipt
from training import promotion
from training.history import as_hours
from webapp import queries

from .conftest import Call, text


def told(call: Call, search: str) -> str:
    """Return what the page says of a URL."""
    drawn = call("receipts-receipt-section.children", **{"receipts-url.search": search})
    return text(drawn["receipts-receipt-section"]["children"])


def scored(worse: float) -> pd.DataFrame:
    """Return ten days of predictions that are too high by so much."""
    hours = pd.date_range("2012-12-01", periods=240, freq="h", unit="s")
    actual = pd.Series(range(240), dtype=float) % 24
    columns = {"datetime": hours, "actual": actual, "predicted": actual + worse}
    bounds = {"lower": actual - 9, "upper": actual + 9, "baseline": actual + 5, "weather": "clear"}
    return pd.DataFrame(columns | bounds)


def evidence() -> dict[str, Any]:
    """Return what a promotion would stand on."""
    working = as_hours(scored(0)["datetime"].to_numpy()) % 168 < 120
    return dict(promotion.weigh(scored(2), scored(3), working, promotion.Rules()))


@pytest.fixture
def measured(app: Flask) -> None:
    """Let the receipt of version 1 say everything that one can."""
    by_hand = {"version": "7", "activated_at": "2012-12-24T08:00:00Z", "activated_by": "admin"}
    finding = {"check": "stuck", "first": "2012-12-18", "last": "2012-12-31"}
    found = receipt("promoted") | evidence()
    found |= {"champion_version": "7", "champion_by_hand": by_hand | {"reason": "rush hours"}}
    found |= {"from": "2012-12-01T00:00:00", "to": "2012-12-10T23:00:00", "accepted": True}
    found |= {"findings": [finding | {"detail": "humidity stays 77"}], "requested_by": "ann"}
    found["behaviour"] = [{"check": "rain", "passed": True, "detail": "less with rain"}]
    span = {"from": "2012-08-01T00:00:00", "to": "2012-11-30T23:00:00"}
    found["data"] = {"rows": 2000, "data_sha256": "ab" * 32} | span
    found["seen_to"] = "2012-12-10T23:00:00"
    with app.app_context(), queries.writing() as connection:
        connection.execute(queries.update(queries.ModelVersion).values(receipt=found))


def test_a_receipt_says_all_that_it_holds(call: Call, measured: None) -> None:
    words = told(call, "?version=1")
    for part in (
        *(
            "promoted",
            "made for the tests",
            "first start, ann",
            "1.0\N{NO-BREAK SPACE}s",
            "unknown",
        ),
        *("Model 7, champion then", "Repeating last week", "hours that neither had seen"),
        *("Its error is 1.00 lower", "1,000 resamples", "Morning, working day", "no worse"),
        *("less with rain", "Tue 18 Dec 2012", "humidity stays 77", "accepted by an admin"),
        *("ab" * 32, "Wed 1 Aug 2012, 00:00", "admin, 24 Dec 2012", "rush hours"),
    ):
        assert part in words, part


def test_experiments_leads_to_each_receipt(app: Flask, call: Call) -> None:
    with app.app_context():
        queries.add_run("spoilt", "admin", None)
        queries.finish_run("spoilt", "rejected", "no data", receipt("rejected"))
    for section, href in (
        ("models", "?version=1"),
        ("runs", "?version=1"),
        ("runs", "?run=spoilt"),
    ):
        drawn = call(f"experiments-{section}-section.children")
        assert f"/dashboard/receipts{href}" in str(drawn), section


def test_the_newest_receipt_shows_by_itself(call: Call) -> None:
    assert told(call, "").startswith("Model 1promoted made for the tests.")
    assert "compared with no champion" not in told(call, "")  # nothing was measured of it


def test_a_receipt_of_an_older_version_says_what_it_knows(app: Flask, call: Call) -> None:
    score = {"mae": 42.5, "rmse": 65.8, "r2": 0.83, "bias": 9.3, "coverage": 0.81, "width": 134.3}
    old = {"decision": "promoted", "reason": "nothing served yet", "trigger": "first"}
    old |= {"challenger": score, "champion": None, "baseline": score, "seconds": 26.3}
    with app.app_context(), queries.writing() as connection:
        connection.execute(queries.update(queries.ModelVersion).values(receipt=old))
    assert "42.50" in told(call, "?version=1") and "nothing served yet" in told(call, "")


def test_a_run_without_a_model_shows_its_receipt(app: Flask, call: Call) -> None:
    with app.app_context():
        queries.add_run("spoilt", "admin", None)
        refused = receipt("rejected") | {"reason": "the rentals are three times their level"}
        queries.finish_run("spoilt", "rejected", refused["reason"], refused)
        queries.add_run("broken", "admin", dt.datetime(2026, 1, 1))
        queries.finish_run("broken", "failed", "no disk")
    assert "three times their level" in told(call, "?run=spoilt")
    assert "A training without a model" in told(call, "?run=spoilt")
    assert "left no receipt" in told(call, "?run=broken")
    assert "left no receipt" in told(call, "?run=nobody")


@pytest.mark.parametrize("version", ["99", "-1", "one", "9" * 40, "\N{SUPERSCRIPT TWO}"])
def test_of_what_is_no_version_it_says_so(call: Call, version: str) -> None:
    assert "There is no such model." in told(call, f"?version={version}")


def test_before_any_decision_it_says_what_will_come(app_without_model: Flask) -> None:
    from webapp.dashboard.pages import receipts

    with app_without_model.app_context():
        drawn = receipts.receipt({}, "light").children
    assert "The first training writes the first receipt" in str(drawn)
