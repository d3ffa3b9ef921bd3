"""Settings that can't be worked with are named at once."""

from pathlib import Path

import pytest

from tests.conftest import make_app
from webapp import config
from webapp.config import InvalidSetting


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VLIB_ACCESS", "closed"),
        ("VLIB_RETRAIN_CRON", "every monday"),
        ("VLIB_TIMEZONE", "Mars/Olympus"),
        ("VLIB_HOLIDAYS", "ATLANTIS"),
        ("VLIB_TRUSTED_PROXIES", "some"),
        ("VLIB_TRUSTED_PROXIES", -1),
        ("VLIB_MAX_PREDICTIONS", -1),
        ("VLIB_TRAINING_CLUSTER", "scheduler:8786"),
        ("VLIB_TRAINING_CLUSTER", "tcp://scheduler"),
        ("VLIB_TRAINING_JOBS", -1),
        ("VLIB_JOURNAL_MB", 0),
        ("VLIB_DATABASE_URI", "vlib"),
        ("VLIB_DATABASE_URI", "cobol://host/vlib"),
    ],
)
def test_a_bad_setting_is_named_with_its_value(tmp_path: Path, name: str, value: object) -> None:
    with pytest.raises(InvalidSetting, match=f"{name} is {value!r}"):
        make_app(tmp_path, **{name: value})


def test_a_bad_address_shows_no_password(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match=r"is 'cobol://me:\*\*\*@host/vlib': expected"):
        make_app(tmp_path, VLIB_DATABASE_URI="cobol://me:hush@host/vlib")


def test_what_looks_like_a_setting_and_is_none_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLIB_CITI", "Paris")
    monkeypatch.setenv("VLIB_CITY", "Paris")
    assert "VLIB_CITI" in config.unknown()
    assert not {"VLIB_CITY", "VLIB_INSTANCE_PATH", "VLIB_TEST_BROWSER"} & {*config.unknown()}


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.py").write_text("VLIB_TIMEZONE = 'Europe/Paris'\nVLIB_HOLIDAYS = 'FR'\n")
    monkeypatch.setenv("VLIB_HOLIDAYS", "GB-SCT")
    found = make_app(tmp_path).config
    assert (found["VLIB_TIMEZONE"], found["VLIB_HOLIDAYS"]) == ("Europe/Paris", "GB-SCT")
