"""Customers' functions in memory: Python callables from an event to an answer, both bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from postroom.ports.rule_functions import Failure, Invocation, said_of_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(slots=True)
class MemoryRuleFunctions:
    """Implements ``RuleFunctions``, ``FunctionPolicies`` and ``FunctionRoles``.

    A function that raises TimeoutError did not answer in time.

    Attributes:
        functions: by ARN.
        policies: resource policies by ARN of the function.
        calls: every call that reached a function, synchronous or not, in order.
        throttled: ARNs of functions that take no synchronous call.
        roles: ARNs of roles by ARN of the function.
    """

    functions: dict[str, Callable[[bytes], bytes]] = field(default_factory=dict)
    policies: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    calls: list[tuple[str, bytes]] = field(default_factory=list)
    throttled: set[str] = field(default_factory=set)
    roles: dict[str, str] = field(default_factory=dict)

    def call(self, function_arn: str, event: bytes) -> Invocation:
        function = self.functions.get(function_arn)
        if function is None:
            return Invocation(None, Failure.NOT_FOUND, f"ResourceNotFoundException: Function not found: {function_arn}")
        if function_arn in self.throttled:
            return Invocation(None, Failure.THROTTLED, "TooManyRequestsException: Rate Exceeded.")
        self.calls.append((function_arn, event))
        request_id = f"request-{len(self.calls)}"
        try:
            return Invocation(function(event), version="$LATEST", request_id=request_id)
        except TimeoutError:
            return Invocation(None, Failure.TIMED_OUT, "no answer in time")
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a customer's function may raise any exception
            said = said_of_failure(f"{type(error).__name__}: {error}")
            return Invocation(None, Failure.FUNCTION_ERROR, said, "$LATEST", request_id)

    def hand_over(self, function_arn: str, event: bytes) -> Invocation:
        """The function runs at once, unless it is throttled; its answer is dropped."""
        done = self.call(function_arn, event)
        if done.failure is Failure.NOT_FOUND:
            return done
        return Invocation(b"", request_id=f"request-{len(self.calls)}")

    def role(self, function_arn: str, *, again: bool = False) -> str | None:  # noqa: ARG002 - nothing is kept
        return self.roles.get(function_arn)

    def policy(self, function_arn: str) -> Mapping[str, Any] | None:
        return self.policies.get(function_arn, {}) if function_arn in self.functions else None
