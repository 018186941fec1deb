"""Mailboxes in DynamoDB: a head row that every change writes, and rows for items, folders and changes.

The head has the mailbox's sequence and the counters of all folders, so one conditional write orders all changes of a
mailbox (docs/decisions/0004). The key of an item's row is its place in its folder (docs/decisions/0022).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from postroom.adapters.aws import mailbox_rows, rows, unprocessed
from postroom.adapters.aws.mailbox_heads import DynamoMailboxHeads, move_head
from postroom.adapters.aws.tables import between, query
from postroom.adapters.aws.transactions import NOT_THERE, Transaction
from postroom.errors import ConflictError
from postroom.model.additions import enter_all
from postroom.model.folders import Folder
from postroom.model.mailbox import Change, ChangeKind, Counters, Item
from postroom.ports.mailboxes import Delivered, check_additions, check_deliveries, check_submission
from postroom.ports.transit import Outcome, Settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from postroom.model.additions import NewFolder
    from postroom.model.calendars import BlobNote
    from postroom.model.mailbox import FolderInfo, Head, NewItem, Outgoing
    from postroom.ports.mailboxes import Delivery
    from postroom.ports.transit import Commit

_STANDARD: Final = frozenset(Folder)


@dataclass(frozen=True)
class DynamoMailboxes(DynamoMailboxHeads):
    """Implements ``Mailboxes``. ``now`` returns milliseconds since the epoch."""

    transit_table: str
    ledger_table: str
    now: Callable[[], int]

    def deliver(self, head: Head, deliveries: Sequence[Delivery]) -> Delivered:
        """Write the head, and per delivery item, order and facts. The labels of a delivery's writes have its index."""
        from postroom.adapters.aws.transit import FlowWrites  # readers of mailboxes need no orders

        check_deliveries(deliveries)
        entered = enter_all(head, [each.item for each in deliveries], (), self.now())
        is_noticed = head.noticed or any(each.notice is not None for each in deliveries)
        write = Transaction(self.client)
        move_head(
            write,
            self.mailbox_table,
            head,
            replace(entered.head, noticed=is_noticed),
            *entered.changed_folders(head),
        )
        for number, (delivery, item) in enumerate(zip(deliveries, entered.items, strict=True)):
            flow = FlowWrites(write, self.transit_table, self.ledger_table, self.now(), f"{number}:")
            flow.take(Settle(delivery.order))
            write.put("item", self.mailbox_table, mailbox_rows.item_row(head.mailbox_id, item), condition=NOT_THERE)
            flow.facts(delivery.facts)
            flow.orders(delivery.new_orders)
        refused = write.commit()
        if ended := frozenset(number for number in range(len(deliveries)) if refused & _end_labels(number)):
            return Delivered(ended=ended)
        if refused:
            raise ConflictError("another change of the mailbox was faster")
        return Delivered(entered.items)

    def send(self, head: Head, item: NewItem, commit: Commit, *, outgoing: Outgoing | None = None) -> Outcome:
        from postroom.adapters.aws.transit import FlowWrites

        check_submission(commit)
        entered = enter_all(head, [item], (), self.now())
        after = entered.head if outgoing is None else replace(entered.head, outgoing=outgoing)
        write = Transaction(self.client)
        move_head(write, self.mailbox_table, head, after, *entered.changed_folders(head))
        row = mailbox_rows.item_row(head.mailbox_id, entered.items[0])
        write.put("item", self.mailbox_table, row, condition=NOT_THERE)
        flow = FlowWrites(write, self.transit_table, self.ledger_table, self.now())
        flow.facts(commit.facts)
        flow.orders(commit.orders)
        if commit.expansion is not None:
            flow.expansion(commit.expansion)
        if (contents := commit.new_contents) is not None:
            flow.contents(contents)
        refused = write.commit()
        if refused - {"head", "item"}:
            return Outcome.ALREADY
        if refused:
            raise ConflictError("another change of the mailbox was faster")
        return Outcome.DONE

    def add(
        self, head: Head, additions: Sequence[NewItem], note: BlobNote | None, *, folders: Sequence[NewFolder] = ()
    ) -> Sequence[Item] | None:
        from postroom.adapters.aws import mailbox_additions  # functions that deliver mail add nothing

        check_additions(additions, folders)
        write = Transaction(self.client)
        return mailbox_additions.add(write, self.mailbox_table, head, additions, note, folders, self.now())

    def added(self, mailbox_id: str, tokens: Sequence[str]) -> Mapping[str, Item]:
        from postroom.adapters.aws import mailbox_additions

        return mailbox_additions.added(
            self.client, self.mailbox_table, mailbox_id, tokens, find=self.item, pause=self.pause
        )

    def items(self, mailbox_id: str, folder: str, *, after_uid: int = 0, limit: int = 1000) -> Sequence[Item]:
        found = self._places(mailbox_id, folder, after_uid + 1, limit)
        old = self._old_items(mailbox_id, [row["item"]["S"] for row in found if "item" in row])
        whole = (old.get(row["item"]["S"]) if "item" in row else row for row in found)
        return [mailbox_rows.item_from_row(row) for row in whole if row is not None]

    def item(self, mailbox_id: str, item_id: str) -> Item | None:
        """An item that was added has a row with its place; for others, folders are searched, standard ones first."""
        old = mailbox_rows.OLD_ITEM + item_id
        token = mailbox_rows.ENTERED + item_id.partition("-")[2]
        found = unprocessed.get_rows(self.client, self.mailbox_table, mailbox_id, ["head", old, token], self.pause)
        if old in found:
            return mailbox_rows.item_from_row(found[old])
        if token in found and (row := self.row(mailbox_id, found[token]["place"]["S"])) is not None:
            return mailbox_rows.item_from_row(row) if mailbox_rows.item_at(row) == item_id else None
        try:
            created = mailbox_rows.created_at(item_id)
        except ValueError:
            return None
        for folder, counters in _with_news(found.get("head"), since=created):
            first = self._first_uid(mailbox_id, folder, counters, entered=created)
            for row in self._places(mailbox_id, folder, first, 1):
                if mailbox_rows.item_at(row) == item_id:
                    return mailbox_rows.item_from_row(row)
        return None

    def folders(self, mailbox_id: str) -> Sequence[FolderInfo]:
        found = query(self.client, self.mailbox_table, mailbox_id, "folder:")
        return [mailbox_rows.folder_from_row(row) for row in found]

    def changes(self, mailbox_id: str, *, after: int, limit: int = 1000) -> Sequence[Change]:
        """A creation is read from the item's row; every other change has its own row."""
        head = self.row(mailbox_id, "head")
        if head is None:
            return []
        found: list[Change] = []
        for folder, counters in _with_news(head, since=after + 1):
            first = self._first_uid(mailbox_id, folder, counters, entered=after + 1)
            found += map(_creation, self._places(mailbox_id, folder, first, limit))
        found += map(
            mailbox_rows.change_from_row,
            self._between(mailbox_id, mailbox_rows.change_key(after + 1), "change:~", limit),
        )
        last = mailbox_rows.head_from_row(head).sequence  # later changes may be in a folder that was not read
        known = (change for change in found if after < change.sequence <= last)
        return sorted(known, key=lambda change: change.sequence)[:limit]

    def _first_uid(self, mailbox_id: str, folder: str, counters: Counters, *, entered: int) -> int:
        """Return a UID below which no message entered the folder at a mailbox sequence or later.

        UIDs and sequences ascend together, and each UID has its own sequence, so their difference never shrinks. The
        UIDs that are left are as many as the mailbox had other changes. A binary search reads one row per step.
        """
        given = counters.uid_next - 1
        first, last = max(1, entered - (counters.modseq - given)), min(counters.uid_next, entered - 1)
        while first < last:
            middle = (first + last) // 2
            row = next(iter(self._places(mailbox_id, folder, middle, 1)), None)
            if row is not None and mailbox_rows.created_at(mailbox_rows.item_at(row)) < entered:
                first = mailbox_rows.place_of(row)[1] + 1
            else:
                last = middle
        return first

    def _places(self, mailbox_id: str, folder: str, first_uid: int, limit: int) -> list[rows.Row]:
        """Return the first rows of a folder from a UID on, of either format."""
        first, last = mailbox_rows.place_key(folder, first_uid), mailbox_rows.place_key(folder, 2**32)
        return self._between(mailbox_id, first, last, limit)

    def _between(self, mailbox_id: str, first: str, last: str, limit: int) -> list[rows.Row]:
        found = between(self.client, self.mailbox_table, mailbox_id, first, last, page_rows=limit)
        return list(islice(found, limit))

    def _old_items(self, mailbox_id: str, ids: Sequence[str]) -> dict[str, rows.Row]:
        """Return rows of the former format by item id."""
        found = unprocessed.get_rows(
            self.client, self.mailbox_table, mailbox_id, [mailbox_rows.OLD_ITEM + name for name in ids], self.pause
        )
        return {sk.removeprefix(mailbox_rows.OLD_ITEM): row for sk, row in found.items()}


def _end_labels(number: int) -> frozenset[str]:
    """Return the labels of the conditions that fail if the order of a delivery has ended."""
    from postroom.adapters.aws.transit import FACT, TAKE

    return frozenset({f"{number}:{TAKE}", f"{number}:{FACT}"})


def _with_news(head: rows.Row | None, *, since: int) -> Iterator[tuple[str, Counters]]:
    """Yield folders with messages ever, and a change at a mailbox sequence or later, with their counters."""
    folders = mailbox_rows.head_from_row(head).folders if head is not None else {}
    for folder, counters in sorted(folders.items(), key=lambda each: each[0] not in _STANDARD):
        if counters.modseq >= since and counters.uid_next > 1:
            yield folder, counters


def _creation(row: rows.Row) -> Change:
    name, (folder, uid) = mailbox_rows.item_at(row), mailbox_rows.place_of(row)
    return Change(mailbox_rows.created_at(name), ChangeKind.NEW, name, folder, uid)
