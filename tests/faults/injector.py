"""A patch of botocore, and of the steps of SMTP, under which one call of a run goes wrong."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar
from unittest.mock import patch

from botocore.client import BaseClient
from botocore.exceptions import ClientError, ReadTimeoutError

from tests.faults.permissions import asked

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from tests.faults.permissions import Asked

T = TypeVar("T")

OPERATOR: Final = "operator"
"""The person at the command line, without a role in the template."""


THROTTLES: Final = {
    "dynamodb": "ThrottlingException",
    "events": "ThrottlingException",
    "firehose": "ServiceUnavailableException",
    "kms": "ThrottlingException",
    "lambda": "TooManyRequestsException",
    "logs": "ThrottlingException",
    "s3": "SlowDown",
    "secretsmanager": "ThrottlingException",
    "ses": "Throttling",
    "sesv2": "TooManyRequestsException",
    "sqs": "RequestThrottled",
    "sts": "Throttling",
}
"""Each service's error code for throttling. Source: their API references, "Common errors"."""


class Killed(BaseException):
    """The function's environment has ended; no handler may catch it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call that a function is about to make: of AWS, or a step of a conversation with an SMTP gateway.

    Attributes:
        send: makes the call, each time it is called.
        again: handles the function's event from the beginning, in another environment.
        refuse: refuses the call for now, and does nothing; returns the answer, or raises.
        lost: the error of a call whose answer never arrives.
    """

    send: Callable[[], Any]
    again: Callable[[], Any]
    refuse: Callable[[], Any]
    lost: Exception


class Strike(Protocol):
    """The result of a call that goes wrong: an answer, an error, or the end of the environment."""

    def __call__(self, call: Call) -> Any: ...


@dataclass
class Injector:
    """Counts the calls of the watched functions, and makes one of them go wrong.

    Attributes:
        at: place of the call that goes wrong; None for a run without a fault.
        calls: the calls in order, such as ``deliver: dynamodb TransactWriteItems``.
        asked: the permissions that the calls of all functions need, of all runs.
    """

    watched: Collection[str]
    at: int | None = None
    strike: Strike | None = None
    calls: list[str] = field(default_factory=list)
    asked: set[Asked] = field(default_factory=set)
    _function: str | None = None
    _again: Callable[[], Any] = lambda: None

    def arm(self, at: int | None, strike: Strike | None) -> None:
        """Begin a run."""
        self.at, self.strike, self.calls = at, strike, []

    @property
    def struck(self) -> str:
        """The call that went wrong; empty if the run had fewer calls."""
        return self.calls[self.at] if self.at is not None and self.at < len(self.calls) else ""

    @property
    def near(self) -> list[str]:
        """The call that went wrong, and the one before it."""
        return [] if self.at is None else self.calls[max(self.at - 1, 0) : self.at + 1]

    @contextmanager
    def running(self, function: str, again: Callable[[], Any]) -> Iterator[None]:
        """Count the calls of the block as those of a function. Other calls are the test's and never go wrong."""
        before = self._function, self._again
        self._function, self._again = function, again
        try:
            yield
        finally:
            self._function, self._again = before

    @contextmanager
    def sparing(self) -> Iterator[None]:
        """Count no calls of the block; none goes wrong."""
        watched, self.watched = self.watched, ()
        try:
            yield
        finally:
            self.watched = watched

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Patch the calls of all clients."""
        original = BaseClient._make_api_call  # type: ignore[attr-defined]

        def make_api_call(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
            model = client.meta.service_model
            if self._function not in {None, OPERATOR}:
                self.asked.update(asked(str(self._function), str(model.service_name), operation, parameters))
            if self._function not in self.watched:
                return original(client, operation, parameters)
            tokens = model.operation_model(operation).idempotent_members
            kept = {
                **dict.fromkeys(tokens, str(uuid.uuid4())),
                **parameters,
            }  # a retry of botocore has the same token
            service = str(model.service_name)
            return self.make(
                service,
                operation,
                lambda: original(client, operation, dict(kept)),
                refuse=lambda: _throttle(service, operation),
                lost=ReadTimeoutError(endpoint_url=f"https://{service}.us-east-1.amazonaws.com"),
            )

        with patch.object(BaseClient, "_make_api_call", make_api_call):
            yield

    def make(
        self, service: str, operation: str, send: Callable[[], T], *, refuse: Callable[[], T], lost: Exception
    ) -> T:
        """Make a call, if it is of a watched function, or have it go wrong."""
        if self._function not in self.watched:
            return send()
        place = len(self.calls)
        self.calls.append(f"{self._function}: {service} {operation}")
        if place != self.at or self.strike is None:
            return send()
        call = Call(send, self._again, refuse, lost)
        function, self._function = self._function, None  # calls of the strike itself never go wrong
        try:
            answer: T = self.strike(call)
        finally:
            self._function = function
        return answer


def _throttle(service: str, operation: str) -> Any:
    said = {"Error": {"Code": THROTTLES[service], "Message": "Rate exceeded"}}
    raise ClientError(said, operation)  # type: ignore[arg-type]
