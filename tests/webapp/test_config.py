"""Settings that can't be worked with are named at once."""

from pathlib import Path

import pytest

from tests.conftest import make_app
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
    ],
)
def test_a_bad_setting_is_named_with_its_value(tmp_path: Path, name: str, value: object) -> None:
    with pytest.raises(InvalidSetting, match=f"{name} is {value!r}"):
        make_app(tmp_path, **{name: value})


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.py").write_text("VLIB_TIMEZONE = 'Europe/Paris'\nVLIB_HOLIDAYS = 'FR'\n")
    monkeypatch.setenv("VLIB_HOLIDAYS", "GB-SCT")
    config = make_app(tmp_path).config
    assert (config["VLIB_TIMEZONE"], config["VLIB_HOLIDAYS"]) == ("Europe/Paris", "GB-SCT")
