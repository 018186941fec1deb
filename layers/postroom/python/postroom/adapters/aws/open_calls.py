"""Open rule calls with their organizations: two rows of two tables in one BatchGetItem."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postroom.adapters.aws import rows
from postroom.adapters.aws.directory_rows import key_item, organization_from
from postroom.adapters.aws.directory_table import ATTEMPTS, FIRST_PAUSE
from postroom.adapters.aws.transactions import store_errors
from postroom.contracts.between_stations import RuleCall
from postroom.errors import StoreUnavailableError
from postroom.ports.open_calls import OpenCall
from postroom.ports.transit import Called

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

    from postroom.contracts.between_stations import CallPointer


def called_from(row: rows.Row | None) -> Called | None:
    """Read a call's row; ``None`` where there is none, or it is not open."""
    if row is None or row["state"]["S"] != rows.OPEN:
        return None
    call = RuleCall.model_validate_json(row["body"]["S"])
    return Called(call, int(row.get("failed", {"N": "0"})["N"]), int(row["since"]["N"]))


@dataclass(frozen=True, slots=True)
class DynamoOpenCalls:
    """Implements ``OpenCalls``."""

    client: DynamoDBClient
    transit_table: str
    directory_table: str
    pause: Callable[[float], None] = time.sleep

    def read(self, pointer: CallPointer) -> OpenCall | None:
        """See ``OpenCalls.read``."""
        found = self._rows(
            {
                self.transit_table: rows.key(pointer.trace, pointer.key),
                self.directory_table: key_item((f"ORG#{pointer.organization_id}", "ORG")),
            }
        )
        called = called_from(found.get(self.transit_table))
        if called is None:
            return None
        organization = found.get(self.directory_table)
        return OpenCall(called, organization is not None and organization_from(organization).ref.active)

    def _rows(self, keys: dict[str, Any]) -> dict[str, Any]:
        """Return one row of each table, those that exist."""
        wanted: Any = {table: {"Keys": [key], "ConsistentRead": True} for table, key in keys.items()}
        found: dict[str, Any] = {}
        for attempt in range(ATTEMPTS):
            with store_errors("read a rule's call"):
                answer = self.client.batch_get_item(RequestItems=wanted)
            found |= {table: read[0] for table, read in answer["Responses"].items() if read}
            wanted = answer.get("UnprocessedKeys")
            if not wanted:
                return found
            self.pause(FIRST_PAUSE * 2**attempt)
        raise StoreUnavailableError("a table is throttled")
