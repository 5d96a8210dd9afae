import datetime
import gzip
import itertools
import re

import pytest

from seqzoo.datasets import DATASETS
from seqzoo.datasets.generated.dates import CASES, DAYS, FIRST, FORMS, render, split_of_day

EN_DE = {"source": "en", "target": "de"}
PAIRS = [("Good morning.", "Guten Morgen."), ("", "Leer."), ("A\u2028B \u00a0", "")]


def put(path, *lines, encoding="utf-8", end="\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(line + end for line in lines).encode(encoding)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def sides(folder, name, pairs=PAIRS, languages=("en", "de"), ending="", **kwargs):
    for language, lines in zip(languages, zip(*pairs, strict=True), strict=True):
        put(folder / f"{name}.{language}{ending}", *lines, **kwargs)


def table(path, pairs=PAIRS, **kwargs):
    return put(path, *map("\t".join, pairs), **kwargs)


def read(data_dir, **kwargs):
    splits = DATASETS["parallel"](data_dir=data_dir, **kwargs)
    found = {split: [(e["source"], e["target"]) for e in examples] for split, examples in splits.items()}
    assert found == {split: [(e["source"], e["target"]) for e in examples] for split, examples in splits.items()}
    return found


def many(count):
    return [(f"sentence {number // 2}", f"Satz {number}") for number in range(count)]


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("valid", ["valid", "val", "dev"])
def test_two_files_are_read_in_parallel_in_the_given_direction(tmp_path, ending, valid):
    sides(tmp_path, "train", ending=ending)
    sides(tmp_path, valid, PAIRS[:1], ending=ending)
    sides(tmp_path, "test", PAIRS[:2], end="\r\n")
    put(tmp_path / "train.fr", "un")
    put(tmp_path / "README.txt", "a")
    expected = {"train": PAIRS, "valid": PAIRS[:1], "test": PAIRS[:2]}
    assert read(tmp_path, columns=EN_DE) == expected
    turned = {split: [pair[::-1] for pair in pairs] for split, pairs in expected.items()}
    assert read(tmp_path, columns={"source": "de", "target": "en"}) == turned
    examples = DATASETS["parallel"](data_dir=tmp_path, columns=EN_DE)["train"]
    assert examples.source.endswith(f"train.en{ending} and train.de{ending}") and not examples.aligned


def test_languages_are_endings_of_file_names_and_name_chooses_the_set(tmp_path):
    sides(tmp_path, "a.train", PAIRS[:1], languages=("en.txt", "de.txt"))
    sides(tmp_path, "b.train", PAIRS, languages=("en.txt", "de.txt"))
    columns = {"source": "en.txt", "target": "de.txt"}
    assert read(tmp_path, name="b.", columns=columns) == {"train": PAIRS}
    with pytest.raises(ValueError, match="2 files fit the train split: a.train.en.txt, b.train.en.txt"):
        read(tmp_path, columns=columns)


def test_files_may_lie_in_a_folder_for_each_split(tmp_path):
    for split, pairs in {"train": PAIRS, "dev": PAIRS[:1]}.items():
        table(tmp_path / split / f"kor_{split}.tsv", pairs)
    assert read(tmp_path) == read(tmp_path, name="kor") == {"train": PAIRS, "valid": PAIRS[:1]}
    table(tmp_path / "dev" / "fre_dev.tsv")
    with pytest.raises(
        ValueError, match=r"dev: 2 files end in \.tsv or \.txt, and a split is one: choose it by --name"
    ):
        read(tmp_path)
    with pytest.raises(ValueError, match="train: no files end in .* and 'fre' in its name"):
        read(tmp_path, name="fre")


@pytest.mark.parametrize("languages", ["en de", "en de fr"])
def test_files_of_languages_need_a_direction(tmp_path, languages):
    for language in languages.split():
        put(tmp_path / f"train.{language}.gz", "x")
    for other in ("README.md", "LICENSE", "notes.txt", "_about.txt"):
        put(tmp_path / other, "x")
    message = (
        f"has files of {', '.join(sorted(languages.split()))}. Choose the direction: "
        "--columns=source=de,target=en or --columns=source=en,target=de."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        read(tmp_path)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"train.en": "a\nb\n", "train.de": "a\n"}, "train.en has 2 lines and .*train.de has 1: expected one"),
        ({"train.en": "a\n", "train.de": "a\n\n"}, "train.en has 1 lines and .*train.de has 2"),
        ({"train.en": "", "train.de": ""}, "train.en and train.de holds no examples"),
        ({"train.en": "a\n", "train.de": "a\n", "dev.en": "a\n"}, r"dev.en has no translation: .* ends in \.de"),
        ({"train.en": "a\n", "train.de": "a\n", "dev.de": "a\n"}, r"dev.de has no translation: .* ends in \.en"),
        ({"train.en": "a\n", "train.fr": "a\n"}, r"no file ends in \.de. Found: train.en, train.fr"),
        ({"train.en": "a\n", "train.de": b"a\n\xfc\n"}, "train.de:2: not UTF-8"),
        ({"train.en": "a\n", "train.de": b"a\n\0b\n"}, "train.de:2: a NUL character"),
        ({"train.en": "a\n", "train.de.gz": b"a\n"}, "train.de.gz:1: damaged gzip data"),
        ({"train.en": "a\n", "train.de": "a\n", "train.de.gz": b"a\n"}, "2 files fit the train split: train.de, train"),
        ({"a.en": "a\n", "b.en": "a\n", "a.de": "a\n"}, r"2 files, none of them named as a split.* Found: a.en, b"),
        ({}, r"no file ends in \.en. Found: nothing"),
    ],
)  # fmt: skip
def test_files_that_are_not_pairs_are_refused_at_once(tmp_path, files, message):
    for name, content in files.items():
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ValueError, match=message):
        DATASETS["parallel"](data_dir=tmp_path, columns=EN_DE)


@pytest.mark.parametrize("names", [("train.tsv", "valid.txt.gz"), ("my-train.txt", "my-dev.tsv")])
def test_tab_separated_columns_are_source_target_and_others_are_ignored(tmp_path, names):
    rows = [(*pair, 'CC-BY "x') for pair in PAIRS]
    table(tmp_path / names[0], rows)
    table(tmp_path / names[1], rows[:1], end="\r\n\r\n")
    assert read(tmp_path) == {"train": PAIRS, "valid": PAIRS[:1]}
    assert read(tmp_path, columns={"source": 1, "target": 0})["train"] == [pair[::-1] for pair in PAIRS]
    assert read(tmp_path, columns={"target": -1})["valid"] == [("Good morning.", 'CC-BY "x')]


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("a\tb\n\nc\n", None, "test.tsv:3: expected 2 fields .like the first line., found 1: 'c'"),
        ("a\tb\nc\td\te\n", None, "test.tsv:2: expected 2 fields .like the first line., found 3"),
        ("a b\n", None, "test.tsv:1: expected tab-separated columns, found none; if .*--columns=source=en"),
        ("\n\n", None, "test.tsv holds no examples"),
        ("a\tb\nc\t\xfc\n".encode("latin-1"), None, "test.tsv:2: not UTF-8"),
        ("a\tb\n", {"target": 2}, "two of 0 to 1, .*the file has 2. Received: {'source': 0, 'target': 2}"),
        ("a\tb\n", {"target": -3}, "two of 0 to 1"),
        ("a\tb\n", {"source": 1}, "two of 0 to 1, .*Received: {'source': 1, 'target': 1}"),
        ("a\tb\n", {"source": -2}, "ok"),
        ("a\tb\n", {"target": -2}, "two of 0 to 1"),
        ("a\tb\n", {"text": 0}, "columns should be the languages .*Received: {'text': 0}"),
        ("a\tb\n", {"source": "en", "target": 1}, "columns should be the languages"),
        ("a\tb\n", {"source": "en"}, "columns should be the languages"),
        ("a\tb\n", {"source": "en", "target": "en"}, "columns should be the languages"),
        ("a\tb\n", EN_DE, "languages are files of a folder, .*by index, such as --columns=source=0,target=1"),
    ],
)  # fmt: skip
def test_a_malformed_table_names_file_and_line(tmp_path, text, columns, message):
    file = tmp_path / "test.tsv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    if message == "ok":
        assert read(file, columns=columns) == {"test": [("a", "b")]}
        return
    with pytest.raises(ValueError, match=message):
        read(file, columns=columns)


def test_a_set_without_splits_is_split_by_its_source_sentences(tmp_path):
    pairs = many(2000)
    file = table(tmp_path / "one" / "deu.txt.gz", pairs)
    put(tmp_path / "one" / "_about.txt", "a")
    sides(tmp_path / "two", "corpus.de-en", pairs)
    found = read(file)
    assert list(found) == ["train", "valid", "test"]
    assert found == read(tmp_path / "one") == read(tmp_path / "one", name="deu")
    assert found == read(tmp_path / "two", columns=EN_DE)
    assert sorted(itertools.chain(*found.values())) == sorted(pairs)
    assert all(some == sorted(some, key=pairs.index) for some in found.values())
    sources = [{source for source, _ in some} for some in found.values()]
    assert sum(map(len, sources)) == 1000  # no sentence in two
    assert 870 < len(sources[0]) < 930 and 30 < len(sources[1]) < 70
    turned = read(file, columns={"source": 1, "target": 0})
    assert sum(map(len, turned.values())) == 2000 and 1740 < len(turned["train"]) < 1860
    valid = DATASETS["parallel"](data_dir=file)["valid"]
    assert valid.source == f"{file} (valid: 5%, by a hash of the source)"


def test_one_file_named_as_a_split_is_the_test_split_and_few_lines_are_not_split(tmp_path):
    for name in ("test.tsv", "tatoeba-dev.txt", "train.tsv.gz"):
        assert read(table(tmp_path / name)) == {"test": PAIRS}
    assert read(table(tmp_path / "few.tsv")) == {"train": PAIRS}


def test_missing_and_ambiguous_files_are_reported(tmp_path):
    for name in ("a.tsv", "b.txt"):
        table(tmp_path / name, many(400))
    assert read(tmp_path, name="b") == read(tmp_path / "b.txt")
    for kwargs, message in [
        ({}, "needs --data_dir, a folder, such as one with train.en and train.de, or a file"),
        ({"data_dir": tmp_path / "nowhere"}, "nowhere: there is no such folder or file"),
        ({"data_dir": tmp_path}, "2 files, none of them named as a split, .*by --name. Found: a.tsv, b.txt"),
        ({"data_dir": tmp_path, "name": "c"}, "no file ends in .tsv or .txt and 'c' in its name. Found: a.tsv, b.txt"),
        ({"data_dir": tmp_path, "columns": EN_DE}, r"no file ends in \.en. Found: a.tsv, b.txt"),
    ]:
        with pytest.raises(ValueError, match=message):
            DATASETS["parallel"](**kwargs)


def test_nothing_is_held_in_memory(tmp_path):
    sides(tmp_path, "train", many(10))
    examples = iter(DATASETS["parallel"](data_dir=tmp_path, columns=EN_DE)["train"])
    assert next(examples)["target"] == "Satz 0"
    with (tmp_path / "train.en").open("ab") as source, (tmp_path / "train.de").open("ab") as target:
        source.write(b"more\n" * 50_000)  # what is not yet read from the files is found
        target.write(b"mehr\n" * 50_000)
    assert sum(1 for _ in examples) == 9 + 50_000


@pytest.mark.parametrize(
    ("name", "kwargs", "languages"),
    [
        ("ted_hrlr_translate", {}, ("pt", "en")),
        ("ted_hrlr_translate", {"name": "ted_hrlr_translate/tr_to_en"}, ("tr", "en")),
        ("wmt14_translate", {}, ("de", "en")),
        ("wmt14_translate", {"columns": EN_DE}, ("en", "de")),
        ("wmt16_translate", {}, ("ro", "en")),
        ("opus", {}, ("de", "en")),
        ("para_crawl", {}, ("en", "de")),
        ("tfds", {"name": "wmt19_translate/fi-en", "columns": {"source": "en", "target": "fi"}}, ("en", "fi")),
    ],
)
def test_tfds_reads_sets_of_translations_in_either_direction(name, kwargs, languages):
    import tensorflow as tf
    import tensorflow_datasets as tfds

    texts = dict(zip(languages, (["Zoë sleeps", ""], ["Zoë schläft", "x"]), strict=True))

    def as_dataset(self, *args, **kwargs):
        assert set(self.info.features) == set(languages)
        return tf.data.Dataset.from_tensor_slices(texts)

    with tfds.testing.mock_data(as_dataset_fn=as_dataset):
        splits = DATASETS[name](**kwargs)
    assert list(splits) == ["train", "valid", "test"]
    expected = [{"source": "Zoë sleeps", "target": "Zoë schläft"}, {"source": "", "target": "x"}]
    assert list(splits["train"]) == list(splits["train"]) == expected
    assert splits["train"].features == {"source": str, "target": str} and not splits["train"].aligned


def test_tfds_reports_wrong_language_pairs_and_directions():
    for kwargs, message in [
        ({"name": "wmt14_translate/en-de"}, "no set 'wmt14_translate/en-de'. Did you mean 'wmt14_translate/de-en'"),
        ({"columns": {"source": "en"}}, "should be two of its languages, .*Received: {'source': 'en'}"),
        ({"columns": {"source": "en", "target": "en"}}, "wmt14_translate/de-en: the direction should be two"),
        ({"columns": {"source": "en", "target": "fr"}}, "wmt14_translate/de-en has no feature 'fr'.* It has: de, en"),
    ]:
        with pytest.raises(ValueError, match=message):
            DATASETS["wmt14_translate"](**kwargs)


# Written by hand, not printed by the code.
@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("de", ["03.05.2021", "3.5.2021", "3. Mai 2021", "Montag, 3. Mai 2021", "Montag, den 3. Mai 2021"]),
        ("en", ["May 3, 2021", "Monday, May 3, 2021", "May 3rd, 2021", "3rd of May 2021", "Mon, May 3, 2021",
                "03-May-2021", "the 3rd of May, 2021"]),
        ("es", ["3/5/2021", "3 de mayo de 2021", "lunes, 3 de mayo de 2021", "el 3 de mayo de 2021"]),
        ("fr", ["03/05/2021", "3 mai 2021", "lundi 3 mai 2021", "le 3 mai 2021", "le lundi 3 mai 2021"]),
        ("it", ["03/05/2021", "3 maggio 2021", "lunedì 3 maggio 2021"]),
        ("ja", ["2021/5/3", "2021.05.03", "2021年5月3日", "2021年05月03日", "2021年5月3日月曜日", "2021年5月3日(月)"]),
        ("nl", ["03-05-2021", "3-5-2021", "3 mei 2021", "maandag 3 mei 2021"]),
        ("pl", ["03.05.2021", "3.05.2021", "3 maja 2021", "3 maja 2021 r.", "poniedziałek, 3 maja 2021"]),
        ("pt", ["03/05/2021", "3 de maio de 2021", "segunda-feira, 3 de maio de 2021"]),
        ("ru", ["03.05.2021", "3 мая 2021", "3 мая 2021 года", "понедельник, 3 мая 2021 года"]),
        ("sv", ["2021-05-03", "3 maj 2021", "den 3 maj 2021", "måndag 3 maj 2021", "måndagen den 3 maj 2021"]),
        ("tr", ["3.05.2021", "3 Mayıs 2021", "3 Mayıs 2021 Pazartesi"]),
    ],
)  # fmt: skip
def test_dates_have_the_forms_that_people_write(language, texts):
    written = [render(datetime.date(2021, 5, 3), language, form) for form in FORMS[language]]
    assert set(texts) <= set(written), written


def test_dates_have_ordinals_and_the_case_and_marks_of_their_language():
    def day(number, month=4):
        return datetime.date(1987, month, number)

    ends = ["st", "nd", "rd", "th", "th", "th", "th", "th", "st", "nd", "rd", "th", "th", "st"]
    numbers = [1, 2, 3, 4, 10, 11, 12, 13, 21, 22, 23, 24, 30, 31]
    written = [render(day(number, 5), "en", "{nth} of {month} {y}") for number in numbers]
    assert written == [f"{number}{end} of May 1987" for number, end in zip(numbers, ends, strict=True)]
    assert [render(day(n), "fr", "le {nth} {month} {y}") for n in (1, 21)] == ["le 1er avril 1987", "le 21 avril 1987"]
    assert render(day(1), "pt", "{nth} de {month} de {y}", case="upper") == "1º DE ABRIL DE 1987"
    assert render(day(1), "tr", "{d} {month} {y}", case="upper") == "1 NİSAN 1987"
    assert render(day(1), "en", "{weekday}, {month} {d}, {y}", "lower", marks=False) == "wednesday april 1 1987"
    assert render(day(1), "de", "{weekday}, den {d}. {month} {y}", marks=False) == "Mittwoch den 1 April 1987"
    assert render(day(1), "de", "{dd}.{mm}.{y}", marks=False) == "01.04.1987"


def test_a_text_means_one_date_in_every_form_of_every_language():
    meant = {}
    variants = [(lang, form, case) for lang, forms in FORMS.items() for form in forms for case in CASES]
    for number in range(366):  # of one leap year: each text has its year in four digits, so others are no different
        day = datetime.date(2024, 1, 1) + datetime.timedelta(number)
        for language, form, case in variants:
            for marks in (True, False):
                text = render(day, language, form, case, marks)
                assert "2024" in text and meant.setdefault(text, day) == day, (text, day)


@pytest.fixture(scope="module")
def dates():
    return {split: list(examples) for split, examples in DATASETS["dates"]().items()}


def test_each_date_has_one_translation_and_no_day_is_in_two_splits(dates):
    assert {split: len(examples) for split, examples in dates.items()} == {"train": 20_000, "valid": 1000, "test": 1000}
    meant = {}
    for example in itertools.chain(*dates.values()):
        assert meant.setdefault(example["source"], example["target"]) == example["target"]
        assert FIRST <= datetime.date.fromisoformat(example["target"]) < FIRST + datetime.timedelta(DAYS)
    days = [{example["target"] for example in examples} for examples in dates.values()]
    assert sum(map(len, days)) == len(set().union(*days))
    later = {example["target"] for example in DATASETS["dates"](seed=7, sizes={"train": 3000})["train"]}
    assert not later & (days[1] | days[2])
    assert FIRST + datetime.timedelta(DAYS) == datetime.date(2100, 1, 1)
    owners = [split_of_day(FIRST + datetime.timedelta(number)) for number in range(0, DAYS, 9)]
    assert 0.88 < owners.count("train") / len(owners) < 0.92


def test_dates_show_all_languages_months_and_cases(dates):
    texts = [example["source"] for example in dates["train"]]
    for part in ("mai", "maggio", "maja", "мая", "mei", "maj", "Mayıs", "mayo", "maio", "May ", "月", "rd ", "er "):
        assert sum(part in text for text in texts) > 10, part
    assert 0.05 < sum(text.isupper() for text in texts) / len(texts) < 0.3
    assert {target[5:7] for target in (example["target"] for example in dates["valid"])} == {
        f"{month:02}" for month in range(1, 13)
    }
    assert {letter for example in dates["valid"] for letter in example["source"]} <= set("".join(texts))


def test_a_seed_decides_the_dates(dates):
    train = DATASETS["dates"](sizes={"train": 50})["train"]
    assert list(train) == list(train) == dates["train"][:50]
    assert list(DATASETS["dates"](seed=1, sizes={"train": 50})["train"]) != dates["train"][:50]


@pytest.mark.parametrize("given", [{"data_dir": "x"}, {"name": "x"}, {"columns": "x"}, {"sizes": {"dev": 5}}])
def test_dates_refuse_arguments_of_readers(given):
    with pytest.raises(ValueError, match="Received"):
        DATASETS["dates"](**given)


def scan(folder, name="", **kwargs):
    splits = DATASETS["scan"](data_dir=folder, name=name, **kwargs)
    return {split: [(e["source"], e["target"]) for e in examples] for split, examples in splits.items()}


def commands(path, *pairs):
    return put(path, *(f"IN: {source} OUT: {target}" for source, target in pairs))


def test_the_longest_outputs_of_scan_are_held_out(tmp_path):
    pairs = [(f"walk {n}", " ".join(["I_WALK"] * n)) for n in (1, 2, 2, 3, 3, 3, 4, 4, 5, 6)]
    train = commands(tmp_path / "length_split" / "tasks_train_length.txt.gz", *pairs)
    test = commands(tmp_path / "length_split" / "tasks_test_length.txt", ("walk 9", "I_WALK"))
    found = scan(tmp_path, "length")  # a fifth of ten are two; one more length would make four
    assert found == {"train": pairs[:-2], "valid": pairs[-2:], "test": [("walk 9", "I_WALK")]}
    assert scan(test) == {"test": found["test"]} and scan(train)["test"] == pairs
    commands(train, *[("walk", "I_WALK I_WALK")] * 4, ("look", "I_LOOK"))
    assert [*map(len, scan(tmp_path, "length").values())] == [1, 4, 1], "at least one length"


def test_a_primitive_of_scan_is_learned_by_itself_only(tmp_path):
    looks = [("look twice", "I_LOOK I_LOOK"), ("walk and look", "I_WALK I_LOOK")]
    rest = [(f"walk {n} overlook", "I_WALK") for n in range(27)]
    commands(tmp_path / "tasks_train_simple.txt", *looks, *rest[:20], ("look", "I_LOOK"), *rest[20:])
    found = scan(tmp_path, "addprim_look")
    assert found["valid"] == looks and sorted(found["train"]) == sorted([*rest, *[("look", "I_LOOK")] * 3])
    with pytest.raises(ValueError, match="needs the command 'walk' by itself"):
        scan(tmp_path, "addprim_walk")
    jumps = commands(tmp_path / "tasks_train_addprim_jump.txt", *rest, ("jump", "I_JUMP"))
    found = scan(tmp_path, "addprim_jump")  # a published file is taken as it is
    assert sorted(found["train"] + found["valid"]) == sorted([*rest, ("jump", "I_JUMP")])
    assert 0 < len(found["valid"]) < 8 and scan(tmp_path, "simple")["valid"] != found["valid"]
    put(jumps, "IN: walk OUT: I_WALK", "walk\tI_WALK")
    with pytest.raises(ValueError, match=r"addprim_jump.txt:2: expected IN: COMMAND OUT: ACTIONS: 'walk"):
        scan(tmp_path, "addprim_jump")


def test_a_split_of_scan_has_a_name(tmp_path):
    commands(tmp_path / "tasks_train_simple.txt", ("walk", "I_WALK"))
    with pytest.raises(ValueError, match=r"needs the --name of a split. In .*: simple. Received: 'simpel'"):
        scan(tmp_path, "simpel")
