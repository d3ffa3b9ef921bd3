"""Artefacts: pruned when old, kept while anything may need them."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from training.artefact import Artefact
from webapp import predictor, queries, retraining, versions
from webapp.errors import Conflict
from webapp.versions import Versions

pytestmark = pytest.mark.both_engines

Prune = Callable[[int], list[int]]


@pytest.fixture
def prune(app: Flask) -> Iterator[Prune]:
    """Prune all but so many, on an instance with versions 1 to 6; 1 is champion."""

    def prune(kept: int) -> list[int]:
        app.config["VLIB_KEEP_MODELS"] = kept
        return versions.prune()

    with app.app_context():
        for _ in range(5):
            add_trained()
        yield prune


def add_trained() -> int:
    """Store a version that was kept, with an artefact that is none."""
    run_id = queries.utcnow().isoformat()
    model: dict[str, Any] = {"decision": "kept", "trained_at": queries.utcnow(), "receipt": {}}
    model |= {"training": {}, "holdout": {}, "checksums": {"week.onnx": "0"}}
    queries.add_run(run_id, "cli", None)
    with queries.finishing(run_id, {"status": "kept", "reason": ""}, model, []) as version:
        versions.directory(version).mkdir()
    return version


def there() -> list[int]:
    return sorted(int(path.name) for path in versions.folder().iterdir())


def test_the_newest_and_the_champion_stay(prune: Prune) -> None:
    assert prune(2) == [2, 3, 4]
    assert there() == [1, 5, 6]
    assert prune(2) == []
    assert len(queries.list_models()) == 6  # what is known of them stays


def test_the_champion_before_this_one_stays(prune: Prune) -> None:
    for version in (2, 3, 4):
        queries.activate(version, "admin", "try it")
    assert prune(1) == [1, 2, 5]


def test_what_answered_lately_stays(prune: Prune) -> None:
    row = {"id": "0" * 36, "datetime": queries.utcnow(), "model_version": 2, "source": "live"}
    row |= {"rentals": 1.0, "lower": 0.0, "upper": 2.0, "input": {}, "warnings": []}
    queries.insert_predictions([row | {"requested_at": queries.utcnow() - versions.IN_USE / 2}])
    assert prune(1) == [3, 4, 5]


def test_zero_keeps_all(prune: Prune) -> None:
    assert prune(0) == []


def test_what_was_left_half_deleted_goes(prune: Prune) -> None:
    (versions.folder() / ".pruned-9").mkdir()
    prune(6)
    assert there() == [1, 2, 3, 4, 5, 6]


def test_the_pruned_can_neither_serve_nor_be_activated(prune: Prune) -> None:
    queries.activate(2, "admin", "try it")
    queries.activate(1, "admin", "back")
    queries.activate(3, "admin", "try it")
    prune(1)
    assert predictor.current().serving is not None
    assert predictor.current().serving.version == 1  # 3 is broken, 2 is gone
    with pytest.raises(Conflict, match="was pruned"):
        retraining.activate(2, "try it", "cli")


def test_the_last_few_asked_for_stay_in_memory(app: Flask, instance: Path) -> None:
    loaded: list[int] = []

    def load(version: int) -> Artefact:
        loaded.append(version)
        return object()  # type: ignore[return-value]

    others = Versions(load)
    for version in (2, 3, 4):
        (instance / "models" / str(version)).mkdir()
    with app.app_context():
        for version in (2, 3, 2, 4, 2, 3):
            others.get(version)
    assert loaded == [2, 3, 4, 3]


def test_many_who_ask_at_once_load_it_once(app: Flask) -> None:
    loaded: list[int] = []
    ready = threading.Barrier(4)

    def ask() -> None:
        ready.wait()
        with app.app_context():
            others.get(1)

    others = Versions(lambda version: loaded.append(version) or object())  # type: ignore[arg-type,func-returns-value,return-value]
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loaded == [1]
