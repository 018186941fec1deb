"""Event logs in CloudWatch Logs, written in the function's own role or in an assumed one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.log_streams import append, make
from postroom.adapters.aws.transactions import code_of
from postroom.errors import EventLogRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mypy_boto3_logs import CloudWatchLogsClient

    from postroom.adapters.aws.assumed_roles import AssumedRoles
    from postroom.model.log_lines import LogLine
    from postroom.ports.event_log import LogDestination


class CloudWatchEventLogs:
    """Implements ``EventLogs``.

    Every execution environment writes its own log stream, one per day. So streams need no coordination, each is in the
    order of writing, and retention can empty whole streams. Ours: WorkMail's names of streams are not public.
    """

    def __init__(
        self, own: CloudWatchLogsClient, roles: AssumedRoles[CloudWatchLogsClient], stream: Callable[[], str]
    ) -> None:
        self._own = own
        self._roles = roles
        self._stream = stream
        self._without_retention: set[str] = set()

    def put(self, destination: LogDestination, lines: Sequence[LogLine]) -> frozenset[str]:
        stream = self._stream()
        with self._refusals(destination):
            client = self._client(destination)
            try:
                return append(client, destination.group, stream, lines)
            except client.exceptions.ResourceNotFoundException:
                self._make_stream(client, destination, stream)
                return append(client, destination.group, stream, lines)

    def _client(self, destination: LogDestination) -> CloudWatchLogsClient:
        if destination.role_arn is None:
            return self._own
        return self._roles.client(destination.role_arn, destination.external_id)

    @contextmanager
    def _refusals(self, destination: LogDestination) -> Iterator[None]:
        """Turn errors into EventLogRefusedError, and drop the credentials of an assumed role."""
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            if destination.role_arn:
                self._roles.forget(destination.role_arn, destination.external_id)
            raise EventLogRefusedError(f"{code_of(error)} at {destination.group}") from error

    def _make_stream(self, client: CloudWatchLogsClient, destination: LogDestination, stream: str) -> None:
        """Make the stream, and a missing group with ``retention_days``; another caller may make them first."""
        try:
            make(client, destination.group, stream)
        except client.exceptions.ResourceNotFoundException:
            if destination.retention_days is None:
                raise
            self._make_group(client, destination.group)
            self._limit(client, destination.group, destination.retention_days)
            make(client, destination.group, stream)
        else:
            if destination.group in self._without_retention and destination.retention_days is not None:
                self._limit(client, destination.group, destination.retention_days)

    def _make_group(self, client: CloudWatchLogsClient, group: str) -> None:
        try:
            client.create_log_group(logGroupName=group)
        except client.exceptions.ResourceAlreadyExistsException:
            return
        finally:
            self._without_retention.add(group)

    def _limit(self, client: CloudWatchLogsClient, group: str, days: int) -> None:
        """Set the retention of a group that we made. If it fails, the next new stream tries again."""
        client.put_retention_policy(logGroupName=group, retentionInDays=days)
        self._without_retention.discard(group)
