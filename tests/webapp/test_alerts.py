"""Conditions that are raised, cleared, told and acted on."""

import datetime as dt
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from training.drift import Drift
from webapp import alerts, journal, notices, queries, retraining, scheduler
from webapp.queries import LiveScore


class Webhook:
    """A server that keeps what it is told, or refuses it."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.status = 204
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if webhook.status == 204:
                    webhook.told.append(json.loads(body))
                self.send_response(webhook.status)
                self.send_header("Location", webhook.url)
                self.end_headers()

            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def events(self) -> list[str]:
        return [f"{item['event']} {item.get('condition', '')}".strip() for item in self.told]


@pytest.fixture
def webhook(app: Flask) -> Iterator[Webhook]:
    hook = Webhook()
    app.config["VLIB_ALERT_WEBHOOK"] = hook.url
    thread = threading.Thread(target=hook.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    with app.app_context():
        queries.forget_notices(dt.timedelta())  # of what the fixtures did
        yield hook
    hook.server.shutdown()
    thread.join()
    hook.server.server_close()


@pytest.fixture
def live(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, float]]:
    """Let a test set the live score that is measured a day ahead."""
    score = {"hours": 168, "mae": 1.0, "coverage": 0.9, "baseline_mae": 2.0}
    monkeypatch.setattr(queries, "live_scores", lambda **_: {24: LiveScore(**score)})
    with app.app_context():
        yield score


def holdout_mae() -> float:
    champion = queries.champion()
    assert champion is not None
    return float(champion["holdout"]["horizons"]["24"]["mae"])


@pytest.mark.both_engines
def test_a_condition_is_raised_once_and_cleared(app: Flask, live: dict[str, float]) -> None:
    live["mae"] = 2 * holdout_mae()
    alerts.look()
    alerts.look()
    (held,) = alerts.raised()
    assert held[0].name == "error_high"
    assert held[1]["found"]["mae"] == round(live["mae"], 1)
    live["mae"] = holdout_mae()
    alerts.look()
    assert alerts.raised() == []


def test_what_is_raised_at_one_threshold_is_cleared_at_a_milder_one(live: dict[str, float]) -> None:
    live["mae"] = 1.45 * holdout_mae()
    assert alerts.error_high(False) is None
    assert alerts.error_high(True) is not None
    live["mae"] = 1.3 * holdout_mae()
    assert alerts.error_high(True) is None


def test_drift_is_raised_at_one_threshold_and_cleared_at_a_milder_one(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def humidity(difference: float) -> Drift:
        return Drift("humidity", "%", 60 + difference, 60, 10, 2, difference > 10, None)

    monkeypatch.setattr(queries, "is_demo", lambda: False)
    with app.app_context():
        for difference, found in ((9.5, (False, True)), (8.5, (False, False)), (11, (True, True))):
            app.extensions["vlib_drift"] = queries.utcnow(), [humidity(difference)]
            assert tuple(alerts.inputs_drift(held) is not None for held in (False, True)) == found


def test_estimated_hours_are_no_evidence(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(queries, "live_scores", lambda **how: asked.append(how) or {})
    with app.app_context():
        assert alerts.error_high(False) is alerts.coverage_off(False) is None
    assert [how["counted"] for how in asked] == [True, True]


@pytest.mark.parametrize(("mae", "holds"), [(63.0, True), (62.0, False), (None, False)])
def test_a_champion_that_is_worse_than_last_week(
    app: Flask, monkeypatch: pytest.MonkeyPatch, mae: float | None, holds: bool
) -> None:
    holdout = {"metrics": {"mae": mae}, "baseline": {"mae": 62.0}}
    monkeypatch.setattr(queries, "champion", lambda: {"version": "1", "holdout": holdout})
    assert alerts.champion_weak(False) == ({"mae": 63.0, "baseline": 62.0} if holds else None)


def test_too_few_live_hours_judge_nothing(live: dict[str, float]) -> None:
    live |= {"hours": 71, "mae": 1e4, "coverage": 0.0}
    assert alerts.error_high(False) is alerts.coverage_off(False) is None


@pytest.mark.parametrize(("coverage", "holds"), [(0.79, True), (0.81, False), (1.0, False)])
def test_coverage_has_a_band(live: dict[str, float], coverage: float, holds: bool) -> None:
    live["coverage"] = coverage
    assert (alerts.coverage_off(False) is not None) is holds


def test_predictions_that_wait_for_the_database(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "lag", lambda: 61.0)
    with app.app_context():
        assert alerts.database_behind(False) == {"seconds": 61}


def test_every_text_can_be_told() -> None:
    names = {"missing", "problem", "seconds", "newest", "status", "reason", "hours", "horizon"}
    names |= {"mae", "holdout", "coverage", "days", "names", "baseline"}
    told = [item.text.format(**dict.fromkeys(names, "it")) for item in alerts.CONDITIONS]
    assert not any("{" in text for text in told)


def test_evidence_starts_a_training_that_says_why(
    app: Flask, live: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retraining, "_spawn", lambda run_id, lock: 2**22)
    app.config["VLIB_RETRAIN_CRON"] = ""
    app.config["VLIB_EVIDENCE_PAUSE_HOURS"] = 0
    live["mae"] = 2 * holdout_mae()
    alerts.look()
    scheduler.tick(app)
    run = queries.list_runs(limit=1)[0]
    assert run["trigger"] == "evidence"
    assert "the error at 24 h ahead" in run["cause"]


def test_evidence_waits_after_any_training(app: Flask, live: dict[str, float]) -> None:
    live["mae"] = 2 * holdout_mae()
    alerts.look()
    queries.add_run("a-moment-ago", "admin", None)
    assert alerts.evidence() is None
    app.config["VLIB_EVIDENCE_PAUSE_HOURS"] = 0
    assert alerts.evidence() is not None


def test_the_webhook_is_told_what_began_and_ended(webhook: Webhook, app: Flask) -> None:
    queries.add_run("lost", "admin", None)
    queries.finish_run("lost", "failed", "The disk is full.")
    alerts.watch(app)
    queries.add_run("won", "admin", None)
    queries.finish_run("won", "kept", "No better.")
    alerts.watch(app)
    assert webhook.events() == ["failed", "degraded training_failed", "recovered training_failed"]
    assert webhook.told[0]["detail"] == "The disk is full."


@pytest.mark.both_engines
def test_a_notice_is_tried_again_in_order(webhook: Webhook, app: Flask) -> None:
    queries.add_run("lost", "admin", None)
    queries.finish_run("lost", "failed", "The disk is full.")
    webhook.status = 500
    alerts.watch(app)
    assert [item["attempts"] for item in queries.unsent_notices()] == [1, 0]
    webhook.status = 204
    alerts.watch(app)  # the pause is not over
    assert webhook.events() == []
    queries.postpone_notice(queries.unsent_notices()[0]["id"], dt.timedelta(seconds=-1))
    notices.send_all()
    assert webhook.events() == ["failed", "degraded training_failed"]


@pytest.fixture
def told_to(app: Flask) -> Iterator[Callable[[Callable[[socket.socket], None]], None]]:
    """Return a function that sends a notice to a webhook which answers in a way of its own."""
    with app.app_context(), socket.create_server(("127.0.0.1", 0)) as server:
        app.config["VLIB_ALERT_WEBHOOK"] = f"http://127.0.0.1:{server.getsockname()[1]}/"
        queries.forget_notices(dt.timedelta())
        queries.add_run("lost", "admin", None)
        queries.finish_run("lost", "failed", "The disk is full.")

        def tell(answer: Callable[[socket.socket], None]) -> None:
            def serve() -> None:
                with server.accept()[0] as client:
                    client.recv(2**16)
                    answer(client)

            thread = threading.Thread(target=serve)
            thread.start()
            notices.send_all()
            thread.join()

        yield tell


def test_nonsense_is_not_taken(told_to: Callable[[Any], None]) -> None:
    told_to(lambda client: client.sendall(b"what?\r\n\r\n"))
    assert [item["attempts"] for item in queries.unsent_notices()] == [1]


def test_a_server_that_drips_holds_nothing_up(
    told_to: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def drip(client: socket.socket) -> None:
        try:
            for byte in b"HTTP/1.1 204 " + b"x" * 100:
                client.sendall(bytes([byte]))
                time.sleep(0.1)
        except OSError:  # nobody listens any more
            pass

    monkeypatch.setattr(notices, "TIMEOUT", 0.5)
    start = time.monotonic()
    told_to(drip)
    assert time.monotonic() - start < 5
    assert [item["attempts"] for item in queries.unsent_notices()] == [1]


def test_a_redirect_is_not_followed(webhook: Webhook, app: Flask) -> None:
    queries.add_run("lost", "admin", None)
    queries.finish_run("lost", "failed", "The disk is full.")
    webhook.status = 302
    notices.send_all()
    assert [item["attempts"] for item in queries.unsent_notices()] == [1]


def test_an_outage_of_the_database_is_told_once(
    webhook: Webhook, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> None:
        raise OperationalError("select", None, Exception("gone"))

    with monkeypatch.context() as patch:
        patch.setattr(queries, "open_alerts", gone)
        alerts.watch(app)
        alerts.watch(app)
    alerts.watch(app)
    assert webhook.events() == ["degraded database_away", "recovered database_away"]


def test_old_notices_are_no_news(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with app.app_context():
        queries.add_run("lost", "admin", None)
        queries.finish_run("lost", "failed", "The disk is full.")
        app.config["VLIB_ALERT_WEBHOOK"] = "http://127.0.0.1:9/"
        later = queries.utcnow() + notices.EXPIRES + dt.timedelta(seconds=1)
        monkeypatch.setattr(queries, "utcnow", lambda: later)
        notices.send_all()
        assert queries.unsent_notices() == []


def test_a_new_instance_is_no_alert_until_its_first_training_failed(
    app_without_model: Flask,
) -> None:
    with app_without_model.app_context():
        assert alerts.no_predictions(False) is None
        queries.add_run("run", "first", None)
        assert alerts.no_predictions(False) is None
        queries.finish_run("run", "failed", "a reason")
        assert alerts.no_predictions(False) == {"missing": "no model has been trained yet"}
