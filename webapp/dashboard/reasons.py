"""Sentences that are stored in English, told in the reader's language.

What trains, checks and decides writes down its reasons as sentences. Here are the forms of them:
one that is found again is told anew, with what stands in its holes; any other, as what a person
gave as a reason, is shown as it was written.
"""

import datetime as dt
import re
from collections.abc import Iterator
from functools import cache

from flask_babel import gettext as _

from webapp import alerts, language
from webapp.language import N_

from . import formats

WORDS = (
    # training/promotion.py: hours
    *(N_("night"), N_("morning"), N_("midday"), N_("evening")),
    # training/behaviour.py: what is compared
    *(N_("light precipitation"), N_("clear weather"), N_("freezing"), N_("pleasant warmth")),
    *(N_("night of working days"), N_("rush hours"), N_("holiday mornings"), N_("working days'")),
    *(N_("not finite"), N_("negative"), N_("outside their own interval")),
    N_("different when asked again"),
    # webapp/api/retrain.py: who asked
    N_("admin token"),
    # the columns of the history
    *(N_("rentals"), N_("temperature"), N_("feels_like"), N_("humidity"), N_("windspeed")),
)
SENTENCES = (
    # training/promotion.py
    N_("nothing served yet; {rest}"),
    N_("but {rest}"),
    N_("better than champion and baseline: {rest}"),
    N_("something is wrong with the challenger: {rest}"),
    N_("its artefact does not answer: {rest}"),
    N_("its MAE is {value}"),
    N_(
        "MAE {mae}, champion {champion} (difference {difference}, 90 % of the resamples {low} to "
        "{high}), seasonal-naive {naive}, {hours} hours"
    ),
    N_("MAE {mae}, seasonal-naive {naive}, {hours} hours"),
    N_("not better than the champion"),
    N_("not proven better than the champion: {share} of the resamples say so, {level} are needed"),
    N_("not better than the baseline"),
    N_("its error is {share} higher for {what} ({hours} hours)"),
    N_("{what}, working day"),
    N_("{what}, free day"),
    N_(
        "its intervals cover {share} of the hours ({low} to {high} of the resamples), {least} to "
        "{most} are wanted"
    ),
    # webapp/gate.py
    N_(
        "too few new hours to compare on: {hours} are newer than what champion (version {version}, "
        "to {hour}) and challenger have seen, {least} are needed"
    ),
    N_("this undoes the activation of version {version} by {who} on {day}: {rest}"),
    # training/behaviour.py
    N_("{what}: get {low} rentals on average, {more} {high}"),
    N_("{what}: should not get more, but get {low} rentals on average, {more} {high}"),
    N_("{count} predictions are numbers inside their interval"),
    N_("some predictions are {what}"),
    N_("not judged: {rest}"),
    N_("the last year has no precipitation"),
    N_("the last year knows frost or pleasant warmth hardly or never"),
    N_("nights of working days are no quieter than the rush hours"),
    N_("no quieter mornings of holidays are known"),
    N_("the last year has no morning of a working day"),
    # training/checks.py
    N_("{share} of the hours are missing, {usual} before"),
    N_("{hours} hours in a row have {what} {value}, at most {earlier} before"),
    N_("{what} is {mean} {unit} in the mean, {before} before"),
    N_(
        "rentals are {times} times what the weeks before, weather and calendar let expect, and no "
        "earlier year has the like"
    ),
    N_("all rentals are multiples of {number}, as if each was counted {times} times"),
    N_(
        "rentals do not follow the hours of the day as they did: correlation with the typical day "
        "{now}, {usual} before"
    ),
    N_("{what} is no number from {low} to {high} ({unit}) in {hours} hours, such as {value}"),
    N_("{what} is no number from {low} to {high} ({unit}) in {hours} hour, such as {value}"),
    # training/train.py
    N_("{day} to {end}: {rest}"),
    N_("{hours} observed hours before the newest 28 days, expected at least {least}"),
    N_("the rentals never differ, expected a history with demand in it"),
    # webapp
    N_("Activated from the command line."),
    N_("The training was ended: it took more than {seconds} s."),
    N_("The training was ended after its limit of {seconds} s."),
    N_("The database can't be used: {rest}"),
    N_("The training can't be started: {rest}"),
    N_("This model's artefact is broken: {rest}"),
    N_("model {version} is broken: {rest}"),
    N_("the database can't be read"),
    N_("{file}: its checksum is not the stored one"),
    *(condition.text for condition in alerts.CONDITIONS),
)
ONE = r"(?:(?!; |\. ).)+?"  # a hole holds no more than one thing
HOLES = {
    "rest": r".+",
    "high": r"\S+",
    "day": r"\d{4}-\d\d-\d\d",
    "end": r"\d{4}-\d\d-\d\d",
    "hour": r"\S+T\S+",
}


def told(stored: str | None) -> str:
    """Tell a stored sentence, or several with semicolons between them, in the reader's language."""
    if not stored:
        return formats.UNKNOWN
    if language.current().language == "en":
        return stored
    return _again(stored) or stored


def _again(text: str) -> str | None:
    """Return a text in the reader's language, None if it is none of ours."""
    if (word := _(formats.WEATHER.get(text, text))) != text:
        return word
    for sentence in SENTENCES:
        if found := _form(sentence).fullmatch(text):
            holes = {name: _hole(name, value) for name, value in found.groupdict().items()}
            return _(sentence).format(**holes)
    for first, joint, rest in _split(text):
        if (before := _again(first)) and (after := _again(rest)):
            return f"{before}{_(joint)}{after}"
    return None


def _split(text: str) -> Iterator[tuple[str, str, str]]:
    """Return two parts of a text and what joins them, in each way that there is."""
    reason, mark, scores = text.rpartition(": MAE ")
    if mark:
        yield reason, N_(": "), f"MAE {scores}"
    first, mark, rest = text.partition("; ")
    if mark:
        yield first, N_("; "), rest
    first, mark, rest = text.partition(". ")
    if mark:
        yield f"{first}.", " ", rest


def _hole(name: str, value: str) -> str:
    if re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?%?", value):
        number = float(value.rstrip("%"))
        digits = len(value.rstrip("%").partition(".")[2])
        unit = f"{formats.SPACE}%" if value.endswith("%") else ""
        return formats.number(number, digits) + unit
    if name in ("day", "end"):
        return formats.day(dt.date.fromisoformat(value))
    if name == "hour":
        return formats.hour(dt.datetime.fromisoformat(value))
    return _again(value) or _(" and ").join(_(part) for part in value.split(" and "))


@cache
def _form(sentence: str) -> re.Pattern[str]:
    """Return the pattern of a sentence: its words, and something in each of its holes."""
    parts = re.split(r"\{(\w+)\}", sentence)
    patterns = [re.escape(part) for part in parts]
    patterns[1::2] = [f"(?P<{name}>{HOLES.get(name, ONE)})" for name in parts[1::2]]
    return re.compile("".join(patterns))
