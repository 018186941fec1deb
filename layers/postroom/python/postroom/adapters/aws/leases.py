"""Leases: a row that at most one holder has at a time, for a limited time."""

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
"""Time until the lease of a holder that crashed ends; longer than the function that holds it may run. Ours."""

WAIT_SECONDS: Final = 10
"""Longest wait for a lease, of the caller's 29 seconds. Ours."""

POLL_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Lease:
    """One row. Its ``expires``, in seconds since the epoch, is the end of the lease and the row's TTL."""

    client: DynamoDBClient
    table: str
    key: Mapping[str, dict[str, str]]

    def take(self, holder: str, now_s: int, duration_s: int) -> bool:
        """Take the lease, unless another holder has it; return whether it was taken.

        Args:
            holder: a unique name. Its own lease is extended.
            now_s: the time, in seconds since the epoch.
            duration_s: time until the lease ends by itself.

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
        """End the lease. A lease of another holder, after this one's end, stays unchanged.

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
    """Leases in DirectoryTable, for changes of services without conditional writes.

    ``clock`` returns seconds since the epoch; ``pause`` waits for a number of seconds.
    """

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
            ConflictError: other holders had it for ``WAIT_SECONDS``.
            StoreUnavailableError: the table did not answer.
        """
        lease = Lease(self._table.client, self._table.name, rows.key(f"LEASE#{name}", "LEASE"))
        holder, until = secrets.token_hex(8), self._clock() + WAIT_SECONDS
        while not lease.take(holder, int(self._clock()), LEASE_SECONDS):
            if self._clock() >= until:
                raise ConflictError(f"other callers are changing the {name}")
            self._pause(POLL_SECONDS)
        try:
            yield
        finally:
            lease.give_back(holder)
