"""Whose turn it is to call a function that is held back: one worker's at a time, of all workers."""

from __future__ import annotations

from typing import Protocol


class Probes(Protocol):
    """Turns by function and organization (``RuleCall.group``). Suite: tests/contract/test_probes.py.

    Both methods raise StoreUnavailableError.
    """

    def take(self, group: str, turn: str, duration_s: int) -> bool:
        """Have the turn for so many seconds (or one more), unless there is another one that is not over.

        Args:
            turn: a name that nobody else gives a turn; the same one again lasts so long from now on.
        """

    def give_back(self, group: str, turn: str) -> None:
        """Let others have the turn at once; one that is over, and perhaps somebody else's, is left alone."""
