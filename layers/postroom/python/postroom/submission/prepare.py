"""The bytes of a submitted message: fields that are added, and fields that do not leave.

Nothing else changes, and nothing is parsed and written again: signatures stay valid (``email.policy.SMTP`` rewrites
long lines). A block that mail clients read differently is refused, so that no reading has a Bcc field after it was cut.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from postroom.errors import SubmissionRefusedError
from postroom.mime import writing
from postroom.mime.header_fields import readings
from postroom.model.limits import MB
from postroom.submission.submission import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.mime.headers import Headers

_FIELD: Final = re.compile(rb"[!-9;-~]+:")
BLIND: Final = ("bcc", "resent-bcc")
"""Fields that only the sender's own copy has. Source: RFC 5322, 3.6.3 and 3.6.6."""

MAX_BLOCK_BYTES: Final = MB
"""Longest header block, in bytes. Ours: each field takes time and memory at every station. Mail servers take about a
tenth of this; 500 recipients with the longest addresses take 160 KB."""

LEFT_BEHIND: Final = (*BLIND, "return-path")
"""Fields that no message has when it leaves. Source of Return-Path: RFC 5321, 4.4; the last server adds it."""

LEFT_BEHIND_FOR_SES: Final = (*LEFT_BEHIND, "x-ses-*")
"""SES reads fields of these names as parameters: configuration set, tags, the identities that it sends for, and others.
Source: AWS SES, SendRawEmail and "Specify your configuration set when you send email"."""


def check_block(content: bytes) -> None:
    """Require that all mail clients read the same fields.

    Raises:
        SubmissionRefusedError: a line is no field, a CR or NUL is not part of a line end, or the block is too
            large or has too many fields.
    """
    found = readings(content)
    block = content[: found[0].end]
    if len(block) > MAX_BLOCK_BYTES:
        raise SubmissionRefusedError(Refusal.MALFORMED, f"header larger than {MAX_BLOCK_BYTES // MB} MB")
    if len(found) > 1 or not found[0].is_regular() or found[0].is_cut or b"\0" in block:
        raise SubmissionRefusedError(Refusal.MALFORMED, _fault(block))


def _fault(block: bytes) -> str:
    """Say which line is at fault; its text is not quoted."""
    for number, line in enumerate(block.split(b"\n"), 1):
        regular = _FIELD.match(line) or (number > 1 and line[:1] in (b" ", b"\t")) or line in (b"", b"\r")
        if not regular or b"\0" in line or b"\r" in line.removesuffix(b"\r"):
            return f"line {number} of the header is no field, or has a CR or NUL of its own"
    return "the header fields are too many, or end in doubt"


def completed(content: bytes, headers: Headers, *, message_id: str, now: int, sender: str | None) -> bytes:
    """Return a message with the fields that every message has. One that is empty is replaced.

    Args:
        content: with a block that ``check_block`` accepts.
        message_id: with angle brackets; where the message has none.
        now: of Date, where the message has none; milliseconds since the epoch.
        sender: the only Sender; empty: none; ``None``: as it is.
    """
    if sender is not None and headers.raw("Sender"):
        content = without_fields(content, ("sender",))
    added = []
    for name, value in (("Message-ID", message_id), ("Date", writing.date(now))):
        if not all(map(bytes.strip, headers.raw(name))):
            content = without_fields(content, (name.lower(),), only_empty=True)
        if not headers.has(name):
            added.append(f"{name}: {value}")
    if sender:
        added.append(f"Sender: {sender}")
    if not added:
        return content
    end = _line_end(content)
    return b"".join([*(f"{line}{end}".encode() for line in added), content])


def with_hop(content: bytes, *, domain: str, trace: str, at: int) -> bytes:
    """Return a message as an SMTP server gets it from us: with a Received field (RFC 5321, 4.4), as SES adds its own.

    Without one, a gateway that hands messages back to be submitted would do so for ever: no hop would be counted.

    Args:
        domain: of the author, in A-labels.
        at: when the message was submitted; milliseconds since the epoch.
    """
    end = _line_end(content)
    return f"Received: by {domain} (Postroom) id {trace}; {writing.date(at)}{end}".encode() + content


def _line_end(content: bytes) -> str:
    """Return how a message's first line ends: a field that is added ends like it."""
    return "\r\n" if content[: content.find(b"\n") + 1].endswith(b"\r\n") else "\n"


def without_bcc(content: bytes) -> bytes:
    """Return a message as it leaves: without Bcc and Resent-Bcc."""
    return without_fields(content, BLIND)


def without_fields(content: bytes, names: Sequence[str], *, only_empty: bool = False) -> bytes:
    """Return a message without the fields of some names.

    Args:
        content: with a block that ``check_block`` accepts.
        names: lower-case; one that ends in ``*`` means all that begin so.
        only_empty: fields that have more than white space stay.
    """
    end = readings(content)[0].end
    block, cut = _fields(tuple(names), only_empty=only_empty).subn(b"", content[:end])
    rest = memoryview(content)[len(content) if end is None else end :]
    return b"".join([block, rest]) if cut else content


@cache
def _fields(names: Sequence[str], *, only_empty: bool) -> re.Pattern[bytes]:
    """Return the pattern of fields of some names, each with its line end."""
    any_name = b"|".join(re.escape(name).replace(r"\*", "[!-9;-~]*").encode() for name in names)
    text = rb"[^\S\n]*+" if only_empty else rb"[^\n]*+"
    pattern = rb"(?:\A|(?<=\n))(?:%b):%b(?:\n[ \t]%b)*+(?:\n|\Z)" % (any_name, text, text)
    return re.compile(pattern, re.IGNORECASE)
