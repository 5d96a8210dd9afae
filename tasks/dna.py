"""DNA, RNA and proteins: a label for a sequence, or a tag for each of its letters. Many to one, or aligned."""

import dataclasses
import functools

import numpy as np

from seqzoo import options
from seqzoo.config import Config as Options
from seqzoo.config import default, option
from seqzoo.datasets.files import place
from seqzoo.datasets.sequences.fasta import Records, header_name, records
from seqzoo.display.pages import tagged_articles
from seqzoo.display.plain import plain_text
from seqzoo.display.terminal import print_tagged
from seqzoo.families.classification import Classification, Classifier, Labelled, weighing
from seqzoo.families.tagging import stretches, tag_encoder, tag_loss, tags_of
from seqzoo.inputs import frames
from seqzoo.inputs.letters import ALPHABETS, Letters, reverse_complement
from seqzoo.metrics.labels import class_scores, matthews, one_against_rest
from seqzoo.metrics.measure import Measure
from seqzoo.metrics.tags import confusion
from seqzoo.task import TASKS, Task
from seqzoo.text.baselines import naive_bayes_baseline, window_baseline
from seqzoo.text.lines import shorten

CODON = 3  # letters that the baselines count as a word
REACH = 30  # letters on each side that the baseline of tags sees
DRAWN = 20  # sequences of a label whose logo is their mean
OF_LABELS = ("multi_label", "pooling", "segment", "pool", "reverse_complement")  # options without an effect on tags


@dataclasses.dataclass(frozen=True)
class Sequences(Options):
    """Sequences."""

    alphabet: str = option("dna", "Letters of the sequences, with the codes that stand for several.", choices=ALPHABETS)
    per_base: bool = option(
        False, "The label of a sequence is a string with a tag, one character, for each of its letters.", shapes=False
    )
    reverse_complement: bool = option(
        False, "A label of DNA is that of both strands: training reads either, and answers are the mean of both.",
        shapes=False,
    )  # fmt: skip
    letter_dropout: float = option(
        0.0, "Share of the letters that training reads as any letter, N of bases.", minimum=0, maximum=0.95,
        shapes=False,
    )  # fmt: skip
    positions: int = option(
        0, "Width of the encoding of its position that is joined to each letter, where sequences are aligned at a "
        "point, such as a splice site; an even number, 0: none.", minimum=0, maximum=512,
    )  # fmt: skip
    crf: bool = option(False, "Score whole sequences of tags with a conditional random field.")

    def __post_init__(self):
        super().__post_init__()
        if self.reverse_complement and self.alphabet != "dna":
            raise ValueError(f"--reverse_complement is for --alphabet=dna. Received: --alphabet={self.alphabet}")
        if self.positions % 2:
            raise ValueError(f"--positions should be even: a sine and a cosine a wave. Received: {self.positions}")


@dataclasses.dataclass(frozen=True)
class Predicting(Options):
    """Predictions."""

    explain: bool = option(
        False, "Which letters decided: how far the log-odds of the label fall, on average, if a letter is another one."
    )
    png: str = option("", "Explain, and draw logos of the letters, a row for each sequence, to this file.", path=True)


@dataclasses.dataclass(frozen=True)
class Config(
    options.Data, Sequences, Labelled, options.Batching, options.Convolution, options.Recurrent, Classifier,
    options.Training, options.Labels,
):  # fmt: skip
    """Labels."""

    dataset: str = default(options.Data, dataset="genes")
    batch_size: int = default(options.Batching, batch_size=16)
    filters: int = default(options.Convolution, filters=32)
    kernel_size: int = default(options.Convolution, kernel_size=5)
    units: int = default(options.Recurrent, units=64)
    layers: int = default(options.Recurrent, layers=1)
    dropout: float = default(options.Recurrent, dropout=0.1)
    epochs: int = default(options.Training, epochs=14)
    learning_rate: float = default(options.Training, learning_rate=5e-3)
    average: float = default(options.Training, average=0.98)


@TASKS.register("dna")
class DNA(Classification):
    """DNA and proteins: accuracy of the labels of sequences, or of the tags of their letters."""

    Config = Config
    requests = {"predict": Predicting}
    needs = {"text": str, "label": str}  # or instead of a label "tags", a list with one for each letter
    measures = {
        **Classification.measures,
        "recall": Measure("recall, Sn", "max", "%"),
        "specificity": Measure("Sp", "max", "%"),
        "mcc": Measure("MCC", "max"),
    }
    axes = {"letters": "time", "labels": "time"}
    demo = {"genes": "--text=GGCTATGGCTAACGGCACTGATTGAGCCATT"}
    advice = {
        "genes": "The genes were generated, so these scores say little about real ones. To train on your own: "
        "--dataset=fasta or csv, --data_dir=FOLDER_OR_FILE, and of proteins --alphabet=protein."
    }

    @functools.cached_property
    def letters(self):
        """The alphabet."""
        return Letters(self.config.alphabet)

    def check(self, examples):
        if "tags" not in examples.features:
            super().check(examples)

    def read(self):
        def checked(examples):
            for number, example in enumerate(examples, 1):
                try:
                    self.letters.frames(example["text"])
                    example = {**example, "tags": [*example["label"]]} if self.config.per_base else example
                    if len(example.get("tags", example["text"])) != len(example["text"]):
                        raise ValueError(f"{len(example['tags'])} tags for {len(example['text'])} letters.")
                except ValueError as error:
                    raise ValueError(f"{place(examples.source, example, number)}: {error}") from None
                yield example

        splits = super().read().items()
        return {split: examples.with_read(functools.partial(checked, examples)) for split, examples in splits}

    def content(self, example):
        return " ".join(example["text"].upper())  # a letter is a token

    def group(self, example):
        return example["text"].upper()

    def hold_out(self, train):
        return Task.hold_out(self, train) if has_tags(train) else super().hold_out(train)

    def learn(self, train):
        tags = has_tags(train)
        for name in OF_LABELS if tags else ("crf",):
            value = getattr(self.config, name)
            if value != self.config.__dataclass_fields__[name].default:
                others = ("whole sequences", "each letter")[:: 1 if tags else -1]
                raise ValueError(
                    f"--{name}={value} is for a label of {others[0]}; {train.source} has one for {others[1]}."
                )
        return {"tagging": tags, **self.learn_labels(train)}

    def labels_of(self, example):
        return example["tags"] if "tags" in example else super().labels_of(example)

    def encoder(self, training=False):
        label_weights = options.label_weights(self.config.label_weights)
        if self.assets["tagging"]:
            tags = tag_encoder(self.assets["labels"], label_weights, self.config.crf)
        label = self.label_encoder()

        def encode(example):
            x = self.letters.frames(example["text"])  # [T, D]
            inputs = {"letters": x, "letters_length": np.array(len(x), "int32")}
            return inputs, *(tags(example.get("tags", ()), len(x)) if self.assets["tagging"] else label(example))

        return encode

    def augmenter(self):
        strands, rate = self.config.reverse_complement, self.config.letter_dropout

        def augment(example, encoded, rng):
            inputs, *labels = encoded
            x = inputs["letters"]
            if strands and rng.random() < 0.5:
                x = reverse_complement(x)
            hidden = rng.random((len(x), 1)) < rate
            return {**inputs, "letters": np.where(hidden, np.float32(1 / x.shape[1]), x)}, *labels

        return augment if strands or rate else None

    def front(self):
        from seqzoo.layers.positions import Positions

        inputs, x, mask = frames(len(self.letters.letters), name="letters")
        width = self.config.positions
        return inputs, Positions(width, name="positions")(x, mask=mask) if width else x, mask

    def build(self):
        from seqzoo.models import tagger

        config = self.config
        if not self.assets["tagging"]:
            return super().build()
        own = {"crf": config.crf, "filters": config.filters, "kernel_size": config.kernel_size}
        return tagger(len(self.assets["labels"]), self.front(), **own, **config.arguments(options.Recurrent))

    def loss(self):
        return tag_loss(self.config.crf) if self.assets["tagging"] else super().loss()

    def decoded(self, model):
        from seqzoo.layers.strands import ReverseComplement
        from seqzoo.models import class_decoder
        from seqzoo.models.tagger import Decode

        if self.assets["tagging"]:
            return Decode()(model.output)
        outputs, x = super().decoded(model), dict(model.input)
        if self.config.reverse_complement:
            x["letters"] = ReverseComplement()(x["letters"], x["letters_length"])
            other = class_decoder(model, self.config.multi_label)(x)
            outputs["probabilities"] = (outputs["probabilities"] + other["probabilities"]) / 2
        return outputs

    def examples(self, line, request=None):
        if line.startswith(">"):
            found = records(enumerate(line.split("\n"), 1), "text")
            rows = [{"name": header_name(header), "text": text} for _, header, text in found]
        else:
            rows = [{"text": "".join(line.split())}]
        for row in rows:
            try:
                self.letters.frames(row["text"])
            except ValueError as error:
                raise ValueError(f"{row.get('name') or shorten(row['text'], 30)}: {error}") from None
        return rows

    def answer(self, example, row):
        text, named = example["text"], {"name": example["name"]} if example.get("name") else {}
        if not self.assets["tagging"]:
            answer = {"text": text, **named, **self.labelled(example, row)}
            if row and "weights" in row:
                answer["words"] = self.weighed(text, [(i, i + 1) for i in range(len(text))], row["weights"])
            return answer
        tags = self.assets["labels"].decode(row["tags"][: len(text)]) if row else []
        return {**stretches(text, tags, row["confidence"] if row else (), example.get("tags")), **named}

    def scores(self, examples, answers):
        if self.assets["tagging"]:
            gold = [tag for example in examples for tag in example["tags"]]
            predicted = [tag for answer in answers for tag in tags_of(answer)]
            scores = class_scores(gold, predicted)
        else:
            scores = super().scores(examples, answers)
            gold, predicted = [e.get("label") for e in examples], [answer["label"] for answer in answers]
        if not self.config.multi_label:
            scores["mcc"] = matthews(gold, predicted)
            for label, row in one_against_rest(gold, predicted).items():
                scores["classes"][label] |= row
        return scores

    def baselines(self, train):
        if self.config.multi_label:
            return {}
        if self.assets["tagging"]:
            size = CODON if self.config.alphabet == "dna" else 1
            tag = window_baseline(((example["text"], example["tags"]) for example in train), REACH, size)
            name = f"window of {2 * REACH + 1}"
            return {name: lambda example: stretches(example["text"], tag(example["text"]))}

        def words(example):
            text = example["text"].upper()
            return [text[i : i + CODON] for i in range(len(text) - CODON + 1)]

        classify = naive_bayes_baseline((words(example), example["label"]) for example in train)
        return {"naive Bayes": lambda example: {"label": classify(words(example)), "probabilities": {}}}

    def explaining(self, predictor):
        return explaining(predictor, self.config.multi_label)

    def predict(self, run, lines, request=None):
        explain = request and (request.explain or request.png)
        if explain and self.assets["tagging"]:
            raise ValueError("--explain is for labels of whole sequences, and the run gives each letter one.")
        predictor = self.explaining(run.predictor) if explain else run.predictor
        answers = super().predict(dataclasses.replace(run, predictor=predictor), Records(lines), request)
        if not explain or not request.png:
            yield from answers
            return
        drawn = []
        for answer in answers:
            drawn += [answer] if len(drawn) < DRAWN and answer.get("words") else []
            yield answer
        self.draw([(f"{answer.get('name', '')} {answer['label']}", [answer]) for answer in drawn], request.png)

    def draw(self, rows, path):
        """Draws logos: rows of (title, explained answers of one length, whose mean is drawn)."""
        from seqzoo.display.logo import logo_plot

        def heights(answer):
            return self.letters.frames(answer["text"]) * np.array([word["weight"] for word in answer["words"]])[:, None]

        means = [(title, np.mean([heights(answer) for answer in answers], axis=0)) for title, answers in rows]
        logo_plot(self.letters.letters, means, path)

    def plot(self, predictor, examples, answers, folder):
        """Saves the confusion; of labels also reliability, mistakes, and logos of the letters that decided."""
        from seqzoo.display.plots import confusion_plot

        if self.assets["tagging"]:
            gold, predicted = [example["tags"] for example in examples], [*map(tags_of, answers)]
            confusion_plot(*confusion(gold, predicted), folder / "confusion.png")
            return
        super().plot(predictor, examples, answers, folder)
        rows = []
        if not self.config.multi_label:
            for label in self.assets["labels"].tokens:
                right = [e for e, a in zip(examples, answers, strict=True) if a["label"] == label == e["label"]]
                alike = [e for e in right if len(e["text"]) == len(right[0]["text"])][:DRAWN]
                _, found = self.answers(self.explaining(predictor), self.feed(alike))
                rows += [(f"{label}, mean of {len(found)} sequences", found)] if found else []
        if rows:
            self.draw(rows, folder / "logo.png")

    def show(self, answer, console):
        if "name" in answer:
            console.print(plain_text(f">{answer['name']}", "dim"), soft_wrap=True)
        print_tagged(answer, console) if self.assets["tagging"] else super().show(answer, console)

    def articles(self, answers):
        return tagged_articles(answers) if self.assets["tagging"] else super().articles(answers)

    def differs(self, answer):
        if self.assets["tagging"]:
            return any(token.get("gold", token["tag"]) != token["tag"] for token in answer["tokens"])
        return super().differs(answer)

    @classmethod
    def tiny(cls):
        texts = {"TTGACATATAAT": "promoter", "GCGCN": "other", "ttgaca": "promoter", "GRGCGGCC": "other"}
        examples = [{"text": text, "label": label} for text, label in texts.items()]
        model = {"units": 4, "filters": 6, "kernel_size": 3, "pool": 2, "positions": 2}
        config = cls.Config(**model, epochs=2, learning_rate=0.02, dropout=0.1)
        return config, {"train": examples, "valid": examples}, ["ttgacaTATAAT", "", "GCG"]


@functools.lru_cache(4)  # a graph takes longer to make than a sequence to answer
def explaining(predictor, multi_label):
    """`predictor` with "weights" [B, T] of the letters: positive ones speak for the likeliest label."""
    from seqzoo.models.explaining import occlusion, substitutions

    return weighing(predictor, occlusion(predictor.model, multi_label, substitutions("letters")))


def has_tags(examples):
    """Whether examples have a tag for each letter."""
    return "tags" in next(iter(examples), {})
