"""Part-of-speech tagging: a tag for each word. Many to many, aligned."""

import collections
import dataclasses
import functools
import itertools
import json

import numpy as np

from seqzoo import options
from seqzoo.baselines import lookup_baseline
from seqzoo.casing import casing
from seqzoo.config import default, option
from seqzoo.datasets import DATASETS
from seqzoo.display import print_tagged, tagged
from seqzoo.metrics import accuracy_scores, common_errors, confusion
from seqzoo.pipeline import Batches
from seqzoo.task import TASKS, Data, Task
from seqzoo.tokenizer import split_sentences, tokenize
from seqzoo.vectors import load_vectors
from seqzoo.vocabulary import PADDING, UNKNOWN, Vocabulary

# TensorFlow takes seconds to import, and --help should not wait for it: what needs it is imported where it is used.


@dataclasses.dataclass(frozen=True)
class Config(options.Data, options.Batching, options.Words, options.Characters, options.Recurrent, options.Training):
    """Tags."""

    crf: bool = option(False, "Score whole tag sequences with a conditional random field.", sweep=[False, True])
    epochs: int = default(options.Training, epochs=10)


@TASKS.register("pos")
class POS(Task):
    """Part-of-speech tagging: accuracy, on known and unknown words."""

    Config = Config
    objective = "accuracy"
    modes = ("train", "evaluate", "predict")
    feature = "pos"

    def load(self, config, vocabularies=None):
        _label_weights(config.label_weights)
        splits = DATASETS[config.dataset](**self._source(config))
        for examples in splits.values():
            if self.feature not in examples.features:
                raise ValueError(
                    f"{examples.source} gives {', '.join(examples.features)}, and no {self.feature!r}: "
                    f"say where it is by --columns, such as --columns=tokens=0,{self.feature}=1."
                )
        data = Data({}, vocabularies or {})
        if not vocabularies:
            if "train" not in splits:
                raise ValueError(f"No train split to learn from. Found: {', '.join(splits) or 'nothing'}.")
            self._learn_vocabularies(config, splits["train"], data)
        else:
            splits.pop("train", None)  # of a run's data what it learned from is not scored again
        encode = self.encoder(config, data.vocabularies)
        limits = (config.batch_size, config.batch_tokens, config.seed, config.static_shapes, config.cache_tokens)
        for split, examples in splits.items():
            batches = data.splits[split] = Batches(examples, encode, *limits)
            dropped = f", {batches.dropped} empty ones dropped" if batches.dropped else ""
            data.facts[split] = (
                f"{batches.size:,} sentences, {batches.tokens:,} tokens, {batches.padding:.1%} padding{dropped}"
            )
        if "test" not in splits:
            data.facts["test"] = "no test split: scores are on valid"
        if "valid" not in splits and not vocabularies:
            raise ValueError(f"No valid (or dev) split to choose the best epoch on. Found: {', '.join(splits)}.")
        return data

    def _source(self, config):
        """The arguments of a dataset's reader."""
        columns = None
        if config.columns:
            pairs = [part.partition("=")[::2] for part in config.columns.split(",")]
            columns = {feature: int(place) if place.lstrip("-").isdigit() else place for feature, place in pairs}
        return {"data_dir": config.data_dir or None, "name": config.name or None, "columns": columns}

    def tags_of(self, example, config):
        """The tags that the model learns."""
        return example[self.feature]

    def _learn_vocabularies(self, config, examples, data):
        """Words, characters and tags of the training data, most frequent first, and the vectors of the words."""
        words, characters, tags = collections.Counter(), collections.Counter(), collections.Counter()
        for example in examples:
            words.update(map(str.lower, example["tokens"]) if config.lowercase else example["tokens"])
            characters.update(itertools.chain.from_iterable(example["tokens"]))
            tags.update(self.tags_of(example, config))
        kept = [w for w, count in _by_frequency(words) if count >= config.min_count and w not in (PADDING, UNKNOWN)]
        known = Vocabulary(kept)
        data.facts["words"] = f"{len(kept):,}, {sum(words[word] == 1 for word in kept):,} of them seen once"
        if config.vectors:
            extra, data.vectors, coverage = load_vectors(
                config.vectors, known.tokens, words, config.vectors_limit or None, seed=config.seed
            )
            words_share, text_share = coverage["missing_types"], coverage["missing_tokens"]
            data.facts["vectors"] = (
                f"{data.vectors.shape[1]} wide, {len(extra):,} more words; "
                f"{words_share:.1%} of training's words ({text_share:.1%} of its text) lack one"
            )
            known = Vocabulary([*kept, *extra])
        data.vocabularies = {
            "words": known,
            "characters": Vocabulary([character for character, _ in _by_frequency(characters)]),
            "tags": Vocabulary(sorted(tags), unknown=False),
            # What the training data had, for scores on known and unknown words; the last of them were seen once.
            "known_words": Vocabulary(kept),
            "rare_words": Vocabulary([word for word in kept if words[word] == 1], unknown=False),
        }

    def encoder(self, config, vocabularies):
        """The function from an example to (inputs, labels, weights), each an array over its T tokens."""
        words, characters, tags = vocabularies["words"], vocabularies["characters"], vocabularies["tags"]
        label_weights = _label_weights(config.label_weights)
        tags.encode(label_weights)  # each a tag

        @functools.lru_cache(100_000)
        def spell(token):
            head = config.max_word_length // 2
            tail = config.max_word_length - head
            return characters.encode(token if len(token) <= config.max_word_length else token[:head] + token[-tail:])

        def encode(example):
            tokens = example["tokens"]
            inputs = {"tokens": np.array(words.encode(map(str.lower, tokens) if config.lowercase else tokens), "int32")}
            if config.characters != "none":
                rows = [spell(token) for token in tokens]
                width = config.max_word_length if config.static_shapes else max(map(len, rows), default=0)
                inputs["characters"] = np.zeros((len(rows), width), "int32")
                for row, ids in zip(inputs["characters"], rows, strict=True):
                    row[: len(ids)] = ids
            if config.casing:
                inputs["casing"] = np.array([casing(token) for token in tokens], "int32")
            gold = self.tags_of(example, config) if self.feature in example else []
            # A tag that training never had can't be learned or predicted: it counts as an error, and not in the loss.
            labels, weights = np.zeros(len(tokens), "int32"), np.zeros(len(tokens), "float32")
            for place, tag in enumerate(gold):
                if tag in tags:
                    (labels[place],) = tags.encode([tag])
                    weights[place] = label_weights.get(tag, 1.0)
            if config.crf and label_weights:
                # A token's share of a sequence's loss may be negative, their sum is not: so one weight a sentence.
                weights[:] = weights.mean() if len(weights) else 1.0
            return inputs, labels, weights

        return encode

    def build(self, config, data):
        from seqzoo.models import tagger

        words, tags = data.vocabularies["words"], data.vocabularies["tags"].tokens
        known, rare = len(data.vocabularies["known_words"]), len(data.vocabularies["rare_words"])
        return tagger(
            len(tags),
            words=len(words) if config.word_dim or config.vectors else 0,
            word_dim=config.word_dim,
            trainable_words=known,
            vectors=data.vectors,
            tune_vectors=config.vectors_trainable,
            rare=(known - rare, known),
            unknown_rate=config.unknown_rate if rare else 0.0,
            word_dropout=config.word_dropout,
            characters=None if config.characters == "none" else config.characters,
            character_vocabulary=len(data.vocabularies["characters"]),
            char_dim=config.char_dim,
            char_units=config.char_units,
            char_dropout=config.char_dropout,
            casing=config.casing,
            crf=config.crf,
            allowed=self.allowed(tags),
            rnn=config.rnn,
            units=config.units,
            layers=config.layers,
            dropout=config.dropout,
            variational=config.variational,
            recurrent_dropout=config.recurrent_dropout,
            residual=config.residual,
            layer_norm=config.layer_norm,
            activation=config.activation,
        )

    def allowed(self, tags):
        """Which tag may follow which; None: any."""
        return None

    def loss(self, config):
        import keras

        from seqzoo.layers.crf import CRFLoss

        if config.crf:
            return CRFLoss()
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")

    def predictor(self, model):
        from seqzoo.models import decoder

        return decoder(model)

    def tagged(self, predictor, batches, vocabularies):
        """Yields (example, predicted tags, confidences) in the order of the data."""

        def run(inputs, labels, weights):
            return {name: np.asarray(array) for name, array in predictor.predict_on_batch(inputs).items()}

        for example, row in batches.outputs(run):
            length = len(example["tokens"])
            yield example, vocabularies["tags"].decode(row["tags"][:length]), row["confidence"][:length]

    def evaluate(self, config, predictor, batches, vocabularies):
        examples, predicted, _ = zip(*self.tagged(predictor, batches, vocabularies), strict=True)
        return self.scores(examples, [self.as_gold(tags) for tags in predicted], config, vocabularies)

    def scores(self, examples, predicted, config, vocabularies):
        """{metric: number} of predicted tags."""
        known = vocabularies["known_words"]
        return accuracy_scores(
            [example[self.feature] for example in examples],
            predicted,
            [example["tokens"] for example in examples],
            lambda token: (token.lower() if config.lowercase else token) in known,
        )

    def report(self, config, predictor, data, folder):
        """Saves the confusion plot and the commonest errors of valid; scores the lookup baseline."""
        from seqzoo.plots import confusion_plot

        valid = data.splits["valid"]
        examples, predicted, _ = zip(*self.tagged(predictor, valid, data.vocabularies), strict=True)
        gold = [example[self.feature] for example in examples]
        tokens = [example["tokens"] for example in examples]
        predicted = [self.as_gold(tags) for tags in predicted]
        confusion_plot(*confusion(gold, predicted), folder / "confusion.png")
        errors = common_errors(tokens, gold, predicted)
        (folder / "errors.json").write_text(json.dumps(errors, indent=1, ensure_ascii=False), "utf-8")
        train = data.splits["train"].examples
        look_up = lookup_baseline((example["tokens"], example[self.feature]) for example in train)
        baseline = self.scores(examples, [look_up(words) for words in tokens], config, data.vocabularies)
        return {f"valid_baseline_{self.objective}": baseline[self.objective]}

    def as_gold(self, tags):
        """Predicted tags in the form of the gold ones."""
        return tags

    def predict(self, run, lines):
        """Tags raw text: yields a `display.tagged` sentence, and its line's number, for each sentence of each line."""
        encode = self.encoder(run.config, run.vocabularies)
        for chunk in _batched(enumerate(lines, 1), 256):
            sentences = [
                {"line": number, "text": line, "places": places, "tokens": [token for token, _, _ in places]}
                for number, line in chunk
                for places in split_sentences(tokenize(line), line)
            ]
            if sentences:
                batches = Batches(sentences, encode, run.config.batch_size, run.config.batch_tokens)
                for sentence, tags, confidences in self.tagged(run.predictor, batches, run.vocabularies):
                    shown = tagged(sentence["text"], sentence["places"], self.as_gold(tags), confidences)
                    yield {"line": sentence["line"], **shown}

    def show(self, prediction, console):
        print_tagged(prediction, console)


def _batched(lines, size):
    """Lists of `size` lines (itertools.batched is new in Python 3.12)."""
    lines = iter(lines)
    while chunk := [*itertools.islice(lines, size)]:
        yield chunk


def _by_frequency(counter):
    """(token, count) with the most frequent first, equal ones by their spelling: the same in every process."""
    return sorted(counter.items(), key=lambda pair: (-pair[1], pair[0]))


def _label_weights(text):
    """{tag: weight} of ``"B-PER=2,O=0.5"``.

    Raises:
        ValueError: not of this form.
    """
    weights = {}
    for part in filter(None, text.split(",")):
        tag, _, weight = part.partition("=")
        try:
            weights[tag.strip()] = float(weight)
        except ValueError:
            raise ValueError(f"--label_weights should be like B-PER=2,O=0.5. Received: {text!r}") from None
    return weights
