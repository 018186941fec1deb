"""An organization's event log, written once more from the ledger: after a log group was lost, say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.contracts.between_stations import FactPointer
from postroom.model.facts import EventName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.ports.queues import EventRetries
    from postroom.ports.transit import Ledger


def rebuild(ledger: Ledger, retries: EventRetries, organization_id: str, *, since: int, until: int) -> int:
    """Send every event of an organization to be written again; what is still in the log stands there twice then.

    CloudWatch Logs takes no events older than 14 days: those end up parked.

    Args:
        organization_id: whose log.
        since: milliseconds since the epoch, inclusive.
        until: the same, exclusive.

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

    retries.send(pointers())
    return sent
