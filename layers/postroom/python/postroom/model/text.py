"""Text of strangers, made fit for one line and for a terminal."""

from __future__ import annotations

import re
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

_DIRECTION: Final = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f]+")
"""Bidirectional controls, which let what follows be shown in another order. Source: Unicode, UAX 9, 2."""

_OF_A_TERMINAL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufff9-\ufffb]")
"""What a terminal may obey, or take for a line's end. Tabs and line feeds are not among them."""


def one_line(text: str) -> str:
    """Return text without control characters and line ends, lone surrogates replaced: fit for a log or a header."""
    if text.isascii() and text.isprintable():
        return text.strip()
    return _CONTROL.sub(" ", text).encode("utf-8", "replace").decode("utf-8").strip()


def visible(text: str) -> str:
    """Return text fit for a terminal: bidirectional controls are left out, other controls are blanks, but tab and LF.

    Half a surrogate pair, which no terminal can be sent, is a question mark.
    """
    if text.isascii() and text.isprintable():
        return text
    plain = _OF_A_TERMINAL.sub(" ", _DIRECTION.sub("", text))
    return plain.encode("utf-8", "replace").decode("utf-8")
