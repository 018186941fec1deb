"""Parks things with their cause, and discards them.

The table is the truth: SQS forgets after 14 days. The sweep counts what is parked, for the alarm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.contracts.expansions import Expansion
from postroom.contracts.order_list import in_row
from postroom.contracts.orders import DeliveryOrder
from postroom.model.facts import OwnFact
from postroom.ports.parked import AUDIT_RECORDS, FACT_PREFIX, FEEDBACK_PREFIX, ORPHAN, STREAM_BATCH, Parked
from postroom.routing.listed import store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postroom.contracts.audit_messages import AuditRecords
    from postroom.contracts.orders import Order
    from postroom.contracts.pointers import FactPointer
    from postroom.contracts.ses_events import SesEvent
    from postroom.contracts.stream_failure import StreamBatch
    from postroom.ports.ledger import Ledger
    from postroom.ports.parked import ParkedThings
    from postroom.ports.transit import Transit

NO_ORGANIZATION: Final = "-"
"""Organization of a parked thing that belongs to none that is known."""

ARRIVAL: Final = "arrival:"
"""Prefix of the traces of messages that are in no flow, before SES's message id."""

INGEST: Final = "ingest"
EVENTS: Final = "events"
STREAM: Final = "stream"
FEEDBACK: Final = "record_feedback"


@dataclass(frozen=True)
class Parking:
    """Parks, lists and discards; sends to no station. ``now`` gives milliseconds since the epoch."""

    things: ParkedThings
    ledger: Ledger
    transit: Transit
    now: Callable[[], int]

    def park_order(self, order: Order, cause: str) -> None:
        """Park what a station could not carry out; see ``ports.parking``.

        A listed order gets its row first. A stop in between leaves an open row, and the order comes again.
        """
        if isinstance(order, DeliveryOrder) and order.listed:
            store(order, self.transit, self.now())
            order = in_row(order)
        self.park(order.trace, order.key, order.organization_id, order.station, order.model_dump_json(), cause)

    def give_up(self, entry: Order | Expansion, cause: str) -> None:
        """Park, for the sweep, what it has sent again in vain."""
        body = entry.model_dump_json()
        self.park(entry.trace, entry.key, entry.organization_id, station_of(entry), body, cause)

    def park_orphan(self, ses_message_id: str, body: str) -> None:
        """Park, for the sweep, a stored message without a notification: its envelope is unknown."""
        cause = "stored by SES, but no notification of it ever came: its envelope is unknown"
        trace = f"{ARRIVAL}{ses_message_id}"
        self.park(trace, ORPHAN, NO_ORGANIZATION, INGEST, body, cause)

    def take_back_orphan(self, orphan: Parked) -> bool:
        """Forget an orphan whose notification came after all; ``False`` if it is not parked any more."""
        return self.things.discard(orphan, [orphan.fact(OwnFact.ANNOUNCED, self.now())])

    def park_pointer(self, pointer: FactPointer, cause: str) -> None:
        """Park one fact that could not be written to the organization's event log."""
        key, body = f"{FACT_PREFIX}{pointer.key}", pointer.model_dump_json()
        self.park(pointer.trace, key, pointer.organization_id, EVENTS, body, cause)

    def park_audit(self, message: AuditRecords, cause: str) -> None:
        """Park audit records that could not be written; the row has the records, so that a redrive writes them."""
        organization_id = message.organization_id or NO_ORGANIZATION
        self.park(message.trace, AUDIT_RECORDS, organization_id, message.station, message.message, cause)

    def park_feedback(self, event: SesEvent, body: str, cause: str) -> None:
        """Park an event of SES about a message that was sent, in the message's flow."""
        mail = event.mail
        trace = mail.trace or f"feedback:{mail.message_id}"
        key = f"{FEEDBACK_PREFIX}{event.event_type}:{mail.message_id}"
        self.park(trace, key, mail.organization_id or NO_ORGANIZATION, FEEDBACK, body, cause)

    def park_stream(self, batch: StreamBatch, body: str, cause: str) -> None:
        """Park a run of the ledger's stream that record_events gave up on: which facts those were, a redrive finds."""
        self.park(f"stream:{batch.shard}:{batch.first}", STREAM_BATCH, NO_ORGANIZATION, STREAM, body, cause)

    def list(self) -> Iterator[Parked]:
        """Return everything parked, in no order."""
        return self.things.list()

    def discard(self, parked: Parked) -> bool:
        """Give one parked thing up for good; ``False`` if it is not parked any more."""
        return self.things.discard(parked, [parked.fact(OwnFact.DISCARDED, self.now())])

    def park(
        self,
        trace: str,
        key: str,
        organization_id: str,
        station: str,
        body: str,
        cause: str,
    ) -> None:
        """Park something. Parking it again changes nothing.

        Args:
            trace: of the flow, or of what is no flow.
            key: name within the trace.
            organization_id: ``NO_ORGANIZATION`` if it is unknown.
            station: the station that a redrive sends it to.
            body: what the station gets.
            cause: one line, no content of a message.
        """
        parkings = sum(
            fact.name is OwnFact.PARKED and fact.data.get("what") == key for fact in self.ledger.facts(trace)
        )
        parked = Parked(trace, key, organization_id, station, cause, self.now(), parkings + 1, body)
        self.things.park(parked, parked.fact(OwnFact.PARKED, self.now()))


def station_of(entry: Order | Expansion) -> str:
    """Return the station whose queue has the message of an open entry."""
    if isinstance(entry, Expansion):
        return "run_sync_rule" if entry.of else INGEST
    return entry.station
