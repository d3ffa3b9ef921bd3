"""The commands of ``flask``, beside Flask's own ``run`` and Flask-Migrate's ``db``."""

import datetime as dt
import getpass
import json
import os
import time
from pathlib import Path
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from training.importing.mapping import InvalidMapping, Mapping

from . import (
    archive,
    auth,
    errors,
    journal,
    queries,
    replaying,
    rescoring,
    retraining,
    startup,
    versions,
)


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
    from . import server  # Granian, for which no other command waits

    startup.require_free_port(host, port)
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    startup.prepare(app, log_form="json")
    startup.say_who_may(app, host)
    server.run(app, host, port, workers)


@click.command(cls=Command)
@click.option("--accept-data", is_flag=True, help="Train even if the newest weeks look wrong.")
@with_appcontext
def retrain(accept_data: bool) -> None:
    """Train a challenger now and wait for the decision."""
    startup.upgrade_database()
    run = retraining.start("cli", requested_by=_account(), accept_data=accept_data)
    with click.progressbar(length=100, label="Training") as bar:
        while run["finished_at"] is None:
            time.sleep(0.5)
            retraining.abandon_dead()
            run = queries.get_run(run["run_id"]) or run
            bar.update(int(run["progress"] * 100) - bar.pos, run["stage"])
    click.echo(f"{run['status']}: {run['reason']}")
    if run["status"] not in TRAINING_ENDED_WELL:
        raise SystemExit(1)


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # as in a container, whose accounts may have no name
        return f"account {os.getuid()}"


@click.command(cls=Command)
@click.option("--start", type=click.DateTime(), help="First hour.  [default: the holdout's]")
@click.option("--end", type=click.DateTime(), help="Hour to stop before.  [default: the end]")
@click.option("--speed", default=10.0, show_default=True, help="Hours a second.", type=POSITIVE)
@click.option("--url", default="http://127.0.0.1:5000", show_default=True, help="The server's.")
@with_appcontext
def replay(start: dt.datetime | None, end: dt.datetime | None, speed: float, url: str) -> None:
    """Play a stretch of history through the API of a running server, as if it were live."""
    _check_order("--start", start, "--end", end)
    try:
        replaying.replay(start, end, speed, url)
    except replaying.CannotReplay as error:
        raise click.ClickException(str(error)) from None


def _check_order(first: str, start: dt.datetime | None, last: str, end: dt.datetime | None) -> None:
    if start is not None and end is not None and start >= end:
        raise click.ClickException(f"{first} {start} must be before {last} {end}.")


FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(cls=Command)
@click.option("--from", "start", type=click.DateTime(), help="First hour.  [default: the first]")
@click.option("--to", "end", type=click.DateTime(), help="Hour to stop before.  [default: the end]")
@click.option("--model", "version", type=int, required=True, help="The version that scores.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the numbers here too.")
@with_appcontext
def rescore(
    start: dt.datetime | None, end: dt.datetime | None, version: int, file: Path | None
) -> None:
    """Tell which errors of stored predictions a version would have avoided, or caused."""
    _check_order("--from", start, "--to", end)
    startup.upgrade_database()
    try:
        found = rescoring.rescore(start, end, version)
        if file is not None:
            file.write_text(json.dumps(found, indent=1) + "\n")
    except rescoring.CannotRescore as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"Can't write {file}: {error.strerror}.") from None
    click.echo(rescoring.report(found))


@click.command("import-history", cls=Command)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Ask nothing; what is not clear is an error.")
@click.option(
    "--map",
    "columns",
    multiple=True,
    metavar="FIELD=COLUMN",
    help='As rentals="Rented Bike Count"; an empty COLUMN says there is none. Repeatable.',
)
@click.option(
    "--unit",
    "units",
    multiple=True,
    metavar="FIELD=UNIT",
    help="As windspeed=m/s, or weather=wmo for codes. Repeatable.",
)
@click.option("--mapping", type=FILE, help="Read the mapping from a TOML or JSON file.")
@click.option("--save-mapping", type=FILE, help="Write the mapping, for the next file.")
@click.option("--day-first/--month-first", default=None, help="What 01/02/2024 begins with.")
@click.option("--year-first", is_flag=True, help="01/02/03 is the third of February 2001.")
@click.option("--timezone", help="Of times without an offset.  [default: VLIB_TIMEZONE]")
@click.option("--sum", "add_up", is_flag=True, help="Add rows of the same hour up (one a station).")
@click.option("--skip-incomplete", is_flag=True, help="Leave rows with an empty cell out.")
@click.option("--replace", is_flag=True, help="Start anew: all that is there goes.")
@click.option("--same-city", is_flag=True, help="Take it in although it looks like another city's.")
@with_appcontext
def import_history(
    file: Path,
    columns: tuple[str, ...],
    units: tuple[str, ...],
    mapping: Path | None,
    day_first: bool | None,
    year_first: bool,
    timezone: str | None,
    **choices: Any,
) -> None:
    """Take in the hours of FILE: CSV, TSV, Excel or Parquet, in any usual shape.

    Shows what it takes each column for, ten rows as they will be stored and a summary, and asks
    if anything was guessed. A file goes in whole or changes nothing; every value that can't be
    stored is then listed in FILE.errors.csv. The first history of your own replaces the demo data.

    Fields: datetime (or date and hour), rentals, weather (or rain and snow), temperature,
    feels_like, humidity, windspeed, casual, registered, holiday, open, closed. Units: C F K, % or
    fraction, km/h m/s mph kn, mm cm in; uci for values normalised as in the UCI data set.
    """
    from . import import_dialog  # all the readers of files, for which no other command waits

    startup.upgrade_database()
    try:
        known = Mapping.load(mapping) if mapping else Mapping()
        said = Mapping(_pairs("--map", columns), _pairs("--unit", units))
        said.day_first, said.timezone = day_first, timezone
        said.year_first = year_first if year_first or day_first is not None else None
        given = known.merged(said).check()
    except InvalidMapping as error:
        raise click.ClickException(str(error)) from None
    import_dialog.run(file, given, import_dialog.Choices(**choices))


def _pairs(option: str, values: tuple[str, ...]) -> dict[str, str]:
    """Return what FIELD=VALUE says, by field."""
    for value in values:
        if "=" not in value:
            raise click.ClickException(f"{option} {value!r}: expected FIELD=VALUE")
    return {name.strip(): said.strip() for name, _, said in (v.partition("=") for v in values)}


@click.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@with_appcontext
def backup(file: Path) -> None:
    """Copy the database, in use or not, to FILE."""
    if file.exists():
        raise click.ClickException(f"{file} exists: name a new file, so that nothing is lost.")
    try:
        journal.current().copy_all()  # what was answered before now is in the copy
        queries.backup(file)
    except queries.CannotBackUp as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Saved to {file}.")


@click.command(cls=Command)
@click.option(
    "--days", default=90, show_default=True, type=click.IntRange(min=2), help="Younger ones stay."
)
@with_appcontext
def prune(days: int) -> None:
    """Move old predictions to Parquet files, in archive/; no chart changes."""
    startup.upgrade_database()
    try:
        with click.progressbar(archive.move(days), label="Moving", show_pos=True) as steps:
            moved = sum(steps)
    except archive.CannotMove as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"Can't write to {archive.folder()}: {error}.") from None
    click.echo(f"{moved:,} predictions were moved to {archive.folder()}.")


@click.command(cls=Command)
@with_appcontext
def models() -> None:
    """List the versions and who was champion when."""
    startup.upgrade_database()
    known = queries.list_models()
    if not known:
        click.echo("No version has been trained yet: flask run trains the first by itself.")
        return
    for model in known:
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


@click.command("rotate-token", cls=Command)
@with_appcontext
def rotate_token() -> None:
    """Replace the admin's token; servers that run take the new one at once."""
    if current_app.config["VLIB_ADMIN_TOKEN"]:
        raise click.ClickException(
            "VLIB_ADMIN_TOKEN is set, and the file is not read: change the setting and restart,"
            " or unset it."
        )
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    startup.make_folder(app)
    try:
        path = auth.renew_admin_token(app)
    except OSError as error:
        raise startup.not_writable(app, error) from None
    click.echo(f"The new token is in {path}; every login in a browser has ended.")


def init_app(app: Flask) -> None:
    """Register the commands."""
    for command in (
        *(serve, retrain, replay, rescore, import_history, backup, prune),
        *(models, activate, rotate_token),
    ):
        app.cli.add_command(command)
