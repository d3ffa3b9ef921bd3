"""The dashboard as people use it."""

import re
from functools import partial
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from tests.processes.conftest import wait_for
from webapp.dashboard import PAGES

from .conftest import PATIENCE_MS

ADDRESSES = [page.PATH for page in PAGES]
CHARTS = {
    "/dashboard/": 1,
    "/dashboard/performance": 4,
    "/dashboard/drift": 1,
    "/dashboard/experiments": 1,
    "/dashboard/receipts": 0,
    "/dashboard/what-if": 1,
    "/dashboard/explain": 3,
}
expect.set_options(timeout=PATIENCE_MS)


def go(page: Page, address: str) -> None:
    """Open a page by its URL, and wait until its charts are drawn and nothing waits any more."""
    page.goto(address)
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator(".waiting")).to_have_count(0)
    drawn = page.locator(".chart .plotly .trace, .chart .plotly .hm")
    if CHARTS[address.partition("?")[0]]:
        expect(drawn.first).to_be_attached()


def is_calm(page: Page) -> bool:
    """Say whether no part is dimmed because it is read anew."""
    if page.locator(".part[data-old]").count():
        return False
    dimmed = "part => getComputedStyle(part).opacity !== '1'"
    return not page.evaluate(f"[...document.querySelectorAll('.section')].some({dimmed})")


def barriers(page: Page) -> list[str]:
    """Return what axe-core finds that keeps people from using a page; it runs past the policy."""
    wait_for(partial(is_calm, page), 60)
    # A refresh that begins meanwhile dims what it takes long to read anew.
    page.add_style_tag(content=".section { opacity: 1 !important; }")
    return [
        f"{rule['id']} at {node['target']}: {node['failureSummary']}"
        for rule in Axe().run(page).response["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_login_and_error_have_no_barriers(browser: Browser, app: Flask, scheme: Any) -> None:
    page = browser.new_page(color_scheme=scheme)
    client = app.test_client()
    error = client.get("/nothing").text
    app.config["VLIB_ACCESS"] = "token"
    for html in (error, client.get("/dashboard/").text):
        page.set_content(html)
        assert barriers(page) == []
    page.close()


@pytest.mark.parametrize("address", ADDRESSES)
def test_each_page_opens_by_its_url_and_shows_data(page: Page, address: str) -> None:
    go(page, address)
    expect(page.locator(".nav-items [aria-current=page]")).to_have_count(1)
    expect(page).to_have_title(re.compile(" · Vlib$"))
    expect(page.locator(".chart:visible")).to_have_count(CHARTS[address])
    expect(page.locator(".alert-danger")).to_have_count(0)
    expect(page.locator("main")).to_contain_text(re.compile(r"\d"))
    for chart in page.locator(".js-plotly-plot:visible").all():
        chart.hover()  # labels are drawn, and styled, only now
    assert barriers(page) == []


# Pairs of neighbouring marks of a horizontal axis that a reader could not tell apart.
TOUCHING = """[...document.querySelectorAll(".js-plotly-plot")].flatMap((chart) => {
  const marks = [...chart.querySelectorAll(".xtick text, .xtick2 text")]
    .map((mark) => ({text: mark.textContent, ...mark.getBoundingClientRect().toJSON()}))
    .sort((one, other) => one.left - other.left);
  return marks.slice(1).map((mark, place) => [marks[place], mark])
    .filter(([one, next]) =>
      one.right > next.left && one.bottom > next.top && next.bottom > one.top)
    .map(([one, next]) => `${one.text} | ${next.text}`);
})"""


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_phone_in_the_dark_shows_each_page_whole(phone: Page, address: str) -> None:
    go(phone, address)
    assert phone.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    colour = phone.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", colour)[:3])) < 60
    assert barriers(phone) == []
    assert phone.evaluate(TOUCHING) == []
    phone.set_viewport_size({"width": 1440, "height": 900})
    assert barriers(phone) == []


def test_overview_is_understood_at_a_glance(page: Page) -> None:
    go(page, "/dashboard/")
    expect(page.locator(".verdict")).to_contain_text("Predictions are off by")
    expect(page.locator("main")).to_contain_text("demo data")
    expect(page.locator("main")).to_contain_text("Model 1")


def test_choices_live_in_the_url_and_back_works(page: Page) -> None:
    go(page, "/dashboard/performance")
    told = page.locator(".told")
    page.get_by_text("24 h", exact=True).click()
    expect(page).to_have_url(re.compile("window=24h"))
    expect(told).to_contain_text("24 hours from")
    page.select_option("#performance-horizon-select", "168")
    expect(page).to_have_url(re.compile("horizon=168"))
    expect(told).to_contain_text("a week ahead")
    page.go_back()
    expect(told).to_contain_text("a day ahead")
    expect(page.locator("#performance-horizon-select")).to_have_value("24")


def test_a_link_shows_a_colleague_the_same_picture(page: Page) -> None:
    go(page, "/dashboard/performance?from=2012-12-30&to=2012-12-30&horizon=1&theme=dark")
    expect(page.locator(".told")).to_contain_text("an hour ahead")
    expect(page.locator(".told")).to_contain_text("from Sun 30 Dec 2012, 00:00")
    expect(page.locator("#performance-from-input")).to_have_value("2012-12-30")
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"


def test_a_chosen_date_replaces_the_preset(page: Page) -> None:
    go(page, "/dashboard/performance")
    page.fill("#performance-from-input", "2012-12-31")
    expect(page).to_have_url(re.compile("from=2012-12-31"))
    expect(page.locator(".told")).to_contain_text("from Mon 31 Dec 2012, 00:00")
    expect(page.locator(".presets input:checked")).to_have_count(0)


def test_a_choice_without_data_says_so(page: Page) -> None:
    page.goto("/dashboard/performance?source=replay")
    expect(page.locator(".empty")).to_contain_text("No prediction of this choice")
    expect(page.locator(".chart:visible")).to_have_count(0)


def test_the_language_is_switched_and_kept(page: Page) -> None:
    go(page, "/dashboard/performance?window=7d")
    page.select_option("#shell-language-select", "fr")
    expect(page).to_have_url(re.compile(r"window=7d.*lang=fr"))
    expect(page.locator("h1")).to_have_text("Quelle erreur, quand, et par quel temps\u202f?")
    expect(page.locator(".tile-value").first).to_have_text(re.compile(r"^\d+,\d$"))
    expect(page.locator("#performance-time-graph .xtick").first).to_contain_text("déc.")
    assert page.evaluate("document.documentElement.lang") == "fr"
    page.get_by_role("link", name="Expériences").click()
    expect(page.locator("h1")).to_have_text("Ce qui a été entraîné, et ce qui est en service")
    expect(page).to_have_url(re.compile(r"/experiments\?lang=fr$"))
    page.go_back()
    page.go_back()
    expect(page.locator("h1")).to_have_text("How wrong, when, and in which weather?")


def test_charts_stay_in_place_when_the_theme_changes(page: Page) -> None:
    go(page, "/dashboard/performance")
    graph = page.locator("#performance-time-graph")
    graph.evaluate("element => { element.kept = true; }")
    light = page.locator("#performance-time-graph .legendtext").first
    before = light.evaluate("element => getComputedStyle(element).fill")
    page.select_option("#shell-theme-select", "dark")
    expect(page).to_have_url(re.compile("theme=dark"))
    expect(light).not_to_have_css("fill", before)
    assert graph.evaluate("element => element.kept")
    page.get_by_role("link", name="Overview").click()
    expect(page).to_have_url(re.compile(r"/dashboard/\?theme=dark$"))


def test_drift_follows_its_controls_and_the_url(page: Page) -> None:
    go(page, "/dashboard/drift?window=7d&to=2012-12-20")
    expect(page.locator(".empty").first).to_contain_text("no earlier year")
    note = page.locator("#drift-season-graph-note")
    expect(note).to_contain_text("Temperature")
    page.select_option("#drift-input-select", "humidity")
    expect(page).to_have_url(re.compile("input=humidity"))
    expect(note).to_contain_text("Humidity")
    page.get_by_text("90 d", exact=True).click()
    expect(page).to_have_url(re.compile("window=90d"))
    expect(page.locator(".tile-detail").first).to_contain_text("of 2,160")
    page.go_back()
    expect(page.locator(".tile-detail").first).to_contain_text("of 168")


def test_what_if_answers_and_follows_the_keyboard(page: Page) -> None:
    go(page, "/dashboard/what-if?date=2013-01-02&hour=7&temperature=5")
    expect(page.locator(".answer-number").first).to_have_text(re.compile(r"^\d"))
    expect(page.get_by_role("heading", name="Wed 2 Jan 2013, 07:00")).to_be_visible()
    page.get_by_label("Hour of the day").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("heading", name="Wed 2 Jan 2013, 08:00")).to_be_visible()
    expect(page).to_have_url(re.compile("hour=8"))
    page.select_option("#what-if-weather-select", "heavy_precipitation")
    expect(page).to_have_url(re.compile("weather=heavy_precipitation"))


def test_what_if_decides_by_the_costs_in_the_url(page: Page) -> None:
    go(page, "/dashboard/what-if?hour=8&missing=1&idle=9")
    expect(page.locator("main")).to_contain_text("enough in 10\N{NO-BREAK SPACE}% of such hours")
    page.get_by_label("A missing bike costs").fill("27")
    expect(page).to_have_url(re.compile("missing=27"))
    expect(page.locator("main")).to_contain_text("enough in 75\N{NO-BREAK SPACE}% of such hours")
    page.go_back()
    expect(page.get_by_label("A missing bike costs")).to_have_value("1")


@pytest.mark.parametrize("cost", ["-3", ""])
def test_a_cost_that_is_none_is_told_and_nothing_is_decided(page: Page, cost: str) -> None:
    go(page, "/dashboard/what-if?hour=8")
    expect(page.locator("main")).to_contain_text("enough in 75\N{NO-BREAK SPACE}% of such hours")
    page.get_by_label("A missing bike costs").fill(cost)
    expect(page.locator("#what-if-costs-problem")).to_contain_text("A missing bike costs: give")
    expect(page.locator("main")).not_to_contain_text("of such hours")
    expect(page.get_by_label("A missing bike costs")).to_have_value(cost)
    page.get_by_label("A missing bike costs").fill("1")
    expect(page.locator("main")).to_contain_text("enough in 50\N{NO-BREAK SPACE}% of such hours")
    expect(page.locator("#what-if-costs-problem")).to_be_empty()


def test_explain_follows_the_input_and_the_hour(page: Page) -> None:
    go(page, "/dashboard/explain?date=2012-12-24&hour=16")
    expect(page.locator(".told")).to_contain_text("Mon 24 Dec 2012, 16:00")
    page.get_by_label("Hour", exact=True).focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".told")).to_contain_text("Mon 24 Dec 2012, 17:00")
    expect(page).to_have_url(re.compile("hour=17"))
    page.select_option("#explain-input-select", "weather")
    expect(page).to_have_url(re.compile("input=weather"))
    expect(page.locator("#explain-dependence-graph-summary")).to_contain_text("“Clear”")
    page.go_back()
    expect(page.locator("#explain-dependence-graph-summary")).to_contain_text("23:00")


def test_retraining_is_refused_without_the_token(page: Page) -> None:
    go(page, "/dashboard/experiments")
    for token, told in (("", "token is missing"), ("guessed", "not the admin token")):
        page.get_by_label("Admin token").fill(token)
        page.get_by_role("button", name="Retrain now").click()
        expect(page.locator("#experiments-message")).to_contain_text(told)


def test_pages_follow_links_without_a_new_document(page: Page) -> None:
    go(page, "/dashboard/")
    page.evaluate("window.kept = true")
    for name in ("Performance", "Drift", "Experiments", "What if", "Explain", "Overview"):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page).to_have_title(f"{name} · Vlib")
        expect(page.locator("h1")).to_be_visible()
    assert page.evaluate("window.kept")


def test_a_slice_and_a_metric_are_looked_at_alone(page: Page) -> None:
    go(page, "/dashboard/performance")
    page.select_option("#performance-slice-select", "weather:clear")
    expect(page).to_have_url(re.compile("slice=weather%3Aclear"))
    expect(page.locator(".told")).to_contain_text("Only: Clear.")
    page.select_option("#performance-metric-select", "r2")
    expect(page.locator("#performance-time-graph-note")).to_contain_text("R² by day")
    page.go_back()
    page.go_back()
    expect(page.locator(".told")).not_to_contain_text("Only")


def test_the_worst_hour_leads_to_its_story(page: Page) -> None:
    go(page, "/dashboard/performance?horizon=1&theme=dark")
    page.locator("#performance-worst-section tbody a").first.click()
    expect(page).to_have_url(re.compile(r"/dashboard/explain\?theme=dark&date=.*ahead=1&"))
    expect(page.locator("#explain-ahead-select")).to_have_value("1")
    expect(page.locator("#explain-neighbours-section table")).to_have_count(2)


def test_a_part_that_fails_says_so_and_the_rest_lives_on(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_args: object, **_named: object) -> None:
        raise OSError("disk I/O error")

    monkeypatch.setattr("webapp.queries.scores_by", crash)
    page.goto("/dashboard/performance")
    failed = page.locator("#performance-slices-section .alert-danger")
    expect(failed).to_contain_text("could not be loaded")
    expect(page.locator("#performance-time-graph .trace").first).to_be_attached()
