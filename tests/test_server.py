"""The server: it answers waiting requests together, a bad one harms no other, its page shows each kind of answer."""

import base64
import dataclasses
import json
import pathlib
import queue
import re
import signal
import socket
import subprocess
import sys
import time
import types
import urllib.request

import pytest

from seqzoo import options
from seqzoo import run as command
from seqzoo.assets import save_assets
from seqzoo.config import Config, option
from seqzoo.export import worker as workers
from seqzoo.export.worker import Job, Served, Worker
from seqzoo.metrics.measure import Measure
from seqzoo.task import TASKS, Task
from seqzoo.training.folder import prepare


@dataclasses.dataclass(frozen=True)
class Asking(Config):
    """Options."""

    loud: bool = option(False, "In capitals.")
    beam: int = option(1, "Width.", minimum=1)
    html: str = option("", "A page.", path=True)


@dataclasses.dataclass(frozen=True)
class Drawing(options.Sampling):
    """Samples."""

    prime: str = option("", "The beginning.")
    out: str = option("", "Folder.", path=True)


class Echo(Task):
    """Repeats a text; "bad" is refused, and "bug" is one."""

    modes = ("train", "predict", "generate")
    requests = {"predict": Asking, "generate": Drawing}
    measures = {"echoes": Measure("echoes", "max")}
    objective, name = "echoes", "echo"

    def __init__(self):
        super().__init__(config=Config())
        self.calls = []

    def predict(self, run, lines, request=None):
        self.calls.append([*lines])
        for number, line in enumerate(lines, 1):
            if line.endswith("bad"):
                raise ValueError(f"a bad text {line}".removesuffix(" bad"))
            if line == "bug":
                raise RuntimeError("a bug")
            if line:
                yield {"line": number, "text": line.upper() if request.loud else line}

    def generate(self, run, request, write):
        if request.prime == "bad":
            raise ValueError("a bad prime")
        for piece in (request.prime, "la", " la"):
            write(piece)
        with open(f"{request.out}/1.mid", "wb") as file:
            file.write(b"MThd")
        yield {"sample": 1, "text": "la la", "midi": f"{request.out}/1.mid"}


@pytest.fixture
def eagerly():
    """Runs compiled functions eagerly: to trace them takes longer than to answer a few texts."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def ask(text, **settings):
    """A Job for `Echo`."""
    return Job("predict", (text,) if isinstance(text, str) else text, Asking(**settings))


@pytest.fixture
def echo(monkeypatch, tmp_path):
    """A Worker of `Echo` that was not started yet."""
    served = Served(types.SimpleNamespace(task=Echo()), {"predict": {}, "generate": {}}, {"valid_echoes": 1.0})
    monkeypatch.setattr(workers, "prepared", lambda folder: served)
    logged = []
    made = Worker(tmp_path, most=4, log=logged.append)
    made.logged, made.task = logged, served.run.task
    yield made
    if made._thread.is_alive():
        made.close()


def answers(worker, *jobs):
    """The answers to some requests that wait when the worker starts; a failed one has its error instead."""
    futures = [worker.submit(job) for job in jobs]
    worker.start()
    return [future.exception(10) or future.result() for future in futures]


# --- The queue ------------------------------------------------------------------------------------


def test_requests_that_wait_are_answered_in_one_call_and_each_counts_its_own_lines(echo):
    found = answers(echo, ask(("a", "", "b")), ask("c"))
    assert found == [[{"line": 1, "text": "a"}, {"line": 3, "text": "b"}], [{"line": 1, "text": "c"}]]
    assert echo.task.calls == [["a", "", "b", "c"]]


def test_a_call_has_requests_of_equal_options_and_no_more_texts_than_allowed(echo):
    jobs = [ask("a"), ask("b", loud=True), ask(("c", "d", "e")), ask("f"), ask(("g",) * 9)]
    found = answers(echo, *jobs)
    assert echo.task.calls == [["a", "c", "d", "e"], ["b"], ["f"], ["g"] * 9]
    assert [answer["text"] for part in found[:4] for answer in part] == ["a", "B", "c", "d", "e", "f"]


def test_a_failing_request_spoils_no_other(echo):
    first, bad, bug, last = answers(echo, ask("a"), ask("bad"), ask("bug"), ask("b"))
    assert (first[0]["text"], last[0]["text"]) == ("a", "b")
    assert str(bad) == "a bad text" and isinstance(bug, RuntimeError)


def test_a_cancelled_request_is_not_answered_and_a_full_queue_refuses(echo, monkeypatch):
    monkeypatch.setattr(workers, "WAITING", 2)
    gone, kept = ask("a"), ask("b")
    echo.submit(gone).cancel()
    echo.submit(kept)
    with pytest.raises(queue.Full):
        echo.submit(ask("c"))
    echo.start()
    assert kept.answers.result(10) and echo.task.calls == [["b"]]


def test_a_run_that_was_trained_anew_is_loaded_when_it_is_finished_and_a_damaged_one_is_not(
    echo, monkeypatch, tmp_path
):
    loaded = []

    def prepared(folder):
        loaded.append(folder)
        if (folder / "model.keras").read_text() == "damaged":
            raise ValueError("damaged")
        return "new"

    monkeypatch.setattr(workers, "prepared", prepared)
    old = echo.served
    (tmp_path / "model.keras").write_text("a first epoch")
    echo.refresh()
    assert not loaded
    (tmp_path / "metrics.json").write_text("{}")
    (tmp_path / "model.keras").write_text("damaged")
    echo.refresh()
    echo.refresh()
    assert len(loaded) == 1 and echo.served is old and "the old run goes on" in echo.logged[0]
    (tmp_path / "model.keras").write_text("the last epoch")
    echo.refresh()
    assert len(loaded) == 2 and echo.served == "new"


def test_first_texts_are_of_several_lengths_and_find_the_options_that_show_most(echo, monkeypatch, tmp_path):
    @dataclasses.dataclass(frozen=True)
    class Showing(Asking):
        explain: str = option("", "Why.", choices=("", "occlusion"))
        attention: bool = option(False, "Where.")

    def predict(run, lines, request):
        if request.attention:
            raise ValueError("without attention")
        echo.task.calls.append([*lines])
        return iter(())

    monkeypatch.setattr(echo.task, "requests", {"predict": Showing})
    monkeypatch.setattr(echo.task, "predict", predict)
    monkeypatch.setattr(echo.task, "tiny", lambda: (None, {}, ["a", "b c"]))
    assert workers.shown_options(echo.served.run, "predict", tmp_path) == {"explain": "occlusion"}
    assert echo.task.calls == [["a"], ["a", "b c"] * 8, ["a", "b c"]]


# --- HTTP -----------------------------------------------------------------------------------------


@pytest.fixture
def client(echo, tmp_path):
    """A client of a server with one run, "echo"."""
    pytest.importorskip("fastapi_offline", reason='the server needs FastAPI: pip install -e ".[serve]"')
    pytest.importorskip("httpx", reason="FastAPI's test client needs httpx")
    from fastapi.testclient import TestClient

    from seqzoo.export.server import application

    echo.start()
    limits = options.Serving(max_texts=4, max_characters=100)
    app = application({"echo": echo}, limits, tmp_path)
    return TestClient(app, "http://127.0.0.1:8000", raise_server_exceptions=False)


def test_texts_are_answered_with_the_options_of_the_mode(client):
    assert client.post("/predict", json={"text": ""}).json() == {"run": "echo", "answers": []}
    asked = {"run": "echo", "texts": ["a", "b"], "options": {"loud": True}}
    assert [answer["text"] for answer in client.post("/predict", json=asked).json()["answers"]] == ["A", "B"]
    assert client.get("/health").json() == {"status": "ok"}
    (model,) = client.get("/models").json()["models"]
    assert model["scores"] == {"valid_echoes": 1} and [*model["modes"]] == ["predict", "generate"]
    assert [known["name"] for known in model["modes"]["predict"]["options"]] == ["loud", "beam"]
    assert "/predict" in client.get("/openapi.json").json()["paths"]


def test_the_interface_is_shown_without_the_network(client):
    page = client.get("/docs").text
    links = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert len(links) == 3 and all(client.get(link).status_code == 200 for link in links)


@pytest.mark.parametrize(
    "host, names, others",
    [
        ("127.0.0.1", ["127.0.0.1:8000", "localhost", "[::1]:8000"], ["evil.example:8000", "127.0.0.1.evil.example"]),
        ("10.0.0.7", ["10.0.0.7:8000", "localhost"], ["10.0.0.8"]),
        ("fd00::1", ["[fd00::1]:8000"], ["[fd00::2]"]),
        ("0.0.0.0", ["board.local:8000"], []),
    ],
)
def test_requests_under_a_foreign_name_are_refused(client, tmp_path, host, names, others):
    from fastapi.testclient import TestClient

    from seqzoo.export.server import application

    app = TestClient(application({}, options.Serving(host=host), tmp_path))
    found = {name: app.get("/health", headers={"Host": name}).status_code for name in names + others}
    assert found == {**dict.fromkeys(names, 200), **dict.fromkeys(others, 400)}


LONG = json.dumps({"text": "x" * 1_000_000}).encode()


@pytest.mark.parametrize(
    "path, body, status, detail",
    [
        ("/predict", {"text": "a", "texts": ["a"]}, 422, 'either "text"'),
        ("/predict", {}, 422, 'either "text"'),
        ("/predict", {"texts": []}, 422, "1 to 4 texts"),
        ("/predict", {"texts": ["a"] * 5}, 413, "1 to 4 texts"),
        ("/predict", {"texts": ["a" * 60, "b" * 60]}, 413, "at most 100 characters. Received: 120"),
        ("/predict", LONG, 413, "at most 66,736 bytes"),
        ("/predict", (part for part in [LONG]), 413, "at most 66,736 bytes"),  # of unknown length
        ("/predict", {"text": 5}, 422, "'text': Input should be a valid string"),
        ("/predict", {"text": "a", "loud": True}, 422, "Unknown field 'loud'"),
        ("/predict", {"text": "a", "options": {"lod": True}}, 422, "Did you mean 'loud'"),
        ("/predict", {"text": "a", "options": {"loud": "yes"}}, 422, "--loud should be of type bool"),
        ("/predict", {"text": "a", "options": {"html": "/tmp/x"}}, 422, "no option 'html'"),
        ("/predict", {"text": "a", "options": {"beam": 10_000}}, 422, "at most 16"),
        ("/predict", {"text": "a", "run": "ecko"}, 404, "Did you mean 'echo'"),
        ("/predict", b'{"text": "\\ud800"}', 422, "not a Unicode character"),
        ("/predict", b'{"text": "a"', 422, "not JSON"),
        ("/predict", b'"a"', 422, "JSON object"),
        ("/predict", b"[" * 50_000, 400, "body"),
        ("/predict", b'{"text": "\xff"}', 400, "not UTF-8"),
        ("/predict", {"text": "bad"}, 422, "a bad text"),
        ("/predict", {"text": "bug"}, 500, "log"),
        ("/score", {"text": "a"}, 404, "has no /score. It has: /predict, /generate"),
        ("/generate", {"options": {"out": "/tmp"}}, 422, "no option 'out'"),
        ("/generate", {"options": {"prime": "x" * 101}}, 413, "100 characters"),
        ("/generate", {"stream": True, "options": {"prime": "bad"}}, 422, "a bad prime"),
    ],
)
def test_a_bad_request_gets_a_sentence_and_the_server_goes_on(client, path, body, status, detail):
    sent = {"json": body} if isinstance(body, dict) else {"content": body}
    answer = client.post(path, headers={"Content-Type": "application/json"}, **sent)
    assert answer.status_code == status and detail in answer.json()["detail"], answer.text
    assert client.post("/predict", json={"text": "a"}).status_code == 200


def test_files_are_saved_for_a_run_that_reads_them_and_nothing_else_is_opened(client, echo, monkeypatch):
    def sent(name="a.csv", data=b"1,2", **more):
        return client.post(
            "/predict", json={"files": [{"name": name, "data": base64.b64encode(data).decode()}], **more}
        )

    assert sent().status_code == 422 and "reads texts" in sent().json()["detail"]
    monkeypatch.setattr(echo.task, "files", (".csv", ".bad"))
    assert sent(name="my.bad").json() == {"detail": "a bad text my.bad"}
    (answer,) = sent(name="My clip.CSV").json()["answers"]
    assert answer["text"].endswith("1-My clip.CSV") and client.get(answer["text"]).content == b"1,2"
    assert client.get("/models").json()["models"][0]["files"] == [".csv", ".bad"]
    for answer in (
        client.post("/predict", json={"text": "/etc/passwd"}),
        client.post("/predict", json={"files": []}),
        client.post("/predict", json={"files": [{"name": "a.csv", "data": "%"}]}),
        sent(name="../a.csv"),
        sent(name="\u6f22" * 90 + ".csv"),  # 274 bytes
        sent(name="a.txt"),
        sent(text="a"),
    ):
        assert answer.status_code == 422, answer.text


def test_an_option_of_an_option_that_names_a_file_is_not_offered(client):
    from seqzoo.export.server import offered_options

    offered = offered_options(TASKS["music"].requests["generate"])
    assert "tempo" in offered and "primer" not in offered and "primer_quarters" not in offered


def test_a_full_queue_says_when_to_try_again(client, monkeypatch):
    monkeypatch.setattr(workers, "WAITING", 0)
    answer = client.post("/predict", json={"text": "a"})
    assert answer.status_code == 503 and answer.headers["Retry-After"] == "1"


def test_the_files_of_a_request_are_kept_until_it_is_answered(tmp_path, echo, monkeypatch):
    from seqzoo.export import server

    handler = server.Handler({"echo": echo}, options.Serving(), tmp_path)
    monkeypatch.setattr(server, "KEPT", 1)
    opened = [handler._opened("generate", server.Sampling()) for _ in range(3)]
    folders = [pathlib.Path(job.request.out) for _, _, job in opened]
    for _, worker, job in opened:
        worker.submit(job)
    assert all(folder.is_dir() for folder in folders)
    echo.start()
    for _, _, job in opened:
        job.answers.result(10)
    deadline = time.monotonic() + 10
    while len([*tmp_path.glob("*")]) > 1 and time.monotonic() < deadline:  # a thread deletes them after the answer
        time.sleep(0.01)
    monkeypatch.setattr(workers, "WAITING", 0)
    _, worker, job = handler._opened("generate", server.Sampling())
    with pytest.raises(queue.Full):
        worker.submit(job)
    assert job.answers.cancelled() and [*tmp_path.glob("*")] == [pathlib.Path(job.request.out)]


def test_a_sample_comes_in_pieces_and_its_files_are_links(client):
    lines = client.post("/generate", json={"stream": True, "options": {"prime": "tra "}}).text.split("\n\n")[:-1]
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert [event["piece"] for event in events[:3]] == ["tra ", "la", " la"]
    assert client.get(events[3]["answer"]["midi"]).content == b"MThd"
    (answer,) = client.post("/generate", json={}).json()["answers"]
    assert answer["text"] == "la la" and client.get(answer["midi"]).content == b"MThd"


@pytest.fixture
def tagger(tmp_path):
    """The folder of a small untrained run."""
    config, splits, _ = TASKS["ner"].tiny()
    task = TASKS["ner"](config)
    task.assets = task.learn(splits["train"])
    prepare(tmp_path / "ner", task)
    save_assets(tmp_path / "ner", task.assets)
    task.build().save(tmp_path / "ner/model.keras")
    return tmp_path / "ner"


@pytest.mark.tensorflow("each shape is compiled anew on JAX")
def test_answers_are_those_of_the_command_line(tagger, tmp_path, capsys, eagerly):
    testclient = pytest.importorskip("fastapi.testclient", reason="the server needs FastAPI and its test httpx")
    pytest.importorskip("fastapi_offline")
    from seqzoo.export.server import application

    (tmp_path / "texts").write_text("Ann met Ford in Paris.\n\nMay. It rained in Paris.\n", "utf-8")
    assert command.main(["--mode=predict", f"--workdir={tagger}", f"--input={tmp_path / 'texts'}"]) == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    worker = Worker(tagger)
    worker.start()
    app = application({"ner": worker}, options.Serving(), tmp_path)
    client = testclient.TestClient(app, "http://127.0.0.1:8000")
    asked = {"texts": ["Ann met Ford in Paris.", "", "May. It rained in Paris."]}
    assert client.post("/predict", json=asked).json() == {"run": "ner", "answers": printed}
    worker.close()


@pytest.mark.parametrize(
    "flags, error",
    [
        ("--workdir=RUN,RUN", "named after their folders"),
        ("--workdir=RUN --port=PORT", "Cannot listen on 127.0.0.1, port PORT"),
        ("--workdir=RUN --host=192.0.2.1", "Cannot listen on 192.0.2.1"),
        ("--workdir=RUN --text=a", "--text is for --mode="),
        ("--workdir=RUN,nowhere", "nowhere is not a run folder"),
        ("--workdir=RUN --units=8", "--units is fixed by the run"),
        ("--mode=predict --workdir=RUN --port=1", "--port is for --mode=serve"),
    ],
)
def test_a_wrong_command_is_refused_in_a_line(tagger, flags, error, capsys):
    pytest.importorskip("fastapi_offline", reason="the server needs FastAPI")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        argv = flags.replace("RUN", str(tagger)).replace("PORT", port).split()
        assert command.main(["--mode=serve", *argv]) == 2
    assert error.replace("PORT", port) in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_answers_once_it_says_so_and_stops_on_a_signal(tagger):
    pytest.importorskip("fastapi_offline", reason="the server needs FastAPI")
    argv = [sys.executable, "-m", "seqzoo.run", "--mode=serve", f"--workdir={tagger}", "--port=0"]
    for stop in (signal.SIGINT, signal.SIGTERM):
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
            lines = [server.stdout.readline() for _ in range(3)]
            assert lines[0].startswith("loading") and lines[1] == "warm\n"
            with urllib.request.urlopen(lines[2].split()[0] + "/health") as answer:
                assert json.loads(answer.read()) == {"status": "ok"}
            server.send_signal(stop)
            assert server.wait(30) == 0 and (server.stdout.read(), server.stderr.read()) == ("stopped\n", "")


def test_options_that_name_files_cannot_be_asked_for():
    found = {
        field.name
        for name in TASKS.names()
        for mode in workers.MODES
        for field in dataclasses.fields(TASKS[name].requests.get(mode, Config))
        if field.type is str and not field.metadata["path"] and not field.metadata["choices"]
    }
    assert found == {
        "prime",
        "stop",
        "key",
        "metre",
        "style",
        "chord",
        "label",
    }  # a new text is added here, unless it is a path
