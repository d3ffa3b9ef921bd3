"""A Dask cluster for joblib: the only importer of dask, an extra, and only inside functions.

Scheduler and workers unpickle what joblib gives them, so they must run this very code.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from joblib import parallel_config
from numpy.typing import NDArray

PATIENCE = 10  # seconds for the scheduler to answer, and as many for a worker to be there


class ClusterUnavailable(Exception):
    """A cluster can't do the work; the message says which one and why."""


@contextmanager
def on_cluster(address: str, data: Sequence[NDArray[Any]]) -> Iterator[None]:
    """Let joblib work on a Dask cluster within the block; `data` are the arrays that it passes on.

    Raises
    ------
    ClusterUnavailable
        Dask is not installed, its scheduler does not answer, it has no workers or some with other
        code, or what was done within the block failed.
    """
    try:
        from distributed import Client

        asyncio.run(_ask(address))
        with Client(address, timeout=PATIENCE, set_as_default=False) as client:
            client.wait_for_workers(1, PATIENCE)
            _check(client)
            with parallel_config("dask", client=client) as config:
                backend = config["backend"]
                # What joblib would scatter is lost with the worker that has it, and its tasks with
                # it (dask/distributed#3149); what a task returned is made again.
                backend.data_futures = {
                    id(array): client.submit(_itself, array, pure=False) for array in data
                }
                backend.submit = _reporting(backend.submit)
                yield
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise ClusterUnavailable(f"Dask cluster {address}: {reason}") from error


async def _ask(address: str) -> None:
    """Wait for a word of the scheduler; a client waits for ever if it takes the connection only."""
    from distributed import Security, rpc

    security = Security().get_connection_args("client")
    try:
        async with asyncio.timeout(PATIENCE), rpc(address, connection_args=security) as scheduler:
            await scheduler.identity()
    except TimeoutError:
        raise TimeoutError(f"no answer within {PATIENCE} s") from None


def _itself(array: NDArray[Any]) -> NDArray[Any]:
    return array


def _reporting(submit: Callable[..., Future[Any]]) -> Callable[..., Future[Any]]:
    """Let joblib hear of a task that Dask gives up; joblib 1.6 would wait for it for ever."""

    def submit_and_report(task: Any, callback: Callable[[Any], None]) -> Future[Any]:
        def report(done: Future[Any]) -> None:
            if error := done.exception():
                callback(error)

        future = submit(task, callback)
        future.add_done_callback(report)
        return future

    return submit_and_report


def _check(client: Any) -> None:
    """Raise ValueError if joblib would not use the workers, or they could find anything else."""
    if sum(client.nthreads().values()) < 2:
        raise ValueError("expected two threads or more, as joblib works here itself beside one")
    found = {"the scheduler": client.run_on_scheduler(_code), **client.run(_code)}
    if others := [name for name, code in found.items() if code != _code()]:
        raise ValueError(f"expected the code and libraries of here on {', '.join(others)}")


def _code() -> str:
    """Return a text that differs where code or libraries do that decide the result."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return f"{digest.hexdigest()}, numpy {version('numpy')}, scikit-learn {version('scikit-learn')}"
