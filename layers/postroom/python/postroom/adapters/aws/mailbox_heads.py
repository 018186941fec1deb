"""Mailboxes in DynamoDB, without their messages."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from postroom.adapters.aws import mailbox_rows, rows
from postroom.adapters.aws.transactions import NOT_THERE, THERE, Transaction, store_errors
from postroom.adapters.aws.unprocessed import MAX_ATTEMPTS
from postroom.model.mailbox import first_head, standard_folders

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

    from postroom.model.mailbox import Head
    from postroom.model.out_of_office import Away
    from postroom.ports.mailboxes import MailboxOwner


@dataclass(frozen=True)
class DynamoMailboxHeads:
    """Implements ``MailboxHeads``. A head that a delivery holds is written after it: ``pause`` waits some seconds."""

    client: DynamoDBClient
    mailbox_table: str
    pause: Callable[[float], None] = field(default=time.sleep, kw_only=True)

    def create(
        self, mailbox_id: str, owner: MailboxOwner, *, wrapped_key: bytes, quota_bytes: int, now_ms: int
    ) -> bool:
        head = first_head(mailbox_id, **asdict(owner), wrapped_key=wrapped_key, quota_bytes=quota_bytes)
        write = Transaction(self.client)
        write.put("head", self.mailbox_table, mailbox_rows.head_row(head, now_ms), condition=NOT_THERE)
        for folder in standard_folders(now_ms):
            write.put("folder", self.mailbox_table, mailbox_rows.folder_row(mailbox_id, folder))
        return not write.commit()

    def head(self, mailbox_id: str) -> Head | None:
        row = self.row(mailbox_id, "head")
        return None if row is None else mailbox_rows.head_from_row(row)

    def set_quota(self, mailbox_id: str, quota_bytes: int) -> bool:
        write = Transaction(self.client).update(
            "head",
            self.mailbox_table,
            rows.key(mailbox_id, "head"),
            "SET #quota = :quota",
            condition=THERE,
            ExpressionAttributeNames={"#quota": "quota"},
            ExpressionAttributeValues={":quota": rows.number(quota_bytes)},
        )
        return not write.commit_with_retries(MAX_ATTEMPTS, self.pause)

    def set_away(self, mailbox_id: str, away: Away | None) -> bool:
        write = Transaction(self.client).update(
            "head",
            self.mailbox_table,
            rows.key(mailbox_id, "head"),
            "REMOVE #away" if away is None else "SET #away = :away",
            condition=THERE,
            ExpressionAttributeNames={"#away": "away"},
            **({} if away is None else {"ExpressionAttributeValues": {":away": mailbox_rows.away(away)}}),
        )
        return not write.commit_with_retries(MAX_ATTEMPTS, self.pause)

    def row(self, mailbox_id: str, sk: str) -> rows.Row | None:
        """Return a row of a mailbox, if it exists, by a strongly consistent read."""
        with store_errors("read a mailbox"):
            answer = self.client.get_item(
                TableName=self.mailbox_table, Key=rows.key(mailbox_id, sk), ConsistentRead=True
            )
        return answer.get("Item")


def move_head(write: Transaction, table: str, before: Head, after: Head, *folders: str) -> None:
    """Add the head's change by a writer of some folders. Condition: the sequence is that of ``before``."""
    names = ["sequence", "size", "noticed"]
    counters = {f"f{number}": folder for number, folder in enumerate(folders)}
    sent = {":outgoing": mailbox_rows.outgoing(after.outgoing)} if after.outgoing != before.outgoing else {}
    names += ["folders"] * bool(counters) + ["outgoing"] * bool(sent)
    write.update(
        "head",
        table,
        rows.key(before.mailbox_id, "head"),
        "SET #sequence = :next, #size = :size, #noticed = :noticed"
        + ", #outgoing = :outgoing" * bool(sent)
        + "".join(f", #folders.#{name} = :{name}" for name in counters),
        condition="#sequence = :sequence",
        ExpressionAttributeNames={
            **{f"#{name}": name for name in names},
            **{f"#{name}": folder for name, folder in counters.items()},
        },
        ExpressionAttributeValues={
            ":sequence": rows.number(before.sequence),
            ":next": rows.number(after.sequence),
            ":size": rows.number(after.size),
            ":noticed": {"BOOL": after.noticed},
            **sent,
            **{f":{name}": mailbox_rows.counters(after.folders[folder]) for name, folder in counters.items()},
        },
    )
