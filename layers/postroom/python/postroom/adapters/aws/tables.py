"""Reads of rows, partitions and whole tables, for all adapters of tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postroom.adapters.aws import rows
from postroom.adapters.aws.transactions import store_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient


def get(client: DynamoDBClient, table: str, pk: str, sk: str) -> rows.Row | None:
    """Return a row, if it exists, by a strongly consistent read."""
    with store_errors("read a table"):
        return client.get_item(TableName=table, Key=rows.key(pk, sk), ConsistentRead=True).get("Item")


def query(client: DynamoDBClient, table: str, pk: str, prefix: str, *, consistent: bool = True) -> Iterator[rows.Row]:
    """Yield the rows of a partition whose sort key begins with ``prefix``, in order.

    Args:
        consistent: read strongly consistent; otherwise the last seconds may be missing, at half of the price.
    """
    condition, values = "pk = :pk", {":pk": {"S": pk}}
    if prefix:
        condition, values = f"{condition} AND begins_with(sk, :prefix)", {**values, ":prefix": {"S": prefix}}
    with store_errors("read a table"):
        pages = client.get_paginator("query").paginate(
            TableName=table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            ConsistentRead=consistent,
        )
        for page in pages:
            yield from page["Items"]


def between(
    client: DynamoDBClient, table: str, pk: str, first: str, last: str, *, page_rows: int | None = None
) -> Iterator[rows.Row]:
    """Yield the rows of a partition from one sort key to another, in order, by strongly consistent reads.

    Args:
        page_rows: most rows of one request; without it, a request reads up to 1 MB.
    """
    with store_errors("read a table"):
        pages = client.get_paginator("query").paginate(
            TableName=table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={":pk": {"S": pk}, ":first": {"S": first}, ":last": {"S": last}},
            ConsistentRead=True,
            PaginationConfig={} if page_rows is None else {"PageSize": page_rows},
        )
        for page in pages:
            yield from page["Items"]


def scan(client: DynamoDBClient, table: str, condition: str, **more: Any) -> Iterator[rows.Row]:
    """Yield the rows of a whole table that meet a condition: for the command line and sweeps, never per message."""
    with store_errors("read a table"):
        pages = client.get_paginator("scan").paginate(TableName=table, FilterExpression=condition, **more)
        for page in pages:
            yield from page["Items"]
