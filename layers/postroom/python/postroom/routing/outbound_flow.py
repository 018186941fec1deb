"""One submitted message: what all its orders and facts have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postroom.contracts.event_log import BouncedRecipient, OutgoingEmailBounced, OutgoingEmailSent, RuleApplied
from postroom.contracts.event_log import RuleAction as AppliedAction
from postroom.contracts.outbound_orders import MAX_TRANSMITTED, InsideOrder, TransmitOrder, end_key
from postroom.model.facts import EventName, Fact, OwnFact
from postroom.model.rules import ActionType
from postroom.routing.plan import REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from postroom.contracts.orders import RuleCall
    from postroom.contracts.outbound_orders import SealedLocation
    from postroom.contracts.stored import RawLocation
    from postroom.model.rules import RuleAction

BY_SES = "ses"
"""Name of the way by SES, in the names of orders; other ways are gateway ids."""


@dataclass(frozen=True, slots=True)
class OutboundFlow:
    """A submission that is being decided.

    Attributes:
        envelope_from: empty for messages of our own that are not to bounce.
        author: the address in From.
        sender: the address in Sender, if the message is sent on behalf of ``author``; else empty.
        message_id: of the Message-ID header, with angle brackets.
        raw: the message as it was submitted.
        size: of it, in bytes.
        now: when the decision is made, in milliseconds since the epoch: the time of its facts.
    """

    trace: str
    organization_id: str
    envelope_from: str
    author: str
    sender: str
    message_id: str
    raw: SealedLocation | RawLocation
    size: int
    now: int

    @property
    def received_at(self) -> int:
        """When the message was submitted."""
        return self.now

    @classmethod
    def of_call(cls, call: RuleCall, now: int) -> OutboundFlow:
        """Return the flow of a rule's call, with the message as it was submitted."""
        return cls(
            trace=call.trace,
            organization_id=call.organization_id,
            envelope_from=call.envelope_from,
            author=call.mail_from,
            sender=call.sender or "",
            message_id=call.message_id,
            raw=call.raw,
            size=call.size,
            now=now,
        )

    def transmissions(
        self, recipients: Sequence[str], gateway_id: str = "", *, part: str = ""
    ) -> Iterator[TransmitOrder]:
        """Yield orders to send to recipients by one way, each with at most ``MAX_TRANSMITTED`` of them.

        Args:
            part: what in the flow decides so: a rule's id; empty for the submission itself.
        """
        for number, start in enumerate(range(0, len(recipients), MAX_TRANSMITTED), 1):
            yield TransmitOrder(
                trace=self.trace,
                organization_id=self.organization_id,
                name=":".join(filter(None, (gateway_id or BY_SES, part, str(number)))),
                gateway_id=gateway_id,
                envelope_from=self.envelope_from,
                recipients=tuple(recipients[start : start + MAX_TRANSMITTED]),
                message_id=self.message_id,
                author=self.author,
                sender=self.sender,
                raw=self.raw,
                size=self.size,
                since=self.now,
            )

    def inside(self, recipients: Sequence[str], *, part: str = "") -> InsideOrder:
        """Return the order to hand the message to recipients of the organization: ``raw`` has to be its plain copy.

        Args:
            part: as for ``transmissions``.
        """
        return InsideOrder(
            trace=self.trace,
            organization_id=self.organization_id,
            name=part or "1",
            envelope_from=self.envelope_from,
            recipients=tuple(recipients),
            message_id=self.message_id,
            author=self.author,
            sender=self.sender,
            raw=self.raw,
            size=self.size,
            since=self.now,
        )

    def bounced(self, recipient: str, action: RuleAction) -> Fact:
        """Return the fact that a rule's BOUNCE refuses a recipient."""
        return self.refused(recipient, action.bounce_message or REFUSED[0], REFUSED[1])

    def rule_applied(
        self, rule_id: str, version: int, name: str, action: ActionType, recipients: Sequence[str]
    ) -> Fact:
        """Return the fact that a rule decided about recipients; of those that it drops nothing else follows."""
        did = AppliedAction(action=action.value, recipients=tuple(recipients))
        event = RuleApplied(rule_name=name, rule_type="OUTBOUND_RULE", rule_actions=(did,))
        data = {"ruleId": rule_id, "rulesVersion": version, "final": action is ActionType.DROP}
        return self.fact(EventName.RULE_APPLIED, f"{EventName.RULE_APPLIED}:{rule_id}", event=event.fields(), data=data)

    def refused(self, recipient: str, reason: str, status: str) -> Fact:
        """Return the fact that ends a recipient without the message. ``status``: enhanced status code (RFC 3463)."""
        return refused(self, recipient, reason, status, self.now)

    def fact(
        self,
        name: EventName | OwnFact,
        key: str,
        *,
        event: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Fact:
        """Return a fact of this flow."""
        return Fact(self.trace, self.organization_id, name, key, self.now, event=event or {}, data=data or {})


def sent(
    order: TransmitOrder | InsideOrder, recipient: str, now: int, *, data: Mapping[str, Any] | None = None
) -> Fact:
    """Return the fact that ends a recipient with the message: the next server, or the inbound flow, has it.

    Args:
        now: milliseconds since the epoch.
    """
    event = OutgoingEmailSent(
        recipient=recipient, sender=order.sender or None, from_=order.author, message_id=order.message_id
    )
    return Fact(
        trace=order.trace,
        organization_id=order.organization_id,
        name=EventName.OUTGOING_EMAIL_SENT,
        key=end_key(recipient),
        at=now,
        event=event.fields(),
        data=data or {},
    )


def refused(
    about: OutboundFlow | TransmitOrder | InsideOrder,
    recipient: str,
    reason: str,
    status: str,
    now: int,
    *,
    data: Mapping[str, Any] | None = None,
) -> Fact:
    """Return the fact that ends a recipient without the message.

    Args:
        status: enhanced status code (RFC 3463).
        now: milliseconds since the epoch.
    """
    bounced = BouncedRecipient(email_address=recipient, reason=reason, status=status)
    event = OutgoingEmailBounced(bounced_recipient=bounced, destination=recipient, reason=reason)
    return Fact(
        trace=about.trace,
        organization_id=about.organization_id,
        name=EventName.OUTGOING_EMAIL_BOUNCED,
        key=end_key(recipient),
        at=now,
        event=event.fields(),
        data=data or {},
    )
