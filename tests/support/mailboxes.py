"""Mailboxes with the tables that their deliveries write, in memory or in DynamoDB (moto)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from postroom.adapters.aws.ledger import DynamoLedger
from postroom.adapters.aws.mailboxes import DynamoMailboxes
from postroom.adapters.aws.transit import DynamoTransit
from postroom.adapters.memory.ledger import MemoryLedger
from postroom.adapters.memory.mailboxes import MemoryMailboxes
from postroom.adapters.memory.tables import MemoryTables
from postroom.adapters.memory.transit import MemoryTransit
from postroom.model.mailbox import NewItem
from postroom.ports.mailboxes import Delivery, MailboxOwner
from postroom.ports.transit import Commit, Outcome
from tests.support.builders import NOON, ORG, arn, delivered, order, received

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.contracts.orders import DeliveryOrder
    from postroom.model.facts import Fact
    from postroom.model.mailbox import Head, Item
    from postroom.ports.ledger import Ledger
    from postroom.ports.mailboxes import Mailboxes
    from postroom.ports.transit import Transit
    from tests.support.stack import Stack


@dataclass
class RunningStack:
    mailboxes: Mailboxes
    transit: Transit
    ledger: Ledger

    def send(self, number: int) -> str:
        """Open a flow to Ann; return its trace."""
        trace = f"{number:032x}"
        assert self.transit.commit(Commit(facts=[received(trace)], orders=[order("ann", trace)])) is Outcome.DONE
        return trace

    def deliver(self, number: int, **changes: Any) -> Item | None:
        trace = self.send(number)
        head = self.mailboxes.head("ann")
        assert head is not None
        return deliver_one(self.mailboxes, head, new(number, **changes), order("ann", trace), [delivered("ann", trace)])


def in_memory() -> RunningStack:
    """Return Ann's mailbox of 1,000 bytes in memory."""
    tables = MemoryTables()
    mailboxes, transit = MemoryMailboxes(tables, lambda: NOON + 5), MemoryTransit(tables, lambda: NOON)
    return _with_ann(RunningStack(mailboxes, transit, MemoryLedger(tables)))


def in_dynamodb(stack: Stack) -> RunningStack:
    """Return the same in tables of a stack."""
    names = [stack.environment[name] for name in ("MAILBOX_TABLE", "TRANSIT_TABLE", "LEDGER_TABLE")]
    return _with_ann(
        RunningStack(
            DynamoMailboxes(stack.dynamodb, names[0], names[1], names[2], lambda: NOON + 5),
            DynamoTransit(stack.dynamodb, names[1], names[2], lambda: NOON),
            DynamoLedger(stack.dynamodb, names[2]),
        )
    )


def _with_ann(made: RunningStack) -> RunningStack:
    made.mailboxes.create("ann", MailboxOwner(ORG, arn(), "kms"), wrapped_key=b"\0k", quota_bytes=1000, now_ms=NOON)
    return made


def deliver_one(
    mailboxes: Mailboxes, head: Head, item: NewItem, order: DeliveryOrder, facts: Sequence[Fact], **more: Any
) -> Item | None:
    """Deliver one message; ``None`` if its order has ended."""
    found = mailboxes.deliver(head, [Delivery(item, order, facts, **more)])
    assert bool(found.items) == (found.ended == frozenset())
    return found.items[0] if found.items else None


def new(number: int, **changes: Any) -> NewItem:
    made = NewItem(
        token=f"{number:032x}",
        folder="INBOX",
        blob=f"mail/{number}",
        size=10,
        summary=b"\0sealed",
        item_class="IPM.Note",
        conversation="c" * 32,
        received=NOON,
        created=NOON + 1,
        has_attachments=True,
    )
    return replace(made, **changes)
