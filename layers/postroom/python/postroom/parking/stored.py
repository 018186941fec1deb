"""One look at one stored object: whether its message has a flow, lost what the flow lists, and may be removed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.contracts.order_list import open_orders
from postroom.contracts.ses import SETUP_OBJECT
from postroom.errors import PostroomError
from postroom.model.facts import RECEIVED, OwnFact
from postroom.model.limits import RESERVE_MS
from postroom.model.sweep_round import INBOUND
from postroom.parking.again import Done
from postroom.parking.parking import ARRIVAL
from postroom.ports.parked import ARRIVAL_PREFIX, ORPHAN
from postroom.ports.transit_scans import OpenEntry
from postroom.routing.listed import store
from postroom.routing.message_flows import flows_beside, flows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from postroom.contracts.orders import DeliveryOrder
    from postroom.model.facts import Fact
    from postroom.parking.again import SendingAgain
    from postroom.parking.parking import Parking
    from postroom.ports.raw_mail import StoredRaw


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
class Seen:
    """The result of a look.

    Attributes:
        skipped: there was no time for it.
        undecided: a later round has to look again for the message's flow.
        removable: the object may be removed.
    """

    sent: int = 0
    parked: int = 0
    skipped: bool = False
    undecided: bool = False
    removable: bool = False
    trouble: PostroomError | None = None


@dataclass(frozen=True, slots=True)
class StoredObjects:
    """Looks of one sweep, in any order and several at once.

    Attributes:
        organizations: ids of all of them.
        announced: traces of messages of which a notification is parked.
        asked_ms: messages that were stored until then, in milliseconds since the epoch, were asked for their flows.
        remaining: milliseconds until the function is stopped.
        now: gives milliseconds since the epoch.
    """

    parking: Parking
    again: SendingAgain
    organizations: Sequence[str]
    announced: AbstractSet[str]
    asked_ms: int
    times: SweepTimes
    remaining: Callable[[], int]
    now: Callable[[], int]

    def look(self, stored: StoredRaw) -> Seen:
        """Look at an object; trouble with one stops no other."""
        if self.remaining() < RESERVE_MS:
            return Seen(skipped=True)
        age_ms = self.now() - stored.stored_ms
        old = age_ms >= self.times.keep_after_final_ms
        try:
            if not stored.key.startswith(INBOUND):
                return Seen(removable=old and self._is_over(flows_beside(self.parking.ledger, _trace(stored))))
            asked = age_ms >= self.times.open_too_long_ms and stored.stored_ms > self.asked_ms
            return self._message(stored, old=old) if old or asked else Seen()
        except PostroomError as error:
            return Seen(undecided=True, trouble=error)

    def _message(self, stored: StoredRaw, *, old: bool) -> Seen:
        """Look at a message of SES's; a read that may miss the last seconds is repeated where that matters."""
        ses_message_id = stored.key.rpartition("/")[2]
        if ses_message_id == SETUP_OBJECT:
            return Seen()
        flows = self._flows(ses_message_id, latest=old)
        if not old and (not flows or any(_listed(facts) for facts in flows.values())):
            flows = self._flows(ses_message_id, latest=True)
        if not flows:
            return Seen(parked=self._park_orphan(stored, ses_message_id))
        looks = [self._listed(facts) for facts in flows.values()]
        sent, undecided = sum(each.sent for each in looks), any(each.undecided for each in looks)
        over = old and not sent and not undecided and f"{ARRIVAL}{ses_message_id}" not in self.announced
        return Seen(sent=sent, undecided=undecided, removable=over and self._is_over(flows))

    def _flows(self, ses_message_id: str, *, latest: bool) -> Mapping[str, Sequence[Fact]]:
        return flows_of(self.parking.ledger, ses_message_id, self.organizations, latest=latest)

    def _listed(self, facts: Sequence[Fact]) -> Seen:
        """Store and send what a flow lists and is open for too long: then it is swept like any other order."""
        listed = _listed(facts)
        if not listed:
            return Seen()
        opened_ms = min(fact.at for fact in facts if fact.key == RECEIVED)
        too_young = self.now() - opened_ms < self.times.open_too_long_ms
        if too_young or self.again.may_wait(listed[0].station, opened_ms):
            return Seen(undecided=True)
        stored = [store(order, self.again.transit, self.now()) for order in listed]
        found = [order for order in stored if order is not None]
        done = [self.again.take(OpenEntry(order, order.received_at, sweeps=0)) for order in found]
        return Seen(sent=done.count(Done.SENT))

    def _is_over(self, flows: Mapping[str, Sequence[Fact]]) -> bool:
        """Say whether every recipient of a message's flows has been final for long enough."""
        latest = max((fact.at for facts in flows.values() for fact in facts), default=self.now())
        if self.now() - latest < self.times.keep_after_final_ms or any(map(_listed, flows.values())):
            return False
        return not any(map(self.again.scans.has_rows, flows))

    def _park_orphan(self, stored: StoredRaw, ses_message_id: str) -> bool:
        """Park a message without a flow, unless it is parked or was given up."""
        trace = f"{ARRIVAL}{ses_message_id}"
        if self.parking.things.get(f"{trace}/{ORPHAN}") or was_announced(self.parking, trace):
            return False
        if any(fact.name is OwnFact.DISCARDED for fact in self.parking.ledger.facts(trace)):
            return False
        body = json.dumps({"objectKey": stored.key, "mail": {"messageId": ses_message_id}})
        self.parking.park_orphan(ses_message_id, body)
        return True


def was_announced(parking: Parking, trace: str) -> bool:
    """Say whether a notification of a message came, and is parked itself."""
    known = {str(fact.data.get("what", "")) for fact in parking.ledger.facts(trace)}
    arrivals = (what for what in known if what.startswith(ARRIVAL_PREFIX))
    return any(parking.things.get(f"{trace}/{what}") is not None for what in arrivals)


def _listed(facts: Sequence[Fact]) -> list[DeliveryOrder]:
    """Return the orders that a flow lists and that have no end."""
    received = next((fact for fact in facts if fact.key == RECEIVED), None)
    return [] if received is None else open_orders(received, {fact.key for fact in facts})


def _trace(stored: StoredRaw) -> str:
    return stored.key.split("/")[1]
