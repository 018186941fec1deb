"""Batches in the form of Lambda's events for record_events and retry_events, and the answer that names failures.

Source: Lambda Developer Guide, "Process DynamoDB records", "Using Lambda with Amazon SQS", "Reporting batch item
failures".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.aws.ledger_rows import fact_from_row, of_place
from postroom.contracts.pointers import FactPointer, Part
from postroom.ports.event_log import LedgerRecord
from postroom.ports.retried import Retried

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NO_ORGANIZATION: Final = "-"
"""Organization id in the pointer of a row whose organization cannot be read."""


def ledger_records(event: Mapping[str, Any]) -> list[LedgerRecord]:
    """Read a batch of the ledger's stream. Only inserts count: rows that expire or are changed are left out."""
    return [_ledger_record(record["dynamodb"]) for record in event["Records"] if record["eventName"] == "INSERT"]


def _ledger_record(change: Mapping[str, Any]) -> LedgerRecord:
    position = change["SequenceNumber"]
    try:
        return LedgerRecord(position, fact_from_row(change["NewImage"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        return LedgerRecord(position, None, _pointer(change))


def _pointer(change: Mapping[str, Any]) -> FactPointer | None:
    """Return a pointer to a row that is not a readable fact. retry_events fails on it too, and then parks it."""
    try:
        keys, organization = change["Keys"], change.get("NewImage", {}).get("org", {}).get("S")
        trace, key = of_place(keys["pk"]["S"], keys["sk"]["S"])
        return FactPointer(
            trace=trace,
            key=key,
            organization_id=organization or NO_ORGANIZATION,
            parts=tuple(Part),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def retried_messages(event: Mapping[str, Any]) -> list[Retried]:
    """Read a batch of an SQS queue."""
    return [
        Retried(
            record["messageId"],
            record["body"],
            record["receiptHandle"],
            int(record["attributes"]["ApproximateReceiveCount"]),
        )
        for record in event["Records"]
    ]


def failures(failed: Sequence[str]) -> dict[str, Any]:
    """Return the answer that names failed records by sequence number or message id; they come again."""
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}
