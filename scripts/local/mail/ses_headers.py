"""The header fields that SES puts in front of a message that it stores.

A field of the same name that the sender wrote stays as it was sent, below: code that reads the first one reads SES's.
Names, order and the shape of Authentication-Results are those of messages that SES stored; what it says of the checks
are the verdicts that the message was sent with.
"""

from __future__ import annotations

from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

from postroom.mime.headers import Headers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from local.mail.ses_notification import Verdicts

RESULTS: Final = {"PASS": "pass", "FAIL": "fail", "GRAY": "none", "PROCESSING_FAILED": "temperror"}
"""What Authentication-Results says for each verdict. Source of the words: RFC 8601, 2.7; which is for which, ours."""

READ_BYTES: Final = 64 * 1024
"""How much of a message is read for its From. Ours."""


def ses_headers(
    message_id: str, sender: str, recipients: Sequence[str], verdicts: Verdicts, received: datetime, content: bytes
) -> bytes:
    """Return the fields, CRLF included.

    Args:
        sender: envelope sender; empty for bounces.
        content: the message as it was sent.
    """
    found = verdicts.members()
    spf, dkim, dmarc = (RESULTS[found[f"{name}Verdict"]["status"]] for name in ("spf", "dkim", "dmarc"))
    domain = _domain(Headers.of(content[:READ_BYTES]).address("From")) or _domain(sender) or "client.local"
    checked = f"(spfCheck: local stack) client-ip=127.0.0.1; envelope-from={sender}; helo=client.local;"
    lines = [
        f"Return-Path: <{sender}>",
        f"Received: from client.local by inbound-smtp.us-east-1.amazonaws.com with SMTP id {message_id}",
        f" for {recipients[0]};",
        f" {format_datetime(received)}",
        f"X-SES-Spam-Verdict: {found['spamVerdict']['status']}",
        f"X-SES-Virus-Verdict: {found['virusVerdict']['status']}",
        f"Received-SPF: {spf} {checked}",
        "Authentication-Results: amazonses.com;",
        f" spf={spf} {checked}",
        f" dkim={dkim} header.i=@{domain};",
        f" dmarc={dmarc} header.from={domain};",
        f"X-SES-RECEIPT: {message_id}",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "replace")


def _domain(address: str) -> str:
    """Return an address's domain; nothing where it holds what would not be one."""
    domain = address.rpartition("@")[2] if "@" in address else ""
    return domain if domain.replace("-", "").replace(".", "").isalnum() else ""
