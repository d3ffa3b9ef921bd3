"""The query string holds what the reader chose."""

import datetime as dt

import pytest

from webapp.dashboard import urls
from webapp.dashboard.pages import performance


def test_choices_survive_the_way_through_the_url() -> None:
    choices = {"window": "7d", "source": "live & kicking"}
    assert urls.parse(urls.search(choices)) == choices


@pytest.mark.parametrize("search", [None, 7, [], "?" + "a" * 5000, "?&&"])
def test_what_is_no_query_string_chooses_nothing(search: object) -> None:
    assert not any(urls.parse(search).values())


def test_a_link_changes_one_choice_and_keeps_the_others() -> None:
    assert urls.with_choice({"theme": "dark", "run": "1"}, run="2") == "?theme=dark&run=2"
    assert urls.with_choice({"run": "1"}, run="") == "?"


def test_a_page_is_known_with_and_without_a_slash() -> None:
    assert urls.is_page("/dashboard", "/dashboard/")
    assert not urls.is_page("/dashboard/other", "/dashboard/")
    assert not urls.is_page(None, "/dashboard/")


def test_wrong_choices_become_the_defaults() -> None:
    wrong = {"window": "9d", "horizon": "25", "source": "x", "version": "-1", "from": "today"}
    assert performance.clean(wrong, None) == performance.DEFAULTS


def test_dates_win_over_a_preset_until_a_preset_is_chosen() -> None:
    dated = performance.clean({"window": "7d", "from": "2012-12-01"}, "from")
    assert dated["window"] == ""
    assert "from" not in performance.clean(dated | {"window": "7d"}, "window")


def test_other_choices_are_kept() -> None:
    assert performance.clean({"theme": "dark"}, None)["theme"] == "dark"


@pytest.mark.parametrize("text", [None, "", "2012-02-30", "1969-12-31", "2101-01-01"])
def test_what_is_no_day_is_none(text: str | None) -> None:
    assert urls.day(text) is None


def test_a_day_begins_at_midnight() -> None:
    assert urls.day("2012-12-31") == dt.datetime(2012, 12, 31)
