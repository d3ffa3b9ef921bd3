"""What ``flask import-history`` shows and asks before it takes a file in."""

import datetime as dt
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import pandas as pd
from flask import current_app

from training.importing import converting, proposing, reading, report
from training.importing.mapping import InvalidMapping, Mapping
from training.importing.numbers import MARKS, quantity
from training.importing.proposing import Proposal, Question
from training.importing.reading import Table
from training.schema import InvalidHistory

from . import importing

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Choices:
    """What the operator chose on the command line, beside the mapping."""

    yes: bool
    save_mapping: Path | None
    add_up: bool
    skip_incomplete: bool
    replace: bool
    same_city: bool


def run(file: Path, given: Mapping, choices: Choices) -> None:
    """Take a file in, after showing and asking; raise `click.ClickException` if it can't be."""
    with _one_line(file):
        table, proposal = _opened(file, given)
        proposal = _settled(table, proposal, given, choices.yes)
    shown = report.mapping_lines(proposal, [str(name) for name in table.frame.columns])
    if proposal.guessed:
        click.echo("\n".join(["Columns:", *shown]))
    if choices.save_mapping:
        _save(proposal.mapping, choices.save_mapping)
    converted = _converted(file, table, proposal, choices)
    with _one_line(file):
        plan = _planned(converted, proposal, file, choices)
    click.echo("\n".join(["As stored:", *report.preview(converted.frame)]))
    click.echo("\n".join(["Summary:", *report.summary(converted), *_place(converted.frame)]))
    if not plan.rows.empty:
        click.echo(_consequence(plan))
        if (proposal.guessed or plan.replaces or plan.doubt) and not choices.yes:
            _confirm(plan.doubt)
    importing.take_in(plan)
    click.echo(f"{quantity(plan.added, 'hour')} added, {plan.changed:,} changed.")


def _opened(file: Path, given: Mapping) -> tuple[Table, Proposal]:
    """Read a file and say what it means, with a bar for who waits."""
    waits = sys.stderr.isatty()
    with click.progressbar(length=3, label="Reading", hidden=not waits, file=sys.stderr) as bar:
        table = reading.read(file, given)
        bar.update(2)
        proposal = proposing.propose(table, given)
        bar.update(1)
    return table, proposal


def _settled(table: Table, proposal: Proposal, given: Mapping, yes: bool) -> Proposal:
    """Return a proposal that leaves nothing open."""
    while proposal.questions:
        question = proposal.questions[0]
        given = given.merged(_meant(question, (_likely if yes else _answer)(question)))
        proposal = proposing.propose(table, given)
    return proposal


def _answer(question: Question) -> str:
    with _answered():
        return str(click.prompt(question.text, type=click.Choice(question.choices)))


def _likely(question: Question) -> str:
    """Return the likely answer, and say so; raise `InvalidMapping` if none is."""
    if question.likely is None:
        choices = " or ".join(map(repr, question.choices))
        raise InvalidMapping(f"{question.text} Say {choices} with {question.option}")
    click.echo(
        f"Warning: {question.text} Taken as {question.likely}: if that is wrong, import it again"
        f" with {question.option}{question.choices[0]} or another"
    )
    return question.likely


def _meant(question: Question, chosen: str) -> Mapping:
    option, _, name = question.option.rstrip("=").partition(" ")
    if option == "--map":
        return Mapping(columns={name: chosen})
    if option == "--unit":
        return Mapping(units={name: chosen})
    return Mapping(day_first=chosen == "day", year_first=chosen == "year")


def _converted(
    file: Path, table: Table, proposal: Proposal, choices: Choices
) -> converting.Converted:
    """Return the hours; write every problem beside the file if there is one."""
    try:
        return converting.convert(
            table,
            proposal.mapping,
            current_app.config["VLIB_TIMEZONE"],
            add_up=choices.add_up,
            skip_incomplete=choices.skip_incomplete,
        )
    except InvalidHistory as error:
        if not error.problems:
            raise click.ClickException(f"{file}: {error}") from None
        for problem in error.problems[:SHOWN] if len(error.problems) > 1 else []:
            click.echo(f"  {problem}")
        raise click.ClickException(f"{file}: {error}{_hint(file, error)}") from None


def _planned(
    converted: converting.Converted, proposal: Proposal, file: Path, choices: Choices
) -> importing.Plan:
    """Return what would change; raise `Refused` if it may be another city's and nobody is asked."""
    columns = {name: column for name, column in proposal.mapping.columns.items() if column}
    plan = importing.plan(
        converted.frame, file, columns, replace=choices.replace, same_city=choices.same_city
    )
    if plan.doubt and not plan.rows.empty and choices.yes:
        raise importing.Refused(f"{plan.doubt}, as another city's: {importing.WAYS}")
    return plan


def _hint(file: Path, error: InvalidHistory) -> str:
    """Write all problems to a file, and say where they are and what may help."""
    path = file.with_name(f"{file.name}.errors.csv")
    try:
        report.write_problems(path, error.problems)
        where = f"all of them are in {path}"
    except OSError as failure:
        where = f"their list can't be written to {path} ({failure.strerror})"
    empty = all(problem.value == "" or problem.value in MARKS for problem in error.problems)
    hint = "; --skip-incomplete leaves rows with empty cells out" if empty else ""
    return f"; nothing was taken in, {where}{hint}"


def _place(frame: pd.DataFrame) -> list[str]:
    config = current_app.config
    name = config["VLIB_CITY"] or "a city without a name"
    lines = [f"  Taken as {name}, {config['VLIB_TIMEZONE']}, holidays of {config['VLIB_HOLIDAYS']}"]
    if unset := importing.unset_places():
        lines.append(f"  Warning: {', '.join(unset)} not set: is this where the bikes are?")
    now = dt.datetime.now(ZoneInfo(config["VLIB_TIMEZONE"])).replace(tzinfo=None)
    if ahead := int((frame["datetime"] > now).sum()):
        lines.append(f"  Warning: {quantity(ahead, 'hour')} still to come: are the dates right?")
    return lines


def _consequence(plan: importing.Plan) -> str:
    said = plan.line()
    if plan.total < importing.TRAINABLE:
        days = importing.TRAINABLE // 24
        said += f" That is too little to train on: {days} days are needed."
    if not plan.replaces:
        return said
    return (
        f"{said} It replaces {plan.replaces}: its hours, predictions and champion go, its "
        "models can't be activated any more, and the next training begins anew."
    )


def _confirm(doubt: str) -> None:
    question = f"Is it the same city, although {doubt}?" if doubt else "Take it in?"
    with _answered():
        if not click.confirm(question):
            raise click.ClickException("nothing was taken in: change it with --map and --unit")


def _save(mapping: Mapping, path: Path) -> None:
    try:
        mapping.save(path)
    except OSError as error:
        raise click.ClickException(f"{path} can't be written: {error.strerror}") from None
    click.echo(f"The mapping is in {path}.")


@contextmanager
def _answered() -> Iterator[None]:
    """Make one line of it if nobody answers."""
    try:
        yield
    except click.Abort:
        click.echo()
        raise click.ClickException("nothing was taken in: answer, or say --yes") from None


@contextmanager
def _one_line(file: Path) -> Iterator[None]:
    """Make one line of what is wrong with a file, or with what was said of it."""
    try:
        yield
    except (InvalidHistory, InvalidMapping, importing.Refused, OSError) as error:
        raise click.ClickException(f"{file}: {error}") from None
