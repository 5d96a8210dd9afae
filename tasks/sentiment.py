"""Text classification: a label for a whole text, such as its sentiment. Many to one."""

import collections
import dataclasses
import functools
import itertools
import pathlib

import numpy as np

from seqzoo import options
from seqzoo.config import Config as Options
from seqzoo.config import default, option
from seqzoo.datasets import DATASETS
from seqzoo.datasets.splits import stratified
from seqzoo.display.labels import missed_gold
from seqzoo.display.pages import classified_articles
from seqzoo.display.terminal import print_classified
from seqzoo.files import write_json
from seqzoo.inputs import Words
from seqzoo.layers import POOLINGS
from seqzoo.metrics.labels import calibration, class_scores, label_set_scores
from seqzoo.metrics.measure import Measure
from seqzoo.metrics.tags import confusion
from seqzoo.task import TASKS, Task
from seqzoo.text.baselines import naive_bayes_baseline
from seqzoo.text.normalization import normalize
from seqzoo.text.subwords import KINDS, Subwords
from seqzoo.text.tokenizer import TOKENIZERS, splitter
from seqzoo.text.vocabulary import Vocabulary

MISTAKES = 50  # shown in the report of a run


@dataclasses.dataclass(frozen=True)
class Texts(Options):
    """Texts."""

    tokenizer: str = option(
        "words",
        "What a text is split into: words and punctuation of raw text, tokens that have spaces between them, "
        "characters, or subwords learned from the training texts.",
        choices=TOKENIZERS,
    )
    subwords: int = option(8000, "Maximum number of subwords.", minimum=10, needs="tokenizer=bpe|unigram")
    max_tokens: int = option(
        0, "Maximum number of tokens read; longer texts keep both ends. 0: no limit.", minimum=0, shapes=False
    )
    extra_train: str = option(
        "", "File of more training texts, in the format of the dataset, such as phrases.", path=True, shapes=False
    )
    valid_fraction: float = option(
        0.1, "Share of each label's training texts that is held out where there is no valid split.", minimum=0.001,
        maximum=0.5, shapes=False,
    )  # fmt: skip
    multi_label: bool = option(False, "A text has any number of labels, joined by |, instead of one.")


@dataclasses.dataclass(frozen=True)
class Classifier(Options):
    """Classifier."""

    pooling: str = option(
        "max", f"From states to one vector, joined by +: {', '.join(POOLINGS)}.", sweep=["max", "max+mean", "attention"]
    )
    segment: int = option(
        0, "Chop texts into pieces of so many tokens, read apart and pooled together; 0: do not.", minimum=0,
        needs="layers",
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Regularization(Options):
    """Regularization."""

    shapes = False

    rdrop: float = option(0.0, "Weight of R-drop: two passes under other dropout should agree.", minimum=0, maximum=1e6)
    adversarial: float = option(
        0.0, "Weight of adversarial training: the loss under the worst small change.", minimum=0, maximum=1e6
    )
    virtual_adversarial: float = option(
        0.0, "Weight of virtual adversarial training: how far a small change moves the answer.", minimum=0, maximum=1e6
    )
    perturbation: float = option(
        0.1,
        "Size of that change, as a share of the norm of the text's features.",
        minimum=0,
        maximum=1000,
        needs=("adversarial", "virtual_adversarial"),
        sweep=(0.02, 0.3),
    )


@dataclasses.dataclass(frozen=True)
class Predicting(Options):
    """Predictions."""

    explain: str = option(
        "", "Which words decided: how far the log-odds of the label fall without a word, or the weights of "
        "--pooling=attention.", choices=("", "occlusion", "attention"),
    )  # fmt: skip
    html: str = option("", "Write the predictions as a page for a browser to this file, too.", path=True)


@dataclasses.dataclass(frozen=True)
class Config(
    options.Data, Texts, options.Batching, options.Words, options.Characters, options.Recurrent, Classifier,
    Regularization, options.Training, options.Labels,
):  # fmt: skip
    """Labels."""

    dataset: str = default(options.Data, dataset="reviews")
    characters: str = default(options.Characters, characters="none")
    casing: bool = default(options.Characters, casing=False)
    layers: int = default(options.Recurrent, layers=1)
    word_dropout: float = default(options.Words, word_dropout=0.1)
    epochs: int = default(options.Training, epochs=20)

    def __post_init__(self):
        super().__post_init__()
        kinds = self.pooling.split("+")
        if set(kinds) - set(POOLINGS) or len(set(kinds)) != len(kinds):
            raise ValueError(
                f"--pooling should be some of {', '.join(POOLINGS)}, joined by +. Received: {self.pooling!r}"
            )
        if self.vectors and self.tokenizer not in ("words", "whitespace"):
            raise ValueError(
                f"--vectors has vectors of words, so it needs --tokenizer=words or whitespace, or is left out. "
                f"Received: --tokenizer={self.tokenizer}"
            )


@TASKS.register("sentiment", "text_classification")
class Sentiment(Task):
    """Text classification: accuracy of one label per text, or F1 of several."""

    Config = Config
    requests = {"predict": Predicting}
    needs = {"text": str, "label": str}
    measures = {
        "accuracy": Measure("accuracy", "max", "%"),
        "precision": Measure("precision", "max", "%"),
        "recall": Measure("recall", "max", "%"),
        "f1": Measure("F1", "max", "%"),
        "macro_f1": Measure("macro F1", "max", "%"),
        "support": Measure("support"),
        "calibration_error": Measure("ECE", "min", "%"),
        "loss": Measure("loss", "min"),
    }
    objective = "accuracy"
    held_out = ""  # how valid was held out before --extra_train joined train
    axes = {"tokens": "time", "characters": "time", "casing": "time"}
    demo = {"reviews": '--text="The plot was dull, but I love this film."'}
    advice = {
        "reviews": "The texts were generated by a grammar, so these scores say little about real ones. To train on "
        "your own: --dataset=tsv --data_dir=FOLDER, with columns text and label in train.tsv (and valid.tsv)."
    }

    def read(self):
        splits = super().read()
        if self.config.extra_train and "train" in splits and self.assets is None:
            extra = self.extra_examples()
            if "valid" not in splits:  # none of the extra texts is held out
                splits["train"], splits["valid"], self.held_out = self.hold_out(splits["train"])
            train = splits["train"]
            sources = f"{train.source} + {extra.source}"
            splits["train"] = train.with_read(lambda: itertools.chain(train, extra), sources)
        return splits

    def extra_examples(self):
        """The examples in the file --extra_train."""
        path = self.config.extra_train
        if not pathlib.Path(path).is_file():
            raise ValueError(f"--extra_train: no file {path!r}.")
        try:
            source = {**options.source(self.config), "data_dir": path, "name": None}
            return DATASETS[self.config.dataset](**source)["test"]  # as of any single file
        except ValueError as error:
            raise ValueError(f"--extra_train: {error}") from error

    def hold_out(self, train):
        fraction = self.config.valid_fraction
        return *stratified(train, fraction, self.config.seed), f"{fraction:.0%} of the examples of each label are valid"

    def load(self, unseen=False):
        learning = self.assets is None
        data = super().load(unseen)
        if learning:
            data.summary |= {"held out": self.held_out} if self.held_out else {}
            labels = collections.Counter()
            for example in data.splits["train"].examples:
                labels.update(self.labels_of(example))
            data.summary["labels"] = ", ".join(f"{label} {labels[label]:,}" for label in sorted(labels)[:20])
        return data

    def learn_labels(self, train):
        labels = {label for example in train for label in self.labels_of(example)}
        if len(labels) < (1 if self.config.multi_label else 2):
            raise ValueError(
                f"{train.source}: a classifier needs two labels or more. Found: {', '.join(labels) or 'none'}"
            )
        return {"labels": Vocabulary(sorted(labels), unknown=False)}

    def learn(self, train):
        assets, config = {}, self.config
        if config.tokenizer in KINDS:
            texts = (example["text"] for example in train)
            assets["subwords"] = Subwords.learn(texts, config.subwords, config.tokenizer, config.lowercase)
        split = splitter(config.tokenizer, assets.get("subwords"), config.unicode)
        token_lists = ([token for token, _, _ in split(example["text"])] for example in train)
        return {**assets, "words": Words.learn(config, token_lists), **self.learn_labels(train)}

    def labels_of(self, example):
        """The labels of an example, in a list."""
        if self.config.multi_label:
            return [part for part in map(str.strip, example["label"].split("|")) if part]
        return [example["label"]]

    @property
    def split(self):
        """The function text -> [(token, start, end)] of the run's tokenizer."""
        return splitter(self.config.tokenizer, self.assets.get("subwords"), self.config.unicode)

    def offsets(self, text):
        """[(token, start, end)] of the tokens of a text that the model reads."""
        return both_ends(self.split(text), self.config.max_tokens)

    def known(self, example):
        tokens = (token for token, _, _ in self.offsets(example["text"]) if any(map(str.isalnum, token)))
        return [self.assets["words"].has_id(token) for token in tokens]

    def encoder(self, training=False):
        labels, several = self.assets["labels"], self.config.multi_label
        words = self.assets["words"].encoder(self.config.static_shapes)
        split = self.split
        label_weights = options.label_weights(normalize(self.config.label_weights, self.config.unicode))
        labels.encode(label_weights)  # raises if one of them is not a label

        def encode(example):
            tokens = [token for token, _, _ in both_ends(split(example["text"]), self.config.max_tokens)]
            gold = self.labels_of(example) if "label" in example else []
            ids = labels.encode([label for label in gold if label in labels])
            # A label unseen in training can't be learned or predicted: it counts as an error, but not in the loss.
            alone = float(several and not gold)  # the weight of a text without any label
            weight = max((label_weights.get(labels.tokens[i], 1.0) for i in ids), default=alone)
            if several:
                y = np.zeros(len(labels), "float32")
                y[ids] = 1
            else:
                y = np.array(ids[0] if ids else 0, "int32")
            return words(tokens), y, np.array(weight, "float32")

        return encode

    def build(self):
        from seqzoo.models import classifier

        return classifier(
            len(self.assets["labels"]),
            self.assets["words"].front(self.config),
            pooling=self.config.pooling.split("+"),
            segment=self.config.segment,
            **self.config.arguments(options.Recurrent),
        )

    def training_model(self, model, steps):
        from seqzoo.models.regularized import regularized

        config = self.config
        if not (config.rdrop or config.adversarial or config.virtual_adversarial):
            return model
        return regularized(
            model,
            rdrop=config.rdrop,
            adversarial=config.adversarial,
            virtual=config.virtual_adversarial,
            perturbation=config.perturbation,
            multi_label=config.multi_label,
            seed=config.seed,
        )

    def xla_obstacles(self):
        return [f"--{name}" for name in ("adversarial", "virtual_adversarial") if getattr(self.config, name)]

    def loss(self):
        import keras

        kind = "BinaryCrossentropy" if self.config.multi_label else "SparseCategoricalCrossentropy"
        return getattr(keras.losses, kind)(from_logits=True, reduction="mean_with_sample_weight")

    def decoded(self, model):
        from seqzoo.models import class_decoder

        return class_decoder(model, self.config.multi_label).output

    def signatures(self, run, request):
        from seqzoo.export.signatures import arrays, classification

        config, labels = self.config, self.assets["labels"].tokens
        if config.tokenizer in KINDS:
            return {"arrays": arrays(run)}
        return classification(run, labels, self.split, config.tokenizer, config.max_tokens, config.multi_label)

    def export_notes(self):
        from seqzoo.export.notes import of_texts

        return of_texts(self.config.unicode, self.config.tokenizer)

    def example(self, line):
        return {"text": line}

    def unknown_labels(self, example):
        return [label for label in self.labels_of(example) if label not in self.assets["labels"]]

    def answer(self, example, row):
        labels, several, text = self.assets["labels"].tokens, self.config.multi_label, example["text"]
        answer = {"text": text, "label": None, "probabilities": {}}
        if row:
            p = row["probabilities"]
            chosen = np.flatnonzero(p >= 0.5) if several else [p.argmax()]
            names = [labels[i] for i in chosen]
            answer["label"] = names if several else names[0]
            answer["probabilities"] = {labels[i]: round(float(p[i]), 4) for i in np.argsort(-p)}
        if "label" in example:
            answer["gold"] = self.labels_of(example) if several else example["label"]
        if row and "weights" in row:
            offsets = self.offsets(text)
            weights = row["weights"][: len(offsets)]
            weights = weights / max(float(np.abs(weights).max()), 1e-12)
            answer["words"] = [
                {"text": text[start:end], "start": start, "end": end, "weight": round(float(weight), 3)}
                for (_, start, end), weight in zip(offsets, weights, strict=True)
            ]
        return answer

    def scores(self, examples, answers):
        if self.config.multi_label:
            gold = [{*self.labels_of(example)} for example in examples]
            scores = label_set_scores(gold, [set(answer["label"]) for answer in answers])
        else:
            gold = [example["label"] for example in examples]
            scores = class_scores(gold, [answer["label"] for answer in answers])
        if all(answer["probabilities"] for answer in answers):
            scores["calibration_error"], _ = calibration(*self.confidences(examples, answers))
        return scores

    def confidences(self, examples, answers):
        """(confidences, whether right) of all answers; with several labels, of each label's yes or no."""
        confidences, correct = [], []
        for example, answer in zip(examples, answers, strict=True):
            gold, p = self.labels_of(example), answer["probabilities"]
            if self.config.multi_label:
                confidences += [max(share, 1 - share) for share in p.values()]
                correct += [(label in answer["label"]) == (label in gold) for label in p]
            else:
                confidences.append(p[answer["label"]])
                correct.append(answer["label"] == gold[0])
        return confidences, correct

    def predict(self, run, lines, request=None):
        how = request.explain if request else ""
        if how == "attention" and "attention" not in self.config.pooling:
            raise ValueError(
                f"The run pools by {self.config.pooling}, not by attention: --explain=occlusion explains it."
            )
        predictor = explaining(run.predictor, how, self.config.multi_label)
        return super().predict(dataclasses.replace(run, predictor=predictor), lines, request)

    def baselines(self, train):
        if self.config.multi_label:
            return {}
        split = self.split

        def bag(example):
            return [token.lower() if self.config.lowercase else token for token, _, _ in split(example["text"])]

        classify = naive_bayes_baseline((bag(example), example["label"]) for example in train)
        return {"naive Bayes": lambda example: {"label": classify(bag(example)), "probabilities": {}}}

    def plot(self, predictor, examples, answers, folder):
        """Saves confusion and reliability plots, and a page of the most confident mistakes."""
        from seqzoo.display.plots import confusion_plot, reliability_plot

        error, bins = calibration(*self.confidences(examples, answers))
        reliability_plot(bins, error, folder / "reliability.png")
        if not self.config.multi_label:
            gold, predicted = [[e["label"]] for e in examples], [[answer["label"]] for answer in answers]
            confusion_plot(*confusion(gold, predicted), folder / "confusion.png")
        wrong = [pair for pair in zip(examples, answers, strict=True) if self.differs(pair[1])]
        wrong.sort(key=lambda pair: -max(abs(p - 0.5) for p in pair[1]["probabilities"].values()))
        mistakes = [example for example, _ in wrong[:MISTAKES]]
        _, explained = self.answers(explaining(predictor, "occlusion", self.config.multi_label), self.feed(mistakes))
        write_json(folder / "errors.json", explained, ensure_ascii=False)
        page = self.page(explained, "The most confident mistakes on valid")
        (folder / "errors.html").write_text("".join(page), "utf-8")

    def show(self, answer, console):
        print_classified(answer, console)

    def articles(self, answers):
        return classified_articles(answers)

    def differs(self, answer):
        return missed_gold(answer) is not None

    @classmethod
    def tiny(cls):
        texts = {"a good film": "pos", "a bad film , a bad one": "neg", "good": "pos", "it was bad": "neg"}
        examples = [{"text": text, "label": label} for text, label in texts.items()]
        config = cls.Config(units=8, word_dim=8, epochs=2, learning_rate=0.02, dropout=0.1)
        return config, {"train": examples, "valid": examples}, ["a good film", "", "bad"]


@functools.lru_cache(4)  # a graph takes longer to make than a text to answer
def explaining(predictor, how, multi_label):
    """`predictor` with "weights" [B, T] of the words: positive ones speak for the likeliest label."""
    if not how:
        return predictor
    if how == "attention":
        return lambda *batch: (lambda rows: {**rows, "weights": rows["attention"]})(predictor(*batch))
    from seqzoo.models.explaining import occlusion

    weights_of = occlusion(predictor.model, multi_label)

    def run(inputs, labels, weights):
        rows = predictor(inputs, labels, weights)
        return {**rows, "weights": weights_of(inputs, rows["probabilities"].argmax(-1))}

    return run


def both_ends(items, most):
    """The first and last items of a long list, `most` together; 0: all."""
    if not most or len(items) <= most:
        return items
    head = most // 2
    return [*items[:head], *items[head - most :]]
