"""The bytes of the message that an order is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.errors import MessageNotFoundError

if TYPE_CHECKING:
    from postroom.contracts.orders import CalendarOrder, DeliveryOrder
    from postroom.ports.raw_mail import RawMail
    from postroom.ports.transit import Transit


def bytes_of(order: DeliveryOrder | CalendarOrder, raw: RawMail, transit: Transit) -> bytes | None:
    """Return the message as it was received; ``None`` where it is gone because the order was carried out long ago.

    Raises:
        MessageNotFoundError: it is gone, and the order is open.
        StoreUnavailableError: the store or a table did not answer.
    """
    try:
        return raw.read(order.raw)
    except MessageNotFoundError:
        if transit.order(order.trace, order.key) is None:
            return None
        raise
