"""What columns are called: in the data sets and languages that operators publish in."""

import re
import unicodedata

NAMES = {
    "datetime": """datetime date_time date_and_time timestamp time_stamp time start_time starttime
        started_at start start_date start_hour start_datetime hour_start time_utc date_utc
        datetime_utc utc time_local
        local_time datetime_local period ts unixtime unix_time epoch valid_time observation_time dt
        date_hour datehour date_heure horodatage date_et_heure heure_debut zeitstempel datum_uhrzeit
        datum_zeit zeitpunkt datum_und_uhrzeit beginn fecha_hora fecha_y_hora fechahora data_hora
        datahora data_e_hora data_ora dataora datum_tijd tijdstip tidpunkt tidspunkt aika aikaleima
        일시 대여일시 날짜시간 기준일시 data_godzina""",
    "date": """date day dteday dt_day date_local jour datum tag fecha dia data giorno dato pvm
        paiva paivamaara year_month_day 날짜 일자 대여일자 대여일 date_jour""",
    "hour": """hour hr hours hour_of_day h hh hod heure heures stunde uhrzeit hora ora uur uhr timme
        time_of_day
        time tunti tid klokkeslett klokkeslaet godzina zeit tijd 시간 시간대 대여시간 kello""",
    "rentals": """rentals rental cnt count total rented_bike_count bike_count bikes_rented
        rented_bikes rides trips n_trips n_rides num_trips num_rides trip_count ride_count
        total_trips total_rides total_rentals rental_count departures demand hires bike_hires
        number_of_bicycle_hires number_of_hires checkouts usage volume bikes users total_users
        bookings pickups loans withdrawals trips_started
        trajets locations nb_locations nombre_de_locations emprunts nb_emprunts nombre_trajets
        nb_trajets nombre_de_trajets prises departs
        ausleihen ausleihvorgange anzahl_ausleihen anzahl fahrten vermietungen entleihungen mieten
        alquileres viajes prestamos num_viajes total_viajes usos retiros viagens alugueres alugueis
        emprestimos levantamentos noleggi prelievi utilizzi ritten verhuringen uthyrningar utlan
        utleie turer lainat lainaukset matkat wypozyczenia gesamt summe
        대여량 대여건수 이용건수 이용량 대여수 자전거대여량 bicycle_hires journeys total_count""",
    "weather": """weather weather_code weathercode weathersit weather_situation weather_main
        weather_description weather_text weather_condition weather_conditions conditions condition
        wmo_code wmo coco ww icon sky meteo temps_sensible etat_du_ciel wetter wetterlage
        wetterzustand tiempo estado_del_tiempo estado_del_cielo estado_tiempo clima tempo
        estado_do_tempo condizioni weer saa vader vaer 날씨 하늘상태 pogoda summary""",
    "rain": """precipitation precip prcp rain rainfall rain_1h pluie precipitations regen
        niederschlag niederschlagsmenge lluvia precipitacion chuva precipitacao pioggia
        precipitazioni neerslag nederbord nedbor sade sademaara opad 강수량 강우량 rr""",
    "snow": """snow snowfall snow_1h neige chutes_de_neige schnee schneefall neuschnee nieve nevada
        neve sneeuw sno lumi snieg 적설량 적설 신적설""",
    "temperature": """temperature temp tmp t t1 air_temperature air_temp temperature_2m t2m tair
        dry_bulb_temperature mean_temperature avg_temp temp_avg temperature_air outside_temperature
        temperatur lufttemperatur temperatura temperatura_ar
        temp_real temperatuur lampotila ilman_lampotila 기온 온도 tmed""",
    "feels_like": """feels_like feelslike feel_temp atemp t2 apparent_temperature app_temp
        feeling_temperature
        temp_feels_like ressenti temperature_ressentie temp_ressentie gefuhlte_temperatur
        sensacion_termica sensation_thermique sensacao_termica temperatura_percepita
        gevoelstemperatuur tuntuu_kuin kanns_som
        체감온도 real_feel windchill""",
    "humidity": """humidity hum relative_humidity relative_humidity_2m rh rf rel_hum rhum relhum
        humidite
        humidite_relative luftfeuchtigkeit luftfeuchte relative_luftfeuchtigkeit relative_feuchte
        feuchte humedad
        humedad_relativa humidade humidade_relativa umidade umidita umidita_relativa
        luchtvochtigheid vochtigheid luftfuktighet luftfugtighet ilmankosteus kosteus
        suhteellinen_kosteus wilgotnosc 습도""",
    "windspeed": """windspeed wind_speed wind wnd wspd wind_speed_10m windspeed_10m avg_wind_speed
        mean_wind_speed wind_velocity
        vent vitesse_vent vitesse_du_vent force_vent windgeschwindigkeit windstarke viento
        velocidad_viento velocidad_del_viento velocidad_del_viento vento velocidade_vento
        velocidade_do_vento velocita_vento velocita_del_vento windsnelheid vindhastighet vindstyrke
        vindhastighed tuulennopeus tuulen_nopeus tuuli predkosc_wiatru wiatr 풍속 ff""",
    "casual": """casual casuals casual_users casual_rentals casual_trips occasional non_members
        occasionnels occasionnel gelegenheitsnutzer gelegentlich ocasionales ocasional ocasionais
        occasionali customers customer visitors 비회원 satunnaiset""",
    "registered": """registered registered_users registered_rentals members member member_trips
        member_rentals
        subscribers subscriber abonnes abonne registriert registrierte stammkunden abonnenten
        abonados registrados assinantes abbonati 회원 정회원""",
    "holiday": """holiday holidays is_holiday public_holiday bank_holiday jour_ferie ferie est_ferie
        feiertag feiertage ist_feiertag festivo es_festivo dia_festivo feriado festivita festivi
        feestdag
        helgdag helligdag pyhapaiva arkipyha swieto 휴일 공휴일""",
    "open": """open is_open functioning_day functioning operating operating_day in_operation
        in_service service_active ouvert en_service en_fonctionnement geoffnet in_betrieb betrieb
        abierto en_servicio aberto em_servico aperto
        운영일 운영여부 운영 가동여부 kaytossa""",
    "closed": """closed is_closed system_closed out_of_service ferme hors_service geschlossen
        ausser_betrieb
        cerrado fuera_de_servicio fechado encerrado chiuso suljettu""",
    "year": "year annee jahr ano anno vuosi jaar 년 연도",
    "month": "month mois monat mes mese kuukausi maand 월",
    "day": "day day_of_month dom mday jour tag dia giorno paiva 일",
}
"""Exact names by field, without accents, capitals and units."""

ROOTS = {
    "datetime": r"date.?time|timestamp|horodat|zeitstempel|fecha.*hora|data.*hora|일시|日時|"
    r"时间|時間|idopont",
    "date": r"(^| )(date|datum|fecha|jour|dia)( |$)|날짜",
    "hour": r"(^| )(hour|heure|stunde|hora|uur|horaria|horaire)( |$)",
    "rentals": r"rent(al|ed)|trips?( |$)|rides?( |$)|hire[sd]?( |$)|departures|checkouts|pickups|"
    r"bookings|"
    r"(^| )locations?( |$)|velos? loues|emprunt|trajets?( |$)|ausleih|fahrten|vermiet|entleih|"
    r"alquil|viajes|prestam|viagens|alug|emprest|nolegg|prelievi|대여|이용|utlan|uthyr|lainau|"
    r"matkojen|bike count|(^| )cnt( |$)|journeys|deplacements|kolcsonz|vypujc|"
    r"利用回数|貸出|租借|借车|借車",
    "weather": r"weather|wetter|meteo|날씨|wmo|天気|天气|天氣",
    "rain": r"rain|precip|pluie|niederschlag|lluvia|chuva|pioggia|nederbord|nedbor|csapadek|srazk|"
    r"opad|강수|降水|降雨|雨量",
    "snow": r"snow ?fall|neige|neuschnee|schneefall|nieve|적설",
    "temperature": r"(^| )temp( |$)|temperat|기온|lampotila|homersek|teplot|"
    r"気温|温度|溫度|气温|氣溫",
    "feels_like": r"feel|apparent|ressenti|gefuhl|sensacion|sensacao|percepi|체감",
    "humidity": r"(^| )hum( |$)|humid|humed|umid|feuchte|luftfeucht|습도|kosteus|fuktighet|"
    r"fugtighed|paratart|vlhkost|湿度|濕度|wilgotn",
    "windspeed": r"wind ?speed|speed of wind|wind(geschwindigkeit|snelheid)|vit.*vent|"
    r"veloc.*(vient|vent)|풍속|風速|风速|tuulen|szelseb|vetru|(^| )(wind|vent|viento|vento)( |$)",
    "casual": r"casual|occasion|ocasion|gelegenheit",
    "registered": r"registered|registr|abonne|subscribers|members",
    "holiday": r"holiday|feiertag|ferie|festivo|feriado|공휴일",
    "open": r"functioning|운영여부|in (service|operation)",
    "closed": r"(^| )closed( |$)",
}
"""What a longer name has in it."""
_NOT = {
    "rentals": r"duration|distance|(^| )(dist|mean|avg|average|id|station|stations|lat|lon|lng|"
    r"price|revenue|type|casual|registered|members?|subscribers?|customers?|occasion\w*|"
    r"gelegenheit\w*|abonn\w*|time|date|returns?|arrivals?|capacity|year|month|minutes|km|"
    r"zeit|datum|heure|hora|fecha|available|disponib\w*|docks?|capacit\w*|population)( |$)|일시|"
    r"시간|거리|visib|pressure|dew|radiation|solar|sun(shine|ny)|cloud|ceiling|(^| )gust|direction|"
    r"(^| )(uv|aqi|pm ?\d+|no2|o3|ozone|altitude|elevation|press|pres|slp)( |$)|luftdruck|druck|"
    r"sicht|wolken|strahlung|pression|nebulosi|rayonnement|presion|pressao|시정|기압|일사",
    "temperature": r"dew|rosee|taupunkt|rocio|orvalho|rugiada|이슬|feel|apparent|ressenti|gefuhl|"
    r"sensa|percep|min( |$)|max|water|ground|soil|지면|체감|wet|temps|template|(^| )id( |$)",
    "feels_like": r"humidity",
    "humidity": r"specific|absolute|soil|dew",
    "windspeed": r"gust|rafale|boe|rafaga|rajada|direc|(^| )(dir|deg|bearing)( |$)|max|chill",
    "rain": r"prob|chance|type|hours?( |$)|snow",
    "snow": r"depth|prob|hauteur",
    "holiday": r"name|school|vacation|vacances",
    "date": r"update|created",
    "datetime": r"(^| )(end|ended|fin|ende|return|update|created)( |$)",
}
"""What such a name must not have in it."""
WINDS = (
    ("km/h", "the London data set", {"t1", "t2"}),
    ("km/h", "the Kaggle data set", {"workingday", "atemp"}),
    ("m/s", "OpenWeather", {"weather_main"}),
    ("km/h", "Open-Meteo", {"wind_speed_10m"}),
    ("km/h", "Open-Meteo", {"windspeed_10m"}),
    ("km/h", "Meteostat", {"wspd"}),
    ("m/s", "synoptic stations", {"ff"}),
)
"""The unit of wind in well-known data sets and services, whose it is, and their other columns."""
_ENGLISH_WIND = re.compile(r"wind(?!geschw|starke|snelheid)|wspd|wnd")
_TRIP = re.compile(
    r"trip ?duration|(trip|ride|rental|bike|vehicle) ?id|user ?type|member casual|rideable|"
    r"(end|stop|return) ?(time|date|station)|ended at"
)
_EXACT = {field: frozenset(words.split()) for field, words in NAMES.items()}

UNIT_NAMES = {
    "temperature": {
        "F": "f|degf|deg_f|fahrenheit",
        "K": "k|kelvin",
        "C": "c|degc|deg_c|celsius|centigrade|celcius|캜|癈|degre|degres",
    },
    "humidity": {"fraction": "fraction|0_1", "%": "pct|percent|prozent|pourcent|perc"},
    "windspeed": {
        "km/h": "km_?h|kmph|kph|km_hr|km_per_h(our)?",
        "m/s": "m_?s|mps|m_?sec|m_s_1|ms_1|meters?_per_second",
        "mph": "mph|mi_h|mp_h|mi_hr|miles_per_hour",
        "kn": "kn|kt|kts|knots?|knoten|noeuds|nudos|nos",
    },
    "rain": {"in": "in|inch|inches", "cm": "cm", "mm": "mm|mm_h|l_m2|l_m_2"},
    "snow": {"in": "in|inch|inches", "mm": "mm|mm_h|mm_we", "cm": "cm|cm_h"},
}
UNIT_NAMES["feels_like"] = UNIT_NAMES["temperature"]
_ANY_UNIT = "|".join(
    sorted({each for units in UNIT_NAMES.values() for each in units.values()}, key=len)[::-1]
)
_SUFFIX = re.compile(rf"_(?:{_ANY_UNIT}|wmo_code|code_wmo|mm|utc|gmt|local|cest|cet)$")
_OF = re.compile(r"^\s*(?:sum|mean|avg|average|total)\((.*)\)\s*$", re.IGNORECASE)
_LETTERS = str.maketrans({"ø": "o", "æ": "ae", "ł": "l", "đ": "d", "°": " ", "º": " ", "œ": "oe"})


def plain(name: str) -> str:
    """Return a name in small letters, without accents, its words joined by underscores."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip())
    parts = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    bare = "".join(letter for letter in parts if not unicodedata.combining(letter))
    # Put together again: the syllables of Korean were taken apart with the accents.
    return re.sub(r"[\W_]+", "_", unicodedata.normalize("NFKC", bare)).strip("_")


def matches(field: str, name: str) -> int:
    """Return 2 if this is what the field is called, 1 if it is a part of the name, else 0."""
    name = _OF.sub(r"\1", name)
    bare = plain(re.sub(r"[(\[{].*?[)\]}]", " ", name)) or plain(name)
    forms = {bare, plain(name), _SUFFIX.sub("", bare), _SUFFIX.sub("", plain(name))}
    if forms & _EXACT[field]:
        return 2
    words = bare.replace("_", " ")
    root = ROOTS.get(field)
    if root is None or not re.search(root, words):
        return 0
    return 0 if excluded(field, bare) else 1


def place(field: str, name: str) -> int:
    """Return where a name stands among those of a field, the best first."""
    known = NAMES[field].split()
    found = _SUFFIX.sub("", plain(name))
    return known.index(found) if found in known else len(known)


def unit_in(field: str, name: str) -> str | None:
    """Return the unit that a column's name says."""
    if field == "humidity" and "%" in name:
        return "%"
    found = plain(name)
    for unit, words in UNIT_NAMES.get(field, {}).items():
        if re.search(rf"(?:^|_)(?:{words})$", found):
            return unit
    return None


def says_unit(field: str, name: str) -> bool:
    """Say whether a name, whatever it is, shows a unit of the field, and not another's."""
    shown = re.search(r"[(\[{].+[)\]}]|[°%]|(km_?h|mph|m/s)$", name.strip(), re.IGNORECASE)
    return bool(shown and unit_in(field, name) and not excluded(field, name))


def excluded(field: str, name: str) -> bool:
    """Say whether a name has something in it that the field's can't have."""
    return field in _NOT and bool(re.search(_NOT[field], plain(name).replace("_", " ")))


def may_be_mph(name: str) -> bool:
    """Say whether a wind is called as in English, the only language with miles an hour."""
    return bool(_ENGLISH_WIND.search(plain(name)))


def is_trip(name: str) -> bool:
    """Say whether a name is that of something which a single trip has."""
    return bool(_TRIP.search(plain(name).replace("_", " ")))


def is_end(name: str) -> bool:
    """Say whether a name of a time says that it is the end of the hour."""
    return bool(
        re.search(r"(^|_)(ending|(hour|period|interval|time)_end|end_of_hour)(_|$)", plain(name))
    )


def is_utc(name: str) -> bool:
    """Say whether a name of a time says that it is UTC."""
    return bool(re.search(r"(^|_)(utc|gmt|z)$", plain(name)))
