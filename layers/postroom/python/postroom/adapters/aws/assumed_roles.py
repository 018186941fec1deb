"""Roles of customers: assumed for an hour, with credentials that are kept until shortly before they expire."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mypy_boto3_sts import STSClient
    from mypy_boto3_sts.type_defs import CredentialsTypeDef

SESSION: Final = "postroom-event-log"
"""Session name. CloudTrail shows it to the customer with the role."""

SESSION_SECONDS: Final = 3600
"""Life of assumed credentials. Source: IAM: the maximum for role chaining, and allowed by every role."""

EXPORT_SESSION: Final = "postroom-mailbox-export"
"""Session name of mailbox exports."""

IMPORT_SESSION: Final = "postroom-mailbox-import"
"""Session name of mailbox imports."""

MARGIN_MS: Final = 300_000
"""Time before their expiry at which credentials are replaced, in milliseconds. Ours."""


ClientT = TypeVar("ClientT")


@dataclass(slots=True)
class AssumedRoles(Generic[ClientT]):
    """Clients that act in a role. Errors of botocore are passed on.

    Attributes:
        connect: makes a client from credentials.
        now: returns milliseconds since the epoch.
        session: session name of the roles.
    """

    sts: STSClient
    connect: Callable[[CredentialsTypeDef], ClientT]
    now: Callable[[], int]
    session: str = SESSION
    _clients: dict[tuple[str, str], tuple[int, ClientT]] = field(default_factory=dict)

    def client(self, role_arn: str, external_id: str) -> ClientT:
        """Return a client that acts in a role, assumed with an ExternalId: another one does not get this client.

        Raises:
            ParamValidationError: the ExternalId is empty.
        """
        until, client = self._clients.get((role_arn, external_id), (0, None))
        if client is None or self.now() >= until:
            credentials = self.sts.assume_role(
                RoleArn=role_arn,
                RoleSessionName=self.session,
                DurationSeconds=SESSION_SECONDS,
                ExternalId=external_id,
            )["Credentials"]
            client = self.connect(credentials)
            self._clients[role_arn, external_id] = (_milliseconds(credentials["Expiration"]) - MARGIN_MS, client)
        return client

    def forget(self, role_arn: str, external_id: str) -> None:
        """Drop a role's credentials, because they were refused; new ones may be accepted."""
        self._clients.pop((role_arn, external_id), None)


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
