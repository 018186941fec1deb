"""Notes of mailboxes that are kept for some time, as rows of DirectoryTable.

pk DUE#mailboxes    sk <due, 13 digits>#<organization>#<owner>
                    sk read      `at`: when all owners were read last
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.adapters.aws import rows
from postroom.adapters.aws.tables import between, get
from postroom.adapters.aws.transactions import store_errors
from postroom.ports.due_mailboxes import DueMailbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

PARTITION: Final = "DUE#mailboxes"
READ: Final = "read"


@dataclass(frozen=True, slots=True)
class DynamoDueMailboxes:
    """Implements ``DueMailboxes``."""

    client: DynamoDBClient
    table: str

    def due(self, until_ms: int) -> Iterator[DueMailbox]:
        for row in between(self.client, self.table, PARTITION, "0", f"{until_ms + 1:013d}"):
            due, organization_id, owner_id = row["sk"]["S"].split("#", 2)
            yield DueMailbox(int(due), organization_id, owner_id)

    def note(self, due: DueMailbox) -> None:
        with store_errors("note a mailbox"):
            self.client.put_item(TableName=self.table, Item=rows.key(PARTITION, _sk(due)))

    def forget(self, due: DueMailbox) -> None:
        with store_errors("forget a mailbox"):
            self.client.delete_item(TableName=self.table, Key=rows.key(PARTITION, _sk(due)))

    def all_read_ms(self) -> int | None:
        row = get(self.client, self.table, PARTITION, READ)
        return None if row is None else int(row["at"]["N"])

    def all_read(self, at_ms: int) -> None:
        with store_errors("record that all owners were read"):
            self.client.put_item(TableName=self.table, Item={**rows.key(PARTITION, READ), "at": rows.number(at_ms)})


def _sk(due: DueMailbox) -> str:
    return f"{due.due_ms:013d}#{due.organization_id}#{due.owner_id}"
