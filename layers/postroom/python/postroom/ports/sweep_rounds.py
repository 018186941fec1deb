"""Where the sweeps of stored mail are: each goes on where the one before stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from postroom.model.sweep_round import Round


class SweepRounds(Protocol):
    """Keeps the place of the sweeps. Suite: tests/contract/test_sweep_rounds.py.

    Every method raises StoreUnavailableError if the table did not answer; a retry may succeed.
    """

    def read(self) -> Round | None:
        """Return the place as it was written last; ``None`` before the first sweep."""

    def write(self, place: Round) -> None:
        """Replace the place. Of two sweeps that run at once, the last one that writes counts."""
