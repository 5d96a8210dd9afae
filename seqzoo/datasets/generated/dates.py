"""Dates as people write them, in twelve languages, and in ISO 8601: a small translation task that needs no files.

    le 1er avril 1987             1987-04-01
    MON MAY 3 2021                2021-05-03
    3 Mayıs 2021 Pazartesi        2021-05-03

A text means one day, whatever its language: the year has four digits, and a date of numbers alone is in the order day,
month, year, as "03/05/2021", or year, month, day. American "5/3/2021" would be ambiguous and is left out.
"""

import datetime
import functools
import os
import random
import re
from collections.abc import Iterator

from babel import Locale
from babel.dates import format_date

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.splits import generated_splits, split_by_key

# For each language, in addition to CLDR's forms "medium", "long" and "full", patterns in CLDR's notation
# (https://unicode.org/reports/tr35/tr35-dates.html#Date_Format_Patterns); "#" makes the day an ordinal.
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
CASES = {"as it is": 6, "lower": 3, "upper": 1}  # with their relative frequencies
UNMARKED = 1 / 4  # the share of texts without periods and commas, except those between digits
FIRST, DAYS = datetime.date(1900, 1, 1), 73_049  # all days to the end of 2099
SHARES = {"train": 18, "valid": 1, "test": 1}  # of all days, of each split

_locale = functools.cache(Locale.parse)


def render(day: datetime.date, language: str, form: str, case: str = "as it is", marks: bool = True) -> str:
    """Writes a date as a text.

    Args:
        day: the date.
        language, form: of `FORMS`.
        case: of `CASES`.
        marks: whether to keep periods and commas that are not between digits: "Mon, May 3, 2021" or "Mon May 3 2021".
    """
    suffix = ordinal(day.day, language)
    text = format_date(day, form.replace("#", suffix and f"'{suffix}'"), _locale(language))
    text = " ".join(text.split())  # CLDR has no-break spaces, which nobody types
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


def sample(seed: int, split: str, size: int) -> Iterator[dict]:
    """Yields `size` random dates of a split; languages are equally likely, and so are the forms of each."""
    rng = random.Random(f"{seed}-{split}")
    for _ in range(size):
        day = None
        while day is None or split_of_day(day) != split:
            day = FIRST + datetime.timedelta(rng.randrange(DAYS))
        language = rng.choice(list(FORMS))
        form = rng.choice(FORMS[language])
        case = rng.choices(list(CASES), list(CASES.values()))[0]
        yield {"source": render(day, language, form, case, rng.random() >= UNMARKED), "target": day.isoformat()}


@DATASETS.register("dates")
def dates(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    seed: int = 0,
    sizes: dict[str, int] | None = None,
) -> dict[str, Examples]:
    """Dates as people write them, in twelve languages, with ISO 8601 as the translation; needs no download.

    The names of months and days, and a third of the forms, are CLDR's (https://cldr.unicode.org), from Babel. Its
    versions differ in details, such as the period after an abbreviation, and so do these texts. The days, from 1900 to
    2099, are divided among the splits: a day of valid or test is not in train in any form or language.

    Args:
        data_dir, name, columns: arguments of readers, not used because nothing is read.
        seed: decides the dates.
        sizes: number of dates of each split: ``{"train": 20000, "valid": 1000, "test": 1000}``, the default.

    Returns:
        {split: Examples} of dicts ``{"source": str, "target": str}``, generated anew by each iteration.

    Raises:
        ValueError: `sizes` has an unknown split; or a folder, name or columns were given.

    Example::

        for example in dates()["train"]:
            print(example["source"], "->", example["target"])
    """
    return generated_splits(
        "dates",
        functools.partial(sample, seed),
        default_sizes=dict(train=20_000, valid=1_000, test=1_000),
        sizes=sizes,
        features={"source": str, "target": str},
        given={"data_dir": data_dir, "name": name, "columns": columns},
        instead="parallel",
    )
