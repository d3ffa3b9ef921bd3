"""Weather as text, as a code, or as amounts of rain and snow, as one of the four names.

The four are the UCI data set's: clear (few clouds included), mist (and overcast), light and heavy
precipitation.
"""

import re
from collections.abc import Container
from typing import Any

import numpy as np
import pandas as pd

from training.history import WEATHER
from training.importing.names import plain
from training.importing.numbers import finite

CLEAR, MIST, LIGHT, HEAVY = WEATHER
HEAVY_RAIN, HEAVY_SNOW = 7.6, 2.5
"""mm and cm in an hour; the first is the American Meteorological Society's."""


def _codes(**groups: str) -> dict[int, str]:
    names = {"clear": CLEAR, "mist": MIST, "light": LIGHT, "heavy": HEAVY}
    found: dict[int, str] = {}
    for group, spans in groups.items():
        for span in spans.split():
            first, _, last = span.partition("-")
            found |= dict.fromkeys(range(int(first), int(last or first) + 1), names[group])
    return found


CODES = {
    "uci": _codes(clear="1", mist="2", light="3", heavy="4"),
    # WMO code table 4677, as Open-Meteo and synoptic stations use it.
    "wmo": _codes(
        clear="0-2 13 17 18",
        mist="3-12 14-16 19 28 30-49",
        light="20-27 50-63 66 68 70-73 76-80 81 83 85 87 89 91 93",
        heavy="29 64 65 67 69 74 75 82 84 86 88 90 92 94-99",
    ),
    # The data set "London bike sharing", codes of freemeteo.
    "london": _codes(clear="1 2", mist="3 4 94", light="7 26", heavy="10"),
    "openweather": _codes(
        clear="800-802",
        mist="700-799 803 804",
        light="200 210 230 300-321 500 501 511 520 521 600 601 611-621",
        heavy="201 202 211-221 231 232 502-504 522 531 602 622",
    ),
    "meteostat": _codes(
        clear="1 2",
        mist="3-6 23",
        light="7 8 10 12 14 15 17 19 21",
        heavy="9 11 13 16 18 20 22 24-27",
    ),
}
_PRECIPITATION = re.compile(
    r"rain|drizzl|shower|snow|sleet|precip|flurr|wintry|ice crystal|diamond dust|pluie|pluvi|"
    r"averse|bruine|neige|verglas|"
    r"regen|niesel|schauer|schnee|graupel|lluvi|llov|chubasco|llovizna|nieve|nevad|chuv|aguaceiro|"
    r"chuvisco|neve|pioggia|piovos|rovesc|neerslag|motregen|sneeuw|buien|(^|\W)sno|regn|skur|"
    r"sade|vesi|tihku|lumi|raent|deszcz|snieg|(^| )(dest|snih|eso|zapor|havas|havaz|hoeses)|snez|"
    r"sneh|prehank|mrhol|szital|(^|\W)비|소나기|눈|진눈깨비|雨|雪"
)
_STORM = re.compile(
    r"thunder|storm|hail|ice pellets|squall|tornado|blizzard|orage|grele|tempete|gewitter|hagel|"
    r"sturm|torment|granizo|tempesta|temporale|grandine|trovoad|onweer|aska|ukkonen|burza|bourk|"
    r"zivatar|krupobit|뇌우|폭우|雷|暴雨|大雨|大雪"
)
_STRONG = re.compile(
    r"heav|strong|violent|intens(?!ity)|extreme|torrent|fort|stark|fuerte|muy|pesad|kraftig|zwaar|"
    r"zware|voimak|rankka|siln|eros|강한"
)
_WEAK = re.compile(
    r"light|slight|weak|faible|leicht|leger|debil|ligera|fraca|fraco|debole|slab|gyenge|약한"
)
_WITHOUT = re.compile(
    r"(^| )(no|not|without|keine?|ohne|sans|sin|sem|senza|ingen|geen|ei) "
    r"(significant |cloud|rain|precip|pluie|niederschlag|regen|lluvia|chuva|nube|pioggia|nedbor|"
    r"neerslag|sadetta)"
)
_FOG = re.compile(
    r"mist|fog|haze|hazy|smoke|dust|(^| )(sand|ash)|brum|brouillard|nebel|neblig|dunst|diesig|"
    r"niebla|neblina|bruma|nevoeiro|calima|nebbia|foschia|dimma|taake|sumu|mglis|(^| )mgl|mlha|"
    r"mlzn|(^| )kod(os)?( |$)|paras|안개|박무|연무|雾|霧|"
    r"(not|nicht|pas) (clear|sunny|klar|clair)|unclear"
)
_SOME_CLOUDS = re.compile(
    r"few|part(ly|ial|iell|ially)|scattered|mostly (clear|sunny)|mainly clear|peu nuageux|"
    r"eclaircies|leicht bewolkt|gering bewolkt|heiter|poco nub|poco nuv|parcialmente|intervalos|"
    r"parzial|poche nu|puolipilv|halfbewolkt|licht bewolkt|polojas|skoro jas|구름조금"
)
_CLOUDY = re.compile(
    r"cloud|overcast|gloom|dull|grey|gray|nuage|couvert|voile|bewolk|wolkig|bedeckt|trub|"
    r"nub(e|l|os)|cubierto|encoberto|nuvol|coperto|skyet|mulet|overskyet|molnig|pilv|pochmurn|"
    r"oblac|zatazen|zachmurz|felhos|borult|흐림|구름|曇|阴|陰|多云|多雲"
)
_CLEAR = re.compile(
    r"clear|sun|fair|fine|bright|dry|^none$|cloudless|beau|clair|ensoleil|degage|sonn|klar|"
    r"wolkenlos|despejad|solead|sol$|^sol|clar|limpo|ceu|seren|soleggiat|zonn|helder|onbewolkt|"
    r"selke|aurink|poutaa|slonec|bezchmur|jasn|slunec|derult|napos|맑음|晴|快晴|trocken|seco|sec$|"
    r"wind|breez|humid|^(hot|cold|warm)$"  # nothing falls, and nothing hides the sky
)
_METAR = re.compile(
    r"[+-]?(?:VC|MI|PR|BC|DR|BL|SH|TS|FZ|DZ|RA|SN|SG|IC|PL|GR|GS|UP|BR|FG|FU|VA|DU|SA|HZ|PO|SQ|FC|"
    r"SS|DS)+|CLR|SKC|NSC|NCD|CAVOK|(?:FEW|SCT|BKN|OVC)(?:\d{3})?(?:CB|TCU)?"
)
_GROUPS = (
    (HEAVY, re.compile(r"^\+|TS|GR|SQ|FC")),
    (LIGHT, re.compile(r"^-|SH|DZ|RA|SN|SG|IC|PL|GS|UP")),
    (MIST, re.compile(r"BR|FG|FU|VA|DU|SA|HZ|PO|SS|DS|BKN|OVC")),
)
"""What a group of an aviation weather report (METAR) says, the most severe first."""


def of_text(word: str) -> str | None:
    """Return the weather that a text in one of the usual languages says; None if it is unknown."""
    said = plain(word).replace("_", " ")
    if said in WEATHER_WORDS:
        return WEATHER_WORDS[said]
    groups = word.split()
    if groups and all(_METAR.fullmatch(group) for group in groups):
        return _of_metar(groups)
    if _WITHOUT.search(said):
        return CLEAR
    if _STORM.search(said):
        return LIGHT if _WEAK.search(said) else HEAVY
    if _PRECIPITATION.search(said):
        return HEAVY if _STRONG.search(said) else LIGHT
    if _FOG.search(said):
        return MIST
    if _SOME_CLOUDS.search(said):
        return CLEAR
    if _CLOUDY.search(said):
        return MIST
    return CLEAR if _CLEAR.search(said) else None


def _of_metar(groups: list[str]) -> str:
    for weather, pattern in _GROUPS:
        if any(pattern.search(group) for group in groups):
            return LIGHT if weather == HEAVY and groups[0].startswith("-") else weather
    return CLEAR


WEATHER_WORDS = {plain(name).replace("_", " "): name for name in WEATHER}


def kind_of(
    cells: "pd.Series[Any]", name: str, beside: Container[str] = ()
) -> tuple[str | None, str]:
    """Return how a column says the weather, one of `CODES` or text, None if it may be more; why.

    `beside` are the plain names of the other columns.
    """
    numbers = pd.to_numeric(cells.dropna(), errors="coerce")
    if numbers.isna().mean() > 0.5:
        return "text", "words"
    whole = finite(numbers.astype("float64")).dropna()
    # A rare code may be a slip; it must not change what all others mean.
    shares = whole[whole == whole.round()].astype(int).value_counts(normalize=True)
    codes = set(shares[shares > (0.002 if len(whole) >= 500 else 0)].index)
    said = "codes " + ", ".join(map(str, sorted(codes)[:12]))
    called = plain(name)
    known_set = called == "weathersit" or "workingday" in beside
    if known_set and codes <= {1, 2, 3, 4}:
        return "uci", f"{said}, in a table like the UCI data set"
    if "t1" in beside and "t2" in beside and codes <= set(CODES["london"]):
        return "london", f"{said}, in a table like the London data set"
    if "wmo" in called:
        return "wmo", "its name"
    if called == "coco":
        return "meteostat", "its name"
    if min(codes, default=0) >= 200:
        return "openweather", said
    if codes <= {1, 2, 3, 4}:
        # Months with neither a cloudless hour (0) nor rain are no WMO codes; 4 is rare in UCI's.
        sure = len(whole) >= 24 * 60 and bool((whole == 4).mean() < 0.01)
        return ("uci" if sure else None), said
    if codes <= set(CODES["london"]) and codes & {7, 26}:
        return "london", said
    if 0 in codes or max(codes) > 27:
        return "wmo", said
    return "meteostat", said


def parse(cells: "pd.Series[Any]", kind: str, words: dict[str, str]) -> "pd.Series[Any]":
    """Return one of the four weathers for each cell; None where it is unknown.

    `words` wins over what is known here.
    """

    def weather(cell: str) -> str | None:
        if (said := own.get(cell.casefold())) is not None:
            return said
        if kind == "text":
            return of_text(cell)
        number = pd.to_numeric(cell, errors="coerce")
        whole = np.isfinite(number) and number == np.round(number)
        return CODES[kind].get(int(number)) if whole else None

    own = {word.casefold(): name for word, name in words.items()}
    text = as_text(cells)
    known = {cell: weather(cell) for cell in text.dropna().unique()}
    return text.map(known.get, na_action="ignore").astype(object)


def as_text(cells: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return cells as text, whole numbers without a fraction."""
    if cells.dtype == object:
        return cells.map(str, na_action="ignore")
    return cells.map(lambda value: f"{value:g}", na_action="ignore").astype(object)


def of_amounts(rain: "pd.Series[float]", snow: "pd.Series[float]") -> "pd.Series[Any]":
    """Return the weather of hours with these amounts in mm and cm; what is unknown counts as none.

    A dry hour is clear: amounts don't tell mist.
    """
    rain, snow = rain.fillna(0), snow.fillna(0)
    heavy = (rain > HEAVY_RAIN) | (snow > HEAVY_SNOW)
    wet = (rain > 0) | (snow > 0)
    return pd.Series(np.select([heavy, wet], [HEAVY, LIGHT], CLEAR), index=rain.index, dtype=object)


def lies(snow: "pd.Series[float]") -> bool:
    """Say whether amounts of snow are what lies rather than what falls: it stays for hours."""
    some = snow > 0
    if some.sum() < 12:
        return False
    before = snow.shift()
    return bool((abs(snow - before) <= 0.1 * snow + 0.1)[some].mean() > 0.6)
