"""Reads of DirectoryTable, shared by the directory's adapters."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from postroom.adapters.aws import unprocessed
from postroom.adapters.aws.directory_rows import Item, Key, key_item
from postroom.adapters.aws.transactions import store_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient


class DirectoryTable:
    """Strongly consistent reads of one table: a read sees every write that was acknowledged before it."""

    def __init__(self, client: DynamoDBClient, name: str, *, pause: Callable[[float], None] = time.sleep) -> None:
        self.client = client
        self.name = name
        self.pause = pause

    def get(self, key: Key) -> Item | None:
        """Return a row, if it exists."""
        with store_errors("read the directory"):
            answer = self.client.get_item(TableName=self.name, Key=key_item(key), ConsistentRead=True)
        return answer.get("Item")  # type: ignore[return-value]  # the stubs allow more value types

    def get_all(self, keys: Sequence[Key]) -> dict[Key, Item]:
        """Return the rows that exist, by key, in batches; a repeated key is read once."""
        found: dict[Key, Item] = {}
        distinct = list(dict.fromkeys(keys))
        for start in range(0, len(distinct), unprocessed.MAX_KEYS):
            self._get_batch(distinct[start : start + unprocessed.MAX_KEYS], found)
        return found

    def _get_batch(self, keys: Sequence[Key], found: dict[Key, Item]) -> None:
        wanted = {self.name: {"Keys": [key_item(key) for key in keys], "ConsistentRead": True}}
        for _, item in unprocessed.get_all(self.client, wanted, "read the directory", self.pause):
            found[item["pk"]["S"], item["sk"]["S"]] = item

    def query(self, pk: str, prefix: str, after: str | None, limit: int) -> tuple[list[Item], bool]:
        """Return the first rows of a partition whose sort key begins with ``prefix`` and is greater than ``after``.

        Returns:
            At most ``limit`` rows (fewer only at the end), and whether more rows may exist.
        """
        values: dict[str, Any] = {":pk": {"S": pk}}
        condition = "pk = :pk"
        if prefix:
            condition += " AND begins_with(sk, :prefix)"
            values[":prefix"] = {"S": prefix}
        start: Any = {"ExclusiveStartKey": key_item((pk, after))} if after else {}
        rows: list[Item] = []
        while True:
            with store_errors("read the directory"):
                answer = self.client.query(
                    TableName=self.name,
                    KeyConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    ConsistentRead=True,
                    Limit=limit - len(rows),
                    **start,
                )
            rows += answer["Items"]  # type: ignore[arg-type]  # as above
            last = answer.get("LastEvaluatedKey")
            if not last or len(rows) >= limit:
                return rows, bool(last)
            start = {"ExclusiveStartKey": last}
