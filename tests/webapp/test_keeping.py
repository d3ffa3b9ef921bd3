"""What was read is kept while nothing new is stored."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from webapp import journal, keeping, predictor, queries
from webapp.history import to_hour
from webapp.keeping import kept
from webapp.predictor import HourRequest


def test_it_is_read_once_while_the_state_is_the_same(app: Flask) -> None:
    state, reads = [0], []

    @kept(lambda: state[0])
    def read(name: str, *, size: int) -> str:
        reads.append((name, size))
        return f"{name} {len(reads)}"

    with app.app_context():
        assert [read("a", size=1), read("a", size=1), read("a", size=2)] == ["a 1", "a 1", "a 2"]
        state[0] = 1
        assert read("a", size=1) == "a 3"
        for number in range(keeping.ENTRIES):
            read("b", size=number)
        assert read("a", size=1) == f"a {len(reads)}"


def test_who_asks_at_the_same_time_waits_for_one_read(app: Flask) -> None:
    reads, asked = [], threading.Barrier(3, timeout=60)

    @kept(lambda: asked.wait() and 0)
    def read() -> int:
        reads.append(1)
        time.sleep(0.05)
        return len(reads)

    def look(_number: int) -> int:
        with app.app_context():
            return read()

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(look, range(3))) == [1, 1, 1]


def test_what_failed_is_read_again(app: Flask) -> None:
    answers = iter([OSError("disk I/O error"), 7])

    @kept(lambda: 0)
    def read() -> int:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    with app.app_context():
        with pytest.raises(OSError, match="disk"):
            read()
        assert read() == 7


def test_it_is_read_again_after_a_while(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "SECONDS", 0)
    reads = []
    with app.app_context():
        read = kept(lambda: 0)(lambda: reads.append(1))
        read()
        read()
    assert len(reads) == 2


def test_a_new_actual_is_seen(app: Flask) -> None:
    weather = {"weather": "clear", "temperature": 3.3, "humidity": 81.0, "windspeed": 0.0}
    with app.app_context():
        assert queries.scored_frame()["actual"].iloc[-1] != 7
        newest = queries.newest_observation()
        queries.upsert_observations([{"datetime": newest, "rentals": 7} | weather])
        assert queries.scored_frame()["actual"].iloc[-1] == 7


def test_a_new_prediction_is_seen(app: Flask) -> None:
    with app.app_context():
        newest = queries.newest_observation()
        assert newest is not None
        before = len(queries.scored_frame())
        hour = HourRequest(to_hour(newest), 0, 3.3, 81.0, 0.0, as_of=to_hour(newest) - 24)
        journal.current().store(predictor.predict([hour], source="live"))
        assert len(queries.scored_frame()) == before + 1
