"""The environment of a run: besides the config, its results depend on versions, machine and command."""

import contextlib
import datetime
import importlib.metadata
import os
import pathlib
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence


def environment() -> dict:
    """Returns versions, code, machine and command, for environment.json."""
    import keras

    backend = keras.backend.backend()
    packages = ("seqzoo", "tensorflow", "keras", "numpy", *(["jax"] if backend == "jax" else []))
    here = pathlib.Path(__file__).resolve().parents[2]
    return {
        "command": shlex.join(sys.argv),
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "git": commit(here),
        **versions(packages),
        "platform": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "gpus": gpus(),
        "backend": backend,
    }


def versions(packages: Sequence[str]) -> dict[str, str | None]:
    """Returns {package: version} of Python and packages; None for a package that is not installed."""
    found = {"python": platform.python_version()}
    for package in packages:
        found[package] = None
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):  # seqzoo itself, in a bare checkout
            found[package] = importlib.metadata.version(package)
    return found


def commit(folder: pathlib.Path, code: Sequence[str] = ("seqzoo", "tasks")) -> str | None:
    """Returns the commit of a checkout, from git describe, with "-dirty" if the code was changed; else None.

    Args:
        folder: folder of the checkout.
        code: folders of code; changes elsewhere, such as newly recorded results, do not count.
    """
    if not (folder / ".git").exists():  # otherwise git would describe a repository that contains the installed package
        return None
    with contextlib.suppress(OSError):  # no git
        git = ["git", "-C", folder]
        command = [*git, "describe", "--always", "--abbrev=40"]
        found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", *code], capture_output=True, check=False)
        return (found + "-dirty" * bool(changed.returncode)) if found else None


def processor() -> str:
    """Returns the model of the processor, or its architecture if the model is unknown."""
    with contextlib.suppress(OSError):  # Linux
        for line in pathlib.Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def gpus() -> list[str]:
    """Returns the models of the GPUs that TensorFlow sees."""
    import tensorflow as tf

    details = map(tf.config.experimental.get_device_details, tf.config.list_physical_devices("GPU"))
    return [detail.get("device_name", "GPU") for detail in details]
