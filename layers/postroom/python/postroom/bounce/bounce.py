"""The station: one bounce message names the recipients that did not get a message (docs/decisions/0009).

Recipients fail at different times, each in a transaction that leaves a bounce order. The flow's first order acts for
all: it waits until nothing of the flow is under way, then one message names all recipients that failed. A sender
outside gets it by SES: ``effects.once`` sends it once, and says which stop may repeat it. A user of the organization
gets it into the mailbox (``mailbox_reports``), and is told of delays, too. Of a journal report that no mailbox of the
organization took, the report address is told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from postroom.bounce import decide
from postroom.bounce.caps import Caps
from postroom.bounce.history import BounceHistory
from postroom.bounce.mailbox_reports import MailboxReports
from postroom.bounce.report import delivery_report
from postroom.bounce.wording import explanation
from postroom.contracts.orders import BounceOrder, RawLocation
from postroom.effects.once import Progress, Report, Result
from postroom.errors import PermanentError, UnwritableAddressError
from postroom.mime.automatic import writable
from postroom.mime.headers import Headers, read_headers
from postroom.model.bounces import Bounce
from postroom.model.facts import SUBMITTED, OwnFact
from postroom.model.limits import HOUR_MS
from postroom.ports.bounces import ANSWERABLE_HOURS, MAX_ANSWERED
from postroom.ports.transit import Commit, Outcome, OverLimit, SettleIfThere

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from postroom.effects.once import Effect, Once
    from postroom.model.facts import Fact
    from postroom.ports.bounces import BounceSender
    from postroom.ports.directory import MailboxOwners
    from postroom.ports.ledger import Ledger
    from postroom.ports.parking import OrderParking
    from postroom.ports.queues import Queues
    from postroom.ports.raw_mail import RawMail
    from postroom.ports.transit import Allowance, Transit

ANSWER_MARGIN_MS: Final = HOUR_MS
"""How much earlier than SES's limit SendBounce is not used any more: SES's clock counts. Ours."""

NOTHING_NEW: Final = (
    "the sender knows of these recipients already, or did not write to them, or a group reached others of its members"
)

LOOK_AGAIN_S: Final = 30
"""Seconds until an order is looked at again. Ours."""

WAIT_FOR_OTHERS_MS: Final = 15 * 60_000
"""Milliseconds for which a bounce waits for the flow's other recipients to become final. Ours."""


class JournalReports(Protocol):
    """What it needs of ``outbound.journal_feedback.JournalFeedback``."""

    def refused_inside(self, opened: Fact, bounced: Fact) -> None:
        """See ``JournalFeedback``."""


@dataclass(frozen=True, slots=True)
class Bouncer:
    """Sends bounce messages. ``now`` gives milliseconds since the epoch."""

    owners: MailboxOwners
    transit: Transit
    once: Once
    ledger: Ledger
    raw: RawMail
    sender: BounceSender
    journal: JournalReports
    queues: Queues
    parking: OrderParking
    now: Callable[[], int]
    caps: Caps = field(default_factory=Caps)
    look_again_s: int = LOOK_AGAIN_S
    wait_for_others_ms: int = WAIT_FOR_OTHERS_MS

    def accept(self, body: str) -> None:
        """Carry out one order: a bounce message, a fact why there is none, another look later, or a parked order.

        Orders of an organization that is deleted, or being deleted, are not parked: a bounce message that cannot be
        sent ends with a fact.

        Args:
            body: the SQS message's body.

        Raises:
            TemporaryError: give it back to the queue.
            InvalidNotificationError: it is no order; after some attempts park reads it.
        """
        order = BounceOrder.read(body)
        try:
            self._look_at(order)
        except PermanentError as error:
            if self.owners.is_active(order.organization_id):
                self.parking.park_order(order, error.cause)
            else:
                self._give_up(order, error.cause)

    def _give_up(self, order: BounceOrder, cause: str) -> None:
        """End an order of a deleted organization, which is not tried again."""
        history = BounceHistory.of(self.ledger.facts(order.trace))
        if history.unfinished is not None:
            self.once.record(history.unfinished, _given_up(cause), [order])
        else:
            self._end([order], [history.suppressed(cause, self.now())] if history.failures else [])

    def _look_at(self, order: BounceOrder) -> None:
        orders, others = self._under_way(order.trace)
        if not orders:  # carried out or parked
            self._reports.take_up(order.trace)
            return
        if orders[0].key != order.key:
            return  # another order is the first
        if (others and self._waits(order)) or not self._settle(orders):
            self.queues.send([order], delay_s=self.look_again_s)
            return
        late, _ = self._under_way(order.trace)
        if late:  # it came meanwhile, found that it was not the first, and is not sent by itself again
            self.queues.send(late[:1], delay_s=self.look_again_s)

    def _waits(self, order: BounceOrder) -> bool:
        """Say whether to wait for others: of a delay until the next look, since all that waits is late at one time."""
        longest_ms = self.look_again_s * 1000 if order.is_delay else self.wait_for_others_ms
        return self.now() - order.since < longest_ms

    def _under_way(self, trace: str) -> tuple[list[BounceOrder], bool]:
        """Return a flow's bounce orders, and whether anything else of it is open."""
        orders, others = [], False
        for one in self.transit.under_way(trace):
            if isinstance(one, BounceOrder):
                orders.append(one)
            else:
                others = True
        return orders, others

    def _settle(self, orders: Sequence[BounceOrder]) -> bool:
        """Do what the flow's facts call for; ``False``: another run does it, look again."""
        history = BounceHistory.of(self.ledger.facts(orders[0].trace))
        submitted = self._submitted(history.opened)
        if submitted is not None:
            return self._reports.settle(orders, history, submitted)
        if history.unfinished is not None:  # recipients that failed since then get another message
            return self._tell(history, history.unfinished, [] if history.failures else orders) is Progress.ENDED
        if not history.failures:
            return self._end(orders, [])
        failures = history.to_name
        if failures and _is_our_own(history.opened):
            self.journal.refused_inside(history.opened, failures[0])
        reason = self._why_suppressed(history) if failures else NOTHING_NEW
        if reason is None:
            allowed = self.caps.allowances(history.opened, self.now())
            progress = self._tell(history, history.message(failures, self.now()), orders, list(allowed))
            if not isinstance(progress, OverLimit):
                return progress is Progress.ENDED
            reason = allowed[progress.allowance]
        return self._end(orders, [history.suppressed(reason, self.now())])

    @property
    def _reports(self) -> MailboxReports:
        return MailboxReports(self.owners, self.transit, self.ledger, self.raw, self.queues, self.now)

    def _submitted(self, opened: Fact) -> Fact | None:
        """Return the fact that a message was submitted, if its sender is a user; ``None``: it came from outside.

        Recipients inside have an inbound flow, which no notification of SES opened.
        """
        if opened.key == SUBMITTED:
            return opened
        if "sesMessageId" in opened.data or not opened.data["envelopeFrom"]:
            return None
        return self.ledger.fact(str(opened.data["causedBy"]), SUBMITTED)

    def _end(self, orders: Sequence[BounceOrder], facts: Sequence[Fact]) -> bool:
        """End orders with the facts that say how; ``False``: one of the facts was recorded before."""
        return self.transit.commit(Commit(list(map(SettleIfThere, orders)), facts)) is Outcome.DONE

    def _why_suppressed(self, history: BounceHistory) -> str | None:
        by_envelope = decide.suppressed_by_envelope(history.opened, spam=history.is_spam)
        if by_envelope is not None:
            return by_envelope
        return decide.suppressed_by_headers(history.opened, self._headers(history.opened))

    def _tell(
        self,
        history: BounceHistory,
        effect: Effect,
        orders: Sequence[BounceOrder],
        allowances: Sequence[Allowance] = (),
    ) -> Progress | OverLimit:
        """Send the bounce message, once; the orders end with it."""

        def send() -> Report:
            try:
                means, message_id = self._send(history, effect.intent)
            except UnwritableAddressError as error:
                return _given_up(error.cause)
            return Report(Result.SUCCESS, OwnFact.BOUNCE_SENT, {"means": means, "bounceMessageId": message_id})

        return self.once.carry_out(effect, send, orders=orders, allowances=allowances)

    def _send(self, history: BounceHistory, intent: Fact) -> tuple[str, str]:
        """Send one bounce message; return how it was sent, and SES's id for it."""
        received, failures = history.opened, history.named_by(intent)
        domain = failures[0].address.rpartition("@")[2]
        bounce = Bounce(
            name=f"{received.trace}-{intent.key.partition(':')[2]}",
            ses_message_id=received.data["sesMessageId"],
            domain=domain,
            to=writable(received.data["envelopeFrom"]) or "",
            failures=failures,
            arrived=history.arrived,
            explanation=explanation(domain, received.event["subject"], history.arrived, failures),
        )
        answerable = self.now() - history.arrived < ANSWERABLE_HOURS * HOUR_MS - ANSWER_MARGIN_MS
        if answerable and len(failures) <= MAX_ANSWERED:
            answered = self.sender.answer(bounce)
            if answered is not None:
                return "SendBounce", answered
        block = self._headers(received).block
        subject, message_id = received.event["subject"], received.event["messageId"]
        content = delivery_report(bounce, block, subject=subject, message_id=message_id, now=self.now())
        return "SendRawEmail", self.sender.send(bounce, content)

    def _headers(self, received: Fact) -> Headers:
        return read_headers(partial(self.raw.head, RawLocation(**received.data["raw"]))).headers


def _is_our_own(opened: Fact) -> bool:
    """Say whether Postroom itself made the message of an inbound flow: it has no sender who can be told."""
    return "sesMessageId" not in opened.data and not opened.data["envelopeFrom"]


def _given_up(cause: str) -> Report:
    return Report(Result.PERMANENT, OwnFact.BOUNCE_SUPPRESSED, {"reason": cause})
