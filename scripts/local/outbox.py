"""SES sending: what the emulator was asked to send goes where the Internet would bring it.

A recipient whose domain comes in here is received as through MX; `bounce+<reason>@simulator.local` bounces to the
sender; all others land in the outbox, one .eml and one .json (the envelope) a transmission.
"""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from email.encoders import encode_quopri
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from local.ses_notification import Verdicts
from local.web import Response

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from local.ses_receiving import SesReceiving
    from local.web import Request

PATH: Final = "/_postroom/ses"
"""Ours: where the emulator hands over, on the Lambda service's port."""

DEFAULT_EXPLANATION: Final = "An error occurred while trying to deliver the mail to the following recipients:"

BOUNCE_SENDER: Final = "MAILER-DAEMON@amazonses.com"

_BOUNCES: Final = re.compile(r"bounce\+(?P<reason>[^@]*)@simulator\.local", re.IGNORECASE)

_STATUS: Final = {
    # SES's bounce types, and the enhanced status codes of RFC 3463 that say the same
    "DoesNotExist": "5.1.1",
    "MessageTooLarge": "5.3.4",
    "ExceededQuota": "5.2.2",
    "ContentRejected": "5.6.1",
    "TemporaryFailure": "4.0.0",
    "Undefined": "5.0.0",
}


class Outbox:
    """The sending side of SES; `answer` is called by the emulator."""

    def __init__(self, folder: Path, receiving: SesReceiving) -> None:
        """Keep where to write, and who receives."""
        self._folder = folder
        self._receiving = receiving

    def answer(self, request: Request) -> Response:
        """Take one transmission; an answer other than 200 is what SES's caller is told."""
        asked = json.loads(base64.b64decode(request.headers["X-Postroom-Transmission"]))
        try:
            if asked["kind"] == "bounce":
                return self._send_bounce(asked)
            self.transmit(asked["message_id"], asked["source"], asked["recipients"], request.body)
        except (BotoCoreError, ClientError, OSError) as error:
            return Response(503, f"the local stack could not take it: {error}".encode())
        return Response(200)

    def transmit(self, message_id: str, sender: str, recipients: Sequence[str], content: bytes) -> None:
        """Bring one message to each of its recipients.

        Raises:
            ClientError, BotoCoreError, OSError: it could not be stored.
        """
        bouncing = {one: found["reason"] for one in recipients if (found := _BOUNCES.fullmatch(one))}
        local = [one for one in recipients if one not in bouncing and self._receiving.is_local(one)]
        leaving = [one for one in recipients if one not in bouncing and one not in local]
        if local:
            self._receiving.receive(sender, local, content, Verdicts())
        if leaving:
            self._leave(message_id, sender, leaving, content)
        if bouncing and sender:
            failures = [
                (address, "5.0.0", f"smtp; 550 5.0.0 {reason or 'bounced'}") for address, reason in bouncing.items()
            ]
            dsn = delivery_status(f"{message_id}-bounce", BOUNCE_SENDER, sender, failures)
            self.transmit(f"{message_id}-bounce", "", [sender], dsn)

    def _leave(self, message_id: str, sender: str, recipients: list[str], content: bytes) -> None:
        envelope = {
            "messageId": message_id,
            "from": sender,
            "to": recipients,
            "sentAt": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "size": len(content),
        }
        (self._folder / f"{message_id}.eml").write_bytes(content)
        # The envelope comes last, whole, so that whoever watches for it finds both.
        unfinished = self._folder / f".{message_id}.json"
        unfinished.write_text(json.dumps(envelope, indent=2) + "\n", encoding="utf-8")
        unfinished.rename(self._folder / f"{message_id}.json")

    def _send_bounce(self, asked: dict[str, Any]) -> Response:
        """SendBounce: tell the sender of a message that was received here."""
        original = self._receiving.original(asked["original"])
        if original is None:
            return Response(400, f"Original message {asked['original']} was not received in the last 24 hours".encode())
        failures = [_failure(one) for one in asked["recipients"]]
        dsn = delivery_status(
            asked["message_id"],
            asked["source"],
            original.sender,
            failures,
            asked["explanation"],
            reporting=asked["reporting"],
            headers=original.headers,
        )
        if original.sender:  # a bounce is never bounced
            self.transmit(asked["message_id"], "", [original.sender], dsn)
        return Response(200)


def _failure(one: dict[str, str]) -> tuple[str, str, str]:
    """Return address, status code and diagnostic of a recipient that SendBounce was given."""
    code = one["status"] or _STATUS.get(one["type"], "5.0.0")
    return one["address"], code, one["diagnostic"] or f"smtp; 550 {code} {one['type']}"


def delivery_status(
    message_id: str,
    reporter: str,
    sender: str,
    failures: Sequence[tuple[str, str, str]],
    explanation: str = "",
    *,
    reporting: Mapping[str, str] | None = None,
    headers: bytes = b"",
) -> bytes:
    """Return a delivery status notification (RFC 3464).

    Args:
        message_id: its own.
        reporter: its From.
        sender: who is told.
        failures: address, enhanced status code and diagnostic each.
        explanation: for people; `DEFAULT_EXPLANATION` if empty.
        reporting: fields about the message; SES's own Reporting-MTA if none.
        headers: fields of the message that bounces, returned as they are.
    """
    report = MIMEMultipart("report", report_type="delivery-status")
    report["From"] = reporter
    report["To"] = sender
    report["Subject"] = "Delivery Status Notification (Failure)"
    report["Date"] = format_datetime(datetime.now(UTC))
    report["Message-ID"] = f"<{message_id}@email.amazonses.com>"
    report["Auto-Submitted"] = "auto-replied"
    addresses = "".join(f"\n{address}" for address, _, _ in failures)
    report.attach(MIMEText(explanation or f"{DEFAULT_EXPLANATION}\n{addresses}\n"))
    about = Message()
    for name, value in (reporting or {"Reporting-MTA": "dns; amazonses.com"}).items():
        about[name] = value
    groups: list[Message | str] = [about]
    for address, code, said in failures:
        group = Message()
        group["Final-Recipient"] = f"rfc822; {address}"
        group["Action"] = "failed"
        group["Status"] = code
        group["Diagnostic-Code"] = " ".join(said.split())
        groups.append(group)
    status = Message()
    status["Content-Type"] = "message/delivery-status"
    status.set_payload(groups)
    report.attach(status)
    if headers:
        returned = MIMEBase("text", "rfc822-headers")
        returned.set_payload(headers)
        encode_quopri(returned)
        report.attach(returned)
    return report.as_bytes()
