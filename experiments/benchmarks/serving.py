"""Measures how many requests a served tagger answers, and how long each takes: one client, and fifty at once.

    python -m experiments.benchmarks.serving --workdir=runs/ner                the run of the README's first command
    python -m experiments.benchmarks.serving --workdir=runs/ner --threads=2    on two processors, clients included

    in Python     no server: ``run.task.predict`` on one sentence after the other.
    1 client      ``--mode=serve``, a client that sends one sentence after the other on one connection.
    --clients     several clients, each on its own connection, who ask again as soon as they are answered.

Protocol. Each row runs in its own process, with its own server beside it, on the same processors. Sentences are
generated, one a request. After a first request of each client, all begin together and ask for --seconds. The time of a
request runs from before it is sent until its answer is parsed. A failure is any status but 200, the answer to another
text, or a broken connection. Clients are threads of one process, which takes its share of the processors.

Limits. One machine, so no network; short sentences; one run. Clients who never pause keep the queue full, so an answer
waits for all others: this shows that nothing is lost under load, not what a single visitor sees.
"""

import argparse
import concurrent.futures
import http.client
import json
import pathlib
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from experiments.benchmarks.benchmark import flags, medians, run
from seqzoo.training.environment import versions


def main() -> None:
    parser = flags("serving", __doc__, ("in Python", "1 client", "clients"), 1)
    parser.add_argument("--workdir", type=pathlib.Path, required=True, help="folder of a run of task ner")
    parser.add_argument("--clients", type=int, default=50, help="how many clients ask at the same time")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long requests are timed")
    clients = parser.parse_known_args()[0].clients
    rows = ["in Python", "1 client", f"{clients} clients"]
    run(
        parser,
        rows,
        measured,
        show,
        prepare=lambda args: {"server": versions(("fastapi", "uvicorn"))},
        settings=lambda args: {"workdir": args.workdir.name},
    )


def sentences() -> list[str]:
    """Generated sentences, as text."""
    from seqzoo.datasets import DATASETS

    return [" ".join(example["tokens"]) for example in DATASETS["grammar"]()["test"]]


def measured(args: argparse.Namespace) -> list[dict]:
    """One row: requests a second, milliseconds of an answer, failures."""
    texts = sentences()
    if args.row == "in Python":
        answer = in_python(args.workdir)
        found = asked([answer], texts, args.seconds)
    else:
        command = [sys.executable, "-m", "seqzoo.run", "--mode=serve", f"--workdir={args.workdir}", "--port=0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            address = next(re.search(r"http://([\d.]+:\d+)", line) for line in server.stdout if "http://" in line)[1]
            try:
                clients = int(args.row.split()[0])
                found = asked([over_http(address) for _ in range(clients)], texts, args.seconds)
            finally:
                server.terminate()
    return [{"row": args.row, "round": args.round, **found}]


def in_python(workdir: pathlib.Path) -> Callable[[str], bool]:
    """Returns a function text -> whether it was answered, without a server."""
    from seqzoo.training import load

    loaded = load(workdir)
    return lambda text: bool([*loaded.task.predict(loaded, [text])])


def over_http(address: str) -> Callable[[str], bool]:
    """Returns a function text -> whether it was answered, on its own connection."""
    connection = http.client.HTTPConnection(address, timeout=60)

    def ask(text):
        try:
            connection.request("POST", "/predict", json.dumps({"text": text}), {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError):
            connection.close()
            return False
        return response.status == 200 and text.startswith(answer["answers"][0]["text"])

    return ask


def asked(clients: list, texts: list[str], seconds: float) -> dict:
    """Lets clients ask one text after the other, all at the same time, and times them."""
    begin = threading.Barrier(len(clients))

    def work(number):
        position, taken, failures = number * 97, [], 0
        clients[number](texts[position % len(texts)])
        begin.wait()
        end = time.perf_counter() + seconds
        while (now := time.perf_counter()) < end:
            position += 1
            failures += not clients[number](texts[position % len(texts)])
            taken.append(time.perf_counter() - now)
        return taken, failures

    with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
        found = [*pool.map(work, range(len(clients)))]
    taken = sorted(1000 * time for own, _ in found for time in own)
    return {
        "requests": len(taken),
        "failures": sum(failures for _, failures in found),
        "requests_a_second": len(taken) / seconds,
        "median_ms": statistics.median(taken),
        "p99_ms": taken[int(0.99 * (len(taken) - 1))],
        "longest_ms": taken[-1],
    }


def show(results: dict) -> None:
    columns = {
        "requests_a_second": ("requests/s", ",.0f"),
        "median_ms": ("median ms", ".1f"),
        "p99_ms": ("99th percentile", ".1f"),
        "longest_ms": ("longest", ".1f"),
        "requests": ("requests", ",.0f"),
        "failures": ("failures", ",.0f"),
    }
    print(medians(results["runs"], {"row": ""}, columns, "requests_a_second"))


if __name__ == "__main__":
    main()
