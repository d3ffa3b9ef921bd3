"""Neustadt's hours, written in formats that operators and portals use, come out the same."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.made_up import ZONE, city, comma, seoul, words
from training.importing import converting, proposing, reading
from training.importing.mapping import Mapping

Write = Callable[[pd.DataFrame, Path], Path]


def take(path: Path, zone: str = ZONE, **given: object) -> converting.Converted:
    """Read, propose and convert; nothing may be left open."""
    said = Mapping(**given).check()
    table = reading.read(path, said)
    proposal = proposing.propose(table, said)
    assert proposal.questions == []
    return converting.convert(table, proposal.mapping, zone)


def german(frame: pd.DataFrame, path: Path) -> Path:
    """Semicolons, decimal commas, Windows' letters, thousands with a point."""
    columns = {
        "Datum": frame["datetime"].dt.strftime("%d.%m.%Y"),
        "Uhrzeit": frame["datetime"].dt.strftime("%H:%M"),
        "Ausleihen": (frame["rentals"] * 40).map(lambda n: f"{n:,}".replace(",", ".")),
        "Temperatur in °C": comma(frame["temperature"]),
        "Luftfeuchtigkeit [%]": frame["humidity"].astype(int),
        "Windgeschwindigkeit (km/h)": comma(frame["windspeed"]),
        "Wetter": words(frame, "sonnig", "stark bewölkt", "leichter Regen", "Gewitter"),
    }
    pd.DataFrame(columns).to_csv(path, index=False, sep=";", encoding="cp1252")
    return path


def french(frame: pd.DataFrame, path: Path) -> Path:
    """A line above the header, hours like 08h00, m/s with commas, tabs, UTF-16."""
    columns = {
        "Date et heure": frame["datetime"].dt.strftime("%d/%m/%Y %Hh%M"),
        "Nombre de vélos loués": frame["rentals"],
        "Température (°C)": comma(frame["temperature"]),
        "Humidité (%)": frame["humidity"].astype(int),
        "Vitesse du vent (m/s)": comma(frame["windspeed"] / 3.6),
        "Météo": words(frame, "Ensoleillé", "Couvert", "Pluie faible", "Orage"),
        "Jour férié": "non",
    }
    table = pd.DataFrame(columns).to_csv(index=False, sep="\t")
    path.write_text(f"Vélos en libre-service, Neustadt\n\n{table}", "utf-16")
    return path


def uci(frame: pd.DataFrame, path: Path) -> Path:
    """Normalised values, codes, both kinds of users and no word of the total."""
    columns = {
        "instant": np.arange(len(frame)),
        "dteday": frame["datetime"].dt.strftime("%Y-%m-%d"),
        "season": 1,
        "yr": 0,
        "mnth": frame["datetime"].dt.month,
        "hr": frame["datetime"].dt.hour,
        "holiday": 0,
        "weathersit": words(frame, "1", "2", "3", "4"),
        "temp": ((frame["temperature"] + 8) / 47).clip(0, 1).round(4),
        "hum": frame["humidity"] / 100,
        "windspeed": (frame["windspeed"] / 67).clip(0, 1).round(4),
        "casual": frame["rentals"] // 4,
        "registered": frame["rentals"] - frame["rentals"] // 4,
    }
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def london(frame: pd.DataFrame, path: Path) -> Path:
    """Codes of freemeteo as floats, °C twice."""
    columns = {
        "timestamp": frame["datetime"].astype(str),
        "cnt": frame["rentals"],
        "t1": frame["temperature"],
        "t2": frame["temperature"] - 1,
        "hum": frame["humidity"],
        "wind_speed": frame["windspeed"],
        "weather_code": words(frame, "1.0", "3.0", "7.0", "10.0"),
        "is_holiday": 0.0,
        "is_weekend": 0.0,
        "season": 3.0,
    }
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def american(frame: pd.DataFrame, path: Path) -> Path:
    """°F, mph, UTC with a Z, WMO codes, a byte-order mark."""
    utc = frame["datetime"].dt.tz_localize(ZONE, ambiguous=np.ones(len(frame), bool))
    columns = {
        "time": utc.dt.tz_convert("UTC").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Trips": frame["rentals"],
        "temperature_2m (°F)": (frame["temperature"] * 1.8 + 32).round(2),
        "relative_humidity_2m (%)": frame["humidity"],
        "wind_speed_10m (mp/h)": (frame["windspeed"] / 1.609344).round(3),
        "weather_code (wmo code)": words(frame, "0", "3", "61", "95"),
    }
    pd.DataFrame(columns).to_csv(path, index=False, encoding="utf-8-sig")
    return path


def korean(frame: pd.DataFrame, path: Path) -> Path:
    """Korean names in their own encoding."""
    columns = {
        "일시": frame["datetime"].dt.strftime("%Y-%m-%d %H:%M"),
        "대여건수": frame["rentals"],
        "기온(°C)": frame["temperature"],
        "습도(%)": frame["humidity"],
        "풍속(m/s)": (frame["windspeed"] / 3.6).round(2),
        "강수량(mm)": frame["rain"],
    }
    pd.DataFrame(columns).to_csv(path, index=False, encoding="cp949")
    return path


def excel(frame: pd.DataFrame, path: Path) -> Path:
    """A workbook with a title, real dates, hours from 1 to 24 and kelvins."""
    columns = {
        "Fecha": frame["datetime"].dt.normalize(),
        "Hora": frame["datetime"].dt.hour + 1,
        "Viajes": frame["rentals"],
        "Temperatura": frame["temperature"] + 273.15,
        "Humedad relativa": frame["humidity"] / 100,
        "Viento km/h": frame["windspeed"],
        "Estado del cielo": words(frame, "Despejado", "Nuboso", "Lluvia", "Tormenta"),
    }
    pd.DataFrame(columns).to_excel(path, index=False, startrow=2)
    return path


def parquet(frame: pd.DataFrame, path: Path) -> Path:
    """Times with an offset as the index."""
    names = {"rentals": "departures", "temperature": "air_temp_c", "windspeed": "wind_kmh"}
    table = frame.rename(columns=names).drop(columns="snow")
    at = table.pop("datetime").dt.tz_localize(ZONE, ambiguous=np.ones(len(frame), bool))
    table.set_index(pd.Index(at.dt.tz_convert("UTC"), name="hour_start")).to_parquet(path)
    return path


def epoch(frame: pd.DataFrame, path: Path) -> Path:
    """Seconds since 1970 and pipes."""
    at = frame["datetime"].dt.tz_localize(ZONE, ambiguous=np.ones(len(frame), bool))
    table = frame.assign(datetime=at.dt.tz_convert("UTC").astype("int64")).rename(
        columns={"datetime": "dt", "windspeed": "wind_speed_kmh"}
    )
    table.to_csv(path, index=False, sep="|")
    return path


def chicago(frame: pd.DataFrame, path: Path) -> Path:
    """Hours like 1 PM, °F, a wind without a unit, weather in a column called Wx, a total below."""
    when = frame["datetime"].dt
    columns = {
        "Hour": when.strftime("%m/%d/%Y %I %p"),
        "Total Trips": (frame["rentals"] * 40).map("{:,}".format),
        "Avg Temp (F)": (frame["temperature"] * 1.8 + 32).round(2),
        "Humidity": frame["humidity"] / 100,
        "Wind": (frame["windspeed"] / 1.609344).round(3),
        "Wx": words(frame, "Fair", "Fog", "Showers", "T-Storm"),
    }
    table = pd.DataFrame(columns).to_csv(index=False)
    path.write_text(f'{table}Total,"1,234,567",,,,\nSource: City of Neustadt,,,,,\n')
    return path


def tokyo(frame: pd.DataFrame, path: Path) -> Path:
    """Japanese names and words in their own encoding."""
    columns = {
        "日時": frame["datetime"].dt.strftime("%Y/%m/%d %H:%M"),
        "利用回数": frame["rentals"],
        "気温(℃)": frame["temperature"],
        "湿度(%)": frame["humidity"],
        "風速(m/s)": (frame["windspeed"] / 3.6).round(2),
        "天気": words(frame, "晴れ", "曇り", "雨", "大雨"),
    }
    pd.DataFrame(columns).to_csv(path, index=False, encoding="cp932")
    return path


def open_meteo(frame: pd.DataFrame, path: Path) -> Path:
    """A table of the place above the hours, as wide as theirs."""
    columns = {
        "time": frame["datetime"].dt.strftime("%Y-%m-%dT%H:%M"),
        "temperature_2m (°C)": frame["temperature"],
        "relative_humidity_2m (%)": frame["humidity"],
        "wind_speed_10m (km/h)": frame["windspeed"],
        "weather_code (wmo code)": words(frame, "0", "3", "61", "95"),
        "pickups": frame["rentals"],
    }
    place = "latitude,longitude,elevation,utc_offset_seconds,timezone,abbreviation"
    table = pd.DataFrame(columns).to_csv(index=False)
    path.write_text(f"{place}\n52.5,13.4,38,3600,Europe/Berlin,CET\n\n{table}", "utf-8")
    return path


def openweather(frame: pd.DataFrame, path: Path) -> Path:
    """Kelvins, holidays named at midnight alone, and an hour again for each weather in it."""
    columns = {
        "date_time": frame["datetime"].astype(str),
        "holiday": np.where(frame["datetime"] == "2023-04-10", "Easter Monday", "None"),
        "temp": frame["temperature"] + 273.15,
        "humidity": frame["humidity"],
        "wind_speed": (frame["windspeed"] / 3.6).round(2),
        "weather_main": words(frame, "Clear", "Mist", "Rain", "Thunderstorm"),
        "hires": frame["rentals"],
    }
    table = pd.DataFrame(columns)
    again = table[table["weather_main"] == "Rain"].assign(weather_main="Mist")
    pd.concat([table, again]).sort_values("date_time").to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Ten weeks of Neustadt, with the night on which clocks go forward."""
    frame = city("2023-02-20", 70 * 24)
    return frame.assign(temperature=frame["temperature"].clip(lower=-8))  # as cold as UCI's goes


@pytest.mark.parametrize(
    ("write", "times"),
    [
        (german, 40),
        (french, 1),
        (uci, 1),
        (london, 1),
        (american, 1),
        (korean, 1),
        (excel, 1),
        (parquet, 1),
        (epoch, 1),
        (chicago, 40),
        (tokyo, 1),
        (open_meteo, 1),
        (openweather, 1),
    ],
)
def test_every_format_gives_the_same_hours(
    frame: pd.DataFrame, tmp_path: Path, write: Write, times: int
) -> None:
    found = take(write(frame, tmp_path / "file")).frame
    assert (found["datetime"].to_numpy() == frame["datetime"].to_numpy()).all()
    assert (found["rentals"] == frame["rentals"] * times).all()
    assert (found["temperature"] - frame["temperature"]).abs().max() < 0.06
    assert (found["windspeed"] - frame["windspeed"]).abs().max() < 0.2
    assert (found["humidity"] - frame["humidity"]).abs().max() < 0.01
    wet = frame["rain"] + (0 if write in (korean, parquet) else frame["snow"]) > 0
    assert (found["weather"].str.endswith("precipitation") == wet).all()


def test_a_day_marked_as_holiday_at_midnight_is_one(frame: pd.DataFrame, tmp_path: Path) -> None:
    found = take(openweather(frame, tmp_path / "file.csv"))
    days = found.frame.loc[found.frame["holiday"].astype(bool), "datetime"]
    assert (len(days), {*days.dt.strftime("%d/%m")}) == (24, {"10/04"})
    assert any("tell an hour again" in note for note in found.notes)


def test_closed_hours_of_the_seoul_format_are_unknown(tmp_path: Path) -> None:
    frame = city("2023-04-01", 30 * 24)
    found = take(seoul(frame, tmp_path / "seoul.csv"))
    assert len(found.frame) == len(frame) - 24
    assert not (found.frame["datetime"].dt.strftime("%d/%m") == "11/04").any()
    assert any("24 closed hours" in note for note in found.notes)


def test_day_and_month_are_told_apart_by_any_value_of_the_file(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    table = frame.rename(columns={"windspeed": "wind km/h"})
    for order in ("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%m/%d/%y %I:%M %p"):
        path = tmp_path / "file.csv"
        table.assign(datetime=frame["datetime"].dt.strftime(order)).to_csv(path, index=False)
        assert (take(path).frame["datetime"].to_numpy() == frame["datetime"].to_numpy()).all()
