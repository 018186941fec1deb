"""Parks dead letters: messages that a station, or SQS, gave up on after enough attempts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.contracts.audit_messages import AuditRecords
from postroom.contracts.messages import read_message
from postroom.contracts.orders import CallPointer, Order
from postroom.contracts.pointers import FactPointer
from postroom.contracts.ses_events import SesEvent
from postroom.contracts.stream_failure import StreamBatch
from postroom.errors import InvalidNotificationError

if TYPE_CHECKING:
    from postroom.contracts.messages import Message
    from postroom.parking.flows import FlowParking


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Parks messages of any station's queue; the body says which station it belonged to."""

    parking: FlowParking

    def accept(self, queue: str, body: str, receives: int, cause: str = "") -> None:
        """Park one dead letter.

        Args:
            queue: the dead-letter queue's name or ARN.
            body: the message's.
            receives: how often SQS handed it out, in both queues.
            cause: why its station gave up on it; empty where SQS did.

        Raises:
            TemporaryError: give it back to the queue.
        """
        cause = cause or f"gave up after {receives} receives ({queue.rpartition(':')[2]})"
        message: Message | None
        try:
            message = read_message(body)
        except InvalidNotificationError:
            message = None
        match message:
            case Order():
                self._park_order(message, cause)
            case CallPointer():
                self.parking.park_call(message, cause)
            case FactPointer():
                self.parking.park_pointer(message, cause)
            case AuditRecords():
                self.parking.park_audit(message, cause)
            case SesEvent():
                self.parking.park_feedback(message, body, cause)
            case StreamBatch():
                self.parking.park_stream(message, body, cause)
            case _:
                self.parking.park_arrival(body, cause)

    def _park_order(self, order: Order, cause: str) -> None:
        """Park an order; one that is done may have stopped short of what it sends, so that this is sent again."""
        self.parking.park_order(order, cause)
        if self.parking.transit.order(order.trace, order.key) is None:
            self.parking.queues.send(self.parking.transit.open_orders(order.trace))
