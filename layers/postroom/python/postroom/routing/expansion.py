"""Carrying out a plan of more than one transaction, chunk by chunk, from wherever it was left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.errors import ConflictError
from postroom.routing import plan as planning

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.contracts.between_stations import Expansion
    from postroom.ports.queues import Onward
    from postroom.ports.transit import Transit
    from postroom.routing.plan import Flow, Plan


def expand(
    expansion: Expansion, plan: Plan, flow: Flow, transit: Transit, onward: Onward, now: Callable[[], int]
) -> None:
    """Commit every chunk that is not committed, and send what each makes.

    Raises:
        ConflictError: a chunk was refused, and nobody else has committed it.
    """
    before: Expansion | None = expansion
    while before is not None:
        entries = plan.chunk(before.done)
        orders = planning.orders(entries, flow, now())
        if transit.expand(before, planning.facts(entries, flow, now()), orders):
            onward.send(orders)
        after = transit.expansion(before.trace, before.key)
        if after == before:
            raise ConflictError("a chunk was refused, and nobody else committed it")
        before = after
