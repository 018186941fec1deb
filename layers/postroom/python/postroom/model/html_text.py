"""HTML as plain text, for readers that show no HTML; any text is taken.

A tag ends at the next ``>``, also within a value. Ours: nothing is looked for twice, however a text is made.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_ELEMENTS: Final = (
    "html|body|div|p|br|span|font|a|b|i|u|em|strong|small|center|blockquote|pre|ul|ol|li|h[1-6]|hr|img|table|tr|td"
)
_ELEMENT: Final = re.compile(rf"</?(?:{_ELEMENTS})(?:\s[^<>]*)?/?>", re.IGNORECASE)
"""A tag of an element that texts of mail have; an address in angle brackets is none."""

_TAG: Final = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)[^<>]*>?|<[!?/][^<>]*>?")
_REFERENCE: Final = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?")
"""Longer numbers are no characters, and Python refuses to read very long ones."""

_SPACE: Final = re.compile(r"[ \t\r\n\f]+")
_HIDDEN: Final = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("head", "script", "style", "title")}
"""Elements that show nothing, with what ends them."""

_LINES: Final = re.compile("address|blockquote|body|center|d[dlt]|div|h[1-6]|hr|html|li|ol|p|pre|table|tr|ul")
"""Elements that begin and end a line."""

_NO_BREAK_SPACE: Final = "\xa0"


def is_html(text: str) -> bool:
    """Say whether a text has a tag of HTML."""
    return _ELEMENT.search(text) is not None


def plain(text: str) -> str:
    """Return the text of HTML, in lines that end with LF; empty if it has none.

    Elements such as ``p`` and ``div`` have lines of their own, cells are separated by a space, list items begin with
    ``- ``. What is in ``head``, ``style`` and ``script``, and comments, are left out; so are addresses of links.
    """
    lines = [""]
    for piece in _pieces(text):
        if piece == "\n":
            lines.append("")
        elif piece == "":  # the border of a line, wherever a line has begun
            lines += [""] if lines[-1].strip(" ") else []
        else:
            lines[-1] += piece if lines[-1] and not lines[-1].endswith(" ") else piece.lstrip(" ")
    return "\n".join(line.replace(_NO_BREAK_SPACE, " ").rstrip() for line in lines).strip("\n")


def says_something(text: str) -> bool:
    """Say whether a text, HTML or not, shows anything: letters, or a picture."""
    if not is_html(text):
        return bool(text.strip())
    return bool(plain(text).strip()) or re.search(r"<img\s", text, re.IGNORECASE) is not None


def _pieces(text: str) -> Iterator[str]:
    """Yield texts without references, LF for ``br``, and an empty text where a line begins or ends."""
    at = 0
    while at < len(text):
        found = _TAG.match(text, at) if text[at] == "<" else None
        if text.startswith("<!--", at):
            end = text.find("-->", at)
            at = len(text) if end < 0 else end + 3
        elif found is None:
            end = text.find("<", at + 1)
            end = len(text) if end < 0 else end
            yield _SPACE.sub(" ", _REFERENCE.sub(lambda each: html.unescape(each[0]), text[at:end]))
            at = end
        else:
            name, at = (found[2] or "").lower(), found.end()
            if name in _HIDDEN and not found[1]:
                hidden = _HIDDEN[name].search(text, at)
                at = hidden.start() if hidden else len(text)
            yield from _of_tag(name, closes=bool(found[1]))


def _of_tag(name: str, *, closes: bool) -> Iterator[str]:
    if name == "br":
        yield "\n"
    elif _LINES.fullmatch(name):
        yield ""
        if name == "li" and not closes:
            yield "- "
    elif name in {"td", "th"} and closes:
        yield " "
