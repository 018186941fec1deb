"""Customers' functions that rules call."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


MAX_ERROR_CHARACTERS: Final = 300
"""How much of what is said of a failure is kept. Ours."""


class Failure(StrEnum):
    """Why an invocation has no answer. Each may be another at the next attempt: owners mend their functions."""

    FUNCTION_ERROR = "FUNCTION_ERROR"  # it raised, was killed, or ran out of its own time
    TIMED_OUT = "TIMED_OUT"  # it had not answered when our 15 seconds were over
    THROTTLED = "THROTTLED"
    NOT_FOUND = "NOT_FOUND"
    NOT_PERMITTED = "NOT_PERMITTED"  # its resource policy, or IAM, does not let us
    REFUSED = "REFUSED"  # Lambda does not take the request
    UNAVAILABLE = "UNAVAILABLE"  # Lambda did not answer, or says that it cannot for now
    HELD_BACK = "HELD_BACK"  # it was not called, because it had hung, or failed slowly


@dataclass(frozen=True, slots=True)
class Invocation:
    """What became of one invocation.

    Attributes:
        payload: what the function answered, as it came; empty for an asynchronous one; None where ``failure`` says why.
        error: what Lambda or the function said of the failure, by ``said_of_failure``, for the owner of the function.
        version: the version that ran; empty where none did.
        request_id: Lambda's, by which the function's own log can be searched; empty where there was none.
    """

    payload: bytes | None
    failure: Failure | None = None
    error: str = ""
    version: str = ""
    request_id: str = ""


def said_of_failure(text: str) -> str:
    """Return a stranger's words as one printable line of at most ``MAX_ERROR_CHARACTERS``."""
    return " ".join("".join(part if part.isprintable() else " " for part in text).split())[:MAX_ERROR_CHARACTERS]


class RuleFunctions(Protocol):
    """Suite: tests/contract/test_rule_functions.py. Nothing here raises: a failed invocation is an answer as well."""

    def call(self, function_arn: str, event: bytes) -> Invocation:
        """Invoke a function once and wait for its answer, at most 15 seconds; never again by itself."""

    def hand_over(self, function_arn: str, event: bytes) -> Invocation:
        """Give Lambda an event for a function that runs later (InvocationType Event)."""


class FunctionPolicies(Protocol):
    """Who may invoke a function. Suite: tests/contract/test_rule_functions.py."""

    def policy(self, function_arn: str) -> Mapping[str, Any] | None:
        """Return a function's resource policy, empty where it has none; None where there is no such function.

        Raises:
            StoreUnavailableError: Lambda did not answer; a retry may succeed.
        """
