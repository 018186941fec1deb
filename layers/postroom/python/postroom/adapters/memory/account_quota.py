"""Counters of the account, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from postroom.adapters.memory.tables import MemoryTables


@dataclass(frozen=True, slots=True)
class MemoryAccountQuota:
    """Implements ``AccountQuota``."""

    tables: MemoryTables

    def take(self, name: str, count: int, most: int, expires_s: int) -> bool:  # noqa: ARG002 - nothing expires here
        with self.tables.lock:
            after = self.tables.allowances.get(name, 0) + count
            if after > most:
                return False
            self.tables.allowances[name] = after
            return True
