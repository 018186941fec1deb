"""Turns to call a function that is held back: at most one worker has the turn at a time."""

from __future__ import annotations

from typing import Protocol


class Probes(Protocol):
    """Turns per function and organization (``group`` is ``RuleCall.group``). Suite: tests/contract/test_probes.py.

    Both methods raise StoreUnavailableError if the table did not answer.
    """

    def take(self, group: str, turn: str, duration_s: int) -> bool:
        """Take the turn, unless another turn is not over yet; return whether it was taken.

        Args:
            turn: a unique name of the turn. A repeated call with it sets a new end.
            duration_s: time until the turn ends by itself, in seconds; it may last one second longer.
        """

    def give_back(self, group: str, turn: str) -> None:
        """End the turn now. A turn of another name stays unchanged."""
