"""Turns to call a function that is held back, in memory."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class MemoryProbes:
    """Implements ``Probes``. ``now`` returns milliseconds since the epoch."""

    now: Callable[[], int]
    _turns: dict[str, tuple[str, int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, group: str, turn: str, duration_s: int) -> bool:
        with self._lock:
            holder, until = self._turns.get(group, (turn, 0))
            if holder != turn and self.now() <= until:
                return False
            self._turns[group] = (turn, self.now() + duration_s * 1000)
            return True

    def give_back(self, group: str, turn: str) -> None:
        with self._lock:
            if self._turns.get(group, ("", 0))[0] == turn:
                del self._turns[group]
