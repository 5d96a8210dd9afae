"""DNA, RNA and proteins: gives a sequence of letters a label. Many to one."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from seqzoo import options
from seqzoo.config import default, option
from seqzoo.display.logo import SHOWN_SEQUENCES, explained_logo_plot
from seqzoo.families.classification import Classification, Classifier, Labelled, weighing
from seqzoo.families.letters import CODON, LetterSequences, Sequences, add_matthews
from seqzoo.metrics.measure import Measure
from seqzoo.task import TASKS
from seqzoo.text.baselines import naive_bayes_baseline

if TYPE_CHECKING:
    import pathlib

    import keras

    from seqzoo.datasets import Examples
    from seqzoo.decoding.predictor import Predictor
    from seqzoo.training.folder import Run


@dataclasses.dataclass(frozen=True)
class Predicting(options.Ensemble):
    """Predictions."""

    explain: bool = option(
        False, "Show which letters decided: the mean drop in the log-odds of the label if a letter is replaced."
    )
    png: str = option("", "Explain, and draw logos of the letters to this file, a row for each sequence.", path=True)


@dataclasses.dataclass(frozen=True)
class Config(
    options.Data, Sequences, Labelled, options.Batching, options.PooledConvolution, options.Recurrent, Classifier,
    options.Training, options.Labels,
):  # fmt: skip
    """DNA and proteins."""

    dataset: str = default(options.Data, dataset="promoters")
    reverse_complement: bool = option(
        False, "Both strands of DNA have the same label: train on either, and predict the mean of both.",
        shapes=False,
    )  # fmt: skip
    filters: int = default(options.PooledConvolution, filters=32)
    units: int = default(options.Recurrent, units=64)
    layers: int = default(options.Recurrent, layers=1)
    dropout: float = default(options.Recurrent, dropout=0.1)
    epochs: int = default(options.Training, epochs=10)
    learning_rate: float = default(options.Training, learning_rate=3e-3)
    average: float = default(options.Training, average=0.98)

    def __post_init__(self):
        super().__post_init__()
        if self.reverse_complement and self.alphabet != "dna":
            raise ValueError(f"--reverse_complement is for --alphabet=dna. Received: --alphabet={self.alphabet}")


@TASKS.register("dna")
class DNA(LetterSequences, Classification):
    """DNA and proteins: accuracy of the labels of sequences."""

    Config = Config
    requests = {**Classification.requests, "predict": Predicting}
    needs = {"text": str, "label": str}
    measures = {
        **Classification.measures,
        "recall": Measure("recall, Sn", "max", "%"),
        **LetterSequences.measures,
    }
    axes = {"letters": "time"}
    demo = {"promoters": "--text=GCATCGTTGACAGCTAGCTAGTCCTAGCATATAATGCATGC"}
    advice = {
        "promoters": "The promoters were generated, so these scores say little about real ones. To train on your own: "
        "--dataset=fasta or csv, --data_dir=FOLDER_OR_FILE, and of proteins --alphabet=protein. For a tag of each "
        "letter: --task=dna_tagging."
    }

    def learn(self, train: "Examples") -> dict:
        return self.learn_labels(train)

    def encoder(self, training: bool = False) -> Callable:
        label = self.label_encoder()
        return lambda example: (self.inputs(example), *label(example))

    def decoded(self, model: "keras.Model") -> "dict[str, keras.KerasTensor]":
        from seqzoo.layers.strands import ReverseComplement
        from seqzoo.models import class_decoder

        outputs, x = super().decoded(model), dict(model.input)
        if self.config.reverse_complement:
            x["letters"] = ReverseComplement()(x["letters"], x["letters_length"])
            other = class_decoder(model, self.config.multi_label)(x)
            outputs["probabilities"] = (outputs["probabilities"] + other["probabilities"]) / 2
        return outputs

    def answer(self, example: dict, row: dict | None) -> dict:
        text, named = example["text"], {"name": example["name"]} if example.get("name") else {}
        answer = {"text": text, **named, **self.labelled(example, row)}
        if row and "weights" in row:
            answer["words"] = self.weighed(text, [(i, i + 1) for i in range(len(text))], row["weights"])
        return answer

    def scores(self, examples: list[dict], answers: list[dict]) -> dict:
        scores = super().scores(examples, answers)
        if self.config.multi_label:
            return scores
        return add_matthews(scores, [e["label"] for e in examples], [answer["label"] for answer in answers])

    def baselines(self, train: "Examples") -> dict[str, Callable]:
        if self.config.multi_label:
            return {}

        def words(example):
            text = example["text"].upper()
            return [text[i : i + CODON] for i in range(len(text) - CODON + 1)]

        classify = naive_bayes_baseline((words(example), example["label"]) for example in train)
        return {"naive Bayes": lambda example: {"label": classify(words(example)), "probabilities": {}}}

    def explaining(self, predictor: "Predictor") -> Callable:
        return explaining(predictor, self.config.multi_label)

    def predict(self, run: "Run", lines: Iterable[str], request: Predicting | None = None) -> Iterator[dict]:
        if not request or not (request.explain or request.png):
            yield from super().predict(run, lines, request)
            return
        drawn = []
        run = dataclasses.replace(run, predictor=self.explaining(run.predictor))
        for answer in super().predict(run, lines, request):
            drawn += [answer] if len(drawn) < SHOWN_SEQUENCES and answer.get("words") else []
            yield answer
        if request.png:
            rows = [(f"{answer.get('name', '')} {answer['label']}", [answer]) for answer in drawn]
            explained_logo_plot(self.letters, rows, request.png)

    def plot(self, predictor: "Predictor", examples: list[dict], answers: list[dict], folder: "pathlib.Path") -> None:
        """Saves confusion, reliability, mistakes, and for each label a logo of the letters that decided."""
        super().plot(predictor, examples, answers, folder)
        rows = []
        for label in () if self.config.multi_label else self.assets["labels"].tokens:
            right = [e for e, a in zip(examples, answers, strict=True) if a["label"] == label == e["label"]]
            alike = [e for e in right if len(e["text"]) == len(right[0]["text"])][:SHOWN_SEQUENCES]
            _, found = self.answers(self.explaining(predictor), self.feed(alike))
            rows += [(f"{label}, mean of {len(found)} sequences", found)] if found else []
        if rows:
            explained_logo_plot(self.letters, rows, folder / "logo.png")

    @classmethod
    def tiny(cls) -> tuple:
        texts = {"TTGACATATAAT": "promoter", "GCGCN": "other", "ttgaca": "promoter", "GRGCGGCC": "other"}
        examples = [{"text": text, "label": label} for text, label in texts.items()]
        model = {"units": 4, "filters": 6, "kernel_size": 3, "pool": 2, "positions": 2}
        config = cls.Config(**model, epochs=2, learning_rate=0.02, dropout=0.1)
        return config, {"train": examples, "valid": examples}, ["ttgacaTATAAT", "", "GCG"]


@functools.lru_cache(4)  # making the graph takes longer than answering a sequence
def explaining(predictor: "Predictor", multi_label: bool) -> Callable:
    """Adds "weights" [B, T] of the letters to `predictor`: positive ones support the likeliest label."""
    from seqzoo.models.explaining import occlusion, substitutions

    return weighing(predictor, occlusion(predictor.model, multi_label, substitutions("letters")))
