"""Overview: is it right now? To be understood in five seconds."""

import datetime as dt
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import dash_bootstrap_components as dbc
import pandas as pd
from dash import Dash, html
from flask import current_app
from flask_babel import gettext as _
from flask_babel import ngettext

from webapp import alerts, monitoring, queries, retention, scheduler
from webapp.feeds import feed
from webapp.language import N_, translated

from .. import components, figures, formats, inputs, sections, urls
from ..sections import Chart, Drawing
from . import drift, experiments, performance

PATH = urls.PREFIX
NAME = N_("Overview")
TITLE = N_("Is it right now?")

NARROW = 0.8  # a coverage below it is no accident of a week
CURVE = "overview-curve-graph"
COLUMNS = {
    "datetime": N_("Hour"),
    "predicted": N_("Predicted, rentals"),
    "lower": N_("Lower end of the 90 % interval"),
    "upper": N_("Upper end"),
    "actual": N_("Actual, rentals"),
    "estimated": N_("Actual is an estimate"),
    "horizon": N_("Hours ahead"),
    "model_version": N_("Model"),
    "source": N_("Source"),
}
HOUR = dt.timedelta(hours=1)
RECENT = dt.timedelta(days=7)
# Where an alert may lead.
PAGES = {"drift": drift.NAME, "experiments": experiments.NAME, "performance": performance.NAME}
PAST, AHEAD = dt.timedelta(days=3), dt.timedelta(hours=48)
# A replay that spoke this long ago is over, and the curve goes back to the newest hours.
REPLAY_OVER = dt.timedelta(minutes=2)


class Recent(NamedTuple):
    """The champion's newest hours that can be measured, and their scores."""

    hours: pd.DataFrame
    scores: monitoring.Scores | None
    last: monitoring.Scores | None  # of the last 24 hours, if they are known
    is_week: bool  # they are those of the last 7 days
    few_live: int  # hours that were predicted live, where those are too few to be shown


def layout(choices: urls.Choices) -> Any:
    """Return the page before it is filled."""
    return components.page(
        _(TITLE),
        _("How far the predictions are from what happened, and what serves them."),
        urls.location("overview", choices),
        sections.section("overview-training-section", None),
        sections.section("overview-alerts-section", None),
        sections.section("overview-status-section", components.waiting("medium", "small")),
        sections.section(
            "overview-curve-section", None, components.chart(CURVE, _("The latest predictions"))
        ),
    )


def register_callbacks(app: Dash) -> None:
    """Fill the page, and keep it filled."""
    sections.register(
        app, "overview", PATH, "overview-training-section", training, every=sections.PROGRESS
    )
    sections.register(app, "overview", PATH, "overview-alerts-section", open_alerts)
    sections.register(app, "overview", PATH, "overview-status-section", status)
    sections.register(app, "overview", PATH, "overview-curve-section", latest, [CURVE])


def training(_choices: urls.Choices, _theme: str) -> Drawing:
    """Return the progress of the training under way, or why there is still no model."""
    run = queries.active_run()
    if run is not None:
        first = run["trigger"] == "first"
        title = _("Training the first model") if first else _("Training a new model")
        hint = _("This page fills by itself when it is done.") if first else ""
        return Drawing(components.progress(run, title, hint))
    if queries.champion() is not None:
        return Drawing()
    runs = queries.list_runs(limit=1)
    if runs and runs[0]["status"] not in ("promoted", "kept"):
        status = formats.status(runs[0]["status"])
        ended = html.Strong(_("The last training ended as: %(status)s.", status=status))
        return Drawing(dbc.Alert([ended, " ", runs[0]["reason"]], color="warning"))
    return Drawing(
        components.empty(
            _("There is no model yet."),
            _("The first training starts by itself when the server runs; its progress shows here."),
        )
    )


def open_alerts(choices: urls.Choices, _theme: str) -> Drawing:
    """Return what is wrong now, in plain words, and what to do about it."""
    zone = current_app.config["VLIB_TIMEZONE"]
    return Drawing(
        [
            dbc.Alert(
                [
                    html.Strong(_told_alert(condition, alert["found"])),
                    html.P(
                        [
                            _(condition.act),
                            " ",
                            _("Since %(when)s.", when=formats.moment(alert["raised_at"], zone)),
                            *_way_on(condition.page, choices),
                        ],
                        className="mb-0",
                    ),
                ],
                color="warning",
            )
            for condition, alert in alerts.raised()
        ]
        or None
    )


def _way_on(page: str, choices: urls.Choices) -> list[Any]:
    """Return a link to the page that helps, if there is one."""
    if not page:
        return []
    label = _("To the page %(page)s", page=_(PAGES[page]))
    href = urls.link(page, choices)
    link = html.A(label, href=href, className="alert-link", **components.IN_PAGE)
    return [" ", link]


def _told_alert(condition: alerts.Condition, found: dict[str, Any]) -> str:
    """Say what is wrong, with numbers and times as the reader writes them."""
    shown = {name: _shown(name, value) for name, value in found.items()}
    return _(condition.text).format(**shown)


def _shown(name: str, value: Any) -> str:
    if name == "newest":
        return formats.hour(dt.datetime.fromisoformat(value))
    if name == "status":
        return formats.status(value)
    if name == "names":
        return ", ".join(_(inputs.WORDS[one].label) for one in value.split(", "))
    if isinstance(value, str):
        return _(value) if value else ""
    return formats.number(value, 1 if isinstance(value, float) else 0)


def status(_choices: urls.Choices, _theme: str) -> Drawing:
    """Return the error now against the holdout and the baseline, and the key figures."""
    champion = queries.champion()
    newest = queries.newest_observation()
    if champion is None:
        return Drawing(components.tiles(_data_tile(newest), *_feed_tiles(), _schedule_tile()))
    recent = _recent(int(champion["version"]), newest)
    tiles = components.tiles(
        _coverage_tile(champion, recent.scores),
        _champion_tile(champion),
        _data_tile(newest),
        *_feed_tiles(),
        _schedule_tile(),
    )
    return Drawing([_headline(champion, recent), tiles])


def latest(_choices: urls.Choices, theme: str) -> Drawing:
    """Return the newest predictions as a curve, with interval and actuals."""
    end, now = _end_of_curve()
    if end is None:
        return Drawing()
    frame = queries.predictions_frame(start=end - PAST, end=end + AHEAD)
    frame = monitoring.last_word(frame)
    if frame.empty and queries.champion() is None:
        return Drawing()  # the section above says why
    if frame.empty:
        return Drawing(
            components.empty(
                _("No hour near the newest data has been predicted."),
                _(
                    "Ask for a prediction with POST /api/predict, or wait for the next training, "
                    "which scores the newest 28 days."
                ),
            )
        )
    first, last = frame["datetime"].iloc[0], frame["datetime"].iloc[-1]
    chart = Chart(
        figures.curve(frame, theme, pd.Timestamp(now) if now else None),
        _(
            "Rentals per hour, %(first)s to %(last)s",
            first=formats.day(first),
            last=formats.day(last),
        ),
        _curve_summary(frame),
        frame.replace({"source": translated(formats.SOURCES)})[list(COLUMNS)].rename(
            columns=translated(COLUMNS)
        ),
    )
    return Drawing(charts={CURVE: chart})


def _recent(version: int, newest: dt.datetime | None) -> Recent:
    """Return a version's newest week, or all that can be measured if that is little."""
    since = newest - RECENT + HOUR if newest else None
    for start in (since, None):
        frame = queries.scored_frame(
            start=start, sources=("live", "backtest"), model_version=version
        )
        hours = monitoring.pick(frame)
        if len(hours) >= monitoring.LIVE_LEAST:
            break
    last = monitoring.last_hours(hours, newest) if newest else hours.iloc[:0]
    return Recent(
        hours,
        monitoring.scores(hours),
        monitoring.scores(last),
        is_week=start is not None,
        few_live=monitoring.few_live_hours(frame),
    )


def _headline(champion: dict[str, Any], recent: Recent) -> html.Section:
    holdout = champion["holdout"]
    scores, last = recent.scores, recent.last
    sentence: Any
    if scores is None:
        sentence = _("No prediction of this model can be checked against rentals yet.")
        notes = [_("Shown is its error on the holdout, which it never saw in training.")]
        lines = [
            (_("On the holdout"), holdout["metrics"].get("mae"), "bar bar-holdout"),
            (_("Repeating last week"), holdout["baseline"].get("mae"), "bar bar-baseline"),
        ]
    else:
        held = holdout["horizons"].get(f"{recent.hours['horizon'].iloc[0]:.0f}", {}).get("mae")
        long = scores.hours >= monitoring.USUAL_LEAST
        usual = scores.model["mae"] if long else held
        sentence = [*_sentence(scores), " ", _verdict(last, usual)]
        notes = [_("Measured on: %(hours)s.", hours=_told(recent.hours, scores))]
        if recent.few_live:
            notes.append(formats.few_live(recent.few_live, monitoring.LIVE_LEAST))
        if last is None:
            notes.append(_("Too few of the last hours are known to say how it does today."))
        elif not long and held is not None:
            notes.append(_("Usual is what it was on the holdout."))
        lines = [
            (_("Last 24 hours"), last.model["mae"] if last else None, "bar"),
            (_("Last 7 days") if recent.is_week else _("On average"), scores.model["mae"], "bar"),
            (_("On the holdout"), held, "bar bar-holdout"),
            (_("Repeating last week"), scores.baseline.get("mae"), "bar bar-baseline"),
        ]
    largest = max((value for _, value, _ in lines if value is not None), default=1.0)
    return components.card(
        _("Average error, rentals per hour"),
        html.Div(
            [
                html.Div(
                    [
                        html.P(sentence, className="verdict"),
                        html.P(" ".join(notes), className="card-note"),
                    ]
                ),
                html.Div([_line(*line, largest) for line in lines], className="bars"),
            ],
            className="headline",
        ),
    )


def _verdict(last: monitoring.Scores | None, usual: float | None) -> html.Span | None:
    """Return a badge that says how the last hours went, none where too few are known."""
    if last is None or usual is None:
        return None
    factor = current_app.config["VLIB_ALERT_ERROR"]
    badges = {
        "better": (_("last 24 h: better than usual"), "success"),
        "usual": (_("last 24 h: as usual"), "success"),
        "worse": (_("last 24 h: worse than usual"), "warning"),
    }
    return components.badge(*badges[monitoring.verdict(last.model["mae"], usual, factor)])


def _told(recent: pd.DataFrame, scores: monitoring.Scores) -> str:
    """Say what the error now was measured on."""
    live = recent["source"].iloc[0] == "live"
    return _(
        "%(source)s, %(ahead)s, %(first)s to %(last)s (%(hours)s)",
        source=_("live predictions") if live else _("backtest"),
        ahead=formats.ahead(recent["horizon"].iloc[0]),
        first=formats.day(scores.first),
        last=formats.day(scores.last),
        hours=formats.measured(scores.hours, scores.estimated),
    )


def _sentence(scores: monitoring.Scores) -> list[Any]:
    """Say how wrong the model is, the number itself standing out."""
    skill = scores.skill
    if skill is None:
        sentence = _("Predictions are off by %(error)s on average.", error="|")
    elif skill >= 0:
        sentence = _(
            "Predictions are off by %(error)s on average, %(share)s less than repeating last week "
            "would be.",
            error="|",
            share=formats.percent(skill),
        )
    else:
        sentence = _(
            "Predictions are off by %(error)s on average, %(share)s more than repeating last week "
            "would be.",
            error="|",
            share=formats.percent(-skill),
        )
    before, _bar, after = sentence.partition("|")
    error = _("%(error)s rentals per hour", error=formats.number(scores.model["mae"]))
    return [before, html.Strong(error, className="verdict-number"), after]


def _line(label: str, value: float | None, look: str, largest: float) -> html.Div:
    text = formats.number(value)
    told = _("%(error)s rentals per hour", error=text)
    return html.Div(
        [
            html.Span(label, className="bars-label"),
            components.bar(value or 0, largest, _("%(what)s: %(of)s", what=label, of=told), look),
            html.Span(text, className="bars-value"),
        ],
        className="bars-line",
    )


def _coverage_tile(champion: dict[str, Any], scores: monitoring.Scores | None) -> html.Div:
    metrics = scores.model if scores else champion["holdout"]["metrics"]
    coverage = metrics.get("coverage")
    detail: list[Any] = [_("of hours; 90 % is meant"), " "]
    if coverage is not None and coverage < NARROW:
        detail.append(components.badge(_("too narrow now"), "warning"))
    return components.tile(_("Inside the 90 % interval"), formats.percent(coverage), detail)


def _champion_tile(champion: dict[str, Any]) -> html.Div:
    zone = current_app.config["VLIB_TIMEZONE"]
    trained_to = dt.datetime.fromisoformat(champion["training"]["to"])
    since = formats.moment(champion["activated_at"], zone)
    return components.tile(
        _("Serving"),
        _("Model %(version)s", version=champion["version"]),
        _(
            "since %(since)s; learned from hours to %(day)s",
            since=since,
            day=formats.day(trained_to),
        ),
    )


def _data_tile(newest: dt.datetime | None) -> html.Div:
    zone = ZoneInfo(current_app.config["VLIB_TIMEZONE"])
    now = dt.datetime.now(zone).replace(tzinfo=None)
    state = monitoring.freshness(newest, now, demo=queries.is_demo())
    if newest is None:
        return components.tile(_("History"), formats.UNKNOWN, _("no hour has been observed yet"))
    marks = {
        "demo": (_("demo data"), "info"),
        "late": (_("late"), "warning"),
        "ahead": (_("still to come"), "warning"),
        "fresh": (_("fresh"), "success"),
    }
    return components.tile(
        _("History ends"),
        formats.day(newest),
        [_("at %(time)s", time=f"{newest:%H:%M}"), " ", components.badge(*marks[state])],
    )


def _schedule_tile() -> html.Div:
    due = scheduler.next_run()
    if due is None:
        return components.tile(_("Next training"), _("Never"), _("no schedule is set"))
    return components.tile(
        _("Next training"),
        formats.until(due, dt.datetime.now(dt.UTC)),
        formats.hour(due),
    )


def _feed_tiles() -> list[html.Div]:
    return [_feed_tile(each) for each in feed.configured().values()]


def _feed_tile(one: feed.Feed) -> html.Div:
    labels = {
        "weather": (_("Weather forecast"), _("the next 48 hours are predicted from it")),
        "gbfs": (_("Station status"), _("rentals are estimated from it, not counted")),
    }
    age = one.age()
    late = age is None or one.is_late(age)
    mark = (
        components.badge(_("late"), "warning") if late else components.badge(_("fresh"), "success")
    )
    label, says = labels[one.name]
    old = formats.UNKNOWN if age is None else formats.age(age)
    return components.tile(label, old, [says, " ", mark])


def _end_of_curve() -> tuple[dt.datetime | None, dt.datetime | None]:
    """Return where the known hours of the curve end, and the hour to mark as now.

    That is where a replay is, the wall clock if a forecast was predicted from, else the newest
    observed hour.
    """
    newest = queries.newest_observation()
    replayed = queries.newest_replayed(retention.first_id(queries.utcnow() - REPLAY_OVER))
    if replayed is not None:
        return replayed + HOUR, replayed
    zone = ZoneInfo(current_app.config["VLIB_TIMEZONE"])
    now = dt.datetime.now(zone).replace(tzinfo=None, minute=0, second=0, microsecond=0)
    if "weather" in feed.configured() and queries.is_predicted(now, now + AHEAD):
        return now + HOUR, now
    if newest is None:
        span = queries.prediction_span()
        return (span[1], None) if span else (None, None)
    return newest + HOUR, newest


def _curve_summary(frame: pd.DataFrame) -> str:
    counts = frame["source"].value_counts()
    made = ", ".join(
        f"{formats.number(counts[name])} {_(formats.SOURCES[name])}"
        for name in figures.DASHES
        if name in counts
    )
    words = [
        ngettext(
            "%(hours)s predicted (%(made)s).",
            "%(hours)s predicted (%(made)s).",
            len(frame),
            hours=formats.hours(len(frame)),
            made=made,
        )
    ]
    scores = monitoring.scores(frame)
    if scores is not None:
        words.append(
            _(
                "On average %(error)s rentals per hour off; %(share)s of hours inside the "
                "interval.",
                error=formats.number(scores.model["mae"]),
                share=formats.percent(scores.model["coverage"]),
            )
        )
    if "backtest" in counts:
        words.append(_("Backtest: scored after training, as each hour would have been predicted."))
    return " ".join(words)
