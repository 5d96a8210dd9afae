"""Trains on one device, on two and in two processes, killed and resumed, and compares the numbers, which should agree.

    python -m experiments.benchmarks.devices                 a tagger; takes some minutes
    python -m experiments.benchmarks.devices --task=ner      with more flags of seqzoo.run

It needs no GPU: the CPU is split into two devices, and the workers are two local processes, each with a TF_CONFIG of
its own. Dropout and unknown words are off, since each device would draw its own. The runs:

    one           one device
    mirrored      two devices in one process
    workers       two processes, both killed half-way and started again
    one, workers  one device, killed; resumed in two processes
    mirrored, one two devices, killed; resumed on one

It prints the loss and the score on valid of each epoch of each run, and how far the final weights are from those of one
device.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

import numpy as np

FLAGS = (
    "--task=pos --dataset=conll --units=8 --layers=1 --word_dim=8 --characters=none --learning_rate=0.01 --epochs=5 "
    "--dropout=0 --word_dropout=0 --unknown_rate=0"
).split()
MIRRORED = ["--strategy=mirrored", "--devices=2"]
RUNS = {
    "one": [[]],
    "mirrored": [MIRRORED],
    "workers": ["workers", "workers"],
    "one, workers": [[], "workers"],
    "mirrored, one": [MIRRORED, []],
}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="seqzoo-") as temporary:
        temporary = pathlib.Path(temporary)
        write_corpus(temporary / "corpus")
        found = {}
        for name, parts in RUNS.items():
            folder = temporary / name.replace(", ", "-")
            command = [sys.executable, "-m", "seqzoo.run", *FLAGS, f"--data_dir={temporary / 'corpus'}", *sys.argv[1:]]
            for number, part in enumerate(parts, 1):
                start(command, part, folder, stop_after=0 if number == len(parts) else 2)
            history = json.loads((folder / "history.json").read_text())
            found[name] = weights(folder)
            distance = max(float(np.abs(a - b).max()) for a, b in zip(found["one"], found[name], strict=True))
            print(f"{name}: weights within {distance:.1e} of those of one device")
            score = next(key for key in history[0] if key in ("valid_accuracy", "valid_f1"))
            for epoch in history:
                print(f"  epoch {epoch['epoch']}  loss {epoch['loss']:.6f}  {score} {epoch[score]:.4f}", flush=True)


def write_corpus(folder: pathlib.Path) -> None:
    """Writes generated sentences as column files; their number is not a multiple of the number of devices."""
    from seqzoo.datasets import DATASETS

    folder.mkdir()
    for split, examples in DATASETS["grammar"](seed=4, sizes={"train": 333, "valid": 61, "test": 1}).items():
        columns = ("\n".join(map(" ".join, zip(e["tokens"], e["pos"], e["ner"], strict=True))) for e in examples)
        (folder / f"{split}.txt").write_text("\n\n".join(columns) + "\n", "utf-8")


def start(command: list[str], part: list[str] | str, folder: pathlib.Path, stop_after: int) -> None:
    """Runs a command on some devices to its end, or kills it after `stop_after` epochs."""
    command = [*command, f"--workdir={folder}"]
    if part == "workers":
        hosts = [f"127.0.0.1:{free_port()}" for _ in range(2)]
        config = {"cluster": {"worker": hosts}}
        settings = [{"TF_CONFIG": json.dumps({**config, "task": {"type": "worker", "index": i}})} for i in range(2)]
        command.append("--strategy=multi_worker")
    else:
        settings = [{}]
        command += part
    processes = [
        subprocess.Popen(command, env={**os.environ, **setting}, stdout=subprocess.DEVNULL) for setting in settings
    ]
    while stop_after and epochs(folder) < stop_after and all(process.poll() is None for process in processes):
        time.sleep(0.05)
    for process in processes:
        if stop_after:
            process.send_signal(signal.SIGKILL)
        if process.wait() and not stop_after:
            sys.exit(f"failed: {' '.join(command)}")
    if stop_after:
        print(f"killed after epoch {epochs(folder)}", flush=True)


def epochs(folder: pathlib.Path) -> int:
    path = folder / "history.json"
    return len(json.loads(path.read_text())) if path.exists() else 0


def weights(folder: pathlib.Path) -> list[np.ndarray]:
    with np.load(folder / "checkpoint.npz") as arrays:
        return [arrays[name] for name in arrays.files if name.startswith("model") and arrays[name].dtype.kind == "f"]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


if __name__ == "__main__":
    main()
