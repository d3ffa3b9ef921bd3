"""APScheduler, in exactly one of the serving processes.

Which one is decided by a lock that all machines share: it is free again as soon as its holder
dies, and the next process that looks takes it. What is due is read from the database, so
restarts, clock jumps and a change of leader neither lose a run nor double it: a due time that has
passed and led to no run is caught up once.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cronsim import CronSim
from flask import Flask, current_app

from . import alerts, auth, locks, queries, retention, retraining
from .errors import Conflict
from .feeds import watching

if TYPE_CHECKING:
    from apscheduler.schedulers.background import BackgroundScheduler

log = logging.getLogger(__name__)

TIDY_SECONDS = 600
RETRY_FIRST = dt.timedelta(minutes=10)


class Leader:
    """A serving process that is, or wants to be, the one that schedules."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.scheduler: BackgroundScheduler | None = None
        with app.app_context():
            self._lock = locks.of_all("scheduler")

    def compete(self) -> None:
        """Start the scheduler if no other process has it; keep ours in time."""
        if not (self._lock.is_held() or self._lock.acquire()):
            self.retire()
            return
        if self.scheduler is not None:
            self._follow_the_clock()
            return
        # Only now: whoever starts, or never leads, need not wait for the library.
        from apscheduler.executors.pool import ThreadPoolExecutor
        from apscheduler.schedulers.background import BackgroundScheduler

        log.info("This one schedules: process %s", os.getpid())
        self.scheduler = BackgroundScheduler(
            timezone=dt.UTC,
            executors={"default": ThreadPoolExecutor(5)},  # one a job
        )
        self._every(self.app.config["VLIB_SCHEDULER_SECONDS"], tick)
        self._every(self.app.config["VLIB_ALERT_SECONDS"], alerts.watch)
        self._every(TIDY_SECONDS, tidy)
        if self.app.config["VLIB_WEATHER_URL"]:
            self._every(watching.TICK_SECONDS, watching.watch_weather)
        if self.app.config["VLIB_GBFS_URL"]:
            self._every(watching.TICK_SECONDS, watching.watch_stations)
        self.scheduler.start()

    def retire(self, *, wait: bool = False) -> None:
        """Schedule no more, and leave it to another; `wait` for what runs."""
        if self.scheduler is not None:
            log.info("Another process schedules in place of %s", os.getpid())
            self.scheduler.shutdown(wait)
            self.scheduler = None
        self._lock.release()

    def _follow_the_clock(self) -> None:
        """Do now what a clock that was set back would let wait until it is that late again."""
        assert self.scheduler is not None  # noqa: S101 - made by `compete`
        now = dt.datetime.now(dt.UTC)
        for job in self.scheduler.get_jobs():
            if job.next_run_time - now > job.trigger.interval:
                job.modify(next_run_time=now)

    def _every(self, seconds: float, work: Callable[[Flask], None]) -> None:
        from apscheduler.triggers.interval import IntervalTrigger

        class FromNow(IntervalTrigger):  # type: ignore[misc]
            """Counts none of the times that a clock set forward by years has skipped."""

            def get_next_fire_time(self, _: dt.datetime | None, now: dt.datetime) -> dt.datetime:
                return now + self.interval  # type: ignore[no-any-return]

        assert self.scheduler is not None  # noqa: S101 - made by `compete`
        self.scheduler.add_job(
            work,
            FromNow(seconds=seconds, timezone=dt.UTC),
            args=[self.app],
            next_run_time=dt.datetime.now(dt.UTC),
            misfire_grace_time=None,
        )


def tick(app: Flask) -> None:
    """Start the training that is due."""
    with app.app_context():
        try:
            if queries.newest_activation() == 0:
                _train_first()
            elif (missed := due()) is not None:
                retraining.start("schedule", due=missed)
            elif (why := alerts.evidence()) is not None:
                retraining.start("evidence", cause=why)
        except Conflict:
            pass  # one is running: what is due stays due


def tidy(app: Flask) -> None:
    """Delete what is kept no longer."""
    with app.app_context():
        retention.prune()
        auth.forget_tries()


def due() -> dt.datetime | None:
    """Return the newest local time that the schedule meant and that led to no run."""
    if not (cron := current_app.config["VLIB_RETRAIN_CRON"]):
        return None
    now = _local_now()  # once: it may be set meanwhile
    newest = next(CronSim(cron, now, reverse=True))
    return newest if newest > _scheduled_since(now) else None


def next_run() -> dt.datetime | None:
    """Return when the schedule starts the next training; None if it never does."""
    if not (cron := current_app.config["VLIB_RETRAIN_CRON"]):
        return None
    return next(CronSim(cron, _local_now())).replace(tzinfo=_zone())


def _train_first() -> None:
    runs = queries.list_runs(limit=1)
    latest = queries.from_utc(runs[0]["requested_at"]) if runs else None
    if latest is None or queries.utcnow() - latest > RETRY_FIRST:
        retraining.start("first")


def _scheduled_since(now: dt.datetime) -> dt.datetime:
    """Return the local time up to which nothing is owed: the last due run, or the set-up."""
    # A clock that was ahead for a while has left a due time that is still to come.
    return queries.last_due(now) or _local(queries.first_request() or queries.utcnow())


def _zone() -> ZoneInfo:
    return ZoneInfo(current_app.config["VLIB_TIMEZONE"])


def _local(moment: dt.datetime) -> dt.datetime:
    return moment.replace(tzinfo=dt.UTC).astimezone(_zone()).replace(tzinfo=None)


def _local_now() -> dt.datetime:
    return _local(queries.utcnow())
