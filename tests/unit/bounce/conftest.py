"""A bounce station on memory ports, and one flow of which recipients failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from postroom.adapters.memory.bounces import MemoryBounceSender
from postroom.adapters.memory.ledger import MemoryLedger
from postroom.adapters.memory.queues import MemoryQueues
from postroom.adapters.memory.raw_mail import MemoryRawMail
from postroom.adapters.memory.tables import MemoryTables
from postroom.adapters.memory.transit import MemoryTransit
from postroom.bounce.bounce import Bouncer
from postroom.bounce.caps import Caps
from postroom.contracts.event_log import BouncedRecipient, IncomingEmailBounced
from postroom.contracts.orders import BounceOrder, Order
from postroom.effects.once import Once
from postroom.model.facts import RECEIVED, EventName, Fact, OwnFact
from postroom.outbound.journal_feedback import JournalFeedback
from postroom.ports.transit import Commit, Outcome, Settle
from tests.support.builders import NOON, ORG, TRACE, order
from tests.support.owners import MailboxOwners

WRITTEN_TO = [f"{name}@acme.test" for name in ("a", "b", "tim", "group", *(f"b{number}" for number in range(51)))]
MESSAGE = b"From: Bob <bob@example.org>\r\nBcc: secret@example.org\r\nSubject: plums\r\n\r\nbody\r\n"


@dataclass
class Lot:
    """``OrderParking``: what was parked, with its cause."""

    parked: list[tuple[str, str]] = field(default_factory=list)

    def park_order(self, order: Order, cause: str) -> None:
        self.parked.append((order.key, cause))

    def park_arrival(self, body: str, cause: str) -> None:
        self.parked.append((body, cause))


class MailSystem:
    """One flow in transit, and the station bounce; ``now`` is milliseconds since the epoch."""

    def __init__(self, caps: Caps | None = None) -> None:
        self.now = NOON + 1000
        self.tables = MemoryTables()
        self.transit = MemoryTransit(self.tables, lambda: self.now)
        self.ledger = MemoryLedger(self.tables)
        self.raw = MemoryRawMail("inbound-bucket", lambda: self.now)
        self.sender = MemoryBounceSender()
        self.queues = MemoryQueues()
        self.lot = Lot()
        self.owners = MailboxOwners()
        self.bouncer = Bouncer(
            owners=self.owners,
            transit=self.transit,
            once=Once(self.transit, lambda: self.now, lambda: 0.5),
            ledger=self.ledger,
            raw=self.raw,
            sender=self.sender,
            journal=JournalFeedback(self.ledger, self.transit, self.queues, lambda: self.now),
            queues=self.queues,
            parking=self.lot,
            now=lambda: self.now,
            caps=caps or Caps(),
        )

    def receive(
        self, message: bytes = MESSAGE, sender: str = "bob@example.org", organization: str = ORG, **event: str
    ) -> None:
        """Open a flow; ``event`` names verdicts that are not PASS."""
        trace = TRACE
        location = self.raw.store(f"inbound/{trace}", message)
        verdicts = {f"{name}Verdict": "PASS" for name in ("spam", "spf", "dkim", "dmarc")}
        fact = Fact(
            trace,
            organization,
            EventName.ORGANIZATION_EMAIL_RECEIVED,
            RECEIVED,
            NOON,
            {
                "recipients": WRITTEN_TO,
                "from": "bob@example.org",
                "subject": "plums",
                "messageId": "<1@example.org>",
                "messageTimestamp": "2026-11-24T12:00:00.000Z",
                **verdicts,
                **event,
            },
            {
                "sesMessageId": f"ses-{trace}",
                "envelopeFrom": sender,
                "virusVerdict": "PASS",
                "raw": location.model_dump(),
            },
        )
        assert self.transit.commit(Commit(facts=[fact])) is Outcome.DONE

    def refuse(self, *recipients: str, reason: str = "no such mailbox here", status: str = "5.1.1") -> BounceOrder:
        """Refuse envelope recipients, as ingest does."""
        facts = [bounced(each, reason, status) for each in recipients]
        tell = BounceOrder(trace=TRACE, organization_id=ORG, name=recipients[0], since=self.now)
        assert self.transit.commit(Commit(facts=facts, orders=[tell])) is Outcome.DONE
        return tell

    def fail(self, mailbox: str, group: str, reason: str = "mailbox full", status: str = "5.2.2") -> BounceOrder:
        """Let a member of a group fail, as deliver does."""
        made = order(mailbox, delivered_to=group)
        self.transit.commit(Commit(orders=[made]))
        data = {"mailboxId": mailbox, "deliveredTo": group}
        fact = bounced(f"{mailbox}@acme.test", reason, status, key=mailbox, **data)
        tell = BounceOrder(trace=TRACE, organization_id=ORG, name=mailbox, since=self.now)
        assert self.transit.commit(Commit([Settle(made)], [fact], [tell])) is Outcome.DONE
        return tell

    def deliver(self, mailbox: str, group: str) -> None:
        """Let a member of a group get its copy."""
        name = EventName.MAILBOX_EMAIL_DELIVERED
        event, data = {"recipient": f"{mailbox}@acme.test", "folder": "INBOX"}, {"deliveredTo": group}
        self.tables.write([Fact(TRACE, ORG, name, f"{name}:{mailbox}", self.now, event, data)])

    def accept(self, tell: BounceOrder) -> None:
        self.bouncer.accept(tell.model_dump_json())

    @property
    def told(self) -> list[list[str]]:
        """The recipients that each bounce message names."""
        messages = [*self.sender.answered, *(bounce for bounce, _ in self.sender.sent)]
        return [[failure.address for failure in each.failures] for each in messages]

    def reasons(self) -> list[str]:
        """The reasons for which no bounce message was sent."""
        facts = self.ledger.facts(TRACE)
        return [str(fact.data["reason"]) for fact in facts if fact.name is OwnFact.BOUNCE_SUPPRESSED]

    def names(self) -> list[str]:
        return [fact.name.value for fact in self.ledger.facts(TRACE)]


def bounced(address: str, reason: str, status: str, *, key: str = "", **data: Any) -> Fact:
    event = IncomingEmailBounced(
        bounced_recipient=BouncedRecipient(email_address=address, reason=reason, status=status)
    )
    return Fact(TRACE, ORG, event.name, f"{event.name}:{key or address}", NOON + 1, event.fields(), data)


@pytest.fixture
def mail_system() -> MailSystem:
    return MailSystem()
