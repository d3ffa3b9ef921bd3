"""Every setting, its default and one comment.

An environment variable of the same name wins over ``config.py`` in the instance folder,
which wins over the default here; what a test hands to the factory wins over all.
"""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from cronsim import CronSim, CronSimError
from flask import Flask
from sqlalchemy import make_url

from training.calendar import Calendar

ROOT = Path(__file__).resolve().parent.parent

DEFAULTS: dict[str, Any] = {
    "VLIB_DATABASE_URI": None,  # SQLite below the instance path
    "VLIB_MLFLOW_TRACKING_URI": None,  # SQLite below the instance path
    "VLIB_ADMIN_TOKEN": None,  # generated once into the file admin_token
    "VLIB_ACCESS": "open",  # or "token": predictions and the dashboard ask for one too
    "VLIB_CLIENT_TOKEN": None,  # the token of clients when VLIB_ACCESS is "token"
    "VLIB_TRUSTED_PROXIES": 0,  # how many proxies stand in front
    "VLIB_RETRAIN_CRON": "0 3 * * 1",  # as cron reads it, in VLIB_TIMEZONE; empty: never
    "VLIB_TIMEZONE": "America/New_York",  # where the bikes are
    "VLIB_HOLIDAYS": "US-DC",  # country and subdivision, as the holidays library names them
    "VLIB_TRAINING_LIMIT": 3600,  # seconds after which a training is ended
    "VLIB_TRAINING_JOBS": 0,  # threads of the grid search; 0: one a core
    "VLIB_KEEP_MODELS": 20,  # newest artefacts that are kept beside those in use; 0: all
    "VLIB_REFRESH_SECONDS": 1.0,  # how often a worker looks for a new champion and new hours
    "VLIB_SCHEDULER_SECONDS": 5.0,  # how often the schedule and the leader are looked at
}


def _access(value: str) -> None:
    if value not in ("open", "token"):
        raise ValueError("expected open or token")


CHECKS: dict[str, Callable[[Any], object]] = {
    "VLIB_ACCESS": _access,
    "VLIB_RETRAIN_CRON": lambda value: value and CronSim(value, datetime.now()),
    "VLIB_TIMEZONE": ZoneInfo,
    "VLIB_HOLIDAYS": Calendar,
}
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
            raise InvalidSetting(f"{key} is {app.config[key]!r}: {error}") from None

    instance = Path(app.instance_path)
    if not app.config["VLIB_DATABASE_URI"]:
        app.config["VLIB_DATABASE_URI"] = f"sqlite:///{instance / 'vlib.db'}"
    if not app.config["VLIB_MLFLOW_TRACKING_URI"]:
        app.config["VLIB_MLFLOW_TRACKING_URI"] = f"sqlite:///{instance / 'mlflow.db'}"
    app.config["SQLALCHEMY_DATABASE_URI"] = app.config["VLIB_DATABASE_URI"]
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = _engine_options(app.config["VLIB_DATABASE_URI"])


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
    if make_url(uri).get_backend_name() != "sqlite":
        return {"pool_pre_ping": True}
    import pysqlite3  # SQLite without the WAL-reset bug, whatever the system's library is

    return {"module": pysqlite3, "connect_args": {"timeout": 5.0}}
