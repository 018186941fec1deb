"""Items by id and the log of creations, found by keyed reads: the same as a look at every row, in few reads."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from math import log2
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.aws.mailbox_rows import head_row, item_row
from postroom.adapters.aws.mailboxes import DynamoMailboxes
from postroom.model.mailbox import Change, ChangeKind, Item, NewItem, enter, first_head
from tests.support.builders import NOON

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDERS = ("INBOX", "JUNK_EMAIL", "SENT_ITEMS")


@dataclass
class Rows:
    """The client of a table with one mailbox; it answers one row at a time and counts the reads."""

    rows: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    reads: int = 0

    def get_item(self, **asked: Any) -> dict[str, Any]:
        self.reads += 1
        row = self.rows.get(asked["Key"]["sk"]["S"])
        return {"Item": row} if row else {}

    def batch_get_item(self, **asked: Any) -> dict[str, Any]:
        self.reads += 1
        ((table, wanted),) = asked["RequestItems"].items()
        return {"Responses": {table: [self.rows[k["sk"]["S"]] for k in wanted["Keys"] if k["sk"]["S"] in self.rows]}}

    def get_paginator(self, operation: str) -> Rows:
        assert operation == "query"
        return self

    def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
        first, last = (asked["ExpressionAttributeValues"][name]["S"] for name in (":first", ":last"))
        found = [self.rows[sk] for sk in sorted(self.rows) if first <= sk <= last]
        size = asked["PaginationConfig"]["PageSize"]
        for start in range(0, len(found) or 1, size):
            self.reads += 1
            yield {"Items": found[start : start + size]}


def filled(dice: random.Random, changes: int) -> tuple[Rows, list[Item]]:
    """Make a mailbox of deliveries to any folder, changes of other kinds, and items that have gone."""
    head = first_head(
        "ann", organization_id="m", organization_arn="a", kms_key_arn="k", wrapped_key=b"w", quota_bytes=9
    )
    inbox = dice.choice((0.1, 0.5, 0.99))
    items: list[Item] = []
    for number in range(changes):
        kind = dice.random()
        if kind < 0.2:  # something else happens in a folder: it takes a sequence, no UID
            folder, sequence = dice.choice(FOLDERS), head.sequence + 1
            counters = replace(head.folders[folder], modseq=sequence)
        else:
            folder = "INBOX" if dice.random() < inbox else dice.choice(FOLDERS)
            new = NewItem(f"{number:032x}", folder, "b", 1, b"s", "c", "c", 1, 1, has_attachments=False)
            item, counters = enter(head, new, NOON)
            items.append(item)
        head = replace(head, sequence=head.sequence + 1, folders={**head.folders, folder: counters})
    left = [item for item in items if dice.random() < 0.9]
    rows: list[Any] = [head_row(head, NOON), *(item_row("ann", item) for item in left)]
    return Rows({row["sk"]["S"]: row for row in rows}), left


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_there_is_found_in_few_reads(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  a repeatable choice
    changes = dice.choice((3, 20, 200))
    rows, left = filled(dice, changes)
    client: Any = rows
    mailboxes = DynamoMailboxes(client, "mailboxes", "transit", "ledger", lambda: NOON)
    few = 2 + len(FOLDERS) * (2 + log2(changes))
    for item in left:
        rows.reads = 0
        assert mailboxes.item("ann", item.id) == item
        assert rows.reads <= few
    log = [Change(item.change_key, ChangeKind.NEW, item.id, *next(iter(item.uids.items()))) for item in left]
    for after in range(0, changes + 3, 1 + changes // 20):
        rows.reads = 0
        expected = [change for change in log if change.sequence > after][:5]
        assert mailboxes.changes("ann", after=after, limit=5) == expected
        assert rows.reads <= few + 1
