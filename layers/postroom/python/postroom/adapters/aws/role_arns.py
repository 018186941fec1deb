"""The ARNs of roles, from IAM."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.account_checks import NO_ROLE
from postroom.adapters.aws.transactions import code_of
from postroom.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_iam import IAMClient

KEPT_SECONDS: Final = 60.0
"""How long an answer is kept. A role that is deleted and made again with another path has a new ARN. Ours."""

MAX_ROLES: Final = 1000
"""Most answers that are kept. Ours."""


@dataclass(slots=True)
class IamRoleArns:
    """Implements ``RoleArns``; ``monotonic`` returns seconds."""

    client: IAMClient
    monotonic: Callable[[], float]
    _known: dict[str, tuple[float, str | None]] = field(default_factory=dict)

    def of(self, name: str) -> str | None:
        read_at, arn = self._known.get(name, (None, None))
        if read_at is None or self.monotonic() - read_at >= KEPT_SECONDS:
            arn = self._read(name)
            if len(self._known) >= MAX_ROLES:
                self._known.clear()
            self._known[name] = (self.monotonic(), arn)
        return arn

    def _read(self, name: str) -> str | None:
        try:
            return self.client.get_role(RoleName=name)["Role"]["Arn"]
        except (BotoCoreError, ClientError) as error:
            if code_of(error) in NO_ROLE:
                return None
            raise StoreUnavailableError(f"IAM did not describe a role: {code_of(error)}") from error
