"""One message in one organization, and the orders and facts that every decision about it consists of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postroom.contracts.event_log import BouncedRecipient, IncomingEmailBounced
from postroom.contracts.orders import DeliveryOrder
from postroom.model.facts import EventName, Fact, OwnFact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.contracts.orders import RawLocation, RuleCall


@dataclass(frozen=True, slots=True)
class Flow:
    """What all copies of a message in one organization have in common.

    Attributes:
        envelope_from: empty for a null sender.
        raw: the bytes that are delivered.
        size: of them, in bytes.
        received_at: when SES received the message, in milliseconds since the epoch.
        now: when the decision is made, in milliseconds since the epoch: the time of its facts.
    """

    trace: str
    organization_id: str
    envelope_from: str
    raw: RawLocation
    size: int
    received_at: int
    now: int

    @classmethod
    def of_call(cls, call: RuleCall, now: int) -> Flow:
        """Return the flow of a rule's call, with the message as it came."""
        return cls(call.trace, call.organization_id, call.envelope_from, call.raw, call.size, call.received_at, now)

    def delivery(self, mailbox_id: str, recipient: str, delivered_to: str, folder: str) -> DeliveryOrder:
        """Return the order to put the message into a mailbox."""
        return DeliveryOrder(
            trace=self.trace,
            organization_id=self.organization_id,
            mailbox_id=mailbox_id,
            recipient=recipient,
            delivered_to=delivered_to,
            envelope_from=self.envelope_from,
            folder=folder,
            raw=self.raw,
            size=self.size,
            received_at=self.received_at,
        )

    def refused(self, recipient: str, reason: str, status: str) -> Fact:
        """Return the fact that an envelope recipient is refused. ``status`` is an enhanced status code (RFC 3463)."""
        bounced = BouncedRecipient(email_address=recipient, reason=reason, status=status)
        event = IncomingEmailBounced(bounced_recipient=bounced).fields()
        return self.fact(EventName.INCOMING_EMAIL_BOUNCED, f":{recipient}", event=event)

    def skipped(self, member_id: str, group: str, reason: str) -> Fact:
        """Return the fact that a member of a group gets nothing; its sender is not told."""
        data = {"memberId": member_id, "group": group, "reason": reason}
        return self.fact(OwnFact.RECIPIENT_SKIPPED, f":{member_id}", data=data)

    def fact(
        self,
        name: EventName | OwnFact,
        about: str,
        *,
        event: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Fact:
        """Return a fact of this flow. Its key is its name and what it is ``about``."""
        return Fact(
            self.trace, self.organization_id, name, f"{name.value}{about}", self.now, event=event or {}, data=data or {}
        )


def refused_recipient(fact: Fact) -> str:
    """Return the envelope recipient that a fact refuses; empty where it is about something else."""
    if fact.name is not EventName.INCOMING_EMAIL_BOUNCED:
        return ""
    return str(fact.event["bouncedRecipient"]["emailAddress"])
