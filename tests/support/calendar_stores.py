"""Calendars with the mailboxes, the transit and the ledger that they share rows with, in memory or in DynamoDB."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from postroom.adapters.aws.calendars import DynamoCalendars
from postroom.adapters.aws.ledger import DynamoLedger
from postroom.adapters.aws.mailboxes import DynamoMailboxes
from postroom.adapters.aws.transit import DynamoTransit
from postroom.adapters.memory.calendars import MemoryCalendars
from postroom.adapters.memory.ledger import MemoryLedger
from postroom.adapters.memory.mailboxes import MemoryMailboxes
from postroom.adapters.memory.tables import MemoryTables
from postroom.adapters.memory.transit import MemoryTransit
from postroom.model.calendars import BlobNote, NewObject, ObjectTimes, PutObject
from postroom.model.mailbox import NewItem
from postroom.ports.mailboxes import MailboxOwner
from tests.support.builders import NOON, ORG, arn
from tests.support.calendars import HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.model.calendars import ObjectChange, StoredObject
    from postroom.model.mailbox import Head, Item
    from postroom.ports.calendars import Calendars
    from postroom.ports.ledger import Ledger
    from postroom.ports.mailboxes import Mailboxes
    from postroom.ports.transit import Commit, Transit
    from tests.support.stack import Stack


@dataclass
class Stores:
    calendars: Calendars
    mailboxes: Mailboxes
    transit: Transit
    ledger: Ledger
    stack: Stack | None = None
    notes: int = 0

    def head(self) -> Head:
        head = self.mailboxes.head("ann")
        assert head is not None
        return head

    def noted(self, *changes: ObjectChange) -> BlobNote:
        self.notes += 1
        blobs = tuple(change.new.item.blob for change in changes if isinstance(change, PutObject))
        note = BlobNote(f"{self.notes:032x}", NOON, blobs)
        self.calendars.note("ann", note)
        return note

    def change(
        self, *changes: ObjectChange, head: Head | None = None, commit: Commit | None = None
    ) -> Sequence[Item] | None:
        return self.calendars.change(head or self.head(), changes, self.noted(*changes), commit)

    def put(self, number: int, times: ObjectTimes, replaces: StoredObject | None = None, **changes: Any) -> Item:
        new = an_object(number, times, replaces, **changes)
        items = self.change(PutObject(new, replaces))
        assert items is not None
        return items[0]

    def found(self, number: int) -> StoredObject:
        return self.calendars.find("ann", [hash_of(number)])[hash_of(number)]

    def ids(self, start_ms: int, end_ms: int) -> set[str]:
        window = self.calendars.window("ann", start_ms, end_ms)
        assert window is not None
        assert len({entry.item_id for entry in window.entries}) == len(window.entries)
        return {entry.item_id for entry in window.entries}


def calendar_stores(stack: Stack | None) -> Stores:
    """Return the stores with the mailbox ann; without a stack they are in memory."""
    if stack is None:
        tables = MemoryTables()
        made = Stores(
            MemoryCalendars(tables, lambda: NOON + 5),
            MemoryMailboxes(tables, lambda: NOON + 5),
            MemoryTransit(tables, lambda: NOON),
            MemoryLedger(tables),
        )
    else:
        names = [stack.environment[name] for name in ("MAILBOX_TABLE", "TRANSIT_TABLE", "LEDGER_TABLE")]
        made = Stores(
            DynamoCalendars(stack.dynamodb, names[0], names[1], names[2], lambda: NOON + 5),
            DynamoMailboxes(stack.dynamodb, names[0], names[1], names[2], lambda: NOON + 5),
            DynamoTransit(stack.dynamodb, names[1], names[2], lambda: NOON),
            DynamoLedger(stack.dynamodb, names[2]),
            stack,
        )
    made.mailboxes.create("ann", MailboxOwner(ORG, arn(), "kms"), wrapped_key=b"\0k", quota_bytes=1000, now_ms=NOON)
    return made


def hash_of(number: int) -> str:
    return f"{number:032x}"


def an_object(number: int, times: ObjectTimes, replaces: StoredObject | None = None, **changes: Any) -> NewObject:
    entry = changes.pop("entry", b"\0entry%d" % number)
    item = NewItem(
        token=replaces.item.token if replaces else f"{number:032x}",
        folder="CALENDAR",
        blob=f"mail/{number}/{'again' if replaces else 'first'}",
        size=10,
        summary=b"\0sealed",
        item_class="IPM.Appointment",
        conversation="c" * 32,
        received=NOON,
        created=NOON + 1,
        has_attachments=False,
        unread=False,
    )
    return NewObject(replace(item, **changes), hash_of(number), times, entry)


def single(start_ms: int, duration_ms: int = HOUR_MS) -> ObjectTimes:
    return ObjectTimes(start_ms, start_ms + duration_ms, recurs=False)


def series(start_ms: int, end_ms: int | None = None) -> ObjectTimes:
    return ObjectTimes(start_ms, end_ms, recurs=True)
