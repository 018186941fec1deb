"""Audit records in customers' log groups, and the API trail in the stack's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.audit_places import known
from postroom.adapters.aws.log_streams import append, make
from postroom.adapters.aws.transactions import code_of
from postroom.contracts.log_batches import aged
from postroom.errors import AuditRefusedError, UnwritableLinesError
from postroom.model.log_lines import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_logs import CloudWatchLogsClient

    from postroom.adapters.aws.destination_policies import DestinationPolicies
    from postroom.model.audit_deliveries import AuditDelivery
    from postroom.model.audit_targets import Place
    from postroom.model.log_lines import LogLine
    from postroom.ports.audit_destinations import AuditBatch

TOO_OLD: Final = Refusal("CloudWatch Logs takes no events this old", final=True)
TOO_NEW: Final = Refusal("CloudWatch Logs takes no events this new yet")
REJECTED: Final = Refusal(
    "CloudWatch Logs rejected an event for its time, or one beside it: it may be there nevertheless", final=True
)
FAULTY: Final = Refusal("CloudWatch Logs finds fault with the event", final=True)


@dataclass(frozen=True, slots=True)
class LogGroupWriter:
    """Appends lines to log groups, in streams of the execution environment's own.

    Attributes:
        stream: returns the name of the stream now.
        now: returns milliseconds since the epoch.
    """

    client: CloudWatchLogsClient
    stream: Callable[[], str]
    now: Callable[[], int]

    def append(self, group: str, stream: str, lines: Sequence[LogLine], retention_ms: int | None) -> dict[str, Refusal]:
        """Append lines; return those that are not there, by id.

        Raises:
            AuditRefusedError: the group refuses, is missing or does not answer; none or all lines may be there.
        """
        told = aged(lines, self.now(), retention_ms)
        refused = dict.fromkeys((line.id for line in told.too_old), TOO_OLD)
        refused |= dict.fromkeys((line.id for line in told.too_new), TOO_NEW)
        calls = [part for part in (told.certain, *([line] for line in told.alone)) if part]
        for place, part in enumerate(calls):
            try:
                refused |= self._append(group, stream, part)
            except AuditRefusedError as error:
                if place == 0:
                    raise
                left = (line.id for later in calls[place:] for line in later)
                return refused | dict.fromkeys(left, Refusal(error.cause))
        return refused

    def _append(self, group: str, stream: str, lines: Sequence[LogLine]) -> dict[str, Refusal]:
        """Append lines; of lines with which the service finds fault, each half is tried."""
        try:
            rejected = self._put(group, stream, lines)
        except UnwritableLinesError:
            if len(lines) == 1:
                return {lines[0].id: FAULTY}
            half = len(lines) // 2
            return self._append(group, stream, lines[:half]) | self._append(group, stream, lines[half:])
        too_new = self.now()
        return {line.id: TOO_NEW if line.at_ms > too_new else REJECTED for line in lines if line.id in rejected}

    def _put(self, group: str, stream: str, lines: Sequence[LogLine]) -> frozenset[str]:
        try:
            try:
                return append(self.client, group, stream, lines)
            except self.client.exceptions.ResourceNotFoundException:
                make(self.client, group, stream)
                return append(self.client, group, stream, lines)
        except (BotoCoreError, ClientError) as error:
            raise AuditRefusedError(f"{code_of(error)} at {group}") from error


@dataclass(frozen=True, slots=True)
class CloudWatchAuditLogs:
    """Implements ``AuditDestination`` for log groups."""

    writer: LogGroupWriter
    policies: DestinationPolicies
    place: Place

    def put(self, delivery: AuditDelivery, batch: AuditBatch) -> Mapping[str, Refusal]:
        group = known(delivery, self.place).name
        stream = f"{batch.organization_id}/{delivery.log_type}/{self.writer.stream()}"
        retention_ms = self.policies.check_group(delivery, group, stream)
        return self.writer.append(group, stream, batch.lines, retention_ms)


@dataclass(frozen=True, slots=True)
class ApiTrailLog:
    """Implements ``ApiTrail`` with a log group of the stack's own."""

    writer: LogGroupWriter
    group: str

    def put(self, batch: AuditBatch) -> Mapping[str, Refusal]:
        return self.writer.append(self.group, self.writer.stream(), batch.lines, None)
