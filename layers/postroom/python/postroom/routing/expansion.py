"""Carrying out a plan of more than one transaction, chunk by chunk, from wherever it was left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.errors import ConflictError
from postroom.routing import plan as planning
from postroom.routing.reached import without_reached

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.contracts.expansions import Expansion
    from postroom.ports.queues import Queues
    from postroom.ports.transit import Ledger, Transit
    from postroom.routing.plan import Flow, Plan


def expand(
    expansion: Expansion,
    plan: Plan,
    flow: Flow,
    transit: Transit,
    ledger: Ledger,
    queues: Queues,
    now: Callable[[], int],
) -> None:
    """Commit every chunk that is not committed, and send what each makes.

    A plan is frozen, and its flow may come to some of its mailboxes by another way before it is carried out: such a
    chunk is refused, and committed without them, for they have their copy, or an order.

    Raises:
        ConflictError: a chunk was refused for another reason, and nobody else has committed it.
    """
    before, refused = expansion, False
    chunk = plan.chunk(expansion.done)
    while True:
        orders = planning.orders(chunk.entries, flow, now())
        if transit.expand(before, planning.facts(chunk.entries, flow, now()), orders):
            queues.send(orders)
        else:
            refused = True
        after = transit.expansion(before.trace, before.key)
        if after == before:
            rest = without_reached(chunk, flow.trace, transit, ledger)
            if rest == chunk:
                raise ConflictError("a chunk was refused, and nobody else committed it")
            chunk = rest
        elif after is None or after.plan != before.plan:  # all is committed, and recipients added since may have begun
            if refused:  # whoever committed a chunk may have stopped before it sent
                queues.send(transit.open_orders(flow.trace))
            return
        else:
            chunk = plan.chunk(after.done)
        before = after
