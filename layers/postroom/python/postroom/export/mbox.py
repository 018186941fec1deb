r"""Messages as an mbox file of the variant mboxrd has them, made from their bytes.

    From MAILER-DAEMON Mon Nov 30 19:49:31 2026     when it was received, in UTC; without the envelope's sender
    the message, with one ">" more before each line that begins with "From ", ">From ", ">>From " …
    (a line feed, if the message does not end with one)
    (a blank line)

Nothing is added to the message, unless a caller puts ``status_fields`` in front of it: then it has other bytes.

Source: qmail's mbox(5); RFC 4155 for the date; mutt's and Dovecot's fields. Ours: the sender, which Python's
``mailbox`` writes, too.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_QUOTED: Final = re.compile(rb"^(?=>*From )", re.MULTILINE)
_LETTERS: Final = (("\\Answered", "A"), ("\\Deleted", "D"), ("\\Flagged", "F"), ("\\Draft", "T"))
_NO_WORD: Final = re.compile(r"[\x00-\x20\x7f]")
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FIRST_S: Final = -62_135_596_800
_LAST_S: Final = 253_402_300_799
"""The years 1 to 9999, which have four digits."""


def in_mbox(content: bytes, received_ms: int) -> bytes:
    """Return a message with its From_ line and the blank line behind it.

    Args:
        received_ms: milliseconds since the epoch; a From_ line has whole seconds.
    """
    quoted = _QUOTED.sub(b">", content) if b"From " in content else content
    end = b"\n" if not content or content.endswith(b"\n") else b"\n\n"
    return b"".join([from_line(received_ms), quoted, end])


def status_fields(content: bytes, *, read: bool, flags: Iterable[str], keywords: Iterable[str]) -> bytes:
    """Return the fields with which other programs mark a message, with the line ends that it has.

    Keywords with blanks have no place in them.
    """
    given, words = set(flags), [word for word in keywords if word and not _NO_WORD.search(word)]
    letters = "".join(letter for flag, letter in _LETTERS if flag in given)
    fields = [f"Status: {'RO' if read else 'O'}"]
    fields += [f"X-Status: {letters}"] if letters else []
    fields += [f"X-Keywords: {' '.join(words)}"] if words else []
    end = "\r\n" if content.partition(b"\n")[0].endswith(b"\r") else "\n"
    return "".join(f"{field}{end}" for field in fields).encode()


def from_line(received_ms: int) -> bytes:
    """Return a From_ line with its line feed."""
    at = datetime.fromtimestamp(min(max(received_ms // 1000, _FIRST_S), _LAST_S), UTC)
    day, month = _DAYS[at.weekday()], _MONTHS[at.month - 1]
    return f"From MAILER-DAEMON {day} {month} {at.day:2} {at:%H:%M:%S} {at.year:04}\n".encode()
