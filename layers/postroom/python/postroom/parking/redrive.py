"""Redrive: puts parked things back on their way."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.contracts.audit_messages import AuditRecords
from postroom.contracts.audit_sending import RETRY, WRITE
from postroom.contracts.expansions import Expansion
from postroom.contracts.export_orders import ENDING, ExportOrder, end_order
from postroom.contracts.import_orders import Importing, ImportOrder, end_of_import
from postroom.contracts.messages import read_message
from postroom.contracts.orders import CallPointer, Order, order_of
from postroom.contracts.pointers import Announcement, FactPointer, Part
from postroom.contracts.ses import Notification
from postroom.contracts.ses_events import EventMessage, SesEvent
from postroom.contracts.stream_failure import StreamBatch, read_stream_failure
from postroom.errors import InvalidNotificationError, NewerFormError, UnknownEnvelopeError
from postroom.model.exports import EXPORT_PREFIX
from postroom.model.facts import OwnFact
from postroom.model.imports import IMPORT_PREFIX
from postroom.parking.parking import EVENTS, FEEDBACK, NO_ORGANIZATION, STREAM, Parking
from postroom.ports.parked import ORPHAN
from postroom.ports.transit import EXPANSION, MAIL_PREFIX, Commit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.ports.directory import MailboxOwners
    from postroom.ports.parked import Parked
    from postroom.ports.queues import Queues

AUDIT: Final = frozenset({WRITE, RETRY})
"""Stations of audit records."""

NO_NOTIFICATION: Final = (
    "SES sent no notification of this message, so its recipients are unknown; if one still comes, the message"
    " goes on by itself, otherwise it can only be discarded"
)
"""Why an orphan cannot be redriven."""

STREAM_SLACK_MS: Final = 60_000
"""Milliseconds before a failed batch's first arrival at which its facts may have been made: a fact's time is taken
before its transaction. Ours."""


@dataclass(frozen=True)
class Redriving(Parking):
    """Parking for an operator: redrives, too. ``queues`` has those of all stations."""

    queues: Queues

    def redrive(self, parked: Parked) -> bool:
        """Put one parked thing back on its way; ``False`` if it is not parked any more.

        A stop between the transaction and the send leaves an open order or expansion, which the sweep sends. Anything
        else is released, sent, and only then taken out, unless its station was faster and has
        parked it anew. Sending twice is harmless, because stations know what they have done.

        Raises:
            TemporaryError: it is still parked, though perhaps sent; call again.
            UnknownEnvelopeError: it is an orphan, and its recipients are unknown. It stays parked.
            NewerFormError: a newer version parked it, in a form that this version cannot read. It stays parked.
        """
        if parked.key == ORPHAN:
            raise UnknownEnvelopeError(NO_NOTIFICATION)
        fact = parked.fact(OwnFact.REDRIVEN, self.now())
        if parked.in_transit:
            entry = _entry_of(parked)
            done = self.things.redrive(parked, fact)
            if done:
                send_again(self.queues, entry)
            return done
        if not self.things.release(parked):
            return False
        match parked.station:
            case "ingest":
                self.queues.send([_arrival(parked.body)])
            case "stream":
                self.queues.send(self._facts_of(read_stream_failure(parked.body)))
            case "record_feedback":
                self.queues.send([EventMessage(parked.body)])
            case station if station in AUDIT:
                self.queues.send([AuditRecords.read(parked.body)])
            case _:
                self.queues.send([FactPointer.read(parked.body)])
        self.things.redrive(parked, fact)  # refused: tried in vain already, and parked anew
        return True

    def discard(self, parked: Parked) -> bool:
        """Give one parked thing up for good; ``False`` if it is not parked any more.

        An export or import goes on with none of its orders missing, so that its job ends with it: the order that ends
        the job is there before the parked one goes.
        """
        ending = _end_of_job(parked)
        if ending is not None and self.things.get(parked.id) is not None:
            self.transit.commit(Commit(orders=[ending]))
        done = super().discard(parked)
        if ending is not None:
            self.queues.send([ending])
        return done

    def _facts_of(self, batch: StreamBatch) -> Iterator[FactPointer]:
        """Point at every fact that may have been in a batch; those around it are projected once more, which is fine."""
        since = int(batch.first_arrival.timestamp() * 1000) - STREAM_SLACK_MS
        until = int(batch.last_arrival.timestamp() * 1000) + 1
        for fact in self.ledger.between(since, until):
            yield FactPointer(trace=fact.trace, key=fact.key, organization_id=fact.organization_id, parts=tuple(Part))


def _entry_of(parked: Parked) -> Order | Expansion:
    """Return the order or expansion that is parked.

    Raises:
        NewerFormError: this version cannot read it.
    """
    try:
        if parked.key.startswith(EXPANSION):
            return Expansion.model_validate_json(parked.body)
        return order_of(json.loads(parked.body))
    except (KeyError, TypeError, ValueError) as error:
        raise NewerFormError(f"{parked.id} has a form that this version cannot read; it stays parked") from error


def _arrival(body: str) -> Announcement | EventMessage | Order | CallPointer | FactPointer | AuditRecords:
    """Return what was parked as it came: a station's own message, if the version that parked it could not read it."""
    try:
        message = read_message(body)
    except InvalidNotificationError:
        return Announcement(body)
    if isinstance(message, SesEvent):
        return EventMessage(body)
    return Announcement(body) if isinstance(message, Notification | StreamBatch) else message


def _end_of_job(parked: Parked) -> Order | None:
    """Return the order that ends the job of a parked order of an export or import; ``None`` for anything else."""
    if not parked.trace.startswith((EXPORT_PREFIX, IMPORT_PREFIX)) or not parked.in_transit:
        return None
    order = _entry_of(parked)
    if isinstance(order, ImportOrder) and order.kind is Importing.IMPORT:
        return end_of_import(order.trace, order.organization_id, order.job_id, parked.cause)
    if not isinstance(order, ExportOrder) or order.key == ENDING:
        return None
    return end_order(order.trace, order.organization_id, order.job_id, parked.cause)


def send_again(queues: Queues, entry: Order | Expansion) -> None:
    """Send an open entry to its station; an expansion goes on at the station that began it."""
    if not isinstance(entry, Expansion):
        queues.send([entry])
    elif entry.of:
        queues.send([CallPointer.read(entry.notification)])
    else:
        queues.send([Announcement(entry.notification)])


def undeliverable(parked: Parked, owners: MailboxOwners) -> str | None:
    """Say why a redrive cannot deliver a parked thing; ``None`` where it may.

    It may be redriven all the same: its station ends it, and the sender is told where that is allowed.
    """
    organization_id = parked.organization_id
    if organization_id == NO_ORGANIZATION or parked.station in {EVENTS, STREAM, FEEDBACK, *AUDIT}:
        return None
    if not owners.is_active(organization_id):
        return f"its organization, {organization_id}, is deleted"
    if parked.key.startswith(MAIL_PREFIX):
        mailbox_id = parked.key.split(":")[1]
        owner = owners.owner(organization_id, mailbox_id)
        if owner is None or not owner.has_mailbox:
            return f"the owner of its mailbox, {mailbox_id}, is {'gone' if owner is None else 'disabled'}"
    return None
