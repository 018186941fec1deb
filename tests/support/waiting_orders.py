"""Orders to transmit that wait after failed attempts, in the tables of a stack in this process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from postroom.adapters.aws import clients
from postroom.adapters.aws.open_transmissions import DynamoOpenTransmissions
from postroom.model.transmissions import Answer
from postroom.outbound.mail import MailCarried
from postroom.outbound.transmit import AGAIN_AFTER_MS, deferred_fact
from postroom.ports.open_transmissions import Attempt
from postroom.ports.transit import Commit, Outcome, Postpone

if TYPE_CHECKING:
    from postroom.contracts.outbound_orders import TransmitOrder
    from tests.support.in_process import InProcessStack

LOGIN = Answer.temporary("4.7.8", "535 4.7.8 The gateway refused the user name or the password.")


def open_transmissions(stack: InProcessStack) -> DynamoOpenTransmissions:
    """Return what claims attempts, at the time that it is."""
    settings = stack.settings()
    return DynamoOpenTransmissions(clients.dynamodb(), settings["TRANSIT_TABLE"], settings["LEDGER_TABLE"], now_ms)


def let_run(stack: InProcessStack, order: TransmitOrder) -> None:
    """Store an order of which an attempt runs."""
    assert stack.operator().transit.commit(Commit(orders=[order])) is Outcome.DONE
    begun = open_transmissions(stack).begin(order, run=f"run of {order.trace}", again_after_ms=AGAIN_AFTER_MS)
    assert begun == Attempt(1)


def let_wait(stack: InProcessStack, order: TransmitOrder, due: int, *recipients: str, answer: Answer = LOGIN) -> None:
    """Store an order whose first attempt was refused for now, for all of its recipients or for these."""
    let_run(stack, order)
    raw: Any = None  # nothing reads the message
    waiting = dict.fromkeys(recipients or order.recipients, answer)
    fact = deferred_fact(MailCarried(order, raw), waiting, 1, order.since + 1000, due, is_late=False, tells=False)
    assert stack.operator().transit.commit(Commit([Postpone(order, due)], [fact])) is Outcome.DONE


def now_ms() -> int:
    """Return milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
