"""A run that is stopped at one call of its ports, before the call or after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class StoppedError(Exception):
    """The function is gone; nothing catches this."""


@dataclass
class Stops:
    """Stops at one call of all ports together."""

    at: int
    after: bool
    calls: int = 0

    def around(self, call: Any) -> Any:
        def made(*args: Any, **more: Any) -> Any:
            self.calls += 1
            if self.calls == self.at and not self.after:
                raise StoppedError
            done = call(*args, **more)
            if self.calls == self.at:
                raise StoppedError
            return done

        return made


@dataclass
class Stopping:
    """A port with stops."""

    port: Any
    stops: Stops

    def __getattr__(self, name: str) -> Any:
        return self.stops.around(getattr(self.port, name))
