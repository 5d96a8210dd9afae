"""TensorFlow Datasets: any data set by name, and short names for common ones."""

import difflib
import functools
import itertools
import operator
import os

import numpy as np

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import clean_label
from seqzoo.datasets.items.events import histories, time_of
from seqzoo.datasets.splits import split_of
from seqzoo.datasets.tables import column_parts
from seqzoo.datasets.text.columns import join_texts
from seqzoo.datasets.text.text import FEATURES, pieces
from seqzoo.display.plain import one_line
from seqzoo.extras import check_installed
from seqzoo.music.midi import read_midi
from seqzoo.music.score import Score
from seqzoo.registry import did_you_mean
from seqzoo.sound import Recording, Samples
from seqzoo.text import spans

UD = "universal_dependencies"
WHOLE = {"midi": bytes, "audio": Recording}  # features that are neither texts nor lists of texts
NUMBERS = {"score": float}  # numeric features
UNLABELLED = ("glue", "super_glue")  # sets whose test split has no labels


@DATASETS.register("tfds")
def tfds(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """Any set of TensorFlow Datasets, by its name and the names of its features.

    A set that is not on disk is downloaded once. Label numbers become the labels' names, bytes become text. Additions
    of TFDS to the data are removed: the empty example at the end of a CoNLL file, and in ``universal_dependencies`` the
    multiword tokens and empty nodes, which have no head and would repeat their words.

    Args:
        data_dir: the folder where TFDS keeps its sets. Default: ``~/tensorflow_datasets``.
        name: its name in TFDS, with the config if there are several: ``"glue/sst2"``, ``"trec"``, ``"conll2002/nl"``.
        columns: dict feature -> TFDS's feature: ``{"text": "sentence", "label": "label"}``; a ``/`` leads to nested
            ones: ``{"text": "question", "answers": "answers/text"}``, and ``{"text": "title+body"}`` joins two by a
            blank. The feature ``ner`` is converted to BIO, ``score`` to a number. The test splits of GLUE and
            SuperGLUE, which have no labels, are left out where labels or scores are read. With ``item``, records are
            events of users, see `items.events`.

    Returns:
        Dict split -> `Examples`: a list of strings for a sequence, else a string. With ``tokens``, lists are aligned.
        For events those of `items.events.histories`.

    Raises:
        ValueError: no such set or feature (the nearest is named), none of the splits, or it cannot be downloaded; while
            iterating: a missing label, or a malformed span tag.
    """
    if not name or not columns:
        raise ValueError(
            "--dataset=tfds needs the name of a TFDS set, such as 'glue/sst2', and columns, feature -> its name in the "
            f"set, such as {{'text': 'sentence', 'label': 'label'}}. Received: name={name!r}, columns={columns!r}"
        )
    return (_histories if "item" in columns else _load)(data_dir, name, columns)


@DATASETS.register("conll2003")
def conll2003(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """English newswire NER (Tjong Kim Sang & De Meulder, 2003, https://aclanthology.org/W03-0419), from TFDS.

    Args as in `tfds`; ``chunks`` is another feature.
    """
    return _load(data_dir, name or "conll2003", {"tokens": "tokens", "pos": "pos", "ner": "ner", **(columns or {})})


@DATASETS.register("conll2002")
def conll2002(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """Spanish NER, or Dutch by name="conll2002/nl" (Tjong Kim Sang, 2002), from TFDS.

    Args as in `tfds`. https://aclanthology.org/W02-2024
    """
    columns = {"tokens": "tokens", "pos": "pos", "ner": "ner", **(columns or {})}
    return _load(data_dir, name or "conll2002/es", columns)


@DATASETS.register("wikiann")
def wikiann(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """NER of Wikipedia in 176 languages by name="wikiann/<language>" (Pan et al., 2017), from TFDS; English by default.

    Args as in `tfds`. https://aclanthology.org/P17-1178, with the splits of https://aclanthology.org/P19-1015.
    """
    return _load(data_dir, name or "wikiann/en", {"tokens": "tokens", "ner": "tags", **(columns or {})})


@DATASETS.register("universal_dependencies")
def universal_dependencies(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """Universal Dependencies by name="universal_dependencies/<treebank>", from TFDS.

    Args as in `tfds`; the default is the English EWT with UPOS, and ``xpos`` and ``lemmas`` are other features.
    https://universaldependencies.org
    """
    columns = {"tokens": "tokens", "pos": "upos", **(columns or {})}
    return _load(data_dir, name or "universal_dependencies/en_ewt", columns)


@DATASETS.register("imdb_reviews")
def imdb_reviews(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """Film reviews, positive or negative (Maas et al., 2011, https://aclanthology.org/P11-1015), from TFDS.

    Args as in `tfds`. There is no validation split.
    """
    return _load(data_dir, name or "imdb_reviews", {"text": "text", "label": "label", **(columns or {})})


@DATASETS.register("sst2")
def sst2(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """Sentences and phrases of film reviews, positive or negative (Socher et al., 2013), GLUE's version, from TFDS.

    Args as in `tfds`. The test split is left out because it has no labels. https://aclanthology.org/D13-1170
    """
    return _load(data_dir, name or "glue/sst2", {"text": "sentence", "label": "label", **(columns or {})})


@DATASETS.register("trec")
def trec(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """Questions by what they ask for (Li & Roth, 2002, https://aclanthology.org/C02-1150), from TFDS.

    Args as in `tfds`; the default is the 6 coarse labels, and columns={"label": "label-fine"} gives the 47 fine ones.
    There is no validation split.
    """
    return _load(data_dir, name or "trec", {"text": "text", "label": "label-coarse", **(columns or {})})


@DATASETS.register("stsb")
def stsb(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """Pairs of sentences and how similar they are, from 0 to 5 (Cer et al., 2017), GLUE's version, from TFDS.

    Args as in `tfds`. The test split is left out because it has no scores. https://aclanthology.org/S17-2001
    """
    return _pairs(data_dir, name or "glue/stsb", {"score": "label", **(columns or {})})


@DATASETS.register("mrpc")
def mrpc(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """Pairs of sentences of the news, paraphrases or not (Dolan & Brockett, 2005), GLUE's version, from TFDS.

    Args as in `tfds`. The test split is left out as in `stsb`. https://aclanthology.org/I05-5002
    """
    return _pairs(data_dir, name or "glue/mrpc", {"label": "label", **(columns or {})})


@DATASETS.register("paws")
def paws(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """Pairs of sentences in almost the same words, paraphrases or not (Zhang et al., 2019), from Wikipedia, from TFDS.

    Args as in `tfds`; name="paws_x_wiki/de" is German. https://aclanthology.org/N19-1131
    """
    return _pairs(data_dir, name or "paws_wiki/labeled_final_raw", {"label": "label", **(columns or {})})


def _pairs(data_dir, name, columns):
    """Returns the splits of a set of sentence pairs."""
    return _load(data_dir, name, {"first": "sentence1", "second": "sentence2", **columns}, "pairs")


@DATASETS.register("aeslc")
def aeslc(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """E-mails and their subject lines (Zhang & Tetreault, 2019, https://aclanthology.org/P19-1043), from TFDS.

    Args as in `tfds`. The annotators' subject lines are only in the original files, see `jsonl`.
    """
    return _load(data_dir, name or "aeslc", {"text": "email_body", "summary": "subject_line", **(columns or {})})


@DATASETS.register("gigaword")
def gigaword(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """First sentences of news and their headlines (Rush et al., 2015, https://aclanthology.org/D15-1044), from TFDS.

    Args as in `tfds`. Texts are tokenised and in lower case, with # for digits.
    """
    return _load(data_dir, name or "gigaword", {"text": "document", "summary": "summary", **(columns or {})})


@DATASETS.register("cnn_dailymail")
def cnn_dailymail(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """News and their highlights, one per line (See et al., 2017, https://aclanthology.org/P17-1099), from TFDS.

    Args as in `tfds`. Gigabytes.
    """
    return _load(data_dir, name or "cnn_dailymail", {"text": "article", "summary": "highlights", **(columns or {})})


@DATASETS.register("tiny_shakespeare")
def tiny_shakespeare(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """Scenes of Shakespeare's plays (Karpathy, 2015), the first 90%, 5% and 5% of them, from TFDS.

    Args as in `tfds`. Each split is one document, in pieces like those of `text.text`. ``--dataset=text`` on the file
    gives the common split, 90% and 10%. https://github.com/karpathy/char-rnn
    """
    return _documents(data_dir, name or "tiny_shakespeare", columns)


@DATASETS.register("lm1b")
def lm1b(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """The One Billion Word Benchmark (Chelba et al., 2013, https://arxiv.org/abs/1312.3005), from TFDS.

    Args as in `tfds`. Each sentence is a document, tokenised, in random order. There is no validation split.
    """
    return _documents(data_dir, name or "lm1b", columns)


@DATASETS.register("wikipedia")
def wikipedia(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """Wikipedia's articles in a language, by name="wikipedia/<date>.<language>", from TFDS.

    Args as in `tfds`; there is no default, because the English ones are gigabytes. Each article is a document, in
    pieces like those of `text.text`. There is only a training split. https://dumps.wikimedia.org

    Raises:
        ValueError: as `tfds`; or no language was given.
    """
    if not (name or "").partition("/")[2]:
        raise ValueError(
            "--dataset=wikipedia needs the date and language of a dump, such as --name=wikipedia/20230601.en, "
            "wikipedia/20230601.tr or, small, wikipedia/20230601.simple. "
            f"Received: name={name!r}. All: https://www.tensorflow.org/datasets/catalog/wikipedia"
        )
    return _documents(data_dir, name, columns)


@DATASETS.register("ted_hrlr_translate")
def ted_hrlr_translate(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """Translated TED talks of rare languages and their kin (Qi et al., 2018), from TFDS; by default pt_to_en.

    Args as in `_translation`, with name="ted_hrlr_translate/<source>_to_<target>": az, be, gl, pt, ru, tr to en, and
    others. Texts are tokenised and in lower case. https://aclanthology.org/N18-2084
    """
    return _translation(data_dir, name or "ted_hrlr_translate/pt_to_en", columns)


@DATASETS.register("wmt14_translate")
def wmt14_translate(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """News translation of WMT 2014 (Bojar et al., 2014), from TFDS; by default de-en.

    Args as in `_translation`, with name="wmt14_translate/<language>-en": cs, de, fr, hi, ru. Most are gigabytes.
    https://aclanthology.org/W14-3302
    """
    return _translation(data_dir, name or "wmt14_translate/de-en", columns)


@DATASETS.register("wmt16_translate")
def wmt16_translate(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """News translation of WMT 2016 (Bojar et al., 2016), from TFDS; by default ro-en.

    Args as in `_translation`, with name="wmt16_translate/<language>-en": cs, de, fi, ro, ru, tr.
    https://aclanthology.org/W16-2301
    """
    return _translation(data_dir, name or "wmt16_translate/ro-en", columns)


@DATASETS.register("opus")
def opus(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """German and English of five domains of OPUS, as Koehn & Knowles (2017) compare them, from TFDS; by default IT.

    Args as in `_translation`, with name="opus/<domain>": IT, koran, law, medical, subtitles. There is only a training
    split. https://aclanthology.org/W17-3204
    """
    return _translation(data_dir, name or "opus/IT", columns)


@DATASETS.register("para_crawl")
def para_crawl(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """English and another European language from the Web (Bañón et al., 2020), from TFDS; by default ende.

    Args as in `_translation`, with name="para_crawl/en<language>". Gigabytes; there is only a training split.
    https://aclanthology.org/2020.acl-main.417
    """
    return _translation(data_dir, name or "para_crawl/ende", columns)


@DATASETS.register("groove")
def groove(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    drums: bool = True,
) -> dict[str, Examples]:
    """Drumming in MIDI (Gillick et al., 2019, https://arxiv.org/abs/1905.06118), from TFDS.

    Args as in `tfds` and `music.midi.read_midi`; name="groove/2bar-midionly" has pieces of two bars. The style is the
    drummer's first word.

    Returns:
        Dict split -> `Examples` of ``{"name": str, "style": str, "score": Score}``; pitches are instruments.
    """

    def scores(records):
        return lambda: (
            {**record, "score": read_midi(record["name"], midi, drums)}
            for record in records
            for midi in [record.pop("midi")]
        )

    columns = {"name": "id", "style": "style/primary", "midi": "midi", **(columns or {})}
    splits = _load(data_dir, name or "groove/full-midionly", columns, "midi")
    features = {"name": str, "style": str, "score": Score}
    return {split: Examples(scores(records), features, records.source) for split, records in splits.items()}


@DATASETS.register("librispeech")
def librispeech(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """English audiobooks (Panayotov et al., 2015, https://doi.org/10.1109/ICASSP.2015.7178964), from TFDS.

    Args as in `tfds`; clean speech: 100 and 360 hours of train, dev and test. Tens of gigabytes.

    Returns:
        Dict split -> `Examples` of ``{"audio": Recording, "text": str}``.
    """
    return _load(data_dir, name or "librispeech", {"audio": "speech", "text": "text", **(columns or {})}, "recordings")


@DATASETS.register("speech_commands")
def speech_commands(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """Ten English commands, other words and silence (Warden, 2018, https://arxiv.org/abs/1804.03209), from TFDS.

    Args and returns as in `librispeech`.
    """
    columns = {"audio": "audio", "text": "label", **(columns or {})}
    return _load(data_dir, name or "speech_commands", columns, "word_recordings")


@DATASETS.register("common_voice")
def common_voice(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """Sentences that volunteers read (Ardila et al., 2020, https://arxiv.org/abs/1912.06670), from TFDS; English.

    Args and returns as in `librispeech`, with name="common_voice/<language>". ``--dataset=recordings`` reads newer
    releases in the layout in which they are published.
    """
    columns = {"audio": "voice", "text": "sentence", **(columns or {})}
    return _load(data_dir, name or "common_voice/en", columns, "recordings")


@DATASETS.register("movielens")
def movielens(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """Films that users of MovieLens rated (Harper & Konstan, 2015, https://doi.org/10.1145/2827872), from TFDS.

    Args as in `tfds`; by default 100,000 ratings; name="movielens/1m-ratings" and others have more.
    There is only a training split.

    Returns:
        Dict split -> `Examples` as of `items.events.events`: users with the titles of films, in the order of the times.
    """
    columns = {"user": "user_id", "item": "movie_title", "time": "timestamp", **(columns or {})}
    return _histories(data_dir, name or "movielens/100k-ratings", columns)


def _histories(data_dir, name, columns):
    """Returns the splits of a set in which each record is an event of a user."""
    if not {"user", "item"} <= set(columns) <= {"user", "item", "time"}:
        raise ValueError(
            f"{name}: events have a user and an item, and may have a time: "
            f"--columns=user=user_id,item=movie_title,time=timestamp. Received: {columns}"
        )

    def events(records):
        for record in records:
            yield {**record, "time": time_of(record["time"])} if "time" in record else record

    splits = _load(data_dir, name, columns, "events")
    return {
        split: histories(functools.partial(events, records), records.source, "time" in columns)
        for split, records in splits.items()
    }


def _translation(data_dir, name, columns):
    """Returns the splits of a set of sentences and their translations, ``{"source": str, "target": str}``.

    Args:
        data_dir, name: as in `tfds`.
        columns: {"source": "en", "target": "de"}, the direction. Default: the set's own, given by its name.
    """
    if not columns:
        columns = dict(zip(("source", "target"), _builder(name, data_dir).info.supervised_keys, strict=True))
    if set(columns) != {"source", "target"} or len({*columns.values()}) < 2:
        raise ValueError(
            f"{name}: the direction should be two of its languages, such as --columns=source=en,target=de. "
            f"Received: {columns}"
        )
    return _load(data_dir, name, columns, "parallel")


def _documents(data_dir, name, columns):
    """Returns the splits of a set in which each record is a document."""

    def split_up(records):
        return lambda: (piece for record in records for piece in pieces([record["text"]]))

    splits = _load(data_dir, name, {"text": "text", **(columns or {})}, "text")
    return {split: Examples(split_up(records), FEATURES, records.source) for split, records in splits.items()}


def _load(data_dir, name, columns, reader="csv (or tsv, jsonl, folders)"):
    builder = _builder(name, data_dir)
    leaves = {path: (leaf, rank) for path, leaf, rank in _leaves(builder.info.features)}
    chosen = {}
    for feature, column in columns.items():
        paths = column_parts(str(column), leaves)
        if not paths:
            hint = did_you_mean(str(column), leaves)
            raise ValueError(f"{name} has no feature {column!r}.{hint} It has: {', '.join(leaves)}.")
        for path in paths:
            leaf, rank = leaves[path]
            if rank > 1:
                raise ValueError(f"{name}: feature {path!r} is neither a value nor a list of values: {leaf}")
            if len(paths) > 1 and (rank or feature != "text"):
                raise ValueError(f"{name}: {feature}={column} joins features, but only texts can be joined.")
        chosen[feature] = [(path.split("/"), *leaves[path]) for path in paths]
    reader = "conllu" if builder.name == UD else "conll" if "tokens" in columns else reader
    _prepare(builder, name, reader)

    # A set on disk has splits; one mocked by tfds.testing.mock_data has none and gives any that is asked for.
    names = [split for split in builder.info.splits or ("train", "validation", "test") if split_of(split)]
    if builder.name in UNLABELLED and {"label", "score"} & columns.keys():
        names = [split for split in names if split_of(split) != "test"]
    if not names:
        raise ValueError(f"{name} has no train, validation or test split. It has: {', '.join(builder.info.splits)}.")
    kinds = {feature: list if parts[0][2] else str for feature, parts in chosen.items()}
    kinds |= {feature: kind for feature, kind in (WHOLE | NUMBERS).items() if feature in kinds}
    aligned = "tokens" in columns
    return {
        split_of(split): Examples(_reader(builder, split, chosen), kinds, f"{name} {split}", aligned) for split in names
    }


def _builder(name, data_dir):
    import tensorflow_datasets  # imported here, because it takes seconds and listing the datasets does not need it

    try:
        return tensorflow_datasets.builder(name, data_dir=data_dir)
    except ValueError as error:
        known = tensorflow_datasets.list_builders(with_community_datasets=False)
        set_name, _, config = name.partition("/")
        if set_name in known:
            configs = tensorflow_datasets.builder_cls(set_name).builder_configs
            reversed_pair = [c for c in configs if sorted(c) == sorted(config)]  # "en-de", where it is called "de-en"
            near = reversed_pair or difflib.get_close_matches(config, configs, n=3, cutoff=0.3)
            near = [f"{set_name}/{c}" for c in near]
        else:
            near = difflib.get_close_matches(set_name, known)
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        reference = "https://www.tensorflow.org/datasets/catalog"
        raise ValueError(f"TensorFlow Datasets has no set {name!r}.{hint} Its sets: {reference}") from error


def _leaves(feature, path=(), rank=0):
    """Yields (path, feature, rank) of all features without inner features; each Sequence around one adds a rank."""
    import tensorflow_datasets

    if isinstance(feature, tensorflow_datasets.features.FeaturesDict):
        for name, inner in feature.items():
            yield from _leaves(inner, (*path, name), rank)
    elif isinstance(feature, tensorflow_datasets.features.Sequence):
        yield from _leaves(feature.feature, path, rank + 1)
    else:
        yield "/".join(path), feature, rank + len(feature.shape)


def _prepare(builder, name, reader):
    """Downloads a set that is not on disk; `reader`, for the message, is the dataset that reads its files."""
    if builder.is_prepared():
        return
    import tensorflow_datasets
    from tensorflow_datasets.core.download import downloader

    # TFDS retries 10 times, with doubling pauses, before it reports that there is no network: 205 s. With 5: 6 s.
    downloader.MAX_RETRIES = 5
    if isinstance(builder, tensorflow_datasets.dataset_builders.ConllUDatasetBuilder):
        check_installed("conllu", name)
    print(one_line(f"{name} is not in {builder.data_dir}: downloading it."), flush=True)
    try:
        builder.download_and_prepare()
    except Exception as error:  # any failure of the download; it is kept as the cause
        cause = (str(error).strip() or repr(error)).split("\n")[0]
        raise ValueError(
            f"Could not download {name}: {type(error).__name__}: {cause}. If you have its files, read them: "
            f"--dataset={reader} --data_dir=FOLDER."
        ) from error


def _reader(builder, split, chosen):
    records = builder.as_dataset(split=split)

    def read():
        for number, record in enumerate(records.as_numpy_iterator(), 1):
            # TFDS writes an absent head as "None".
            is_word = [head != b"None" for head in record["head"]] if builder.name == UD else itertools.repeat(True)
            example = {}
            for feature, parts in chosen.items():
                values = [(leaf, functools.reduce(operator.getitem, path, record)) for path, leaf, _ in parts]
                leaf, value = values[0]
                try:
                    if feature in WHOLE:
                        example[feature] = value if feature == "midi" else _recording(leaf, value, f"{split}-{number}")
                    elif parts[0][2]:
                        example[feature] = [_text(leaf, item) for item in itertools.compress(value, is_word)]
                    else:
                        example[feature] = join_texts(itertools.starmap(_text, values))
                    if feature in NUMBERS:
                        example[feature] = float(example[feature])
                    if feature == "label":
                        example[feature] = clean_label(example[feature])
                    if feature == "ner":
                        example[feature] = spans.to_bio(example[feature])
                except ValueError as error:
                    raise ValueError(
                        f"{builder.info.full_name} {split}: example {number}: {feature}: {error}"
                    ) from None
            if any(example.values()):  # all features empty: the extra example at the end of a CoNLL file
                yield example

    return read


def _recording(feature, value, name):
    """Returns the Recording of a value of tfds.features.Audio: 16-bit integers in any type."""
    if np.issubdtype(value.dtype, np.integer):
        value = np.clip(value, -(2**15), 2**15 - 1).astype("int16")
    return Samples(name, value, feature.sample_rate or 48_000)  # sets without a rate, such as common_voice, have 48 kHz


def _text(feature, value):
    """Returns the text of one value: the name of a label, decoded bytes, or a number as printed."""
    if isinstance(value, bytes):
        return value.decode("utf-8")
    names = getattr(feature, "names", None)
    if not names:
        return str(value)
    if value < 0:  # TFDS's mark of a missing label, for which its own int2str gives the last label
        raise ValueError("no label (-1). Test splits of benchmarks have none: use the validation split")
    return names[value]
