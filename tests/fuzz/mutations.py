"""What is done to files: each mutation takes a `random.Random` and the bytes of a file, and returns other bytes."""

import codecs
import gzip

# What stands in hostile files and options, wherever it fits.
HOSTILE = (
    "\u2028", "\u0085", "\x0c", "\x0b", "\x1c", "\xa0", "\ufeff", "\u200b", "e\u0301", "\U0001f600", "\u202e",
    "\x1b]0;x\x07", "\x1b[2J", "\x9b2J", "\x08", "\x7f", "[red]", "[/red]", "[/]", "[link=x]", "\\[",
    '"', '"""', "'", "\\", "|", "=", ",", "#", "# x = ", "-DOCSTART-", "<unk>", "<pad>", "%s", "{}", "{0}", "../..",
    "~", "null", "true", "[]", '"\\ud83d"', "NaN", "-Infinity", "1e999", "-1", "0x10", "٣", "²", "9" * 400, "9" * 5000,
    "[" * 3000, '{"a":' * 3000, "x" * 100_000,
)  # fmt: skip


def _lines(data):
    return data.splitlines(keepends=True) or [b""]


def _insert(data, at, what):
    return data[:at] + what + data[at:]


def cut(rng, data):
    return data[: rng.randrange(len(data) + 1)]


def flip_bits(rng, data):
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 3, 20)) if changed else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def delete_bytes(rng, data):
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at + rng.choice((1, 2, 10)) :]


def random_bytes(rng, data):
    return _insert(data, rng.randrange(len(data) + 1), rng.randbytes(rng.choice((1, 4, 100))))


def repeat(rng, data):
    at = rng.randrange(len(data) + 1)
    return _insert(data, at, data[at : at + 40] * rng.choice((1, 3, 500)))


def duplicate_line(rng, data):
    lines = _lines(data)
    lines.insert(rng.randrange(len(lines)), rng.choice(lines))
    return b"".join(lines)


def delete_line(rng, data):
    lines = _lines(data)
    del lines[rng.randrange(len(lines))]
    return b"".join(lines)


def swap_lines(rng, data):
    lines = _lines(data)
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    return b"".join(lines)


def mixed_line_ends(rng, data):
    return b"".join(line.rstrip(b"\r\n") + rng.choice((b"\n", b"\r", b"\r\n", b"\n\r")) for line in _lines(data))


def hostile_text(rng, data):
    return _insert(data, rng.randrange(len(data) + 1), rng.choice(HOSTILE).encode())


def hostile_start(rng, data):
    return rng.choice(HOSTILE).encode() + data


def hostile_value(rng, data):
    """Puts a hostile text in the place of a word."""
    words = data.split(b" ")
    words[rng.randrange(len(words))] = rng.choice(HOSTILE).encode()
    return b" ".join(words)


def hostile_json(rng, data):
    """Puts a hostile text in the place of what stands before a comma, as a value of JSON does, or a cell of CSV."""
    parts = data.split(b",")
    at = rng.randrange(len(parts))
    name, colon, _ = parts[at].rpartition(b":")
    parts[at] = name + colon + rng.choice(HOSTILE).encode()
    return b",".join(parts)


def more_columns(rng, data):
    at = data.find(b"\n", rng.randrange(len(data) + 1))
    return _insert(data, max(at, 0), rng.choice((b"\t", b" ", b",", b"|", b"\tx", b" x", b",x")))


def fewer_columns(rng, data):
    separator = rng.choice((b"\t", b" ", b","))
    at = data.find(separator, rng.randrange(len(data) + 1))
    return data if at < 0 else data[:at] + data[at + 1 :]


def nul(rng, data):
    return _insert(data, rng.randrange(len(data) + 1), b"\0")


def not_utf8(rng, data):
    return _insert(
        data, rng.randrange(len(data) + 1), rng.choice((b"\xff", b"\xe9", b"\xed\xa0\x80", b"\xc3", b"\x80"))
    )


def as_utf16(rng, data):
    return data.decode("latin-1").encode(rng.choice(("utf-16", "utf-16-le", "utf-16-be")))


def empty(rng, data):
    return b""


def blank(rng, data):
    return rng.choice((b"\n", b" ", b"\t\n", b"\n\n\n", b"\r", b" \r\n\t", b"\x0c\n", codecs.BOM_UTF8))


def first_line(rng, data):
    return _lines(data)[0]


DAMAGE = (
    cut, flip_bits, delete_bytes, random_bytes, repeat, duplicate_line, delete_line, swap_lines, mixed_line_ends,
    hostile_text, hostile_start, hostile_value, hostile_json, more_columns, fewer_columns, nul, not_utf8, as_utf16,
    empty, blank, first_line,
)  # fmt: skip


def damaged(rng, data):
    """`data` after one to three mutations."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        data = rng.choice(DAMAGE)(rng, data)
    return data


def damaged_gzip(rng, data):
    """A gzip file that was damaged after it was compressed."""
    return rng.choice((cut, flip_bits, delete_bytes, random_bytes))(rng, gzip.compress(data, mtime=0))


# Changes of a file with lines that mean nothing: {name: function data -> (data, ending of the file's name, encoding)}.
HARMLESS = {
    "crlf": lambda data: (data.replace(b"\n", b"\r\n"), "", "utf-8"),
    "cr": lambda data: (data.replace(b"\n", b"\r"), "", "utf-8"),
    "mark": lambda data: (codecs.BOM_UTF8 + data, "", "utf-8"),
    "gzip": lambda data: (gzip.compress(data), ".gz", "utf-8"),
    "utf16": lambda data: (data.decode().encode("utf-16"), "", "utf-16"),
    "end": lambda data: (data.removesuffix(b"\n"), "", "utf-8"),
    "blank": lambda data: (data + b"\n\n", "", "utf-8"),
}
