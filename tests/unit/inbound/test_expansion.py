"""A plan of more than one transaction is carried out once, also by several workers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postroom.adapters.memory.ledger import MemoryLedger
from postroom.adapters.memory.queues import MemoryQueues
from postroom.adapters.memory.raw_mail import MemoryRawMail
from postroom.adapters.memory.tables import MemoryTables
from postroom.adapters.memory.transit import MemoryTransit
from postroom.contracts.orders import DeliveryOrder, RawLocation
from postroom.model.facts import RECEIVED
from postroom.ports.transit import Commit, Outcome, OverLimit
from postroom.routing.expansion import expand
from postroom.routing.plan import Flow, Plan
from tests.support.builders import NOON, ORG, TRACE, call, expansion, received
from tests.support.commits import chunk_of

if TYPE_CHECKING:
    from postroom.contracts.expansions import Expansion

FLOW = Flow(TRACE, ORG, "bob@example.org", RawLocation(bucket="inbound-bucket", key="inbound/m1"), 1000, NOON, NOON)


def now() -> int:
    return NOON


def deliveries(*names: str) -> Plan:
    return Plan(tuple(FLOW.delivery(name, f"{name}@acme.test", f"{name}@acme.test", "INBOX") for name in names))


@dataclass
class Overtaken:
    """A transit of a slow worker: another one carries the plan out, and begins with recipients added since."""

    transit: MemoryTransit
    added: Expansion

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transit, name)

    def commit(self, commit: Commit) -> Outcome | OverLimit:
        if self.transit.expansion(TRACE) == chunk_of(commit):
            self.transit.commit(commit)
            self.transit.commit(Commit(facts=[replace(received(), key=f"{RECEIVED}:more")], expansion=self.added))
            return Outcome.ALREADY
        return self.transit.commit(commit)


def test_an_overtaken_attempt_repeats_the_sends_and_leaves_recipients_that_were_added_since() -> None:
    tables = MemoryTables()
    first = expansion(chunks=1)
    plan = RawLocation(bucket="inbound-bucket", key=f"{first.plan.key}-more")
    added = expansion(chunks=2).model_copy(update={"plan": plan})
    transit = MemoryTransit(tables, now)
    transit.commit(Commit(facts=[received()], expansion=first))
    slow: Any = Overtaken(transit, added)
    queues = MemoryQueues()
    raw = MemoryRawMail("inbound-bucket", now)
    raw.keep(first.plan.key, deliveries("ann").freeze())
    expand(first, raw, slow, MemoryLedger(tables), queues, now)
    assert transit.expansion(TRACE) == added
    assert [order.key for order in transit.open_orders(TRACE)] == ["order:ann"]
    sent = map(DeliveryOrder.read, queues.queues["deliver"])
    assert [order.key for order in sent] == ["order:ann"]  # the other may have stopped before it sent


DAYS_MS = 3 * 86_400_000


def carried_out_days_later(frozen: bytes) -> tuple[MemoryTransit, MemoryLedger]:
    """Carry out a plan of one chunk three days after the flow was opened, as a redrive does."""
    tables, raw = MemoryTables(), MemoryRawMail("inbound-bucket", now)
    transit, first = MemoryTransit(tables, now), expansion(chunks=1)
    sent = {"envelopeFrom": "bob@example.org", "raw": FLOW.raw.model_dump(), "size": 1234}
    opened = replace(received(messageTimestamp="2026-09-21T08:00:00.000Z"), data=sent)
    transit.commit(Commit(facts=[opened], expansion=first))
    raw.keep(first.plan.key, frozen)
    expand(first, raw, transit, MemoryLedger(tables), MemoryQueues(), lambda: NOON + DAYS_MS)
    return transit, MemoryLedger(tables)


def test_facts_and_calls_have_the_time_of_their_transaction_not_of_the_plan() -> None:
    plan = Plan((FLOW.refused("tim@acme.test", "no such mailbox here", "5.1.1"), call(trace=TRACE, since=NOON)))
    transit, ledger = carried_out_days_later(plan.freeze())
    refused = ledger.fact(TRACE, "INCOMING_EMAIL_BOUNCED:tim@acme.test")
    assert refused is not None
    assert refused.at == NOON + DAYS_MS
    asked = transit.open_call(TRACE, "call:r-1")
    assert asked is not None
    assert asked.call.since == NOON + DAYS_MS


def test_a_plan_of_the_version_before_is_about_the_message_as_it_arrived() -> None:
    frozen = (Path(__file__).parents[1] / "contracts" / "plan_2026_11_29.jsonl").read_bytes()
    transit, _ = carried_out_days_later(frozen)
    delivery = transit.order(TRACE, "order:ann")
    assert isinstance(delivery, DeliveryOrder)
    assert delivery.received_at == 1_789_977_600_000  # not when the flow was opened
