"""botocore, with one call of a run going wrong: the only thing that a scenario's functions share with a fault."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from unittest.mock import patch

from botocore.client import BaseClient

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator


class Killed(BaseException):
    """The function's environment is gone; no handler may catch it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One AWS call that a function is about to make.

    ``send`` makes it, as often as it is called; ``again`` handles the function's event once more, from the beginning,
    in an environment of its own.
    """

    service: str
    operation: str
    send: Callable[[], Any]
    again: Callable[[], Any]


class Strike(Protocol):
    """What becomes of the call: an answer, an error, or the end of the environment."""

    def __call__(self, call: Call) -> Any: ...


@dataclass
class Injector:
    """Counts the calls that the watched functions make, and strikes one of them.

    ``calls`` names them in order (``deliver: dynamodb TransactWriteItems``); ``at`` is the place of the one that goes
    wrong, None for a run in which all is well.
    """

    watched: Collection[str]
    at: int | None = None
    strike: Strike | None = None
    calls: list[str] = field(default_factory=list)
    _function: str | None = None
    _again: Callable[[], Any] = lambda: None

    def arm(self, at: int | None, strike: Strike | None) -> None:
        """Begin a run."""
        self.at, self.strike, self.calls = at, strike, []

    @property
    def struck(self) -> str:
        """Which call went wrong; empty if the run made fewer."""
        return self.calls[self.at] if self.at is not None and self.at < len(self.calls) else ""

    @contextmanager
    def running(self, function: str, again: Callable[[], Any]) -> Iterator[None]:
        """Say whose calls are made now; outside of this, calls are the test's own and never fail."""
        before = self._function, self._again
        self._function, self._again = function, again
        try:
            yield
        finally:
            self._function, self._again = before

    @contextmanager
    def sparing(self) -> Iterator[None]:
        """Count nobody's calls meanwhile, and strike none."""
        watched, self.watched = self.watched, ()
        try:
            yield
        finally:
            self.watched = watched

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Stand between every client and its service."""
        original = BaseClient._make_api_call  # type: ignore[attr-defined]

        def make_api_call(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
            model = client.meta.service_model
            if self._function not in self.watched:
                return original(client, operation, parameters)
            tokens = model.operation_model(operation).idempotent_members
            kept = {**dict.fromkeys(tokens, str(uuid.uuid4())), **parameters}  # botocore repeats a request with its own
            service = str(model.service_name)
            return self._meet(Call(service, operation, lambda: original(client, operation, kept), self._again))

        with patch.object(BaseClient, "_make_api_call", make_api_call):
            yield

    def _meet(self, call: Call) -> Any:
        place = len(self.calls)
        self.calls.append(f"{self._function}: {call.service} {call.operation}")
        if place != self.at or self.strike is None:
            return call.send()
        function, self._function = self._function, None  # what the strike itself does is struck by nothing
        try:
            return self.strike(call)
        finally:
            self._function = function
