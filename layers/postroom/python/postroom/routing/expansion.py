"""Carries out a plan of more than one transaction, chunk by chunk; a run continues where the last one stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.contracts.orders import RawLocation
from postroom.errors import ConflictError, UnreadableFactError
from postroom.model.facts import RECEIVED, arrived_ms
from postroom.ports.transit import Commit, Outcome, TakeChunk
from postroom.routing.plan import Flow, Plan
from postroom.routing.reached import without_reached

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.contracts.expansions import Expansion
    from postroom.ports.ledger import Ledger
    from postroom.ports.queues import Queues
    from postroom.ports.raw_mail import RawMail
    from postroom.ports.transit import Transit


def expand(
    expansion: Expansion,
    raw: RawMail,
    transit: Transit,
    ledger: Ledger,
    queues: Queues,
    now: Callable[[], int],
) -> None:
    """Commit every chunk that is not committed, and send the orders of each.

    A plan is frozen, and its flow may come to some of its mailboxes by another way before it is carried out: such a
    chunk is refused, and committed without them, because they have their copy, or an order.

    Raises:
        ConflictError: a chunk was refused for another reason, and no other run has committed it.
    """
    plan = Plan.thaw(raw.read(expansion.plan), lambda: _flow(expansion, ledger, now()))
    before, refused = expansion, False
    chunk = plan.chunk(expansion.done)
    while True:
        at = now()
        made = chunk.at(at)
        orders = made.orders(at)
        if transit.commit(Commit([TakeChunk(before)], made.facts, orders)) is Outcome.DONE:
            queues.send(orders)
        else:
            refused = True
        after = transit.expansion(before.trace, before.key)
        if after == before:
            rest = without_reached(chunk, expansion.trace, transit, ledger)
            if rest == chunk:
                raise ConflictError("a chunk was refused, and no other run committed it")
            chunk = rest
        elif after is None or after.plan != before.plan:  # all is committed, and recipients added since may have begun
            if refused:  # the run that committed a chunk may have stopped before it sent
                queues.send(transit.open_orders(expansion.trace))
            return
        else:
            chunk = plan.chunk(after.done)
        before = after


def _flow(expansion: Expansion, ledger: Ledger, now: int) -> Flow:
    """Return the message that an expansion is about, from the fact that opened its flow.

    Raises:
        UnreadableFactError: there is no such fact.
    """
    received = ledger.fact(expansion.trace, RECEIVED)
    if received is None:
        raise UnreadableFactError("a flow without the fact that opened it")
    return Flow(
        trace=expansion.trace,
        organization_id=expansion.organization_id,
        envelope_from=str(received.data["envelopeFrom"]),
        raw=RawLocation(**received.data["raw"]),
        size=int(received.data["size"]),
        received_at=arrived_ms(received),
        now=now,
    )
