"""The only importer of mlflow, which costs seconds and megabytes: only inside functions.

`python -m training.tracking RUN DIRECTORY`, with the store's address on standard input, fetches
what serves of a run, for processes that must not import mlflow.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import urlopen

import numpy as np
from numpy.typing import NDArray

from training.plots import figures

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from sklearn.pipeline import Pipeline

    from training.train import TrainingResult

MODEL = "vlib"
EXPERIMENT = "vlib"
CHAMPION = "champion"
SERVED = "served"
"""The folder of a run's artefacts that holds what serves, where other machines may fetch it."""
LIBRARIES = (
    "mlflow",
    "numpy",
    "onnx",
    "onnxruntime",
    "pandas",
    "scikit-learn",
    "skl2onnx",
    "skops",
)
MISSING = "it is missing; put it back, or an empty file in its place to begin a new one"
_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}
_PATIENCE = 20.0
_TRUSTED = [
    "numpy.dtype",
    "sklearn.tree._tree.Tree",
    "training.model.HorizonForests",
    "training.model.RatioToLevel",
]

T = TypeVar("T")


class TrackingUnavailable(Exception):
    """The MLflow store can't be reached or written; the message says which and why."""


def check(uri: str, *, new: bool = False) -> None:
    """Find out within seconds, without importing mlflow, whether a store can be used.

    Raises
    ------
    TrackingUnavailable
        Its server does not answer, or its SQLite file is locked, not writable, or missing though
        it is not `new`: what was logged is not to be replaced by an empty store without a word.
    """
    scheme = urlsplit(uri).scheme.partition("+")[0]
    try:
        if scheme == "sqlite":
            _check_sqlite(_file_of(uri), new)
        elif scheme in _PORTS:
            address = (urlsplit(uri).hostname or "", urlsplit(uri).port or _PORTS[scheme])
            socket.create_connection(address, timeout=5).close()
            if scheme.startswith("http"):
                _check_http(uri)
        else:
            raise OSError(
                "expected sqlite:///FILE, http(s)://, postgresql://, mysql:// or mssql://"
            )
    except (OSError, sqlite3.Error, ValueError) as error:
        raise TrackingUnavailable(f"MLflow store {_shown(uri)}: {error}") from error


def prepare(uri: str, artifact_location: str) -> Callable[[], str]:
    """Start importing mlflow and creating the store in a thread; return a function that waits.

    That function returns the experiment's id, or raises TrackingUnavailable if the store could not
    be created, or is not done 20 s later.
    """
    return _in_thread(uri, lambda: _experiment(_client(uri), uri, artifact_location))


def log_training(
    uri: str,
    artifact_location: str,
    result: TrainingResult,
    pipeline: Pipeline,
    example: NDArray[np.float32],
    directory: Path,
) -> tuple[str, str]:
    """Log a training and register its pipeline; return the parent run's id and MLflow's version.

    On a server the files that serve, those in `directory`, go beside it.

    Raises
    ------
    TrackingUnavailable
        The store failed; nothing that was logged until then is registered.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    check(uri)
    try:
        return _log_training(uri, artifact_location, result, pipeline, example, directory)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise TrackingUnavailable(f"MLflow store {_shown(uri)}: {_first_line(error)}") from error


def log_receipt(
    uri: str,
    artifact_location: str,
    receipt: dict[str, Any],
    run_id: str | None,
    *,
    new: bool = False,
) -> None:
    """Store a promotion receipt as `receipt.json` of a run; of a new one if there was no training.

    Raises
    ------
    TrackingUnavailable
        The store failed.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    check(uri, new=new)
    try:
        client = _client(uri)
        known = run_id or _decision_without_training(client, uri, artifact_location, receipt)
        client.log_dict(known, receipt, "receipt.json")
        client.set_tag(known, "decision", receipt["decision"])
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise TrackingUnavailable(f"MLflow store {_shown(uri)}: {_first_line(error)}") from error


def fetch(uri: str, run_id: str, directory: Path) -> None:
    """Make a directory of the files that serve of a run.

    Raises
    ------
    TrackingUnavailable
        The store failed, or has no such files.
    """
    check(uri)
    directory.mkdir()
    try:
        if _fetch_from_server(uri, run_id, directory):
            return
    except (OSError, ValueError, KeyError):
        pass  # as a server that wants a password, which mlflow finds in the environment
    from mlflow.exceptions import MlflowException

    try:
        got = Path(_client(uri).download_artifacts(run_id, SERVED, str(directory)))
        for file in got.iterdir():
            file.rename(directory / file.name)
        got.rmdir()
    except (MlflowException, OSError) as error:
        raise TrackingUnavailable(f"MLflow store {_shown(uri)}: {_first_line(error)}") from error


def set_champion(uri: str, mlflow_version: str) -> None:
    """Move the alias `champion` of the registered model to a version.

    Raises
    ------
    TrackingUnavailable
        The store can't be reached, is locked, or has no such version.
    """
    check(uri)
    wait = _in_thread(
        uri, lambda: _client(uri).set_registered_model_alias(MODEL, CHAMPION, mlflow_version)
    )
    wait()


def _fetch_from_server(uri: str, run_id: str, directory: Path) -> bool:
    """Fetch by the server's REST API, without mlflow's seconds; say whether it has the files.

    <https://mlflow.org/docs/latest/api_reference/rest-api.html>, List Artifacts; the files of a
    server that keeps them itself are below ``mlflow-artifacts/artifacts``.
    """
    api = f"{uri.rstrip('/')}/api/2.0"
    asked = urlencode({"run_id": run_id, "path": SERVED})
    with urlopen(f"{api}/mlflow/artifacts/list?{asked}", timeout=10) as answer:  # noqa: S310
        found = json.load(answer)
    root = urlsplit(found["root_uri"])
    if root.scheme != "mlflow-artifacts":
        return False
    for file in found["files"]:
        address = f"{api}/mlflow-artifacts/artifacts{root.path}/{quote(file['path'])}"
        with urlopen(address, timeout=10) as answer:  # noqa: S310 - http or https
            (directory / Path(file["path"]).name).write_bytes(answer.read())
    return True


def _log_training(
    uri: str,
    artifact_location: str,
    result: TrainingResult,
    pipeline: Pipeline,
    example: NDArray[np.float32],
    directory: Path,
) -> tuple[str, str]:
    import mlflow
    from mlflow.models import infer_signature

    client = _client(uri)
    experiment = _experiment(client, uri, artifact_location)
    # log_model writes to the active run of the global store, not to a client's.
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    with mlflow.start_run(experiment_id=experiment, run_name=f"training to {result.data['to']}"):
        run_id = _active_run_id()
        _log_summary(client, run_id, result)
        _log_candidates(client, experiment, run_id, result)
        _log_files(client, run_id, result)
        if _is_remote(uri):
            for name in result.checksums:
                client.log_artifact(run_id, str(directory / name), SERVED)
        logged = mlflow.sklearn.log_model(
            pipeline,
            name="model",
            registered_model_name=MODEL,
            serialization_format="skops",
            skops_trusted_types=_TRUSTED,
            code_paths=[str(Path(__file__).parent)],
            signature=infer_signature(example, pipeline.predict(example)),
            input_example=example,
            # Explicit ones save the seconds in which mlflow would find out by running the model.
            pip_requirements=[f"{name}=={version(name)}" for name in LIBRARIES],
        )
    return run_id, str(logged.registered_model_version)


def _decision_without_training(
    client: MlflowClient, uri: str, artifact_location: str, receipt: dict[str, Any]
) -> str:
    experiment = _experiment(client, uri, artifact_location)
    run = client.create_run(experiment, run_name=f"{receipt['decision']} before a training")
    client.set_terminated(run.info.run_id)
    return str(run.info.run_id)


def _log_summary(client: MlflowClient, run_id: str, result: TrainingResult) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

    now = int(time.time() * 1000)
    metrics = {f"holdout_{name}": value for name, value in result.metrics.items()}
    metrics |= {f"baseline_{name}": value for name, value in result.baseline.items()}
    for horizon, values in result.metrics_by_horizon.items():
        metrics |= {f"holdout_{horizon}h_{name}": value for name, value in values.items()}
    params = {
        **result.best_params,
        **result.data,
        "holdout_from": result.holdout["from"],
        "holdout_to": result.holdout["to"],
    }
    tags = {f"version.{name}": version(name) for name in LIBRARIES}
    tags |= {"version.python": sys.version.split()[0], "mlflow.source.git.commit": git_revision()}
    tags["searched_on"] = result.searched_on
    client.log_batch(
        run_id,
        metrics=[Metric(name, value, now, 0) for name, value in metrics.items()],
        params=[Param(name, str(value)) for name, value in params.items()],
        tags=[RunTag(name, value) for name, value in tags.items()],
    )
    dataset = Dataset(
        name="history",
        digest=result.data["data_sha256"][:36],
        source_type="local",
        source=json.dumps({"from": result.data["from"], "to": result.data["to"]}),
        profile=json.dumps(result.data),
    )
    client.log_inputs(
        run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])]
    )


def _log_candidates(
    client: MlflowClient, experiment: str, parent: str, result: TrainingResult
) -> None:
    from mlflow.entities import Metric, Param

    for candidate in result.candidates:
        now = int(time.time() * 1000)
        run = client.create_run(
            experiment,
            tags={"mlflow.parentRunId": parent},
            run_name=f"candidate, rank {candidate['rank']}",
        )
        metrics = [
            Metric("mae", candidate["mean_score"], now, 0),
            Metric("rank", candidate["rank"], now, 0),
            Metric("fit_seconds", candidate["fit_seconds"], now, 0),
            *(
                Metric("fold_mae", score, now, fold)
                for fold, score in enumerate(candidate["fold_scores"], start=1)
            ),
        ]
        params = [Param(name, str(value)) for name, value in candidate["params"].items()]
        client.log_batch(run.info.run_id, metrics=metrics, params=params)
        client.set_terminated(run.info.run_id)


def _log_files(client: MlflowClient, run_id: str, result: TrainingResult) -> None:
    scored = result.backtest[result.backtest["horizon"] == 24]
    with tempfile.TemporaryDirectory() as directory:
        for name, figure in figures(scored, result.importance, result.dependence).items():
            figure.savefig(Path(directory) / name)
        client.log_artifacts(run_id, directory, "plots")
    understanding = {"importance": result.importance, "dependence": result.dependence}
    client.log_dict(run_id, understanding, "understanding.json")


def _client(uri: str) -> MlflowClient:
    # With mlflow's own patience an unreachable server costs four minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow

    if urlsplit(uri).scheme.partition("+")[0] == "sqlite":
        make_store(_file_of(uri))
    return mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)


def make_store(path: Path) -> None:
    """Make MLflow's tables in a new file, and put it in place when it is whole.

    MLflow never recovers from being killed while it makes them.
    """
    import mlflow

    if path.exists() and path.stat().st_size:
        return
    draft = path.with_name(f"{path.name}.part")
    draft.unlink(missing_ok=True)
    mlflow.MlflowClient(tracking_uri=f"sqlite:///{draft}")
    draft.rename(path)


def _experiment(client: MlflowClient, uri: str, artifact_location: str) -> str:
    known = client.get_experiment_by_name(EXPERIMENT)
    if known is not None:
        return str(known.experiment_id)
    # A tracking server has a place of its own for artefacts.
    place = artifact_location if "://" in artifact_location else _file_uri(artifact_location)
    place_there = None if _is_remote(uri) else place
    return str(client.create_experiment(EXPERIMENT, artifact_location=place_there))


def _is_remote(uri: str) -> bool:
    return urlsplit(uri).scheme in ("http", "https")


def _file_of(uri: str) -> Path:
    """Return the file of a SQLite store."""
    return Path(uri.partition(":///")[2].partition("?")[0])


def _file_uri(path: str) -> str:
    return Path(path).absolute().as_uri()


def _active_run_id() -> str:
    import mlflow

    run = mlflow.active_run()
    if run is None:
        raise RuntimeError("no active run")
    return str(run.info.run_id)


def _check_http(uri: str) -> None:
    """Wait for any answer: a server that takes the connection and says nothing is no store."""
    try:
        with urlopen(f"{uri.rstrip('/')}/health", timeout=5):  # noqa: S310 - http or https
            pass
    except HTTPError:
        pass


def _check_sqlite(path: Path, new: bool) -> None:
    if not (new or path.exists()):
        raise OSError(MISSING)
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, timeout=5, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    if not os.access(path, os.W_OK):
        raise OSError("not writable")


def _in_thread(uri: str, work: Callable[[], T]) -> Callable[[], T]:
    """Run in a daemon thread, which nothing has to wait for, and return how to get the outcome."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True, name="mlflow")
    thread.start()

    def wait() -> T:
        thread.join(_PATIENCE)
        reason = "no answer" if not outcome else outcome[0]
        if not outcome or isinstance(reason, BaseException):
            raise TrackingUnavailable(f"MLflow store {_shown(uri)}: {_first_line(reason)}")
        value: T = outcome[0]
        return value

    return wait


def _first_line(error: object) -> str:
    """Return what went wrong, in the database's own words if it was one."""
    cause = error
    while isinstance(cause, BaseException):
        if (said := getattr(cause, "orig", None)) is not None:
            return str(said)
        cause = cause.__cause__ or cause.__context__
    return str(error).strip().partition("\n")[0] or repr(error)


def _shown(uri: str) -> str:
    """Return the address without a password."""
    parts = urlsplit(uri)
    return uri.replace(f":{parts.password}@", ":***@") if parts.password else uri


def git_revision() -> str:
    """Return the revision of the code, `unknown` outside a repository."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return found.stdout.strip()


def main() -> None:
    """Fetch a run's files; leave with one line on standard error if it fails."""
    parser = argparse.ArgumentParser(description="Fetch what serves; the store: on stdin.")
    parser.add_argument("run")
    parser.add_argument("directory", type=Path)
    arguments = parser.parse_args()
    try:
        fetch(sys.stdin.read(), arguments.run, arguments.directory)
    except TrackingUnavailable as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
