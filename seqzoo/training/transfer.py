"""Training that starts from the weights and vocabularies of another run: ``--init_from=RUN``."""

from seqzoo.config import Config, checked, flag_text
from seqzoo.inputs import Words
from seqzoo.task import TASKS, Task
from seqzoo.text.vocabulary import Vocabulary
from seqzoo.training.folder import Run, load, read_config


def inherited(name: str, settings: dict) -> dict:
    """The settings of a training, with the options that shape the model from the run that it starts from.

    Args:
        name: the task.
        settings: {option: value} that were given, with init_from.

    Raises:
        ValueError: the other run is of another task, or an option was given that does not fit its weights.
    """
    config = _config(name, settings["init_from"])
    _check(config, settings)
    return {**{option.name: getattr(config, option.name) for option in config.shaping()}, **settings}


def source(task: Task) -> Run | None:
    """The run that a training starts from, whose assets the task takes over; None if it starts from nothing.

    Raises:
        ValueError: see `inherited`.
    """
    task.start, name = {}, task.config.init_from
    if not name:
        return None
    _check(_config(task.name, name), task.config.to_dict())
    run = load(name)
    for asset in run.task.assets.values():
        if isinstance(asset, Words):
            asset.recover(run.model)
    task.start = run.task.assets
    return run


def take_weights(model, task: Task, run: Run) -> list[str]:
    """Gives a model the weights of the run that its training starts from.

    Args:
        model: as the task built it.
        task: with its own labels.
        run: see `source`.

    Returns:
        The names of the layers that keep their fresh weights: those of the labels, if these were learned anew.

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
    """A model of the task with one label more, whose shapes tell which layers are of labels; None if they are kept.

    Other labels may be as many as those of the run, so that their layers have the same shapes.
    """
    labels = {name: asset for name, asset in task.assets.items() if isinstance(asset, Vocabulary)}
    learned = [name for name, asset in labels.items() if asset != run.task.assets[name]]
    more = {name: Vocabulary([*labels[name].tokens, "\0"], unknown=False) for name in learned}
    return type(task)(task.config, {**task.assets, **more}).build() if more else None


def _layers(model):
    return [layer for layer in model.layers if layer.weights]


def _shapes(model):
    return [[weight.shape for weight in layer.weights] for layer in _layers(model)]


def _config(name: str, folder: str) -> Config:
    """The config of the run to start from."""
    other, config = read_config(folder)
    if TASKS[other] is not TASKS[name]:
        raise ValueError(f"--init_from: {folder} is a run of task {other}. Received: --task={name}")
    return config


def _check(config: Config, settings: dict) -> None:
    """Raises a ValueError if an option was given that does not fit the weights of a run."""
    for option in config.shaping():
        own = getattr(config, option.name)
        if option.type is not float and checked(option, settings.get(option.name, own)) != own:
            raise ValueError(
                f"--{option.name} is fixed by the run to start from, {settings['init_from']}, which has "
                f"{flag_text(own) or 'none'}. Received: --{option.name}={flag_text(settings[option.name])}"
            )
