"""The station: a submission that one transaction cannot hold is accepted chunk by chunk.

Its plan is frozen before the submission's transaction, which leaves an order for the first chunk. Each chunk's
transaction ends its order and makes the next one, so that a run continues where the last one stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.contracts.outbound_orders import AcceptOrder
from postroom.errors import ConflictError, PermanentError, UnreadableFactError
from postroom.ports.transit import Commit, Outcome, Settle
from postroom.routing.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postroom.ports.parking import OrderParking
    from postroom.ports.queues import Queues
    from postroom.ports.raw_mail import RawMail
    from postroom.ports.transit import Transit
    from postroom.routing.plan import Flow


@dataclass(frozen=True, slots=True)
class AcceptOutbound:
    """Accepts large submissions. ``now`` returns milliseconds since the epoch."""

    raw: RawMail
    transit: Transit
    queues: Queues
    parking: OrderParking
    now: Callable[[], int]

    def accept(self, body: str) -> None:
        """Commit the chunk of an order and all that follow, or park the order.

        Args:
            body: the SQS message's body.

        Raises:
            TemporaryError: give it back to the queue.
            InvalidNotificationError: it is no order; after some attempts park reads it.
        """
        order = AcceptOrder.read(body)
        try:
            self._accept(order)
        except PermanentError as error:
            self.parking.park_order(order, error.cause)

    def _accept(self, order: AcceptOrder) -> None:
        if self.transit.order(order.trace, order.key) is None:
            self._take_up(order.trace)
            return
        plan = Plan.thaw(self.raw.read(order.plan), _no_flow)
        for each in _from(order):
            if not self._commit(each, plan.chunk(each.number)):
                return

    def _commit(self, order: AcceptOrder, chunk: Plan) -> bool:
        """Commit one chunk and send its orders; ``False`` if another run has done so."""
        now = self.now()
        made = chunk.at(now)
        orders = made.orders(now)
        following = [order.model_copy(update={"number": order.number + 1})] if order.number + 1 < order.chunks else []
        if self.transit.commit(Commit([Settle(order)], made.facts, [*orders, *following])) is Outcome.DONE:
            self.queues.send(orders)  # the following chunk is committed here and now
            return True
        if self.transit.order(order.trace, order.key) is not None:
            raise ConflictError("a chunk was refused, and no other run committed it")
        self._take_up(order.trace)
        return False

    def _take_up(self, trace: str) -> None:
        """Send what a run that has stopped may not have sent, the order of the next chunk included."""
        self.queues.send(self.transit.open_orders(trace))


def _from(order: AcceptOrder) -> Iterator[AcceptOrder]:
    """Yield the order itself, and those of the following chunks."""
    for number in range(order.number, order.chunks):
        yield order.model_copy(update={"number": number})


def _no_flow() -> Flow:
    raise UnreadableFactError("a plan of outbound mail in the form of a version that sent none")
