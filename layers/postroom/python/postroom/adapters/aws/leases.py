"""Who may change something that has no conditional writes of its own, for a short while."""

from __future__ import annotations

import contextlib
import secrets
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from postroom.adapters.aws.directory_rows import key_item
from postroom.adapters.aws.transactions import store_errors
from postroom.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postroom.adapters.aws.directory_table import DirectoryTable

LEASE_SECONDS: Final = 30
"""How long a holder that crashed keeps others out; longer than the function that holds it may run. Ours."""

PATIENCE_SECONDS: Final = 10
"""How long to wait for a lease, of the caller's 29 seconds. Ours."""

POLL_SECONDS: Final = 0.05


class Leases:
    """Leases in DirectoryTable, one row each."""

    def __init__(
        self,
        table: DirectoryTable,
        *,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._table = table
        self._clock = clock
        self._pause = pause

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Hold a lease while the block runs.

        Raises:
            ConflictError: others held it for too long.
            StoreUnavailableError: the table did not answer.
        """
        key, holder = key_item((f"LEASE#{name}", "LEASE")), secrets.token_hex(8)
        until = self._clock() + PATIENCE_SECONDS
        while not self._take(key, holder):
            if self._clock() >= until:
                raise ConflictError(f"others are changing the {name}")
            self._pause(POLL_SECONDS)
        try:
            yield
        finally:
            self._give_back(key, holder)

    def _take(self, key: dict[str, dict[str, str]], holder: str) -> bool:
        client, now = self._table.client, self._clock()
        row = key | {"holder": {"S": holder}, "expires": {"N": str(int(now) + LEASE_SECONDS)}}
        with store_errors("take a lease"):
            try:
                client.put_item(
                    TableName=self._table.name,
                    Item=row,
                    ConditionExpression="attribute_not_exists(pk) OR expires < :now",
                    ExpressionAttributeValues={":now": {"N": str(int(now))}},
                )
            except client.exceptions.ConditionalCheckFailedException:
                return False
        return True

    def _give_back(self, key: dict[str, dict[str, str]], holder: str) -> None:
        client = self._table.client
        # a failed condition: it expired, and somebody else holds it now
        with store_errors("give a lease back"), contextlib.suppress(client.exceptions.ConditionalCheckFailedException):
            client.delete_item(
                TableName=self._table.name,
                Key=key,
                ConditionExpression="holder = :holder",
                ExpressionAttributeValues={":holder": {"S": holder}},
            )
