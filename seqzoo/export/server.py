"""The server: trained runs answer over HTTP, like ``--mode=predict``, ``score`` and ``generate``, and on a page.

POST /predict   {"text": "..."} or {"texts": ["...", ...]}; "run" chooses one of several, "options" are the mode's;
                for runs that read files {"files": [{"name": "a.wav", "data": "BASE64"}, ...]}
POST /score     the same
POST /generate  {"options": {...}}; with "stream": true the first sample comes as it is drawn, as server-sent events
GET  /models    the runs, with their scores, modes and options
GET  /health    whether the server is up
GET  /docs      this interface, to try by hand; /openapi.json, its description for programs
"""

import asyncio
import base64
import collections
import contextlib
import dataclasses
import importlib.resources
import pathlib
import queue
import re
import secrets
import shutil
import signal
import socket
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import fastapi
import pydantic
import starlette.exceptions
import uvicorn
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from starlette.middleware.trustedhost import TrustedHostMiddleware

import seqzoo
from seqzoo import options, zoo
from seqzoo.config import Config
from seqzoo.display.plain import json_line
from seqzoo.export.worker import Job, Worker, modes
from seqzoo.registry import did_you_mean

# Maximum values of options that decide how long an answer takes.
LIMITS = {"samples": 16, "beam": 16, "n_best": 16, "length": 2000, "longest_ratio": 4, "horizon": 2000, "draws": 1000}
KEPT = 100  # finished requests whose files can be fetched
ESCAPED = 12  # bytes that a character takes in JSON at most: two escapes such as \ud83d
FILE_NAME = re.compile(r"[^/\\\x00-\x1f]+")
LONGEST_NAME = 200  # bytes; a file system takes 255
# The page loads nothing from elsewhere, whatever texts and labels contain.
POLICY = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'"
)


class Asked(pydantic.BaseModel):
    """A request."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)
    run: str = pydantic.Field("", description="Name of the run; needed only where several are served.")
    options: dict[str, Any] = pydantic.Field({}, description="Options of the mode, see /models.")


class File(pydantic.BaseModel):
    """A file of a request."""

    model_config = pydantic.ConfigDict(extra="forbid")
    name: str = pydantic.Field(description="Its name, whose ending says the format.")
    data: str = pydantic.Field(description="Its content, in base 64.")


class Texts(Asked):
    """A request about texts or files."""

    text: str | None = pydantic.Field(None, description="One text.")
    texts: list[str] | None = pydantic.Field(None, description="Or several.")
    files: list[File] | None = pydantic.Field(None, description="Or files, of a run that reads those.")


class Sampling(Asked):
    """A request for samples."""

    stream: bool = pydantic.Field(False, description="Send the first sample as it is drawn: server-sent events.")


def application(workers: dict[str, Worker], limits: options.Serving, folder: pathlib.Path) -> fastapi.FastAPI:
    """Returns the application that answers requests to runs.

    Args:
        workers: {name: Worker}, started by the caller.
        limits: maximum sizes of a request, and the host name by which clients may call this server.
        folder: for files that belong to answers, such as MIDI.
    """
    app = FastAPIOffline(  # FastAPI's own /docs needs scripts from the network
        title="seqzoo", version=seqzoo.__version__, description=__doc__, redoc_url=None
    )
    reads_files = any(worker.served.run.task.files for worker in workers.values())
    uploaded = int(limits.max_megabytes * 1e6 * 4 / 3) if reads_files else 0  # in base 64
    app.add_middleware(BodyLimit, most=ESCAPED * limits.max_characters + uploaded + 65536)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=host_names(limits.host), www_redirect=False)
    app.mount("/files", StaticFiles(directory=folder))
    add_error_handlers(app)
    add_pages(app, workers)
    handler = Handler(workers, limits, folder)

    @app.post("/predict")
    async def predict(asked: Texts):
        """Answers texts or files, with the dicts that ``--mode=predict`` prints."""
        return await handler.answers("predict", asked)

    @app.post("/score")
    async def score(asked: Texts):
        """Scores texts, with the dicts that ``--mode=score`` prints."""
        return await handler.answers("score", asked)

    @app.post("/generate")
    async def generate(asked: Sampling):
        """Draws samples, with the dicts that ``--mode=generate`` prints; files are links."""
        return await (handler.stream if asked.stream else handler.answers)("generate", asked)

    return app


def add_error_handlers(app: fastapi.FastAPI) -> None:
    """Makes errors of malformed requests a single sentence, like all other errors."""

    @app.exception_handler(RequestValidationError)
    async def invalid(request, error):
        return JSONResponse({"detail": sentence(error.errors()[0])}, 422)

    @app.exception_handler(starlette.exceptions.HTTPException)
    async def unreadable(request, error):
        if isinstance(error.__context__, UnicodeDecodeError):
            error.detail = "The body is not UTF-8."
        return await http_exception_handler(request, error)


def add_pages(app: fastapi.FastAPI, workers: dict[str, Worker]) -> None:
    """Adds the page and the descriptions of the runs, which need no answer of a run."""
    page = importlib.resources.files("seqzoo.export").joinpath("page.html").read_text("utf-8")

    @app.get("/", include_in_schema=False)
    async def index():
        return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})

    @app.get("/health")
    async def health():
        """Whether the server is up."""
        return {"status": "ok"}

    @app.get("/models")
    async def models():
        """The runs, with their scores, modes and options."""
        return {"models": [description(name, worker) for name, worker in workers.items()]}


class Handler:
    """Passes requests to workers, and turns their answers into responses.

    Args:
        workers, limits, folder: see `application`.
    """

    def __init__(self, workers: dict[str, Worker], limits: options.Serving, folder: pathlib.Path):
        self.workers, self.limits, self.folder = workers, limits, folder
        self._kept = collections.deque()  # folders of finished requests that have files, the latest last

    async def answers(self, mode: str, asked: Asked) -> fastapi.Response:
        """All answers to a request."""
        name, worker, job = self._opened(mode, asked)
        with refusing(worker, self.folder):
            found = await asyncio.wrap_future(worker.submit(job))
        content = json_line({"run": name, "answers": [linked(answer, self.folder) for answer in found]})
        return fastapi.Response(content, media_type="application/json")

    async def stream(self, mode: str, asked: Asked) -> StreamingResponse:
        """Events: each piece of the first sample as it is drawn, then the answers."""
        _, worker, job = self._opened(mode, asked)
        loop, pieces, gone = asyncio.get_running_loop(), asyncio.Queue(), threading.Event()

        def write(piece):
            if gone.is_set():
                raise ConnectionAbortedError("the client is gone")
            loop.call_soon_threadsafe(pieces.put_nowait, piece)

        job.write = write
        with refusing(worker, self.folder):
            worker.submit(job).add_done_callback(lambda _: loop.call_soon_threadsafe(pieces.put_nowait, None))
            piece = await pieces.get()
            if piece is None:  # an error before the first piece gets its own status
                job.answers.result()

        async def events(piece):
            try:
                while piece is not None:
                    yield server_event({"piece": piece})
                    piece = await pieces.get()
                with refusing(worker, self.folder):
                    for answer in job.answers.result():
                        yield server_event({"answer": linked(answer, self.folder)})
            except fastapi.HTTPException as error:
                yield server_event({"detail": error.detail})
            finally:
                gone.set()
                job.answers.cancel()

        return StreamingResponse(events(piece), media_type="text/event-stream")

    def _opened(self, mode, asked):
        """Returns (name, Worker, Job) of a request."""
        name = asked.run or next(iter(self.workers))
        if name not in self.workers or (len(self.workers) > 1 and not asked.run):
            known = ", ".join(self.workers)
            raise refused(404, f'"run" should be one of {known}.{did_you_mean(asked.run, self.workers)}')
        worker = self.workers[name]
        task = worker.served.run.task
        if mode not in modes(task):
            raise refused(404, f"Run {name} has no /{mode}. It has: /{', /'.join(modes(task))}.")
        request = checked_request(task.requests.get(mode), asked.options, self.limits)
        lines, files = (), {}
        if isinstance(asked, Texts) and task.files:
            files = files_of(asked, task.files, self.limits)
        elif isinstance(asked, Texts):
            lines = texts_of(asked, self.limits)
        if not files and not hasattr(request, "out"):
            return name, worker, Job(mode, lines, request)
        folder = self.folder / secrets.token_hex(8)
        with refusing(worker, self.folder):
            folder.mkdir()
            for file, data in files.items():
                (folder / file).write_bytes(data)
        if hasattr(request, "out"):  # the answers have files
            request = dataclasses.replace(request, out=str(folder))
        job = Job(mode, tuple(str(folder / file) for file in files) or lines, request)
        job.answers.add_done_callback(lambda _: self._keep(folder))  # its files are needed until then
        return name, worker, job

    def _keep(self, folder):
        """Keeps the files of a finished request, and deletes those of an early one."""
        self._kept.append(folder)
        if len(self._kept) > KEPT:
            shutil.rmtree(self._kept.popleft(), ignore_errors=True)


def host_names(host: str) -> list[str]:
    """Returns the names by which clients may call a server that listens on `host`.

    Other names are refused: otherwise a web page could query the server through a browser on this machine, by pointing
    the name of its own site here (DNS rebinding). A server for all networks cannot know its own names.
    """
    if host in ("", "0.0.0.0", "::"):
        return ["*"]
    return ["localhost", "127.0.0.1", "[::1]", f"[{host}]" if ":" in host else host]


def refused(status: int, detail: str, **headers: str) -> fastapi.HTTPException:
    """Returns an error for the client, with a sentence."""
    return fastapi.HTTPException(status, detail, headers)


@contextlib.contextmanager
def refusing(worker: Worker, folder: pathlib.Path) -> Iterator[None]:
    """Context manager for answering a request: exceptions become errors for the client.

    Args:
        worker: the Worker that answers.
        folder: folder of the files of requests; it is removed from messages, as the client does not know it.
    """
    try:
        yield
    except queue.Full:
        raise refused(503, "Too many requests are waiting: try again.", **{"Retry-After": "1"}) from None
    except ValueError as error:
        detail = re.sub(rf"{re.escape(str(folder))}/[0-9a-f]+/[0-9]+-", "", str(error))
        raise refused(422, detail) from error
    except Exception as error:
        worker.log(f"{worker.folder}: {''.join(traceback.format_exception(error))}")
        raise refused(500, "The run failed on this request; the server's log says how.") from error


def texts_of(asked: Texts, limits: options.Serving) -> tuple[str, ...]:
    """Returns the texts of a request.

    Raises:
        HTTPException: there are no texts, too many, or they are too long.
    """
    if asked.files is not None:
        raise refused(422, "This run reads texts, not files.")
    if (asked.text is None) == (asked.texts is None):
        raise refused(422, 'Give either "text", a string, or "texts", a list of strings.')
    texts = (asked.text,) if asked.texts is None else tuple(asked.texts)
    if not 0 < len(texts) <= limits.max_texts:
        status = 413 if texts else 422
        raise refused(status, f'"texts" should be 1 to {limits.max_texts} texts. Received: {len(texts)}')
    check_characters(texts, limits)
    return texts


def files_of(asked: Texts, endings: tuple[str, ...], limits: options.Serving) -> dict[str, bytes]:
    """Returns the files of a request: {number and name: content}.

    Raises:
        HTTPException: there are no files, texts instead, too many, or they are too large; a name has another ending;
            or the data are not in base 64.
    """
    if not asked.files or asked.text is not None or asked.texts is not None:
        raise refused(422, f'This run reads files, {", ".join(endings)}: give "files", a list of name and data.')
    found = {}
    for number, file in enumerate(asked.files, 1):
        plain = FILE_NAME.fullmatch(file.name) and len(file.name.encode()) <= LONGEST_NAME
        if not file.name.lower().endswith(endings) or not plain:
            raise refused(422, f"A file should have a short, plain name that ends in {', '.join(endings)}.")
        try:
            found[f"{number}-{file.name}"] = base64.b64decode(file.data, validate=True)
        except ValueError as error:
            raise refused(422, f"The data of a file should be in base 64: {error}.") from error
    size = sum(map(len, found.values()))
    if len(found) > limits.max_texts or size > 1e6 * limits.max_megabytes:
        most = f"{limits.max_texts} files of {limits.max_megabytes:g} MB together"
        raise refused(413, f"A request has at most {most}. Received: {len(found)} of {size / 1e6:.1f} MB")
    return found


def check_characters(texts: Iterable[str], limits: options.Serving) -> None:
    """Raises an HTTPException if texts are too long in total, or not Unicode."""
    text = "".join(texts)
    if len(text) > limits.max_characters:
        raise refused(413, f"A request has at most {limits.max_characters:,} characters. Received: {len(text):,}")
    try:
        text.encode()
    except UnicodeEncodeError as error:  # half of a surrogate pair
        raise refused(422, f"{text[error.start]!r} is not a Unicode character.") from error


def checked_request(kind: type[Config] | None, given: dict, limits: options.Serving) -> Config | None:
    """Returns the options of a mode.

    Raises:
        HTTPException: an unknown option, an option that names a file, or a value that is not allowed.
    """
    offered = offered_options(kind)
    check_characters([*given, *(value for value in given.values() if isinstance(value, str))], limits)
    for name in given.keys() - offered.keys():
        usable = ", ".join(offered) or "none"
        raise refused(422, f"There is no option {name!r} to ask for.{did_you_mean(name, offered)} Options: {usable}.")
    try:
        request = kind(**given) if kind else None
    except ValueError as error:
        raise refused(422, str(error)) from error
    for name, most in LIMITS.items():
        if (value := getattr(request, name, 0)) > most:
            raise refused(422, f"Option {name!r} should be at most {most} over HTTP. Received: {value}")
    return request


def offered_options(kind: type[Config] | None) -> dict[str, dataclasses.Field]:
    """Returns {name: field} of the options of a mode that clients may give: all that do not name files here."""
    fields = {field.name: field for field in dataclasses.fields(kind)} if kind else {}
    files = {name for name, field in fields.items() if field.metadata["path"]}
    for name, field in fields.items():
        needs = {re.split("[=>]", need)[0] for need in field.metadata["needs"]}
        if needs and needs <= files:  # an option that depends on one that names a file
            files |= {name}
    return {name: field for name, field in fields.items() if name not in files}


def description(name: str, worker: Worker) -> dict:
    """Returns the description of a run for clients."""
    served = worker.served
    task = served.run.task
    return {
        "name": name,
        "task": task.name,
        "files": [*task.files],
        "converses": task.converses,
        "summary": (type(task).__doc__ or "").split("\n")[0],
        "objective": {"name": f"valid_{task.objective}", "title": task.measure.title, "unit": task.measure.unit},
        "scores": served.scores,
        "modes": {
            mode: {"options": option_descriptions(task.requests.get(mode)), "shown": shown}
            for mode, shown in served.shown.items()
        },
    }


def option_descriptions(kind: type[Config] | None) -> list[dict]:
    """Returns the options of a mode: name, type, default, meaning and bounds."""
    described = []
    for name, field in offered_options(kind).items():
        about = {key: field.metadata[key] for key in ("help", "choices", "minimum", "maximum")}
        about |= {"maximum": LIMITS[name]} if name in LIMITS else {}
        about = {key: value for key, value in about.items() if value is not None}
        described.append({"name": name, "type": field.type.__name__, "default": field.default, **about})
    return described


def linked(answer: dict, folder: pathlib.Path) -> dict:
    """Replaces the files of an answer, in `folder`, by links."""
    prefix = f"{folder}/"
    return {
        key: f"/files/{value.removeprefix(prefix)}" if isinstance(value, str) and value.startswith(prefix) else value
        for key, value in answer.items()
    }


def server_event(value: dict) -> str:
    """Returns a server-sent event with JSON."""
    return f"data: {json_line(value)}\n\n"


def sentence(error: dict) -> str:
    """Returns a sentence on the first error that Pydantic found in a body."""
    if error["type"] == "json_invalid":
        return f"The body is not JSON: {error['ctx']['error']}, at character {error['loc'][-1]}."
    where = ".".join(map(str, error["loc"][1:]))
    if error["type"] == "extra_forbidden":
        return f'Unknown field {where!r}. Options of a run belong in "options".'
    if not where:
        return "The body should be a JSON object, sent with the header Content-Type: application/json."
    return f"{where!r}: {error['msg']}."


class BodyLimit:
    """Middleware that refuses a long body before all of it is read.

    Args:
        app: the application.
        most: maximum number of bytes.
    """

    def __init__(self, app, most: int):
        self.app, self.most = app, most

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        declared = dict(scope["headers"]).get(b"content-length", b"")
        error = refused(413, f"The body should be at most {self.most:,} bytes.")
        if declared.isdigit() and int(declared) > self.most:
            return await JSONResponse({"detail": error.detail}, error.status_code)(scope, receive, send)
        received = 0

        async def limited():
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.most:
                raise error
            return message

        return await self.app(scope, limited, send)


def serve(folders: list[str], settings: options.Serving, log: Callable[[str], object]) -> None:
    """Serves runs until Ctrl-C.

    Args:
        folders: folders of the runs; each run is named after its folder.
        settings: the address to listen on, and limits.
        log: called with lines for the operator.

    Raises:
        ValueError: a folder is not a run that can be served, two have the same name, or the port is not free.
    """
    names = [zoo.located(folder).resolve().name for folder in folders]
    if len({*names}) < len(names):
        raise ValueError(f"Runs are named after their folders, which should differ. Received: {', '.join(names)}")
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C
    try:
        with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as stack:
            files = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seqzoo-")))
            listener = stack.enter_context(bound(settings.host, settings.port))
            workers = {}
            for name, folder in zip(names, folders, strict=True):
                log(f"loading {folder}")
                workers[name] = Worker(folder, settings.max_texts, log)
                workers[name].start()
                stack.callback(workers[name].close)
            log("warm")
            app = application(workers, settings, files)
            stopped = threading.Event()
            stack.callback(stopped.set)
            threading.Thread(target=watch, args=(workers.values(), stopped), daemon=True).start()
            with port_errors(settings.host, settings.port):
                listener.listen(1024)
            log(f"{url(listener)} (Ctrl-C stops)")
            config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=5)
            uvicorn.Server(config).run(sockets=[listener])
    finally:
        signal.signal(signal.SIGTERM, previous)
    log("stopped")


def watch(workers: Iterable[Worker], stopped: threading.Event) -> None:
    """Checks once a second whether runs were retrained."""
    while not stopped.wait(1):
        for worker in workers:
            worker.refresh()


def bound(host: str, port: int) -> socket.socket:
    """Returns a socket that is bound to an address but does not listen yet.

    Raises:
        ValueError: the address is not free, or does not belong to this machine.
    """
    with port_errors(host, port):
        family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
    return listener


@contextlib.contextmanager
def port_errors(host: str, port: int) -> Iterator[None]:
    """Context manager that turns a network error into a ValueError that says what to do."""
    try:
        yield
    except OSError as error:
        raise ValueError(
            f"Cannot listen on {host}, port {port}: {error.strerror}. Choose another --port (0: any that is free) or "
            "--host."
        ) from error


def url(listener: socket.socket) -> str:
    """Returns the address of a socket for a browser."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
