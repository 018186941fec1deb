"""Destinations of audit records in memory, with refusals for tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from postroom.errors import AuditRefusedError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.model.audit_deliveries import AuditDelivery
    from postroom.model.log_lines import LogLine, Refusal
    from postroom.ports.audit_destinations import AuditBatch


@dataclass(slots=True)
class MemoryAuditDestinations:
    """Implements ``AuditDestination`` for all kinds of destinations.

    Attributes:
        targets: the written lines by ARN; one that is missing refuses.
        closed: the cause by ARN of a destination that refuses.
        refused: the refusals of single lines, by id.
        calls: one entry per call: the delivery and the batch.
    """

    targets: dict[str, list[LogLine]] = field(default_factory=dict)
    closed: dict[str, str] = field(default_factory=dict)
    refused: dict[str, Refusal] = field(default_factory=dict)
    calls: list[tuple[AuditDelivery, AuditBatch]] = field(default_factory=list)

    def put(self, delivery: AuditDelivery, batch: AuditBatch) -> Mapping[str, Refusal]:
        self.calls.append((delivery, batch))
        name = delivery.target_arn
        if name in self.closed or name not in self.targets:
            raise AuditRefusedError(f"{self.closed.get(name, 'it does not exist')} at {name}")
        refused = {line.id: self.refused[line.id] for line in batch.lines if line.id in self.refused}
        self.targets[name] += [line for line in batch.lines if line.id not in refused]
        return refused


@dataclass(slots=True)
class MemoryApiTrail:
    """Implements ``ApiTrail``. ``cause`` makes every call fail."""

    lines: list[LogLine] = field(default_factory=list)
    cause: str = ""

    def put(self, batch: AuditBatch) -> Mapping[str, Refusal]:
        if self.cause:
            raise AuditRefusedError(self.cause)
        self.lines += batch.lines
        return {}


@dataclass(slots=True)
class MemoryAuditDeadLetters:
    """Implements ``AuditDeadLetters``. ``away`` makes every call fail."""

    sent: list[tuple[str, str]] = field(default_factory=list)
    away: bool = False

    def send(self, body: str, cause: str) -> None:
        if self.away:
            raise StoreUnavailableError("could not send to the dead letters: no answer")
        self.sent.append((body, cause))
