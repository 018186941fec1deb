"""What the adapters of tables share: reading partitions, and the parts that several transactions have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postroom.adapters.aws import ledger_rows, rows
from postroom.adapters.aws.transactions import NOT_THERE, THERE, Transaction, store_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from postroom.contracts.expansions import Expansion
    from postroom.contracts.orders import Order
    from postroom.model.facts import Fact


def record(write: Transaction, ledger_table: str, facts: Sequence[Fact]) -> None:
    """Add facts to a transaction; one that is there already refuses it, for it tells that the change was made."""
    for fact in facts:
        write.put("fact", ledger_table, ledger_rows.fact_row(fact), condition=NOT_THERE)


def take_out(write: Transaction, transit_table: str, order: Order | Expansion) -> None:
    """Add an order's end to a transaction; an order that is not there refuses it."""
    write.delete("order", transit_table, rows.key(order.trace, order.key), condition=THERE)


def query(client: DynamoDBClient, table: str, pk: str, prefix: str) -> Iterator[rows.Row]:
    """Yield the rows of one partition whose sort key begins so, in order; strongly consistent."""
    condition, values = "pk = :pk", {":pk": {"S": pk}}
    if prefix:
        condition, values = f"{condition} AND begins_with(sk, :prefix)", {**values, ":prefix": {"S": prefix}}
    with store_errors("read a table"):
        pages = client.get_paginator("query").paginate(
            TableName=table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            ConsistentRead=True,
        )
        for page in pages:
            yield from page["Items"]


def scan(client: DynamoDBClient, table: str, condition: str, **more: Any) -> Iterator[rows.Row]:
    """Yield the rows of a whole table that meet a condition: for people and sweeps, never for a message."""
    with store_errors("read a table"):
        pages = client.get_paginator("scan").paginate(TableName=table, FilterExpression=condition, **more)
        for page in pages:
            yield from page["Items"]
