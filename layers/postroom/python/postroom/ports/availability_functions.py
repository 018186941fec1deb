"""Functions of customers that provide free/busy information."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from postroom.ports.rule_functions import Invocation


class AvailabilityFunctions(Protocol):
    """Invokes functions of any Region. Suite: tests/contract/test_availability_functions.py."""

    def call(self, function_arn: str, event: bytes) -> Invocation:
        """Invoke a function once, without retries, and wait at most 25 seconds for its answer.

        Source of the 25 seconds: guide, ZH:3093. Any thread may call. A failure is a result, not an exception.
        """
