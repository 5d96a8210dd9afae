"""Dates as people write them, in twelve languages, and in ISO 8601: a small translation task that needs no files.

    le 1er avril 1987             1987-04-01
    MON MAY 3 2021                2021-05-03
    3 Mayıs 2021 Pazartesi        2021-05-03

A text means one day, whatever its language: the year has four digits, and a date of numbers alone is in the order day,
month, year, as "03/05/2021", or year, month, day. American "5/3/2021" would be ambiguous and is left out.
"""

import datetime
import random
import re
from collections.abc import Iterator

from seqzoo.datasets import DATASETS
from seqzoo.datasets.splits import generated, split_by_key

# For each language, the months, their abbreviations, the days of the week and their abbreviations, in the form used in
# dates: Polish and Russian months are in the genitive. Checked against CLDR 49 (https://cldr.unicode.org).
NAMES = {
    "de": (
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez.",
        "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
        "Mo. Di. Mi. Do. Fr. Sa. So.",
    ),
    "en": (
        "January February March April May June July August September October November December",
        "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
        "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
        "Mon Tue Wed Thu Fri Sat Sun",
    ),
    "es": (
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "ene feb mar abr may jun jul ago sept oct nov dic",
        "lunes martes miércoles jueves viernes sábado domingo",
        "lun mar mié jue vie sáb dom",
    ),
    "fr": (
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
        "lundi mardi mercredi jeudi vendredi samedi dimanche",
        "lun. mar. mer. jeu. ven. sam. dim.",
    ),
    "it": (
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        "gen feb mar apr mag giu lug ago set ott nov dic",
        "lunedì martedì mercoledì giovedì venerdì sabato domenica",
        "lun mar mer gio ven sab dom",
    ),
    "ja": (
        "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
        "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
        "月曜日 火曜日 水曜日 木曜日 金曜日 土曜日 日曜日",
        "月 火 水 木 金 土 日",
    ),
    "nl": (
        "januari februari maart april mei juni juli augustus september oktober november december",
        "jan feb mrt apr mei jun jul aug sep okt nov dec",
        "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
        "ma di wo do vr za zo",
    ),
    "pl": (
        "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
        "sty lut mar kwi maj cze lip sie wrz paź lis gru",
        "poniedziałek wtorek środa czwartek piątek sobota niedziela",
        "pon. wt. śr. czw. pt. sob. niedz.",
    ),
    "pt": (
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        "jan. fev. mar. abr. mai. jun. jul. ago. set. out. nov. dez.",
        "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
        "seg. ter. qua. qui. sex. sáb. dom.",
    ),
    "ru": (
        "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
        "янв. февр. мар. апр. мая июн. июл. авг. сент. окт. нояб. дек.",
        "понедельник вторник среда четверг пятница суббота воскресенье",
        "пн вт ср чт пт сб вс",
    ),
    "sv": (
        "januari februari mars april maj juni juli augusti september oktober november december",
        "jan. feb. mars apr. maj juni juli aug. sep. okt. nov. dec.",
        "måndag tisdag onsdag torsdag fredag lördag söndag",
        "mån tis ons tors fre lör sön",
    ),
    "tr": (
        "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık",
        "Oca Şub Mar Nis May Haz Tem Ağu Eyl Eki Kas Ara",
        "Pazartesi Salı Çarşamba Perşembe Cuma Cumartesi Pazar",
        "Pzt Sal Çar Per Cum Cmt Paz",
    ),
}
# How each language writes dates; `render` explains the fields.
FORMS = {
    "de": [
        "{dd}.{mm}.{y}", "{d}. {month} {y}", "{weekday}, {d}. {month} {y}", "{d}.{m}.{y}", "{d}. {mon} {y}",
        "{wd}, {dd}.{mm}.{y}", "den {d}. {month} {y}", "{weekday}, den {d}. {month} {y}",
    ],
    "en": [
        "{mon} {d}, {y}", "{month} {d}, {y}", "{weekday}, {month} {d}, {y}", "{d} {month} {y}", "{d} {mon} {y}",
        "{dd}-{mon}-{y}", "{wd}, {mon} {d}, {y}", "{weekday}, {d} {month} {y}", "{month} {nth}, {y}",
        "{weekday}, {month} {nth}, {y}", "{nth} {month} {y}", "{nth} of {month} {y}", "the {nth} of {month}, {y}",
        "{month} the {nth}, {y}",
    ],
    "es": [
        "{d} {mon} {y}", "{d} de {month} de {y}", "{weekday}, {d} de {month} de {y}", "{d}/{m}/{y}", "{dd}/{mm}/{y}",
        "{d} {month} {y}", "{wd} {d} {mon} {y}", "el {d} de {month} de {y}", "{weekday} {d} de {month} del {y}",
    ],
    "fr": [
        "{d} {mon} {y}", "{d} {month} {y}", "{weekday} {d} {month} {y}", "{dd}/{mm}/{y}", "{nth} {month} {y}",
        "{wd} {d} {mon} {y}", "le {nth} {month} {y}", "le {weekday} {nth} {month} {y}",
    ],
    "it": [
        "{d} {mon} {y}", "{d} {month} {y}", "{weekday} {d} {month} {y}", "{d}/{m}/{y}", "{dd}/{mm}/{y}",
        "{nth} {month} {y}", "{wd} {d} {mon} {y}", "{weekday}, {nth} {month} {y}",
    ],
    "ja": [
        "{y}/{mm}/{dd}", "{y}年{month}{d}日", "{y}年{month}{d}日{weekday}", "{y}/{m}/{d}", "{y}.{mm}.{dd}",
        "{y}年{mm}月{dd}日", "{y}年{month}{d}日({wd})",
    ],
    "nl": [
        "{d} {mon} {y}", "{d} {month} {y}", "{weekday} {d} {month} {y}", "{d}-{m}-{y}", "{dd}-{mm}-{y}",
        "{wd} {d} {mon} {y}", "op {d} {month} {y}", "{weekday}, {d} {month} {y}",
    ],
    "pl": [
        "{d} {mon} {y}", "{d} {month} {y}", "{weekday}, {d} {month} {y}", "{d}.{mm}.{y}", "{dd}.{mm}.{y}",
        "{d} {month} {y} r.", "{wd}, {d} {mon} {y}", "dnia {d} {month} {y} r.",
    ],
    "pt": [
        "{d} de {mon} de {y}", "{d} de {month} de {y}", "{weekday}, {d} de {month} de {y}", "{d}/{m}/{y}",
        "{dd}/{mm}/{y}", "{nth} de {month} de {y}", "{wd}, {d} de {mon} de {y}", "{weekday}, {nth} de {month} de {y}",
    ],
    "ru": [
        "{d} {mon} {y} г.", "{d} {month} {y} г.", "{weekday}, {d} {month} {y} г.", "{dd}.{mm}.{y}", "{d} {month} {y}",
        "{d} {month} {y} года", "{wd}, {d} {mon} {y}", "{weekday}, {d} {month} {y} года",
    ],
    "sv": [
        "{d} {mon} {y}", "{d} {month} {y}", "{weekday} {d} {month} {y}", "{y}-{mm}-{dd}", "den {d} {month} {y}",
        "{wd} {d} {mon} {y}", "{weekday}en den {d} {month} {y}",
    ],
    "tr": [
        "{d} {mon} {y}", "{d} {month} {y}", "{d} {month} {y} {weekday}", "{d}.{mm}.{y}", "{dd}/{mm}/{y}",
        "{d} {month} {y} {wd}", "{dd} {mon} {y}", "{d} {month} {y}, {weekday}",
    ],
}  # fmt: skip
CASES = {"as it is": 6, "lower": 3, "upper": 1}  # with their relative frequencies
UNMARKED = 1 / 4  # the share of texts without periods and commas, except those between digits
FIRST, DAYS = datetime.date(1900, 1, 1), 73_049  # all days to the end of 2099
SHARES = {"train": 18, "valid": 1, "test": 1}  # of all days, of each split


def render(day: datetime.date, language: str, form: str, case: str = "as it is", marks: bool = True) -> str:
    """Writes a date as a text.

    Args:
        day: the date.
        language, form: of `FORMS`: {y} is the year, {m} the month, {mm} with two digits, {month} its name, {mon}
            abbreviated, {d} the day, {dd} with two digits, {nth} as an ordinal, {weekday} its name, {wd} abbreviated.
        case: of `CASES`.
        marks: whether to keep periods and commas that are not between digits: "Mon, May 3, 2021" or "Mon May 3 2021".
    """
    months, short_months, weekdays, short_weekdays = (names.split() for names in NAMES[language])
    text = form.format(
        y=day.year,
        m=day.month,
        mm=f"{day.month:02}",
        month=months[day.month - 1],
        mon=short_months[day.month - 1],
        d=day.day,
        dd=f"{day.day:02}",
        nth=f"{day.day}{ordinal(day.day, language)}",
        weekday=weekdays[day.weekday()],
        wd=short_weekdays[day.weekday()],
    )
    if not marks:
        text = re.sub(r"[.,](?!\d)", "", text)
    if case == "upper":
        return (text.replace("i", "İ") if language == "tr" else text).upper()
    return text.lower() if case == "lower" else text


def ordinal(number: int, language: str) -> str:
    """Returns the ordinal suffix of a day: 3rd, 1er, 1º; "" where people write the plain number."""
    if language == "en":
        return "th" if number in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return {"fr": "er", "it": "º", "pt": "º"}.get(language, "") if number == 1 else ""


def split_of_day(day: datetime.date) -> str:
    """Returns the split that a day belongs to, whatever the seed."""
    return split_by_key(day.isoformat(), SHARES)


@DATASETS.register("dates")
@generated(dict(train=20_000, valid=1_000, test=1_000), {"source": str, "target": str}, instead="parallel")
def dates(seed: int, split: str, size: int) -> Iterator[dict]:
    """Dates as people write them, in twelve languages, with ISO 8601 as the translation; needs no download.

    The days, from 1900 to 2099, are divided among the splits: a day of valid or test is not in train in any form or
    language.

    Args:
        seed: decides the dates.
        split, size: the split and its number of examples.

    Yields:
        ``{"source": str, "target": str}``.
    """
    rng = random.Random(f"{seed}-{split}")
    for _ in range(size):
        day = None
        while day is None or split_of_day(day) != split:
            day = FIRST + datetime.timedelta(rng.randrange(DAYS))
        language = rng.choice(list(FORMS))
        form = rng.choice(FORMS[language])
        case = rng.choices(list(CASES), list(CASES.values()))[0]
        yield {"source": render(day, language, form, case, rng.random() >= UNMARKED), "target": day.isoformat()}
