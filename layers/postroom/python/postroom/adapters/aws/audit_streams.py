"""Audit records as records of customers' Firehose streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.audit_places import known
from postroom.adapters.aws.transactions import code_of
from postroom.contracts.firehose_batches import record_of
from postroom.errors import AuditRefusedError
from postroom.model.log_lines import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_firehose.type_defs import PutRecordBatchOutputTypeDef

    from postroom.adapters.aws.destination_policies import DestinationPolicies
    from postroom.model.audit_deliveries import AuditDelivery
    from postroom.model.audit_targets import Place
    from postroom.model.log_lines import LogLine
    from postroom.ports.audit_destinations import AuditBatch

PAUSES_S: Final = (0.1, 0.4)
"""Seconds before each further call with the records that the last one did not take. Ours: a stream that throttles
longer is asked again by the retry queue."""


@dataclass(frozen=True, slots=True)
class FirehoseAuditStreams:
    """Implements ``AuditDestination`` for Firehose streams. ``pause`` waits a number of seconds."""

    client: FirehoseClient
    policies: DestinationPolicies
    place: Place
    pause: Callable[[float], None]

    def put(self, delivery: AuditDelivery, batch: AuditBatch) -> Mapping[str, Refusal]:
        """Put one batch; of a batch that is taken in part, only the rest is put again."""
        stream = known(delivery, self.place).name
        self.policies.check_stream(stream)
        left = self._put(stream, batch.lines)
        for pause_s in PAUSES_S:
            if not left:
                break
            self.pause(pause_s)
            try:
                left = self._put(stream, [line for line, _ in left])
            except AuditRefusedError as error:
                return {line.id: Refusal(error.cause) for line, _ in left}
        return {line.id: Refusal(f"Firehose did not take a record: {code} at {stream}") for line, code in left}

    def _put(self, stream: str, lines: Sequence[LogLine]) -> list[tuple[LogLine, str]]:
        """Return the lines that were not taken, each with Firehose's error code."""
        try:
            answer = self.client.put_record_batch(
                DeliveryStreamName=stream, Records=[{"Data": record_of(line)} for line in lines]
            )
        except (BotoCoreError, ClientError) as error:
            raise AuditRefusedError(f"{code_of(error)} at {stream}") from error
        return _failed(answer, lines)


def _failed(answer: PutRecordBatchOutputTypeDef, lines: Sequence[LogLine]) -> list[tuple[LogLine, str]]:
    """Read the answer: results are in the order of the records, and a call succeeds even if none was taken."""
    if not answer["FailedPutCount"]:
        return []
    results = answer["RequestResponses"]
    if len(results) != len(lines):
        return [(line, "no result") for line in lines]
    return [
        (line, result.get("ErrorCode", ""))
        for line, result in zip(lines, results, strict=True)
        if "ErrorCode" in result
    ]
