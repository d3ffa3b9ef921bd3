"""What several threads ask at the same time is answered in one go."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from flask import Flask

from tests.api.test_predict_api import HOUR
from tests.processes.conftest import wait_for
from webapp import journal, queries
from webapp.together import Together


def test_who_comes_while_it_works_is_answered_with_the_others() -> None:
    go, asked = threading.Event(), []

    def work(questions: Sequence[int]) -> list[int]:
        asked.append(list(questions))
        go.wait(10)
        return [question * 2 for question in questions]

    together = Together(work)
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(together.ask, 0)
        wait_for(lambda: asked, 5)
        rest = [threads.submit(together.ask, number) for number in (1, 2, 3)]
        wait_for(lambda: len(together._waiting) == 3, 5)
        go.set()
        assert [first.result(), *(answer.result() for answer in rest)] == [0, 2, 4, 6]
    assert [sorted(questions) for questions in asked] == [[0], [1, 2, 3]]


def test_what_one_asks_costs_the_others_nothing() -> None:
    def work(questions: Sequence[int]) -> list[float]:
        return [1 / question for question in questions]

    together = Together(work)
    with ThreadPoolExecutor(3) as threads:
        with together._working:
            answers = [threads.submit(together.ask, number) for number in (1, 0, 2)]
            wait_for(lambda: len(together._waiting) == 3, 5)
        assert [answers[0].result(), answers[2].result()] == [1.0, 0.5]
        assert isinstance(answers[1].exception(), ZeroDivisionError)


def test_an_error_reaches_who_asked_and_nobody_later() -> None:
    def work(questions: Sequence[int]) -> list[float]:
        return [1 / question for question in questions]

    together = Together(work)
    with pytest.raises(ZeroDivisionError):
        together.ask(0)
    assert together.ask(2) == 0.5


def test_clients_at_the_same_time_are_answered_as_if_each_were_alone(app: Flask) -> None:
    """Weather of one client's hour says nothing of another's."""
    hours = [HOUR | {"datetime": f"2013-01-01T{n:02}:00:00", "temperature": n} for n in range(12)]

    def ask(hour: dict[str, object]) -> float:
        return float(app.test_client().post("/api/predict", json=hour).json["rentals"])

    alone = [ask(hour) for hour in hours]
    together = app.extensions["together"]
    with ThreadPoolExecutor(12) as threads:
        with together._working:  # until all of them wait
            answers = [threads.submit(ask, hour) for hour in hours]
            wait_for(lambda: len(together._waiting) == 12, 10)
        np.testing.assert_array_equal([answer.result() for answer in answers], alone)
    with app.app_context():
        journal.current().drain()
        said = queries.said_frame(None, None)
    assert said["requested_at"].is_unique  # a batch has one moment
