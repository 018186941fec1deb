"""SES sending: what the emulator was asked to send goes where the Internet would bring it.

A recipient whose domain comes in here is received as through MX. Addresses of the simulator are reported as the
configuration set says: `bounce+<reason>@simulator.local`, `complaint+…` and `delay+…` become events; where there is no
set, or the identity has not switched its forwarding off, a bounce is a message to the sender, as SES forwards it. All
others land in the outbox, one .eml and one .json (the envelope) a transmission.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from local.mail import ses_events
from local.mail.dsn import STATUS, Failed, delivery_status
from local.mail.ses_events import Simulated
from local.mail.ses_notification import Verdicts
from local.web import Response
from postroom.model.timestamps import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from local.mail.ses_receiving import SesReceiving
    from local.web import Request

PATH: Final = "/_postroom/ses"
"""Ours: where the emulator hands over, on the Lambda service's port."""

BOUNCE_SENDER: Final = "MAILER-DAEMON@amazonses.com"


class Outbox:
    """The sending side of SES; `answer` is called by the emulator."""

    def __init__(self, folder: Path, receiving: SesReceiving, publish: Callable[[str, str], object]) -> None:
        """Keep the folder, what receives messages for our own domains, and what publishes a text to a topic."""
        self._folder = folder
        self._receiving = receiving
        self._publish = publish

    def answer(self, request: Request) -> Response:
        """Accept one transmission; an answer other than 200 is returned to the caller of SES."""
        line, _, content = request.body.partition(b"\n")
        asked = json.loads(line)
        try:
            if asked["kind"] == "bounce":
                return self._send_bounce(asked)
            self.transmit(asked["message_id"], asked["source"], asked["recipients"], content, asked.get("events"))
        except (BotoCoreError, ClientError, OSError) as error:
            return Response(503, f"the local stack could not take it: {error}".encode())
        return Response(200)

    def transmit(
        self,
        message_id: str,
        sender: str,
        recipients: Sequence[str],
        content: bytes,
        events: Mapping[str, Any] | None = None,
    ) -> None:
        """Bring one message to each of its recipients.

        Args:
            events: where events about it go: topic, types, tags, and whether bounces are forwarded by mail, too.

        Raises:
            ClientError, BotoCoreError, OSError: it could not be stored.
        """
        simulated = {one: found for one in recipients if (found := Simulated.of(one))}
        local = [one for one in recipients if one not in simulated and self._receiving.is_local(one)]
        leaving = [one for one in recipients if one not in simulated and one not in local]
        if local:
            self._receiving.receive(sender, local, content, Verdicts())
        if leaving:
            self._leave(message_id, sender, leaving, content)
        if simulated and events is not None:
            self._report(message_id, sender, recipients, list(simulated.values()), events)
        if sender and (events is None or events["forwarded"]):
            self._forward(message_id, sender, [each for each in simulated.values() if each.kind == "bounce"])

    def _report(
        self,
        message_id: str,
        sender: str,
        recipients: Sequence[str],
        simulated: Sequence[Simulated],
        events: Mapping[str, Any],
    ) -> None:
        """Publish the events that the configuration set wants."""
        for kind, event in ses_events.events(message_id, sender, recipients, simulated, events["tags"]):
            if kind in events["types"]:
                self._publish(events["topic"], json.dumps(event))

    def _forward(self, message_id: str, sender: str, failed: Sequence[Simulated]) -> None:
        """Send a bounce message to the sender, as SES forwards feedback."""
        if failed:
            failures = [Failed(each.address, _simulated(each)) for each in failed]
            dsn = delivery_status(f"{message_id}-bounce", BOUNCE_SENDER, sender, failures)
            self.transmit(f"{message_id}-bounce", "", [sender], dsn)

    def _leave(self, message_id: str, sender: str, recipients: list[str], content: bytes) -> None:
        envelope = {
            "messageId": message_id,
            "from": sender,
            "to": recipients,
            "sentAt": timestamp(time.time_ns() // 1_000_000),
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


def _simulated(failed: Simulated) -> dict[str, str]:
    """Return the fields of a recipient of the bounce simulator."""
    return {"Action": "failed", "Status": failed.code, "Diagnostic-Code": f"smtp; {failed.reply}"}


def _failure(one: dict[str, Any]) -> Failed:
    """Return a recipient that SendBounce was given: its own fields, else those that its bounce type says."""
    fields = dict(one["fields"])
    code = fields.setdefault("Status", STATUS.get(one["type"], "5.0.0"))
    fields.setdefault("Diagnostic-Code", f"smtp; 550 {code} {one['type']}")
    return Failed(one["address"], fields)
