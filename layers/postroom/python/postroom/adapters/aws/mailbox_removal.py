"""The removal of mailboxes: their rows in DynamoDB, their sealed messages in S3.

Only the newest version of an object is removed, so no permission on older versions is needed. Without the key in the
head no version can be opened, and the bucket's lifecycle removes the versions 30 days later.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.aws import rows, unprocessed
from postroom.adapters.aws.tables import query
from postroom.adapters.aws.transactions import store_errors
from postroom.adapters.aws.unprocessed import MAX_DELETES
from postroom.contracts.export_staging import of_organization
from postroom.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

MAX_OBJECTS: Final = 1000
"""Most objects of one DeleteObjects. Source: S3's API reference."""


@dataclass(frozen=True, slots=True)
class AwsMailboxRemoval:
    """Implements ``MailboxRemoval``."""

    dynamodb: DynamoDBClient
    table: str
    s3: S3Client
    bucket: str
    pause: Callable[[float], None] = time.sleep

    def remove_keys(self, mailbox_ids: Sequence[str]) -> None:
        for start in range(0, len(mailbox_ids), MAX_DELETES):
            self._delete([rows.key(each, "head") for each in mailbox_ids[start : start + MAX_DELETES]])

    def remove_objects(self, organization_id: str) -> bool:
        prefixes = (f"mail/{organization_id}/", of_organization(organization_id))
        return not any(self._remove_objects(prefix) for prefix in prefixes)

    def remove_some(self, organization_id: str, mailbox_id: str) -> bool:
        with store_errors("remove a mailbox"):
            self.dynamodb.delete_item(TableName=self.table, Key=rows.key(mailbox_id, "head"))
        removed = self._remove_objects(f"mail/{organization_id}/{mailbox_id}/") + self._remove_rows(mailbox_id)
        return removed == 0

    def _remove_objects(self, prefix: str) -> int:
        """Remove at most ``MAX_OBJECTS`` objects under a prefix; return their number."""
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
        """Remove at most ``MAX_DELETES`` rows; return their number."""
        found = [row["sk"]["S"] for row in islice(query(self.dynamodb, self.table, mailbox_id, ""), MAX_DELETES)]
        self._delete([rows.key(mailbox_id, sk) for sk in found])
        return len(found)

    def _delete(self, keys: Sequence[dict[str, Any]]) -> None:
        """Remove all of the rows: as long as a head with its key exists, the mailbox can be read."""
        unprocessed.delete_all(self.dynamodb, self.table, keys, "remove a mailbox", self.pause)
