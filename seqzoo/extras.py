"""Optional packages: the extra that installs each, and the error if one is missing."""

import importlib.util
import pathlib

EXTRAS = {  # extra: its packages, by the names that are imported
    "text": ("conllu", "rouge_score", "sacrebleu", "sentencepiece"),
    "music": ("mido", "music21"),
    "speech": ("jiwer", "soundfile"),
    "jax": ("jax",),
    "serve": ("fastapi", "fastapi_offline", "uvicorn"),
    "litert": ("ai_edge_litert",),
    "onnx": ("onnxruntime", "tf2onnx"),
}
_IS_CHECKOUT = (pathlib.Path(__file__).parents[1] / "setup.cfg").is_file()


class MissingPackageError(ValueError):
    """A package of an extra is not installed."""


def check_installed(package: str, what: str) -> None:
    """Checks, without importing it, that a package of an extra is installed.

    Args:
        package: a package in EXTRAS.
        what: the feature that needs it: ``"--tokenizer=bpe"``.

    Raises:
        MissingPackageError: the package is not installed; the message has the command that installs it.
    """
    if importlib.util.find_spec(package) is None:
        extra = next(extra for extra, packages in EXTRAS.items() if package in packages)
        install = f'pip install -e ".[{extra}]"' if _IS_CHECKOUT else f'pip install "seqzoo[{extra}]"'
        raise MissingPackageError(f"{what} needs the package {package.replace('_', '-')}: {install}")
