"""Functions of customers that provide free/busy information, in any Region."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from postroom.adapters.aws.clients import MAX_REGIONS
from postroom.adapters.aws.rule_functions import LambdaFunctionPolicies, LambdaRuleFunctions
from postroom.contracts.cap_lambda import MAX_ANSWER_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_lambda import LambdaClient

    from postroom.ports.rule_functions import Invocation


def region_of(function_arn: str) -> str:
    """Return the Region in a function's ARN."""
    return function_arn.split(":")[3]


@dataclass(frozen=True, slots=True)
class RegionalFunctions:
    """Implements ``AvailabilityFunctions``.

    ``client`` returns the client of a Region, which must not retry and must have a read timeout of 25 seconds.
    """

    client: Callable[[str], LambdaClient]

    def call(self, function_arn: str, event: bytes) -> Invocation:
        """One byte more than an answer may have is read, so that a longer one is recognized."""
        client = self.client(region_of(function_arn))
        return LambdaRuleFunctions(client, MAX_ANSWER_BYTES + 1).call(function_arn, event)


@dataclass(slots=True)
class RegionalFunctionPolicies:
    """Implements ``FunctionPolicies`` for functions of any Region.

    ``client`` returns the client of a Region; for the rest, see ``LambdaFunctionPolicies``.
    """

    client: Callable[[str], LambdaClient]
    monotonic: Callable[[], float]
    cache_s: float = 60.0
    _regions: dict[str, LambdaFunctionPolicies] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def policy(self, function_arn: str) -> Mapping[str, Any] | None:
        region = region_of(function_arn)
        with self._lock:
            found = self._regions.get(region)
            if found is None:
                if len(self._regions) >= MAX_REGIONS:
                    self._regions.clear()
                found = LambdaFunctionPolicies(self.client(region), self.monotonic, self.cache_s)
                self._regions[region] = found
        return found.policy(function_arn)
