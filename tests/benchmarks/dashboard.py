"""Measure the dashboard with years of predictions, and write the table of docs/dashboard.md.

python -m tests.benchmarks.dashboard [--instance FOLDER] [--rounds 5]

Two years of predictions, 100,000 and then 1,000,000, are put into an instance as the journal puts
them; Chromium opens each page on ``flask serve`` with two workers, its cache warm. A page is
usable when all its sections and charts are drawn and none is loading. What it took is read from
the browser's own clock and counters: until usable from the start of the navigation; each callback
from its request to its last byte; the bytes of everything that was sent.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright

from tests.benchmarks import reports
from tests.benchmarks.serving import make_instance, vlib
from tests.browser.conftest import ARGUMENTS, chromium
from webapp import create_app, queries, startup
from webapp.ids import new_id

REPORT = Path(__file__).resolve().parent.parent.parent / "docs" / "dashboard.md"
SIZES = (100_000, 1_000_000)
BATCH = 20_000
HORIZONS = (1, 24, 48, 168, 6)
ADDRESSES = {
    "Overview": "/dashboard/",
    "Performance": "/dashboard/performance",
    "Performance, all two years": "/dashboard/performance?window=all",
    "Drift": "/dashboard/drift",
    "Experiments": "/dashboard/experiments",
    "What if": "/dashboard/what-if",
    "Explain": "/dashboard/explain",
}
MOST_SECONDS, MOST_MILLISECONDS, MOST_BYTES, MOST_RATIO = 1.5, 300, 500_000, 1.5
PATIENCE_MS = 30_000

WATCH = """
(function look() {
  const all = (query) => Array.from(document.querySelectorAll(query));
  const charts = all(".chart").filter((chart) => chart.offsetParent);
  const drawn = charts.every((chart) => chart.querySelector(".trace, .hm, .parcoords-line-layers"));
  const waits = all(".waiting, [data-dash-is-loading=true]").length || !all("h1").length;
  if (!waits && drawn && all(".section > *").length) {
    document.documentElement.dataset.usable = performance.now();
  } else {
    requestAnimationFrame(look);
  }
})();
"""
READ = """() => {
  const sent = performance.getEntriesByType("resource");
  const page = performance.getEntriesByType("navigation")[0];
  const asked = sent.filter((one) => one.name.includes("_dash-update-component"));
  return {
    seconds: document.documentElement.dataset.usable / 1000,
    callbacks: asked.map((one) => one.responseEnd - one.startTime),
    bytes: sent.reduce((sum, one) => sum + one.transferSize, page.transferSize),
  };
}"""


@dataclass
class Views:
    """What was measured of one page: seconds, bytes and, of each callback, milliseconds."""

    seconds: list[float] = field(default_factory=list)
    bytes: list[int] = field(default_factory=list)
    callbacks: list[float] = field(default_factory=list)

    def add(self, found: dict[str, Any]) -> None:
        """Note one view."""
        self.seconds.append(found["seconds"])
        self.bytes.append(found["bytes"])
        self.callbacks += found["callbacks"]


def main() -> None:
    """Make the data, measure, print, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instance", type=Path, help="with a champion; it is copied")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vlib-benchmark-") as folder:
        work = Path(folder)
        instance = make_instance(work, given.instance)
        found = {}
        for size in SIZES:
            fill(instance, size)
            with vlib(work, instance) as server:
                found[size] = measure(server.url, given.rounds)
    lines = list(report(found, given.rounds))
    print("\n".join(lines))
    reports.replace(REPORT, "measured", lines)


def fill(instance: Path, size: int) -> None:
    """Add live predictions until there are so many, evenly over the observed hours."""
    app = create_app({"VLIB_INSTANCE_PATH": str(instance)})
    with app.app_context():
        startup.upgrade_database()
        began, missing = time.perf_counter(), size - queries.count_predictions()
        champion = queries.champion()
        assert champion is not None
        made = predictions(missing, int(champion["version"]))
        while rows := list(islice(made, BATCH)):
            queries.add_predictions(rows)
        took = time.perf_counter() - began
        print(f"{missing:,} predictions were added in {took:.0f} s", flush=True)


def predictions(count: int, version: int) -> Iterator[tuple[Any, ...]]:
    """Yield made-up predictions in the order of `queries.PREDICTED`, the oldest hour first."""
    hours, random = queries.observations_frame(), np.random.default_rng(count)
    when, rentals = hours["datetime"].to_numpy("datetime64[us]"), hours["rentals"].to_numpy(float)
    week_before = np.concatenate([rentals[:168], rentals[:-168]])
    asked = [json.dumps(row) for row in hours[queries.INPUTS].to_dict("records")]
    for first in range(0, count, BATCH):
        numbers = np.arange(first, min(first + BATCH, count))
        at, horizon = numbers * len(hours) // count, np.array(HORIZONS)[numbers % len(HORIZONS)]
        said = rentals[at] * random.normal(1, 0.05 + horizon / 700) + random.normal(0, 5, len(at))
        said = np.maximum(said, 0).round(1)
        moment = when[at] - horizon.astype("timedelta64[h]")
        yield from zip(
            [new_id(one) for one in moment.astype("datetime64[ms]").astype(int).tolist()],
            texts(when[at]),
            texts(moment),
            horizon.tolist(),
            [version] * len(at),
            ["live"] * len(at),
            said.tolist(),
            (0.7 * said).round(1).tolist(),
            (1.4 * said).round(1).tolist(),
            week_before[at].tolist(),
            [asked[one] for one in at],
            ["[]"] * len(at),
            texts(moment),
            strict=True,
        )


def texts(moments: np.ndarray) -> list[str]:
    """Return times as SQLite keeps them."""
    found: list[str] = np.char.replace(np.datetime_as_string(moments, "us"), "T", " ").tolist()
    return found


def measure(url: str, rounds: int) -> dict[str, Views]:
    """Open each page so many times, after a first view of each that fills the caches."""
    found = {name: Views() for name in ADDRESSES}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        page = browser.new_page(base_url=url, viewport={"width": 1440, "height": 900})
        page.add_init_script(WATCH)
        for number in range(-1, rounds):
            for name, address in ADDRESSES.items():
                view = look(page, address)
                if number >= 0:
                    found[name].add(view)
        browser.close()
    return found


def look(page: Page, address: str) -> dict[str, Any]:
    """Open a page; return what its view cost."""
    page.goto(address, wait_until="commit")
    page.wait_for_selector("html[data-usable]", timeout=PATIENCE_MS)
    page.wait_for_load_state("networkidle", timeout=PATIENCE_MS)
    found: dict[str, Any] = page.evaluate(READ)
    return found


def report(found: dict[int, dict[str, Views]], rounds: int) -> Any:
    """Yield the table, in Markdown."""
    small, large = (found[size] for size in SIZES)
    yield (
        f"`python -m tests.benchmarks.dashboard`, {os.cpu_count()} cores, medians of {rounds} views"
        " with a warm cache; figures change with the machine."
    )
    yield ""
    yield (
        "| page, with 1,000,000 predictions over 2 years | usable in, s | callbacks p95, ms "
        "| sent, kB | time against 100,000 |"
    )
    yield "| --- | --- | --- | --- | --- |"
    yield f"| must | {MOST_SECONDS} | {MOST_MILLISECONDS} | {MOST_BYTES // 1000} | {MOST_RATIO} |"
    for name in ADDRESSES:
        seconds = statistics.median(large[name].seconds)
        ratio = seconds / statistics.median(small[name].seconds)
        yield (
            f"| {name} | {seconds:.2f} | {p95(large[name].callbacks):.0f}"
            f" | {max(large[name].bytes) / 1000:.0f} | {ratio:.2f} |"
        )
    every = [one for views in large.values() for one in views.callbacks]
    yield f"| all | | {p95(every):.0f} | | |"


def p95(values: list[float]) -> float:
    """Return what 95 in 100 values stay below."""
    return float(np.quantile(values, 0.95))


if __name__ == "__main__":
    main()
