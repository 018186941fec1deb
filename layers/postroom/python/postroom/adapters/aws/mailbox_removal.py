"""The end of a mailbox: its rows in DynamoDB, its sealed messages in S3.

Of the bucket's versions only the newest is removed, for which no right over old ones is needed: without the head's key
none can be opened, and the bucket's lifecycle removes them 30 days later.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.aws import rows
from postroom.adapters.aws.tables import query
from postroom.adapters.aws.transactions import store_errors
from postroom.errors import StoreUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

MAX_ROWS: Final = 25
"""Most rows of one BatchWriteItem. Source: DynamoDB's API reference."""

MAX_OBJECTS: Final = 1000
"""Most objects of one DeleteObjects. Source: S3's API reference."""


@dataclass(frozen=True, slots=True)
class AwsMailboxRemoval:
    """``MailboxRemoval``; see the port."""

    dynamodb: DynamoDBClient
    table: str
    s3: S3Client
    bucket: str

    def remove_key(self, mailbox_id: str) -> None:
        """See ``MailboxRemoval.remove_key``."""
        with store_errors("remove a mailbox"):
            self.dynamodb.delete_item(TableName=self.table, Key=rows.key(mailbox_id, "head"))

    def remove_objects(self, organization_id: str) -> bool:
        """See ``MailboxRemoval.remove_objects``."""
        return self._remove_objects(f"mail/{organization_id}/") == 0

    def remove_some(self, organization_id: str, mailbox_id: str) -> bool:
        """See ``MailboxRemoval.remove_some``."""
        self.remove_key(mailbox_id)
        removed = self._remove_objects(f"mail/{organization_id}/{mailbox_id}/") + self._remove_rows(mailbox_id)
        return removed == 0

    def _remove_objects(self, prefix: str) -> int:
        """Remove up to ``MAX_OBJECTS`` of the objects under a prefix; return how many there were."""
        with store_errors("remove sealed mail"):
            listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix, MaxKeys=MAX_OBJECTS)
            keys: Any = [{"Key": found["Key"]} for found in listed.get("Contents", [])]
            if not keys:
                return 0
            answer = self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": keys, "Quiet": True})
        if answer.get("Errors"):
            codes = sorted({error.get("Code", "") for error in answer["Errors"]})
            raise StoreUnavailableError(f"could not remove sealed mail: {', '.join(codes)}")
        return len(keys)

    def _remove_rows(self, mailbox_id: str) -> int:
        """Remove up to ``MAX_ROWS`` rows; return how many there were. What was not processed is there the next time."""
        found = [row["sk"]["S"] for row in islice(query(self.dynamodb, self.table, mailbox_id, ""), MAX_ROWS)]
        if found:
            requests: Any = [{"DeleteRequest": {"Key": rows.key(mailbox_id, sk)}} for sk in found]
            with store_errors("remove a mailbox"):
                self.dynamodb.batch_write_item(RequestItems={self.table: requests})
        return len(found)
