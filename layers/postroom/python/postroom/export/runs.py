"""Cuts the items of a mailbox into runs, and gives each run the numbers of its parts.

A run's parts are numbered from its first one on, without those that it turns out not to need. How many it may need is
known before anything is deflated: what does not shrink is stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.errors import ExportRefusedError
from postroom.model.limits import MB
from postroom.ports.export_uploads import MAX_PARTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from postroom.contracts.export_staging import PlannedItem

PART_BYTES: Final = 16 * MB
"""Bytes of a part; more where a mailbox is too large for ``MAX_PARTS``. Ours: a packer holds one or two."""

PARTS_PER_RUN: Final = 4
"""Bytes of a run, in parts: 64 MB of plain content. Ours."""

MAX_RUN_ITEMS: Final = 5_000
"""Most items of a run. A read takes 0.8 ms of the CPU where it was measured, and several times that in a function of
512 MB. Ours."""

_PARTS_PLANNED: Final = 6_000
"""Parts that the items of a mailbox may fill; the last ones of runs, and the directory, need others."""

_HEADER_BYTES: Final = 64
"""Most bytes of an entry beside name and content. Source: APPNOTE 4.3.7; extra fields of time and zip64."""


@dataclass(frozen=True, slots=True)
class Run:
    """Items that one packer writes."""

    number: int
    first_part: int
    items: tuple[PlannedItem, ...]


@dataclass(slots=True)
class RunCutter:
    """Cuts items into runs.

    Attributes:
        part_bytes: of a part.
        next_part: the number that is free after all runs until now.
        runs: how many there are until now.
    """

    part_bytes: int = PART_BYTES
    next_part: int = 1
    runs: int = 0

    def cut(self, items: Iterable[PlannedItem]) -> Iterator[Run]:
        """Yield runs of about ``PARTS_PER_RUN`` parts of plain content; a larger item has a run of its own.

        Raises:
            ExportRefusedError: there are more items than one archive can have parts.
        """
        waiting: list[PlannedItem] = []
        size = 0
        for item in items:
            more = most_bytes(item)
            if waiting and (size + more > PARTS_PER_RUN * self.part_bytes or len(waiting) >= MAX_RUN_ITEMS):
                yield self._run(waiting, size)
                waiting, size = [], 0
            waiting.append(item)
            size += more
        if waiting:
            yield self._run(waiting, size)

    def _run(self, items: list[PlannedItem], size: int) -> Run:
        run = Run(self.runs, self.next_part, tuple(items))
        self.runs += 1
        self.next_part += -(-size // self.part_bytes)
        if self.next_part >= MAX_PARTS:
            raise ExportRefusedError("the mailbox has more items than one archive can hold")
        return run


def part_bytes_for(mailbox_bytes: int) -> int:
    """Return how large the parts of an archive are."""
    return max(PART_BYTES, -(-mailbox_bytes // _PARTS_PLANNED))


def most_bytes(item: PlannedItem) -> int:
    """Return how many bytes an item has in an archive at most."""
    return item.size + len(item.path.encode()) + _HEADER_BYTES
