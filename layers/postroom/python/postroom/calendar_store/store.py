"""Opens calendars, finds objects in them and changes them.

A change notes the names of the new sealed objects, stores them, and commits; then the objects that no item has any
more are removed, and the note. After a stop anywhere, the note says which objects may be left over: the next
replacement or removal in the calendar that comes an hour later, or the next import, removes them.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar
from zoneinfo import ZoneInfo

from postroom.calendar_store import sealed
from postroom.calendars.expand import Instance, instances
from postroom.errors import (
    ConflictError,
    MailboxFullError,
    TemporaryError,
    TooManyInstancesError,
    UnknownMailboxError,
)
from postroom.model.calendars import BlobNote, ObjectChange, PutObject, RemoveObject, StoredObject, former_blobs
from postroom.model.mailbox import Marks, blob_key
from postroom.sealing import open_message, seal_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Executor

    from postroom.calendar_store.sealed import ObjectSummary
    from postroom.calendars.objects import CalendarObject
    from postroom.model.calendars import CalendarWindow, NewObject
    from postroom.model.mailbox import Head, Item
    from postroom.ports.calendars import Calendars
    from postroom.ports.mailbox_keys import MailboxKeys
    from postroom.ports.mailboxes import MailboxHeads
    from postroom.ports.sealed_mail import SealedMail
    from postroom.ports.transit import Commit
    from postroom.sealing import Random

NOTE_LASTS_MS: Final = 3_600_000
"""How long a change may take, in milliseconds: longer than any function runs. Ours."""

MAX_INSTANCES: Final = 1000
"""Most instances of one window. Source: Exchange's limit of an answer: ErrorResultSetTooBig above 1,000."""

UNMARKED: Final = Marks()

_TOKEN_BYTES: Final = 16

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KnownObject:
    """An object in a calendar."""

    stored: StoredObject
    summary: ObjectSummary

    @property
    def item(self) -> Item:
        """The object's item."""
        return self.stored.item


@dataclass(frozen=True, slots=True)
class Put:
    """An object enters the calendar, with marks, or replaces the version that was found and keeps that one's."""

    new: CalendarObject
    replaces: KnownObject | None = None
    marks: Marks = UNMARKED


@dataclass(frozen=True, slots=True)
class Remove:
    """An object leaves the calendar."""

    known: KnownObject


@dataclass(frozen=True, slots=True)
class FoundInstance:
    """An instance in a window, and the item of its object; the owner has not answered an invitation yet."""

    item_id: str
    instance: Instance
    is_unanswered: bool = False


@dataclass(frozen=True, slots=True)
class CalendarStore:
    """Calendars of mailboxes.

    Attributes:
        now: gives milliseconds since the epoch.
        executor: stores objects at the same time, for imports; without it, one after another.
    """

    mailboxes: MailboxHeads
    calendars: Calendars
    keys: MailboxKeys
    sealed: SealedMail
    now: Callable[[], int]
    random: Random
    executor: Executor | None = field(default=None)

    @property
    def now_ms(self) -> int:
        """The time, in milliseconds since the epoch."""
        return self.now()

    def open(self, mailbox_id: str) -> OpenCalendar | None:
        """Read the head of a mailbox, if it exists. What is read of the calendar from now on is as new as the head.

        Raises:
            KeyUnavailableError: the organization's KMS key cannot be used.
        """
        head = self.mailboxes.head(mailbox_id)
        return None if head is None else self.opened(head)

    def require(self, mailbox_id: str) -> OpenCalendar:
        """Open the calendar of a mailbox that has to exist.

        Raises:
            UnknownMailboxError: the mailbox is gone.
            KeyUnavailableError: as in ``open``.
        """
        calendar = self.open(mailbox_id)
        if calendar is None:
            raise UnknownMailboxError("the mailbox is gone")
        return calendar

    def opened(self, head: Head) -> OpenCalendar:
        """Return the calendar of a mailbox whose head was just read. Raises what ``open`` raises."""
        return OpenCalendar(self, head, self.keys.unwrap(head.wrapped_key, head.kms_key_arn, head.organization_arn))

    def remove_left_over(self, mailbox_id: str) -> None:
        """Remove sealed objects that changes left over which stopped more than an hour ago."""
        for note in self.calendars.notes(mailbox_id, before_ms=self.now_ms - NOTE_LASTS_MS):
            self.give_up(mailbox_id, note)

    def give_up(self, mailbox_id: str, note: BlobNote) -> None:
        """Remove the sealed objects of a note, unless its change was committed meanwhile."""
        if self.calendars.close_note(mailbox_id, note):
            self.remove(mailbox_id, note.id, note.blobs)

    def remove(self, mailbox_id: str, note_id: str, blobs: Iterable[str]) -> None:
        """Remove sealed objects, then their note."""
        self.each(self.sealed.delete, blobs)
        self.calendars.end_note(mailbox_id, note_id)

    def each(self, do: Callable[[T], object], things: Iterable[T]) -> None:
        """Do something with each thing."""
        for _ in map(do, things) if self.executor is None else self.executor.map(do, things):
            pass


@dataclass(frozen=True, slots=True)
class OpenCalendar:
    """A calendar as of the time at which ``head`` was read. A change is refused if the mailbox has changed since."""

    store: CalendarStore
    head: Head
    key: bytes

    def find(self, uid: str) -> KnownObject | None:
        """Return an object by its UID."""
        return self.find_all([uid]).get(uid)

    def find_all(self, uids: Sequence[str]) -> Mapping[str, KnownObject]:
        """Return the objects with these UIDs, by UID."""
        by_hash = {sealed.uid_hash(uid, mailbox_key=self.key): uid for uid in uids}
        found = self.store.calendars.find(self.head.mailbox_id, list(by_hash))
        return {by_hash[hashed]: KnownObject(one, self.summary(one.item)) for hashed, one in found.items()}

    def summary(self, item: Item) -> ObjectSummary:
        """Return the summary of an item of the calendar."""
        return sealed.open_summary(item, mailbox_key=self.key, mailbox_id=self.head.mailbox_id)

    def read(self, item: Item) -> bytes:
        """Return the exact bytes of an object: a VCALENDAR.

        Raises:
            MessageNotFoundError: it was replaced or removed meanwhile.
        """
        return b"".join(open_message(self.store.sealed.get(item.blob), mailbox_key=self.key, place=item.blob))

    def instances(self, start_ms: int, end_ms: int, *, most: int = MAX_INSTANCES) -> list[FoundInstance]:
        """Return the instances that overlap a window, in order of their starts.

        A change that is made with this calendar is refused if another change has added or moved an instance since.

        Raises:
            ConflictError: the mailbox has changed since it was opened.
            TooManyInstancesError: there are more than ``most``.
        """
        return expanded(self._window(start_ms, end_ms), start_ms, end_ms, mailbox_key=self.key, most=most)

    def is_tentative(self, known: KnownObject) -> bool:
        """Return whether the mailbox's owner has yet to answer a meeting: its entry of the index says so.

        Raises:
            ConflictError: the mailbox has changed since it was opened.
        """
        start_ms, mailbox_id = known.stored.times.start_ms, self.head.mailbox_id
        own = (entry for entry in self._window(start_ms, start_ms + 1).entries if entry.item_id == known.item.id)
        return any(sealed.open_index(entry, mailbox_key=self.key, mailbox_id=mailbox_id).is_tentative for entry in own)

    def _window(self, start_ms: int, end_ms: int) -> CalendarWindow:
        window = self.store.calendars.window(self.head.mailbox_id, start_ms, end_ms)
        if window is None or window.head.sequence != self.head.sequence:
            raise ConflictError("another change of the mailbox was faster")
        return window

    def change(self, changes: Sequence[Put | Remove], commit: Commit | None = None) -> Sequence[Item] | None:
        """Change objects, together with a flow's rows, in one transaction.

        Args:
            changes: at most ``ports.calendars.MAX_CHANGES``, each of another object.
            commit: takes, facts and orders.

        Returns:
            The item of each change; of a removed object its last. ``None`` if nothing was written, because the work of
            ``commit`` was done before.

        Raises:
            ConflictError: the mailbox has changed since it was opened. Nothing was written: open it again.
            MailboxFullError: the mailbox would be larger than its quota, and than it is.
            InvalidCalendarError: an object's entry of the index is too large.
        """
        store, mailbox_id = self.store, self.head.mailbox_id
        made, contents = self._sealed_later(changes)
        self._check_quota(made)
        note = BlobNote(store.random(_TOKEN_BYTES).hex(), store.now_ms, tuple(blob for blob, _ in contents))
        store.calendars.note(mailbox_id, note)
        store.each(self._seal, contents)
        try:
            items = store.calendars.change(self.head, made, note, commit)
        except ConflictError:
            with suppress(TemporaryError):
                store.give_up(mailbox_id, note)
            raise
        with suppress(TemporaryError):  # what is left over has its note
            if items is None:
                store.give_up(mailbox_id, note)
            elif former := former_blobs(made):
                store.remove(mailbox_id, note.id, former)
                store.remove_left_over(mailbox_id)
        return items

    def _sealed_later(self, changes: Sequence[Put | Remove]) -> tuple[list[ObjectChange], list[tuple[str, bytes]]]:
        """Return the changes of the index, and the objects to seal: name and bytes."""
        made: list[ObjectChange] = []
        contents: list[tuple[str, bytes]] = []
        for change in changes:
            match change:
                case Put(new, replaces):
                    known = self._new_object(change)
                    made.append(PutObject(known, replaces.stored if replaces else None))
                    contents.append((known.item.blob, new.ics))
                case Remove(known):
                    made.append(RemoveObject(known.stored))
        return made, contents

    def _new_object(self, change: Put) -> NewObject:
        store, head, replaces = self.store, self.head, change.replaces
        token = store.random(_TOKEN_BYTES).hex()
        return sealed.new_object(
            change.new,
            mailbox_id=head.mailbox_id,
            mailbox_key=self.key,
            token=replaces.item.token if replaces else token,
            blob=blob_key(head.organization_id, head.mailbox_id, token),
            now_ms=store.now_ms,
            random=store.random,
            marks=change.marks,
        )

    def _check_quota(self, changes: Sequence[ObjectChange]) -> None:
        growth = 0
        for change in changes:
            match change:
                case PutObject(new, replaces):
                    growth += new.item.size - (replaces.item.size if replaces else 0)
                case RemoveObject(stored):
                    growth -= stored.item.size
        if growth > 0 and self.head.size + growth > self.head.quota_bytes:
            raise MailboxFullError("the mailbox has no room for the change of its calendar")

    def _seal(self, content: tuple[str, bytes]) -> None:
        blob, ics = content
        self.store.sealed.put_once(blob, seal_message(ics, mailbox_key=self.key, place=blob, random=self.store.random))


def expanded(
    window: CalendarWindow, start_ms: int, end_ms: int, *, mailbox_key: bytes, most: int
) -> list[FoundInstance]:
    """Return the instances of a window, in order of their starts; floating times are in the calendar's zone.

    Raises:
        TooManyInstancesError: there are more than ``most``.
    """
    floating = ZoneInfo(window.settings.zone)
    found: list[FoundInstance] = []
    for entry in window.entries:
        opened = sealed.open_index(entry, mailbox_key=mailbox_key, mailbox_id=window.head.mailbox_id)
        each = instances(opened, start_ms, end_ms, floating=floating, most=most)
        found += [FoundInstance(entry.item_id, instance, opened.is_tentative) for instance in each]
        if len(found) > most:
            raise TooManyInstancesError(f"more than {most} events in the window")
    found.sort(key=lambda one: (one.instance.start_ms, one.instance.end_ms, one.item_id))
    return found
