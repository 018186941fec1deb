"""Calendars in mailboxes: an object is an item of the folder CALENDAR, with an entry of an index by time.

An object is all components of iCalendar with one UID: a series with its changed instances, or a single event. Content
is encrypted before it gets here: of an object, only its times and a keyed hash of its UID are plain. Times are
milliseconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from postroom.model.folders import Folder
from postroom.model.free_busy import Weekday, WorkingPeriod
from postroom.model.limits import DAY_MS
from postroom.model.mailbox import Change, ChangeKind, enter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.model.mailbox import FolderInfo, Head, Item, NewItem

LONGEST_SINGLE_MS: Final = 32 * DAY_MS
"""Longest event, in milliseconds, whose place in the index follows from its end alone. Ours."""


@dataclass(frozen=True, slots=True)
class ObjectTimes:
    """The first start and the last end of an object; ``end_ms`` is ``None`` if it recurs without end."""

    start_ms: int
    end_ms: int | None
    recurs: bool

    @property
    def is_series(self) -> bool:
        """Whether the index finds the object as it finds a series: it recurs, or is very long."""
        return self.recurs or self.end_ms is None or self.end_ms - self.start_ms > LONGEST_SINGLE_MS

    def overlaps(self, start_ms: int, end_ms: int) -> bool:
        """Return whether an instance may overlap a window, or touch its start without a duration."""
        return self.start_ms < end_ms and (self.end_ms is None or self.end_ms >= start_ms)


@dataclass(frozen=True, slots=True)
class NewObject:
    """An object that enters a calendar, or takes the place of its former version.

    Attributes:
        item: its folder is CALENDAR. For a replacement, ``token`` is that of the item that is replaced, and ``blob``
            is a new one.
        entry: one ciphertext under the mailbox key: what a query of the index expands.
    """

    item: NewItem
    uid_hash: str
    times: ObjectTimes
    entry: bytes


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in a calendar, without its entry of the index."""

    item: Item
    uid_hash: str
    times: ObjectTimes


@dataclass(frozen=True, slots=True)
class PutObject:
    """An object enters the calendar, or replaces the version that was read. The id, the UID and the flags stay."""

    new: NewObject
    replaces: StoredObject | None = None


@dataclass(frozen=True, slots=True)
class RemoveObject:
    """An object leaves the calendar."""

    stored: StoredObject


ObjectChange = PutObject | RemoveObject


@dataclass(frozen=True, slots=True)
class SealedEntry:
    """An entry of the index."""

    item_id: str
    times: ObjectTimes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class BlobNote:
    """Sealed objects that may belong to no item, so that something finds them after a crash.

    Before a change is committed, it names the new objects; from then on those that were replaced or removed.

    Attributes:
        id: 32 hexadecimal digits, unique.
        closed: the change will not be committed any more.
    """

    id: str
    since_ms: int
    blobs: tuple[str, ...]
    closed: bool = False


@dataclass(frozen=True, slots=True)
class CalendarSettings:
    """Working hours, and the time zone of them: an IANA name."""

    zone: str
    periods: tuple[WorkingPeriod, ...]


DEFAULT_SETTINGS: Final = CalendarSettings(
    zone="UTC",
    periods=(WorkingPeriod((Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI), 8 * 60, 17 * 60),),
)
"""Settings of a calendar that has none. The hours and days are Exchange's default; UTC is ours."""


@dataclass(frozen=True, slots=True)
class CalendarWindow:
    """What a calendar has in a window of time.

    Attributes:
        head: as it was read before the entries: a change that is conditioned on it sees no other entries.
        entries: all objects that may have an instance in the window, in no order.
    """

    head: Head
    folder: FolderInfo
    settings: CalendarSettings
    entries: tuple[SealedEntry, ...]


class Access(StrEnum):
    """Permission levels of a calendar folder, from the least.

    Source: Microsoft's EWS reference, CalendarPermissionLevel.
    """

    NONE = "None"
    TIME_ONLY = "FreeBusyTimeOnly"
    DETAILS = "FreeBusyTimeAndSubjectAndLocation"
    REVIEWER = "Reviewer"
    OWNER = "Owner"


DEFAULT_USER: Final = "Default"
"""Key of ``FolderInfo.permissions`` for every user of the organization. Source: EWS, DistinguishedUser."""

DEFAULT_ACCESS: Final = Access.TIME_ONLY
"""What users of the organization see without an entry. Source: Exchange, the default of Set-MailboxFolderPermission."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A mailbox after changes of its calendar.

    Attributes:
        items: the item of each change: after it, or, for a removal, as it was.
        log: the change of each, in order; one sequence each.
    """

    head: Head
    items: tuple[Item, ...]
    log: tuple[Change, ...]


def apply(head: Head, changes: Sequence[ObjectChange], now_ms: int) -> Applied:
    """Return the mailbox after changes. Each change takes one sequence, so that no two items have the same."""
    items: list[Item] = []
    log: list[Change] = []
    for change in changes:
        match change:
            case PutObject(new, None):
                item, counters = enter(head, new.item, now_ms)
                growth, kind = new.item.size, ChangeKind.NEW
                head = replace(head, folders={**head.folders, Folder.CALENDAR.value: counters})
            case PutObject(new, StoredObject(old)):
                item = _replaced(old, new.item, head.sequence + 1, now_ms)
                growth, kind = item.size - old.size, ChangeKind.MODIFIED
                head = _counted(head, growth, 0)
            case RemoveObject(StoredObject(item)):
                growth, kind = -item.size, ChangeKind.DELETED
                head = _counted(head, growth, -1)
        head = replace(head, sequence=head.sequence + 1, size=head.size + growth)
        items.append(item)
        log.append(Change(head.sequence, kind, item.id, Folder.CALENDAR.value, item.uids[Folder.CALENDAR.value]))
    return Applied(head, tuple(items), tuple(log))


def former_blobs(changes: Sequence[ObjectChange]) -> tuple[str, ...]:
    """Return the sealed objects that belong to no item after the changes."""
    stored = (change.replaces if isinstance(change, PutObject) else change.stored for change in changes)
    return tuple(one.item.blob for one in stored if one is not None)


def _replaced(old: Item, new: NewItem, sequence: int, now_ms: int) -> Item:
    return replace(
        old,
        blob=new.blob,
        size=new.size,
        summary=new.summary,
        item_class=new.item_class,
        has_attachments=new.has_attachments,
        modified=now_ms,
        change_key=sequence,
        content_modseq=sequence,
    )


def _counted(head: Head, growth: int, more: int) -> Head:
    """Return the head with the folder's counters after one more change."""
    before = head.folders[Folder.CALENDAR.value]
    after = replace(before, total=before.total + more, size=before.size + growth, modseq=head.sequence + 1)
    return replace(head, folders={**head.folders, Folder.CALENDAR.value: after})
