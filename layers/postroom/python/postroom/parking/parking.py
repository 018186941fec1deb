"""Setting messages aside, and putting them back on their way.

The table is the truth (SQS forgets after 14 days); the parked queue only raises the alarm.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.contracts.between_stations import (
    Expansion,
    FactPointer,
    Order,
    ParkedPointer,
    Part,
    RuleCall,
    Station,
    read_bounce,
    read_call,
    read_order,
    read_pointer,
    stored_order,
)
from postroom.contracts.ses import message_id_of, read_notification
from postroom.contracts.stream_failure import read_stream_failure
from postroom.errors import InvalidNotificationError, UnknownEnvelopeError
from postroom.model.facts import Fact, OwnFact
from postroom.ports.transit import ARRIVAL_PREFIX, EXPANSION, MAIL_PREFIX, ORPHAN, Ledger, Parked, Transit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postroom.contracts.stream_failure import StreamBatch
    from postroom.ports.directory import Residents
    from postroom.ports.queues import Arrivals, EventRetries, Onward, ParkedNotices, RuleCalls

NO_ORGANIZATION: Final = "-"
"""Stands where no organization could be made out."""

INGEST: Final = "ingest"
EVENTS: Final = "events"
STREAM: Final = "stream"

NEVER_ANNOUNCED: Final = (
    "SES never announced this message, so nobody knows whom it is for; if SES still does, it goes on by itself,"
    " otherwise it can only be discarded"
)
"""Why an orphan cannot be redriven."""

STREAM_SLACK: Final = 60_000
"""Milliseconds before a failed batch's first arrival at which its facts may have been made: a fact's time is taken
before its transaction. Ours."""


@dataclass(frozen=True, slots=True)
class Parking:
    """Parks, lists, redrives and discards. ``now`` gives milliseconds since the epoch."""

    transit: Transit
    ledger: Ledger
    notices: ParkedNotices
    onward: Onward
    calls: RuleCalls
    arrivals: Arrivals
    event_retries: EventRetries
    now: Callable[[], int]

    def park_order(self, order: Order, cause: str) -> None:
        """Park what a station could not carry out; see ``ports.parking``.

        Who reads a pointer to a rule's call that is parked finds none, and does not come here again.
        """
        body, alone = order.model_dump_json(), isinstance(order, RuleCall)
        self._park(order.trace, order.key, order.organization_id, order.station, body, cause, nobody_repeats=alone)

    def park_arrival(self, body: str, cause: str) -> None:
        """Park a notification as it came; see ``ports.parking``.

        SES may announce one message more than once, each time with other recipients: each is parked for itself.
        """
        trace = f"arrival:{_arrival_name(body)}"
        self._park(trace, f"{ARRIVAL_PREFIX}{_announced(body)}", NO_ORGANIZATION, INGEST, body, cause)

    def give_up(self, entry: Order | Expansion, cause: str) -> None:
        """Park, for the sweep, what it has sent again in vain."""
        if not isinstance(entry, Expansion):
            station: str = entry.station
        else:
            station = Station.RUN_SYNC_RULE if entry.of else INGEST
        body = entry.model_dump_json()
        self._park(entry.trace, entry.key, entry.organization_id, station, body, cause, nobody_repeats=True)

    def park_orphan(self, ses_message_id: str, body: str) -> None:
        """Park, for the sweep, a stored message that nobody told us about: its envelope is unknown."""
        cause = "stored by SES, but no notification of it ever came: its envelope is unknown"
        trace = f"arrival:{ses_message_id}"
        self._park(trace, ORPHAN, NO_ORGANIZATION, INGEST, body, cause, nobody_repeats=True)

    def take_back_orphan(self, orphan: Parked) -> bool:
        """Forget an orphan whose notification came after all; ``False`` if it is not parked any more."""
        return self.transit.discard(orphan, [self._fact(orphan, OwnFact.ANNOUNCED)])

    def park_pointer(self, pointer: FactPointer, cause: str) -> None:
        """Park one fact that could not be written to the organization's event log."""
        self._park(
            pointer.trace, f"event:{pointer.key}", pointer.organization_id, EVENTS, pointer.model_dump_json(), cause
        )

    def park_stream(self, batch: StreamBatch, body: str, cause: str) -> None:
        """Park a run of the ledger's stream that record_events gave up on: which facts those were, a redrive finds."""
        self._park(f"stream:{batch.shard}:{batch.first}", "batch", NO_ORGANIZATION, STREAM, body, cause)

    def list(self) -> Iterator[Parked]:
        """Return everything parked, in no order."""
        return self.transit.all_parked()

    def redrive(self, parked: Parked) -> bool:
        """Put one parked thing back on its way; ``False`` if it is not parked any more.

        A stop between the transaction and the send leaves an open order or expansion, which the sweep sends. Anything
        else is released, sent, and only then taken out, unless its station was faster and has
        parked it anew. Sending twice is harmless, because stations know what they have done.

        Raises:
            TemporaryError: it is still parked, though perhaps sent; call again.
            UnknownEnvelopeError: it is an orphan, and nobody knows whom it is for. It stays parked.
        """
        if parked.key == ORPHAN:
            raise UnknownEnvelopeError(NEVER_ANNOUNCED)
        fact = self._fact(parked, OwnFact.REDRIVEN)
        if parked.in_transit:
            done = self.transit.redrive(parked, fact)
            if done:
                self._send_again(parked)
            return done
        if not self.transit.release(parked):
            return False
        match parked.station:
            case "ingest":
                self.arrivals.send(parked.body)
            case "stream":
                self.event_retries.send(self._facts_of(read_stream_failure(parked.body)))
            case _:
                self.event_retries.send([read_pointer(parked.body)])
        self.transit.redrive(parked, fact)  # refused: tried in vain already, and parked anew
        return True

    def discard(self, parked: Parked) -> bool:
        """Give one parked thing up for good; ``False`` if it is not parked any more."""
        return self.transit.discard(parked, [self._fact(parked, OwnFact.DISCARDED)])

    def _facts_of(self, batch: StreamBatch) -> Iterator[FactPointer]:
        """Point at every fact that may have been in a batch; those around it are projected once more, which is fine."""
        since = int(batch.first_arrival.timestamp() * 1000) - STREAM_SLACK
        until = int(batch.last_arrival.timestamp() * 1000) + 1
        for fact in self.ledger.between(since, until):
            yield FactPointer(
                trace=fact.trace, key=fact.key, organization_id=fact.organization_id, parts=(Part.LOG, Part.BUS)
            )

    def _send_again(self, parked: Parked) -> None:
        if parked.key.startswith(EXPANSION):
            self.expand_again(Expansion.model_validate_json(parked.body))
        else:
            self.onward.send([stored_order(parked.key, parked.body)])

    def expand_again(self, expansion: Expansion) -> None:
        """Have the station that began an expansion go on with it."""
        if expansion.of:
            self.calls.send(read_call(expansion.notification))
        else:
            self.arrivals.send(expansion.notification)

    def _park(
        self,
        trace: str,
        key: str,
        organization_id: str,
        station: str,
        body: str,
        cause: str,
        *,
        nobody_repeats: bool = False,
    ) -> None:
        """Park, then raise the alarm: whoever calls repeats both if it stops in between.

        Where nobody repeats it (the sweep sees only what is not parked yet) the alarm goes first. A stop in between
        leaves an alarm about something that the next sweep parks.
        """
        parkings = sum(
            fact.name is OwnFact.PARKED and fact.data.get("what") == key for fact in self.ledger.facts(trace)
        )
        parked = Parked(trace, key, organization_id, station, cause, self.now(), parkings + 1, body)
        pointer = ParkedPointer(id=parked.id, trace=trace, organization_id=organization_id)
        if nobody_repeats:
            self.notices.send(pointer, cause)
        self.transit.park(parked, self._fact(parked, OwnFact.PARKED))
        if not nobody_repeats and self.transit.parked(parked.id) is not None:
            self.notices.send(pointer, cause)

    def _fact(self, parked: Parked, name: OwnFact) -> Fact:
        return Fact(
            trace=parked.trace,
            organization_id=parked.organization_id,
            name=name,
            key=f"{name}:{parked.key}:{parked.parkings}",
            at=self.now(),
            data={"what": parked.key, "cause": parked.cause, "station": parked.station},
        )


def undeliverable(parked: Parked, residents: Residents) -> str | None:
    """Say why a redrive delivers a parked thing to nobody; ``None`` where it may.

    It may be redriven all the same: its station ends it, and the sender is told where that is allowed.
    """
    organization_id = parked.organization_id
    if organization_id == NO_ORGANIZATION or parked.station in {EVENTS, STREAM}:
        return None
    if not residents.is_active(organization_id):
        return f"its organization, {organization_id}, is deleted"
    if parked.key.startswith(MAIL_PREFIX):
        mailbox_id = parked.key.split(":")[1]
        owner = residents.owner(organization_id, mailbox_id)
        if owner is None or not owner.has_mailbox:
            return f"the owner of its mailbox, {mailbox_id}, is {'gone' if owner is None else 'disabled'}"
    return None


def _arrival_name(body: str) -> str:
    """Name an arrival so that the same one is always parked under the same name: SES's message id, if it has one."""
    try:
        return message_id_of(body)
    except InvalidNotificationError:
        return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _announced(body: str) -> str:
    """Name an announcement among those of one message: by its recipients, else by all of its words."""
    try:
        words = "\0".join(sorted(set(read_notification(body).receipt.recipients)))
    except InvalidNotificationError:
        words = body
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Reads what SQS gave up on: every station's dead-letter queue comes here."""

    parking: Parking

    def accept(self, queue: str, body: str, receives: int) -> None:
        """Park one dead letter.

        Args:
            queue: the dead-letter queue's name or ARN; which station it belonged to is seen from the body.
            receives: how often its station tried, as SQS counts.

        Raises:
            TemporaryError: give it back to the queue.
        """
        cause = f"gave up after {receives} attempts ({queue.rpartition(':')[2]})"
        for read in (self._order, self._bounce, self._call, self._pointer, self._stream):
            if read(body, cause):
                return
        self.parking.park_arrival(body, cause)

    def _order(self, body: str, cause: str) -> bool:
        try:
            order = read_order(body)
        except InvalidNotificationError:
            return False
        self.parking.park_order(order, cause)
        return True

    def _bounce(self, body: str, cause: str) -> bool:
        try:
            order = read_bounce(body)
        except InvalidNotificationError:
            return False
        self.parking.park_order(order, cause)
        return True

    def _call(self, body: str, cause: str) -> bool:
        try:
            pointer = read_call(body)
        except InvalidNotificationError:
            return False
        called = self.parking.transit.called(pointer.trace, pointer.key)
        if called is not None:  # else it is decided, and what follows from it the sweep finds
            self.parking.park_order(called.call, cause)
        return True

    def _pointer(self, body: str, cause: str) -> bool:
        try:
            pointer = read_pointer(body)
        except InvalidNotificationError:
            return False
        self.parking.park_pointer(pointer, cause)
        return True

    def _stream(self, body: str, cause: str) -> bool:
        try:
            batch = read_stream_failure(body)
        except InvalidNotificationError:
            return False
        self.parking.park_stream(batch, body, cause)
        return True
