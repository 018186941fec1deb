"""Replies of mailboxes to mailboxes of the same organization.

A reply is a flow of its own, opened by the fact that it was received: it is delivered, traced, logged, swept and parked
like a message from outside. Mail-flow rules are not applied to it (ours). Nothing leaves the organization until there
is outbound mail: such a reply ends with a fact.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.contracts.event_log import OrganizationEmailReceived
from postroom.model.facts import RECEIVED, EventName, Fact, OwnFact, flow_message_id, reply_trace
from postroom.model.folders import Folder
from postroom.model.timestamps import timestamp
from postroom.model.verdicts import Verdict
from postroom.ports.replies import Departure
from postroom.routing.plan import Flow

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.contracts.orders import RawLocation
    from postroom.ports.directory import Addressees
    from postroom.ports.raw_mail import RawMail
    from postroom.ports.replies import Reply

OUTSIDE: Final = "the recipient is no mailbox of the organization, and outbound mail is not built yet"

_CHECKS: Final = ("spam_verdict", "dkim_verdict", "dmarc_verdict", "spf_verdict")


@dataclass(frozen=True, slots=True)
class OwnMail:
    """Implements ``Replies``. ``now`` returns milliseconds since the epoch."""

    directory: Addressees
    raw: RawMail
    now: Callable[[], int]

    def depart(self, reply: Reply) -> Departure:
        """Open a flow for a mailbox of the organization; for any other recipient, say that the reply is not sent."""
        now = self.now()
        addressee = self.directory.resolve(reply.organization_id, {reply.to}).get(reply.to)
        if addressee is None or not addressee.has_mailbox:
            return Departure(None, [not_sent(reply.trace, reply.organization_id, reply.mailbox_id, OUTSIDE, now)], [])
        trace = reply_trace(reply.trace, reply.mailbox_id)
        digest = hashlib.sha256(reply.content).hexdigest()[:32]  # another attempt may have decided otherwise
        # beside the message that caused it, so that bytes that never leave go with it
        raw = self.raw.keep(f"transit/{reply.trace}/reply-{reply.mailbox_id}-{digest}", reply.content)
        received = _received(reply, trace, raw, now)
        flow = Flow(trace, reply.organization_id, "", raw, len(reply.content), now, now)
        mailbox = addressee.primary_address or reply.to
        order = flow.delivery(addressee.entity_id, mailbox, reply.to, Folder.INBOX.value)
        return Departure(trace, [received], [order])


def not_sent(trace: str, organization_id: str, mailbox_id: str, reason: str, now: int) -> Fact:
    """Return the fact that a mailbox's reply is not sent. ``now`` in milliseconds since the epoch."""
    return Fact(
        trace=trace,
        organization_id=organization_id,
        name=OwnFact.REPLY_NOT_SENT,
        key=f"{OwnFact.REPLY_NOT_SENT}:{mailbox_id}",
        at=now,
        data={"mailboxId": mailbox_id, "reason": reason},
    )


def _received(reply: Reply, trace: str, raw: RawLocation, now: int) -> Fact:
    """Return the fact that opens the reply's flow. Nothing checked the message: it never left the organization."""
    event = OrganizationEmailReceived(
        recipients=(reply.to,),
        from_=reply.author,
        subject=reply.subject,
        message_id=reply.message_id,
        message_timestamp=timestamp(now),
        **dict.fromkeys(_CHECKS, Verdict.PROCESSING_FAILED),
    )
    return Fact(
        trace=trace,
        organization_id=reply.organization_id,
        name=EventName.ORGANIZATION_EMAIL_RECEIVED,
        key=RECEIVED,
        at=now,
        event=event.fields(),
        data={
            "flowMessageId": flow_message_id(trace),
            "envelopeFrom": "",
            "virusVerdict": Verdict.PROCESSING_FAILED.value,
            "raw": raw.model_dump(),
            "size": len(reply.content),
            "shared": False,
            "causedBy": reply.trace,
        },
    )
