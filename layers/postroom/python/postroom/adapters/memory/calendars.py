"""Calendars in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from postroom.adapters.memory.transit import MemoryTransit
from postroom.errors import ConflictError
from postroom.model.calendars import (
    DEFAULT_SETTINGS,
    Access,
    BlobNote,
    CalendarSettings,
    CalendarWindow,
    ObjectChange,
    PutObject,
    RemoveObject,
    SealedEntry,
    StoredObject,
    apply,
    former_blobs,
)
from postroom.model.folders import Folder
from postroom.model.mailbox import ChangeKind
from postroom.ports.calendars import check_commit
from postroom.ports.transit import Commit, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from postroom.adapters.memory.tables import Mailbox, MemoryTables
    from postroom.model.mailbox import Head, Item


@dataclass(frozen=True, slots=True)
class MemoryCalendars:
    """Implements ``Calendars``. ``now`` returns milliseconds since the epoch."""

    tables: MemoryTables
    now: Callable[[], int]

    def find(self, mailbox_id: str, uid_hashes: Sequence[str]) -> Mapping[str, StoredObject]:
        with self.tables.lock:
            mailbox = self.tables.mailboxes.get(mailbox_id)
            known = mailbox.calendar if mailbox else {}
            return {
                uid_hash: StoredObject(mailbox.items[known[uid_hash].item_id], uid_hash, known[uid_hash].times)
                for uid_hash in uid_hashes
                if mailbox and uid_hash in known
            }

    def window(
        self,
        mailbox_id: str,
        start_ms: int,
        end_ms: int,
        *,
        consistent: bool = True,  # noqa: ARG002 - all reads are
    ) -> CalendarWindow | None:
        with self.tables.lock:
            mailbox = self.tables.mailboxes.get(mailbox_id)
            if mailbox is None:
                return None
            found = tuple(entry for entry in mailbox.calendar.values() if entry.times.overlaps(start_ms, end_ms))
            return CalendarWindow(mailbox.head, mailbox.folders[Folder.CALENDAR], mailbox.settings, found)

    def change(
        self, head: Head, changes: Sequence[ObjectChange], note: BlobNote, commit: Commit | None = None
    ) -> Sequence[Item] | None:
        transit, commit = MemoryTransit(self.tables, self.now), commit or Commit()
        check_commit(commit)
        with self.tables.lock:
            if transit.outcome(commit) is not Outcome.DONE:
                return None
            mailbox = self.tables.mailboxes.get(head.mailbox_id)
            if mailbox is None or mailbox.head.sequence != head.sequence or mailbox.notes.get(note.id) != note:
                raise ConflictError("another change of the mailbox was faster")
            applied = apply(head, changes, self.now())
            for change, item in zip(changes, applied.items, strict=True):
                _change(mailbox, change, item)
            mailbox.changes += [change for change in applied.log if change.kind is not ChangeKind.NEW]
            current = mailbox.head
            mailbox.head = replace(
                applied.head, noticed=current.noticed, quota_bytes=current.quota_bytes, away=current.away
            )
            del mailbox.notes[note.id]
            if former := former_blobs(changes):
                mailbox.notes[note.id] = replace(note, blobs=former)
            transit.commit(commit)
            return applied.items

    def note(self, mailbox_id: str, note: BlobNote) -> None:
        with self.tables.lock:
            if mailbox := self.tables.mailboxes.get(mailbox_id):
                mailbox.notes[note.id] = note

    def notes(self, mailbox_id: str, *, before_ms: int) -> Sequence[BlobNote]:
        with self.tables.lock:
            mailbox = self.tables.mailboxes.get(mailbox_id)
            notes = mailbox.notes.values() if mailbox else ()
            return [note for note in notes if note.since_ms < before_ms]

    def close_note(self, mailbox_id: str, note: BlobNote) -> bool:
        with self.tables.lock:
            mailbox = self.tables.mailboxes.get(mailbox_id)
            if mailbox is None or mailbox.notes.get(note.id) != note:
                return False
            mailbox.notes[note.id] = replace(note, closed=True)
            return True

    def end_note(self, mailbox_id: str, note_id: str) -> None:
        with self.tables.lock:
            if mailbox := self.tables.mailboxes.get(mailbox_id):
                mailbox.notes.pop(note_id, None)

    def settings(self, mailbox_id: str) -> CalendarSettings:
        with self.tables.lock:
            mailbox = self.tables.mailboxes.get(mailbox_id)
            return mailbox.settings if mailbox else DEFAULT_SETTINGS

    def set_settings(self, mailbox_id: str, settings: CalendarSettings) -> bool:
        with self.tables.lock:
            mailbox = self.tables.mailboxes.get(mailbox_id)
            if mailbox is not None:
                mailbox.settings = settings
            return mailbox is not None

    def set_access(self, mailbox_id: str, who: str, access: Access | None) -> bool:
        with self.tables.lock:
            mailbox = self.tables.mailboxes.get(mailbox_id)
            if mailbox is None:
                return False
            folder = mailbox.folders[Folder.CALENDAR]
            others = {name: level for name, level in folder.permissions.items() if name != who}
            entry = {} if access is None else {who: access.value}
            mailbox.folders[Folder.CALENDAR] = replace(folder, permissions={**others, **entry})
            return True


def _change(mailbox: Mailbox, change: ObjectChange, item: Item) -> None:
    match change:
        case PutObject(new):
            mailbox.items[item.id] = item
            mailbox.calendar[new.uid_hash] = SealedEntry(item.id, new.times, new.entry)
        case RemoveObject(stored):
            del mailbox.items[item.id]
            del mailbox.calendar[stored.uid_hash]
