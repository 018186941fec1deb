"""Keeping a function that fails and fails from taking the workers' time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

FAILURES: Final = 3
"""Failed calls in a row after which a function is held back. Ours."""

PAUSE: Final = 30_000
"""Milliseconds between the calls of a function that is held back. Ours."""


@dataclass(slots=True)
class Breaker:
    """What one worker has seen of each function; ``now`` gives milliseconds since the epoch.

    A function that fails is still called, once a pause, so that it is found out when it works again. Workers
    do not tell each other: each learns at the price of a few calls, and no message costs a read.
    """

    now: Callable[[], int]
    _failed: dict[str, int] = field(default_factory=dict)
    _next: dict[str, int] = field(default_factory=dict)

    def holds_back(self, function_arn: str) -> bool:
        """Say whether to leave a function alone now; whoever is told ``False`` must call it, and say how it went."""
        if self._failed.get(function_arn, 0) < FAILURES:
            return False
        if self.now() < self._next[function_arn]:
            return True
        self._next[function_arn] = self.now() + PAUSE
        return False

    def went(self, function_arn: str, *, well: bool) -> None:
        """Learn how a call went."""
        if well:
            self._failed.pop(function_arn, None)
            self._next.pop(function_arn, None)
            return
        self._failed[function_arn] = self._failed.get(function_arn, 0) + 1
        self._next[function_arn] = self.now() + PAUSE
