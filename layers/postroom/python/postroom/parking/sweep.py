"""The sweep: recipients that are open for too long, stored messages without a notification, and old bytes.

Runs on a schedule, may die anywhere, and may run twice at once: everything it does may be done again.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from postroom.errors import PostroomError
from postroom.model.limits import HOUR_MS, RESERVE_MS
from postroom.model.sweep_round import INBOUND, Round
from postroom.parking.again import Done, SendingAgain
from postroom.parking.parking import ARRIVAL
from postroom.parking.stored import StoredObjects, SweepTimes, was_announced
from postroom.ports.metrics import PARKED_OPEN, SWEEP_BEHIND
from postroom.ports.parked import ARRIVAL_PREFIX, ORPHAN
from postroom.routing.message_flows import flows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from postroom.parking.parking import Parking
    from postroom.parking.stored import Seen
    from postroom.ports.metrics import StackMetrics
    from postroom.ports.organizations import Organizations
    from postroom.ports.parked import Parked
    from postroom.ports.queues import Backlogs, Queues
    from postroom.ports.raw_mail import RawArchive, StoredRaw
    from postroom.ports.sweep_rounds import SweepRounds
    from postroom.ports.transit import Transit
    from postroom.ports.transit_scans import TransitScans

PAGE: Final = 1000
"""Objects of one page: S3's, and as many as one DeleteObjects removes. Source: S3's API reference."""

LEAST_MESSAGES: Final = 1000
"""Stored objects that a sweep looks at in any case, though fewer are due. Ours."""

LEAD_MS: Final = HOUR_MS
"""Milliseconds by which sweeps may be ahead: a page may hold more than is due, but what a quiet stack has looked at
before it was due does not count once there is much. Ours."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """``now`` gives milliseconds since the epoch; ``each`` is ``map``, or one that makes several calls at once."""

    parking: Parking
    queues: Queues
    transit: Transit
    scans: TransitScans
    archive: RawArchive
    organizations: Organizations
    backlogs: Backlogs
    rounds: SweepRounds
    metrics: StackMetrics
    times: SweepTimes
    now: Callable[[], int]
    each: Callable[[Callable[[StoredRaw], Seen], Sequence[StoredRaw]], Iterable[Seen]] = map

    def run(self, remaining: Callable[[], int] = lambda: 1 << 31) -> dict[str, int]:
        """Sweep once; return how many were sent again, parked, left to their queues, and retired.

        One thing that makes trouble stops no other; it is raised when all the rest is done, for the alarm. Where time
        runs out, the next sweep goes on there, and ``behind_s`` says by how many seconds the sweeps are behind.

        Args:
            remaining: milliseconds until the function is stopped.

        Raises:
            PostroomError: the first trouble, or what the rest depends on could not be read.
        """
        run = _Run(self, self.now(), remaining)
        with run.kept():
            run.look_at_waiting()
        run.look_at_orphans(list(self.parking.list()))
        with run.kept():
            run.look_at_stored()
        self.metrics.record({SWEEP_BEHIND: run.behind_s()})
        if run.troubles:
            raise run.troubles[0]
        return run.counts


class _Run:
    """One sweep. ``started`` is in milliseconds since the epoch."""

    def __init__(self, sweep: Sweep, started: int, remaining: Callable[[], int]) -> None:
        self.sweep = sweep
        self.remaining = remaining
        self.started = started
        self.troubles: list[PostroomError] = []
        self.counts = {"sent": 0, "parked": 0, "waiting": 0, "retired": 0, "behind_s": 0}
        self.announced: frozenset[str] = frozenset()
        self.removable: list[str] = []
        self.place = Round.first(started)
        self.organizations: Sequence[str] = ()
        self.again = SendingAgain(sweep.parking, sweep.queues, sweep.transit, sweep.scans, sweep.backlogs, sweep.now)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep an error, and go on with what comes next."""
        try:
            yield
        except PostroomError as error:
            self.troubles.append(error)

    def look_at_waiting(self) -> None:
        """Look at what is open for too long, for half of the time at most."""
        half, before = self.remaining() // 2, self.started - self.sweep.times.open_too_long_ms
        for found in self.sweep.scans.open_before(before):
            if self.remaining() < half:
                self._is_behind(before - found.since_ms)
                break
            with self.kept():
                done = self.again.take(found)
                self.counts[Done.SENT if done is Done.ENDED else done] += 1

    def look_at_orphans(self, parked: Sequence[Parked]) -> None:
        """Take back what was parked without a notification, where one came after all: to a flow, or parked itself.

        What is parked is counted on the way, for the alarm.
        """
        self.organizations = list(self.sweep.organizations.ids())
        self.announced = frozenset(each.trace for each in parked if each.key.startswith(ARRIVAL_PREFIX))
        still_parked = len(parked)
        for each in parked:
            if each.key == ORPHAN:
                with self.kept():
                    if self._has_come(each.trace):
                        still_parked -= self.sweep.parking.take_back_orphan(each)
        self.sweep.metrics.record({PARKED_OPEN: still_parked})

    def _has_come(self, trace: str) -> bool:
        parking, ses_message_id = self.sweep.parking, trace.removeprefix(ARRIVAL)
        flows = flows_of(parking.ledger, ses_message_id, self.organizations, latest=True)
        return bool(flows) or was_announced(parking, trace)

    def look_at_stored(self) -> None:
        """Look at stored mail: what is due, and at least ``LEAST_MESSAGES``; each object once at most.

        A place is kept before its page is looked at, as if nothing of it were decided: what stops a sweep there does
        not stop every sweep after it, and the next round looks at the page again.
        """
        at = self.place = (self.sweep.rounds.read() or self.place).begun(self.started)
        seen = 0
        while not self._is_whole(at) and (self.place.due_ms < self.started or seen < LEAST_MESSAGES):
            if self.remaining() < RESERVE_MS:
                break
            seen += self._next_page()
        self._remove(fewer=True)
        due_ms = self.started if self._is_whole(at) else min(self.place.due_ms, self.started + LEAD_MS)
        self.place = replace(self.place, due_ms=due_ms)
        self.sweep.rounds.write(self.place)

    def _is_whole(self, first: Round) -> bool:
        """Say whether a sweep that began at ``first`` has seen each object once."""
        return self.place.number > first.number and self.place.share >= first.share

    def _next_page(self) -> int:
        """Look at the next page and go behind it; return the number of objects that there was time for."""
        at = self.place
        page = list(islice(self.sweep.archive.stored(at.prefix, after=at.after), PAGE))
        self.sweep.rounds.write(self._behind(replace(at, left_ms=min(at.left_ms, at.asked_ms)), page, len(page)))
        looked, at = self._page(page, at)
        self.place = self._behind(at, page, looked)
        self._remove()
        return looked

    def _behind(self, at: Round, page: list[StoredRaw], looked: int) -> Round:
        """Return the place behind those objects of a page that were looked at."""
        if looked < len(page):
            last: str | None = page[looked - 1].key if looked else at.after
        else:
            last = page[-1].key if len(page) == PAGE else None
        return at.passed(last, now=self.started, open_too_long_ms=self.sweep.times.open_too_long_ms)

    def _page(self, page: list[StoredRaw], at: Round) -> tuple[int, Round]:
        """Look at a page.

        Returns:
            How many objects there was time for, and the same place with what was left undecided.
        """
        objects = StoredObjects(
            self.sweep.parking,
            self.again,
            self.organizations,
            self.announced,
            at.asked_ms,
            self.sweep.times,
            self.remaining,
            self.sweep.now,
        )
        looked = 0
        for stored, found in zip(page, self.sweep.each(objects.look, page), strict=True):
            if found.skipped:
                break
            looked += 1
            self.counts["sent"] += found.sent
            self.counts["parked"] += found.parked
            if found.trouble is not None:
                self.troubles.append(found.trouble)
            if found.removable:
                self.removable.append(stored.key)
            if found.undecided and stored.key.startswith(INBOUND) and stored.stored_ms > at.asked_ms:
                at = replace(at, left_ms=min(at.left_ms, stored.stored_ms - 1))
        return looked, at

    def _remove(self, *, fewer: bool = False) -> None:
        """Remove what may go, ``PAGE`` objects at once, and ``fewer`` at the end."""
        while len(self.removable) >= PAGE or (fewer and self.removable):
            keys, self.removable = self.removable[:PAGE], self.removable[PAGE:]
            self.sweep.archive.remove_all(keys)
            self.counts["retired"] += sum(key.startswith(INBOUND) for key in keys)

    def behind_s(self) -> int:
        """Return by how many seconds this sweep has left the sweeps behind, whatever has stopped it."""
        self._is_behind(self.started - self.place.due_ms)
        return self.counts["behind_s"]

    def _is_behind(self, ms: int) -> None:
        self.counts["behind_s"] = max(self.counts["behind_s"], ms // 1000)
