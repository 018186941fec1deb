"""The customer's functions that rules call."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


MAX_ERROR_CHARACTERS: Final = 300
"""Most characters of an error text that are kept. Ours."""


class Failure(StrEnum):
    """Why an invocation has no answer. The next attempt may succeed after any of them."""

    FUNCTION_ERROR = "FUNCTION_ERROR"  # it raised, was killed, or reached its own timeout
    TIMED_OUT = "TIMED_OUT"  # it did not answer within our 15 seconds
    THROTTLED = "THROTTLED"
    NOT_FOUND = "NOT_FOUND"
    NOT_PERMITTED = "NOT_PERMITTED"  # its resource policy, or IAM, denies the call
    REFUSED = "REFUSED"  # Lambda refuses the request
    UNAVAILABLE = "UNAVAILABLE"  # Lambda did not answer, or answered with a 5xx status
    HELD_BACK = "HELD_BACK"  # it was not called: earlier calls timed out or failed slowly


@dataclass(frozen=True, slots=True)
class Invocation:
    """The result of one invocation.

    Attributes:
        payload: the function's answer as bytes; empty for an asynchronous call; ``None`` after a failure.
        failure: why there is no answer.
        error: the error text of Lambda or the function, by ``said_of_failure``, for the owner of the function.
        version: the version of the function that ran; empty if none ran.
        request_id: Lambda's, for searches in the function's log; empty if there is none.
    """

    payload: bytes | None
    failure: Failure | None = None
    error: str = ""
    version: str = ""
    request_id: str = ""


def said_of_failure(text: str) -> str:
    """Return an error text as one line of printable characters, at most ``MAX_ERROR_CHARACTERS``."""
    return " ".join("".join(part if part.isprintable() else " " for part in text).split())[:MAX_ERROR_CHARACTERS]


class RuleFunctions(Protocol):
    """Invokes functions. Suite: tests/contract/test_rule_functions.py. No method raises: a failure is a result."""

    def call(self, function_arn: str, event: bytes) -> Invocation:
        """Invoke a function once, without retries, and wait at most 15 seconds for its answer."""

    def hand_over(self, function_arn: str, event: bytes) -> Invocation:
        """Invoke a function asynchronously (InvocationType Event)."""


class FunctionPolicies(Protocol):
    """Resource policies of functions. Suite: tests/contract/test_rule_functions.py."""

    def policy(self, function_arn: str) -> Mapping[str, Any] | None:
        """Return a function's resource policy: empty if it has none, ``None`` if the function does not exist.

        Raises:
            StoreUnavailableError: Lambda did not answer; a retry may succeed.
        """
