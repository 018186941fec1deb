"""Open rule calls with their organizations: two rows of two tables in one BatchGetItem."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postroom.adapters.aws import rows, transit_rows, unprocessed
from postroom.adapters.aws.directory_rows import key_item, organization_from
from postroom.contracts.orders import RuleCall
from postroom.ports.open_calls import CallOfOrganization
from postroom.ports.transit import OpenCall

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

    from postroom.contracts.orders import CallPointer


def open_call_from(row: rows.Row | None) -> OpenCall | None:
    """Read the row of a call; return ``None`` if it does not exist or is not open."""
    if row is None or row["state"]["S"] != transit_rows.OPEN:
        return None
    call = RuleCall.model_validate_json(row["body"]["S"])
    return OpenCall(call, int(row.get("failed", {"N": "0"})["N"]), int(row["since"]["N"]))


@dataclass(frozen=True, slots=True)
class DynamoOpenCalls:
    """Implements ``OpenCalls``."""

    client: DynamoDBClient
    transit_table: str
    directory_table: str
    pause: Callable[[float], None] = time.sleep

    def read(self, pointer: CallPointer) -> CallOfOrganization | None:
        found = self._rows(
            {
                self.transit_table: rows.key(pointer.trace, pointer.key),
                self.directory_table: key_item((f"ORG#{pointer.organization_id}", "ORG")),
            }
        )
        open_call = open_call_from(found.get(self.transit_table))
        if open_call is None:
            return None
        organization = found.get(self.directory_table)
        return CallOfOrganization(open_call, organization is not None and organization_from(organization).ref.active)

    def _rows(self, keys: dict[str, Any]) -> dict[str, Any]:
        """Return the rows that exist, one per table."""
        wanted = {table: {"Keys": [key], "ConsistentRead": True} for table, key in keys.items()}
        return dict(unprocessed.get_all(self.client, wanted, "read a rule's call", self.pause))
