"""Limits that hold for a message to any recipient: bytes, recipients, attachments, hops.

SES accepts a message before it is counted, so that an excess becomes a bounce for all recipients. An ordinary message
is judged by its first look alone. The whole is read once more only where an excess is possible and not seen there: a
multipart message that is longer than the first look (parts), or an encoded one of more than 29 MB (data).
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Final

from postroom.mime.ses_fields import own_bytes
from postroom.model.limits import (
    MAX_ADDRESS_BYTES,
    MAX_ATTACHMENTS,
    MAX_AUTHOR_FIELDS,
    MAX_AUTHORS,
    MAX_HOPS,
    MAX_MESSAGE_BYTES,
    MAX_READ_FIELDS,
    MAX_RECIPIENTS,
    MAX_UNENCODED_BYTES,
    MB,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from postroom.mime.headers import Headers, MessageHead

Excess = tuple[str, str]
"""A reason, and its enhanced status code (RFC 3463)."""

TOO_LARGE: Final = (f"message larger than {MAX_MESSAGE_BYTES // MB} MB", "5.3.4")
TOO_MUCH_DATA: Final = (f"message with more than {MAX_UNENCODED_BYTES // MB} MB of data before encoding", "5.3.4")
TOO_MANY_RECIPIENTS: Final = (f"message for more than {MAX_RECIPIENTS} recipients", "5.5.3")
TOO_MANY_ATTACHMENTS: Final = (f"message with more than {MAX_ATTACHMENTS} attachments", "5.6.0")
LOOP: Final = (f"mail loop: more than {MAX_HOPS} Received fields", "5.4.6")

TOO_MANY_FIELDS: Final = (f"message with more than {MAX_READ_FIELDS} header fields", "5.6.0")
TOO_MANY_AUTHORS: Final = (
    f"message with more than {MAX_AUTHORS} addresses, {MAX_ADDRESS_BYTES // 1024} KB or {MAX_AUTHOR_FIELDS} fields of "
    "From and Sender",
    "5.6.0",
)
"""What is not read cannot be matched: such a message is not delivered, whatever its sender. Ours."""

MOST_PARTS: Final = 10_000
"""How many parts of a message are looked at; real mail has far fewer, and more would only cost time. Ours."""

MOST_PART_HEADERS: Final = 4096
"""How much of a part's header block is looked at, in bytes. Ours."""

_OF_A_PART: Final = ("content-disposition", "content-type", "content-transfer-encoding")
"""The fields of the message itself that count; the rest of its header block, which may be long, is not searched."""

_PART: Final = re.compile(rb"\n--[^\r\n]{1,72}\r?\n(?=[!-9;-~]+[ \t]*:)")
_BLANK_LINE: Final = re.compile(rb"\r?\n\r?\n")
_ATTACHED: Final = re.compile(
    rb"(?:\A|\n)content-disposition[ \t]*:\s*attachment|[;\s](?:file)?name\*?[0-9]*\*?[ \t]*="
)
_ENCODED: Final = re.compile(rb"(?:\A|\n)content-transfer-encoding[ \t]*:\s*(base64|quoted-printable)")


def excess(seen: MessageHead, recipients: int, whole: Callable[[], bytes]) -> Excess | None:
    """Say what is too much of a message; ``None`` if nothing is.

    Args:
        seen: the beginning of the message, with all of its header block.
        recipients: how many the envelope names.
        whole: reads all of it; called at most once, and not for an ordinary message.
    """
    headers, head, size = seen.headers, seen.head, seen.size
    if size > MAX_MESSAGE_BYTES and size - own_bytes(head) > MAX_MESSAGE_BYTES:
        return TOO_LARGE
    if recipients > MAX_RECIPIENTS:
        return TOO_MANY_RECIPIENTS
    hops = headers.count("Received")
    if hops > MAX_HOPS and hops - (own_bytes(head) > 0) > MAX_HOPS:
        return LOOP
    if headers.is_cut:
        return TOO_MANY_FIELDS
    if headers.authors.is_cut:
        return TOO_MANY_AUTHORS
    parted = headers.text("Content-Type", 200).lower().startswith("multipart/")
    if parted and _may_have_too_many(size):
        return _excess_of(headers, head if len(head) >= size else whole())
    if size > MAX_UNENCODED_BYTES and _is_encoded(headers):
        return _excess_of(headers, whole())
    return None


def _is_encoded(headers: Headers) -> bool:
    return headers.text("Content-Transfer-Encoding", 80).lower() in {"base64", "quoted-printable"}


def _may_have_too_many(size: int) -> bool:
    return size > MAX_ATTACHMENTS * len(b"\n--b\nContent-Disposition:attachment\n\n")


def _excess_of(headers: Headers, content: bytes) -> Excess | None:
    delimiters = list(islice(_PART.finditer(content, max(headers.body_start - 1, 0)), MOST_PARTS))
    if len(delimiters) < MAX_ATTACHMENTS and len(content) <= MAX_UNENCODED_BYTES:
        return None  # nearly all mail: each attachment is a part, and data is shorter than the message
    attachments, data = 0, 0
    for fields, start, end in _parts(headers, content, delimiters):
        attachments += _ATTACHED.search(fields) is not None
        data += _unencoded(content, fields, start, end)
        if attachments > MAX_ATTACHMENTS:
            return TOO_MANY_ATTACHMENTS
    return TOO_MUCH_DATA if data > MAX_UNENCODED_BYTES else None


def _parts(headers: Headers, content: bytes, delimiters: Sequence[re.Match[bytes]]) -> Iterator[tuple[bytes, int, int]]:
    """Yield the header block of each part, lower-case, and where its body begins and ends; the message comes first.

    A part begins behind a line with two hyphens that a header field follows; which boundary it names does not matter,
    so that nothing has to be parsed and nested parts count like all others.
    """
    own = b"\n".join(b"%b:%b" % (name.encode(), value) for name in _OF_A_PART for value in headers.raw(name)).lower()
    ends = [*(each.start() for each in delimiters), len(content)]
    yield own, headers.body_start, ends[0]
    for delimiter, end in zip(delimiters, ends[1:], strict=True):
        yield _part(content, delimiter.end(), end)


def _part(content: bytes, begin: int, end: int) -> tuple[bytes, int, int]:
    most = min(end, begin + MOST_PART_HEADERS)
    blank = _BLANK_LINE.search(content, begin, most)
    body = blank.end() if blank else most
    return content[begin:body].lower(), body, end


def _unencoded(content: bytes, headers: bytes, start: int, end: int) -> int:
    """Return how many bytes stand behind an encoded body; of any other none are counted (ours: see docs/parity.md)."""
    encoding = _ENCODED.search(headers)
    if encoding is None:
        return 0
    if encoding[1] == b"base64":
        return (end - start - sum(content.count(each, start, end) for each in (b"\n", b"\r", b"="))) * 3 // 4
    return end - start - 2 * content.count(b"=", start, end)
