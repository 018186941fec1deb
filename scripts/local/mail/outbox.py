"""SES sending: what the emulator was asked to send goes where the Internet would bring it.

A recipient whose domain comes in here is received as through MX; `bounce+<reason>@simulator.local` bounces to the
sender; all others land in the outbox, one .eml and one .json (the envelope) a transmission.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from local.mail.dsn import STATUS, Failed, delivery_status
from local.mail.ses_notification import Verdicts
from local.web import Response

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from local.mail.ses_receiving import SesReceiving
    from local.web import Request

PATH: Final = "/_postroom/ses"
"""Ours: where the emulator hands over, on the Lambda service's port."""

BOUNCE_SENDER: Final = "MAILER-DAEMON@amazonses.com"

_BOUNCES: Final = re.compile(r"bounce\+(?P<reason>[^@]*)@simulator\.local", re.IGNORECASE)


class Outbox:
    """The sending side of SES; `answer` is called by the emulator."""

    def __init__(self, folder: Path, receiving: SesReceiving) -> None:
        """Keep the folder, and what receives messages for our own domains."""
        self._folder = folder
        self._receiving = receiving

    def answer(self, request: Request) -> Response:
        """Accept one transmission; an answer other than 200 is returned to the caller of SES."""
        line, _, content = request.body.partition(b"\n")
        asked = json.loads(line)
        try:
            if asked["kind"] == "bounce":
                return self._send_bounce(asked)
            self.transmit(asked["message_id"], asked["source"], asked["recipients"], content)
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
            failures = [Failed(address, _simulated(reason)) for address, reason in bouncing.items()]
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
        # The envelope is written last and whole: a reader that waits for it finds both files.
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


def _simulated(reason: str) -> dict[str, str]:
    """Return the fields of a recipient of the bounce simulator."""
    code = "5.0.0"
    return {"Action": "failed", "Status": code, "Diagnostic-Code": f"smtp; 550 {code} {reason or 'bounced'}"}


def _failure(one: dict[str, Any]) -> Failed:
    """Return a recipient that SendBounce was given: its own fields, else those that its bounce type says."""
    fields = dict(one["fields"])
    code = fields.setdefault("Status", STATUS.get(one["type"], "5.0.0"))
    fields.setdefault("Diagnostic-Code", f"smtp; 550 {code} {one['type']}")
    return Failed(one["address"], fields)
