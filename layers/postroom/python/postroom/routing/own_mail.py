"""Replies of mailboxes to mailboxes of the same organization.

A reply is a flow of its own, opened by the fact that it was received: it is delivered, traced, logged, swept and parked
like a message from outside. Mail-flow rules are not applied to it (ours).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.model.facts import Fact, OwnFact, reply_trace
from postroom.model.folders import Folder
from postroom.model.recipient_names import folded
from postroom.ports.raw_mail import keep_beside
from postroom.ports.replies import Departure
from postroom.routing.inside import Inside, received_inside
from postroom.routing.plan import Flow

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.ports.directory import Addressees
    from postroom.ports.raw_mail import RawMail
    from postroom.ports.replies import Reply


@dataclass(frozen=True, slots=True)
class OwnMail:
    """Opens flows for replies that stay inside. ``now`` returns milliseconds since the epoch."""

    directory: Addressees
    raw: RawMail
    now: Callable[[], int]

    def depart(self, reply: Reply) -> Departure | None:
        """Open a flow for a mailbox of the organization, as ``Replies`` does; ``None`` for any other recipient."""
        now = self.now()
        to = folded(reply.to)
        addressee = self.directory.resolve(reply.organization_id, {to}).get(to)
        if addressee is None or not addressee.has_mailbox:
            return None
        trace = reply_trace(reply.trace, reply.mailbox_id)
        # beside the message that caused it, so that bytes that never leave go with it
        raw = keep_beside(self.raw, f"transit/{reply.trace}/reply-{reply.mailbox_id}", reply.content)
        received = received_inside(
            Inside(
                trace=trace,
                organization_id=reply.organization_id,
                caused_by=reply.trace,
                recipients=(to,),
                author=reply.author,
                sender="",
                subject=reply.subject,
                message_id=reply.message_id,
                envelope_from="",
                raw=raw,
                size=len(reply.content),
                received_at=now,
            ),
            now,
        )
        flow = Flow(trace, reply.organization_id, "", raw, len(reply.content), now, now)
        mailbox = addressee.primary_address or to
        order = flow.delivery(addressee.entity_id, mailbox, to, Folder.INBOX.value)
        return Departure(trace, [received], [order])


def not_sent(trace: str, organization_id: str, mailbox_id: str, reason: str, now: int, *, part: str = "") -> Fact:
    """Return the fact that a mailbox's reply is not sent.

    Args:
        now: milliseconds since the epoch.
        part: what the fact's key ends with, if it is another reply than a resource's answer.
    """
    return Fact(
        trace=trace,
        organization_id=organization_id,
        name=OwnFact.REPLY_NOT_SENT,
        key=f"{OwnFact.REPLY_NOT_SENT}:{mailbox_id}" + (f":{part}" if part else ""),
        at=now,
        data={"mailboxId": mailbox_id, "reason": reason},
    )
