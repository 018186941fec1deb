"""The orders of one batch of a queue: each is sealed by itself, and those for one mailbox enter it together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from postroom.contracts.orders import DeliveryOrder
from postroom.delivery.entry import Entry, Sealed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.delivery.deliver import Box, Deliver


@dataclass(frozen=True, slots=True)
class Together:
    """Carries out the orders of a batch.

    Each mailbox is looked up once; with several messages for it, its head is read again before it is written. Contents
    are not kept: the index entries of sealed messages wait here.
    """

    station: Deliver
    _boxes: dict[tuple[str, str], Box] = field(default_factory=dict)
    _sealed: dict[str, list[Sealed]] = field(default_factory=dict)

    def add(self, name: str, body: str) -> None:
        """Do all for an order that precedes its transaction, or end it without a copy.

        Args:
            name: of the SQS message, as ``finish`` returns it.
            body: of the SQS message.

        Raises:
            TemporaryError: give it back to the queue.
            InvalidNotificationError: it is no order; after some attempts park reads it.
        """
        order = DeliveryOrder.read(body)
        owner = order.organization_id, order.mailbox_id
        if owner not in self._boxes:
            self._boxes[owner] = self.station.look_up(order)
        with self.station.parked(order):
            sealed = self.station.seal(order, self._boxes[owner])
            if sealed is not None:
                self._sealed.setdefault(order.mailbox_id, []).append(replace(sealed, name=name))

    def finish(self) -> Mapping[str, Exception]:
        """Enter the messages into their mailboxes; return errors by name of those whose orders come again."""
        errors: dict[str, Exception] = {}
        for waiting in self._sealed.values():
            order = waiting[0].order
            head = self._boxes[order.organization_id, order.mailbox_id].head
            errors |= Entry(self.station, waiting, head, is_read=len(waiting) == 1).carry_out()
        return errors
