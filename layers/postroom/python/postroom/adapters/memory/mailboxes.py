"""Mailboxes in memory."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from postroom.adapters.memory.tables import Mailbox, MemoryTables
from postroom.adapters.memory.transit import MemoryTransit
from postroom.errors import ConflictError
from postroom.model.additions import enter_all
from postroom.model.mailbox import (
    Change,
    ChangeKind,
    FolderInfo,
    Head,
    Item,
    NewItem,
    Outgoing,
    first_head,
    standard_folders,
)
from postroom.ports.mailboxes import Delivered, check_additions, check_deliveries, check_submission
from postroom.ports.transit import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from postroom.model.additions import NewFolder
    from postroom.model.calendars import BlobNote
    from postroom.model.out_of_office import Away
    from postroom.ports.mailboxes import Delivery, MailboxOwner
    from postroom.ports.transit import Commit


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

    def set_away(self, mailbox_id: str, away: Away | None) -> bool:
        with self.tables.lock:
            mailbox = self.tables.mailboxes.get(mailbox_id)
            if mailbox is None:
                return False
            mailbox.head = replace(mailbox.head, away=away)
            return True

    def deliver(self, head: Head, deliveries: Sequence[Delivery]) -> Delivered:
        check_deliveries(deliveries)
        tables, new = self.tables, [order for each in deliveries for order in each.new_orders]
        with tables.lock:
            if ended := frozenset(number for number, each in enumerate(deliveries) if self._has_ended(each)):
                return Delivered(ended=ended)
            mailbox = tables.mailboxes.get(head.mailbox_id)
            if mailbox is None or mailbox.head.sequence != head.sequence or not tables.are_new([], new):
                raise ConflictError("another change of the mailbox was faster")
            entered = enter_all(head, [each.item for each in deliveries], (), self.now())
            for each in deliveries:
                if each.order.has_row:
                    del tables.transit[each.order.trace, each.order.key]
            tables.write([fact for each in deliveries for fact in each.facts], new, now_ms=self.now())
            mailbox.items.update((item.id, item) for item in entered.items)
            is_noticed = head.noticed or any(each.notice is not None for each in deliveries)
            mailbox.head = replace(_after(entered.head, mailbox.head), noticed=is_noticed)
            return Delivered(entered.items)

    def send(self, head: Head, item: NewItem, commit: Commit, *, outgoing: Outgoing | None = None) -> Outcome:
        check_submission(commit)
        transit = MemoryTransit(self.tables, self.now)
        with self.tables.lock:
            if transit.outcome(commit) is not Outcome.DONE:
                return Outcome.ALREADY
            mailbox = self.tables.mailboxes.get(head.mailbox_id)
            if mailbox is None or mailbox.head.sequence != head.sequence:
                raise ConflictError("another change of the mailbox was faster")
            entered = enter_all(head, [item], (), self.now())
            transit.commit(commit)
            mailbox.items[entered.items[0].id] = entered.items[0]
            after = _after(entered.head, mailbox.head)
            mailbox.head = after if outgoing is None else replace(after, outgoing=outgoing)
            return Outcome.DONE

    def _has_ended(self, delivery: Delivery) -> bool:
        order = delivery.order
        is_gone = order.has_row and (order.trace, order.key) not in self.tables.transit
        return is_gone or not self.tables.are_new(delivery.facts)

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
            mailbox.head = replace(_after(entered.head, mailbox.head), noticed=mailbox.head.noticed)
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


def _after(entered: Head, current: Head) -> Head:
    """Return a head after additions; what may change without them is as it is now."""
    return replace(entered, quota_bytes=current.quota_bytes, away=current.away)


def _creation(item: Item) -> Change:
    folder, uid = next(iter(item.uids.items()))
    return Change(int(item.id.partition("-")[0], 16), ChangeKind.NEW, item.id, folder, uid)
