"""Measure what grows with the years, and write the table of docs/performance.md.

python -m tests.benchmarks.growth [--folder FOLDER] [--steps 1:100000 3:1000000 10:10000000]

An instance gets as many YEARS of hours, the embedded ones again and again, and PREDICTIONS of
them, as the journal puts them there, step by step. At each, a model is trained with the effort of
a first one, one client asks ``flask serve`` with two workers, and Chromium opens the dashboard.
In the end all is measured once more after ``flask prune``. A FOLDER that is there is grown on.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pandas as pd

from tests.benchmarks import dashboard, reports
from tests.benchmarks.servers import PYTHON, ROOT, Server, megabytes, post
from tests.benchmarks.serving import item, number, timed, vlib
from training import sources
from webapp import create_app, queries, retraining, startup
from webapp.extensions import db

STEPS = ("1:100000", "3:1000000", "10:10000000")
REPORT = ROOT / "docs" / "performance.md"
CYCLE = pd.Timedelta(weeks=104)  # after which the embedded hours come again, on the same weekdays
REQUESTS = 500
# No server may delete what was added, as its ids are as old as its hours, or train beside us.
SETTINGS = """\
VLIB_KEEP_PREDICTIONS_DAYS = 0
VLIB_MAX_PREDICTIONS = 0
VLIB_EVIDENCE_PAUSE_HOURS = 1000000
"""
ROWS = {
    "hours": "hours observed",
    "rows": "predictions stored",
    "p50": "`POST /api/predict`, one client, p50, ms",
    "p99": "the same, p99, ms",
    "listed": "`GET /api/predictions`, the newest 100, ms",
    "day": "the same of one day, ms",
    "nothing": "the same of a source that there is none of, ms",
    "Overview": "page Overview usable in, s",
    "Performance": "page Performance, 28 days, s",
    "Performance, all two years": "page Performance, all years, s",
    "Drift": "page Drift, s",
    "callbacks": "callbacks of all pages, p95, ms",
    "memory": "memory of the larger worker, MB",
    "start": "`flask serve` until ready, s",
    "database": "database, MB",
    "archive": "Parquet, MB",
    "retrain": "training with a first one's effort, s",
    "trained": "memory of that training, MB",
    "prune": "`flask prune --days 365`, s",
}

Measured = dict[str, float]


def main() -> None:
    """Grow, measure, print, and write the table if the steps are the usual ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--steps", nargs="+", default=STEPS, metavar="YEARS:PREDICTIONS")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vlib-benchmark-") as folder:
        work = given.folder or Path(folder)
        found = {}
        for name, measured in steps(work, given.steps, given.rounds):
            found[name] = measured
            print(f"{name}: {measured}", flush=True)
    lines = list(report(found))
    print("\n".join(lines))
    if tuple(given.steps) == STEPS:
        reports.replace(REPORT, "growth", lines)


def steps(work: Path, wanted: Iterable[str], rounds: int) -> Iterator[tuple[str, Measured]]:
    """Yield what was measured, by the name of the step."""
    instance = work / "instance"
    for step in wanted:
        years, size = (int(number) for number in step.split(":"))
        grow(work, instance, years, size)
        yield f"{years} y", train(instance) | measure(work, instance, rounds)
    began = time.perf_counter()
    environment = os.environ | {"VLIB_INSTANCE_PATH": str(instance)}
    command = [*PYTHON, "flask", "prune", "--days", "365"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    seconds = {"prune": time.perf_counter() - began}
    yield f"{years} y, pruned", seconds | measure(work, instance, rounds)


def grow(work: Path, instance: Path, years: int, size: int) -> None:
    """Bring an instance to so many years of hours and so many predictions of them."""
    instance.mkdir(parents=True, exist_ok=True)
    (instance / "config.py").write_text(SETTINGS)
    with opened(instance):
        queries.upsert_frame(history(years))
        served = queries.champion() is not None
    if not served:
        with vlib(work, instance):  # which trains the first champion before it is ready
            pass
    dashboard.fill(instance, size)


@contextmanager
def opened(instance: Path) -> Iterator[None]:
    """Work in the application on an instance."""
    with create_app({"VLIB_INSTANCE_PATH": str(instance)}).app_context():
        startup.upgrade_database()
        yield
        db.engine.dispose()


def history(years: int) -> pd.DataFrame:
    """Return the newest years of the embedded hours, which come again every 104 weeks."""
    frame = sources.embedded_history()
    times = range(years // 2 + 1)
    again = [frame.assign(datetime=frame["datetime"] - number * CYCLE) for number in times]
    hours = pd.concat(again).drop_duplicates("datetime").sort_values("datetime")
    since = frame["datetime"].max() - pd.DateOffset(years=years)
    return hours[hours["datetime"] > since].reset_index(drop=True)


def train(instance: Path) -> Measured:
    """Return the seconds and the MB of a training with the effort of a first one."""
    most = 0.0
    with opened(instance):
        (instance / "models").mkdir(exist_ok=True)
        began, run = time.perf_counter(), retraining.start("first")
        while run["finished_at"] is None:
            time.sleep(0.2)
            most = max(most, memory_of_group(run["process_group"]))
            run = queries.get_run(run["run_id"]) or run
        assert run["model_version"], run["reason"]
    return {"retrain": time.perf_counter() - began, "trained": most}


def memory_of_group(group: int) -> float:
    """Return the memory of all processes of a group, in MB."""
    total = 0.0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):  # it has just ended
            if os.getpgid(int(process.name)) == group:
                total += megabytes(int(process.name))
    return total


def measure(work: Path, instance: Path, rounds: int) -> Measured:
    """Return what a server of this instance takes, in ms, s and MB."""
    with opened(instance):
        found = {"hours": queries.count_observations(), "rows": queries.count_predictions()}
    with vlib(work, instance) as server:
        found |= {"start": server.started} | ask(server)
        views = dashboard.measure(server.url, rounds)
        found |= {name: statistics.median(view.seconds) for name, view in views.items()}
        callbacks = [one for view in views.values() for one in view.callbacks]
        found["callbacks"] = dashboard.p95(callbacks)
        found["memory"] = max(megabytes(pid) for pid in server.workers())
    found["database"] = size_of(instance.glob("vlib.db*"))
    found["archive"] = size_of((instance / "archive").glob("*.parquet"))
    return found


def size_of(files: Iterable[Path]) -> float:
    """Return how large files are together, in MB."""
    return sum(file.stat().st_size for file in files) / 1e6


def ask(server: Server) -> Measured:
    """Return the ms that one client waits for a prediction and for listings."""
    url = f"{server.url}/api/predict"
    bodies = [json.dumps(item(number)).encode() for number in range(REQUESTS)]
    waited = [post(url, body)[1] * 1000 for body in bodies]
    listed = f"{server.url}/api/predictions?limit=100"
    return {
        "p50": float(np.quantile(waited, 0.5)),
        "p99": float(np.quantile(waited, 0.99)),
        "listed": milliseconds(listed),
        "day": milliseconds(f"{listed}&from=2012-06-01T00:00:00&to=2012-06-02T00:00:00"),
        "nothing": milliseconds(f"{listed}&source=replay"),
    }


def milliseconds(url: str) -> float:
    """Return the median that a GET takes."""

    def get() -> None:
        with urllib.request.urlopen(url, timeout=300) as answer:
            answer.read()

    return statistics.median(timed(get) for _ in range(3)) * 1000


def report(found: dict[str, Measured]) -> Iterator[str]:
    """Yield the table, in Markdown."""
    yield (
        f"`python -m tests.benchmarks.growth`, {os.cpu_count()} cores, SQLite. Figures change with"
        " the machine."
    )
    yield ""
    yield f"| | {' | '.join(found)} |"
    yield f"| --- {'| --- ' * len(found)}|"
    for name, told in ROWS.items():
        values = (number(one[name]) if name in one else "" for one in found.values())
        yield f"| {told} | {' | '.join(values)} |"


if __name__ == "__main__":
    main()
