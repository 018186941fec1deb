"""The station of audit records in memory, with the deliveries of one organization."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.memory.audit_deliveries import MemoryAuditDeliveries
from postroom.adapters.memory.audit_destinations import (
    MemoryApiTrail,
    MemoryAuditDeadLetters,
    MemoryAuditDestinations,
)
from postroom.adapters.memory.queues import MemoryQueues
from postroom.audit.write_audit_log import WriteAuditLog
from postroom.contracts.audit_log import API_CALL, AuditRecord
from postroom.contracts.audit_messages import AuditRecords
from postroom.contracts.audit_sending import AuditMessage
from postroom.model.audit_deliveries import DestinationKind, LogType
from postroom.ports.retried import Retried
from tests.support.audit_deliveries import TARGETS, delivery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.audit.write_audit_log import Outcome
    from postroom.contracts.audit_log import RecordType

ORGANIZATION: Final = "m-0123456789abcdef0123456789abcdef"
OTHER: Final = "m-fedcba9876543210fedcba9876543210"
NOON: Final = 1_795_000_000_000
"""A time of records, in milliseconds since the epoch."""

IDS: Final = {
    DestinationKind.CLOUDWATCH_LOGS: "group",
    DestinationKind.S3: "bucket",
    DestinationKind.FIREHOSE: "stream",
}


def audit_record(
    number: int = 0,
    organization_id: str = ORGANIZATION,
    log_type: RecordType = LogType.MAILBOX_ACCESS,
    at_ms: int | None = None,
    **fields: Any,
) -> AuditRecord:
    """Return one record; its id has the number."""
    at = NOON + number if at_ms is None else at_ms
    said = {"event_timestamp": at, "organization_arn": "arn", "item_id": f"item {number}", **fields}
    return AuditRecord(f"{number:032x}", organization_id, log_type, at, said)


def api_call(number: int = 0) -> AuditRecord:
    """Return one record of the API trail, of a call that concerns no organization."""
    return AuditRecord(f"{number:032x}", "", API_CALL, NOON + number, {"eventName": "CreateOrganization"})


def retried(message: AuditMessage | AuditRecords, name: str = "m1", receives: int = 1) -> Retried:
    """Return a message as the queue gives it."""
    return Retried(name, message.message, f"receipt of {name}", receives)


@dataclass(slots=True)
class Writing:
    """The station and everything around it; each of the three destinations has one delivery of mailbox access."""

    deliveries: MemoryAuditDeliveries = field(default_factory=MemoryAuditDeliveries)
    destinations: MemoryAuditDestinations = field(default_factory=MemoryAuditDestinations)
    trail: MemoryApiTrail = field(default_factory=MemoryApiTrail)
    queues: MemoryQueues = field(default_factory=MemoryQueues)
    dead_letters: MemoryAuditDeadLetters = field(default_factory=MemoryAuditDeadLetters)
    retries: MemoryQueues = field(default_factory=MemoryQueues)
    remaining_ms: int = 60_000

    def __post_init__(self) -> None:
        self.deliveries.deliveries[ORGANIZATION] = [delivery(kind, id=IDS[kind]) for kind in TARGETS]
        self.destinations.targets |= {arn: [] for arn in TARGETS.values()}

    @property
    def station(self) -> WriteAuditLog:
        """The station."""
        return WriteAuditLog(
            deliveries=self.deliveries,
            destinations=dict.fromkeys(DestinationKind, self.destinations),
            api_trail=self.trail,
            queues=self.queues,
            dead_letters=self.dead_letters,
            postponement=self.retries,
            first_retry_s=5,
            schedule_s=(10, 20, 30),
        )

    def accept(self, *messages: Retried) -> Outcome:
        """Write one batch."""
        return self.station.accept(messages, lambda: self.remaining_ms)

    def write(self, *records: AuditRecord) -> Outcome:
        """Write one message of records of one organization, for all of its deliveries."""
        return self.accept(retried(AuditMessage(records[0].organization_id, records)))

    def ids(self, kind: DestinationKind) -> list[str]:
        """Return the ids of the records that a destination has, in the order of writing."""
        return [line.id for line in self.destinations.targets[TARGETS[kind]]]

    def sent(self) -> list[AuditRecords]:
        """Return the messages of the retry queue."""
        return [AuditRecords.read(body) for body, _ in self.queues.later["retry_audit"]]

    def parked(self) -> list[tuple[Sequence[str], str, str]]:
        """Return the dead letters: ids of records, delivery and cause."""
        read = [(AuditRecords.read(body), cause) for body, cause in self.dead_letters.sent]
        return [([each.id for each in message.records], message.delivery_id, cause) for message, cause in read]
