"""Providers that failed a moment ago and are not called for some seconds, in the memory of one function."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

REST_MS: Final = 5_000
"""Milliseconds without a call after one that failed. Ours."""

LONG_REST_MS: Final = 30_000
"""The same after a call without an answer in time, which held up every question about its domain. Ours."""

MAX_RESTS: Final = 1_000
"""Most providers that are remembered; the oldest make room. Ours."""


@dataclass(slots=True)
class Rests:
    """Times by provider. Safe for any thread. ``now`` returns milliseconds since the epoch."""

    now: Callable[[], int]
    _until: OrderedDict[str, int] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def is_resting(self, provider: str) -> bool:
        """Return whether a provider must not be called now."""
        with self._lock:
            return self.now() < self._until.get(provider, 0)

    def begin(self, provider: str, rest_ms: int) -> None:
        """Let a provider rest from now on."""
        with self._lock:
            self._until.pop(provider, None)
            self._until[provider] = self.now() + rest_ms
            if len(self._until) > MAX_RESTS:
                self._until.popitem(last=False)

    def end(self, provider: str) -> None:
        """Forget a provider's failure: it has answered."""
        with self._lock:
            self._until.pop(provider, None)
