"""Writes an organization's event log again from the ledger, for instance after its log group was deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.contracts.pointers import FactPointer
from postroom.model.facts import EventName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.ports.ledger import Ledger
    from postroom.ports.queues import Queues


def rebuild(ledger: Ledger, queues: Queues, organization_id: str, *, since: int, until: int) -> int:
    """Queue every event of an organization to be written again; events that are still in the log are then there twice.

    CloudWatch Logs accepts no events older than 14 days: those are parked.

    Args:
        since: first time of the events, in milliseconds since the epoch, inclusive.
        until: last time, exclusive.

    Returns:
        How many events were sent.

    Raises:
        StoreUnavailableError: some were sent, not all.
    """
    sent = 0

    def pointers() -> Iterator[FactPointer]:
        nonlocal sent
        for fact in ledger.all_facts(organization_id):
            if isinstance(fact.name, EventName) and since <= fact.at < until:
                sent += 1
                yield FactPointer(trace=fact.trace, key=fact.key, organization_id=organization_id)

    queues.send(pointers())
    return sent
