"""Flags of a message in an mbox file, which are fields of its header.

Source: mutt's and Dovecot's Status, X-Status and X-Keywords; Thunderbird's X-Mozilla-Status, with the bits of its
``nsMsgMessageFlags.idl``.
The fields stay in the message. There is no letter for "forwarded" (P of Maildir).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_HEAD_BYTES: Final = 64 * 1024
_HEADER_END: Final = re.compile(rb"(?:\A|\n)\r?\n")
_FIELDS: Final = re.compile(
    rb"^(status|x-status|x-keywords|x-mozilla-status):[ \t]*([^\r\n]{0,998})", re.IGNORECASE | re.MULTILINE
)
_LETTERS: Final = (("F", "\\Flagged"), ("A", "\\Answered"), ("T", "\\Draft"), ("D", "\\Deleted"))
_READ, _REPLIED, _MARKED, _EXPUNGED, _FORWARDED = 0x1, 0x2, 0x4, 0x8, 0x1000
_BITS: Final = ((_MARKED, "\\Flagged"), (_REPLIED, "\\Answered"), (_EXPUNGED, "\\Deleted"))


class Flags(NamedTuple):
    """What the fields say; ``read`` is true if they do not say it."""

    read: bool
    flags: tuple[str, ...]
    keywords: tuple[str, ...]


def flags_of(content: bytes) -> Flags:
    """Return the flags of a message."""
    head = content[:_HEAD_BYTES]
    end = _HEADER_END.search(head)
    found = {
        name.decode().lower(): value.decode("utf-8", "replace").strip()
        for name, value in _FIELDS.findall(head[: end.start() + 1] if end else head)
    }
    letters, status = found.get("x-status", ""), found.get("status")
    flags = [flag for letter, flag in _LETTERS if letter in letters]
    keywords = found.get("x-keywords", "").split()
    read = status is None or "R" in status
    bits = _bits(found.get("x-mozilla-status"))
    if bits is not None:
        flags += [flag for bit, flag in _BITS if bits & bit and flag not in flags]
        keywords += ["$Forwarded"] if bits & _FORWARDED else []
        read = bool(bits & _READ) if status is None else read
    return Flags(read, tuple(flags), tuple(dict.fromkeys(keywords)))


def _bits(value: str | None) -> int | None:
    try:
        return int(value, 16) if value else None
    except ValueError:
        return None
