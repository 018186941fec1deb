"""Reports into the mailbox of the user whose message was refused, or waits (docs/decisions/0054).

The sender is a user of the organization: nothing has to be confirmed, and no message leaves. A report is a flow of its
own. One transaction opens it, records what it tells, and ends the orders: there is nothing that a stop could repeat.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from postroom.bounce.report import delivery_report
from postroom.bounce.submitted import header_block
from postroom.bounce.wording import ADVICE_TO_USERS, delay_notice, explanation
from postroom.model.bounces import Bounce
from postroom.model.facts import Fact, OwnFact
from postroom.model.folders import Folder
from postroom.ports.transit import Commit, Outcome, SettleIfThere
from postroom.routing.inside import report_inside

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from postroom.bounce.history import BounceHistory
    from postroom.contracts.orders import BounceOrder, DeliveryOrder
    from postroom.model.bounces import Failure
    from postroom.model.directory import Addressee
    from postroom.ports.directory import MailboxOwners
    from postroom.ports.ledger import Ledger
    from postroom.ports.queues import Queues
    from postroom.ports.raw_mail import RawMail
    from postroom.ports.transit import Transit

MEANS: Final = "mailbox"
"""How a report was sent, in the fact that it was."""

REPORT: Final = "reportTrace"
"""Member of that fact: the trace of the report's own flow."""

NOT_TO_BOUNCE: Final = "the message was sent with the null sender"
NO_MAILBOX: Final = "the sender has no mailbox any more, or may not use it"
NOTHING_TO_TELL: Final = "the sender knows of these recipients already, or they have their ends by now"


@dataclass(frozen=True, slots=True)
class MailboxReports:
    """Reports of one flow. ``now`` gives milliseconds since the epoch."""

    owners: MailboxOwners
    transit: Transit
    ledger: Ledger
    raw: RawMail
    queues: Queues
    now: Callable[[], int]

    def settle(self, orders: Sequence[BounceOrder], history: BounceHistory, submitted: Fact) -> bool:
        """Tell of everything that the history has to tell: at most one report of failures, and one of delays.

        Args:
            submitted: the fact that the message was submitted.

        Returns:
            ``False`` if another run tells something meanwhile: look again.
        """
        facts, deliveries = self._told(history, submitted)
        if self.transit.commit(Commit(list(map(SettleIfThere, orders)), facts, deliveries)) is not Outcome.DONE:
            return False
        self.queues.send(deliveries)
        return True

    def take_up(self, trace: str) -> None:
        """Send the deliveries of a flow's reports that are open: a run may have stopped before it sent them."""
        for fact in self.ledger.facts(trace):
            if REPORT in fact.data:
                self.queues.send(self.transit.open_orders(str(fact.data[REPORT])))

    def _told(self, history: BounceHistory, submitted: Fact) -> tuple[list[Fact], list[DeliveryOrder]]:
        if not history.failures and not history.delays:
            return [], []
        owner = self.owners.owner(submitted.organization_id, str(submitted.data["mailboxId"]))
        reason = _why_not(submitted, owner)
        facts, deliveries = list[Fact](), list["DeliveryOrder"]()
        if owner is None or reason is not None:
            return [history.suppressed(reason or NO_MAILBOX, self.now())], []
        for tell in (_refusals, _delays):
            found = tell(history, submitted, self.now())
            if found is not None:
                sent, received, delivery = self._departure(*found, submitted, owner)
                facts += [sent, received]
                deliveries.append(delivery)
                history = history.after(sent)
        if history.failures or history.delays:
            facts.append(history.suppressed(NOTHING_TO_TELL, self.now()))
        return facts, deliveries

    def _departure(
        self, claim: Fact, bounce: Bounce, submitted: Fact, owner: Addressee
    ) -> tuple[Fact, Fact, DeliveryOrder]:
        """Keep a report's bytes; return the fact that it is sent, the fact that opens its flow, and its delivery."""
        now = self.now()
        content = delivery_report(
            bounce,
            header_block(submitted),
            subject=str(submitted.event["subject"]),
            message_id=str(submitted.data["messageId"]),
            now=now,
        )
        name = f"report-{claim.key.partition(':')[2]}"
        flow, received = report_inside(claim, name, content, self.raw, author=bounce.author, to=bounce.to, now=now)
        address = owner.primary_address or bounce.to
        delivery = flow.delivery(owner.entity_id, address, bounce.to, Folder.INBOX.value)
        return _sent(claim, flow.trace, str(received.event["messageId"])), received, delivery


def _refusals(history: BounceHistory, submitted: Fact, now: int) -> tuple[Fact, Bounce] | None:
    """Return the fact that claims the recipients that failed, and their report; ``None``: there is none to name."""
    failures = history.to_name
    if not failures:
        return None
    claim = history.told(OwnFact.BOUNCE_SENT, failures, now)
    named = history.named_by(claim)
    return claim, _bounce(claim, submitted, named, explanation(*_message(submitted), named, ADVICE_TO_USERS))


def _delays(history: BounceHistory, submitted: Fact, now: int) -> tuple[Fact, Bounce] | None:
    """Return the same of the recipients that wait; ``None``: none of them still does."""
    waiting = history.waiting
    if not waiting:
        return None
    claim = history.noticed(waiting, now)
    until = max(int(fact.data.get("until", 0)) for fact in history.delays)
    bounce = _bounce(claim, submitted, waiting, delay_notice(*_message(submitted), waiting, until))
    return claim, replace(bounce, is_delay=True, until=until)


def _bounce(claim: Fact, submitted: Fact, failures: tuple[Failure, ...], text: str) -> Bounce:
    domain, _, arrived = _message(submitted)
    return Bounce(
        name=f"{claim.trace}-{claim.key.partition(':')[2]}",
        ses_message_id="",
        domain=domain,
        to=str(submitted.data["envelopeFrom"]),
        failures=failures,
        arrived=arrived,
        explanation=text,
    )


def _message(submitted: Fact) -> tuple[str, str, int]:
    """Return the sender's domain, the subject, and the time of the submission in milliseconds since the epoch."""
    domain = str(submitted.data["envelopeFrom"]).rpartition("@")[2]
    return domain, str(submitted.event["subject"]), submitted.at


def _why_not(submitted: Fact, owner: Addressee | None) -> str | None:
    if not submitted.data["envelopeFrom"]:
        return NOT_TO_BOUNCE
    return None if owner is not None and owner.has_mailbox else NO_MAILBOX


def _sent(claim: Fact, trace: str, message_id: str) -> Fact:
    data = {**claim.data, "means": MEANS, "bounceMessageId": message_id, REPORT: trace}
    return Fact(claim.trace, claim.organization_id, claim.name, claim.key, claim.at, claim.event, data)
