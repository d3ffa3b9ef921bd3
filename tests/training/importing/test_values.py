"""What single values are taken for, and what is refused."""

from pathlib import Path

import pandas as pd
import pytest

from tests.made_up import ZONE, city
from tests.training.importing.test_formats import uci
from training.importing import converting, numbers, proposing, reading, times, weather
from training.importing.mapping import InvalidMapping, Mapping
from training.schema import InvalidHistory

HEADER = "datetime,rentals,temp_c,humidity,wind_kmh"


def table(*rows: str, header: str = HEADER) -> reading.Table:
    """Return the table of rows as text."""
    return reading._read_text("\n".join([header, *rows]).encode(), Mapping())


def hours(found: reading.Table, **options: bool) -> list[tuple[str, float]]:
    """Return the hours of a table with their rentals."""
    proposal = proposing.propose(found, Mapping())
    frame = converting.convert(found, proposal.mapping, ZONE, **options).frame
    return [
        (f"{at:%d %H}", rentals) for at, rentals in zip(frame.datetime, frame.rentals, strict=True)
    ]


def at(*stamps: str, rest: str = "10,50,8") -> reading.Table:
    """Return a table with 1, 2, 3, ... rentals at these times."""
    return table(*(f"{stamp},{count},{rest}" for count, stamp in enumerate(stamps, start=1)))


@pytest.mark.parametrize(
    "stamps",
    [
        ["2023-10-29 01:00", "2023-10-29 02:00", "2023-10-29 02:00", "2023-10-29 03:00"],
        ["2023-10-28T23:00Z", "2023-10-29T00:00Z", "2023-10-29T01:00Z", "2023-10-29T02:00Z"],
        [
            "2023-10-29 01:00+02:00",
            "2023-10-29 02:00+0200",
            "2023-10-29 02:00+01",
            "2023-10-29 03+01",
        ],
    ],
)
def test_the_hour_that_clocks_show_twice_is_added_up(stamps: list[str]) -> None:
    assert hours(at(*stamps)) == [("29 01", 1), ("29 02", 5), ("29 03", 4)]


def test_the_hour_that_clocks_skip_is_left_out() -> None:
    stamps = ["2023-03-26 01:00", "2023-03-26 02:00", "2023-03-26 03:00"]
    assert hours(at(*stamps)) == [("26 01", 1), ("26 03", 3)]


def test_an_hour_twice_on_any_other_day_is_an_error_unless_added_up() -> None:
    found = at("2023-05-01 08:00", "2023-05-01 09:00", "2023-05-01 09:00")
    with pytest.raises(InvalidHistory, match="row 3, column datetime.*--sum"):
        hours(found)
    assert hours(found, add_up=True) == [("01 08", 1), ("01 09", 5)]


def test_quarters_are_added_up_and_an_hour_without_one_is_unknown() -> None:
    stamps = [f"2023-05-01 {h:02}:{m:02}" for h in range(3) for m in (0, 15, 30, 45)]
    assert hours(at(*stamps)) == [("01 00", 10), ("01 01", 26), ("01 02", 42)]
    assert hours(at(*stamps[:5], *stamps[6:])) == [("01 00", 10), ("01 02", 38)]


def test_24_o_clock_is_midnight_and_minutes_are_cut() -> None:
    assert hours(at("2023-05-01 23:59", "2023-05-01 24:00")) == [("01 23", 1), ("02 00", 2)]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([f"2023-05-0{day} 00:00,9,10,50,8" for day in range(1, 8)], "daily totals"),
        ([f"2023-05-01 {h:02}:00,9,10,50,8" for h in range(0, 24, 3)], "every 3 hours"),
    ],
)
def test_what_is_no_table_of_hours_is_refused(rows: list[str], said: str) -> None:
    with pytest.raises(InvalidHistory, match=said):
        hours(table(*rows))


def test_single_trips_are_refused() -> None:
    rows = [f"2023-05-01 08:{minute}:17,2023-05-01 09:00:00" for minute in range(11, 59)]
    with pytest.raises(InvalidHistory, match="single trips"):
        hours(table(*rows, header="started_at,ended_at"))


def test_missing_columns_are_named_with_what_to_do() -> None:
    found = table("2023-05-01 08:00,3", header="datetime,rentals")
    with pytest.raises(
        InvalidHistory, match="temperature, humidity, windspeed .*--map temperature="
    ):
        hours(found)


def test_empty_cells_are_errors_or_hours_left_out() -> None:
    found = table("2023-05-01 08:00,3,10,50,8", "2023-05-01 09:00,,10,50,8")
    with pytest.raises(InvalidHistory, match="row 2, column rentals: '', expected a whole number"):
        hours(found)
    assert hours(found, skip_incomplete=True) == [("01 08", 3)]


@pytest.mark.parametrize("value", ["-1", "2.5", "many", "inf", "1e9", "12 apples"])
def test_what_is_no_count_is_named(value: str) -> None:
    found = table("2023-05-01 08:00,3,10,50,8", f"2023-05-01 09:00,{value},10,50,8", *MORE)
    with pytest.raises(InvalidHistory) as caught:
        hours(found)
    assert [(problem.row, problem.value) for problem in caught.value.problems] == [(1, value)]


MORE = [f"2023-05-01 {hour}:00,7,10,50,8" for hour in range(10, 20)]


@pytest.mark.parametrize(
    ("cell", "decimal", "whole", "value"),
    [
        ("1,234", ".", False, 1234),
        ("1,234", ",", False, 1.234),
        ("1.234", None, True, 1234),
        ("1.234,5", ",", False, 1234.5),
        ("1 234", None, True, 1234),
        ("12,5 °C", ",", False, 12.5),
        ("81%", None, False, 81),
        ("−3.5", ".", False, -3.5),
    ],
)
def test_numbers_as_people_write_them(
    cell: str, decimal: str | None, whole: bool, value: float
) -> None:
    assert numbers.parse(pd.Series([cell], dtype=object), decimal, whole)[0] == value


def test_units_are_guessed_from_values_only_where_these_tell() -> None:
    frame = city("2023-01-01", 8760)
    celsius, wind = frame["temperature"], frame["windspeed"]
    for unit, values in (("C", celsius), ("F", celsius * 1.8 + 32), ("K", celsius + 273)):
        assert numbers.guess_unit("temperature", values, 365)[0] == unit
    assert numbers.guess_unit("windspeed", wind / 3.6, 365)[0] == "m/s"
    assert numbers.guess_unit("windspeed", wind / 1.6, 365)[0] is None
    assert numbers.guess_unit("humidity", frame["humidity"] / 100, 365)[0] == "fraction"
    winter = pd.Series([25.0, 30, 36, 40])
    assert numbers.guess_unit("temperature", winter, 3)[0] is None


def test_a_slip_changes_no_unit_but_is_named(tmp_path: Path) -> None:
    path = uci(city("2023-05-01", 90 * 24), tmp_path / "hour.csv")
    slips = pd.read_csv(path, dtype=str)
    slips.loc[7, ["hum", "temp", "weathersit", "windspeed"]] = ["9.9", "999", "61", "-1"]
    slips.to_csv(path, index=False)
    found = reading.read(path, Mapping())
    proposal = proposing.propose(found, Mapping())
    assert proposal.mapping.units["temperature"] == "uci"
    with pytest.raises(InvalidHistory) as caught:
        converting.convert(found, proposal.mapping, ZONE)
    assert {problem.row for problem in caught.value.problems} == {7}
    assert len(caught.value.problems) == 4


def test_hours_without_a_word_are_clear_only_where_most_are() -> None:
    rows = [f"2023-05-01 {h:02}:00,7,10,50,8,{'Rain' if h < 3 else ''}" for h in range(20)]
    found = table(*rows, header=f"{HEADER},weather")
    frame = converting.convert(found, proposing.propose(found, Mapping()).mapping, ZONE).frame
    assert frame["weather"].value_counts().to_dict() == {"clear": 17, "light_precipitation": 3}
    rows[0] = rows[0].replace("Rain", "")
    found = table(*rows[:3], header=f"{HEADER},weather")
    with pytest.raises(InvalidHistory, match="row 1, column weather"):
        converting.convert(found, proposing.propose(found, Mapping()).mapping, ZONE)


def test_marks_for_what_was_not_measured_are_empty_cells() -> None:
    found = at("2023-05-01 08:00", "2023-05-01 09:00", rest="-9999,50,8")
    with pytest.raises(InvalidHistory, match="row 1, column temp_c: '?-9999"):
        hours(found)
    found = table("2023-05-01 08:00,1,-9999,50,8", "2023-05-01 09:00,999,9,50,8")
    assert hours(found, skip_incomplete=True) == [("01 09", 999)]


def test_a_line_of_units_below_the_header_names_them() -> None:
    rows = ";;°F;%;m/s", "2023-05-01 08:00;7;50;50;10", "2023-05-01 09:00;7;50;50;10"
    found = table(*rows, header="datetime;rentals;temp;humidity;wind")
    mapping = proposing.propose(found, Mapping()).mapping
    assert mapping.units == {"temperature": "F", "humidity": "%", "windspeed": "m/s"}


def test_what_has_no_time_is_left_out_below_the_hours_alone() -> None:
    rows = [f"2023-05-01 {h:02}:00,{h},10,50,8" for h in range(3)]
    assert hours(table(*rows, "Sum,3,,,")) == [("01 00", 0), ("01 01", 1), ("01 02", 2)]
    with pytest.raises(InvalidHistory, match="row 2, column datetime: 'Sum'"):
        hours(table(rows[0], "Sum,0,,,", *rows[1:]))


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("Clear, Few clouds", "clear"),
        ("Partly cloudy", "clear"),
        ("No precipitation", "clear"),
        ("Mist + Cloudy", "mist"),
        ("Heavy fog", "mist"),
        ("Light Rain + Thunderstorm", "light_precipitation"),
        ("thunderstorm with heavy rain", "heavy_precipitation"),
        ("Pluie forte", "heavy_precipitation"),
        ("Schneeregen", "light_precipitation"),
        ("Céu limpo", "clear"),
        ("맑음", "clear"),
        ("pilvistä", "mist"),
        ("plasma", None),
        ("light intensity drizzle", "light_precipitation"),
        ("not clear", "mist"),
        ("Mist + Few clouds", "mist"),
        ("Windy", "clear"),
        ("Ice Crystals", "light_precipitation"),
        ("jasno", "clear"),
        ("zataženo", "mist"),
        ("déšť", "light_precipitation"),
        ("derült", "clear"),
        ("RA", "light_precipitation"),
        ("-RA BR", "light_precipitation"),
        ("FG", "mist"),
        ("FEW020 SCT100", "clear"),
        ("+SN", "heavy_precipitation"),
        ("-TSRA", "light_precipitation"),
    ],
)
def test_weather_in_words(word: str, name: str | None) -> None:
    assert weather.of_text(word) == name


def test_an_unknown_weather_is_an_empty_cell() -> None:
    rows = "2023-05-01 08:00,3,10,50,8,unknown", "2023-05-01 09:00,4,10,50,8,clear"
    assert hours(table(*rows, header=f"{HEADER},weather"), skip_incomplete=True) == [("01 09", 4)]


def test_a_column_of_holidays_with_nothing_in_it_says_nothing() -> None:
    found = table("2023-05-01 08:00,3,10,50,8,", header=f"{HEADER},holiday")
    frame = converting.convert(found, proposing.propose(found, Mapping()).mapping, ZONE).frame
    assert frame["holiday"].isna().all()


def test_open_in_a_column_of_closed_hours_is_open() -> None:
    rows = "2023-05-01 08:00,3,10,50,8,closed", "2023-05-01 09:00,4,10,50,8,open"
    assert hours(table(*rows, header=f"{HEADER},Closed")) == [("01 09", 4)]


def counting(*names: str) -> reading.Table:
    """Return a table whose last columns count something."""
    rows = [f"2023-05-{1 + h // 24:02} {h % 24:02}:00,10,50,8" for h in range(60)]
    counts = [",".join(str((7 * h + place) % 50) for place in range(len(names))) for h in range(60)]
    lines = [f"{row},{count}" for row, count in zip(rows, counts, strict=True)]
    return table(*lines, header=f"datetime,temp_c,humidity,wind_kmh,{','.join(names)}")


@pytest.mark.parametrize(
    "name", ["visibility", "bikes_available", "Solar Radiation", "dew_point", "cloud cover", "pm25"]
)
def test_what_is_measured_is_never_taken_for_rentals(name: str) -> None:
    with pytest.raises(InvalidHistory, match="no column for rentals"):
        proposing.propose(counting(name), Mapping())
    assert (
        proposing.propose(counting(name, "rides"), Mapping()).mapping.columns["rentals"] == "rides"
    )


def test_a_column_that_only_counts_is_asked_for() -> None:
    question = proposing.propose(counting("a", "b", "uv"), Mapping()).questions[0]
    assert (question.option, question.choices) == ("--map rentals=", ("a", "b"))


def test_single_trips_with_an_hour_of_their_own_are_refused() -> None:
    rows = [f"2023,5,1,{h},{600 + 7 * h + n},10,50,8" for h in range(24) for n in range(h % 5)]
    with pytest.raises(InvalidHistory, match="single trips"):
        hours(table(*rows, header="year,month,day,hour,tripduration,temp_c,humidity,wind_kmh"))


def test_a_unit_in_a_name_says_what_is_measured() -> None:
    found = table(
        "2023-05-01 08:00,3,10,50,8,9", header="zeit,fahrten,Luft (°C),rF,W. (km/h),WR (°)"
    )
    columns = proposing.propose(found, Mapping({"humidity": "rF"})).mapping.columns
    assert (columns["temperature"], columns["windspeed"]) == ("Luft (°C)", "W. (km/h)")


def wind_of(scale: float, name: str, **beside: int) -> str | None:
    """Return the unit taken for Neustadt's winds in a column, None if it is asked."""
    frame = city("2023-01-01", 60 * 24).assign(**beside)
    frame[name] = (frame.pop("windspeed") * scale).round(1)
    proposal = proposing.propose(reading.Table(frame), Mapping())
    return None if proposal.questions else proposal.mapping.units["windspeed"]


@pytest.mark.parametrize(
    ("scale", "name", "beside", "unit"),
    [
        (1.5, "wind", {}, "km/h"),
        (1 / 3.6, "wind", {}, "m/s"),
        (1.1, "wind", {}, None),  # or breezes in mph
        (1.1, "vent", {}, "km/h"),
        (0.4, "wind", {}, None),  # or a calm place in km/h
        (0.4, "wind", {"weather_main": 800}, "m/s"),
        (0.8, "wspd", {}, "km/h"),
    ],
)
def test_a_wind_is_asked_where_its_values_fit_several_units(
    scale: float, name: str, beside: dict[str, int], unit: str | None
) -> None:
    assert wind_of(scale, name, **beside) == unit


def test_codes_that_may_be_of_two_kinds_are_asked() -> None:
    rows = [f"2023-05-01 {h:02}:00,7,10,50,8,{1 + h % 3}" for h in range(20)]
    proposal = proposing.propose(table(*rows, header=f"{HEADER},weather_code"), Mapping())
    assert [question.option for question in proposal.questions] == ["--unit weather="]


def test_snow_that_lies_is_no_snowfall() -> None:
    lying = pd.Series([0.0] * 20 + [3.0] * 30 + [2.9] * 30)
    assert weather.lies(lying)
    assert not weather.lies(pd.Series([0.0, 0.4, 0.0, 2.0, 0.3, 0.0] * 10))


@pytest.mark.parametrize(
    "text",
    [
        "2023-05-04 08:00",
        "2023-05-04T08:00:00",
        "4/5/2023 8:00",
        "04.05.23 08:00:00",
        "04/05/2023 08h00",
        "4 May 2023 08:00",
        "Thursday, May 4th, 2023 8:00 am",
        "2023050408",
        "20230504T0800",
        "2023년 5월 4일 08:00",
        "04-05-2023, 8:00 AM",
        "04/05/2023 08:00:00 a. m.",
        "May 04, 2023 8 AM",
        "4 mai 2023 8h",
        "Donnerstag, 4. Mai 2023 08:00 Uhr",
        "4 de mayo de 2023 08:00",
        "4 toukokuuta 2023 8:00",
        "04-May-23 08:00",
        "04MAY2023:08:00:00",
        "2023-05-04 08:00 - 09:00",
        "04/05/2023 8:00 AM to 9:00 AM",
        "2023-05-04T08:00/2023-05-04T09:00",
    ],
)
def test_times_as_people_write_them(text: str) -> None:
    found = times.parse(pd.Series([text], dtype=object), "day", ZONE, ZONE).local
    assert found[0] == pd.Timestamp("2023-05-04T08:00")


@pytest.mark.parametrize(
    "text", ["2023-05-04 08:00 EST", "Mon 04/05/2023 08:00", "2023-13-04 08:00", "2023-05-04 25:00"]
)
def test_times_that_could_be_another_are_none(text: str) -> None:
    assert times.parse(pd.Series([text], dtype=object), "day", ZONE, ZONE).local.isna().all()


@pytest.mark.parametrize(
    ("month", "names"),
    [
        (3, "March mars März marzo março maart maaliskuu marca března"),
        (6, "Juni juin junio giugno junho czerwca června kesäkuu"),
        (7, "July juillet julio luglio julho lipca července heinäkuu"),
        (8, "août August agosto sierpnia srpna elokuu"),
        (11, "November novembre listopada marraskuu"),
        (12, "Dez. déc. dic desember grudnia prosince joulukuu"),
    ],
)
def test_months_by_their_names(month: int, names: str) -> None:
    texts = pd.Series([f"4 {name} 2023 08:00" for name in names.split()], dtype=object)
    found = times.parse(texts, "day", ZONE, ZONE).local
    assert (found == pd.Timestamp(2023, month, 4, 8)).all()


def test_times_from_one_to_another_without_a_space_have_no_offset() -> None:
    assert (
        hours(at(*(f"2023-05-01 {h:02}:00-{h + 1:02}:00" for h in range(8, 14))))[0][0] == "01 08"
    )


def test_days_as_excel_counts_them() -> None:
    days = [f"{45047 + h / 24:.5f}" for h in range(30)]  # from 1 May 2023
    assert [hour for hour, _ in hours(at(*days))][::23] == ["01 00", "01 23"]


@pytest.mark.parametrize("form", ["{:04}", "{}"])
def test_hours_without_a_colon(form: str) -> None:
    rows = [f"2023-05-01,{form.format(100 * h)},{h},10,50,8" for h in range(24)]
    found = hours(table(*rows, header="date,hour,rentals,temp_c,humidity,wind_kmh"))
    assert found == [(f"01 {h:02}", h) for h in range(24)]


@pytest.mark.parametrize("form", ["%y-%m-%d", "%y.%m.%d", "%d.%m.%y", "%m/%d/%y"])
@pytest.mark.parametrize("days", [4, 150])
def test_years_of_two_digits_may_come_first(form: str, days: int) -> None:
    when = pd.date_range("2022-01-28", periods=days * 24, freq="h")
    rows = [f"{stamp.strftime(form)} {stamp:%H:%M},3,10,50,8" for stamp in when]
    found = table(*rows, header=HEADER)
    proposal = proposing.propose(found, Mapping())
    assert proposal.questions == []
    frame = converting.convert(found, proposal.mapping, ZONE).frame
    assert frame["datetime"].iloc[-1] == when[-1]


def test_dates_over_many_years_are_asked() -> None:
    dates = [f"{day:02}/01/{year}" for year in range(2001, 2022) for day in (14, 15)]
    question = proposing.propose(at(*(f"{date} 08:00" for date in dates)), Mapping()).questions[0]
    assert question.option == "--day-first/--month-first/--year-first"
    said = Mapping(day_first=True)
    assert proposing.propose(at(*(f"{date} 08:00" for date in dates)), said).questions == []


def test_hours_named_by_their_end_are_taken_by_their_start() -> None:
    night = ["2023-10-29 02:00", "2023-10-29 02:00", "2023-10-29 03:00", "2023-10-29 04:00"]
    lines = [f"{stamp},{count},10,50,8" for count, stamp in enumerate(night, start=1)]
    found = table(*lines, header=HEADER.replace("datetime", "Hour ending"))
    assert hours(found) == [("29 01", 1), ("29 02", 5), ("29 03", 4)]
    rows = [f"2023-05-02,{h},{h},10,50,8" for h in (0, 1, 2)]
    found = table(*rows, header="date,hour_ending,rentals,temp_c,humidity,wind_kmh")
    assert hours(found) == [("01 23", 0), ("02 00", 1), ("02 01", 2)]


def test_an_hour_that_ends_when_clocks_go_forward_began_before() -> None:
    stamps = pd.Series(pd.to_datetime(["2023-03-26 01:00", "2023-03-26 03:00", "2023-03-26 04:00"]))
    found = times.started(stamps.astype("datetime64[s]"), ZONE)
    assert found.dt.hour.tolist() == [0, 1, 3]


@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_a_mapping_comes_back_from_its_file(tmp_path: Path, suffix: str) -> None:
    mapping = Mapping({"rentals": 'Vélos "loués"'}, {"windspeed": "m/s"}, {"Grêle": "mist"}, True)
    mapping.save(tmp_path / f"m{suffix}")
    assert Mapping.load(tmp_path / f"m{suffix}") == mapping


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[columns]\nbikes = 'x'", "'bikes'"),
        ("[units]\nwindspeed = 'furlong'", "'furlong'"),
        ("[weather]\nfog = 'foggy'", "'foggy'"),
        ("[options]\nday_first = 'yes'", "true or false"),
        ("[colums]\n", "'colums'"),
        ("rentals = ", "m.toml"),
    ],
)
def test_a_wrong_mapping_file_says_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "m.toml").write_text(text)
    with pytest.raises(InvalidMapping, match=said):
        Mapping.load(tmp_path / "m.toml")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"just a line", "one column"),
        (b"a,b\n", "no row below the header"),
        (b"2023-01-01,3\n2023-01-02,4\n", "names of the columns"),
        (b"PK\x03\x04nonsense", "Excel"),
        (b"PAR1nonsense", "Parquet"),
        (b"\xd0\xcf\x11\xe0old", "xlsx"),
        (b"a,b\n1,2,3\n", "row 1 has 3 cells"),
    ],
)
def test_what_is_no_table_says_so(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InvalidHistory, match=said):
        reading.read(path, Mapping())
