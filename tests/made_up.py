"""Neustadt: a made-up city whose days, weeks and weather are not those of the embedded one."""

from pathlib import Path

import holidays
import numpy as np
import pandas as pd

ZONE = "Europe/Berlin"
DAY = np.array(
    [4, 2, 1, 0, 1, 12, 60, 75, 30, 18, 20, 34, 52, 50, 34, 30, 40, 44, 50, 70, 88, 72, 30, 12]
)
"""Rentals of a working day: people start early, and ride again on warm evenings."""
FREE_DAY = 0.8 * np.roll(DAY, 4)


def city(start: str = "2023-01-01", hours: int = 8760, seed: int = 7) -> pd.DataFrame:
    """Return hours of the local clock, without the one that spring skips (°C, %, km/h, mm, cm)."""
    random = np.random.default_rng(seed)
    stamps = pd.Series(pd.date_range(start, periods=hours, freq="h", unit="s"))
    when = stamps.dt
    season = -np.cos((when.day_of_year - 20) / 365 * 2 * np.pi)
    weather = np.repeat(random.normal(0, 1, hours // 12 + 1), 12)[:hours]
    temperature = 10 + 10 * season + 5 * np.sin((when.hour - 9) / 24 * 2 * np.pi) + 3 * weather
    wet = np.repeat(random.random(hours // 4 + 1), 4)[:hours] < 0.12
    amount = (wet * random.gamma(1.2, 1.5, hours)).round(1)
    german = holidays.country_holidays("DE", years=range(2020, 2026))
    free = when.day_of_week.ge(5) | when.date.isin(list(german))
    usual = np.where(free, FREE_DAY[when.hour], DAY[when.hour])
    wanted = usual * (1 + 0.5 * season) * np.exp(0.1 * weather - 0.9 * (amount > 0))
    frame = pd.DataFrame(
        {
            "datetime": stamps,
            "rentals": random.poisson(wanted * random.gamma(20, 1 / 20, hours)),
            "temperature": temperature.round(1),
            "humidity": np.clip(72 - 10 * season + 20 * wet + 6 * weather, 20, 100).round(),
            "windspeed": random.gamma(3, 3.6, hours).round(1),
            "rain": np.where(temperature > 0, amount, 0.0),
            "snow": np.where(temperature <= 0, amount, 0.0),
        }
    )
    shown = stamps.dt.tz_localize(ZONE, ambiguous=np.ones(hours, bool), nonexistent="NaT").notna()
    return frame[shown].reset_index(drop=True)


def words(frame: pd.DataFrame, clear: str, mist: str, light: str, heavy: str) -> "pd.Series[str]":
    """Return the weather of a city's hours in words or codes of one's own."""
    wet = frame["rain"] + frame["snow"]
    kinds = [wet > 7.6, wet > 0, frame["humidity"] > 80]
    return pd.Series(np.select(kinds, [heavy, light, mist], clear), index=frame.index)


def comma(values: "pd.Series[float]") -> "pd.Series[str]":
    """Return numbers with a decimal comma."""
    return values.map(lambda value: f"{value:.1f}".replace(".", ","))


def seoul(frame: pd.DataFrame, path: Path) -> Path:
    """Write it as the Seoul file: Latin-1, day first, m/s, closed hours, amounts of rain."""
    day = frame["datetime"].dt.strftime("%d/%m")
    closed = day == "11/04"
    table = pd.DataFrame(
        {
            "Date": frame["datetime"].dt.strftime("%d/%m/%Y"),
            "Rented Bike Count": frame["rentals"].where(~closed, 0),
            "Hour": frame["datetime"].dt.hour,
            "Temperature(°C)": frame["temperature"],
            "Humidity(%)": frame["humidity"].astype(int),
            "Wind speed (m/s)": (frame["windspeed"] / 3.6).round(1),
            "Visibility (10m)": 2000,
            "Dew point temperature(°C)": frame["temperature"] - 5,
            "Solar Radiation (MJ/m2)": 0.0,
            "Rainfall(mm)": frame["rain"],
            "Snowfall (cm)": frame["snow"],
            "Seasons": "Winter",
            "Holiday": np.where(day == "25/12", "Holiday", "No Holiday"),
            "Functioning Day": np.where(closed, "No", "Yes"),
        }
    )
    table.to_csv(path, index=False, encoding="latin-1")
    return path
