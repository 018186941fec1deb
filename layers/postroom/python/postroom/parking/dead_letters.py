"""Parking what was given up on: by its station, after enough attempts, or by SQS, as a dead letter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.contracts.between_stations import read_bounce, read_call, read_order, read_pointer
from postroom.contracts.stream_failure import read_stream_failure
from postroom.errors import InvalidNotificationError

if TYPE_CHECKING:
    from postroom.parking.parking import Parking


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Parks messages of any station's queue; which station it belonged to is seen from the body."""

    parking: Parking

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
        for read in (self._order, self._bounce, self._call, self._pointer, self._stream):
            if read(body, cause):
                return
        self.parking.park_arrival(body, cause)

    def _order(self, body: str, cause: str) -> bool:
        try:
            order = read_order(body)
        except InvalidNotificationError:
            return False
        self.parking.park_order(order, cause)
        if self.parking.transit.order(order.trace, order.key) is None:  # it was settled, perhaps short of the send
            self.parking.onward.send(self.parking.transit.open_orders(order.trace))
        return True

    def _bounce(self, body: str, cause: str) -> bool:
        try:
            order = read_bounce(body)
        except InvalidNotificationError:
            return False
        self.parking.park_order(order, cause)
        return True

    def _call(self, body: str, cause: str) -> bool:
        try:
            pointer = read_call(body)
        except InvalidNotificationError:
            return False
        self.parking.park_call(pointer, cause)
        return True

    def _pointer(self, body: str, cause: str) -> bool:
        try:
            pointer = read_pointer(body)
        except InvalidNotificationError:
            return False
        self.parking.park_pointer(pointer, cause)
        return True

    def _stream(self, body: str, cause: str) -> bool:
        try:
            batch = read_stream_failure(body)
        except InvalidNotificationError:
            return False
        self.parking.park_stream(batch, body, cause)
        return True
