"""Station bounce: tell the sender, once, who did not get the message (docs/decisions/0009).

Recipients fail at different times, each in a transaction that leaves a bounce order. The first order of a flow speaks
for all: it waits until nothing of the flow is under way, then one message tells of everybody who failed. What was
begun and what was ended stands in the ledger, so that a stop between the two is seen; only that window can repeat a
message, because SES cannot be asked whether it sent one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from postroom.bounce import decide
from postroom.bounce.history import BounceHistory
from postroom.bounce.report import delivery_report
from postroom.bounce.wording import explanation
from postroom.contracts.orders import BounceOrder, RawLocation
from postroom.errors import PermanentError, UnwritableAddressError
from postroom.mime.headers import Headers, read_headers
from postroom.model.bounces import Bounce
from postroom.ports.bounces import ANSWERABLE_HOURS, MAX_ANSWERED
from postroom.ports.transit import Allowance, Commit, Outcome, SettleIfThere

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from postroom.model.facts import Fact
    from postroom.ports.bounces import BounceSender
    from postroom.ports.directory import MailboxOwners
    from postroom.ports.ledger import Ledger
    from postroom.ports.parking import OrderParking
    from postroom.ports.queues import Queues
    from postroom.ports.raw_mail import RawMail
    from postroom.ports.transit import Transit

MOST_AN_HOUR: Final = 20
"""Most bounce messages to one sender in one hour, for each organization. Source: architecture 4.11 (ours)."""

HOUR: Final = 3_600_000
"""In milliseconds."""

ANSWER_SLACK: Final = HOUR
"""How much earlier than SES itself we stop to let it answer, in milliseconds: its clock counts. Ours."""

TOO_MANY: Final = f"the sender has had {MOST_AN_HOUR} bounce messages in this hour"
NOTHING_NEW: Final = (
    "the sender knows of these recipients already, or did not write to them, or a group reached others of its members"
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait.

    Attributes:
        between: seconds until an order is looked at again.
        for_others: milliseconds that other recipients of the flow have to become final.
        for_another: milliseconds after which a message that was begun and not ended is begun again: longer than any
            function runs.
    """

    between: int = 30
    for_others: int = 15 * 60_000
    for_another: int = 2 * 60_000


@dataclass(frozen=True, slots=True)
class Bouncer:
    """Sends bounce messages. ``now`` gives milliseconds since the epoch."""

    owners: MailboxOwners
    transit: Transit
    ledger: Ledger
    raw: RawMail
    sender: BounceSender
    queues: Queues
    parking: OrderParking
    now: Callable[[], int]
    patience: Patience = Patience()

    def accept(self, body: str) -> None:
        """Carry out one order: a message to the sender, a fact why not, another look later, or a parked order.

        Nothing of an organization that is gone, or going, is parked: a bounce that cannot be sent ends with a fact.

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
        """End an order of an organization that is gone: no station would take it up again."""
        history = BounceHistory.of(self.ledger.facts(order.trace))
        if history.unfinished is not None:
            ends = [history.given_up(history.unfinished, cause, self.now())]
        else:
            ends = [history.silence(cause, self.now())] if history.failures else []
        self._end([order], ends)

    def _look_at(self, order: BounceOrder) -> None:
        orders, others = self._under_way(order.trace)
        if not orders or orders[0].key != order.key:
            return  # carried out, parked, or the turn of the first
        waits = others and self.now() - order.since < self.patience.for_others
        if waits or not self._settle(orders):
            self.queues.send([order], delay_s=self.patience.between)
            return
        late, _ = self._under_way(order.trace)
        if late:  # came meanwhile, and was told to wait for its turn
            self.queues.send(late[:1], delay_s=self.patience.between)

    def _under_way(self, trace: str) -> tuple[list[BounceOrder], bool]:
        """Return a flow's bounce orders, and whether anything else of it is not over yet."""
        orders, others = [], False
        for one in self.transit.under_way(trace):
            if isinstance(one, BounceOrder):
                orders.append(one)
            else:
                others = True
        return orders, others

    def _settle(self, orders: Sequence[BounceOrder]) -> bool:
        """Do what the flow's facts call for; ``False`` if somebody else is at it."""
        history = BounceHistory.of(self.ledger.facts(orders[0].trace))
        if history.unfinished is not None:
            if self.now() - history.unfinished.at < self.patience.for_another:
                return False
            return self._carry_out(history, history.unfinished, [] if history.failures else orders)
        if not history.failures:
            return self._end(orders, [])
        news = history.news
        silence = self._why_silent(history) if news else NOTHING_NEW
        if silence is None:
            intent = history.intent(news, self.now())
            claim = self.transit.commit(Commit(facts=[intent], allowance=self._allowance(history.received)))
            if claim is Outcome.DONE:
                return self._carry_out(history, intent, orders)
            if claim is not Outcome.OVER_LIMIT:  # another attempt has recorded this intent
                return False
            silence = TOO_MANY
        return self._end(orders, [history.silence(silence, self.now())])

    def _end(self, orders: Sequence[BounceOrder], facts: Sequence[Fact]) -> bool:
        """End orders with the facts that say how; ``False``: one of the facts was recorded before."""
        return self.transit.commit(Commit(list(map(SettleIfThere, orders)), facts)) is Outcome.DONE

    def _why_silent(self, history: BounceHistory) -> str | None:
        by_envelope = decide.silent_by_envelope(history.received, spam=history.is_spam)
        if by_envelope is not None:
            return by_envelope
        return decide.silent_by_headers(history.received, self._headers(history.received))

    def _carry_out(self, history: BounceHistory, intent: Fact, orders: Sequence[BounceOrder]) -> bool:
        """Send what was intended, and record the end."""
        try:
            means, ses_message_id = self._send(history, intent)
        except UnwritableAddressError as error:
            end = history.given_up(intent, error.cause, self.now())
        else:
            end = history.sent(intent, self.now(), means=means, bounceMessageId=ses_message_id)
        return self._end(orders, [end])

    def _send(self, history: BounceHistory, intent: Fact) -> tuple[str, str]:
        """Send one bounce message; return how it was sent, and SES's id for it."""
        received, failures = history.received, history.told_by(intent)
        domain = failures[0].address.rpartition("@")[2]
        bounce = Bounce(
            name=f"{received.trace}-{intent.key.partition(':')[2]}",
            ses_message_id=received.data["sesMessageId"],
            domain=domain,
            to=decide.writable(received.data["envelopeFrom"]) or "",
            failures=failures,
            arrived=history.arrived,
            explanation=explanation(domain, received.event["subject"], history.arrived, failures),
        )
        answerable = self.now() - history.arrived < ANSWERABLE_HOURS * HOUR - ANSWER_SLACK
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

    def _allowance(self, received: Fact) -> Allowance:
        hour = self.now() // HOUR
        whose = hashlib.sha256(str(received.data["envelopeFrom"]).lower().encode()).hexdigest()[:32]
        name = f"bounces:{received.organization_id}:{whose}:{hour}"
        return Allowance(name, MOST_AN_HOUR, (hour + 2) * HOUR // 1000)
