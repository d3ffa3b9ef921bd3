"""Vlib: the rentals of a bike-share system, predicted hour by hour."""

from typing import Any

from flask import Flask

from . import (
    api,
    auth,
    cli,
    config,
    dashboard,
    edge,
    errors,
    express,
    history,
    journal,
    language,
    metrics,
    models,
    predictor,
)
from .extensions import db, migrate, prepare_connections
from .feeds import feed

__all__ = ["create_app", "models"]


def create_app(settings: dict[str, Any] | None = None) -> Flask:
    """Build the application. It opens no file, thread or connection until it is used."""
    app = Flask(
        __name__, instance_path=config.instance_path(settings), instance_relative_config=True
    )
    config.configure(app, settings)
    # No view is a coroutine; Flask would look seven times a request whether one is.
    app.ensure_sync = lambda func: func  # type: ignore[method-assign]
    db.init_app(app)
    migrate.init_app(app, db, directory=f"{app.root_path}/migrations")
    with app.app_context():
        prepare_connections(db.engine, durable=app.config["VLIB_DURABILITY"] == "power")
    language.init_app(app)
    errors.init_app(app)
    auth.init_app(app)
    history.init_app(app)
    predictor.init_app(app)
    journal.init_app(app)
    feed.init_app(app)
    api.init_app(app)
    metrics.init_app(app)
    dash_app = dashboard.init_app(app)
    express.init_app(app)
    edge.init_app(app, dash_app.csp_hashes())
    cli.init_app(app)
    return app
