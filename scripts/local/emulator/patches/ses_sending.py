"""SES: sent messages go to the local stack's outbox, byte for byte; moto keeps them in a list and loses 8-bit data.

The local stack takes transmissions at the URL in ``POSTROOM_SES_HOOK`` (it sets that when it starts the emulator), and
stores what is for a domain of its own, bounces or puts the rest into the outbox. Without the variable, as in unit
tests, a message ends in moto's list of sent ones.
"""

from __future__ import annotations

import base64
import email.utils
import json
import os
import re
import secrets
import urllib.error
import urllib.request
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from typing import TYPE_CHECKING, Any, Final

from moto.core.responses import ActionResult
from moto.ses.exceptions import InvalidParameterValue, MessageRejectedError
from moto.ses.models import RawMessage, SESBackend
from moto.ses.responses import EmailResponse
from moto.sesv2.responses import SESV2Response

from local.emulator.patches.ses_feedback import reported

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HOOK: Final = "POSTROOM_SES_HOOK"

MAX_RECIPIENTS: Final = 50
"""Source: AWS SES quotas, recipients per message."""

MAX_BYTES: Final = 40 * 2**20
"""Source: AWS SES quotas, message size 40 MB after encoding."""

HOOK_SECONDS: Final = 30

_REPLACED: Final = ("message-id", "date", "bcc", "return-path")
_FIELD: Final = re.compile(rb"([^\s:]+)[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*\n?")
_NAME: Final = re.compile(r"[!-9;-~]+")
_LINE_END: Final = re.compile(rb"\r?\n")


def new_message_id() -> str:
    """Return an id as SES gives to what it sends: 60 characters, three groups."""
    parts = (secrets.token_hex(8), *(secrets.token_hex(size) for size in (4, 2, 2, 2, 6)))
    return "-".join((*parts, "000000"))


def replace_fields(raw: bytes, message_id: str) -> bytes:
    """Give a message SES's own Message-ID and Date, and take Bcc and Return-Path away; other bytes stay.

    Source: AWS SES, "Header fields in Amazon SES".
    """
    found = _LINE_END.search(raw)
    line_end = found.group() if found else b"\r\n"
    position, kept = 0, []
    while (field := _FIELD.match(raw, position)) is not None:
        if field[1].decode("ascii", "replace").lower() not in _REPLACED:
            kept.append(field.group())
        position = field.end()
    date = email.utils.formatdate()
    ours = [f"Message-ID: <{message_id}@email.amazonses.com>".encode(), f"Date: {date}".encode()]
    return b"".join(line + line_end for line in ours) + b"".join(kept) + raw[position:]


def transmit(
    backend: SESBackend,
    source: str | None,
    destinations: Sequence[str],
    raw: bytes,
    asked: Mapping[str, Any] | None = None,
) -> str:
    """Send one message and return its id.

    Args:
        backend: of the account and region.
        source: envelope sender; None: the From field's address.
        destinations: envelope recipients; none: those of To, Cc and Bcc.
        raw: the message as the caller gave it.
        asked: the request, if it may name a configuration set and tags.

    Raises:
        MessageRejectedError: a sender that is not verified, a message that is too large, or that is refused.
        InvalidParameterValue: too many recipients, or none.
    """
    header = BytesHeaderParser().parsebytes(raw)
    sender = email.utils.parseaddr(source if source is not None else str(header.get("from", "")))[1]
    if not backend._is_verified_address(sender):  # noqa: SLF001  moto's own check
        backend.rejected_messages_count += 1
        raise MessageRejectedError(
            "Email address is not verified. The following identities failed the check in region "
            f"{backend.region_name.upper()}: {sender}"
        )
    named = [str(value) for name in ("to", "cc", "bcc") for value in header.get_all(name, [])]
    pairs = email.utils.getaddresses(list(destinations) or named)
    recipients = list(dict.fromkeys(address for _, address in pairs if address))
    if not recipients:
        raise InvalidParameterValue("Missing final '@domain'")
    if len(recipients) > MAX_RECIPIENTS:
        raise InvalidParameterValue(f"Recipient count exceeds {MAX_RECIPIENTS}.")
    if len(raw) > MAX_BYTES:
        raise MessageRejectedError(f"Message length is more than {MAX_BYTES} bytes long: '{len(raw)}'.")
    message_id = new_message_id()
    content = replace_fields(raw, message_id)
    events = reported(backend, asked or {}, sender)
    handed = {"kind": "send", "message_id": message_id, "source": sender, "recipients": recipients, "events": events}
    _hand_over(handed, content)
    backend.sent_messages.append(RawMessage(message_id, sender, recipients, content.decode("utf-8", "replace")))
    backend.sent_message_count += len(recipients)
    return message_id


def send_raw_email(self: EmailResponse) -> ActionResult:
    """SendRawEmail, without decoding the message."""
    raw: bytes = self._get_param("RawMessage.Data")
    return ActionResult({"MessageId": transmit(self.backend, self._get_param("Source"), _destinations(self), raw)})


def send_email(self: EmailResponse) -> ActionResult:
    """SendEmail: the parts become a message as SES makes it."""
    destination: dict[str, list[str]] = self._get_param("Destination", {})
    texts = {kind: self._get_param(f"Message.Body.{kind}.Data") for kind in ("Text", "Html")}
    source: str = self._get_param("Source")
    subject = self._get_param("Message.Subject.Data") or ""
    raw = _compose(source, destination, subject, texts["Text"], texts["Html"])
    return ActionResult({"MessageId": transmit(self.backend, source, _all(destination), raw)})


def send_email_v2(self: SESV2Response) -> str:
    """SendEmail of SES v2: raw or simple content."""
    asked = json.loads(self.body)
    source, destination, content = asked.get("FromEmailAddress"), asked.get("Destination", {}), asked["Content"]
    backend = self.sesv2_backend.core_backend
    if "Raw" in content:
        raw = base64.b64decode(content["Raw"]["Data"])
    elif "Simple" in content:
        simple = content["Simple"]
        texts = {kind: simple["Body"].get(kind, {}).get("Data") for kind in ("Text", "Html")}
        raw = _compose(source, destination, simple["Subject"]["Data"], texts["Text"], texts["Html"])
    else:
        raise MessageRejectedError("Templates are not sent by the local stack")
    return json.dumps({"MessageId": transmit(backend, source, _all(destination), raw, asked)})


def send_bounce(self: EmailResponse) -> ActionResult:
    """SendBounce, which moto has not: the stack, which received the message, tells its sender."""
    message_id = new_message_id()
    bounced = self._get_param("BouncedRecipientInfoList", [])
    asked = {
        "kind": "bounce",
        "message_id": message_id,
        "source": self._get_param("BounceSender"),
        "original": self._get_param("OriginalMessageId"),
        "explanation": self._get_param("Explanation") or "",
        "reporting": _reporting(self._get_param("MessageDsn", {})),
        "recipients": [_bounced(one) for one in bounced],
    }
    if not 1 <= len(bounced) <= MAX_RECIPIENTS:
        raise InvalidParameterValue(f"BouncedRecipientInfoList must hold 1 to {MAX_RECIPIENTS} recipients.")
    if not self.backend._is_verified_address(asked["source"]):  # noqa: SLF001  moto's own check
        raise MessageRejectedError(f"Email address is not verified. {asked['source']}")
    _hand_over(asked, b"")
    addresses = [one["address"] for one in asked["recipients"]]
    self.backend.sent_messages.append(RawMessage(message_id, asked["source"], addresses, json.dumps(asked)))
    return ActionResult({"MessageId": message_id})


def _reporting(dsn: dict[str, Any]) -> dict[str, str]:
    """Return the fields about the message itself: the caller's, or SES's own."""
    fields = {"Reporting-MTA": str(dsn.get("ReportingMta") or "dns; inbound-smtp.us-east-1.amazonaws.com")}
    if arrived := dsn.get("ArrivalDate"):
        fields["Arrival-Date"] = _date(arrived)
    return fields | _extensions(dsn)


def _bounced(one: dict[str, Any]) -> dict[str, Any]:
    """Return one bounced recipient: its address, SES's bounce type, and the fields of the report that are given."""
    given = one.get("RecipientDsnFields", {})
    fields = {
        "Final-Recipient": given.get("FinalRecipient"),
        "Action": given.get("Action", "failed"),
        "Status": given.get("Status"),
        "Remote-MTA": given.get("RemoteMta"),
        "Diagnostic-Code": given.get("DiagnosticCode"),
        "Last-Attempt-Date": _date(given["LastAttemptDate"]) if given.get("LastAttemptDate") else None,
    }
    return {
        "address": one["Recipient"],
        "type": one.get("BounceType", "Undefined"),
        "fields": {name: value for name, value in fields.items() if value} | _extensions(given),
    }


def _extensions(given: dict[str, Any]) -> dict[str, str]:
    """Return the extension fields of a report.

    Raises:
        InvalidParameterValue: a name that is none of a header field.
    """
    fields = {one["Name"]: one["Value"] for one in given.get("ExtensionFields", ())}
    for name in fields:
        if not _NAME.fullmatch(name):
            raise InvalidParameterValue(f"Not a valid header field name: {name!r}")
    return fields


def _date(value: Any) -> str:
    when = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return email.utils.format_datetime(when if when.tzinfo else when.replace(tzinfo=UTC))


def _destinations(response: EmailResponse) -> list[str]:
    given: list[str] = response._get_param("Destinations", [])  # noqa: SLF001  how moto's responses read parameters
    return given


def _all(destination: dict[str, list[str]]) -> list[str]:
    return [address for name in ("ToAddresses", "CcAddresses", "BccAddresses") for address in destination.get(name, [])]


def _compose(source: str, destination: dict[str, list[str]], subject: str, text: str | None, html: str | None) -> bytes:
    message = EmailMessage()
    message["From"] = source
    for name in ("To", "Cc"):
        if addresses := destination.get(f"{name}Addresses"):
            message[name] = ", ".join(addresses)
    message["Subject"] = subject
    message.set_content(text if text is not None else (html or ""), subtype="plain" if text is not None else "html")
    if text is not None and html is not None:
        message.add_alternative(html, subtype="html")
    return message.as_bytes()


def _hand_over(asked: dict[str, Any], content: bytes) -> None:
    """Give a transmission to the local stack: a line of JSON, then the message.

    Raises:
        MessageRejectedError: it refused, in its own words.
    """
    url = os.environ.get(HOOK)
    if not url:
        return
    # In the body: an explanation and 50 recipients are more than a header line may hold.
    body = json.dumps(asked).encode() + b"\n" + content
    request = urllib.request.Request(url, body, method="POST")  # noqa: S310  a URL of our own supervisor
    try:
        with urllib.request.urlopen(request, timeout=HOOK_SECONDS):  # noqa: S310
            return
    except urllib.error.HTTPError as error:
        raise MessageRejectedError(error.read().decode("utf-8", "replace")) from error


def apply() -> None:
    """Put the functions above in place of moto's."""
    EmailResponse.send_raw_email = send_raw_email
    EmailResponse.send_email = send_email
    EmailResponse.send_bounce = send_bounce
    SESV2Response.send_email = send_email_v2
