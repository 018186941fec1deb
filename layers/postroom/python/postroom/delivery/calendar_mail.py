"""Messages that may change a calendar: invitations, answers, cancellations (RFC 6047)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.contracts.orders import CalendarOrder, OrderKind
from postroom.mime.calendar_parts import has_calendar_part
from postroom.model.folders import Folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.contracts.orders import DeliveryOrder


def calendar_orders(content: bytes, order: DeliveryOrder) -> Sequence[CalendarOrder]:
    """Return the order to update the mailbox's calendar, if the message may change it; none for nearly all mail.

    Messages in Junk change no calendar, as in Exchange (ours: the guide is silent).
    """
    if order.kind is not OrderKind.MAIL or order.folder == Folder.JUNK_EMAIL or not has_calendar_part(content):
        return ()
    return (
        CalendarOrder(
            trace=order.trace,
            organization_id=order.organization_id,
            mailbox_id=order.mailbox_id,
            recipient=order.recipient,
            delivered_to=order.delivered_to,
            envelope_from=order.envelope_from,
            raw=order.raw,
            size=order.size,
            received_at=order.received_at,
        ),
    )
