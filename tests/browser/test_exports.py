"""What a reader takes away from the dashboard, and how it keeps up by itself."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Download, Page, expect

from .test_dashboard import go

CHART = "performance-time-graph"


def saved(page: Page, tool: str, of: str) -> Download:
    with page.expect_download() as download:
        page.locator(f"button[data-tool={tool}][data-of={of}]").click()
    return download.value


def lines(download: Download) -> list[str]:
    return Path(download.path()).read_text("utf-8-sig").splitlines()


def test_a_chart_has_its_numbers_as_a_table_and_as_csv(page: Page) -> None:
    go(page, "/dashboard/performance")
    button = page.locator(f"button[data-tool=table][data-of={CHART}]")
    button.click()
    table = page.locator(f"#{CHART}-table table")
    expect(table.locator("th").first).to_have_text("Day")
    expect(button).to_have_attribute("aria-expanded", "true")
    found = lines(saved(page, "csv", CHART))
    assert found[0].startswith("Day,")
    assert len(found) - 1 == table.locator("tbody tr").count() > 3


def test_a_table_is_as_the_reader_writes_and_its_csv_for_machines(page: Page) -> None:
    go(page, "/dashboard/performance?lang=fr&window=24h")
    page.locator(f"button[data-tool=table][data-of={CHART}]").click()
    cells = page.locator(f"#{CHART}-table tbody tr").first.locator("td")
    expect(cells.first).to_have_text("31 déc. 2012, 00:00")
    expect(cells.filter(has_text=re.compile(r"^\d+,\d+$")).first).to_be_visible()
    found = lines(saved(page, "csv", CHART))
    assert found[0].startswith("Heure,")
    assert found[1].startswith("2012-12-31T00:00:00,")
    assert re.search(r",\d+\.\d+", found[1])


def test_a_chart_is_saved_as_a_picture_without_another_server(page: Page) -> None:
    go(page, "/dashboard/performance")
    assert Path(saved(page, "png", CHART).path()).read_bytes().startswith(b"\x89PNG")
    assert "<svg" in Path(saved(page, "svg", CHART).path()).read_text()


def test_a_saved_picture_says_what_it_shows(page: Page) -> None:
    go(page, "/dashboard/performance")
    download = saved(page, "svg", "performance-hour-graph")
    assert download.suggested_filename == "vlib-error-by-hour-and-weekday-2012-12-31.svg"
    svg = Path(download.path()).read_text()
    assert "Error by hour and weekday" in svg
    assert page.locator("#performance-hour-graph-note").inner_text() in svg
    expect(page.locator("#performance-hour-graph .gtitle")).to_have_count(0)


def test_a_table_is_saved_as_csv(page: Page) -> None:
    go(page, "/dashboard/experiments")
    button = page.locator("button[data-tool=rows]").first
    found = lines(saved(page, "rows", button.get_attribute("data-of") or ""))
    assert found[0].count(",") > 3
    assert len(found) > 1


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_tables_csv_is_data_in_each_language(page: Page, language: str) -> None:
    go(page, f"/dashboard/performance?window=all&lang={language}")
    block = page.locator("#performance-worst-section .table-block")
    name = block.locator("button[data-tool=rows]").get_attribute("data-of") or ""
    row = lines(saved(page, "rows", name))[1].split(",")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:00", row[0])
    assert all(re.fullmatch(r"-?\d+", number) for number in row[1:4])
    assert re.fullmatch(r"-?\d+\.\d", row[6])


def test_a_sorted_tables_csv_has_no_arrow(page: Page) -> None:
    go(page, "/dashboard/experiments?sort=rank")
    button = page.locator("#experiments-candidates-section button[data-tool=rows]")
    found = lines(saved(page, "rows", button.get_attribute("data-of") or ""))
    assert found[0] == "Rank,Mean error,Fit time,Trees"
    assert found[1] == "1,20.00,0.2,2"


def test_a_wide_table_scrolls_within_an_edge_and_breaks_no_word(phone: Page) -> None:
    go(phone, "/dashboard/experiments")
    place = phone.locator("#experiments-candidates-section .table-wrap")
    head = place.locator("th").first
    expect(head).to_have_css("overflow-wrap", "normal")
    expect(head).to_have_css("hyphens", "manual")
    expect(place).to_have_css("background-image", re.compile("gradient"))


def test_the_page_can_be_paused_and_says_how_old_it_is(page: Page) -> None:
    go(page, "/dashboard/")
    expect(page.locator("#shell-age")).to_contain_text("Data as of")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#shell-age")).to_contain_text("Paused.")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#shell-age")).not_to_contain_text("Paused.")
