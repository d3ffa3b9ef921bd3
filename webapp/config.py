"""Every setting, its default and one comment.

An environment variable of the same name wins over ``config.py`` in the instance folder,
which wins over the default here; what a test hands to the factory wins over all.
"""

import os
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import click
from cronsim import CronSim, CronSimError
from flask import Flask
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from training.calendar import Calendar

ROOT = Path(__file__).resolve().parent.parent

DEFAULTS: dict[str, Any] = {
    "VLIB_DATABASE_URI": None,  # SQLite below the instance path
    "VLIB_MLFLOW_TRACKING_URI": None,  # SQLite below the instance path
    "VLIB_ARTEFACT_STORE": "",  # fsspec's address of a folder for all machines; empty: in MLflow
    "VLIB_ADMIN_TOKEN": None,  # generated once into the file admin_token
    "VLIB_ACCESS": "open",  # or "token": predictions and the dashboard ask for one too
    "VLIB_CLIENT_TOKEN": None,  # the token of clients when VLIB_ACCESS is "token"
    "VLIB_TRUSTED_PROXIES": 0,  # how many proxies stand in front
    "VLIB_RETRAIN_CRON": "0 3 * * 1",  # as cron reads it, in VLIB_TIMEZONE; empty: never
    "VLIB_CITY": None,  # the name of the city, for the dashboard
    "VLIB_TIMEZONE": "America/New_York",  # where the bikes are
    "VLIB_HOLIDAYS": "US-DC",  # country and subdivision, as the holidays library names them
    "VLIB_PROMOTION_LEVEL": 0.95,  # share of resampled days in which a challenger must be better
    "VLIB_PROMOTION_SLICE": 0.1,  # share by which the error of any slice of hours may grow
    "VLIB_PROMOTION_HOURS": 144,  # fewest new hours to compare on; a week less what may be missing
    "VLIB_ALERT_WEBHOOK": "",  # an address that is sent what happens, as JSON
    "VLIB_ALERT_SECONDS": 60.0,  # how often the conditions of alerts are looked at
    "VLIB_ALERT_ERROR": 1.5,  # times the holdout's error that a live error may reach
    "VLIB_ALERT_COVERAGE": 0.1,  # how far live coverage may be from 0.9
    "VLIB_EVIDENCE_PAUSE_HOURS": 72.0,  # from any training to one that evidence calls for
    "VLIB_TRAINING_LIMIT": 3600,  # seconds after which a training is ended
    "VLIB_TRAINING_JOBS": 0,  # threads of the grid search; 0: one a core
    "VLIB_TRAINING_CLUSTER": "",  # a Dask scheduler's address for the grid search; empty: none
    "VLIB_KEEP_MODELS": 20,  # newest artefacts that are kept beside those in use; 0: all
    "VLIB_KEEP_PREDICTIONS_DAYS": 730,  # after which a stored prediction is deleted; 0: never
    "VLIB_MAX_PREDICTIONS": 20_000_000,  # stored; the oldest beyond are deleted; 0: no limit
    "VLIB_REFRESH_SECONDS": 1.0,  # how often a worker looks for a new champion and new hours
    "VLIB_DURABILITY": "process",  # what an answered prediction survives; "power": a power cut too
    "VLIB_JOURNAL_MB": 64,  # of predictions that may wait for the database before more are refused
    "VLIB_WEATHER_URL": "",  # a forecast in Open-Meteo's hourly format; empty: none
    "VLIB_WEATHER_SECONDS": 3600.0,  # from one look at the forecast to the next
    "VLIB_GBFS_URL": "",  # gbfs.json of a GBFS feed, for estimated rentals; empty: none
    "VLIB_GBFS_SECONDS": 60.0,  # from one look at the stations to the next
    "VLIB_LOG": "",  # "json" or "text"; empty: json under serve, text under run
    "VLIB_SCHEDULER_SECONDS": 5.0,  # how often the schedule and the leader are looked at
}


def _address(value: str) -> None:
    if value and not value.startswith(("http://", "https://")):
        raise ValueError("expected an address that begins with http:// or https://")


def _scheduler(value: str) -> None:
    if value and not (urlsplit(value).scheme in ("tcp", "tls") and urlsplit(value).port):
        raise ValueError("expected an address like tcp://HOST:PORT or tls://HOST:PORT")


def _one_of(*choices: str) -> Callable[[Any], object]:
    def check(value: Any) -> None:
        if value not in choices:
            raise ValueError(f"expected {' or '.join(filter(None, choices))}")

    return check


def _level(value: float) -> None:
    if not 0.5 <= value < 1:
        raise ValueError("expected a share from 0.5 to below 1")


def _between(low: float, high: float) -> Callable[[float], object]:
    def check(value: float) -> None:
        if not low <= value <= high:
            raise ValueError(f"expected seconds from {low:g} to {high:g}")

    return check


def _at_least(least: float) -> Callable[[float], object]:
    def check(value: float) -> None:
        if not value >= least:
            raise ValueError(f"expected {least:g} or more")

    return check


def _database(value: str | None) -> None:
    try:
        if value:
            make_url(value).get_dialect()
    except ArgumentError:
        raise ValueError("expected one like postgresql+psycopg://USER:WORD@HOST/NAME") from None


CHECKS: dict[str, Callable[[Any], object]] = {
    "VLIB_ACCESS": _one_of("open", "token"),
    "VLIB_LOG": _one_of("", "json", "text"),
    "VLIB_DURABILITY": _one_of("process", "power"),
    "VLIB_PROMOTION_LEVEL": _level,
    "VLIB_PROMOTION_SLICE": _at_least(0),
    "VLIB_PROMOTION_HOURS": _at_least(24),
    "VLIB_DATABASE_URI": _database,
    "VLIB_TRUSTED_PROXIES": _at_least(0),
    "VLIB_TRAINING_JOBS": _at_least(0),
    "VLIB_TRAINING_LIMIT": _at_least(1),
    "VLIB_KEEP_MODELS": _at_least(0),
    "VLIB_JOURNAL_MB": _at_least(1),
    "VLIB_KEEP_PREDICTIONS_DAYS": _at_least(0),
    "VLIB_MAX_PREDICTIONS": _at_least(0),
    "VLIB_ALERT_WEBHOOK": _address,
    "VLIB_TRAINING_CLUSTER": _scheduler,
    "VLIB_WEATHER_URL": _address,
    "VLIB_GBFS_URL": _address,
    "VLIB_WEATHER_SECONDS": _between(60, 6 * 3600),
    "VLIB_GBFS_SECONDS": _between(10, 300),
    "VLIB_RETRAIN_CRON": lambda value: value and CronSim(value, datetime.now()),
    "VLIB_TIMEZONE": ZoneInfo,
    "VLIB_HOLIDAYS": Calendar,
}
# A server that is gone without a word is noticed within half a minute.
LIBPQ = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
PASSWORD = re.compile(r"(://[^:@/]*:)[^@]*(?=@)")
NUMBERS = {key: type(value) for key, value in DEFAULTS.items() if isinstance(value, (int, float))}


class InvalidSetting(click.ClickException):
    """A setting has a value that Vlib can't work with; one line on the command line."""


def configure(app: Flask, config: dict[str, Any] | None) -> None:
    """Fill ``app.config``; raise `InvalidSetting`, which names the setting and its value."""
    given = {key: os.environ[key] for key in DEFAULTS if key in os.environ}
    app.config.from_mapping(DEFAULTS)
    app.config.from_pyfile("config.py", silent=True)
    app.config.update(given)
    app.config.update(config or {})
    app.config["VLIB_INSTANCE_PATH"] = app.instance_path
    for key, kind in NUMBERS.items():
        app.config[key] = _number(key, app.config[key], kind)
    for key, check in CHECKS.items():
        try:
            check(app.config[key])
        except (ValueError, KeyError, CronSimError) as error:
            value = PASSWORD.sub(r"\1***", repr(app.config[key]))
            raise InvalidSetting(f"{key} is {value}: {error}") from None
    if app.config["VLIB_GBFS_URL"] and not app.config["VLIB_WEATHER_URL"]:
        raise InvalidSetting(
            "VLIB_GBFS_URL needs VLIB_WEATHER_URL too: hours are stored with their weather"
        )

    instance = Path(app.instance_path)
    if not app.config["VLIB_DATABASE_URI"]:
        app.config["VLIB_DATABASE_URI"] = f"sqlite:///{instance / 'vlib.db'}"
    if not app.config["VLIB_MLFLOW_TRACKING_URI"]:
        app.config["VLIB_MLFLOW_TRACKING_URI"] = f"sqlite:///{instance / 'mlflow.db'}"
    app.config["SQLALCHEMY_DATABASE_URI"] = app.config["VLIB_DATABASE_URI"]
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = _engine_options(app.config["VLIB_DATABASE_URI"])


def unknown() -> list[str]:
    """Return the names in the environment that look like settings, and are none."""
    known = {*DEFAULTS, "VLIB_INSTANCE_PATH"}
    return [key for key in os.environ if re.match("VLIB_(?!TEST_)", key) and key not in known]


def instance_path(config: dict[str, Any] | None) -> str:
    """Return the absolute path of the folder below which everything is written."""
    given = (config or {}).get("VLIB_INSTANCE_PATH") or os.environ.get("VLIB_INSTANCE_PATH")
    return str(Path(given).resolve() if given else ROOT / "instance")


def _number(key: str, value: Any, kind: type) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise InvalidSetting(f"{key} is {value!r}: a number is needed") from None


def _engine_options(uri: str) -> dict[str, Any]:
    # Parameters are hidden in errors, and so in logs: they hold what clients sent.
    if make_url(uri).get_backend_name() != "sqlite":
        return {"pool_pre_ping": True, "hide_parameters": True, "connect_args": LIBPQ}
    import pysqlite3  # SQLite without the WAL-reset bug, whatever the system's library is

    return {"module": pysqlite3, "connect_args": {"timeout": 5.0}, "hide_parameters": True}
