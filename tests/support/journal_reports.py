"""Reads journal reports by the grammar of Exchange's format ([MS-XJRNL]), strictly: not by the code that writes them.

report     = sender [on-behalf] subject message-id *optional 1*recipient *optional
sender     = "Sender:" SP address
on-behalf  = "On-Behalf-Of:" SP address
subject    = "Subject:" [SP text]
message-id = "Message-ID:" SP text            ; in any case
recipient  = ("To:" / "Cc:" / "Bcc:" / "Recipient:") SP address [", Expanded:" SP address / ", Forwarded:" SP address]
optional   = ("Label:" / "Mailbox:" / "SentUtc:" / "ReceivedUtc:") SP text
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from typing import Final

_ADDRESS: Final = r"[^\s,]+@[^\s,]+|<>"
_LINES: Final = re.compile(
    rf"Sender: (?P<sender>{_ADDRESS})\r\n"
    rf"(?:On-Behalf-Of: (?P<behalf>{_ADDRESS})\r\n)?"
    r"Subject: ?(?P<subject>[^\r\n]*)\r\n"
    r"(?i:Message-ID): ?(?P<id>[^\r\n]*)\r\n"
    r"(?P<rest>(?:[^\r\n]+\r\n)+)"
)
_RECIPIENT: Final = re.compile(
    rf"(?P<field>To|Cc|Bcc|Recipient): (?P<address>{_ADDRESS})(?:, (?P<how>Expanded|Forwarded): (?P<by>{_ADDRESS}))?"
)
_OPTIONAL: Final = re.compile(r"(?:Label|Mailbox|SentUtc|ReceivedUtc): .*")


@dataclass(frozen=True)
class Report:
    """One report. ``recipients`` are (field, address, group); ``fields`` the header fields of the report itself."""

    fields: dict[str, str]
    sender: str
    on_behalf_of: str
    subject: str
    message_id: str
    recipients: list[tuple[str, str, str]]
    original: bytes


def read_report(content: bytes) -> Report:
    """Read one.

    Raises:
        ValueError: it is no report.
    """
    parsed = message_from_bytes(content, policy=default)
    boundary = parsed.get_boundary()
    if parsed.get_content_type() != "multipart/mixed" or boundary is None:
        raise ValueError("not multipart/mixed")
    head, *parts, end = content.split(b"--" + boundary.encode())
    if len(parts) != 2 or end != b"--\r\n" or not head.endswith(b"\r\n\r\n"):
        raise ValueError("not two parts")
    first, second = (_part(part) for part in parts)
    if first[0].split(";")[0] != "text/plain" or second[0] != "message/rfc822":
        raise ValueError("not a text and a message")
    found = _LINES.fullmatch(first[1].decode())
    if found is None:
        raise ValueError("not the lines of the grammar")
    lines = [line for line in found["rest"].split("\r\n") if line and not _OPTIONAL.fullmatch(line)]
    matches = [_RECIPIENT.fullmatch(line) for line in lines]
    if not matches or None in matches:
        raise ValueError("no recipients, or a line that is none")
    recipients = [(match["field"], match["address"], match["by"] or "") for match in matches if match]
    return Report(
        fields={name.lower(): str(value) for name, value in parsed.items()},
        sender=found["sender"],
        on_behalf_of=found["behalf"] or "",
        subject=found["subject"],
        message_id=found["id"],
        recipients=recipients,
        original=second[1],
    )


def _part(part: bytes) -> tuple[str, bytes]:
    """Return the type and the content of a part; the CRLF before a boundary belongs to that."""
    head, _, body = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    if fields["Content-Transfer-Encoding"] == "7bit" and not body.isascii():
        raise ValueError("not 7-bit")
    return fields["Content-Type"], body.removesuffix(b"\r\n")
