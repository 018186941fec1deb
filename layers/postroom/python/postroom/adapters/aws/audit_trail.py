"""Audit records on their way through SQS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.adapters.aws.queue_limits import BATCH, MAX_CALL_BYTES
from postroom.adapters.aws.transactions import store_errors
from postroom.contracts.audit_sending import messages
from postroom.contracts.batching import batches
from postroom.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

    from postroom.contracts.audit_log import AuditRecord


@dataclass(frozen=True, slots=True)
class SqsAuditTrail:
    """Implements ``AuditTrail``; ``url`` is that of write_audit_log's queue."""

    client: SQSClient
    url: str

    def record(self, records: Sequence[AuditRecord]) -> None:
        bodies = ((message.message, message.group) for message in messages(records))
        for batch in batches(bodies, lambda body: len(body[0].encode()), max_bytes=MAX_CALL_BYTES, max_items=BATCH):
            self._send(batch)

    def _send(self, batch: Sequence[tuple[str, str]]) -> None:
        entries = [_entry(place, *message) for place, message in enumerate(batch)]
        with store_errors("send audit records"):
            answer = self.client.send_message_batch(QueueUrl=self.url, Entries=entries)
        if answer.get("Failed"):
            codes = sorted({failed["Code"] for failed in answer["Failed"]})
            raise StoreUnavailableError(f"SQS refused audit records: {', '.join(codes)}")


def _entry(place: int, body: str, group: str) -> SendMessageBatchRequestEntryTypeDef:
    entry: SendMessageBatchRequestEntryTypeDef = {"Id": str(place), "MessageBody": body}
    if group:
        entry["MessageGroupId"] = group
    return entry
