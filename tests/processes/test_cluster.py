"""The search on a real Dask scheduler with two worker processes."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from distributed import Client
from sklearn.model_selection import GridSearchCV

from training import cluster
from training.calendar import Calendar
from training.history import History
from training.model import search, smallest_good_enough, training_data
from training.sources import embedded_history
from training.train import on_cluster_or_here

from .conftest import BUSY, ROOT, free_port, wait_for

# scikit-learn gives each fit this process's filters, which a worker's threads share and swap: where
# these make errors, a thread that finds them half swapped fails.
pytestmark = pytest.mark.filterwarnings("default")

Search = Callable[..., GridSearchCV]
START = 60  # seconds that scheduler and workers may take on a quiet machine, imports included


@pytest.fixture(scope="module")
def searching() -> Search:
    """A search of 36 fits on 2,000 hours."""
    history = History.from_frame(embedded_history())
    week = 2
    data = training_data(history.hours[-2000:], history, Calendar("US-DC"), 1, [week])
    return partial(search, *data, trees=4)


@pytest.fixture(scope="module")
def here(searching: Search) -> GridSearchCV:
    """What it finds on this machine."""
    return searching(n_jobs=2)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """An onlooker at a scheduler with two workers, who share no memory with this process."""
    place = tmp_path_factory.mktemp("cluster")
    address = f"tcp://127.0.0.1:{free_port()}"
    common = ["--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
    port = address.rpartition(":")[2]
    with ExitStack() as stack:
        stack.enter_context(dask(place, "scheduler", "--port", port, *common))
        for _ in range(2):
            alone = ["--no-nanny", "--nthreads", "2"]
            stack.enter_context(dask(place, "worker", address, *alone, *common))
        client = stack.enter_context(Client(address, timeout=BUSY * START, set_as_default=False))
        client.wait_for_workers(2, BUSY * START)
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(cluster, "PATIENCE", BUSY * cluster.PATIENCE)
        yield client


@contextmanager
def dask(place: Path, *command: str) -> Iterator[None]:
    """Run a part of Dask until the block ends."""
    settings = {
        "DASK_TEMPORARY_DIRECTORY": str(place),
        "DASK_DISTRIBUTED__SCHEDULER__NO_WORKERS_TIMEOUT": "1s",
        "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s",  # how long one asks another that is dead
    }
    with (place / "log").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *command],
            cwd=ROOT,
            env=os.environ | settings,
            stdout=output,
            stderr=output,
        )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def victim(client: Client) -> str | None:
    """Return the worker that has what fewest others have, of a search whose fits have begun."""
    tasks = [str(key) for keys in client.processing().values() for key in keys]
    held = [workers for workers in client.who_has().values() if workers]
    begun = held and any("_fit_and_score" in task for task in tasks)
    return min(held, key=len)[0] if begun else None


def assert_same(found: GridSearchCV, expected: GridSearchCV) -> None:
    """Compare all that two searches found, to the last bit; only times may differ."""
    assert smallest_good_enough(found) == smallest_good_enough(expected)
    for name, values in expected.cv_results_.items():
        assert name.endswith("_time") or np.array_equal(found.cv_results_[name], values), name


def address_of(client: Client) -> str:
    return str(client.scheduler.address)


def kill(*processes: int) -> None:
    for process in processes:
        os.kill(process, signal.SIGKILL)


def test_workers_find_what_one_machine_finds(
    client: Client, searching: Search, here: GridSearchCV
) -> None:
    assert_same(searching(cluster=address_of(client)), here)
    wait_for(lambda: not client.who_has(), 10)  # nothing is left there


def test_a_killed_worker_costs_time_alone(
    client: Client, searching: Search, here: GridSearchCV
) -> None:
    processes = client.run(os.getpid)
    with ThreadPoolExecutor() as pool:
        found = pool.submit(searching, cluster=address_of(client))
        killed = wait_for(partial(victim, client), START, 0.01)
        kill(processes[killed])
        assert not found.done()
        assert_same(found.result(), here)
    wait_for(lambda: killed not in client.nthreads(), 10)


def test_other_code_on_the_workers_is_not_used(
    client: Client, searching: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "version", lambda name: "0")
    with pytest.raises(cluster.ClusterUnavailable, match="the scheduler, tcp://127.0.0.1"):
        searching(cluster=address_of(client))


def test_when_all_are_killed_this_machine_goes_on(
    client: Client, searching: Search, here: GridSearchCV, caplog: pytest.LogCaptureFixture
) -> None:
    processes = client.run(os.getpid)
    with ThreadPoolExecutor() as pool:
        going_on = pool.submit(on_cluster_or_here, searching, address_of(client))
        wait_for(partial(victim, client), START, 0.01)
        kill(*processes.values())
        found, where = going_on.result()
    assert_same(found, here)
    told = f"Dask cluster {address_of(client)}: NoWorkerError: "
    assert where.startswith(f"this machine, without {told}")
    assert f"{told}Attempted to run" in caplog.text


def test_what_is_missing_is_named_soon(
    client: Client, searching: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill(*client.run(os.getpid).values())
    wait_for(lambda: not client.nthreads(), 10)
    monkeypatch.setattr(cluster, "PATIENCE", 3)
    with pytest.raises(cluster.ClusterUnavailable, match="Only 0/1 workers arrived"):
        searching(cluster=address_of(client))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for port in (free_port(), silent.getsockname()[1]):
            with pytest.raises(cluster.ClusterUnavailable, match="no answer within 3 s"):
                searching(cluster=f"tcp://127.0.0.1:{port}")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(cluster.ClusterUnavailable, match="ModuleNotFoundError"):
        searching(cluster=address_of(client))
