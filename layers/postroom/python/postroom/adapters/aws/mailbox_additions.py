"""Items that enter a mailbox without a flow: one transaction, and a row that keeps a token from entering twice.

Row ``token:<token>`` has the place at which the item entered, and its id. Whatever removes the item, whose id has the
token, removes that row, too.
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

    from postroom.model.additions import NewFolder
    from postroom.model.calendars import BlobNote
    from postroom.model.mailbox import Head, Item, NewItem

_TAKEN: Final = "token"
"""Label of the conditions that fail if a token is there."""


def add(
    write: Transaction,
    table: str,
    head: Head,
    additions: Sequence[NewItem],
    note: BlobNote | None,
    folders: Sequence[NewFolder],
    now_ms: int,
) -> Sequence[Item] | None:
    """Do what ``Mailboxes.add`` says, by a transaction that has nothing else."""
    entered = enter_all(head, additions, folders, now_ms)
    move_head(write, table, head, entered.head, *entered.changed_folders(head))
    for folder in entered.folders:
        write.put("folder", table, mailbox_rows.folder_row(head.mailbox_id, folder), condition=NOT_THERE)
    for item in entered.items:
        write.put("item", table, mailbox_rows.item_row(head.mailbox_id, item), condition=NOT_THERE)
        write.put(_TAKEN, table, _token_row(head.mailbox_id, item), condition=NOT_THERE)
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
    tokens: Sequence[str],
    *,
    find: Callable[[str, str], Item | None],
    pause: Callable[[float], None],
) -> Mapping[str, Item]:
    """Do what ``Mailboxes.added`` says. ``find`` is ``Mailboxes.item``, for items that have left their place."""
    found = unprocessed.get_rows(client, table, mailbox_id, [mailbox_rows.ENTERED + token for token in tokens], pause)
    entered = {sk: _entered_from(row) for sk, row in found.items()}
    at_places = unprocessed.get_rows(client, table, mailbox_id, [place for _, place in entered.values()], pause)
    items: dict[str, Item] = {}
    for sk, (item_id, place) in entered.items():
        row = at_places.get(place)
        is_there = row is not None and mailbox_rows.item_at(row) == item_id
        item = mailbox_rows.item_from_row(row) if row is not None and is_there else find(mailbox_id, item_id)
        if item is not None:
            items[sk.removeprefix(mailbox_rows.ENTERED)] = item
    return items


def _entered_from(row: rows.Row) -> tuple[str, str]:
    """Return the id of an item by its token's row, and the sort key of the place at which it entered."""
    rows.readable(row)
    return row["item"]["S"], row["place"]["S"]


def _token_row(mailbox_id: str, item: Item) -> dict[str, Any]:
    ((folder, uid),) = item.uids.items()
    return {
        **rows.key(mailbox_id, mailbox_rows.ENTERED + item.token),
        "item": {"S": item.id},
        "place": {"S": mailbox_rows.place_key(folder, uid)},
    }
