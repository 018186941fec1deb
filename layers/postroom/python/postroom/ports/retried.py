"""Queue messages that come again unless the function succeeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Retried:
    """One queue message.

    Attributes:
        receipt: SQS's receipt handle of this receive.
        receives: number of receives, this one included.
    """

    id: str
    body: str
    receipt: str
    receives: int


class Postponement(Protocol):
    """Delays queue messages that were received. Suite: tests/contract/test_postponement.py."""

    def postpone(self, receipt: str, delay_s: int) -> None:
        """Make a message visible again after ``delay_s`` seconds (at most 43,200), not after the queue's time-out.

        Raises:
            StoreUnavailableError: the message becomes visible after the queue's time-out.
        """
