"""Roles of customers, assumed for an hour and kept until shortly before that is over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_sts import STSClient
    from mypy_boto3_sts.type_defs import CredentialsTypeDef

SESSION: Final = "postroom-event-log"
"""Session name: what CloudTrail shows a customer beside the role."""

SESSION_SECONDS: Final = 3600
"""Life of assumed credentials. Source: the longest that role chaining allows, and what every role allows."""

MARGIN_MS: Final = 300_000
"""Milliseconds before expiry at which credentials are fetched anew. Ours."""


@dataclass(slots=True)
class AssumedRoles:
    """``connect`` makes a client of credentials; ``now`` gives milliseconds since the epoch. botocore's errors pass."""

    sts: STSClient
    connect: Callable[[CredentialsTypeDef], CloudWatchLogsClient]
    now: Callable[[], int]
    _clients: dict[str, tuple[int, CloudWatchLogsClient]] = field(default_factory=dict)

    def client(self, role_arn: str) -> CloudWatchLogsClient:
        """Return a client that acts in a role."""
        until, client = self._clients.get(role_arn, (0, None))
        if client is None or self.now() >= until:
            credentials = self.sts.assume_role(
                RoleArn=role_arn, RoleSessionName=SESSION, DurationSeconds=SESSION_SECONDS
            )["Credentials"]
            client = self.connect(credentials)
            self._clients[role_arn] = (_milliseconds(credentials["Expiration"]) - MARGIN_MS, client)
        return client

    def forget(self, role_arn: str) -> None:
        """Drop a role's credentials: they were refused, and fresh ones may not be."""
        self._clients.pop(role_arn, None)


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
