"""Assets: objects that a task learns from its training data and a run keeps, such as a vocabulary or a scaler."""

import json
import os
import pathlib

from seqzoo.extras import MissingPackageError
from seqzoo.files import replace, write_json

MANIFEST = "assets.json"
REMEDY = "Restore the file from a backup, or train the run again with --overwrite."


class Asset:
    """Something learned that can be saved to a file and loaded from it.

    A subclass defines `to_dict` and `from_dict` and is saved as JSON, or defines `save`, `load` and `suffix` for
    another format. It is registered under its class name, by which `load_assets` finds it. Assets of one class are
    equal if their `to_dict` are.

    Attributes:
        suffix: the ending of its file.

    Example::

        class Scaler(Asset):
            def __init__(self, mean, deviation):
                self.mean, self.deviation = mean, deviation

            def to_dict(self):
                return {"mean": self.mean, "deviation": self.deviation}
    """

    suffix = ".json"
    _classes: dict[str, type["Asset"]] = {}

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        known = cls._classes.setdefault(cls.__name__, cls)
        if known.__module__ != cls.__module__:
            raise ValueError(
                f"Two classes of assets are called {cls.__name__!r}, in {known.__module__} and {cls.__module__}. A run "
                "finds them by their names, so rename one."
            )
        cls._classes[cls.__name__] = cls  # the newer one if a module was reloaded

    def to_dict(self) -> dict:
        """Returns the content as a dict ready for JSON."""
        raise NotImplementedError(f"{type(self).__name__} should define to_dict, or save, load and __eq__.")

    @classmethod
    def from_dict(cls, values: dict) -> "Asset":
        """Returns the asset whose `to_dict` gave `values`; by default these are the arguments of the class."""
        return cls(**values)

    def save(self, path: str | os.PathLike) -> None:
        """Writes the asset to a file."""
        pathlib.Path(path).write_text(json.dumps(self.to_dict(), ensure_ascii=False), "utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Asset":
        """Reads the file that `save` wrote."""
        return cls.from_dict(json.loads(pathlib.Path(path).read_text("utf-8")))

    def __eq__(self, other):
        return type(self) is type(other) and self.to_dict() == other.to_dict()

    __hash__ = None


def save_assets(folder: str | os.PathLike, assets: dict) -> None:
    """Saves assets in a run folder: each in ``assets/NAME`` + suffix, and a manifest, ``assets.json``.

    The manifest has the class name of an asset, ``"tags": "Vocabulary"``, or a plain value itself, ``"width": {"value":
    40}``. It is written last, so that it never names a file that does not exist.

    Args:
        folder: the run folder.
        assets: {name: Asset or plain JSON value}.

    Raises:
        ValueError: a name that is not an identifier, or a value that JSON would change (a tuple, an array, NaN).
    """
    folder, manifest = pathlib.Path(folder), {}
    for name, asset in assets.items():
        _check_name(name)
        if not isinstance(asset, Asset):
            manifest[name] = {"value": _plain(name, asset)}
    for name, asset in assets.items():
        if isinstance(asset, Asset):
            manifest[name] = type(asset).__name__
            (folder / "assets").mkdir(parents=True, exist_ok=True)
            replace(folder / "assets" / f"{name}{asset.suffix}", asset.save)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / MANIFEST, {name: manifest[name] for name in assets})


def load_assets(folder: str | os.PathLike) -> dict:
    """Loads the assets that `save_assets` saved, in the same order.

    Nothing is imported: a class is found by its name among the classes that are already defined.

    Raises:
        ValueError: the manifest is missing, malformed, or names an unknown class; or a file is missing or malformed.
    """
    folder = pathlib.Path(folder)
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{folder} has no {MANIFEST}: no assets were saved there. {REMEDY}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{folder / MANIFEST} is malformed: {error}. {REMEDY}") from error
    if not isinstance(manifest, dict):
        raise ValueError(f"{folder / MANIFEST} should hold a JSON object. Received: {manifest!r:.60}. {REMEDY}")
    return {name: _load(folder, name, entry) for name, entry in manifest.items()}


def _load(folder, name, entry):
    _check_name(name)
    if isinstance(entry, dict) and set(entry) == {"value"}:
        return entry["value"]
    if not isinstance(entry, str):
        raise ValueError(
            f"{folder / MANIFEST}: asset {name!r} should be the name of a class or {{'value': ...}}. "
            f"Received: {entry!r:.60}"
        )
    kind = Asset._classes.get(entry)
    if kind is None:
        raise ValueError(
            f"{folder / MANIFEST}: asset {name!r} is of the unknown class {entry!r}. Known: "
            f"{', '.join(sorted(Asset._classes)) or 'none'}. Import the module that defines it first. {REMEDY}"
        )
    path = folder / "assets" / f"{name}{kind.suffix}"
    try:
        return kind.load(path)
    except FileNotFoundError:
        raise ValueError(f"{path} is missing: asset {name!r} of {folder / MANIFEST}. {REMEDY}") from None
    except (MemoryError, PermissionError, MissingPackageError):
        raise
    except Exception as error:  # including errors of other formats, such as sentencepiece's
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ValueError(f"{path} could not be loaded as {entry}: {reason}. {REMEDY}") from error


def _check_name(name):
    if not (isinstance(name, str) and name.isidentifier()):  # it becomes part of a path
        raise ValueError(f"The name of an asset should be an identifier, such as 'tags'. Received: {name!r}")


def _plain(name, value):
    try:
        unchanged = json.loads(json.dumps(value, allow_nan=False)) == value
    except (TypeError, ValueError):
        unchanged = False
    if not unchanged:
        raise ValueError(
            f"Asset {name!r} should be an Asset or a plain JSON value (no tuple, array, NaN or key that is not a "
            f"string). Received: {value!r:.60}"
        )
    return value
