"""Messages that were given to a function and will come again unless it succeeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Retried:
    """One message: ``receives`` counts how often it was handed out, this time included; ``receipt`` names this time."""

    id: str
    body: str
    receipt: str
    receives: int


class Postponement(Protocol):
    """Suite: tests/contract/test_postponement.py."""

    def postpone(self, receipt: str, delay_s: int) -> None:
        """Let a message come again after ``delay_s`` seconds (at most 43,200), instead of the queue's own time-out.

        Raises:
            StoreUnavailableError: it comes again when the queue's time-out is over.
        """
