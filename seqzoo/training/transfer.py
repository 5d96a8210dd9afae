"""Training that starts from another run: ``--init_from=RUN``.

From a run of the same task, training takes weights and vocabularies. From a run of a language model, a task that reads
words takes embeddings and recurrent layers (Dai & Le, 2015, Semi-supervised Sequence Learning; Howard & Ruder, 2018,
ULMFiT).
"""

from typing import TYPE_CHECKING

from seqzoo import options
from seqzoo.config import Config, checked, flag_text
from seqzoo.inputs import Words
from seqzoo.rnns import RNNS
from seqzoo.task import TASKS, Task
from seqzoo.text.codec import Codec
from seqzoo.text.vocabulary import Vocabulary
from seqzoo.training.folder import Run, load, read_config

if TYPE_CHECKING:
    import keras

    from seqzoo.training.pretrained import Pretrained

LAYERS = ("units", "layers", "activation", "residual", "layer_norm")  # options that a language model's layers decide
WORDS = ("words", "whitespace")  # tokenizers whose tokens are words


def inherited(name: str, settings: dict) -> dict:
    """Returns training settings with the options that shape the model taken from the run to start from.

    Args:
        name: the task.
        settings: {option: value} of the given options, including init_from.

    Raises:
        ValueError: the task can't start from a run of that task, or a given option does not fit the run's weights.
    """
    configs = _configs(name, settings["init_from"])
    if _is_language_model(name, configs):
        return _with_layers(TASKS[name].Config, configs, settings)
    _check(configs[0], settings)
    return {**{option.name: getattr(configs[0], option.name) for option in configs[0].shaping()}, **settings}


def source(task: Task) -> "Run | Pretrained | None":
    """Returns the run to start from, or None; the task takes over its assets or words.

    Raises:
        ValueError: see `inherited`.
    """
    task.start, task.pretrained_words, name = {}, (), task.config.init_from
    if not name:
        return None
    configs, settings = _configs(task.name, name), task.config.to_dict()
    if _is_language_model(task.name, configs):
        from seqzoo.training.pretrained import Pretrained  # which imports Keras

        _check_words(type(task.config), configs, settings)
        models = Pretrained([load(folder) for folder in name.split(",")])
        task.pretrained_words = () if task.config.vectors else models.words  # the words of the vectors are known
        return models
    _check(configs[0], settings)
    run = load(name)
    for asset in run.task.assets.values():
        if isinstance(asset, Words):
            asset.recover(run.model)
    task.start = run.task.assets
    return run


def start(model: "keras.Model", task: Task, source: "Run | Pretrained") -> list[str]:
    """Gives a model its initial weights, see `take_weights` and `Pretrained.give`; returns lines that describe them."""
    if not isinstance(source, Run):
        return source.give(model, task)
    fresh = take_weights(model, task, source)
    return [f"initial weights: those of {task.config.init_from}" + (f"; fresh: {', '.join(fresh)}" if fresh else "")]


def take_weights(model: "keras.Model", task: Task, run: Run) -> list[str]:
    """Gives a model the weights of a run of the same task.

    Args:
        model: the model that the task built.
        task: the task, with its own labels.
        run: the run to start from, see `source`.

    Returns:
        The names of the layers that keep their new weights: the layers of the labels, if these were learned anew.

    Raises:
        ValueError: the models have other layers.
    """
    own, other = _layers(model), _layers(run.model)
    if [type(layer) for layer in own] != [type(layer) for layer in other]:
        raise ValueError(
            f"--init_from: the model of {task.config.init_from} has other layers: "
            f"{', '.join(layer.name for layer in other)}. This one has {', '.join(layer.name for layer in own)}."
        )
    fresh = []
    for layer, source, shapes in zip(own, other, _shapes(_with_another_label(task, run) or model), strict=True):
        if shapes == [weight.shape for weight in layer.weights] == [weight.shape for weight in source.weights]:
            layer.set_weights(source.get_weights())
        else:
            fresh.append(layer.name)
    return fresh


def _with_another_label(task, run):
    """Returns a model with one more label, whose shapes show which layers depend on labels; None if they are kept.

    Comparing with the run is not enough: with equally many new labels, the shapes are the same.
    """
    more = {
        name: _one_more(asset)
        for name, asset in task.assets.items()
        if isinstance(asset, Vocabulary | Codec) and asset != run.task.assets[name]
    }
    return type(task)(task.config, {**task.assets, **more}).build() if more else None


def _one_more(labels):
    if isinstance(labels, Codec):
        return Codec(labels.units, Vocabulary([*labels.tokens[2:], "\0"]), labels.unicode)
    return Vocabulary([*labels.tokens, "\0"], unknown=False)


def _layers(model):
    from seqzoo.training.stacks import layers_within  # which imports Keras

    return [layer for layer in layers_within(model) if layer.weights]


def _shapes(model):
    return [[weight.shape for weight in layer.weights] for layer in _layers(model)]


def _check(config: Config, settings: dict) -> None:
    """Raises a ValueError if a given option does not fit the weights of a run."""
    for option in config.shaping():
        own = getattr(config, option.name)
        if option.type is not float and checked(option, settings.get(option.name, own)) != own:
            raise _fixed(option.name, settings, own)


def _fixed(name, settings, value):
    return ValueError(
        f"--{name} is fixed by the run to start from, {settings['init_from']}, which has {flag_text(value) or 'none'}. "
        f"Received: --{name}={flag_text(settings[name])}"
    )


def _configs(name: str, folders: str) -> list[Config]:
    """Returns the configs of the runs to start from: one of the same task, or one or two of language models.

    Raises:
        ValueError: a run of another task, or two that are not a forward and a backward language model.
    """
    folders = folders.split(",")
    tasks, configs = zip(*map(read_config, folders), strict=True)
    kind = TASKS[name]
    if len(folders) == 1 and TASKS[tasks[0]] is kind:
        return [*configs]
    reads_words = issubclass(kind.Config, options.Words)
    for folder, task in zip(folders, tasks, strict=True):
        if task != "language_model" or not reads_words:
            also = "; a run of language_model would do, too" if reads_words else ""
            raise ValueError(f"--init_from: {folder} is a run of task {task}. Received: --task={name}{also}")
    if sorted(config.reverse for config in configs) not in ([False], [True], [False, True]):
        raise ValueError(
            "--init_from: of two language models one should read forward and one backward (--reverse). Received: "
            + ", ".join(f"{f}, {'backward' if c.reverse else 'forward'}" for f, c in zip(folders, configs, strict=True))
        )
    return [*configs]


def _is_language_model(name: str, configs: list[Config]) -> bool:
    """Returns whether the runs to start from are language models, while the task is another one."""
    return type(configs[0]) is not TASKS[name].Config


# --- From language models -----------------------------------------------------------------------------


def _with_layers(kind: type[Config], models: list[Config], settings: dict) -> dict:
    """Returns training settings with embeddings and recurrent layers as wide as those of the language models."""
    _check_words(kind, models, settings)
    first, usual = models[0], kind.__dataclass_fields__["rnn"].default
    shape = {"word_dim": sum(model.dim for model in models)}
    if not first.context:
        both = RNNS.trait(usual, "bidirectional", False) and f"bi{first.rnn}" in RNNS
        shape |= {"rnn": f"bi{first.rnn}" if both else first.rnn, **{name: getattr(first, name) for name in LAYERS}}
    idle = kind.without_effect({**shape, **settings}).keys() - settings.keys()  # --residual with --layers=1
    return {**{name: value for name, value in shape.items() if name not in idle}, **settings}


def _check_words(kind: type[Config], models: list[Config], settings: dict) -> None:
    """Raises a ValueError if task and language models read different units, or if the embeddings do not fit."""
    own = {name: field.default for name, field in kind.__dataclass_fields__.items()} | settings
    tokenizer = own.get("tokenizer", "words")  # taggers get words
    for model in models:
        if model.tokenizer != tokenizer and not {model.tokenizer, tokenizer} <= {*WORDS}:
            raise ValueError(
                f"--init_from: the language model reads {model.tokenizer}, and the task {tokenizer}. Both should read "
                "words, or both characters (--tokenizer)."
            )
        if model.tokenizer not in (*WORDS, "characters"):
            raise ValueError(
                f"--init_from: each run learns subwords of its own, so those of --tokenizer={tokenizer} are not those "
                "of the language model. Use --tokenizer=words or characters in both."
            )
    if own["vectors"] and own["vectors_trainable"]:
        raise ValueError(
            "--init_from brings the embeddings of a language model, and --vectors others: leave one out, or let "
            "--novectors_trainable put both side by side."
        )
    dim = sum(model.dim for model in models)
    if "word_dim" in settings and settings["word_dim"] != dim:
        raise _fixed("word_dim", settings, dim)
