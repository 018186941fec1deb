"""Who may do what only one may do at a time, for a short while: one row says."""

from __future__ import annotations

import secrets
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.adapters.aws import rows
from postroom.adapters.aws.transactions import written
from postroom.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from postroom.adapters.aws.directory_table import DirectoryTable

LEASE_SECONDS: Final = 30
"""How long a holder that crashed keeps others out; longer than the function that holds it may run. Ours."""

WAIT_SECONDS: Final = 10
"""How long to wait for a lease, of the caller's 29 seconds. Ours."""

POLL_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Lease:
    """A row that at most one holder has at a time; ``expires`` is the table's TTL as well. Seconds since the epoch."""

    client: DynamoDBClient
    table: str
    key: Mapping[str, dict[str, str]]

    def take(self, holder: str, now_s: int, duration_s: int) -> bool:
        """Have it from now on, unless another has; a name that no one else uses may take what it has, for longer.

        Raises:
            StoreUnavailableError: the table did not answer.
        """
        row = {**self.key, "holder": {"S": holder}, "expires": {"N": str(now_s + duration_s)}}
        return written(
            lambda: self.client.put_item(
                TableName=self.table,
                Item=row,
                ConditionExpression="attribute_not_exists(pk) OR expires < :now OR holder = :holder",
                ExpressionAttributeValues={":now": {"N": str(now_s)}, ":holder": {"S": holder}},
            ),
            "take a lease",
        )

    def give_back(self, holder: str) -> None:
        """Let others have it, unless it expired, and somebody else holds it now.

        Raises:
            StoreUnavailableError: the table did not answer.
        """
        written(
            lambda: self.client.delete_item(
                TableName=self.table,
                Key=self.key,
                ConditionExpression="holder = :holder",
                ExpressionAttributeValues={":holder": {"S": holder}},
            ),
            "give a lease back",
        )


class Leases:
    """Who may change something that has no conditional writes of its own: leases in DirectoryTable."""

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
        lease = Lease(self._table.client, self._table.name, rows.key(f"LEASE#{name}", "LEASE"))
        holder, until = secrets.token_hex(8), self._clock() + WAIT_SECONDS
        while not lease.take(holder, int(self._clock()), LEASE_SECONDS):
            if self._clock() >= until:
                raise ConflictError(f"others are changing the {name}")
            self._pause(POLL_SECONDS)
        try:
            yield
        finally:
            lease.give_back(holder)
