"""Events that SES publishes for what it has sent: bounces, complaints and delays of the simulator's addresses.

Source: AWS SES, "Contents of event data that Amazon SES publishes to Amazon SNS", and its examples.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from postroom.model.limits import HOUR_MS
from postroom.model.timestamps import timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SIMULATED: Final = re.compile(
    r"(?P<kind>bounce|complaint|delay)(?:\+(?P<reason>[^@]*))?@simulator\.local", re.IGNORECASE
)
REPORTER: Final = "dsn; a1-2.smtp-out.local"
TRIED_MS: Final = 14 * HOUR_MS
"""How long a delayed message is tried, as SES's ``expirationTime`` says. Ours."""

ANSWER_MS: Final = 1000
"""How long after SES has taken a message its recipient's server answers, by the event's own time: so a trace has the
two in the order that they have on AWS. Ours."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """An address of the simulator. Ours: SES's simulator has other names, and no delay.

    Attributes:
        kind: ``bounce``, ``complaint`` or ``delay``; SES takes a message for each.
        reason: what the address says after its first plus.
    """

    address: str
    kind: str
    reason: str

    @classmethod
    def of(cls, address: str) -> Simulated | None:
        """Read an address; ``None`` if it is none of the simulator."""
        found = _SIMULATED.fullmatch(address)
        return None if found is None else cls(address, found["kind"].lower(), found["reason"] or "")

    @property
    def code(self) -> str:
        """Status of the report."""
        return "4.0.0" if self.kind == "delay" else "5.0.0"

    @property
    def reply(self) -> str:
        """What the recipient's server said."""
        return f"{450 if self.kind == 'delay' else 550} {self.code} {self.reason or self.kind}"


def events(
    message_id: str, sender: str, recipients: Sequence[str], simulated: Sequence[Simulated], tags: Mapping[str, Any]
) -> list[tuple[str, dict[str, Any]]]:
    """Return the type of each event, as a configuration set names it, and the event: one for each kind.

    Args:
        message_id: SES's.
        recipients: all of the message.
        simulated: those that are addresses of the simulator.
        tags: of the message, by name.
    """
    now = time.time_ns() // 1_000_000
    mail = {
        "timestamp": timestamp(now),
        "source": sender,
        "messageId": message_id,
        "destination": list(recipients),
        "headersTruncated": False,
        "headers": [],
        "commonHeaders": {"messageId": message_id},
        "tags": tags,
    }
    found = []
    for kind, (wanted_as, event_type, member, details) in _KINDS.items():
        of_kind = [each for each in simulated if each.kind == kind]
        if of_kind:
            said = details(of_kind, now + ANSWER_MS, f"{message_id}-feedback")
            found.append((wanted_as, {"eventType": event_type, "mail": mail, member: said}))
    return found


def _bounced(failed: Sequence[Simulated], at: int, feedback_id: str) -> dict[str, Any]:
    return {
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "bouncedRecipients": [_report(each, "failed") for each in failed],
        "timestamp": timestamp(at),
        "feedbackId": feedback_id,
        "reportingMTA": REPORTER,
    }


def _complained(by: Sequence[Simulated], at: int, feedback_id: str) -> dict[str, Any]:
    return {
        "complainedRecipients": [{"emailAddress": each.address} for each in by],
        "timestamp": timestamp(at),
        "feedbackId": feedback_id,
        "complaintSubType": None,
        "complaintFeedbackType": by[0].reason or "abuse",
    }


def _delayed(waiting: Sequence[Simulated], at: int, _: str) -> dict[str, Any]:
    return {
        "timestamp": timestamp(at),
        "delayType": "General",
        "expirationTime": timestamp(at + TRIED_MS),
        "delayedRecipients": [_report(each, "delayed") for each in waiting],
    }


def _report(each: Simulated, action: str) -> dict[str, str]:
    return {
        "emailAddress": each.address,
        "action": action,
        "status": each.code,
        "diagnosticCode": f"smtp; {each.reply}",
    }


_KINDS: Final = {
    "bounce": ("BOUNCE", "Bounce", "bounce", _bounced),
    "complaint": ("COMPLAINT", "Complaint", "complaint", _complained),
    "delay": ("DELIVERY_DELAY", "DeliveryDelay", "deliveryDelay", _delayed),
}
"""By an address's kind: the type in a configuration set and in the event; the event's member, and its value."""
