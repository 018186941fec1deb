"""The message that tells a mailbox that it is nearly full."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING

from postroom.contracts.order_list import end_key
from postroom.contracts.orders import FORMAT, DeliveryOrder, OrderKind, RawLocation
from postroom.model.facts import EventName, Fact, OwnFact
from postroom.model.folders import Folder
from postroom.model.limits import MB, QUOTA_NOTICE_SHARE

if TYPE_CHECKING:
    from postroom.model.mailbox import Head


def crosses(head: Head, size: int) -> bool:
    """Say whether a message of ``size`` bytes brings the mailbox over the notice's share, without a notice of that yet.

    A mailbox that fell below its share again (a larger quota, say) is told anew.
    """
    share = QUOTA_NOTICE_SHARE * head.quota_bytes
    return head.size + size >= share and (not head.noticed or head.size < share)


def fits(head: Head, size: int, order: DeliveryOrder) -> bool:
    """Say whether a message fits into the mailbox; the notice that it is nearly full always does."""
    return order.kind is OrderKind.QUOTA_NOTICE or head.size + size <= head.quota_bytes


def quota_notice(order: DeliveryOrder, head: Head, *, now: int) -> bytes:
    """Return the notice, RFC 5322 bytes with CRLF. ``now`` in milliseconds since the epoch."""
    domain = order.recipient.rpartition("@")[2]
    message = EmailMessage(policy=SMTP)
    message["From"] = f"postmaster@{domain}"
    message["To"] = order.recipient
    message["Subject"] = "Your mailbox is almost full"
    message["Date"] = format_datetime(datetime.fromtimestamp(now / 1000, UTC))
    message["Message-ID"] = f"<{order.trace}.quota@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(
        f"Your mailbox {order.recipient} holds more than {QUOTA_NOTICE_SHARE:.0%} of its"
        f" {head.quota_bytes // MB} MB.\n\nWhen it is full, new messages are returned to their senders.\n"
        "Delete what you no longer need, or ask your administrator for more room.\n"
    )
    return message.as_bytes()


def notice_key(order: DeliveryOrder) -> str:
    """Return where the notice's bytes lie until it is delivered."""
    return f"transit/{order.trace}/quota-{order.mailbox_id}"


def notice_order(order: DeliveryOrder, raw: RawLocation, size: int, *, now: int) -> DeliveryOrder:
    """Return the order that puts the notice into the same mailbox."""
    return order.model_copy(
        update={
            "kind": OrderKind.QUOTA_NOTICE,
            "folder": Folder.INBOX.value,
            "raw": raw,
            "size": size,
            "received_at": now,
            "delivered_to": order.recipient,
            "envelope_from": "",
            "version": FORMAT,
            "listed": False,
            "stored": False,
        }
    )


def final_name(order: DeliveryOrder) -> EventName | OwnFact:
    """Return the name of the fact that ends an order in its mailbox; a notice is no mail of the organization's."""
    match order.kind:
        case OrderKind.MAIL:
            return EventName.MAILBOX_EMAIL_DELIVERED
        case OrderKind.QUOTA_NOTICE:
            return OwnFact.QUOTA_NOTICE_DELIVERED


def final_fact(order: DeliveryOrder, *, now: int, **data: object) -> Fact:
    """Return the fact that ends an order in its mailbox."""
    if order.delivered_to != order.recipient:
        data["deliveredTo"] = order.delivered_to
    return Fact(
        trace=order.trace,
        organization_id=order.organization_id,
        name=final_name(order),
        key=end_key(order),
        at=now,
        event={"recipient": order.recipient, "folder": order.folder},
        data={"mailboxId": order.mailbox_id, **data},
    )


def dropped_fact(order: DeliveryOrder, *, now: int, reason: str) -> Fact:
    """Return the fact that ends a notice whose mailbox is gone."""
    return Fact(
        trace=order.trace,
        organization_id=order.organization_id,
        name=OwnFact.QUOTA_NOTICE_DROPPED,
        key=f"{OwnFact.QUOTA_NOTICE_DROPPED}:{order.mailbox_id}",
        at=now,
        data={"mailboxId": order.mailbox_id, "reason": reason},
    )
