"""The ARNs of roles, from IAM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.account_checks import NO_ROLE
from postroom.adapters.aws.aged import Aged
from postroom.adapters.aws.transactions import code_of
from postroom.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_iam import IAMClient

KEPT_SECONDS: Final = 60.0
"""How long an answer is kept. A role that is deleted and made again with another path has a new ARN. Ours."""


class IamRoleArns:
    """Implements ``RoleArns``; ``monotonic`` returns seconds."""

    def __init__(self, client: IAMClient, monotonic: Callable[[], float]) -> None:
        self._client = client
        self._known = Aged(self._read, KEPT_SECONDS, monotonic)

    def of(self, name: str) -> str | None:
        return self._known.get(name)

    def _read(self, name: str) -> str | None:
        try:
            return self._client.get_role(RoleName=name)["Role"]["Arn"]
        except (BotoCoreError, ClientError) as error:
            if code_of(error) in NO_ROLE:
                return None
            raise StoreUnavailableError(f"IAM did not describe a role: {code_of(error)}") from error
