"""Execution roles of customers' functions, as Lambda tells them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from postroom.adapters.aws.transactions import store_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_lambda import LambdaClient

CACHE_S: Final = 300.0
"""Seconds that a role is kept. Ours: Lambda takes 15 requests like this per second from an account."""

AGAIN_S: Final = 5.0
"""Seconds after which a role that did not match is read again. Ours."""

MAX_ROLES: Final = 1_000
"""Most roles that are kept. Ours."""


@dataclass(slots=True)
class LambdaFunctionRoles:
    """Implements ``FunctionRoles``. ``monotonic`` returns seconds."""

    client: LambdaClient
    monotonic: Callable[[], float]
    _known: dict[str, tuple[float, str | None]] = field(default_factory=dict)

    def role(self, function_arn: str, *, again: bool = False) -> str | None:
        read_at, known = self._known.get(function_arn, (None, None))
        if read_at is not None and self.monotonic() - read_at < (AGAIN_S if again else CACHE_S):
            return known
        role = self._read(function_arn)
        if len(self._known) >= MAX_ROLES:
            self._known.clear()
        self._known[function_arn] = (self.monotonic(), role)
        return role

    def _read(self, function_arn: str) -> str | None:
        with store_errors("read a function's role"):
            try:
                return self.client.get_function_configuration(FunctionName=function_arn)["Role"]
            except self.client.exceptions.ResourceNotFoundException:
                return None
