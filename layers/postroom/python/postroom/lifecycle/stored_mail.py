"""The messages of a deleted organization that are stored in plain: as SES stored them, and what was put beside them.

The ledger tells which they are, by key: a flow's trace derives from SES's message id and the organization. What
SES has stored may be another organization's message as well: it stays where another has a flow of it. Where the
notification named recipients of others, or SES tells of one message more than once (several receipt rules), it also
stays while another organization may yet open a flow, and while a notification is parked that names a domain of one;
else it goes at once. A message whose sender has yet to be told waits for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from postroom.model.facts import Fact, trace_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from postroom.lifecycle.arrivals import ParkedArrivals
    from postroom.ports.raw_mail import RawArchive, StoredRaw
    from postroom.ports.transit import Ledger, Transit

INBOUND: Final = "inbound/"
TRANSIT: Final = "transit/"

BATCH: Final = 100
"""How many messages the ledger is asked about at once. Source: DynamoDB, BatchGetItem."""


@dataclass(frozen=True, slots=True)
class Others:
    """What is known of the other organizations.

    Attributes:
        ids: of those that are not deleted, and not being deleted.
        several: SES tells of one message more than once, for there are several receipt rules, or were.
    """

    ids: Sequence[str]
    several: bool


@dataclass(slots=True)
class Found:
    """How far a look through the stored mail came.

    Attributes:
        kept: messages that have to wait for something.
        reached: key up to which it looked; None: to the end.
    """

    kept: int = 0
    reached: str | None = None


@dataclass(frozen=True, slots=True)
class StoredMail:
    """``now`` gives milliseconds since the epoch.

    ``settles`` is for how many milliseconds, from when SES stored it, another organization's flow may yet open.
    """

    archive: RawArchive
    ledger: Ledger
    transit: Transit
    arrivals: ParkedArrivals
    now: Callable[[], int]
    settles: int

    def remove(
        self, organization_id: str, others: Others, after: str | None, *, over: bool, more: Callable[[], bool]
    ) -> Found:
        """Remove what is no longer needed, from where the last look stopped.

        Args:
            over: a message whose sender has yet to be told waits no longer.
            more: says whether there is time to go on.
        """
        found = Found()
        if after is None:
            self._remove_beside(organization_id, found, over=over)
        for batch in _batches(self.archive.stored(INBOUND, after=after or "")):
            if not more():
                found.reached = after or INBOUND
                return found
            self._remove_batch(organization_id, others, batch, found, over=over)
            after = batch[-1].key
        return found

    def _remove_beside(self, organization_id: str, found: Found, *, over: bool) -> None:
        """Remove plans, verdicts, contents that were put, and notices of ours: all under their flow's trace."""
        for batch in _batches(self.archive.stored(TRANSIT)):
            traces = {stored.key.split("/")[1] for stored in batch}
            opened = self.ledger.openings(traces)
            ours = {trace for trace, fact in opened.items() if fact.organization_id == organization_id}
            done = {trace for trace in ours if over or self.transit.is_clear(trace)}
            found.kept += len(ours - done)
            for stored in batch:
                if stored.key.split("/")[1] in done:
                    self.archive.remove(stored.key)

    def _remove_batch(
        self, organization_id: str, others: Others, batch: Sequence[StoredRaw], found: Found, *, over: bool
    ) -> None:
        traces = {trace_of(_message_id(stored), organization_id): stored for stored in batch}
        ended: list[tuple[StoredRaw, Fact]] = []
        for trace, received in self.ledger.openings(traces).items():
            if over or self.transit.is_clear(trace):
                ended.append((traces[trace], received))
            else:
                found.kept += 1
        theirs = self._of_others([stored for stored, _ in ended], others)
        for stored, received in ended:
            shared = bool(others.ids) and (others.several or bool(received.data.get("shared", True)))
            if stored.key in theirs or (shared and self.arrivals.is_awaited(_message_id(stored), others.ids)):
                continue
            if shared and self.now() - stored.stored < self.settles:
                found.kept += 1
            else:
                self.archive.remove(stored.key)

    def _of_others(self, ended: Sequence[StoredRaw], others: Others) -> set[str]:
        """Return the keys of stored messages of which another organization has a flow."""
        traces = {trace_of(_message_id(stored), other): stored.key for stored in ended for other in others.ids}
        return {traces[trace] for trace in self.ledger.openings(traces)}


def _batches(stored: Iterator[StoredRaw]) -> Iterator[list[StoredRaw]]:
    while batch := list(islice(stored, BATCH)):
        yield batch


def _message_id(stored: StoredRaw) -> str:
    return stored.key.rpartition("/")[2]
