"""The place of the sweeps, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from postroom.model.sweep_round import Round


@dataclass(slots=True)
class MemorySweepRounds:
    """Implements ``SweepRounds``."""

    place: Round | None = None

    def read(self) -> Round | None:
        return self.place

    def write(self, place: Round) -> None:
        self.place = place
