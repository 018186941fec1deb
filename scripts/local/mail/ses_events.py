"""Events that SES publishes for what it has sent: bounces, complaints and delays of the simulator's addresses.

Source: AWS SES, "Contents of event data that Amazon SES publishes to Amazon SNS", and its examples.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SIMULATED: Final = re.compile(
    r"(?P<kind>bounce|complaint|delay)(?:\+(?P<reason>[^@]*))?@simulator\.local", re.IGNORECASE
)
REPORTER: Final = "dsn; a1-2.smtp-out.local"
TRIED: Final = timedelta(hours=14)
"""How long a delayed message is tried, as SES's ``expirationTime`` says. Ours."""


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
    now = datetime.now(UTC)
    mail = {
        "timestamp": _timestamp(now),
        "source": sender,
        "messageId": message_id,
        "destination": list(recipients),
        "headersTruncated": False,
        "headers": [],
        "commonHeaders": {"messageId": message_id},
        "tags": tags,
    }
    found = []
    for kind, (event_type, member, details) in _KINDS.items():
        of_kind = [each for each in simulated if each.kind == kind]
        if of_kind:
            document = {
                "eventType": event_type,
                "mail": mail,
                member: details(of_kind, _timestamp(now), f"{message_id}-feedback", now),
            }
            found.append((_TYPES[event_type], document))
    return found


def _bounced(failed: Sequence[Simulated], at: str, feedback_id: str, _: datetime) -> dict[str, Any]:
    return {
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "bouncedRecipients": [_report(each, "failed") for each in failed],
        "timestamp": at,
        "feedbackId": feedback_id,
        "reportingMTA": REPORTER,
    }


def _complained(by: Sequence[Simulated], at: str, feedback_id: str, _: datetime) -> dict[str, Any]:
    return {
        "complainedRecipients": [{"emailAddress": each.address} for each in by],
        "timestamp": at,
        "feedbackId": feedback_id,
        "complaintSubType": None,
        "complaintFeedbackType": by[0].reason or "abuse",
    }


def _delayed(waiting: Sequence[Simulated], at: str, _: str, now: datetime) -> dict[str, Any]:
    return {
        "timestamp": at,
        "delayType": "General",
        "expirationTime": _timestamp(now + TRIED),
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
    "bounce": ("Bounce", "bounce", _bounced),
    "complaint": ("Complaint", "complaint", _complained),
    "delay": ("DeliveryDelay", "deliveryDelay", _delayed),
}
_TYPES: Final = {"Bounce": "BOUNCE", "Complaint": "COMPLAINT", "DeliveryDelay": "DELIVERY_DELAY"}


def _timestamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
