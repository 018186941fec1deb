"""Messages whose sender may have to be told that the mailbox's owner is away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.contracts.orders import OrderKind
from postroom.contracts.reply_orders import ReplyOrder
from postroom.mime import automatic
from postroom.mime.headers import Headers
from postroom.model.folders import Folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.contracts.orders import DeliveryOrder
    from postroom.model.out_of_office import Away


def reply_orders(content: bytes, order: DeliveryOrder, away: Away | None, now: int) -> Sequence[ReplyOrder]:
    """Return the order to reply to the sender, if the message may get a reply; none for nearly all mail.

    Messages in Junk get none: a reply would tell their senders that the address is read.

    Args:
        away: as the mailbox's head has it.
        now: milliseconds since the epoch.
    """
    if away is None or not away.holds_at(now) or order.kind is not OrderKind.MAIL or order.folder == Folder.JUNK_EMAIL:
        return ()
    if automatic.unwanted(Headers.of(content), order.envelope_from) is not None:
        return ()
    return (
        ReplyOrder(
            trace=order.trace,
            organization_id=order.organization_id,
            mailbox_id=order.mailbox_id,
            recipient=order.recipient,
            envelope_from=order.envelope_from,
            raw=order.raw,
            size=order.size,
            received_at=order.received_at,
        ),
    )
