"""A journal report, or a notice, that was sent and did not arrive (docs/decisions/0055).

SES says so later of what it had taken. Of what an address of the organization was to get, bounce says so: a mailbox may
have been filled, by other reports too, since transmit looked for room in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.contracts.journal_orders import JournalFailure, JournalOrder
from postroom.contracts.ses_events import Bounced, Rejected
from postroom.contracts.stored import RawLocation
from postroom.errors import ConflictError
from postroom.model.facts import RECEIVED, SUBMITTED, EventName, Fact, OwnFact, report_trace
from postroom.model.recipient_names import folded
from postroom.outbound.feedback import Feedback
from postroom.ports.transit import Commit, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from postroom.contracts.ses_events import SesEvent
    from postroom.ports.ledger import Ledger
    from postroom.ports.queues import Queues
    from postroom.ports.transit import Transit

PLAIN: Final = ("inbound/", "transit/")
"""Where messages lie that open without a key: what SES received, and plain copies of submissions."""

_SENT: Final = (EventName.JOURNALING_INITIATED, OwnFact.JOURNAL_NOTICE_SENT)


@dataclass(frozen=True, slots=True)
class JournalFeedback:
    """Records such failures. ``now`` returns milliseconds since the epoch."""

    ledger: Ledger
    transit: Transit
    queues: Queues
    now: Callable[[], int]

    def accept(self, event: SesEvent) -> None:
        """Record an event about a report or notice. Complaints and delays change nothing: SES has the message.

        Raises:
            TemporaryError: give it back to the queue.
        """
        if not isinstance(event.details, Bounced | Rejected):
            return
        mail = event.mail
        of_mail = Fact(mail.trace, mail.organization_id, EventName.OUTGOING_EMAIL_SUBMITTED, SUBMITTED, 0)
        for fact in Feedback(of_mail, event, 0, lambda address: (str(address),)).facts():  # as if it were mail
            said = fact.event["bouncedRecipient"]
            address, status, reason = (str(said[name]) for name in ("emailAddress", "status", "reason"))
            self.refused(mail.trace, mail.organization_id, address, mail.message_id, status, reason)

    def refused(
        self, trace: str, organization_id: str, address: str, message_id: str, status: str, reason: str
    ) -> None:
        """Record that an address does not get what SES had taken, and have the report address told of a report.

        Nothing is recorded about a flow that is not there any more, or of another organization. What is recorded
        already is not recorded again; its order is sent again.

        Args:
            trace: of the flow of the message that the report is about.
            address: as SES names it, in any case.
            message_id: SES's, of what it had taken; it tells the reports of one flow apart.
            status: enhanced status code (RFC 3463).
            reason: one line.

        Raises:
            ConflictError: the report is not recorded as sent yet: come back later.
            StoreUnavailableError: a table did not answer.
        """
        facts = self.ledger.facts(trace)
        if not any(fact.organization_id == organization_id for fact in facts):
            return
        sent = _sent(facts, address, message_id)
        if sent is None:
            raise ConflictError("SES reports what is not recorded as sent")
        self._tell(sent, facts, status, reason)

    def refused_inside(self, opened: Fact, bounced: Fact) -> None:
        """Do the same for a flow that transmit opened, if it has a report or notice, and no mailbox took it.

        Args:
            opened: the fact that opened the flow.
            bounced: INCOMING_EMAIL_BOUNCED of its recipient.

        Raises:
            ConflictError, StoreUnavailableError: as ``refused``.
        """
        trace, said = str(opened.data.get("causedBy", "")), bounced.event["bouncedRecipient"]
        orders = self.transit.open_orders(trace) if trace else ()
        facts = self.ledger.facts(trace) if trace else ()
        sent = next(
            (fact for fact in facts if fact.data.get("reportTrace") == opened.trace and fact.name in _SENT), None
        )
        if sent is not None:
            self._tell(sent, facts, str(said["status"]), str(said["reason"]))
        elif any(isinstance(each, JournalOrder) and report_trace(trace, each.key) == opened.trace for each in orders):
            raise ConflictError("a report failed that is not recorded as sent")

    def _tell(self, sent: Fact, facts: Sequence[Fact], status: str, reason: str) -> None:
        failure = JournalFailure(status=status, reason=reason, at=self.now())
        if sent.name is EventName.JOURNALING_INITIATED:
            self._record(_failed(sent, OwnFact.JOURNALING_FAILED, failure), [_notice(sent, facts, failure)])
        else:
            self._record(_failed(sent, OwnFact.JOURNAL_NOTICE_FAILED, failure), [])

    def _record(self, failed: Fact, orders: Sequence[JournalOrder]) -> None:
        if self.transit.commit(Commit(facts=[failed], orders=orders)) is Outcome.DONE:
            self.queues.send(orders)
        else:
            keys = {order.key for order in orders}
            self.queues.send(each for each in self.transit.open_orders(failed.trace) if each.key in keys)


def _sent(facts: Sequence[Fact], address: str, message_id: str) -> Fact | None:
    """Return the fact that a report or notice was sent: by SES's id, else by its address.

    Another server's report may name an address of its own. Of what was sent twice, one id is not known.
    """
    sent = [fact for fact in facts if fact.name in _SENT]
    by_id = [fact for fact in sent if fact.data.get("sesMessageId") == message_id]
    meant = folded(address)
    return next(iter(by_id or (fact for fact in sent if folded(str(fact.data["address"])) == meant)), None)


def _failed(sent: Fact, name: OwnFact, failure: JournalFailure) -> Fact:
    part = str(sent.data.get("part", ""))
    data = {"address": sent.data["address"], "reason": failure.reason, "status": failure.status}
    data |= {"part": part} if part else {}
    return Fact(sent.trace, sent.organization_id, name, f"{name}{part}", failure.at, data=data)


def _notice(sent: Fact, facts: Sequence[Fact], failure: JournalFailure) -> JournalOrder:
    """Return the order to tell the report address. The report can be made again where the message has a plain copy."""
    part = str(sent.data.get("part", ""))
    opened = next((fact for fact in facts if fact.key in {SUBMITTED, f"{RECEIVED}{part}"}), None)
    known = opened.data if opened else {}
    recipients = tuple(map(str, opened.event["recipients"])) if opened else ()
    raw = RawLocation(**known["raw"]) if "raw" in known else None
    return JournalOrder(
        trace=sent.trace,
        organization_id=sent.organization_id,
        part=part,
        address=str(sent.data["address"]),
        report_address=str(sent.data["reportAddress"]),
        author=str(sent.data["author"]),
        submitted=opened is not None and opened.key == SUBMITTED,
        envelope_from=str(known.get("envelopeFrom", "")),
        recipients=recipients,
        domains=tuple(sorted({each.rpartition("@")[2] for each in recipients})),
        raw=raw if raw is not None and raw.key.startswith(PLAIN) else None,
        size=int(known.get("size", 0)),
        since=failure.at,
        failure=failure,
    )
