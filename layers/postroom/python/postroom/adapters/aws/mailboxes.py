"""Mailboxes in DynamoDB: a head row that every change goes through, and rows for items, folders and changes.

The head holds the mailbox's sequence and the counters of all its folders, so that one conditional write orders
everything that happens in a mailbox (docs/decisions/0004).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.aws import mailbox_rows, rows, transit_rows
from postroom.adapters.aws.tables import query, record, take_out
from postroom.adapters.aws.transactions import NOT_THERE, THERE, Transaction, store_errors
from postroom.errors import ConflictError
from postroom.model.mailbox import Change, ChangeKind, Counters, Head, Item, enter, first_head, standard_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from postroom.contracts.between_stations import DeliveryOrder
    from postroom.model.facts import Fact
    from postroom.model.mailbox import FolderInfo, NewItem
    from postroom.ports.mailboxes import MailboxOwner

MAX_BATCH: Final = 100
"""Most keys of one BatchGetItem. Source: DynamoDB's API reference."""


@dataclass(frozen=True, slots=True)
class DynamoMailboxes:
    """Implements ``Mailboxes``. ``now`` gives milliseconds since the epoch."""

    client: DynamoDBClient
    mailbox_table: str
    transit_table: str
    ledger_table: str
    now: Callable[[], int]

    def create(self, mailbox_id: str, owner: MailboxOwner, *, wrapped_key: bytes, quota: int, now: int) -> bool:
        head = first_head(mailbox_id, **asdict(owner), wrapped_key=wrapped_key, quota=quota)
        write = Transaction(self.client)
        write.put("head", self.mailbox_table, mailbox_rows.head_row(head, now), condition=NOT_THERE)
        for folder in standard_folders(now):
            write.put("folder", self.mailbox_table, mailbox_rows.folder_row(mailbox_id, folder))
        return not write.commit()

    def head(self, mailbox_id: str) -> Head | None:
        row = self._get(mailbox_id, "head")
        return None if row is None else mailbox_rows.head_from_row(row)

    def set_quota(self, mailbox_id: str, quota: int) -> bool:
        write = Transaction(self.client).update(
            "head",
            self.mailbox_table,
            rows.key(mailbox_id, "head"),
            "SET #quota = :quota",
            condition=THERE,
            ExpressionAttributeNames={"#quota": "quota"},
            ExpressionAttributeValues={":quota": rows.number(quota)},
        )
        return not write.commit()

    def deliver(
        self,
        head: Head,
        item: NewItem,
        order: DeliveryOrder,
        facts: Sequence[Fact],
        *,
        notice: DeliveryOrder | None = None,
    ) -> Item | None:
        """Write head, item, membership, order and facts, in one transaction."""
        entered, counters = enter(head, item, self.now())
        write = Transaction(self.client)
        take_out(write, self.transit_table, order)
        self._move_head(write, head, item, counters, noticed=head.noticed or notice is not None)
        write.put("item", self.mailbox_table, mailbox_rows.item_row(head.mailbox_id, entered), condition=NOT_THERE)
        place = rows.key(head.mailbox_id, mailbox_rows.membership_key(item.folder, entered.uids[item.folder]))
        write.put("uid", self.mailbox_table, {**place, "item": {"S": entered.id}}, condition=NOT_THERE)
        record(write, self.ledger_table, facts)
        if notice is not None:
            write.put("notice", self.transit_table, transit_rows.order_row(notice, self.now()), condition=NOT_THERE)
        refused = write.commit()
        if refused & {"order", "fact"}:
            return None
        if refused:
            raise ConflictError("somebody else changed the mailbox")
        return entered

    def items(self, mailbox_id: str, folder: str, *, after_uid: int = 0, limit: int = 1000) -> Sequence[Item]:
        first, last = mailbox_rows.membership_key(folder, after_uid + 1), mailbox_rows.membership_key(folder, 2**32)
        ids = [row["item"]["S"] for row in self._between(mailbox_id, first, last, limit)]
        found = self._get_items(mailbox_id, ids)
        return [found[name] for name in ids if name in found]

    def item(self, mailbox_id: str, item_id: str) -> Item | None:
        row = self._get(mailbox_id, f"item:{item_id}")
        return None if row is None else mailbox_rows.item_from_row(row)

    def folders(self, mailbox_id: str) -> Sequence[FolderInfo]:
        found = query(self.client, self.mailbox_table, mailbox_id, "folder:")
        return [mailbox_rows.folder_from_row(row) for row in found]

    def changes(self, mailbox_id: str, *, after: int, limit: int = 1000) -> Sequence[Change]:
        """Creations are the items themselves, everything else has a row of its own."""
        news = self._between(mailbox_id, f"item:{after + 1:012x}", "item:~", limit)
        rest = self._between(mailbox_id, f"change:{after + 1:012x}", "change:~", limit)
        found = [*map(_creation, news), *map(_change, rest)]
        return sorted(found, key=lambda change: change.sequence)[:limit]

    def _move_head(self, write: Transaction, head: Head, item: NewItem, counters: Counters, *, noticed: bool) -> None:
        names = ("sequence", "size", "noticed", "folders")
        write.update(
            "head",
            self.mailbox_table,
            rows.key(head.mailbox_id, "head"),
            "SET #sequence = :next, #size = :size, #noticed = :noticed, #folders.#folder = :counters",
            condition="#sequence = :sequence",
            ExpressionAttributeNames={**{f"#{name}": name for name in names}, "#folder": item.folder},
            ExpressionAttributeValues={
                ":sequence": rows.number(head.sequence),
                ":next": rows.number(head.sequence + 1),
                ":size": rows.number(head.size + item.size),
                ":noticed": {"BOOL": noticed},
                ":counters": mailbox_rows.counters(counters),
            },
        )

    def _get(self, mailbox_id: str, sk: str) -> rows.Row | None:
        with store_errors("read a mailbox"):
            answer = self.client.get_item(
                TableName=self.mailbox_table, Key=rows.key(mailbox_id, sk), ConsistentRead=True
            )
        return answer.get("Item")

    def _between(self, mailbox_id: str, first: str, last: str, limit: int) -> list[rows.Row]:
        found: list[rows.Row] = []
        more: dict[str, Any] = {}
        with store_errors("read a mailbox"):
            while len(found) < limit:
                answer = self.client.query(
                    TableName=self.mailbox_table,
                    KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
                    ExpressionAttributeValues={":pk": {"S": mailbox_id}, ":first": {"S": first}, ":last": {"S": last}},
                    ConsistentRead=True,
                    Limit=limit - len(found),
                    **more,
                )
                found += answer["Items"]
                if "LastEvaluatedKey" not in answer:
                    break
                more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return found

    def _get_items(self, mailbox_id: str, ids: Sequence[str]) -> dict[str, Item]:
        found: dict[str, Item] = {}
        for start in range(0, len(ids), MAX_BATCH):
            keys = [rows.key(mailbox_id, f"item:{name}") for name in ids[start : start + MAX_BATCH]]
            wanted: Any = {self.mailbox_table: {"Keys": keys, "ConsistentRead": True}}
            while wanted:
                with store_errors("read a mailbox"):
                    answer = self.client.batch_get_item(RequestItems=wanted)
                for row in answer["Responses"].get(self.mailbox_table, []):
                    item = mailbox_rows.item_from_row(row)
                    found[item.id] = item
                wanted = answer.get("UnprocessedKeys")
        return found


def _creation(row: rows.Row) -> Change:
    item = mailbox_rows.item_from_row(row)
    folder, uid = next(iter(item.uids.items()))
    return Change(int(item.id.partition("-")[0], 16), ChangeKind.NEW, item.id, folder, uid)


def _change(row: rows.Row) -> Change:
    return Change(
        sequence=int(row["sk"]["S"].partition(":")[2], 16),
        kind=ChangeKind(row["kind"]["S"]),
        item_id=row["item"]["S"],
        folder=row["folder"]["S"],
        uid=int(row["uid"]["N"]),
    )
