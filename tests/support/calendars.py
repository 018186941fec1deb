"""Makes calendar text and calendars in memory for tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.memory.calendars import MemoryCalendars
from postroom.adapters.memory.mailbox_keys import MemoryMailboxKeys
from postroom.adapters.memory.mailboxes import MemoryMailboxes
from postroom.adapters.memory.sealed_mail import MemorySealedMail
from postroom.adapters.memory.tables import MemoryTables
from postroom.adapters.memory.transit import MemoryTransit
from postroom.calendar_store.store import CalendarStore, OpenCalendar, Put
from postroom.calendars.objects import read_calendar
from postroom.ports.mailboxes import MailboxOwner
from tests.support.builders import NOON, ORG, arn

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from postroom.calendars.objects import CalendarObject
    from postroom.model.mailbox import Item

HOUR_MS: Final = 3_600_000


def stamp(at_ms: int) -> str:
    """Return a time as iCalendar writes it in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


def vevent(uid: str = "1@acme.test", start_ms: int = NOON, *lines: str, **changes: Any) -> str:
    """Return a VEVENT of one hour. ``changes`` are properties in lower case; ``None`` leaves one out."""
    fields: dict[str, Any] = {
        "uid": uid,
        "dtstamp": stamp(NOON),
        "dtstart": stamp(start_ms),
        "dtend": stamp(start_ms + HOUR_MS),
        "summary": f"event {uid}",
        **changes,
    }
    made = [f"{name.upper()}:{value}" for name, value in fields.items() if value is not None]
    return "\r\n".join(["BEGIN:VEVENT", *made, *lines, "END:VEVENT", ""])


def vcalendar(*components: str) -> bytes:
    """Return a VCALENDAR."""
    text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" + "".join(components) + "END:VCALENDAR\r\n"
    return text.encode()


def an_object(uid: str = "1@acme.test", start_ms: int = NOON, *lines: str, **changes: Any) -> CalendarObject:
    """Return an object with one event."""
    return read_calendar(vcalendar(vevent(uid, start_ms, *lines, **changes))).only()


@dataclass
class Calendar:
    """Ann's calendar in memory."""

    quota_bytes: int = 1 << 30
    now_ms: int = NOON
    executor: Executor | None = None
    tables: MemoryTables = field(default_factory=MemoryTables)
    blobs: MemorySealedMail = field(default_factory=MemorySealedMail)
    keys: MemoryMailboxKeys = field(default_factory=MemoryMailboxKeys)

    def __post_init__(self) -> None:
        numbers = count(1)
        self.keys.add("kms")
        self.mailboxes = MemoryMailboxes(self.tables, lambda: self.now_ms)
        self.calendars = MemoryCalendars(self.tables, lambda: self.now_ms)
        self.transit = MemoryTransit(self.tables, lambda: self.now_ms)
        self.store = CalendarStore(
            self.mailboxes,
            self.calendars,
            self.keys,
            self.blobs,
            lambda: self.now_ms,
            lambda size: next(numbers).to_bytes(size, "big"),
            self.executor,
        )
        self.mailboxes.create(
            "ann",
            MailboxOwner(ORG, arn(), "kms"),
            wrapped_key=self.keys.new("kms", arn()),
            quota_bytes=self.quota_bytes,
            now_ms=NOON,
        )

    def open(self) -> OpenCalendar:
        opened = self.store.open("ann")
        assert opened is not None
        return opened

    def put(self, *objects: CalendarObject) -> list[Item]:
        """Put objects, one at a time; each replaces one with its UID."""
        items: list[Item] = []
        for one in objects:
            calendar = self.open()
            changed = calendar.change([Put(one, calendar.find(one.uid))])
            assert changed is not None
            items += changed
        return items

    def objects(self) -> set[str]:
        """Return the names of all sealed objects."""
        return set(self.blobs.under(""))

    def in_use(self) -> set[str]:
        """Return the names of the sealed objects that an item has."""
        return {item.blob for item in self.mailboxes.items("ann", "CALENDAR")}
