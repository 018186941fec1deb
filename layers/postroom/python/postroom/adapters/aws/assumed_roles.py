"""Roles of customers: assumed for an hour, with credentials that are kept until shortly before they expire."""

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
"""Session name. CloudTrail shows it to the customer with the role."""

SESSION_SECONDS: Final = 3600
"""Life of assumed credentials. Source: IAM: the maximum for role chaining, and allowed by every role."""

MARGIN_MS: Final = 300_000
"""Time before their expiry at which credentials are replaced, in milliseconds. Ours."""


@dataclass(slots=True)
class AssumedRoles:
    """Clients that act in a role. Errors of botocore are passed on.

    Attributes:
        connect: makes a client from credentials.
        now: returns milliseconds since the epoch.
    """

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
        """Drop a role's credentials, because they were refused; new ones may be accepted."""
        self._clients.pop(role_arn, None)


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
