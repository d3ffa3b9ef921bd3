"""Take a picture of every page in both themes, for docs/dashboard.md.

python -m tests.screenshots [--instance FOLDER] [--width 1280] [--to docs/screenshots]
"""

import argparse
import re
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.benchmarks.dashboard import PATIENCE_MS, WATCH
from tests.benchmarks.serving import ROOT, make_instance, vlib
from tests.browser.conftest import ARGUMENTS, chromium
from webapp.dashboard import PAGES

THEMES = ("light", "dark")


def main() -> None:
    """Serve an instance, and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instance", type=Path, help="with a champion; it is copied")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "screenshots")
    given = parser.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="vlib-screenshots-") as folder:
        work = Path(folder)
        instance = make_instance(work, given.instance)
        with vlib(work, instance) as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
            page = browser.new_page(
                base_url=server.url, viewport={"width": given.width, "height": 900}
            )
            page.add_init_script(WATCH)
            for module in PAGES:
                for theme in THEMES:
                    take(page, module.PATH, theme, given.to)
            browser.close()


def take(page: Page, path: str, theme: str, folder: Path) -> None:
    """Save a whole page as it looks when it is drawn."""
    page.goto(f"{path}?theme={theme}&lang=en")
    page.wait_for_selector("html[data-usable]", timeout=PATIENCE_MS)
    page.wait_for_timeout(300)  # charts fit themselves to their cards
    name = re.sub(r"\W", "", path.removeprefix("/dashboard").replace("-", "")) or "overview"
    file = folder / f"{name}-{theme}.jpg"
    page.screenshot(path=file, full_page=True, type="jpeg", quality=70)
    print(file)


if __name__ == "__main__":
    main()
