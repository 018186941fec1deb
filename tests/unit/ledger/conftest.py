"""record_events and retry_events on ports in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from postroom.adapters.memory.event_bus import MemoryEventBus
from postroom.adapters.memory.event_log import MemoryEventLogs
from postroom.adapters.memory.metrics import MemoryMetrics
from postroom.adapters.memory.queues import MemoryQueues
from postroom.contracts.pointers import FactPointer, Part
from postroom.ledger.bus import BusProjection
from postroom.ledger.event_log import EventLogProjection
from postroom.ledger.record_events import RecordEvents
from postroom.ledger.retry_events import RetryEvents
from postroom.model.directory import Monitoring
from postroom.ports.event_log import LedgerRecord
from postroom.ports.retried import Retried
from tests.support.facts import ACME, NOON, OTHER, Facts, Settings, plenty

if TYPE_CHECKING:
    from postroom.ledger.projection import Outcome, Projection, Remaining
    from postroom.model.facts import Fact

ARNS = "arn:aws:workmail:us-east-1:123456789012:organization/"
ROLE = "arn:aws:iam::123456789012:role/acme-events"
DEFAULT = "/aws/workmail/emailevents/other"


class Retries(MemoryQueues):
    """The retry queue; ``sent`` is what it got, with delays in seconds."""

    @property
    def sent(self) -> list[tuple[FactPointer, int]]:
        at_once = [(body, 0) for body in self.queues["retry_events"]]
        return [(FactPointer.read(body), delay_s) for body, delay_s in [*self.later["retry_events"], *at_once]]


@dataclass
class Pipeline:
    """ACME has its own log group and role, OTHER the default group. The time is NOON."""

    logs: MemoryEventLogs = field(default_factory=lambda: MemoryEventLogs(lambda: NOON, groups={"acme-events": []}))
    bus: MemoryEventBus = field(default_factory=MemoryEventBus)
    metrics: MemoryMetrics = field(default_factory=MemoryMetrics)
    retries: Retries = field(default_factory=Retries)
    ledger: Facts = field(default_factory=Facts)
    settings: Settings = field(
        default_factory=lambda: Settings(
            {
                ACME: Monitoring("acme", enabled=True, log_group="acme-events", role_arn=ROLE),
                OTHER: Monitoring("other", enabled=True, log_group=None, role_arn=None),
            }
        )
    )

    def projections(self, most: int) -> dict[Part, Projection]:
        return {Part.LOG: EventLogProjection(self.settings, self.logs, ARNS, most), Part.BUS: BusProjection(self.bus)}

    def record(self, *records: Fact | LedgerRecord, remaining: Remaining = plenty) -> Outcome:
        """Pass records to record_events; the position of a fact is its index in the batch."""
        station = RecordEvents(self.projections(10_000), self.metrics, self.retries, delay_s=60)
        batch = [
            record if isinstance(record, LedgerRecord) else LedgerRecord(str(place), record)
            for place, record in enumerate(records)
        ]
        return station.accept(batch, remaining)

    def retry(self, *messages: Retried) -> Outcome:
        station = RetryEvents(self.ledger, self.projections(1), self.retries, schedule_s=(10, 20, 30))
        return station.accept(messages, plenty)

    def lines(self, group: str) -> list[str]:
        """Return the ids of the facts in a log, as they were written."""
        return [line.id for line in self.logs.groups.get(group, [])]


def message(pointer: FactPointer, name: str = "m1", receives: int = 1) -> Retried:
    return Retried(name, pointer.model_dump_json(), f"receipt of {name}", receives)


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline()
