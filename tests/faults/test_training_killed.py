"""kill -9 of a training at each of its stages."""

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.processes.conftest import Server, wait_for
from tests.processes.test_serve import CHRISTMAS
from webapp import queries

from .conftest import ABANDONED, STAGES, begin, end_of, group


@pytest.mark.parametrize("stage", STAGES)
def test_it_is_abandoned_and_nothing_of_it_is_left(
    app: Flask, server: Server, place: Path, rounds: range, stage: str | None
) -> None:
    for _ in rounds:  # each starts, as the one before is over
        run = begin(stage)
        os.killpg(run["process_group"], signal.SIGKILL)
        ended = end_of(run["run_id"], ABANDONED)
        assert (ended["status"], ended["reason"]) == ("abandoned", "The training process died.")
        wait_for(partial(all_gone, place, run), 5)
        assert [model["version"] for model in queries.list_models()] == ["1"]
        assert server.call("/api/predict", CHRISTMAS)[1]["model_version"] == "1"


def all_gone(place: Path, run: dict[str, Any]) -> bool:
    """Say that neither a process nor a file of a run is there."""
    workspace = place / "models" / f".{run['run_id']}"
    return not group(run["process_group"]) and not workspace.exists()
