"""Each control of each page, used once, with the mouse and with the keyboard alone."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from .test_dashboard import ADDRESSES, go

# How many answers the page still waits for.
COUNT = """
let waitsFor = 0;
const plain = window.fetch;
function count(more) {
  waitsFor += more;
  document.documentElement.dataset.waitsFor = waitsFor;
}
window.fetch = function (...asked) {
  count(1);
  return plain.apply(this, asked).finally(() => setTimeout(count, 0, -1));
};
"""
SHOWN = """() => [
  document.querySelector("main").innerText,
  ...Array.from(document.querySelectorAll(".js-plotly-plot"), (plot) => JSON.stringify(plot.data)),
].join()"""
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
    expect(page.locator("html")).to_have_attribute("data-waits-for", "0")
    return page.evaluate(SHOWN)


def governs(page: Page, use: Any) -> None:
    """Use a control; it changes the address, and each part of the page is drawn anew."""
    address = page.url
    use()
    expect(page).not_to_have_url(address)
    shown(page)
    expect(page.locator(".alert-danger")).to_have_count(0)


def other_option(select: Locator) -> str:
    """Return an option of a list that is not chosen."""
    found: str = select.evaluate(
        "one => Array.from(one.options, (o) => o.value).find((v) => v && v !== one.value)"
    )
    return found


@pytest.mark.parametrize("address", ADDRESSES)
def test_each_control_is_reached_by_tab_and_does_what_it_says(counted: Page, address: str) -> None:
    go(counted, address)
    main, before = counted.locator("main"), shown(counted)
    tab_reaches_all(counted)
    tools_work(counted)
    for preset in main.locator(".presets label").all():
        preset.click()
        expect(main.locator(".presets input:checked + label")).to_have_text(preset.inner_text())
        expect(counted).to_have_url(re.compile("window="))
    for date in main.locator("input[type=date]").all():
        governs(counted, lambda date=date: date.fill("2012-12-28"))
    for slider in main.locator("input[type=range]").all():
        last = "Home" if slider.evaluate("one => one.value === one.max") else "End"
        governs(counted, lambda slider=slider, last=last: slider.press(last))
    for number in main.locator("input[type=number]").all():
        governs(counted, lambda number=number: number.fill("7"))
    # From the last: the first ones may leave a chart, and its own list, without data.
    for select in main.locator("select:visible:not(.actions select)").all()[::-1]:
        governs(counted, lambda select=select: select.select_option(other_option(select)))
    for head in main.locator("th a").all():
        governs(counted, head.click)
    chosen = counted.url.partition("?")[2]
    assert not chosen or shown(counted) != before


def tools_work(counted: Page) -> None:
    """Press each button below each chart and table, by the keyboard: nothing moves under it."""
    for tool in counted.locator("main .tool:visible").all():
        kind, of = (tool.get_attribute(f"data-{name}") for name in ("tool", "of"))
        if kind == "table":
            tool.press("Enter")
            expect(counted.locator(f"#{of}-table tbody tr").first).to_be_visible()
            tool.press("Enter")
            expect(counted.locator(f"#{of}-table")).to_be_hidden()
            continue
        with counted.expect_download() as download:
            tool.press("Enter")
        kinds = {"csv": "csv", "rows": "csv", "png": "png", "svg": "svg"}
        name = download.value.suggested_filename
        assert name.endswith(f".{kinds[str(kind)]}")
        assert name.startswith("vlib-") or kind == "rows"


def test_pause_theme_and_language_are_switched(counted: Page) -> None:
    go(counted, "/dashboard/drift")
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
    form, message = counted.locator(".actions"), counted.locator("#experiments-message .alert")
    counted.get_by_label("Admin token").fill("guessed")
    counted.get_by_label("Reason").fill("to see it refused")
    counted.select_option("#experiments-version-select", "2")
    last = "none yet"
    for button in form.locator("button").all():
        button.click()
        expect(message).not_to_have_id(last)
        expect(message).to_contain_text("not the admin token")
        last = str(message.get_attribute("id"))
    form.locator("summary").click()
    expect(counted.get_by_label("Admin token")).to_be_hidden()


def tab_reaches_all(counted: Page) -> None:
    """Press Tab until each control had the focus, in order and for all to see."""
    pause = counted.locator("#shell-pause-button")
    pause.click()  # what is drawn anew would lose the focus
    count = counted.evaluate(f"() => (window.reachable = ({REACHABLE})()).length")
    counted.evaluate("window.reachable[0].focus()")
    reached = 0
    while reached < count - 1:
        counted.keyboard.press("Tab")
        before, (reached, seen, name) = reached, counted.evaluate(FOCUSED)
        # A date has several stops of its own; what is seen of them is drawn within it.
        assert reached == before or (reached == before + 1 and seen), name
    pause.click()


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
