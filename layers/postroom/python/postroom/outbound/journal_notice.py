"""The notice to the report address: a journal report could not be made or sent. It has the report, if there is room.

    multipart/report { text/plain; message/delivery-status; message/rfc822: the journal report }

Source: guide, ZH:7408 (that there is one); Exchange returns reports so to an alternate journaling mailbox. Form: RFC
3464, RFC 6522. The texts are ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.mime import writing
from postroom.mime.headers import Headers
from postroom.model.bounces import with_status
from postroom.model.limits import MB
from postroom.outbound.journal_report import encoding, report_id, unused_boundary

if TYPE_CHECKING:
    from postroom.contracts.journal_orders import JournalFailure, JournalOrder

MAX_RETURNED_BYTES: Final = 28 * MB
"""Largest report that a notice returns, in bytes. Ours: a report that is too large for SES would be refused again."""

_CRLF: Final = "\r\n"


def journal_notice(order: JournalOrder, failure: JournalFailure, report: bytes) -> bytes:
    """Return the whole notice, with CRLF; the same for each attempt.

    Args:
        report: the journal report; empty if it cannot be made any more.
    """
    returned = report if 0 < len(report) <= MAX_RETURNED_BYTES else b""
    boundary = unused_boundary(order, returned)
    domain = order.author.rpartition("@")[2]
    head = [
        f"From: <{order.author}>",
        f"To: <{order.report_address}>",
        "Subject: Journal report not delivered",
        f"Date: {writing.date(failure.at)}",
        f"Message-ID: {report_id(order)}",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="{boundary}"',
        f"Content-Transfer-Encoding: {encoding(returned)}",
    ]
    status = [
        f"Reporting-MTA: dns; {domain}",
        "",
        f"Final-Recipient: {writing.final_recipient(order.address)}",
        "Action: failed",
        f"Status: {failure.status}",
        writing.report_field("Diagnostic-Code", f"smtp; {failure.reason}"),
        "",
    ]
    parts = [
        ("text/plain; charset=utf-8", *writing.part(_text(order, failure, report, returned).encode())),
        ("message/delivery-status", "7bit", _CRLF.join(status).encode("ascii", "replace")),
    ]
    if returned:
        parts.append(("message/rfc822", encoding(returned), returned))
    return "".join(f"{line}{_CRLF}" for line in head).encode("utf-8", "replace") + writing.parts(boundary, parts)


def _text(order: JournalOrder, failure: JournalFailure, report: bytes, returned: bytes) -> str:
    about = Headers.of(report).text("Subject") if report else ""
    lines = [
        "A journal report was not delivered.",
        "",
        f"Journaling address: {order.address}",
        f"Reason: {with_status(failure.reason, failure.status)}",
        f"Trace of the message: {order.trace}",
        *([f"Subject of the message: {about}"] if about else []),
        "",
        f"The report is {'attached' if returned else 'not attached'}. It is not sent again.",
        "The message itself was neither delayed nor stopped.",
        "",
    ]
    return _CRLF.join(lines)
