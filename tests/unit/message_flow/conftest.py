"""The Message Flow API on stores in memory, with one message in transit."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from postroom.adapters.memory.customer_objects import MemoryBucket, MemoryCustomerObjects
from postroom.adapters.memory.ledger import MemoryLedger
from postroom.adapters.memory.raw_mail import MemoryRawMail
from postroom.adapters.memory.rule_functions import MemoryRuleFunctions
from postroom.adapters.memory.tables import MemoryTables
from postroom.adapters.memory.transit import MemoryTransit
from postroom.contracts.message_flow import S3Reference
from postroom.message_flow.callers import Callers
from postroom.message_flow.messages import MessageFlow
from postroom.model.facts import RECEIVED, EventName, Fact, flow_message_id
from postroom.model.principals import Principal, Principals
from postroom.ports.transit import Commit
from tests.support.builders import NOON, ORG, TRACE, order
from tests.support.owners import MailboxOwners

ORIGINAL = b"From: bob@example.org\r\nSubject: Hello\r\nMessage-ID: <1@example.org>\r\n\r\nHello\r\n"
DAY = 86_400_000
CALLER = Principal("arn:aws:sts::123456789012:assumed-role/rule-function/rule-function")


@dataclass
class System:
    """The message is for CALLER.

    Attributes:
        now: time of the clock in milliseconds.
        listed: further callers for which every message is.
        bucket: of a rule function.
    """

    now: int = NOON
    virus: str = "PASS"
    listed: tuple[str, ...] = ()
    tables: MemoryTables = field(default_factory=MemoryTables)
    bucket: MemoryBucket = field(default_factory=MemoryBucket)

    def __post_init__(self) -> None:
        self.raw = MemoryRawMail("inbound-bucket", lambda: self.now)
        self.ledger = MemoryLedger(self.tables)
        self.transit = MemoryTransit(self.tables, lambda: self.now)
        self.owners = MailboxOwners()
        self.functions = MemoryRuleFunctions()
        self.flow = MessageFlow(
            callers=Callers(Principals((CALLER.arn, *self.listed)), self.transit, self.ledger, self.functions),
            owners=self.owners,
            ledger=self.ledger,
            raw=self.raw,
            transit=self.transit,
            objects=MemoryCustomerObjects(own=frozenset({"inbound-bucket"}), buckets={"mine": self.bucket}),
            now=lambda: self.now,
            available_ms=DAY,
        )
        location = self.raw.store("inbound/1", ORIGINAL)
        received = Fact(
            TRACE,
            ORG,
            EventName.ORGANIZATION_EMAIL_RECEIVED,
            RECEIVED,
            NOON,
            {"messageId": "<1@example.org>"},
            {"raw": location.model_dump(), "size": len(ORIGINAL), "virusVerdict": self.virus},
        )
        self.transit.commit(Commit(facts=[received], orders=[order()]))

    @property
    def message_id(self) -> str:
        return flow_message_id(TRACE)

    def put(self, content: bytes, key: str = "k") -> None:
        self.bucket.objects[key] = [content]
        self.flow.put(self.message_id, S3Reference("mine", key), CALLER)

    def get(self) -> bytes:
        return self.flow.get(self.message_id, CALLER)


@pytest.fixture
def system() -> System:
    return System()


def changed(subject: str) -> bytes:
    return ORIGINAL.replace(b"Subject: Hello", b"Subject: " + subject.encode())
