"""Chromium finds nothing to report against the content security policy."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from .test_dashboard import ADDRESSES, go

NOTE = """
window.violations = [];
document.addEventListener("securitypolicyviolation", function (event) {
  window.violations.push(event.effectiveDirective + " " + event.blockedURI);
});
"""


@pytest.fixture
def watched(page: Page) -> Iterator[Page]:
    """A page that notes what the policy stops, and fails the test if there was anything."""
    page.add_init_script(NOTE)
    yield page
    assert page.evaluate("window.violations") == []


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_dashboard_keeps_the_policy(watched: Page, address: str) -> None:
    go(watched, address)
    for chart in watched.locator(".js-plotly-plot:visible").all():
        chart.hover()  # labels are drawn, and styled, only now


def test_the_page_to_try_the_api_keeps_the_policy(watched: Page) -> None:
    watched.goto("/api/docs")
    watched.locator("#operations-health-healthz .opblock-summary").click()
    watched.get_by_role("button", name="Try it out").click()
    watched.get_by_role("button", name="Execute").click()
    status = watched.locator(".live-responses-table tbody td.response-col_status")
    expect(status).to_have_text("200")


def test_an_inline_script_is_stopped(browser: Browser, server: str) -> None:
    page = browser.new_page(base_url=server)
    page.add_init_script(NOTE)
    page.goto("/dashboard/")
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'x = 1'}))"
    )
    assert page.evaluate("[typeof x, ...window.violations]") == [
        "undefined",
        "script-src-elem inline",
    ]
    page.close()
