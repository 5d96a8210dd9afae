"""Text from data, made safe for a terminal."""

# C0 control characters have pictures in Unicode, from U+2400 on; C1 ones, which also begin escape sequences, have not.
_VISIBLE = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"}
_VISIBLE |= {0x7F: 0x2421, **dict.fromkeys(range(0x80, 0xA0), 0xFFFD)}


def plain(text: str) -> str:
    """A text of the same length without control characters: an escape sequence is shown, ``␛[31m``, not obeyed."""
    return text.translate(_VISIBLE)
