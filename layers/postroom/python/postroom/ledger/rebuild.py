"""Writes an organization's event log or audit logs again from the ledger, for example after a log group was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.contracts.audited_facts import AUDITED_FACTS
from postroom.contracts.pointers import FactPointer, Part
from postroom.model.facts import EventName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.ports.ledger import Ledger
    from postroom.ports.queues import Queues


def rebuild(
    ledger: Ledger, queues: Queues, organization_id: str, *, since: int, until: int, part: Part = Part.LOG
) -> int:
    """Queue every event of an organization to be written again; events that are still in the log are then there twice.

    CloudWatch Logs accepts no events older than 14 days: those are parked.

    Args:
        since: first time of the events, in milliseconds since the epoch, inclusive.
        until: last time, exclusive.
        part: LOG for the event log; AUDIT for those audit records that are facts of the ledger, which go to every
            delivery that has their log type.

    Returns:
        How many events were sent.

    Raises:
        StoreUnavailableError: some were sent, not all.
    """
    sent = 0

    def pointers() -> Iterator[FactPointer]:
        nonlocal sent
        for fact in ledger.all_facts(organization_id):
            written = fact.name in AUDITED_FACTS if part is Part.AUDIT else isinstance(fact.name, EventName)
            if written and since <= fact.at < until:
                sent += 1
                yield FactPointer(trace=fact.trace, key=fact.key, organization_id=organization_id, parts=(part,))

    queues.send(pointers())
    return sent
