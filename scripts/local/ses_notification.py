"""The notification that SES publishes for a received message.

Source: AWS SES, "Contents of notifications for Amazon SES email receiving". Verdicts travel here alone.
"""

from __future__ import annotations

import email.errors
import email.header
import email.utils
import json
import re
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

VERDICTS: Final = ("spam", "virus", "spf", "dkim", "dmarc")
STATUSES: Final = frozenset({"PASS", "FAIL", "GRAY", "PROCESSING_FAILED"})
POLICIES: Final = frozenset({"NONE", "QUARANTINE", "REJECT"})

VERDICT_HEADER: Final = b"x-local-ses-verdicts:"
"""Ours: what a sender to the local stack may say about verdicts; never stored. Source: local-stack.md."""

MAX_HEADER_BYTES: Final = 10 * 1024
"""Headers of a notification, in bytes; above it they are truncated. Source: AWS, `mail.headersTruncated`."""

MAX_NOTIFICATION_BYTES: Final = 256 * 1024
"""Source: AWS, SNS message size."""

_HEADER_END: Final = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True)
class Verdicts:
    """What SES found: a status each, and the sender's DMARC policy if DMARC failed."""

    statuses: Mapping[str, str] = field(default_factory=dict)
    dmarc_policy: str | None = None

    def members(self) -> dict[str, Any]:
        """Return the receipt's members; whatever was not said is PASS."""
        shown: dict[str, Any] = {f"{name}Verdict": {"status": self.statuses.get(name, "PASS")} for name in VERDICTS}
        if self.dmarc_policy is not None:
            shown["dmarcPolicy"] = self.dmarc_policy.lower()  # lower case, as SES really sends it
        return shown


def parse_verdicts(text: str) -> Verdicts:
    """Read `spam=FAIL; dmarc=FAIL; dmarcPolicy=REJECT`.

    Raises:
        ValueError: a name or a status that SES does not have; the text says which.
    """
    statuses: dict[str, str] = {}
    policy: str | None = None
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name == "dmarcPolicy" and value.upper() in POLICIES:
            policy = value.upper()
        elif name in VERDICTS and value.upper() in STATUSES:
            statuses[name] = value.upper()
        else:
            raise ValueError(f"no verdict {part!r}; verdicts are {', '.join(VERDICTS)} = {'|'.join(sorted(STATUSES))}")
    return Verdicts(statuses, policy)


def take_verdicts(content: bytes) -> tuple[bytes, Verdicts]:
    """Take the X-Local-SES-Verdicts header field out of a message; every other byte stays as it is.

    Raises:
        ValueError: the field cannot be read.
    """
    end = _HEADER_END.search(content)
    head_end = end.start() if end else len(content)
    if content.startswith((b"\n", b"\r\n")):
        head_end = 0  # no header at all
    if VERDICT_HEADER not in content[:head_end].lower():
        return content, Verdicts()
    kept, said, taking = [], bytearray(), False
    for line in _lines(content[:head_end]):
        taking = line[:1] in (b" ", b"\t") if taking else False
        if line.lower().startswith(VERDICT_HEADER):
            taking, line = True, line[len(VERDICT_HEADER) :]  # noqa: PLW2901
        if taking:
            said += line
        else:
            kept.append(line)
    rest = content[head_end:]
    head = b"".join(kept)
    if rest and head.endswith(b"\n"):  # the field was the last one: its line end separates header and body already
        head = head.removesuffix(b"\n").removesuffix(b"\r")
    elif rest and not head:
        rest = rest.removeprefix(b"\r\n") if rest.startswith(b"\r\n") else rest.removeprefix(b"\n")
    return head + rest, parse_verdicts(" ".join(said.decode("ascii", "replace").split()))


def _lines(data: bytes) -> list[bytes]:
    """Split after each LF, and nowhere else."""
    return re.findall(rb"[^\n]*\n|[^\n]+", data)


def notification(
    *,
    message_id: str,
    source: str,
    recipients: Sequence[str],
    content: bytes,
    verdicts: Verdicts,
    action: Mapping[str, str],
    received: datetime,
    took_ms: int,
) -> str:
    """Return the JSON that goes to the topic.

    Args:
        message_id: SES's, also the object's key.
        source: envelope sender; empty for bounces.
        recipients: those that matched the rule, as the client wrote them.
        content: the stored message; only its header is read.
        verdicts: of SES.
        action: `type`, `topicArn`, `bucketName`, `objectKeyPrefix`, `objectKey`.
        received: aware.
        took_ms: processing time, in milliseconds.
    """
    end = _HEADER_END.search(content)
    head = content[: end.end() if end else len(content)]
    parsed = BytesHeaderParser().parsebytes(head)
    fields = [(name, _text(value)) for name, value in parsed.raw_items()]  # items() loses 8-bit bytes
    headers = [{"name": name, "value": value} for name, value in fields]
    kept, size = [], 0
    for header in headers:
        size += len(json.dumps(header))
        if size > MAX_HEADER_BYTES:
            break
        kept.append(header)
    timestamp = received.strftime("%Y-%m-%dT%H:%M:%S.") + f"{received.microsecond // 1000:03d}Z"
    mail: dict[str, Any] = {
        "timestamp": timestamp,
        "source": source,
        "messageId": message_id,
        "destination": _addresses(fields, "to") + _addresses(fields, "cc"),
        "headersTruncated": len(kept) < len(headers),
        "headers": kept,
        "commonHeaders": _common(fields, source),
    }
    receipt = {
        "timestamp": timestamp,
        "processingTimeMillis": took_ms,
        "recipients": list(recipients),
        **verdicts.members(),
        "action": dict(action),
    }
    whole = {"notificationType": "Received", "mail": mail, "receipt": receipt}
    encoded = json.dumps(whole, ensure_ascii=False)
    if len(encoded.encode()) > MAX_NOTIFICATION_BYTES:
        # Only a header of its own size can do that: receipt.recipients alone route, so they stay.
        mail.update(headers=[], headersTruncated=True, destination=mail["destination"][:1])
        mail["commonHeaders"] = {"returnPath": source}
        encoded = json.dumps(whole, ensure_ascii=False)
    return encoded


def _common(fields: Sequence[tuple[str, str]], source: str) -> dict[str, Any]:
    common: dict[str, Any] = {"returnPath": source}
    for member, name in (("from", "from"), ("to", "to"), ("cc", "cc"), ("replyTo", "reply-to")):
        if values := _values(fields, name):
            common[member] = [part for value in values for part in _split(value)]
    for member, name in (("date", "date"), ("messageId", "message-id"), ("subject", "subject")):
        if values := _values(fields, name):
            common[member] = values[0]
    return common


def _addresses(fields: Sequence[tuple[str, str]], name: str) -> list[str]:
    return [address for _, address in email.utils.getaddresses(_values(fields, name)) if address]


def _values(fields: Sequence[tuple[str, str]], name: str) -> list[str]:
    return [value for field_name, value in fields if field_name.lower() == name]


def _split(value: str) -> list[str]:
    pairs = email.utils.getaddresses([value])
    return [
        email.utils.formataddr((name, address)) if name.isascii() else f"{name} <{address}>" for name, address in pairs
    ]


def _text(value: str) -> str:
    """Unfold and decode a raw header value; stray bytes are read as UTF-8, else shown as U+FFFD."""
    unfolded = re.sub(r"\r?\n(?=[ \t])", "", value)
    text = unfolded.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if "=?" not in text:
        return text
    try:
        return str(email.header.make_header(email.header.decode_header(text)))
    except (ValueError, LookupError, email.errors.HeaderParseError):
        return text
