"""When a training is due."""

import datetime as dt
import threading

import pytest
from flask import Flask

from tests import postgres
from webapp import queries, scheduler
from webapp.extensions import db

pytestmark = pytest.mark.both_engines

NEW_YORK = "America/New_York"


@pytest.fixture
def clock(app_without_model: Flask, monkeypatch: pytest.MonkeyPatch):
    """Return a function that sets the time in UTC."""
    app = app_without_model
    app.config["VLIB_TIMEZONE"] = NEW_YORK
    now = {"utc": dt.datetime(2026, 1, 1)}
    monkeypatch.setattr(queries, "utcnow", lambda: now["utc"])

    def set_clock(*moment: int) -> None:
        now["utc"] = dt.datetime(*moment)

    with app.app_context():
        yield set_clock


def run_at_due() -> dt.datetime | None:
    """Do as the scheduler's tick does with what is due."""
    due = scheduler.due()
    if due is not None:
        queries.add_run(str(due), "schedule", due)
        queries.finish_run(str(due), "kept", "test")
    return due


def test_sunday_is_zero_and_monday_one(app_without_model: Flask, clock) -> None:
    clock(2026, 11, 23, 12)  # a Monday
    run = scheduler.next_run()
    assert run is not None
    assert run.isoformat() == "2026-11-30T03:00:00-05:00"


def test_a_new_instance_owes_nothing(app_without_model: Flask, clock) -> None:
    clock(2026, 11, 24, 12)
    queries.add_run("first", "first", None)
    assert scheduler.due() is None


def test_a_missed_run_is_caught_up_once(app_without_model: Flask, clock) -> None:
    clock(2026, 11, 1)
    queries.add_run("first", "first", None)
    queries.finish_run("first", "promoted", "test")
    clock(2026, 11, 24, 12)  # three Mondays later
    assert run_at_due() == dt.datetime(2026, 11, 23, 3)
    assert run_at_due() is None


@pytest.mark.parametrize(
    ("cron", "day", "local"),
    [
        ("30 1 * * *", dt.date(2026, 11, 1), dt.datetime(2026, 11, 1, 1, 30)),  # comes twice
        ("30 2 * * *", dt.date(2026, 3, 8), dt.datetime(2026, 3, 8, 2, 30)),  # never comes
    ],
)
def test_once_per_local_time_when_clocks_change(
    app_without_model: Flask, clock, cron: str, day: dt.date, local: dt.datetime
) -> None:
    app_without_model.config["VLIB_RETRAIN_CRON"] = cron
    clock(day.year, day.month, day.day, 4)
    queries.add_run("first", "first", None)
    queries.finish_run("first", "promoted", "test")
    fired = []
    for minute in range(0, 8 * 60, 10):
        clock(day.year, day.month, day.day, 4 + minute // 60, minute % 60)
        fired.append(run_at_due())
    assert [due for due in fired if due] == [local]


@pytest.mark.parametrize("jump", [dt.timedelta(days=3653), dt.timedelta(days=2)])
def test_a_clock_that_was_ahead_for_a_while_costs_no_training_and_doubles_none(
    app_without_model: Flask, clock, jump: dt.timedelta
) -> None:
    app_without_model.config["VLIB_RETRAIN_CRON"] = "0 3 * * *"
    clock(2026, 11, 1)
    queries.add_run("first", "first", None)
    queries.finish_run("first", "promoted", "test")
    fired = []
    for hour in range(48, 144):
        now = dt.datetime(2026, 11, 1) + dt.timedelta(hours=hour)
        now += jump if 60 < hour < 70 else dt.timedelta()
        clock(now.year, now.month, now.day, now.hour)
        fired.append(run_at_due())
    due = [item for item in fired if item]
    assert len(due) == len(set(due))
    assert {dt.datetime(2026, 11, day, 3) for day in (2, 3, 4, 5, 6)} <= set(due)


def test_a_clock_that_is_set_back_keeps_no_job_waiting(
    app_without_model: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = threading.Event()
    monkeypatch.setattr(scheduler, "tick", lambda _: looked.set())
    leader = scheduler.Leader(app_without_model)
    leader.compete()
    assert leader.scheduler is not None
    try:
        assert looked.wait(10)
        looked.clear()
        for job in leader.scheduler.get_jobs():  # as if it were ten hours earlier again
            job.modify(next_run_time=dt.datetime.now(dt.UTC) + dt.timedelta(hours=10))
        leader.compete()
        assert looked.wait(10)
    finally:
        leader.retire(wait=True)


def test_a_clock_that_is_set_forward_makes_up_for_no_look(app_without_model: Flask) -> None:
    leader = scheduler.Leader(app_without_model)
    leader.compete()
    assert leader.scheduler is not None
    try:
        now = dt.datetime.now(dt.UTC)
        for job in leader.scheduler.get_jobs():
            assert job.trigger.get_next_fire_time(now - dt.timedelta(days=3653), now) > now
    finally:
        leader.retire(wait=True)


def test_an_empty_cron_never_fires(app_without_model: Flask, clock) -> None:
    app_without_model.config["VLIB_RETRAIN_CRON"] = ""
    assert scheduler.due() is None
    assert scheduler.next_run() is None


@pytest.mark.postgres
def test_one_schedules_until_its_connection_breaks(app_without_model: Flask) -> None:
    first, second = (scheduler.Leader(app_without_model) for _ in range(2))
    with app_without_model.app_context():
        try:
            first.compete()
            second.compete()
            assert (first.scheduler is not None, second.scheduler) == (True, None)
            postgres.cut(db.engine)
            second.compete()
            first.compete()
            assert (first.scheduler, second.scheduler is not None) == (None, True)
        finally:
            first.retire(wait=True)
            second.retire(wait=True)
