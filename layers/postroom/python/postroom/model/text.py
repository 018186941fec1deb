"""Makes text from outside safe for one line and for a terminal."""

from __future__ import annotations

import re
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

_DIRECTION: Final = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f]+")
"""Bidirectional controls; they change the order in which the text after them is shown. Source: Unicode, UAX 9, 2."""

_TERMINAL_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufff9-\ufffb]")
"""Characters that a terminal may execute, or take for the end of a line; tab and line feed are left out."""


def one_line(text: str) -> str:
    """Return text for a log or header: control characters and line ends are blanks, lone surrogates question marks."""
    if text.isascii() and text.isprintable():
        return text.strip()
    return _CONTROL.sub(" ", text).encode("utf-8", "replace").decode("utf-8").strip()


def visible(text: str) -> str:
    """Return text for a terminal: bidirectional controls are left out, other controls are blanks; tab and LF stay.

    A lone surrogate, which UTF-8 cannot encode, becomes a question mark.
    """
    if text.isascii() and text.isprintable():
        return text
    plain = _TERMINAL_CONTROL.sub(" ", _DIRECTION.sub("", text))
    return plain.encode("utf-8", "replace").decode("utf-8")
