"""The ids of all organizations, from the list entries of DirectoryTable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.adapters.aws.tables import query

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class DynamoOrganizations:
    """Implements ``Organizations``."""

    client: DynamoDBClient
    table: str

    def ids(self) -> Iterator[str]:
        for row in query(self.client, self.table, "ORGS", ""):
            yield row["sk"]["S"]
