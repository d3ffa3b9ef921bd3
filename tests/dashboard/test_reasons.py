"""Stored sentences, told in French."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from flask import Flask

from training import promotion
from webapp import language
from webapp.dashboard import reasons


@pytest.fixture(autouse=True)
def french() -> Iterator[None]:
    app = Flask("webapp")
    language.init_app(app)
    with app.test_request_context("/?lang=fr"):
        yield


def scored(error: float) -> pd.DataFrame:
    hours = pd.date_range("2012-12-01", periods=14 * 24, freq="h")
    actual = 100.0 + np.arange(len(hours)) % 24
    frame = pd.DataFrame({"datetime": hours, "actual": actual, "weather": "clear"})
    return frame.assign(
        predicted=actual + error, lower=actual - 50, upper=actual + 50, baseline=actual + 20
    )


def decided(challenger: float, champion: float | None, **more: Any) -> str:
    rules, ours = promotion.Rules(), scored(challenger)
    theirs = None if champion is None else scored(champion)
    working = (ours["datetime"].dt.day_of_week < 5).to_numpy()
    evidence = promotion.weigh(ours, theirs, working, rules)
    return reasons.told(promotion.decide(evidence, [], rules, **more).reason)


def test_a_first_decision() -> None:
    assert decided(1.5, None).startswith("aucun modèle n’était en service\u202f; MAE 1,50,")


def test_a_challenger_that_is_worse_everywhere() -> None:
    told = decided(5, 1)
    assert "quelque chose ne va pas avec le candidat" in told
    assert "ses intervalles couvrent 100,0\xa0% des heures" in told


def test_slices_and_scores() -> None:
    told = reasons.told(
        "not better than the champion; its error is 12% higher for night, working day (45 hours)"
        ": MAE 42.10, champion 42.00 (difference -0.10, 90 % of the resamples -0.50 to 0.20), "
        "seasonal-naive 62.88, 400 hours"
    )
    assert told == (
        "pas meilleur que le modèle en service\u202f; son erreur est plus haute de 12\xa0% pour\xa0"
        ": nuit, jour ouvré (45 heures)\xa0: MAE 42,10, modèle en service 42,00 (différence −0,10, "
        "90\xa0% des rééchantillons de −0,50 à 0,20), référence saisonnière 62,88, 400 heures"
    )


def test_findings_of_the_data() -> None:
    told = reasons.told(
        "2012-12-01 to 2012-12-30: humidity is 0.6 % in the mean, 62.1 before; "
        "2012-12-01 to 2012-12-30: 72 hours in a row have temperature 5, at most 6 before"
    )
    assert "du sam. 1 déc. 2012 au dim. 30 déc. 2012\xa0: humidité\xa0: 0,6 % en moyenne" in told
    assert "72 heures de suite avec température à 5, au plus 6 auparavant" in told


def test_evidence_of_two_kinds() -> None:
    told = reasons.told(
        "Over the last 90 live hours the error at 24 h ahead is 80.1 rentals an hour; on the "
        "holdout it was 43.2. 60 % of the last 90 live hours lie in the interval at 24 h ahead; "
        "90 % should."
    )
    assert "elle était de 43,2 sur l’échantillon de test. 60\xa0% des 90 dernières" in told


@pytest.mark.parametrize("given", ["OperationalError: boom", "what I think; so", "a: MAE 3"])
def test_what_is_none_of_ours_stays(given: str) -> None:
    assert reasons.told(given) == given


@pytest.mark.parametrize("sentence", [*reasons.WORDS, *reasons.SENTENCES])
def test_each_form_is_known_again(sentence: str) -> None:
    day, hour = "2012-12-01", "2012-12-01T08:00:00"
    holes = {"rest": "not better than the baseline", "day": day, "end": day, "hour": hour}
    stored = sentence.format_map(defaultdict(lambda: "7", holes))
    assert reasons.told(stored) != stored


def test_a_rollback_that_was_undone() -> None:
    told = reasons.told(
        "better than champion and baseline: MAE 38.65, seasonal-naive 62.88, 670 hours;"
        " this undoes the activation of version 2 by admin on 2026-11-23: rush hour"
    )
    assert "ceci annule l’activation de la version 2 par administration le" in told
    assert told.endswith("\xa0: rush hour")
