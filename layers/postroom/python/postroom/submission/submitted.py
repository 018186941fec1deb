"""The fact that opens an outbound flow: WorkMail's event, and beside it what later stations need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postroom.contracts.event_log import OutgoingEmailSubmitted
from postroom.model.facts import SUBMITTED, EventName, Fact, flow_message_id

if TYPE_CHECKING:
    from postroom.routing.outbound_flow import OutboundFlow
    from postroom.submission.draft import Draft


def submitted_fact(draft: Draft, flow: OutboundFlow, item_id: str) -> Fact:
    """Return the first fact of a submission's flow. It never has the message's key.

    Args:
        item_id: of the copy in Sent Items.
    """
    submission = draft.submission
    event = OutgoingEmailSubmitted(
        recipients=tuple(draft.recipients),
        sender=flow.sender or None,
        from_=flow.author,
        subject=draft.headers.text("Subject"),
    )
    data: dict[str, Any] = {
        "flowMessageId": flow_message_id(flow.trace),
        "userId": submission.user_id,
        "mailboxId": draft.user.entity_id,
        "itemId": item_id,
        "envelopeFrom": flow.envelope_from,
        "messageId": flow.message_id,
        "size": flow.size,
        "raw": {"bucket": flow.raw.bucket, "key": flow.raw.key},
        "protocol": submission.protocol.value,
    }
    if submission.source_ip:
        data["sourceIp"] = submission.source_ip
    if draft.author.owner_id != submission.user_id:
        data["onBehalfOf" if flow.sender else "sendAs"] = draft.author.owner_id
    return Fact(
        trace=flow.trace,
        organization_id=flow.organization_id,
        name=EventName.OUTGOING_EMAIL_SUBMITTED,
        key=SUBMITTED,
        at=flow.now,
        event=event.fields(),
        data=data,
    )
