"""A delivery status notification of our own making, as bytes with CRLF, 7-bit, no line beyond 998.

Source: RFC 3464 (delivery-status), RFC 6522 (multipart/report, text/rfc822-headers), RFC 6533 (addresses that are not
ASCII), RFC 3834 (Auto-Submitted). It is written without a library, because its values come from outside: each is one
line of plain ASCII, or encoded, before it is written into a field.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

from postroom.mime import writing
from postroom.model.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.model.bounces import Bounce

MAX_RETURNED_BYTES: Final = 32 * 1024
"""Most bytes of the original's header block that are returned: whole fields, as many as fit. Ours."""

_HIDDEN: Final = frozenset({b"bcc", b"resent-bcc"})
_FIELD: Final = re.compile(rb"^([!-9;-~]+)[ \t]*:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*", re.MULTILINE)
"""A field begins at the start of a line; a search at every place would take quadratic time on a long line."""
_MESSAGE_ID: Final = re.compile(r"<[!-;=?-~]{1,250}>")
_CRLF: Final = b"\r\n"


def delivery_report(bounce: Bounce, original: bytes, *, subject: str, message_id: str, now: int) -> bytes:
    """Return the whole message.

    Args:
        original: the header block of the message that bounces, as it came.
        subject, message_id: of that message.
        now: milliseconds since the epoch.
    """
    boundary = "=_" + hashlib.sha256(f"{bounce.name}\0{bounce.ses_message_id}".encode()).hexdigest()[:40]
    thread = _MESSAGE_ID.fullmatch(message_id)
    head = [
        f"From: Mail Delivery System <{bounce.author}>",
        f"To: {bounce.to}",
        f"Subject: {writing.encoded(_subject(bounce, one_line(subject)[:200]))}",
        f"Date: {writing.date(now)}",
        f"Message-ID: <{bounce.name}@{bounce.domain}>",
        *([f"In-Reply-To: {message_id}", f"References: {message_id}"] if thread else []),
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="{boundary}"',
    ]
    parts = [
        ("text/plain; charset=utf-8", *writing.part(bounce.explanation.encode("utf-8", "replace"))),
        ("message/delivery-status", "7bit", _status(bounce)),
        ("text/rfc822-headers", *writing.part(b"".join(field + _CRLF for field in returned_fields(original)))),
    ]
    return b"".join(f"{line}\r\n".encode("ascii") for line in head) + writing.parts(boundary, parts)


def _subject(bounce: Bounce, subject: str) -> str:
    word = "Delayed" if bounce.is_delay else "Undeliverable"
    return f"{word}: {subject}" if subject else f"{word} mail"


def _status(bounce: Bounce) -> bytes:
    """Return the delivery-status part: fields of the message, then a group of fields for each recipient.

    Original-Recipient is left out: it is for what ORCPT said (RFC 3464 2.3.1), which SES does not pass on.
    """
    groups = [[f"Reporting-MTA: dns; {bounce.domain}", f"Arrival-Date: {writing.date(bounce.arrived)}"]]
    until = [f"Will-Retry-Until: {writing.date(bounce.until)}"] if bounce.until else []
    groups += [
        [
            f"Final-Recipient: {writing.final_recipient(failure.address)}",
            f"Action: {'delayed' if bounce.is_delay else 'failed'}",
            f"Status: {failure.status}",
            *([writing.report_field("Remote-MTA", f"dns; {failure.server}")] if failure.server else []),
            f"Diagnostic-Code: smtp; {failure.diagnostic}",
            *until,
        ]
        for failure in bounce.failures
    ]
    return "\r\n".join("".join(f"{line}\r\n" for line in group) for group in groups).encode("ascii")


def returned_fields(block: bytes) -> Iterator[bytes]:
    """Yield the fields of a header block that are returned to the sender: not Bcc, and only those that still fit."""
    room = MAX_RETURNED_BYTES
    for found in _FIELD.finditer(block):
        field = re.sub(rb"\r?\n", _CRLF, found[0])
        if found[1].lower() not in _HIDDEN and len(field) <= room:
            room -= len(field)
            yield field
