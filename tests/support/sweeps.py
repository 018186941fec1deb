"""A sweep over the memory adapters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postroom.adapters.memory.metrics import MemoryStackMetrics
from postroom.adapters.memory.sweep_rounds import MemorySweepRounds
from postroom.adapters.memory.transit_scans import MemoryTransitScans
from postroom.model.limits import DAY_MS, HOUR_MS
from postroom.parking.stored import SweepTimes
from postroom.parking.sweep import Sweep
from tests.support.builders import ORG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from postroom.adapters.memory.queues import MemoryQueues
    from postroom.adapters.memory.tables import MemoryTables
    from postroom.parking.parking import Parking
    from postroom.ports.raw_mail import RawArchive


@dataclass(frozen=True, slots=True)
class Organizations:
    """Implements ``Organizations``."""

    all: Sequence[str] = (ORG,)

    def ids(self) -> Iterator[str]:
        yield from self.all


def memory_sweep(
    tables: MemoryTables,
    parking: Parking,
    queues: MemoryQueues,
    archive: RawArchive,
    now: Callable[[], int],
    **others: Any,
) -> Sweep:
    """Return a sweep; ``others`` are attributes of its own."""
    made: dict[str, Any] = {
        "parking": parking,
        "queues": queues,
        "transit": parking.transit,
        "scans": MemoryTransitScans(tables),
        "archive": archive,
        "organizations": Organizations(),
        "backlogs": queues,
        "rounds": MemorySweepRounds(),
        "metrics": MemoryStackMetrics(),
        "times": SweepTimes(HOUR_MS, 30 * DAY_MS),
        "now": now,
    }
    return Sweep(**made | others)
