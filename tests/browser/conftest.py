"""Real Chromium on a real server: Debian's own browser, driven by Playwright."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, sync_playwright

from tests.conftest import make_app, serving
from tests.dashboard.conftest import UNDERSTANDING
from webapp import queries
from webapp.extensions import db

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE_MS = 120_000
CANDIDATES = [
    {"params": {"trees": 1}, "mean_score": 30.0, "rank": 2, "fit_seconds": 0.1},
    {"params": {"trees": 2}, "mean_score": 20.0, "rank": 1, "fit_seconds": 0.2},
]


def chromium() -> str | None:
    """Return where the browser is."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, or a skip with the reason; a failure where VLIB_TEST_BROWSER is "required".

    No longer than a file: while Playwright runs, its thread can run no other event loop.
    """
    path = chromium()
    if path is None:
        reason = f"no browser is installed: none of {', '.join(NAMES)} is on the PATH"
        if os.environ.get("VLIB_TEST_BROWSER") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(two_versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the application, on a free port and an instance of its own.

    It has two versions, and a training that tried some candidates.
    """
    folder = tmp_path_factory.mktemp("browser") / "instance"
    app = make_app(Path(shutil.copytree(two_versions, folder)))
    with app.app_context():
        queries.add_run("run-tried", "admin", None)
        queries.update_run("run-tried", candidates=CANDIDATES)
        queries.finish_run("run-tried", "cancelled", "made for the tests")
    with serving(app) as address, pytest.MonkeyPatch.context() as patch:
        # The tiny champion's training measures nothing.
        patch.setattr("webapp.predictor.understanding", lambda: UNDERSTANDING)
        yield address
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def page(browser: Browser, server: str) -> Iterator[Page]:
    """A desktop's page; the test fails if it logs an error, as of its policy, or asks elsewhere."""
    yield from opened(browser.new_context(base_url=server, viewport={"width": 1440, "height": 900}))


@pytest.fixture
def phone(browser: Browser, server: str) -> Iterator[Page]:
    """A phone's page in the dark, as strict as `page`."""
    yield from opened(
        browser.new_context(
            base_url=server,
            viewport={"width": 390, "height": 844},
            color_scheme="dark",
            has_touch=True,
            is_mobile=True,
        )
    )


def opened(context: BrowserContext) -> Iterator[Page]:
    """Open a page that notes what must not happen, and say so at its end."""
    wrong: list[str] = []
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.on("console", lambda entry: wrong.append(entry.text) if entry.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda asked: wrong.append(asked.url) if foreign(asked.url) else None)
    page.on("response", lambda answer: wrong.append(answer.url) if failed(answer) else None)
    page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    yield page
    context.close()
    assert not wrong


def failed(answer: Response) -> bool:
    """Say whether the server failed, or refused to answer a callback."""
    return answer.status >= (400 if "_dash-update-component" in answer.url else 500)


def foreign(url: str) -> bool:
    """Say whether an address is on another server."""
    return not url.startswith(("http://127.0.0.1:", "data:", "blob:"))
