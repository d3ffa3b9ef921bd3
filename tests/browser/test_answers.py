"""What the reader is told while an answer is under way, and if none comes."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from .test_dashboard import go

UPDATES = "**/_dash-update-component*"
FIGURES = ".part:has(> #performance-result-section)"
FAILURES: list[Callable[[Route], None]] = [
    lambda route: route.fulfill(status=500),
    lambda route: route.abort(),
]


@pytest.fixture
def failing(browser: Browser, server: str) -> Iterator[Page]:
    """A page that may log errors."""
    page = browser.new_page(base_url=server)
    yield page
    page.close()


@pytest.mark.parametrize("fail", FAILURES, ids=["500", "aborted"])
def test_a_choice_without_an_answer_is_told_until_one_comes(
    failing: Page, fail: Callable[[Route], None]
) -> None:
    go(failing, "/dashboard/performance")
    part, told = failing.locator(FIGURES), failing.locator(".told")
    news, before = part.locator("> .news"), told.inner_text()
    expect(part).to_have_attribute("aria-busy", "false")
    failing.route(UPDATES, fail)
    failing.get_by_text("7\xa0d", exact=True).click()
    expect(news).to_contain_text("not what you chose", timeout=2000)
    expect(told).to_have_text(before)
    failing.unroute(UPDATES)
    expect(told).not_to_have_text(before)
    expect(news).to_be_empty()


def test_a_choice_whose_answer_takes_long_looks_busy(failing: Page) -> None:
    go(failing, "/dashboard/performance")
    part = failing.locator(FIGURES)
    expect(part).to_have_attribute("aria-busy", "false")
    failing.route(UPDATES, lambda _route: None)  # until it is unrouted
    failing.get_by_text("7\xa0d", exact=True).click()
    expect(part.locator("> .news")).to_have_text("Loading…")
    expect(part).to_have_attribute("aria-busy", "true")
    expect(part.locator("> .section")).to_have_css("opacity", "0.55")
    failing.unroute(UPDATES)
    expect(part).to_have_attribute("aria-busy", "false")
    expect(part.locator("> .news")).to_be_empty()


def test_a_refresh_by_the_clock_does_not_look_busy(failing: Page) -> None:
    go(failing, "/dashboard/performance")
    expect(failing.locator("[aria-busy=true]")).to_have_count(0)
    with failing.expect_request(UPDATES):
        failing.route(UPDATES, lambda route: route.abort())
    failing.wait_for_timeout(1000)
    expect(failing.locator("[aria-busy=true]")).to_have_count(0)


def test_a_page_that_can_not_be_loaded_says_so_until_it_is(failing: Page) -> None:
    failing.route(UPDATES, lambda route: route.fulfill(status=503))
    failing.goto("/dashboard/performance")
    news = failing.get_by_text("Nothing could be loaded yet.")
    expect(news).to_be_visible()
    failing.unroute(UPDATES)
    expect(failing.locator(".told")).to_be_visible()
    expect(news).to_have_count(0)
