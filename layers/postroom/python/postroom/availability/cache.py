"""What providers answered a moment ago, in the memory of one function."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Final

from postroom.model.free_busy import MailboxAvailability

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.model.free_busy import MailboxResult

KEPT_MS: Final = 60_000
"""Milliseconds for which an answer is used again. Ours: Outlook asks again for each change of a meeting's time."""

MAX_WEIGHT: Final = 50_000
"""Most results, events and working periods together that are kept: about 50 MB. Ours."""

Key = tuple[str | int, ...]


@dataclass(slots=True)
class Cache:
    """Results by key. The oldest ones make room for new ones. Safe for any thread.

    Attributes:
        now: returns milliseconds since the epoch.
    """

    now: Callable[[], int]
    kept_ms: int = KEPT_MS
    max_weight: int = MAX_WEIGHT
    _kept: OrderedDict[Key, tuple[int, MailboxResult]] = field(default_factory=OrderedDict)
    _weight: int = 0
    _lock: Lock = field(default_factory=Lock)

    def get(self, key: Key) -> MailboxResult | None:
        """Return a result that is young enough."""
        with self._lock:
            until, result = self._kept.get(key, (0, None))
            return result if self.now() < until else None

    def put(self, key: Key, result: MailboxResult) -> None:
        """Keep a result, unless it is larger than all that may be kept."""
        with self._lock:
            self._forget(key)
            if _weight(result) > self.max_weight:
                return
            self._kept[key] = (self.now() + self.kept_ms, result)
            self._weight += _weight(result)
            while self._weight > self.max_weight:
                self._forget(next(iter(self._kept)))

    def _forget(self, key: Key) -> None:
        _, former = self._kept.pop(key, (0, None))
        if former is not None:
            self._weight -= _weight(former)


def _weight(result: MailboxResult) -> int:
    if not isinstance(result, MailboxAvailability):
        return 1
    return 1 + len(result.events) + (len(result.working_hours.periods) if result.working_hours else 0)
