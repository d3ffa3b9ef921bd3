import shutil
import socket
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import ParameterGrid
from sqlalchemy.exc import OperationalError

from training import model, tracking
from training import train as module
from training.artefact import Artefact
from training.train import Effort, TrainingRejected, TrainingResult, train

# Importing mlflow, and its queries, warn of SQLAlchemy 2.1, urllib3 and more; none of it is ours.
pytestmark = pytest.mark.filterwarnings("ignore")

TINY_GRID = {"forests__regressor__min_samples_leaf": [5, 20]}
Trained = tuple[Path, TrainingResult, list[tuple[str, float]]]


def settings(folder: Path) -> dict[str, Any]:
    """Where a training of a test writes."""
    return {
        "directory": folder / "model",
        "tracking_uri": f"sqlite:///{folder}/mlflow.db",
        "artifact_location": str(folder / "artefacts"),
        "holidays": "US-DC",
        "n_jobs": 1,
    }


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory, recent: pd.DataFrame, mlflow_store: Path
) -> Trained:
    """One training of 100 days with a grid of two: its folder, result and what it told."""
    folder, told = tmp_path_factory.mktemp("instance"), list[tuple[str, float]]()
    shutil.copy(mlflow_store, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "DEFAULT", Effort(1, 1, 2, 3))
        patch.setattr(
            model.search, "__kwdefaults__", model.search.__kwdefaults__ | {"grid": TINY_GRID}
        )
        result = train(recent, progress=lambda *news: told.append(news), **settings(folder))
    return folder, result, told


def test_stages_come_in_order(trained: Trained) -> None:
    assert [*dict(trained[2])] == [
        "checking data",
        "searching",
        "fitting",
        "calibrating",
        "exporting",
        "scoring holdout",
        "logging",
    ]


def test_the_search_tells_of_each_fit(trained: Trained) -> None:
    shares = [share for _, share in trained[2]]
    assert shares == sorted(shares)
    fits = len(ParameterGrid(TINY_GRID)) * model.FOLDS
    told = [share for stage, share in trained[2] if stage == "searching"]
    assert told == pytest.approx(np.linspace(0.05, 0.5, 1 + fits))


def test_holdout_is_the_newest_28_days(trained: Trained, recent: pd.DataFrame) -> None:
    result = trained[1]
    assert result.holdout == {"from": "2012-12-04T00:00:00", "to": "2012-12-31T23:00:00"}
    assert result.data["to"] == "2012-12-03T23:00:00"
    held_out = int((recent["datetime"] >= "2012-12-04").sum())
    assert result.data["rows"] == len(recent) - held_out
    assert result.backtest["horizon"].value_counts().to_dict() == dict.fromkeys(
        (1, 24, 48, 168), held_out
    )


def test_metrics_are_those_of_the_headline_horizon(trained: Trained) -> None:
    result = trained[1]
    assert result.metrics == result.metrics_by_horizon[24]
    assert set(result.metrics) == {"mae", "rmse", "r2", "bias", "coverage", "width"}
    assert result.metrics["mae"] < result.baseline["mae"]
    day_ahead = result.backtest[result.backtest["horizon"] == 24]
    error = (day_ahead["predicted"] - day_ahead["actual"]).abs().mean()
    assert error == pytest.approx(result.metrics["mae"])


def test_candidates_are_ranked_with_their_folds(trained: Trained) -> None:
    candidates = trained[1].candidates
    assert sorted(candidate["rank"] for candidate in candidates) == [1, 2]
    for candidate in candidates:
        assert candidate["mean_score"] == pytest.approx(np.mean(candidate["fold_scores"]))


def test_artefact_loads_with_the_checksums(trained: Trained) -> None:
    folder, result, _ = trained
    assert Artefact.load(folder / "model", result.checksums).metadata["holidays"] == "US-DC"


def test_mlflow_has_parent_children_dataset_and_plots(trained: Trained) -> None:
    from mlflow import MlflowClient

    folder, result, _ = trained
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    run = client.get_run(result.mlflow_run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["searched_on"] == "this machine"
    assert run.data.metrics["holdout_mae"] == pytest.approx(result.metrics["mae"])
    assert run.inputs.dataset_inputs[0].dataset.digest == result.data["data_sha256"][:36]
    assert len(client.list_artifacts(result.mlflow_run_id, "plots")) == 8
    query = f"tags.`mlflow.parentRunId` = '{result.mlflow_run_id}'"
    children = client.search_runs([run.info.experiment_id], query)
    assert len(children) == 2 and all("fold_mae" in child.data.metrics for child in children)


def test_registered_pipeline_loads_and_predicts_rentals(trained: Trained) -> None:
    import mlflow

    folder, result, _ = trained
    uri = f"sqlite:///{folder}/mlflow.db"
    tracking.set_champion(uri, result.mlflow_version)
    mlflow.set_tracking_uri(uri)
    loaded = mlflow.pyfunc.load_model("models:/vlib@champion")
    example = loaded.metadata.load_input_example(None)
    served = Artefact.load(folder / "model", result.checksums)
    assert np.abs(loaded.predict(example) - served.predict(example)[0]).max() < 0.01


def test_too_little_or_bad_data_is_rejected(recent: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(TrainingRejected, match="observed hours before the newest 28 days"):
        train(recent.tail(1500), **settings(tmp_path))
    with pytest.raises(TrainingRejected, match="the rentals never differ"):
        train(recent.assign(rentals=7), **settings(tmp_path))
    with pytest.raises(
        TrainingRejected, match="humidity is no number from 0 to 100 .* in 1 hour, such as -4"
    ):
        train(
            recent.assign(humidity=recent["humidity"].where(recent.index != 1, -4)),
            **settings(tmp_path),
        )
    assert not list(tmp_path.iterdir())


def test_locked_store_is_named_soon(recent: pd.DataFrame, tmp_path: Path) -> None:
    started = time.monotonic()
    with closing(sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(tracking.TrackingUnavailable, match="mlflow.db: database is locked"):
            train(recent, **settings(tmp_path))
    assert time.monotonic() - started < 30


def test_a_store_that_fails_is_told_in_the_databases_own_words() -> None:
    error = RuntimeError("(raised as a result of Query-invoked autoflush; consider)")
    locked = sqlite3.OperationalError("database is locked")
    error.__cause__ = OperationalError("INSERT", {}, locked)
    assert tracking._first_line(error) == "database is locked"


def test_a_store_is_made_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise SystemExit  # while MLflow makes its tables

    store = tmp_path / "mlflow.db"
    with monkeypatch.context() as patch:
        patch.setattr("mlflow.MlflowClient", killed)
        with pytest.raises(SystemExit):
            tracking.make_store(store)
    assert not store.exists()
    tracking.make_store(store)
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]


def test_a_store_that_is_missing_is_no_new_one(tmp_path: Path) -> None:
    store = tmp_path / "mlflow.db"
    with pytest.raises(tracking.TrackingUnavailable, match="it is missing; put it back"):
        tracking.check(f"sqlite:///{store}")
    assert not store.exists()
    store.touch()  # as the message says
    tracking.check(f"sqlite:///{store}")


def test_unreachable_server_is_named_without_its_password() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    with pytest.raises(tracking.TrackingUnavailable) as caught:
        tracking.check(f"http://me:secret@127.0.0.1:{port}")
    assert str(caught.value).startswith(f"MLflow store http://me:***@127.0.0.1:{port}: ")


def test_store_that_never_answers_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "_PATIENCE", 0.1)
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        wait = tracking.prepare(f"http://127.0.0.1:{server.getsockname()[1]}", "/nowhere")
        with pytest.raises(tracking.TrackingUnavailable, match="no answer"):
            wait()
