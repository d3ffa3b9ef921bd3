"""The commands of ``flask``, beside Flask's own ``run`` and Flask-Migrate's ``db``."""

import datetime as dt
import time
from pathlib import Path
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from training import schema, sources

from . import errors, queries, replaying, retraining, server, startup, versions


class Command(click.Command):
    """A command whose errors are one line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; turn what went wrong into an error of the command line."""
        try:
            return super().invoke(ctx)
        except errors.Problem as error:
            extra = "".join(f" ({name} {value})" for name, value in error.extra.items())
            raise click.ClickException(f"{error.detail}{extra}") from None
        except DBAPIError as error:
            uri = make_url(current_app.config["VLIB_DATABASE_URI"]).render_as_string()
            raise click.ClickException(f"The database {uri} can't be used: {error.orig}") from None


POSITIVE = click.FloatRange(min=0, min_open=True)
TRAINING_ENDED_WELL = ("promoted", "kept")


@click.command(cls=Command)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64))
@with_appcontext
def serve(host: str, port: int, workers: int) -> None:
    """Serve in production, on Granian."""
    startup.require_free_port(host, port)
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    startup.prepare(app)
    server.run(app, host, port, workers)


@click.command(cls=Command)
@with_appcontext
def retrain() -> None:
    """Train a challenger now and wait for the decision."""
    startup.upgrade_database()
    run = retraining.start("cli")
    with click.progressbar(length=100, label="Training") as bar:
        while run["finished_at"] is None:
            time.sleep(0.5)
            retraining.abandon_dead()
            run = queries.get_run(run["run_id"]) or run
            bar.update(int(run["progress"] * 100) - bar.pos, run["stage"])
    click.echo(f"{run['status']}: {run['reason']}")
    if run["status"] not in TRAINING_ENDED_WELL:
        raise SystemExit(1)


@click.command(cls=Command)
@click.option("--start", type=click.DateTime(), help="First hour.  [default: the holdout's]")
@click.option("--end", type=click.DateTime(), help="Hour to stop before.  [default: the end]")
@click.option("--speed", default=10.0, show_default=True, help="Hours a second.", type=POSITIVE)
@click.option("--url", default="http://127.0.0.1:5000", show_default=True, help="The server's.")
@with_appcontext
def replay(start: dt.datetime | None, end: dt.datetime | None, speed: float, url: str) -> None:
    """Play a stretch of history through the API of a running server, as if it were live."""
    try:
        replaying.replay(start, end, speed, url)
    except replaying.CannotReplay as error:
        raise click.ClickException(str(error)) from None


@click.command("import-history", cls=Command)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_appcontext
def import_history(file: Path) -> None:
    """Take in the observed hours of a CSV file; a file goes in whole or changes nothing."""
    startup.upgrade_database()
    try:
        frame = sources.read_csv(file)
    except schema.InvalidHistory as error:
        raise click.ClickException(str(error)) from None
    inserted, updated = queries.upsert_frame(frame)
    click.echo(f"{inserted} hours added, {updated} replaced.")


@click.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@with_appcontext
def backup(file: Path) -> None:
    """Copy the database, in use or not, to FILE."""
    if file.exists():
        raise click.ClickException(f"{file} exists: name a new file, so that nothing is lost.")
    try:
        queries.backup(file)
    except queries.CannotBackUp as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Saved to {file}.")


@click.command(cls=Command)
@with_appcontext
def models() -> None:
    """List the versions and who was champion when."""
    startup.upgrade_database()
    for model in queries.list_models():
        score = model["holdout"]["metrics"]["mae"]
        pruned = "" if versions.exists(model["version"]) else ", pruned"
        click.echo(
            f"{model['version']:>4}  {model['status'] + pruned:<16}  trained"
            f" {model['trained_at'][:16]}  MAE {score:.1f}  {model['receipt']['reason']}"
        )
    click.echo("\nChampions, the newest first, in UTC:")
    for item in queries.list_activations():
        click.echo(
            f"{item['activated_at'][:19]}  version {item['version']} became champion"
            f" by {item['activated_by']}: {item['reason']}"
        )


@click.command(cls=Command)
@click.argument("version", type=int)
@click.option("--reason", default="Activated from the command line.", show_default=True)
@with_appcontext
def activate(version: int, reason: str) -> None:
    """Make VERSION champion in every worker: roll back, or forward."""
    startup.upgrade_database()
    retraining.activate(version, reason, "cli")
    click.echo(f"Version {version} is champion.")


def init_app(app: Flask) -> None:
    """Register the commands."""
    for command in (serve, retrain, replay, import_history, backup, models, activate):
        app.cli.add_command(command)
