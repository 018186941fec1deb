"""Orders to report a message to the journal, and to tell that a report failed (docs/decisions/0055).

A report is made from the message at each attempt, so that nothing of it is kept. It leaves by SES; to an address of the
organization itself it takes an inbound flow, to which no rules are applied and which is not reported. A report that
fails ends with JOURNALING_FAILED, and a notice to the report address has it: what the archive lost is not lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postroom.contracts.event_log import JournalingInitiated
from postroom.contracts.journal_orders import JournalFailure, JournalOrder
from postroom.contracts.ses_events import JOURNAL
from postroom.errors import MessageNotFoundError
from postroom.model.facts import EventName, Fact, OwnFact, report_trace
from postroom.outbound.journal_notice import journal_notice
from postroom.outbound.journal_report import journal_report
from postroom.submission.prepare import without_bcc

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from postroom.contracts.stored import Order
    from postroom.model.transmissions import Answer
    from postroom.outbound.inside import OwnAddresses
    from postroom.ports.directory import Addressees
    from postroom.ports.raw_mail import RawMail


@dataclass(frozen=True, slots=True)
class JournalCarried:
    """Implements ``Carried``, for a report or the notice of its failure."""

    order: JournalOrder
    raw: RawMail
    directory: Addressees
    own: OwnAddresses

    @property
    def name(self) -> str:
        """The order's key: no other order has it."""
        return self.order.key

    @property
    def gateway_id(self) -> str:
        """Reports leave by SES alone: no rule is applied to them (ours)."""
        return ""

    @property
    def envelope_from(self) -> str:
        """The null sender, as Exchange's reports have it: what SES reports of them comes by its events."""
        return ""

    @property
    def purpose(self) -> str:
        """Its flow is that of the message that it is about."""
        return JOURNAL

    @property
    def since(self) -> int:
        """Of the order."""
        return self.order.since

    def left(self, recorded: Collection[str]) -> Sequence[str]:
        """It has one recipient, which one fact ends."""
        return tuple(each for each, key in self.order.ends.items() if key not in recorded)

    def content(self) -> bytes:
        """Return the report, or the notice; a notice has no report where the message is gone."""
        if self.order.failure is None:
            return self._report()
        try:
            report = self._report() if self.order.raw is not None else b""
        except MessageNotFoundError:
            report = b""
        return journal_notice(self.order, self.order.failure, report)

    def inside(self, content: bytes, now: int) -> Answer | None:
        """Deliver to an address of the organization; ``None`` if it is none."""
        return self.own.deliver(self.order, content, now)

    def sent(self, recipient: str, answer: Answer, now: int) -> Fact:
        """JOURNALING_INITIATED, or JOURNAL_NOTICE_SENT."""
        data = self._data(recipient) | self._where(answer)
        if self.order.failure is not None:
            return self._fact(OwnFact.JOURNAL_NOTICE_SENT, now, {}, data)
        event = JournalingInitiated(journaling_address=recipient)
        return self._fact(EventName.JOURNALING_INITIATED, now, event.fields(), data)

    def refused(self, recipient: str, answer: Answer, now: int) -> Fact:
        """JOURNALING_FAILED, or JOURNAL_NOTICE_FAILED, with the other side's answer."""
        name = OwnFact.JOURNALING_FAILED if self.order.failure is None else OwnFact.JOURNAL_NOTICE_FAILED
        data = self._data(recipient) | {"reason": answer.diagnostic, "status": answer.status}
        return self._fact(name, now, {}, data)

    def reports(self, answers: Mapping[str, Answer], now: int) -> Sequence[Order]:
        """Return the order of the notice; of a notice that fails nothing is told."""
        if self.order.failure is not None:
            return []
        (answer,) = answers.values()
        failure = JournalFailure(status=answer.status, reason=answer.diagnostic, at=now)
        return [self.order.model_copy(update={"failure": failure, "since": now})]

    def is_report(self, order: Order) -> bool:
        """The order of the notice."""
        is_notice = isinstance(order, JournalOrder) and order.failure is not None and order.part == self.order.part
        return is_notice and self.order.failure is None

    def late(self, answers: Mapping[str, Answer], now: int, until: int) -> tuple[Sequence[Fact], Sequence[Order]]:  # noqa: ARG002
        """Nothing is told of a delay: there is one notice, at the end."""
        return [], []

    def _report(self) -> bytes:
        if self.order.raw is None:
            raise MessageNotFoundError("the order has no message")
        content = self.raw.read(self.order.raw)
        original = without_bcc(content) if self.order.submitted else content
        return journal_report(self.order, original, self.directory)

    def _data(self, recipient: str) -> dict[str, Any]:
        """Return what the fact needs, so that a later failure can be told."""
        order = self.order
        found = {"address": recipient, "part": order.part}
        if order.failure is None:
            found |= {"reportAddress": order.report_address, "author": order.author}
        return {name: value for name, value in found.items() if value}

    def _where(self, answer: Answer) -> dict[str, Any]:
        """Return SES's id of what it took, or the flow that has it: its bytes stay as long as that needs them."""
        if answer.message_id:
            return {"sesMessageId": answer.message_id}
        return {"reportTrace": report_trace(self.order.trace, self.order.key)}

    def _fact(self, name: EventName | OwnFact, now: int, event: Mapping[str, Any], data: Mapping[str, Any]) -> Fact:
        return Fact(self.order.trace, self.order.organization_id, name, self.order.end_key, now, event, data)
