"""What the content security policy stops is an error that fails every test in a browser."""

from playwright.sync_api import Browser, Page, expect

NOTE = """
window.violations = [];
document.addEventListener("securitypolicyviolation", function (event) {
  window.violations.push(event.effectiveDirective + " " + event.blockedURI);
});
"""


def test_the_page_to_try_the_api_keeps_the_policy(page: Page) -> None:
    page.goto("/api/docs")
    page.locator("#operations-health-healthz .opblock-summary").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    status = page.locator(".live-responses-table tbody td.response-col_status")
    expect(status).to_have_text("200")


def test_an_inline_script_is_stopped(browser: Browser, server: str) -> None:
    page, told = browser.new_page(base_url=server), list[str]()
    page.on("console", lambda entry: told.append(entry.text) if entry.type == "error" else None)
    page.add_init_script(NOTE)
    page.goto("/dashboard/")
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'x = 1'}))"
    )
    assert page.evaluate("[typeof x, ...window.violations]") == [
        "undefined",
        "script-src-elem inline",
    ]
    assert "Content Security Policy" in told[0]
    page.close()
