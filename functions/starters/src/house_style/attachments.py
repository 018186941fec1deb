"""Forbidden attachments: found by any name they give themselves, replaced by a note that says so."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .mime import Edit, Part


def removals(
    raw: bytes, message: Part, extensions: frozenset[str], is_sealed: Callable[[Part], bool]
) -> tuple[list[Part], list[Edit]]:
    """Return the parts to take out and the edits that do it.

    Args:
        raw: the message.
        message: its parts.
        extensions: with their dot, in lower case.
        is_sealed: says of an attached message whether it is signed or encrypted; such a one stays whole.
    """
    removed = [] if not extensions else list(_forbidden(message, extensions, is_sealed))
    return removed, [edit for part in removed for edit in _note(raw, part, extensions)]


def _forbidden(part: Part, extensions: frozenset[str], is_sealed: Callable[[Part], bool]) -> Iterator[Part]:
    if _bad_names(part, extensions):
        yield part
        return
    for inner in part.parts:
        if not (inner.is_message and is_sealed(inner)):
            yield from _forbidden(inner, extensions, is_sealed)


def _bad_names(part: Part, extensions: frozenset[str]) -> list[str]:
    # Windows ignores dots and blanks at the end of a name; nobody writes control characters with good intent.
    names = ["".join(letter for letter in name if letter.isprintable()).rstrip(" .") for name in part.names]
    return [name for name in names if name.lower().endswith(tuple(extensions))]


def _note(raw: bytes, part: Part, extensions: frozenset[str]) -> list[Edit]:
    """Return the edits that put a text in the place of a part."""
    newline = b"\r\n" if b"\r\n" in raw[: part.body_start] else b"\n"
    name = _bad_names(part, extensions)[0][-80:]
    text = f"The attachment {name!r} was removed: files of this kind are not allowed.\r\n".encode()
    fields = [
        b'Content-Type: text/plain; charset="utf-8"',
        b"Content-Transfer-Encoding: base64",
        b"Content-Disposition: inline",
    ]
    header = b"".join(each + newline for each in fields)
    body = base64.encodebytes(text).replace(b"\n", newline).removesuffix(newline)
    if not part.is_message:
        return [(part.start, part.end, header + newline + body)]
    # A message that is nothing but the file: its other fields stay.
    edits = [(each.start, each.end, b"") for each in part.fields if each.name.startswith("content-")]
    return [*edits, (part.header_end, part.end, header + newline + body + newline)]
