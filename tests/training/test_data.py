import csv
import subprocess
import sys
from pathlib import Path

import pandas as pd

from training.schema import WEATHER, gaps
from training.sources import EMBEDDED

SCRIPT = EMBEDDED.with_name("make_history.py")


def write_hour_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write the original's columns and normalised values, as far as the script reads them."""
    hour = pd.DataFrame(
        {
            "dteday": frame["datetime"].dt.strftime("%Y-%m-%d"),
            "hr": frame["datetime"].dt.hour,
            "holiday": frame["holiday"].astype(int),
            "weathersit": frame["weather"].map(WEATHER.index) + 1,
            "temp": ((frame["temperature"] + 8) / 47).round(2),
            "atemp": ((frame["feels_like"] + 16) / 66).round(4),
            "hum": (frame["humidity"] / 100).round(2),
            "windspeed": (frame["windspeed"] / 67).round(4),
            "casual": frame["casual"].astype(int),
            "registered": frame["registered"].astype(int),
            "cnt": frame["rentals"].astype(int),
        }
    )
    hour.to_csv(path, index=False)


def test_embedded_history_has_every_hour_and_rental(frame: pd.DataFrame) -> None:
    assert len(frame) == 17_379
    assert frame[["rentals", "casual", "registered"]].sum().tolist() == [
        3_292_679,
        620_017,
        2_672_662,
    ]
    assert frame["weather"].value_counts()[list(WEATHER)].tolist() == [11_413, 4_544, 1_419, 3]


def test_embedded_history_lacks_165_hours(frame: pd.DataFrame) -> None:
    assert gaps(frame)["hours"].sum() == 165


def test_embedded_values_carry_no_float_noise() -> None:
    with EMBEDDED.open() as file:
        row = next(row for row in csv.DictReader(file) if row["datetime"] == "2012-11-05T06:00:00")
    assert list(row.values())[2:6] == ["6.1", "3.0014", "49", "19.0012"]


def test_original_gives_the_same_bytes_as_the_wheel(tmp_path: Path, frame: pd.DataFrame) -> None:
    write_hour_csv(tmp_path / "hour.csv", frame.sample(frac=1, random_state=0))
    made = tmp_path / "made.csv"
    arguments = [sys.executable, SCRIPT, tmp_path / "hour.csv", "--output", made]
    subprocess.run(arguments, check=True)
    assert made.read_bytes() == EMBEDDED.read_bytes()


def test_wheels_blank_weather_hours_and_noise_are_read(tmp_path: Path) -> None:
    sys.path.insert(0, str(SCRIPT.parent))
    try:
        import make_history
    finally:
        sys.path.pop(0)
    table = (
        "dteday,season,hr,holiday,weekday,workingday,weathersit,temp,atemp,hum,windspeed,"
        "casual,registered,cnt\n"
        "2012-11-05,winter,12am,No,,Yes,,6.1,3.0014000000000003,57.99999999999999,0.0,4,135,139\n"
    )
    assert list(make_history.from_wheel(table)) == [
        ["2012-11-05T00:00:00", "clear", "6.1", "3.0014", "58", "0", "139", "4", "135", "false"]
    ]
