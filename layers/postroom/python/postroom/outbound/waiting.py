"""Mail that waits to leave, as an operator sees it; and the next attempt at once (docs/decisions/0064).

    every, of_flow    open orders to transmit, with what became of their last attempt.
    retry             their next attempt is due now, and they are sent to their station.

A retry makes no attempt itself. It changes the time in the order's row, under the condition that the row is as it was
read: an attempt that begins meanwhile claims the row first, and the order is left to it. After a stop between the row
and the queue the order is due: its older message in the queue brings it, or else the sweep sends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from postroom.contracts.batching import batched
from postroom.contracts.outbound_orders import TransmitOrder
from postroom.errors import ConflictError, UnreadableFactError
from postroom.outbound.transmit import deferred_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from postroom.contracts.journal_orders import JournalOrder
    from postroom.model.facts import Fact
    from postroom.outbound.timetable import Timetable
    from postroom.ports.ledger import Ledger
    from postroom.ports.queues import Queues
    from postroom.ports.transmission_scans import OpenTransmission, TransmissionScans

BATCH: Final = 100
"""Orders whose facts one request reads, and that a retry sends at once. Source: DynamoDB, keys of a BatchGetItem."""


class Retried(StrEnum):
    """What a retry did with an order."""

    SENT = "sent"  # it is tried now
    LEFT = "left"  # an attempt runs, or has ended since the order was read
    FIRST = "first"  # it was never tried: its station has it, or is about to


@dataclass(frozen=True, slots=True)
class Waiting:
    """An order to transmit that waits, or that an attempt is made of.

    Attributes:
        recipients: those that have no end.
        last: the fact of the newest attempt that failed for now.
        runs: an attempt runs, or it has stopped; at ``open.due_ms`` it counts as stopped.
    """

    open: OpenTransmission
    recipients: Sequence[str]
    last: Fact | None
    runs: bool

    @property
    def order(self) -> TransmitOrder | JournalOrder:
        """The order."""
        return self.open.order

    @property
    def gateway_id(self) -> str:
        """The SMTP gateway; empty: SES."""
        return gateway_of(self.open)


@dataclass(frozen=True, slots=True)
class OutgoingQueue:
    """What waits to leave. ``now`` returns milliseconds since the epoch."""

    scans: TransmissionScans
    ledger: Ledger
    queues: Queues
    now: Callable[[], int]
    times: Timetable

    def every(
        self, organization_id: str = "", keep: Callable[[OpenTransmission], bool] = lambda _: True
    ) -> Iterator[Waiting]:
        """Yield what waits, oldest first. The table is read before the first, and facts as they are needed.

        Args:
            organization_id: of the only organization that is meant.
            keep: says of an order, before anything else is read of it, whether it is meant.

        Raises:
            UnreadableFactError: after the last, if some rows cannot be read.
        """
        yield from self._oldest_first(each for each in self.scans.every(organization_id) if keep(each))

    def of_flow(self, trace: str) -> Iterator[Waiting]:
        """Yield what waits of one flow; as ``every``."""
        yield from self._oldest_first(self.scans.of_flow(trace))

    def until(self, waiting: Waiting) -> int:
        """Return when an order is given up, in milliseconds since the epoch."""
        return self.times.until(waiting.order.since)

    def retry(self, chosen: Iterable[Waiting]) -> Iterator[tuple[Waiting, Retried]]:
        """Have orders tried now, ``BATCH`` at once; yield what became of each.

        An order that is due already is sent once more: its message may still be in the queue, and is refused then.

        Raises:
            StoreUnavailableError: a table or queue did not answer. What is not yielded may be due, and the sweep sends
                it; a further retry sends it, too.
        """
        for batch in batched(chosen, BATCH):
            done = [(each, self._made_due(each)) for each in batch]
            self.queues.send([each.order for each, became in done if became is Retried.SENT])
            yield from done

    def _made_due(self, waiting: Waiting) -> Retried:
        now = self.now()
        if not waiting.open.attempts:
            return Retried.FIRST
        if waiting.runs:
            return Retried.LEFT
        if waiting.open.due_ms <= now:
            return Retried.SENT
        try:
            return Retried.SENT if self.scans.make_due(waiting.open, now) else Retried.LEFT
        except ConflictError:  # a run records its answers
            return Retried.LEFT

    def _oldest_first(self, scanned: Iterator[OpenTransmission]) -> Iterator[Waiting]:
        found: list[OpenTransmission] = []
        trouble = None
        try:
            found.extend(scanned)
        except UnreadableFactError as error:
            trouble = error
        found.sort(key=lambda each: (each.order.since, each.order.trace, each.order.key))
        for batch in batched(found, BATCH):
            yield from self._read(batch)
        if trouble is not None:
            raise trouble

    def _read(self, batch: Sequence[OpenTransmission]) -> Iterator[Waiting]:
        """Read what became of the last attempts.

        The fact of an attempt that failed is in the same transaction as the time of the next one. As long as there is
        none of the newest attempt, that runs, or it has stopped.
        """
        places = {(each.order.trace, deferred_key(_name(each), each.attempts)): each for each in batch if each.attempts}
        facts = self.ledger.facts_at(list(places))
        for each in batch:
            fact = facts.get((each.order.trace, deferred_key(_name(each), each.attempts)))
            if not each.attempts:
                yield Waiting(each, tuple(each.order.ends), None, runs=False)
            elif fact is not None:
                yield Waiting(each, tuple(fact.data["recipients"]), fact, runs=False)
            else:
                yield from self._from_all_facts(each)

    def _from_all_facts(self, found: OpenTransmission) -> Iterator[Waiting]:
        """Yield an order whose newest attempt has no fact of its failure; nothing if it has ended meanwhile."""
        facts = self.ledger.facts(found.order.trace)
        keys = {fact.key for fact in facts}
        left = tuple(recipient for recipient, end in found.order.ends.items() if end not in keys)
        deferred = [fact for fact in facts if fact.key.startswith(deferred_key(_name(found)))]
        last = max(deferred, key=lambda fact: int(fact.key.rpartition(":")[2]), default=None)
        if left:
            yield Waiting(found, left, last, runs=found.due_ms > self.now())


def gateway_of(found: OpenTransmission) -> str:
    """Return the SMTP gateway of an order; empty: SES."""
    return found.order.gateway_id if isinstance(found.order, TransmitOrder) else ""


def _name(found: OpenTransmission) -> str:
    """Return the order's name in the keys of facts; see ``Carried.name``."""
    return found.order.name if isinstance(found.order, TransmitOrder) else found.order.key
