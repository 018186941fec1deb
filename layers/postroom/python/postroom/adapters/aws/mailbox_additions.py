"""Items that enter a mailbox without a flow: one transaction, and a row that keeps an origin from entering twice.

Row ``origin:<origin>`` has the place at which the item entered, and its id; the item's row names its origin, so that
whatever removes the item removes that row, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.aws import blob_notes, mailbox_rows, rows, unprocessed
from postroom.adapters.aws.mailbox_heads import move_head
from postroom.adapters.aws.transactions import NOT_THERE, Transaction
from postroom.errors import ConflictError
from postroom.model.additions import enter_all

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from postroom.model.additions import Addition, NewFolder
    from postroom.model.calendars import BlobNote
    from postroom.model.mailbox import Head, Item

ORIGIN: Final = "origin:"
"""Prefix of the sort key of the row of an origin."""

_TAKEN: Final = "origin"
"""Label of the conditions that fail if an origin is there."""


def add(
    write: Transaction,
    table: str,
    head: Head,
    additions: Sequence[Addition],
    note: BlobNote | None,
    folders: Sequence[NewFolder],
    now_ms: int,
) -> Sequence[Item] | None:
    """Do what ``Mailboxes.add`` says, by a transaction that has nothing else."""
    entered = enter_all(head, additions, folders, now_ms)
    move_head(write, table, head, entered.head, *entered.changed_folders(head))
    for folder in entered.folders:
        write.put("folder", table, mailbox_rows.folder_row(head.mailbox_id, folder), condition=NOT_THERE)
    for addition, item in zip(additions, entered.items, strict=True):
        item_row = {**mailbox_rows.item_row(head.mailbox_id, item), "origin": {"S": addition.origin}}
        write.put("item", table, item_row, condition=NOT_THERE)
        origin_row = _origin_row(head.mailbox_id, addition, item)
        write.put(_TAKEN, table, origin_row, condition=NOT_THERE)
    if note is not None:
        blob_notes.end(write, table, head.mailbox_id, note)
    refused = write.commit()
    if _TAKEN in refused:
        return None
    if refused:
        raise ConflictError("another change of the mailbox was faster")
    return entered.items


def added(
    client: DynamoDBClient,
    table: str,
    mailbox_id: str,
    origins: Sequence[str],
    *,
    find: Callable[[str, str], Item | None],
    pause: Callable[[float], None],
) -> Mapping[str, Item]:
    """Do what ``Mailboxes.added`` says. ``find`` is ``Mailboxes.item``, for items that have left their place."""
    found = unprocessed.get_rows(client, table, mailbox_id, [ORIGIN + origin for origin in origins], pause)
    places = {sk.removeprefix(ORIGIN): row["place"]["S"] for sk, row in found.items()}
    at_places = unprocessed.get_rows(client, table, mailbox_id, places.values(), pause)
    items: dict[str, Item] = {}
    for origin, place in places.items():
        item_id = found[ORIGIN + origin]["item"]["S"]
        row = at_places.get(place)
        is_there = row is not None and mailbox_rows.item_at(row) == item_id
        item = mailbox_rows.item_from_row(row) if row is not None and is_there else find(mailbox_id, item_id)
        if item is not None:
            items[origin] = item
    return items


def _origin_row(mailbox_id: str, addition: Addition, item: Item) -> dict[str, Any]:
    ((folder, uid),) = item.uids.items()
    return {
        **rows.key(mailbox_id, ORIGIN + addition.origin),
        "item": {"S": item.id},
        "place": {"S": mailbox_rows.place_key(folder, uid)},
    }
