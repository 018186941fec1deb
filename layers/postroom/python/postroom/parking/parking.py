"""Setting messages aside, and putting them back on their way.

The table is the truth (SQS forgets after 14 days); the parked queue only raises the alarm.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.contracts.expansions import Expansion
from postroom.contracts.orders import CallPointer, Order, RuleCall, order_of
from postroom.contracts.pointers import Announcement, FactPointer, ParkedPointer, Part
from postroom.contracts.ses import message_id_of, read_notification
from postroom.contracts.stream_failure import read_stream_failure
from postroom.errors import InvalidNotificationError, UnknownEnvelopeError
from postroom.model.addresses import Address
from postroom.model.facts import RECEIVED, EventName, OwnFact, trace_of
from postroom.ports.parked import ARRIVAL_PREFIX, FACT_PREFIX, ORPHAN, STREAM_BATCH, Parked
from postroom.ports.transit import EXPANSION, MAIL_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postroom.contracts.stream_failure import StreamBatch
    from postroom.ports.directory import MailboxOwners
    from postroom.ports.ledger import Ledger
    from postroom.ports.organizations import Organizations
    from postroom.ports.parked import ParkedThings
    from postroom.ports.queues import ParkedNotices, Queues
    from postroom.ports.transit import Transit

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
    """Parks, lists, redrives and discards. ``now`` gives milliseconds since the epoch.

    ``organizations`` is ``None`` in a function that reads no notifications and does not know the directory.
    """

    transit: Transit
    things: ParkedThings
    ledger: Ledger
    notices: ParkedNotices
    queues: Queues
    now: Callable[[], int]
    organizations: Organizations | None = None

    def park_order(self, order: Order, cause: str) -> None:
        """Park what a station could not carry out; see ``ports.parking``.

        Who reads a pointer to a rule's call that is parked finds none, and does not come here again.
        """
        body, alone = order.model_dump_json(), isinstance(order, RuleCall)
        self._park(order.trace, order.key, order.organization_id, order.station, body, cause, nobody_repeats=alone)

    def park_call(self, pointer: CallPointer, cause: str) -> None:
        """Park a rule's call; of one that is decided, the expansion that was not finished, if there is one."""
        found = self.transit.open_call(pointer.trace, pointer.key)
        if found is not None:
            self.park_order(found.call, cause)
            return
        self._park_expansion(pointer.trace, f"{EXPANSION}:{pointer.key}", "run_sync_rule", cause)
        self.queues.send(self.transit.open_orders(pointer.trace))

    def park_arrival(self, body: str, cause: str) -> None:
        """Park what of a notification is not on its way; see ``ports.parking``.

        In each organization that has a flow of the message, an expansion that is not finished is parked in that flow,
        and the flow's open orders are sent: they are decided. Where that covers all recipients of the notification,
        nothing else is parked. Otherwise the notification is parked as it came, for those that are in no flow; its
        redrive takes up the flows, too. SES may announce one message more than once, each time with other recipients:
        each is parked for itself.
        """
        if self._park_in_flows(body, cause):
            return
        trace = f"arrival:{_arrival_name(body)}"
        self._park(trace, f"{ARRIVAL_PREFIX}{_announced(body)}", NO_ORGANIZATION, INGEST, body, cause)

    def give_up(self, entry: Order | Expansion, cause: str) -> None:
        """Park, for the sweep, what it has sent again in vain."""
        if not isinstance(entry, Expansion):
            station: str = entry.station
        else:
            station = "run_sync_rule" if entry.of else INGEST
        body = entry.model_dump_json()
        self._park(entry.trace, entry.key, entry.organization_id, station, body, cause, nobody_repeats=True)

    def park_orphan(self, ses_message_id: str, body: str) -> None:
        """Park, for the sweep, a stored message that nobody told us about: its envelope is unknown."""
        cause = "stored by SES, but no notification of it ever came: its envelope is unknown"
        trace = f"arrival:{ses_message_id}"
        self._park(trace, ORPHAN, NO_ORGANIZATION, INGEST, body, cause, nobody_repeats=True)

    def take_back_orphan(self, orphan: Parked) -> bool:
        """Forget an orphan whose notification came after all; ``False`` if it is not parked any more."""
        return self.things.discard(orphan, [orphan.fact(OwnFact.ANNOUNCED, self.now())])

    def park_pointer(self, pointer: FactPointer, cause: str) -> None:
        """Park one fact that could not be written to the organization's event log."""
        key, body = f"{FACT_PREFIX}{pointer.key}", pointer.model_dump_json()
        self._park(pointer.trace, key, pointer.organization_id, EVENTS, body, cause)

    def park_stream(self, batch: StreamBatch, body: str, cause: str) -> None:
        """Park a run of the ledger's stream that record_events gave up on: which facts those were, a redrive finds."""
        self._park(f"stream:{batch.shard}:{batch.first}", STREAM_BATCH, NO_ORGANIZATION, STREAM, body, cause)

    def list(self) -> Iterator[Parked]:
        """Return everything parked, in no order."""
        return self.things.list()

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
        fact = parked.fact(OwnFact.REDRIVEN, self.now())
        if parked.in_transit:
            done = self.things.redrive(parked, fact)
            if done:
                self._send_again(parked)
            return done
        if not self.things.release(parked):
            return False
        match parked.station:
            case "ingest":
                self.queues.send([Announcement(parked.body)])
            case "stream":
                self.queues.send(self._facts_of(read_stream_failure(parked.body)))
            case _:
                self.queues.send([FactPointer.read(parked.body)])
        self.things.redrive(parked, fact)  # refused: tried in vain already, and parked anew
        return True

    def discard(self, parked: Parked) -> bool:
        """Give one parked thing up for good; ``False`` if it is not parked any more."""
        return self.things.discard(parked, [parked.fact(OwnFact.DISCARDED, self.now())])

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
            self.queues.send([order_of(json.loads(parked.body))])

    def expand_again(self, expansion: Expansion) -> None:
        """Have the station that began an expansion go on with it."""
        if expansion.of:
            self.queues.send([CallPointer.read(expansion.notification)])
        else:
            self.queues.send([Announcement(expansion.notification)])

    def _park_in_flows(self, body: str, cause: str) -> bool:
        """Park and send what a notification's flows hold; say whether each of its recipients is in one of them."""
        try:
            notification = read_notification(body)
        except InvalidNotificationError:
            return False
        missing = set(map(_recipient, notification.receipt.recipients))
        for organization_id in self.organizations.ids() if self.organizations else ():
            trace = trace_of(notification.mail.message_id, organization_id)
            if self.ledger.fact(trace, RECEIVED) is None:
                continue
            for fact in self.ledger.facts(trace):
                if fact.name is EventName.ORGANIZATION_EMAIL_RECEIVED:
                    missing -= set(fact.event["recipients"])
            self._park_expansion(trace, EXPANSION, INGEST, cause)
            self.queues.send(self.transit.open_orders(trace))
        return not missing

    def _park_expansion(self, trace: str, key: str, station: str, cause: str) -> None:
        """Park an expansion where one is open; where it is parked, perhaps short of the alarm, raise that again."""
        expansion = self.transit.expansion(trace, key)
        if expansion is not None:
            self._park(trace, key, expansion.organization_id, station, expansion.model_dump_json(), cause)
        elif (parked := self.things.get(f"{trace}/{key}")) is not None:
            self.notices.send(_pointer(parked), parked.cause)

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
        if nobody_repeats:
            self.notices.send(_pointer(parked), cause)
        self.things.park(parked, parked.fact(OwnFact.PARKED, self.now()))
        if not nobody_repeats and self.things.get(parked.id) is not None:
            self.notices.send(_pointer(parked), cause)


def undeliverable(parked: Parked, owners: MailboxOwners) -> str | None:
    """Say why a redrive cannot deliver a parked thing; ``None`` where it may.

    It may be redriven all the same: its station ends it, and the sender is told where that is allowed.
    """
    organization_id = parked.organization_id
    if organization_id == NO_ORGANIZATION or parked.station in {EVENTS, STREAM}:
        return None
    if not owners.is_active(organization_id):
        return f"its organization, {organization_id}, is deleted"
    if parked.key.startswith(MAIL_PREFIX):
        mailbox_id = parked.key.split(":")[1]
        owner = owners.owner(organization_id, mailbox_id)
        if owner is None or not owner.has_mailbox:
            return f"the owner of its mailbox, {mailbox_id}, is {'gone' if owner is None else 'disabled'}"
    return None


def _pointer(parked: Parked) -> ParkedPointer:
    return ParkedPointer(id=parked.id, trace=parked.trace, organization_id=parked.organization_id)


def _recipient(recipient: str) -> str:
    """Return an envelope recipient as a flow's RECEIVED fact has it."""
    address = Address.parse(recipient)
    return str(address) if address is not None else recipient


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
