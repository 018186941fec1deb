"""Event logs in memory: groups with their lines, and refusals for tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from postroom.contracts.log_batches import TOO_NEW_MS, TOO_OLD_MS
from postroom.errors import EventLogRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from postroom.model.log_lines import LogLine
    from postroom.ports.event_log import LogDestination


@dataclass(slots=True)
class MemoryEventLogs:
    """Implements ``EventLogs``.

    Attributes:
        now: returns milliseconds since the epoch.
        groups: the written lines by log group.
        retention: the days of groups that ``put`` made.
        closed: the reason by name of a group or ARN of a role that refuses.
    """

    now: Callable[[], int]
    groups: dict[str, list[LogLine]] = field(default_factory=dict)
    retention: dict[str, int] = field(default_factory=dict)
    closed: dict[str, str] = field(default_factory=dict)

    def put(self, destination: LogDestination, lines: Sequence[LogLine]) -> frozenset[str]:
        for name in (destination.role_arn, destination.group):
            if name in self.closed:
                raise EventLogRefusedError(f"{self.closed[name]} at {destination.group}")
        if destination.group not in self.groups:
            if destination.retention_days is None:
                raise EventLogRefusedError(f"ResourceNotFoundException at {destination.group}")
            self.groups[destination.group] = []
            self.retention[destination.group] = destination.retention_days
        now = self.now()
        taken = [line for line in lines if now - TOO_OLD_MS <= line.at_ms <= now + TOO_NEW_MS]
        self.groups[destination.group] += taken
        return frozenset(line.id for line in lines) - {line.id for line in taken}
