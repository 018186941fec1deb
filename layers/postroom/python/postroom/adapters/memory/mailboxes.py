"""Mailboxes in memory."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from postroom.adapters.memory.tables import Mailbox, MemoryTables
from postroom.errors import ConflictError
from postroom.model.additions import enter_all
from postroom.model.mailbox import (
    Change,
    ChangeKind,
    FolderInfo,
    Head,
    Item,
    NewItem,
    enter,
    first_head,
    standard_folders,
)
from postroom.ports.mailboxes import check_additions
from postroom.ports.transit import require_end

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from postroom.contracts.orders import DeliveryOrder, Order
    from postroom.model.additions import NewFolder
    from postroom.model.calendars import BlobNote
    from postroom.model.facts import Fact
    from postroom.ports.mailboxes import MailboxOwner


@dataclass(frozen=True, slots=True)
class MemoryMailboxes:
    """Implements ``Mailboxes``. ``now`` returns milliseconds since the epoch."""

    tables: MemoryTables
    now: Callable[[], int]

    def create(
        self, mailbox_id: str, owner: MailboxOwner, *, wrapped_key: bytes, quota_bytes: int, now_ms: int
    ) -> bool:
        with self.tables.lock:
            if mailbox_id in self.tables.mailboxes:
                return False
            head = first_head(mailbox_id, **asdict(owner), wrapped_key=wrapped_key, quota_bytes=quota_bytes)
            folders = {folder.id: folder for folder in standard_folders(now_ms)}
            self.tables.mailboxes[mailbox_id] = Mailbox(head, folders)
            return True

    def head(self, mailbox_id: str) -> Head | None:
        mailbox = self._mailbox(mailbox_id)
        return mailbox.head if mailbox else None

    def set_quota(self, mailbox_id: str, quota_bytes: int) -> bool:
        with self.tables.lock:
            mailbox = self.tables.mailboxes.get(mailbox_id)
            if mailbox is None:
                return False
            mailbox.head = replace(mailbox.head, quota_bytes=quota_bytes)
            return True

    def deliver(
        self,
        head: Head,
        item: NewItem,
        order: DeliveryOrder,
        facts: Sequence[Fact],
        *,
        notice: DeliveryOrder | None = None,
        orders: Sequence[Order] = (),
    ) -> Item | None:
        require_end(order, facts)
        tables, new = self.tables, [*orders, notice] if notice is not None else orders
        with tables.lock:
            place = (order.trace, order.key)
            if (order.has_row and place not in tables.transit) or not tables.are_new(facts):
                return None
            mailbox = tables.mailboxes.get(head.mailbox_id)
            if mailbox is None or mailbox.head.sequence != head.sequence or not tables.are_new([], new):
                raise ConflictError("another change of the mailbox was faster")
            entered, counters = enter(head, item, self.now())
            if order.has_row:
                del tables.transit[place]
            tables.write(facts, new, now_ms=self.now())
            mailbox.items[entered.id] = entered
            mailbox.head = replace(
                mailbox.head,
                sequence=head.sequence + 1,
                size=head.size + item.size,
                noticed=head.noticed or notice is not None,
                folders={**mailbox.head.folders, item.folder: counters},
            )
            return entered

    def add(
        self, head: Head, additions: Sequence[NewItem], note: BlobNote | None, *, folders: Sequence[NewFolder] = ()
    ) -> Sequence[Item] | None:
        check_additions(additions, folders)
        with self.tables.lock:
            mailbox = self.tables.mailboxes.get(head.mailbox_id)
            if mailbox and any(addition.token in mailbox.added for addition in additions):
                return None
            entered = enter_all(head, additions, folders, self.now())
            is_noted = mailbox is not None and (note is None or mailbox.notes.get(note.id) == note)
            if mailbox is None or mailbox.head.sequence != head.sequence or not is_noted:
                raise ConflictError("another change of the mailbox was faster")
            mailbox.head = replace(entered.head, noticed=mailbox.head.noticed, quota_bytes=mailbox.head.quota_bytes)
            mailbox.folders.update((folder.id, folder) for folder in entered.folders)
            mailbox.items.update((item.id, item) for item in entered.items)
            mailbox.added.update((item.token, item.id) for item in entered.items)
            if note is not None:
                del mailbox.notes[note.id]
            return entered.items

    def added(self, mailbox_id: str, tokens: Sequence[str]) -> Mapping[str, Item]:
        with self.tables.lock:
            mailbox = self.tables.mailboxes.get(mailbox_id)
            if mailbox is None:
                return {}
            return {token: mailbox.items[mailbox.added[token]] for token in tokens if token in mailbox.added}

    def items(self, mailbox_id: str, folder: str, *, after_uid: int = 0, limit: int = 1000) -> Sequence[Item]:
        found = [item for item in self._items(mailbox_id) if item.uids.get(folder, 0) > after_uid]
        return sorted(found, key=lambda item: item.uids[folder])[:limit]

    def item(self, mailbox_id: str, item_id: str) -> Item | None:
        mailbox = self._mailbox(mailbox_id)
        return mailbox.items.get(item_id) if mailbox else None

    def folders(self, mailbox_id: str) -> Sequence[FolderInfo]:
        mailbox = self._mailbox(mailbox_id)
        return [folder for _, folder in sorted(mailbox.folders.items())] if mailbox else []

    def changes(self, mailbox_id: str, *, after: int, limit: int = 1000) -> Sequence[Change]:
        with self.tables.lock:
            mailbox = self.tables.mailboxes.get(mailbox_id)
            found = [*map(_creation, mailbox.items.values()), *mailbox.changes] if mailbox else []
        return sorted((c for c in found if c.sequence > after), key=lambda change: change.sequence)[:limit]

    def _mailbox(self, mailbox_id: str) -> Mailbox | None:
        with self.tables.lock:
            return self.tables.mailboxes.get(mailbox_id)

    def _items(self, mailbox_id: str) -> list[Item]:
        with self.tables.lock:
            mailbox = self.tables.mailboxes.get(mailbox_id)
            return list(mailbox.items.values()) if mailbox else []


def _creation(item: Item) -> Change:
    folder, uid = next(iter(item.uids.items()))
    return Change(int(item.id.partition("-")[0], 16), ChangeKind.NEW, item.id, folder, uid)
