"""What audit records cost: calls per destination for 10,000 records, memory from batch to batch, and dollars.

Each record comes in a message of its own, a thousand messages per batch, for three deliveries: the case of a busy
organization whose functions record one event at a time. The first batch fills what the function keeps and does not
count.
"""

from __future__ import annotations

import contextlib
import io
import json
import time
import tracemalloc
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from benchmarks.bill import MILLION
from benchmarks.pipeline import Pipeline, pipeline
from benchmarks.prices import Unit, dollars
from postroom.adapters.aws.directory_rows import to_item
from postroom.contracts.audit_log import FIELDS, AuditRecord
from postroom.contracts.audit_sending import AuditMessage
from postroom.model.audit_deliveries import AuditLogDelivery, DestinationKind, LogType
from tests.support.audit_targets import Targets, delivery_to

if TYPE_CHECKING:
    from collections.abc import Mapping

BATCH: Final = 1_000
"""Messages of one batch, as in template.yaml."""

BATCHES: Final = 10

BUDGET_CALLS: Final = 1.0
"""Most calls per 100 records and destination."""

BUDGET_MEMORY: Final = 1.1
"""Most memory in the last batch, in times of that in the second."""

BUDGET_DOLLARS: Final = 1.50
"""Most dollars that a million audited deliveries cost more than others."""

PER_RECEIVE: Final = 10
"""Messages of one call with which Lambda receives or deletes. Source: SQS, ReceiveMessage, DeleteMessageBatch."""

DESTINATIONS: Final[Mapping[str, frozenset[str]]] = {
    "log group": frozenset({"PutLogEvents", "CreateLogStream", "DescribeLogGroups", "DescribeResourcePolicies"}),
    "bucket": frozenset({"PutObject", "GetBucketPolicy", "PutItem", "BatchWriteItem"}),
    "stream": frozenset({"PutRecordBatch", "ListTagsForDeliveryStream"}),
}
"""The calls for each destination; the rows of written objects are the bucket's."""

WRITER: Final = "WriteAuditLogFunction"


@dataclass(frozen=True, slots=True)
class Found:
    """What was counted.

    Attributes:
        calls: by destination, for 100 records.
        memory: the most memory that Python had in the last batch, in times of that in the second.
        dollars: for a million records in three destinations, their way through the queue included; without Lambda's
            time, as in the bill of a message.
    """

    calls: Mapping[str, float]
    memory: float
    dollars: float


def measure(batches: int = BATCHES, size: int = BATCH) -> Found:
    """Write batches of records, and count.

    Raises:
        LookupError: a call was made that has no price.
        RuntimeError: a function failed, or a destination has other records.
    """
    with pipeline() as stations:
        targets = audited(stations)
        write(stations, 0, size)
        stations.meter.units.clear()
        stations.meter.calls.clear()
        peaks = [peak(stations, number, size) for number in range(1, batches + 1)]
        records = batches * size
        for kind in DestinationKind:
            if len(targets.texts(kind)) != records + size:
                raise RuntimeError(f"{kind} has other records than were sent")
        calls = Counter({operation: count for (_, operation), count in stations.meter.calls.items()})
        per_hundred = {
            name: sum(calls[operation] for operation in operations) * 100 / records
            for name, operations in DESTINATIONS.items()
        }
        written = sum(dollars(unit, count) for (_, unit), count in stations.meter.units.items()) / records
        return Found(per_hundred, peaks[-1] / peaks[0], (written + queued()) * MILLION)


def audited(stations: Pipeline) -> Targets:
    """Give the organization three deliveries, and make their destinations."""
    targets = Targets(0)
    targets.make()
    for kind in DestinationKind:
        made = delivery_to(kind, id=kind.value.lower())
        row = AuditLogDelivery(organization_id=stations.organization.id, delivery=made, created=1, modified=1)
        stations.put([to_item(row)])
    return targets


def queued() -> float:
    """Return the dollars of one record's way through the queue: sent alone, received and deleted with others."""
    requests = 1 + 2 / PER_RECEIVE
    return requests * (dollars(Unit.SQS, 1) + dollars(Unit.SQS_FAIR, 1))


def peak(stations: Pipeline, number: int, size: int) -> int:
    """Write one batch and return the most memory that Python had meanwhile, in bytes, above that before it."""
    event = batch(stations, number, size)
    tracemalloc.start()
    try:
        invoke(stations, event)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def write(stations: Pipeline, number: int, size: int) -> None:
    """Write one batch."""
    invoke(stations, batch(stations, number, size))


def batch(stations: Pipeline, number: int, size: int) -> bytes:
    """Return an event of Lambda's with so many messages of one record."""
    bodies = (
        AuditMessage(stations.organization.id, [record(stations, number * size + n)]).message for n in range(size)
    )
    return json.dumps({"Records": [message(place, body) for place, body in enumerate(bodies)]}).encode()


def message(place: int, body: str) -> dict[str, Any]:
    """Return a record of Lambda's event."""
    return {
        "messageId": f"m{place}",
        "receiptHandle": f"r{place}",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
    }


def record(stations: Pipeline, number: int) -> AuditRecord:
    """Return the record of a delivery, of usual size."""
    values = {
        "event_timestamp": time.time_ns() // 1_000_000,
        "request_id": f"{number:032x}",
        "organization_arn": stations.organization.arn,
        "user_id": "0d9e8f7a-6b5c-4d3e-8f21-a0b1c2d3e402",
        "protocol": "IncomingEmail",
        "action": "create",
        "owner_id": "0d9e8f7a-6b5c-4d3e-8f21-a0b1c2d3e402",
        "object_type": "Message",
        "item_id": f"{number:08d}-{number:024x}",
        "folder_path": "/INBOX",
        "folder_id": "INBOX",
        "action_allowed": True,
    }
    fields = {name: values[name] for name in FIELDS[LogType.MAILBOX_ACCESS] if name in values}
    at_ms = int(str(values["event_timestamp"]))
    return AuditRecord(f"{number:032x}", stations.organization.id, LogType.MAILBOX_ACCESS, at_ms, fields)


def invoke(stations: Pipeline, event: bytes) -> None:
    """Invoke the function.

    Raises:
        RuntimeError: it failed, or a message did.
    """
    with stations.meter.of(WRITER), contextlib.redirect_stdout(io.StringIO()):
        answer = stations.stack.functions.invoke(WRITER, event)
    body = answer["Payload"].read()
    if "FunctionError" in answer or json.loads(body)["batchItemFailures"]:
        raise RuntimeError(f"{WRITER} failed: {body.decode()}")
