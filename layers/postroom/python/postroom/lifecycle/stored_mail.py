"""Removes a deleted organization's messages that are stored in plain: SES's objects, and our objects beside them.

The ledger says which they are, by key: a flow's trace derives from SES's message id and the organization.
Flows of earlier versions are asked for, too.

An object of SES may also be the message of another organization:

- If another organization has a flow of it, the object stays.
- If the notification named recipients of other organizations, or SES sends several notifications of one message
  (several receipt rules), the object stays as long as another organization may open a flow, and as long as a parked
  notification names a domain of one.
- Otherwise the object is removed at once.

A message also stays as long as its own flow has anything open or parked, for instance a bounce. The search finds the
orders that a flow only lists, too; they have no rows, so that ``OpenFlows`` does not find them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from postroom.contracts.order_list import ORDERS
from postroom.errors import PostroomError
from postroom.model.facts import SUBMITTED, Fact, inside_trace, lone_trace_of, message_part, split_trace, traces_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from postroom.lifecycle.arrivals import ParkedArrivals
    from postroom.lifecycle.open_flows import OpenFlows
    from postroom.ports.ledger import Ledger
    from postroom.ports.raw_mail import RawArchive, StoredRaw
    from postroom.ports.transit import Transit

INBOUND: Final = "inbound/"
TRANSIT: Final = "transit/"

MESSAGES_PER_READ: Final = 100
"""Messages per batched read of the ledger. Source: DynamoDB, BatchGetItem."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """The other organizations, and whether messages may be shared with them.

    Attributes:
        others: organizations that are neither deleted nor being deleted.
        several: SES may have sent several notifications of one message: it has, or had, several receipt rules.
    """

    others: Sequence[str]
    several: bool


@dataclass(slots=True)
class Found:
    """Result of one search through the stored mail.

    Attributes:
        kept: messages that cannot be removed yet.
        reached: last key that was searched; None: the search reached the end.
        errors: what kept listed orders open; the search has stopped before their messages.
    """

    kept: int = 0
    reached: str | None = None
    errors: list[PostroomError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class StoredMail:
    """``now`` returns milliseconds since the epoch.

    ``settling_ms`` is how long after SES stored a message another organization may still open a flow of it.
    """

    archive: RawArchive
    ledger: Ledger
    transit: Transit
    flows: OpenFlows
    arrivals: ParkedArrivals
    now: Callable[[], int]
    settling_ms: int

    def remove(
        self, organization_id: str, sharing: Sharing, after: str | None, *, over: bool, has_time: Callable[[], bool]
    ) -> Found:
        """Remove messages that are no longer needed.

        Args:
            after: key at which the last search stopped; None: begin with the first.
            over: the settling time is over; messages of unfinished flows are removed as well.
            has_time: says whether another step may begin.
        """
        found = Found()
        if after is None:
            self._remove_beside(organization_id, found, over=over)
        for batch in _batches(self.archive.stored(INBOUND, after=after or "")):
            if not (has_time() and self._remove_batch(organization_id, sharing, batch, found, has_time, over=over)):
                found.reached = after or INBOUND
                return found
            after = batch[-1].key
        return found

    def _remove_beside(self, organization_id: str, found: Found, *, over: bool) -> None:
        """Remove plans, verdicts, put contents and our notices: everything stored under a flow's trace."""
        for batch in _batches(self.archive.stored(TRANSIT)):
            traces = {stored.key.split("/")[1] for stored in batch}
            opened = [*self.ledger.openings(traces).values(), *self.ledger.openings(traces, SUBMITTED).values()]
            ours = {fact.trace for fact in opened if fact.organization_id == organization_id}
            done = {trace for trace in ours if over or self._is_clear(trace)}
            found.kept += len(ours - done)
            for stored in batch:
                if stored.key.split("/")[1] in done:
                    self.archive.remove(stored.key)

    def _is_clear(self, trace: str) -> bool:
        """Say whether nothing of a flow is left, nor of that of its recipients inside, if it is a submission's."""
        return self.transit.is_clear(trace) and self.transit.is_clear(inside_trace(trace))

    def _remove_batch(
        self,
        organization_id: str,
        sharing: Sharing,
        batch: Sequence[StoredRaw],
        found: Found,
        has_time: Callable[[], bool],
        *,
        over: bool,
    ) -> bool:
        """Remove what is not needed of a batch; ``False`` if time, or an error, left listed orders of it open."""
        traces = {trace: stored for stored in batch for trace in traces_of(_message_id(stored), organization_id)}
        opened = self.ledger.openings(traces)
        if not self._end_listed(opened.values(), found, has_time, over=over):
            return False
        ended: list[tuple[StoredRaw, Fact]] = []
        for trace, received in opened.items():
            if over or self.transit.is_clear(trace):
                ended.append((traces[trace], received))
            else:
                found.kept += 1
        theirs = self._of_others(ended, sharing)
        for stored, received in ended:
            shared = bool(sharing.others) and (sharing.several or bool(received.data.get("shared", True)))
            if stored.key in theirs or (shared and self.arrivals.is_awaited(_message_id(stored), sharing.others)):
                continue
            if shared and self.now() - stored.stored_ms < self.settling_ms:
                found.kept += 1
            else:
                self.archive.remove(stored.key)
        return True

    def _end_listed(self, opened: Iterable[Fact], found: Found, has_time: Callable[[], bool], *, over: bool) -> bool:
        """Do the next step for orders that flows only list; ``False`` if time, or an error, left some as they were."""
        listing = [fact.trace for fact in opened if ORDERS in fact.data]
        for flow in map(self.ledger.opened, listing):
            for order in flow.listed if flow is not None else ():
                if not has_time():
                    return False
                try:
                    self.flows.end_listed(order, over=over)
                except PostroomError as error:
                    found.errors.append(error)
        return not found.errors

    def _of_others(self, ended: Sequence[tuple[StoredRaw, Fact]], sharing: Sharing) -> set[str]:
        """Return the keys of stored messages of which another organization has a flow."""
        others, found = set(sharing.others), set[str]()
        if not others:
            return found
        lone: dict[str, str] = {}
        for stored, received in ended:
            message_id = _message_id(stored)
            if split_trace(received.trace) is None:  # the flows of a message have one form
                lone |= {lone_trace_of(message_id, other): stored.key for other in sharing.others}
                continue
            facts = self.ledger.of_message(message_part(message_id), latest=True)
            if any(fact.organization_id in others for fact in facts):
                found.add(stored.key)
        return found | {lone[trace] for trace in self.ledger.openings(lone)}


def _batches(stored: Iterator[StoredRaw]) -> Iterator[list[StoredRaw]]:
    while batch := list(islice(stored, MESSAGES_PER_READ)):
        yield batch


def _message_id(stored: StoredRaw) -> str:
    return stored.key.rpartition("/")[2]
