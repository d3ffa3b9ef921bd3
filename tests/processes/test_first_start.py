"""A newcomer's first minutes, on all of the embedded history."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes.conftest import Server, wait_for
from tests.processes.test_serve import CHRISTMAS

# MLflow reads its own store with a loader that SQLAlchemy deprecates.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")


def test_from_an_empty_folder_to_a_model(start: Callable[..., Server], tmp_path: Path) -> None:
    instance = tmp_path / "instance"
    server = start(["run"], instance)
    began = time.monotonic()
    wait_for(server.ready, 120)
    print(f"ready after {time.monotonic() - began:.0f} s")

    status, answer = server.call("/api/predict", CHRISTMAS)
    assert status == 200
    assert list(answer) == [
        *("prediction_id", "datetime", "rentals", "interval"),
        *("as_of", "model_version", "warnings"),
    ]
    model = server.call("/api/model")[1]
    assert model["holdout"]["metrics"]["mae"] < model["holdout"]["baseline"]["mae"]
    backtest = server.call("/api/predictions?source=backtest&limit=1000")[1]["items"]
    assert len(backtest) == 1000
    assert all(item["actual"] is not None for item in backtest)

    (run,) = server.call("/api/retrain")[1]["items"]
    assert (run["status"], run["trigger"]) == ("promoted", "first")
    check_behaviour(server)
    check_mlflow(instance, run["mlflow_run_id"], len(run["candidates"]))
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(10)


def day(server: Server, date: str, **weather: object) -> list[float]:
    """Return what the champion says of each hour of a day, as known the midnight before."""
    given = {"weather": "clear", "temperature": 10, "humidity": 60, "windspeed": 8} | weather
    hours = [{"datetime": f"{date}T{hour:02}:00:00"} | given for hour in range(24)]
    body = {"as_of": f"{date[:8]}{int(date[8:]) - 1:02}T23:00:00", "items": hours}
    return [item["rentals"] for item in server.call("/api/predict/batch", body)[1]["items"]]


def check_behaviour(server: Server) -> None:
    """The champion does what anybody knows of bikes."""
    wednesday, sunday = "2012-12-12", "2012-12-09"
    dry = day(server, wednesday)
    assert sum(day(server, wednesday, weather="light_precipitation")) < 0.9 * sum(dry)
    assert dry[8] > max(dry[6], dry[10])
    assert dry[17] > max(dry[14], dry[20])
    warm, cold = (sum(day(server, sunday, temperature=t)[12:18]) for t in (22, 2))
    assert warm > cold
    horizons = server.call("/api/model")[1]["holdout"]["horizons"]
    widths = [horizons[hours]["width"] for hours in ("1", "24", "48", "168")]
    assert widths == sorted(widths)


def check_mlflow(instance: Path, run_id: str, candidates: int) -> None:
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{instance / 'mlflow.db'}")
    parent = client.get_run(run_id)
    assert {"holdout_mae", "baseline_mae"} <= set(parent.data.metrics)
    assert parent.inputs.dataset_inputs
    children = client.search_runs(
        [parent.info.experiment_id], f"tags.mlflow.parentRunId = '{run_id}'"
    )
    assert len(children) == candidates
    # The alias is set by a process of its own, a little later.
    wait_for(lambda: str(client.get_registered_model("vlib").aliases.get("champion")) == "1", 60)
