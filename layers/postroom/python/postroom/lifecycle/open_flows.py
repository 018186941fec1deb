"""Ends everything of a deleted organization that is in transit or parked.

Every order and expansion is sent to its station again; a parked one is redriven for that. The station finds that the
organization is deleted and ends the order with its final facts, and with a bounce where one may be sent. What is still
open after the settling time is discarded, with a fact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.contracts.expansions import Expansion
from postroom.contracts.order_list import end_key
from postroom.contracts.orders import CallPointer, DeliveryOrder
from postroom.errors import PostroomError
from postroom.model.facts import ORGANIZATION_DELETED, Fact, OwnFact
from postroom.ports.transit import Commit, Settle
from postroom.ports.transit_scans import OpenEntry
from postroom.routing.expansion import expand
from postroom.routing.listed import store

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.contracts.orders import Order
    from postroom.ports.ledger import Ledger
    from postroom.ports.parked import Parked, ParkedThings
    from postroom.ports.queues import Queues
    from postroom.ports.raw_mail import RawMail
    from postroom.ports.transit import Transit
    from postroom.ports.transit_scans import OpenOrParked, TransitScans

SENT_AGAIN_AFTER_MS: Final = 10 * 60_000
"""Milliseconds after which an order that is still open is sent to its station once more. Ours."""


@dataclass(frozen=True, slots=True)
class OpenFlows:
    """``now`` returns milliseconds since the epoch."""

    transit: Transit
    things: ParkedThings
    scans: TransitScans
    ledger: Ledger
    raw: RawMail
    queues: Queues
    now: Callable[[], int]

    def end(self, organization_id: str, begun: int, *, over: bool, has_time: Callable[[], bool]) -> int:
        """Do the next step for everything of an organization that is in transit or parked.

        Args:
            begun: when the deletion began, in milliseconds since the epoch.
            over: the settling time is over; what is left is discarded.
            has_time: says whether another step may begin.

        Returns:
            How many things are left, at least: 0 means none, more than 0 may be too low.

        Raises:
            PostroomError: the first error, raised after all other things had their step.
        """
        left, errors = 0, list[PostroomError]()
        for found in self.scans.of_organization(organization_id):
            if not has_time():
                left += 1
                break
            try:
                left += not self._end(found, begun, over=over)
            except PostroomError as error:
                errors.append(error)
        if errors:
            raise errors[0]
        return left

    def end_listed(self, order: DeliveryOrder, *, over: bool) -> None:
        """Do the next step for an open order that a flow only lists: it gets a row and is sent, or is discarded."""
        if over:
            self.transit.commit(Commit([Settle(order)], [discarded(order, self.now())]))
        elif (stored := store(order, self.transit, self.now())) is not None:
            self._send(stored)
            self.scans.sent_again(OpenEntry(stored, stored.received_at, sweeps=0), self.now())

    def _end(self, found: OpenOrParked, begun: int, *, over: bool) -> bool:
        """Do the next step for one thing; ``True`` if nothing is left of it."""
        entry = found.entry
        if entry is not None and not isinstance(entry, Expansion) and (stopped := entry.stopped(self.now())):
            self.transit.commit(Commit([Settle(entry)], [stopped]))
            return True
        if over:
            self._discard_any(found)
        elif found.parked is not None:
            self._unpark(found, found.parked)
        elif found.entry is not None and self._is_due(found, begun):
            self._send(found.entry)
            self.scans.sent_again(OpenEntry(found.entry, found.since_ms, found.sweeps), self.now())
        return over

    def _is_due(self, found: OpenOrParked, begun: int) -> bool:
        """Say whether an open entry must be sent: once at the start, and again whenever it stays open for long.

        A rule's call is sent even if its next attempt is not due yet.
        """
        now = self.now()
        return found.since_ms <= begun or found.since_ms > now or found.since_ms + SENT_AGAIN_AFTER_MS <= now

    def _unpark(self, found: OpenOrParked, parked: Parked) -> None:
        if found.entry is None:  # a fact that the event log refused; the log group gets no more entries
            self._discard(parked)
        elif self.things.redrive(parked, parked.fact(OwnFact.REDRIVEN, self.now(), cause=ORGANIZATION_DELETED)):
            self._send(found.entry)

    def _discard_any(self, found: OpenOrParked) -> None:
        if found.parked is not None:
            self._discard(found.parked)
        elif found.entry is not None:
            self.transit.commit(Commit([Settle(found.entry)], [discarded(found.entry, self.now())]))

    def _send(self, entry: Order | Expansion) -> None:
        if not isinstance(entry, Expansion):
            self.queues.send([entry])
        elif entry.of:
            self.queues.send([CallPointer.read(entry.notification)])
        else:
            # ingest takes no notification any more whose domain has no active organization
            expand(entry, self.raw, self.transit, self.ledger, self.queues, self.now)

    def _discard(self, parked: Parked) -> None:
        self.things.discard(parked, [parked.fact(OwnFact.DISCARDED, self.now(), cause=ORGANIZATION_DELETED)])


def discarded(entry: Order | Expansion, now: int) -> Fact:
    """Return the fact that an open entry is discarded. ``now`` in milliseconds since the epoch."""
    key = f"{OwnFact.DISCARDED}:{entry.key}:0"
    if isinstance(entry, DeliveryOrder) and entry.listed:
        key = end_key(entry)
    return Fact(
        trace=entry.trace,
        organization_id=entry.organization_id,
        name=OwnFact.DISCARDED,
        key=key,
        at=now,
        data={"what": entry.key, "cause": ORGANIZATION_DELETED},
    )
