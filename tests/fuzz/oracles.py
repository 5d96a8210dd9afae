"""What must hold: of errors, of what is shown, of the time that a case takes."""

import contextlib
import io
import re
import signal

from seqzoo import run

LONGEST = 1500  # characters of an error
SECONDS = 60  # of a case; the first with a model builds it
INTERNALS = re.compile(r"pickle|zipfile|Traceback|NoneType|not subscriptable|object has no|dtype| at 0x")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Failure(Exception):
    """What must hold does not."""


class Hang(BaseException):
    """A case took too long. No Exception, so that nothing catches it."""


def expect(holds, problem):
    if not holds:
        raise Failure(problem)


@contextlib.contextmanager
def time_limit(seconds=SECONDS):
    def stop(*_):
        raise Hang(f"not finished after {seconds} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Terminal(io.StringIO):
    """A text stream that says that it is a terminal."""

    def isatty(self):
        return True


@contextlib.contextmanager
def shown(terminal=False):
    """Yields (out, error): what is printed inside; control characters there are a failure."""
    streams = (Terminal(), Terminal()) if terminal else (io.StringIO(), io.StringIO())
    with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
        yield streams
    for stream in streams:
        found = CONTROL.search(stream.getvalue())
        expect(not found, f"control character {found and found[0]!r} in the output: {stream.getvalue()[-300:]!r}")


def one_line(command, *names):
    """Runs `command` as the command line does: None and a checked error, or (what it returned,).

    Args:
        command: function without arguments.
        *names: the error must name one of these.
    """
    done = []
    with shown() as (_, error):
        status = run.reported(lambda _: done.append(command()) or 0, [])  # raises what is a bug
    if done:
        return done
    text = error.getvalue()
    expect(status in (2, 3), f"exit status {status}: {text}")
    message = text[text.index("error: ") :]
    expect(message.count("\n") == 1, f"an error of several lines: {message!r}")
    expect(len(message) <= LONGEST, f"an error of {len(message)} characters: {message[:300]!r}")
    expect(any(str(name) in message for name in names), f"an error that names none of {names}: {message!r}")
    internal = INTERNALS.search(message)
    expect(not internal, f"an error with {internal and internal[0]!r}: {message!r}")
    return None
