"""Execution roles of customers' functions, as Lambda tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.adapters.aws.aged import Aged
from postroom.adapters.aws.transactions import store_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_lambda import LambdaClient

CACHE_S: Final = 300.0
"""Seconds that a role is kept. Ours: Lambda takes 15 requests like this per second from an account."""

AGAIN_S: Final = 5.0
"""Seconds after which a role that did not match is read again. Ours."""


class LambdaFunctionRoles:
    """Implements ``FunctionRoles``. ``monotonic`` returns seconds."""

    def __init__(self, client: LambdaClient, monotonic: Callable[[], float]) -> None:
        self._client = client
        self._known = Aged(self._read, CACHE_S, monotonic)

    def role(self, function_arn: str, *, again: bool = False) -> str | None:
        return self._known.get(function_arn, age_s=AGAIN_S if again else CACHE_S)

    def _read(self, function_arn: str) -> str | None:
        with store_errors("read a function's role"):
            try:
                return self._client.get_function_configuration(FunctionName=function_arn)["Role"]
            except self._client.exceptions.ResourceNotFoundException:
                return None
