"""Settings from the environment: the only place that reads it."""

from __future__ import annotations

import math
import os
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Environment:
    """A function's variables, as its template sets them."""

    variables: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def __getitem__(self, name: str) -> str:
        """Return a variable that must be there.

        Raises:
            RuntimeError: it is missing or empty; the function cannot start.
        """
        value = self.variables.get(name, "")
        if not value:
            raise RuntimeError(f"the environment variable {name} is not set; template.yaml sets it")
        return value

    def enabled(self, name: str) -> bool:
        """Read a switch: ENABLED or DISABLED."""
        return self[name] == "ENABLED"

    @property
    def speed(self) -> int:
        """How many times faster delays and expiry run: 1, except in a local stack that was told otherwise."""
        return max(1, int(self.variables.get("POSTROOM_SPEED", "1")))

    @property
    def first_organization_id(self) -> str:
        """What the first organization is called: empty, except in a local stack that was told otherwise."""
        return self.variables.get("POSTROOM_FIRST_ORGANIZATION_ID", "")

    def sooner(self, seconds: float) -> int:
        """Return a delay or expiry, in whole seconds, divided by the speed and rounded up."""
        return math.ceil(seconds / self.speed)


def now_ms() -> int:
    """Return the time, in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def pause(attempt: int) -> None:
    """Wait before another attempt: 5 ms doubling to at most 320 ms, each with full jitter. Ours."""
    time.sleep(random.uniform(0, 0.005 * 2 ** min(attempt, 6)))  # noqa: S311 - spreads load, protects nothing
