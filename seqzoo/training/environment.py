"""The environment of a run: what its numbers depend on beside its config."""

import contextlib
import datetime
import importlib.metadata
import os
import pathlib
import platform
import subprocess
import sys


def environment():
    """Versions, code, machine, command, as of environment.json."""
    import keras

    backend = keras.backend.backend()
    packages = ("seqzoo", "tensorflow", "keras", "numpy", *(["jax"] if backend == "jax" else []))
    versions = {}
    for package in packages:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:  # a bare checkout
            versions[package] = None
    git = None
    here = pathlib.Path(__file__).resolve().parents[2]
    if (here / ".git").exists():  # installed, it could be a hash of the user's own repository
        with contextlib.suppress(OSError):  # no git
            asked = ["git", "-C", here, "describe", "--always", "--abbrev=40", "--dirty"]
            git = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() or None
    return {
        "command": " ".join(sys.argv),
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "git": git,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "gpus": gpus(),
        "backend": backend,
        **versions,
    }


def processor():
    """The model of the processor, or its architecture where the system does not tell."""
    with contextlib.suppress(OSError):  # Linux
        for line in pathlib.Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def gpus():
    """The models of the GPUs that TensorFlow sees."""
    import tensorflow as tf

    details = map(tf.config.experimental.get_device_details, tf.config.list_physical_devices("GPU"))
    return [detail.get("device_name", "GPU") for detail in details]
