"""Counters of the account in DynamoDB: rows of the transit table, each changed by one write outside a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.adapters.aws.rows import key, number
from postroom.adapters.aws.transactions import written

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class DynamoAccountQuota:
    """Implements ``AccountQuota``."""

    client: DynamoDBClient
    table: str

    def take(self, name: str, count: int, most: int, expires_s: int) -> bool:
        if count > most:
            return False
        return written(
            lambda: self.client.update_item(
                TableName=self.table,
                Key=key(name, "sent"),
                UpdateExpression="ADD #sent :count SET #expires = :expires",
                ConditionExpression="attribute_not_exists(#sent) OR #sent <= :room",
                ExpressionAttributeNames={"#sent": "sent", "#expires": "expires"},
                ExpressionAttributeValues={
                    ":count": number(count),
                    ":room": number(most - count),
                    ":expires": number(expires_s),
                },
            ),
            "count recipients",
        )
