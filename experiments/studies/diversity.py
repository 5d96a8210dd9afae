"""Measures how varied a language model's text is under temperature, top-p, greedy and beam search.

    python -m experiments.studies.diversity --workdir=RUN --data=FILE      RUN: a language model of the text FILE

It trains nothing. At 24 distant positions of the text's last tenth, the run reads 200 tokens and continues them. The
first 100 words of each continuation are compared with the text's own at the same position. `seqzoo.metrics.diversity`
measures distinct n-grams within a piece, self-BLEU between pieces, and the longest n-gram that occurs twice in a piece.
A text that repeats itself has few distinct n-grams; texts that are all alike have a high self-BLEU. The closer to the
text, the better: being more varied than the text is no virtue.
"""

import argparse
import json
import pathlib
import sys
from typing import TYPE_CHECKING

import numpy as np

from experiments import RESULTS
from experiments.benchmarks.benchmark import circumstances, keep_to
from seqzoo.files import write_json
from seqzoo.metrics import diversity

if TYPE_CHECKING:
    from seqzoo.decoding import StepDecoder
    from seqzoo.text.codec import Codec

SIZE, CONTEXT, SAMPLES = 100, 200, 24  # words compared, tokens read before, continuations
SETTINGS = {
    "greedy": {"temperature": 0.0},
    "beam 5": {"width": 5},
    "temperature 0.5": {"temperature": 0.5},
    "temperature 0.8": {"temperature": 0.8},
    "temperature 1": {"temperature": 1.0},
    "temperature 1.2": {"temperature": 1.2},
    "top-p 0.8": {"top_p": 0.8},
    "top-p 0.95": {"top_p": 0.95},
}


def main() -> int:
    flags = argparse.ArgumentParser("python -m experiments.studies.diversity", description=__doc__,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    flags.add_argument("--workdir", required=True, help="a run of the task language_model")
    flags.add_argument("--data", required=True, type=pathlib.Path, help="the file it was trained on")
    flags.add_argument("--length", type=int, default=700, help="tokens of a continuation (default: 700)")
    flags.add_argument("--seed", type=int, default=0)
    flags.add_argument("--threads", type=int, default=1, help="processors to use; 0: all")
    flags.add_argument("--out", type=pathlib.Path, default=RESULTS / "diversity.json")
    arguments = flags.parse_args()
    keep_to(arguments.threads)
    from seqzoo.training import load

    run = load(arguments.workdir)
    codec, key = run.task.assets["tokens"], f"valid_{run.task.objective}"
    epochs = json.loads((run.folder / "history.json").read_text("utf-8"))
    text = arguments.data.read_text("utf-8")
    ids = np.array(codec.encode(text[-len(text) // 10 :])[0], "int32")
    starts = np.linspace(0, len(ids) - CONTEXT - arguments.length, SAMPLES).astype(int)
    contexts = np.stack([ids[start : start + CONTEXT] for start in starts])
    truth = [ids[start + CONTEXT : start + CONTEXT + arguments.length] for start in starts]
    results = {
        **circumstances(),
        "command": f"python -m experiments.studies.diversity --length={arguments.length} --seed={arguments.seed} "
        "--workdir=RUN --data=FILE",
        "config": {name: value for name, value in run.task.config.to_dict().items() if name != "data_dir"},
        "epochs": len(epochs),
        key: min(epoch[key] for epoch in epochs),
        "diversity": {"the text itself": measured(codec, truth)},
    }
    for name, setting in SETTINGS.items():
        results["diversity"][name] = measured(codec, continued(run.predictor, codec, contexts, arguments, **setting))
        print(name, results["diversity"][name], flush=True)
    write_json(arguments.out, results)
    print(table(results["diversity"]))
    return 0


def continued(
    decoder: "StepDecoder",
    codec: "Codec",
    contexts: np.ndarray,
    arguments: argparse.Namespace,
    width: int = 0,
    **sampling,
) -> np.ndarray:
    """Continuations [B, N] of contexts [B, P], by beam search of a width or by sampling; 0 after the end."""
    from seqzoo.decoding import Beam, Sampler

    read, begin = {"tokens": contexts[:, :-1]}, contexts[:, -1]
    if width:
        beam = Beam(decoder, end=codec.end, width=width, attention=False)
        return beam(read, np.full(len(contexts), arguments.length), begin=begin).ids[:, 0]
    sampler = Sampler(decoder, stop=(codec.end,), **sampling)
    noise = np.random.default_rng(arguments.seed).random((arguments.length, len(contexts)))
    return sampler.draw(sampler.start(read, begin), noise)[0]


def measured(codec: "Codec", rows: np.ndarray) -> dict:
    """`diversity` of the first words of those rows of ids that are long enough, and their number."""
    pieces = [diversity.words(codec.decode(row))[:SIZE] for row in rows]
    pieces = [piece for piece in pieces if len(piece) == SIZE]
    return {**diversity.diversity(pieces), "pieces": len(pieces)}


def table(found: dict) -> str:
    """The results in Markdown."""
    lines = [f"| | {' | '.join(diversity.MEASURES.values())} |", "|---" * (len(diversity.MEASURES) + 1) + "|"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in diversity.rows_of(found)])


if __name__ == "__main__":
    sys.exit(main())
