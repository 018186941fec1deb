"""The notification that SES publishes for a received message.

Source: AWS SES, "Contents of notifications for Amazon SES email receiving". Verdicts travel here alone.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from postroom.mime import encoded_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
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

MAX_READ_BYTES: Final = 256 * 1024
"""How much of a header block the notification is made of, in bytes; it can hold no more. Ours."""

Field = tuple[str, str, str]
"""A header field: its name, its value decoded, and its value unfolded."""

_NAME: Final = re.compile(r"[^\x00-\x20\x7f:]+")
_MARK: Final = re.compile(r'\\.|["<>(),:;]')
_CLOSED_BY: Final = {'"': '"', "<": ">"}
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
        took_ms: processing time.
    """
    timestamp = received.strftime("%Y-%m-%dT%H:%M:%S.") + f"{received.microsecond // 1000:03d}Z"
    mail = {"timestamp": timestamp, "source": source, "messageId": message_id, **_headers(content, source)}
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


def _headers(content: bytes, source: str) -> dict[str, Any]:
    """Return the members of `mail` that are read from the message's header block."""
    block = header_block(content)
    fields = [(name, text_of(raw), raw) for name, raw in header_fields(block[:MAX_READ_BYTES])]
    headers = [{"name": name, "value": value} for name, value, _ in fields]
    kept, size = [], 0
    for header in headers:
        size += len(json.dumps(header))
        if size > MAX_HEADER_BYTES:
            break
        kept.append(header)
    return {
        "destination": _addresses(fields, "to") + _addresses(fields, "cc"),
        "headersTruncated": len(kept) < len(headers) or len(block) > MAX_READ_BYTES,
        "headers": kept,
        "commonHeaders": _common(fields, source),
    }


def _common(fields: Sequence[Field], source: str) -> dict[str, Any]:
    common: dict[str, Any] = {"returnPath": source}
    for member, name in (("from", "from"), ("to", "to"), ("cc", "cc"), ("replyTo", "reply-to")):
        if values := _raw_values(fields, name):
            common[member] = [text_of(mailbox) for value in values for mailbox in mailboxes(value)]
    for member, name in (("date", "date"), ("messageId", "message-id"), ("subject", "subject")):
        if values := _raw_values(fields, name):
            common[member] = text_of(values[0])
    return common


def _addresses(fields: Sequence[Field], name: str) -> list[str]:
    found = (text_of(addr_spec(mailbox)) for value in _raw_values(fields, name) for mailbox in mailboxes(value))
    return [address for address in found if address]


def _raw_values(fields: Sequence[Field], name: str) -> list[str]:
    return [raw for field_name, _, raw in fields if field_name.lower() == name]


def header_block(content: bytes) -> bytes:
    """Return the bytes before the first empty line; none if the message begins with it."""
    if content.startswith((b"\n", b"\r\n")):
        return b""
    end = _HEADER_END.search(content)
    return content[: end.start()] if end else content


def header_fields(block: bytes) -> list[tuple[str, str]]:
    """Return names and unfolded raw values of a header block; a line that is no field is passed over.

    Bytes that are no UTF-8 are U+FFFD in both.
    """
    fields: list[tuple[str, list[str]]] = []
    for line in re.split(rb"\r*\n", block):
        text = line.decode("utf-8", "replace")
        name, colon, value = text.partition(":")
        if text[:1] in (" ", "\t") and fields:
            fields[-1][1].append(text)
        elif colon and _NAME.fullmatch(name.rstrip(" \t")):
            fields.append((name.rstrip(" \t"), [value]))
    return [(name, "".join(lines).strip(" \t\r")) for name, lines in fields]


def mailboxes(value: str) -> Iterator[str]:
    """Cut an address list at its commas, and at the colon and semicolon of a group.

    One pass; quotes, comments and angle brackets hold what is in them together, as far as they are closed.
    """
    start, depth, closing = 0, 0, ""
    matches = list(_MARK.finditer(value))
    open_ended = {mark: value.rfind(mark) for mark in ('"', ">", ")")}
    for found in matches:
        mark, at = found[0], found.start()
        if mark.startswith("\\"):
            continue
        if closing in ('"', ">"):
            closing = "" if mark == closing else closing
        elif mark == ")" and depth:
            depth -= 1
        elif mark == "(" and at < open_ended[")"]:
            depth += 1
        elif not depth and mark in ('"', "<") and at < open_ended[_CLOSED_BY[mark]]:
            closing = _CLOSED_BY[mark]
        elif not depth and mark in ",:;":
            if mark != ":" and (piece := " ".join(value[start:at].split())):
                yield piece
            start = at + 1
    if piece := " ".join(value[start:].split()):
        yield piece


def addr_spec(mailbox: str) -> str:
    """Return the address in one mailbox: what is in its last angle brackets, else all of it without comments."""
    begin, end = mailbox.rfind("<"), mailbox.rfind(">")
    if 0 <= begin < end:
        return mailbox[begin + 1 : end].strip()
    kept, depth = [], 0
    for piece in re.split(r"([()])", mailbox):
        depth += {"(": 1, ")": -1 if depth else 0}.get(piece, 0)
        if not depth and piece not in ("(", ")"):
            kept.append(piece)
    return "".join(kept).strip()


def text_of(raw: str) -> str:
    """Return a raw value with its encoded words decoded, fit for JSON: some charsets give lone surrogates."""
    return encoded_words.decode(raw).encode("utf-8", "replace").decode("utf-8") if "=?" in raw else raw
