"""Each control of each page, used once, with the mouse and with the keyboard alone."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from .test_dashboard import ADDRESSES, go

# How many answers the page still waits for.
COUNT = """
window.waitingFor = 0;
const plain = window.fetch;
window.fetch = function (...asked) {
  window.waitingFor += 1;
  return plain.apply(this, asked).finally(() => setTimeout(() => { window.waitingFor -= 1; }));
};
"""
SHOWN = """() => [
  document.querySelector("main").innerText,
  ...Array.from(document.querySelectorAll(".js-plotly-plot"), (plot) => JSON.stringify(plot.data)),
].join()"""
CHANGED = f"(before) => window.waitingFor === 0 && ({SHOWN})() !== before"
# What the keyboard has to reach, in this order; of radio buttons the chosen one stands for all.
REACHABLE = """() => Array.from(
  document.querySelectorAll("a[href], button, select, input, summary, [tabindex='0']")
).filter((one) => one.offsetParent && !one.disabled && (one.type !== "radio" || one.checked))"""
FOCUSED = """() => {
  const one = document.activeElement;
  const drawn = one.matches(".btn-check") ? one.labels[0] : one;
  const { outlineStyle, boxShadow } = getComputedStyle(drawn);
  const visible = outlineStyle !== "none" || boxShadow !== "none";
  const name = one.id || one.getAttribute("aria-label") || one.textContent;
  return [window.reachable.indexOf(one), visible, name];
}"""


@pytest.fixture
def counted(page: Page) -> Iterator[Page]:
    """A page that knows when all its answers have come."""
    page.add_init_script(COUNT)
    yield page


def shown(page: Page) -> Any:
    """Return what the page says and draws, once it waits for nothing."""
    page.wait_for_function("window.waitingFor === 0")
    return page.evaluate(SHOWN)


def governs(page: Page, use: Any) -> None:
    """Use a control; it changes the address, and what is shown."""
    before, address = shown(page), page.url
    use()
    page.wait_for_function(CHANGED, arg=before, polling=50)
    assert page.url != address
    expect(page.locator(".alert-danger")).to_have_count(0)


def other_option(select: Locator) -> str:
    """Return an option of a list that is not chosen."""
    found: str = select.evaluate(
        "one => Array.from(one.options, (o) => o.value).find((v) => v && v !== one.value)"
    )
    return found


@pytest.mark.parametrize("address", ADDRESSES)
def test_each_choice_changes_the_address_and_what_is_shown(counted: Page, address: str) -> None:
    go(counted, address)
    main = counted.locator("main")
    for preset in main.locator(".presets label").all()[::-1]:
        if preset.locator("xpath=preceding-sibling::input").is_checked():
            continue
        governs(counted, preset.click)
    for date in main.locator("input[type=date]").all():
        governs(counted, lambda date=date: date.fill("2012-12-20"))
    for slider in main.locator("input[type=range]").all():
        last = "Home" if slider.evaluate("one => one.value === one.max") else "End"
        governs(counted, lambda slider=slider, last=last: slider.press(last))
    for number in main.locator("input[type=number]").all():
        governs(counted, lambda number=number: number.fill("7"))
    for select in main.locator("select:visible:not(.actions select)").all():
        governs(counted, lambda select=select: select.select_option(other_option(select)))
    for head in main.locator("th a").all():
        governs(counted, head.click)


@pytest.mark.parametrize("address", ADDRESSES)
def test_each_tool_of_each_chart_and_table_works(counted: Page, address: str) -> None:
    go(counted, address)
    shown(counted)
    for tool in counted.locator("main .tool:visible").all():
        kind, of = (tool.get_attribute(f"data-{name}") for name in ("tool", "of"))
        if kind == "table":
            tool.click()
            expect(counted.locator(f"#{of}-table tbody tr").first).to_be_visible()
            tool.click()
            expect(counted.locator(f"#{of}-table")).to_be_hidden()
            continue
        with counted.expect_download() as download:
            tool.click()
        kinds = {"csv": "csv", "rows": "csv", "png": "png", "svg": "svg"}
        assert download.value.suggested_filename == f"{of}.{kinds[str(kind)]}"


@pytest.mark.parametrize("address", ADDRESSES)
def test_pause_theme_and_language_work_on_each_page(counted: Page, address: str) -> None:
    go(counted, address)
    pause, title = counted.locator("#shell-pause-button"), counted.locator("h1")
    pause.click()
    expect(pause).to_have_attribute("aria-pressed", "true")
    counted.select_option("#shell-theme-select", "dark")
    expect(counted.locator("html")).to_have_attribute("data-bs-theme", "dark")
    english = title.inner_text()
    counted.select_option("#shell-language-select", "fr")
    expect(counted.locator("html")).to_have_attribute("lang", "fr")
    expect(title).not_to_have_text(english)
    expect(counted).to_have_url(re.compile("theme=dark.*lang=fr"))


def test_each_button_of_the_admin_answers(counted: Page) -> None:
    go(counted, "/dashboard/experiments")
    form, message = counted.locator(".actions"), counted.locator("#experiments-message")
    counted.get_by_label("Admin token").fill("guessed")
    counted.get_by_label("Reason").fill("to see it refused")
    counted.select_option("#experiments-version-select", "2")
    for button in form.locator("button").all():
        button.click()
        expect(message).to_contain_text("not the admin token")
        message.evaluate("one => { one.textContent = ''; }")
    form.locator("summary").click()
    expect(counted.get_by_label("Admin token")).to_be_hidden()


@pytest.mark.parametrize("address", ADDRESSES)
def test_tab_reaches_each_control_in_order_and_is_seen(counted: Page, address: str) -> None:
    go(counted, address)
    shown(counted)
    counted.get_by_role("button", name="Pause").click()
    counted.evaluate("document.activeElement.blur()")
    count = counted.evaluate(f"() => (window.reachable = ({REACHABLE})()).length")
    for place in range(count):
        counted.keyboard.press("Tab")
        assert counted.evaluate(FOCUSED)[:2] == [place, True], counted.evaluate(FOCUSED)


def test_the_keyboard_alone_is_enough(counted: Page) -> None:
    go(counted, "/dashboard/")
    counted.keyboard.press("Tab")
    counted.keyboard.press("Enter")
    expect(counted.locator("#shell-content")).to_be_focused()
    reach(counted, "shell-performance-link", "Shift+Tab")
    counted.keyboard.press("Enter")
    told = counted.locator(".told")
    expect(told).to_contain_text("a day ahead")
    reach(counted, "performance-horizon-select")
    counted.keyboard.press("ArrowDown")
    expect(told).to_contain_text("two days ahead")
    expect(counted.locator("#performance-horizon-select")).to_be_focused()
    reach(counted, "performance-window-radio", "Shift+Tab")
    counted.keyboard.press("ArrowLeft")
    expect(counted).to_have_url(re.compile("window=7d"))


def reach(page: Page, name: str, key: str = "Tab") -> None:
    """Press a key until the focus is on the element of an id, or within it."""
    for __ in range(100):
        page.keyboard.press(key)
        if page.evaluate("name => Boolean(document.activeElement.closest(`#${name}`))", name):
            return
    pytest.fail(f"{name} is not reached by {key}")
