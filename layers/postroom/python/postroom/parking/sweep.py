"""The sweep: recipients that are open for too long, stored messages without a notification, and old bytes.

Runs on a schedule, may die anywhere, and may run twice at once: everything it does may be done again.
"""

from __future__ import annotations

import json
import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.contracts.expansions import Expansion
from postroom.contracts.ses import SETUP_OBJECT
from postroom.contracts.stored import MOST_SWEEPS
from postroom.errors import PostroomError
from postroom.model.facts import RECEIVED, Fact, OwnFact, reply_trace, trace_of
from postroom.model.limits import DAY_MS, RESERVE_MS
from postroom.parking.redrive import expand_again
from postroom.ports.metrics import PARKED_OPEN
from postroom.ports.parked import ARRIVAL_PREFIX, ORPHAN
from postroom.ports.transit import Commit, Settle
from postroom.ports.transit_scans import OpenEntry
from postroom.routing.listed import store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postroom.parking.parking import Parking
    from postroom.ports.ledger import OpenedFlow
    from postroom.ports.metrics import StackMetrics
    from postroom.ports.organizations import Organizations
    from postroom.ports.queues import Queues
    from postroom.ports.raw_mail import RawArchive, StoredRaw
    from postroom.ports.transit import Transit
    from postroom.ports.transit_scans import TransitScans

INBOUND: Final = "inbound/"
"""Where SES stores mail."""

SES_CHARACTERS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
"""What SES's message ids are made of."""

STEP: Final = 0.6180339887498949
"""Distance between the beginnings of two sweeps in a row, as a share of all places: the fraction of the golden ratio,
whose multiples, however many, fill an interval evenly."""

PLACES: Final = len(SES_CHARACTERS) ** 2
"""Places in which a sweep may begin: what two characters of SES's say."""

PLACE_EVERY_MS: Final = 900_000
"""Milliseconds after which a sweep begins in another place; the schedule's own step. Ours."""

ROUND_MS: Final = DAY_MS
"""Milliseconds in which sweeps look at all stored mail, where one does not reach. Ours."""

SHARE: Final = math.ceil(2 * PLACES * PLACE_EVERY_MS / ROUND_MS)
"""Places that a sweep looks at: twice its part of a round, because the largest gap between multiples of the golden
ratio stays below twice the mean."""

LEAST_MESSAGES: Final = 1000
"""Stored messages that a sweep looks at in any case, further on where its places hold fewer: one page of S3's. Ours."""

ASK_FOR_FLOW_MS: Final = 2 * ROUND_MS
"""Milliseconds in which a stored message is asked for its flow, twice at least. What has one keeps it, so that it is
asked again only when it may be over; an orphan that was missed is found then. So are orders that a flow only lists and
that were lost: a flow that opens late lists none (``contracts.order_list``). Ours."""


@dataclass(frozen=True, slots=True)
class SweepTimes:
    """How long the sweep waits.

    Attributes:
        open_too_long_ms: what is open for longer is sent again, or parked.
        keep_after_final_ms: a stored message is removed this long after its last recipient became final.
    """

    open_too_long_ms: int
    keep_after_final_ms: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """``now`` gives milliseconds since the epoch."""

    parking: Parking
    queues: Queues
    transit: Transit
    scans: TransitScans
    archive: RawArchive
    organizations: Organizations
    metrics: StackMetrics
    times: SweepTimes
    now: Callable[[], int]

    def run(self, remaining: Callable[[], int] = lambda: 1 << 31) -> dict[str, int]:
        """Sweep once; return how many were sent again, parked, and retired.

        One thing that makes trouble stops no other; it is raised when all the rest is done, for the alarm. Where time
        runs out the rest is left to the next sweeps: each begins to look at stored mail in another place, so that
        none is passed over for ever. Where much is stored a sweep looks at a part of it; all parts are seen in a day.

        Args:
            remaining: milliseconds until the function is stopped.

        Raises:
            PostroomError: the first trouble.
        """
        counts = {"sent": 0, "parked": 0, "retired": 0}
        troubles: list[PostroomError] = []
        with _kept(troubles):
            self._look_at_waiting(counts, troubles, remaining)
        organizations = list(self.organizations.ids())
        with _kept(troubles):
            self._look_at_orphans(organizations, troubles)
        for stored in self._round():
            if remaining() < RESERVE_MS:
                break
            with _kept(troubles):
                self._look_at(stored, organizations, counts)
        if troubles:
            raise troubles[0]
        return counts

    def _look_at_waiting(
        self, counts: dict[str, int], troubles: list[PostroomError], remaining: Callable[[], int]
    ) -> None:
        """Look at what is open for too long, for half of the time at most."""
        half = remaining() // 2
        for found in self.scans.open_before(self.now() - self.times.open_too_long_ms):
            if remaining() < half:
                break
            with _kept(troubles):
                self._again(found)
                counts["parked" if _is_stuck(found) else "sent"] += 1

    def _look_at_orphans(self, organizations: list[str], troubles: list[PostroomError]) -> None:
        """Take back what was parked without a notification, where one came after all: to a flow, or parked itself.

        What is parked is counted on the way, for the alarm.
        """
        still_parked = 0
        for parked in self.parking.list():
            still_parked += 1
            if parked.key == ORPHAN:
                with _kept(troubles):
                    ses_message_id = parked.trace.removeprefix("arrival:")
                    if self._has_flow(ses_message_id, organizations) or self._was_announced(parked.trace):
                        still_parked -= self.parking.take_back_orphan(parked)
        self.metrics.record({PARKED_OPEN: still_parked})

    def _round(self) -> Iterator[StoredRaw]:
        """Return stored mail, each message once: ``SHARE`` places from one on that moves with the time.

        Where these hold fewer than ``LEAST_MESSAGES``, it goes on behind them.
        """
        first = _place(self.now() // PLACE_EVERY_MS)
        start, last = _key(first), first + SHARE
        seen = 0
        for stored in self.archive.stored(INBOUND, after=start):
            if seen >= LEAST_MESSAGES and last < PLACES and stored.key > _key(last):
                return
            yield stored
            seen += 1
        for stored in self.archive.stored(INBOUND):
            if stored.key > start or (seen >= LEAST_MESSAGES and (last < PLACES or stored.key > _key(last - PLACES))):
                return
            yield stored
            seen += 1

    def _again(self, found: OpenEntry) -> None:
        """Send an open entry to its station again, or park it when that has not helped."""
        entry = found.entry
        if not isinstance(entry, Expansion) and (stopped := entry.stopped(self.now())) is not None:
            self.transit.commit(Commit([Settle(entry)], [stopped]))
            return
        if _is_stuck(found):
            cause = f"still open after it was sent again {found.sweeps} times"
            self.parking.give_up(entry, cause)
        elif isinstance(entry, Expansion):
            expand_again(self.queues, entry)
        else:
            self.queues.send([entry])
        self.scans.sent_again(found, self.now())

    def _look_at(self, stored: StoredRaw, organizations: list[str], counts: dict[str, int]) -> None:
        age = self.now() - stored.stored_ms
        ses_message_id = stored.key.rpartition("/")[2]
        if age < self.times.open_too_long_ms or ses_message_id == SETUP_OBJECT:
            return
        old = age >= self.times.keep_after_final_ms
        if not old and age >= self.times.open_too_long_ms + ASK_FOR_FLOW_MS:
            return
        flows = self._flows(ses_message_id, organizations)
        for flow in flows:
            counts["sent"] += self._look_at_listed(flow)
        if not flows:
            counts["parked"] += self._park_orphan(stored, ses_message_id)
        elif old and self._is_over(ses_message_id, facts := self._with_replies(flows)):
            for trace in facts:
                for left in self.archive.stored(f"transit/{trace}/"):
                    self.archive.remove(left.key)
            self.archive.remove(stored.key)
            counts["retired"] += 1

    def _flows(self, ses_message_id: str, organizations: list[str]) -> list[OpenedFlow]:
        """Return the flows that a stored message has."""
        traces = (trace_of(ses_message_id, organization) for organization in organizations)
        found = map(self.parking.ledger.opened, traces)
        return [flow for flow in found if flow is not None]

    def _look_at_listed(self, flow: OpenedFlow) -> int:
        """Store and send what is listed and open for too long: then it is swept like any other order.

        Returns:
            How many orders were sent.
        """
        if self.now() - flow.received.at < self.times.open_too_long_ms:
            return 0
        stored = [store(order, self.transit, self.now()) for order in flow.listed]
        found = [order for order in stored if order is not None]
        for order in found:
            self._again(OpenEntry(order, order.received_at, sweeps=0))
        return len(found)

    def _with_replies(self, flows: list[OpenedFlow]) -> dict[str, list[Fact]]:
        """Return the facts of flows, and of what mailboxes answered to them, by trace."""
        ledger = self.parking.ledger
        found = {flow.received.trace: list(ledger.facts(flow.received.trace)) for flow in flows}
        answered = [fact for facts in found.values() for fact in facts if fact.name is OwnFact.BOOKING_ANSWERED]
        replies = [reply_trace(fact.trace, str(fact.data["mailboxId"])) for fact in answered]
        return found | {trace: list(ledger.facts(trace)) for trace in replies}

    def _has_flow(self, ses_message_id: str, organizations: list[str]) -> bool:
        traces = (trace_of(ses_message_id, organization) for organization in organizations)
        return any(self.parking.ledger.fact(trace, RECEIVED) is not None for trace in traces)

    def _park_orphan(self, stored: StoredRaw, ses_message_id: str) -> bool:
        """Park a message without a flow, unless it is parked or was given up."""
        trace = f"arrival:{ses_message_id}"
        if self.parking.things.get(f"{trace}/{ORPHAN}") or self._was_announced(trace) or self._was_discarded(trace):
            return False
        body = json.dumps({"objectKey": stored.key, "mail": {"messageId": ses_message_id}})
        self.parking.park_orphan(ses_message_id, body)
        return True

    def _is_over(self, ses_message_id: str, facts: dict[str, list[Fact]]) -> bool:
        """Say whether every recipient of a message has been final for long enough."""
        if self._was_announced(f"arrival:{ses_message_id}"):
            return False
        latest = max(fact.at for of_trace in facts.values() for fact in of_trace)
        return all(map(self.transit.is_clear, facts)) and self.now() - latest >= self.times.keep_after_final_ms

    def _was_announced(self, trace: str) -> bool:
        """Say whether a notification of a message came, and is parked itself."""
        known = {str(fact.data.get("what", "")) for fact in self.parking.ledger.facts(trace)}
        arrivals = (what for what in known if what.startswith(ARRIVAL_PREFIX))
        return any(self.parking.things.get(f"{trace}/{what}") is not None for what in arrivals)

    def _was_discarded(self, trace: str) -> bool:
        facts: list[Fact] = list(self.parking.ledger.facts(trace))
        return any(fact.name is OwnFact.DISCARDED for fact in facts)


def _is_stuck(found: OpenEntry) -> bool:
    """Say whether sending an open entry again has not helped."""
    return found.sweeps >= (MOST_SWEEPS if isinstance(found.entry, Expansion) else found.entry.most_sweeps)


@contextmanager
def _kept(troubles: list[PostroomError]) -> Iterator[None]:
    """Keep an error, and go on with what comes next."""
    try:
        yield
    except PostroomError as error:
        troubles.append(error)


def _place(number: int) -> int:
    """Return one of ``PLACES``; neighbours in number lie far apart.

    Multiples of the golden ratio fill an interval evenly, however many of them there are.
    """
    return int(number * STEP % 1 * PLACES)


def _key(place: int) -> str:
    """Return the key behind which a place begins: two of SES's characters; before the first lies nothing."""
    first, second = divmod(place, len(SES_CHARACTERS))
    return INBOUND + (SES_CHARACTERS[first] + SES_CHARACTERS[second] if place else "")
