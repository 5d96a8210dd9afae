"""Dates as people write them, in twelve languages, and in ISO 8601: a small translation task that needs no files.

    le 1er avril 1987             1987-04-01
    MON MAY 3 2021                2021-05-03
    3 Mayıs 2021 Pazartesi        2021-05-03

A text says which day it means, whatever its language: the year has four digits, and numbers alone stand in the order
day, month, year, as "03/05/2021", or year, month, day. American "5/3/2021" would mean two days, and is left out.
"""

import datetime
import functools
import random
import re

from babel import Locale
from babel.dates import format_date

from seqzoo.datasets import DATASETS, generated

# For each language, beside the forms "medium", "long" and "full" that CLDR has for all, patterns as CLDR writes them
# (https://unicode.org/reports/tr35/tr35-dates.html#Date_Format_Patterns); "#" is what makes the day an ordinal.
PATTERNS = {
    "de": ["d.M.y", "d. MMM y", "EEE, dd.MM.y", "'den' d. MMMM y", "EEEE, 'den' d. MMMM y"],
    "en": [
        "d MMMM y", "d MMM y", "dd-MMM-y", "EEE, MMM d, y", "EEEE, d MMMM y", "MMMM d#, y", "EEEE, MMMM d#, y",
        "d# MMMM y", "d# 'of' MMMM y", "'the' d# 'of' MMMM, y", "MMMM 'the' d#, y",
    ],
    "es": ["d/M/y", "dd/MM/y", "d MMMM y", "EEE d MMM y", "'el' d 'de' MMMM 'de' y", "EEEE d 'de' MMMM 'del' y"],
    "fr": ["dd/MM/y", "d# MMMM y", "EEE d MMM y", "'le' d# MMMM y", "'le' EEEE d# MMMM y"],
    "it": ["d/M/y", "dd/MM/y", "d# MMMM y", "EEE d MMM y", "EEEE, d# MMMM y"],
    "ja": ["y/M/d", "y.MM.dd", "y年MM月dd日", "y年M月d日(E)"],
    "nl": ["d-M-y", "dd-MM-y", "EEE d MMM y", "'op' d MMMM y", "EEEE, d MMMM y"],
    "pl": ["d.MM.y", "dd.MM.y", "d MMMM y 'r.'", "EEE, d MMM y", "'dnia' d MMMM y 'r.'"],
    "pt": ["d/M/y", "dd/MM/y", "d# 'de' MMMM 'de' y", "EEE, d 'de' MMM 'de' y", "EEEE, d# 'de' MMMM 'de' y"],
    "ru": ["dd.MM.y", "d MMMM y", "d MMMM y 'года'", "EEE, d MMM y", "EEEE, d MMMM y 'года'"],
    "sv": ["y-MM-dd", "'den' d MMMM y", "EEE d MMM y", "EEEE'en' 'den' d MMMM y"],
    "tr": ["d.MM.y", "dd/MM/y", "d MMMM y EEE", "dd MMM y", "d MMMM y, EEEE"],
}  # fmt: skip
FORMS = {language: ["medium", "long", "full", *patterns] for language, patterns in PATTERNS.items()}
CASES = {"as it is": 6, "lower": 3, "upper": 1}  # and how often each is taken
UNMARKED = 1 / 4  # the share of texts without points and commas, apart from those between digits
FIRST, DAYS = datetime.date(1900, 1, 1), 73_049  # all days to the end of 2099
SPLITS = {"train": 18, "valid": 1, "test": 1}  # and the share of all days that belongs to each

_locale = functools.cache(Locale.parse)


def write(day, language, form, case="as it is", marks=True):
    """A date as a text.

    Args:
        day: `datetime.date`.
        language, form: of `FORMS`.
        case: of `CASES`.
        marks: whether points and commas that do not part digits stay: "Mon, May 3, 2021" or "Mon May 3 2021".
    """
    suffix = ordinal(day.day, language)
    text = format_date(day, form.replace("#", suffix and f"'{suffix}'"), _locale(language))
    text = " ".join(text.split())  # CLDR has no-break spaces, which nobody types
    if not marks:
        text = re.sub(r"[.,](?!\d)", "", text)
    if case == "upper":
        return (text.replace("i", "İ") if language == "tr" else text).upper()
    return text.lower() if case == "lower" else text


def ordinal(number, language):
    """What follows the number of a day that is an ordinal: 3rd, 1er, 1º; "" where people write the plain number."""
    if language == "en":
        return "th" if number in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return {"fr": "er", "it": "º", "pt": "º"}.get(language, "") if number == 1 else ""


def owner(day):
    """The split that a day belongs to: the day alone decides, so none is in two splits, whatever the seeds."""
    return random.Random(day.isoformat()).choices(list(SPLITS), list(SPLITS.values()))[0]


def pairs(seed, split, size):
    """Yields `size` random dates of a split; languages are equally likely, and so are the forms of one."""
    rng = random.Random(f"{seed}-{split}")
    for _ in range(size):
        day = None
        while day is None or owner(day) != split:
            day = FIRST + datetime.timedelta(rng.randrange(DAYS))
        language = rng.choice(list(FORMS))
        form = rng.choice(FORMS[language])
        case = rng.choices(list(CASES), list(CASES.values()))[0]
        yield {"source": write(day, language, form, case, rng.random() >= UNMARKED), "target": day.isoformat()}


@DATASETS.register("dates")
def dates(data_dir=None, name=None, columns=None, seed=0, sizes=None):
    """Dates as people write them, in twelve languages, with ISO 8601 as the translation; needs no download.

    The names of months and days, and a third of the forms, are CLDR's (https://cldr.unicode.org) as Babel has them. Its
    versions differ in details, such as the point behind an abbreviation, and so do these texts. The days, from 1900 to
    2099, are parted among the splits: a day of valid or test is not in train in any form or language.

    Args:
        data_dir, name, columns: what other readers take; nothing is read here, so they are of no use.
        seed: decides the dates.
        sizes: how many dates each split gets: ``{"train": 20000, "valid": 1000, "test": 1000}``, which is the default.

    Returns:
        {split: Examples} of dicts ``{"source": str, "target": str}``, written anew whenever iterated.

    Raises:
        ValueError: `sizes` names a split that is none; or a folder, name or columns were given.

    Example::

        for example in dates()["train"]:
            print(example["source"], "->", example["target"])
    """
    return generated(
        "dates",
        functools.partial(pairs, seed),
        usual=dict(train=20_000, valid=1_000, test=1_000),
        sizes=sizes,
        features={"source": str, "target": str},
        given={"data_dir": data_dir, "name": name, "columns": columns},
        instead="parallel",
    )
