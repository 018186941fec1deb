"""Delivery status notifications as SES sends them: for SendBounce, and for the bounce simulator.

Source: RFC 3464 (the report), RFC 6533 (addresses that are not ASCII, escaped in a report that is ASCII), RFC 6522
(the returned header). What SES's own look like is not public.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

from local.mail.ses_receiving import as_written, with_a_label
from postroom.mime import writing
from postroom.model.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEFAULT_EXPLANATION: Final = "An error occurred while trying to deliver the mail to the following recipients:"

STATUS: Final = {
    # SES's bounce types, and the enhanced status codes of RFC 3463 that say the same
    "DoesNotExist": "5.1.1",
    "MessageTooLarge": "5.3.4",
    "ExceededQuota": "5.2.2",
    "ContentRejected": "5.6.1",
    "TemporaryFailure": "4.0.0",
    "Undefined": "5.0.0",
}


@dataclass(frozen=True, slots=True)
class Failed:
    """A recipient that did not get the message.

    Attributes:
        address: as the caller wrote it.
        fields: of the report, by name, in order: those of RFC 3464 2.3 and extensions; Final-Recipient may be missing.
    """

    address: str
    fields: Mapping[str, str]

    def group(self) -> list[str]:
        """Return the fields of this recipient, Final-Recipient first."""
        final = one_line(self.fields.get("Final-Recipient", "")) or self.address
        kind, semicolon, address = final.partition(";")
        if semicolon and kind.strip().lower() not in ("rfc822", "utf-8"):
            recipient = writing.report_field("Final-Recipient", final)
        else:
            address = address.strip() if semicolon else final
            recipient = f"Final-Recipient: {writing.final_recipient(one_line(address))}"
        return [
            recipient,
            *(writing.report_field(name, value) for name, value in self.fields.items() if name != "Final-Recipient"),
        ]

    @property
    def line(self) -> str:
        """A line for people: the address and the answer."""
        said = self.fields.get("Diagnostic-Code", "").partition(";")[2].strip() or self.fields.get("Status", "")
        return f"<{one_line(self.address)}>: {one_line(said)}"


def delivery_status(
    message_id: str,
    reporter: str,
    sender: str,
    failures: Sequence[Failed],
    explanation: str = "",
    *,
    reporting: Mapping[str, str] | None = None,
    headers: bytes = b"",
) -> bytes:
    """Return a delivery status notification: 7-bit, unless the sender's own local part is not ASCII (RFC 6532).

    Args:
        message_id: its own.
        reporter: its From.
        sender: its recipient.
        failures: at least one.
        explanation: for people; `DEFAULT_EXPLANATION` and the recipients if empty.
        reporting: fields about the message; SES's own Reporting-MTA if none.
        headers: fields of the message that bounces, returned as they are; none: the part is left out.
    """
    boundary = "=_" + hashlib.sha256(message_id.encode()).hexdigest()[:40]
    head = [
        f"From: {one_line(with_a_label(reporter))}",
        f"To: {one_line(as_written(sender))}",
        "Subject: Delivery Status Notification (Failure)",
        f"Date: {format_datetime(datetime.now(UTC))}",
        f"Message-ID: <{message_id}@email.amazonses.com>",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="{boundary}"',
    ]
    listed = "".join(f"\n{failure.line}" for failure in failures)
    text = explanation or f"{DEFAULT_EXPLANATION}\n{listed}\n"
    about = reporting or {"Reporting-MTA": "dns; amazonses.com"}
    groups = [[writing.report_field(*field) for field in about.items()], *(failure.group() for failure in failures)]
    status = "\r\n".join("".join(f"{line}\r\n" for line in group) for group in groups)
    parts = [
        ("text/plain; charset=utf-8", *writing.part(text.encode("utf-8", "replace"))),
        ("message/delivery-status", "7bit", status.encode("ascii")),
    ]
    if headers:
        parts.append(("text/rfc822-headers", *writing.part(headers)))
    return b"".join(f"{line}\r\n".encode() for line in head) + writing.parts(boundary, parts)
