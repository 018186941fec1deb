"""The index entry of a message that is delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.model.mailbox import NewItem, blob_key, item_token
from postroom.summaries import describe

if TYPE_CHECKING:
    from postroom.contracts.orders import DeliveryOrder
    from postroom.sealing import Random


def new_item(content: bytes, order: DeliveryOrder, *, mailbox_key: bytes, now: int, random: Random) -> NewItem:
    """Return the index entry for a message about to be delivered. ``now`` in milliseconds since the epoch."""
    token = _token(order)
    described = describe(
        content,
        mailbox_id=order.mailbox_id,
        token=token,
        mailbox_key=mailbox_key,
        random=random,
        envelope_from=order.envelope_from,
        delivered_to=order.delivered_to,
    )
    return NewItem(
        token=token,
        folder=order.folder,
        blob=blob_of(order),
        size=len(content),
        summary=described.summary,
        item_class="IPM.Note",
        conversation=described.conversation,
        received=order.received_at,
        created=now,
        has_attachments=described.has_attachments,
    )


def blob_of(order: DeliveryOrder) -> str:
    """Return the key of the sealed object that an order makes: the same for every attempt."""
    return blob_key(order.organization_id, order.mailbox_id, _token(order))


def _token(order: DeliveryOrder) -> str:
    return item_token(order.trace, order.mailbox_id, order.kind.value)
