"""Audit records in customers' log groups, and the API trail in the stack's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.audit_places import known
from postroom.adapters.aws.log_streams import append, make
from postroom.adapters.aws.transactions import code_of
from postroom.contracts.log_batches import aged, may_expire
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
TOO_MANY_FAULTS: Final = Refusal("CloudWatch Logs finds fault with too many events of a batch")

MISSING: Final = "ResourceNotFoundException"
"""PutLogEvents' error code for a group or stream that does not exist."""

MAX_FAULTS: Final = 30
"""Most calls of a batch that may find fault with an event: enough for two events among 10,000. Ours."""


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
        waiting: list[Sequence[LogLine]] = [[line] for line in reversed(told.alone)]
        if told.certain:
            waiting.append(told.certain)
        return refused | self._append(group, stream, waiting)

    def _append(self, group: str, stream: str, waiting: list[Sequence[LogLine]]) -> dict[str, Refusal]:
        """Make a call for each part, the last one first; of lines with which the service finds fault, try each half."""
        refused: dict[str, Refusal] = {}
        calls = faults = 0
        while waiting and faults < MAX_FAULTS:
            part = waiting.pop()
            try:
                refused |= self._rejected(part, self._put(group, stream, part))
            except UnwritableLinesError:
                faults += 1
                half = len(part) // 2
                if half:
                    waiting += [part[half:], part[:half]]
                else:
                    refused[part[0].id] = FAULTY
            except AuditRefusedError as error:
                if not calls:
                    raise
                return refused | _all([*waiting, part], Refusal(error.cause))
            calls += 1
        return refused | _all(waiting, TOO_MANY_FAULTS)

    def _rejected(self, lines: Sequence[LogLine], ids: frozenset[str]) -> dict[str, Refusal]:
        now_ms = self.now()
        return {line.id: TOO_NEW if line.at_ms > now_ms else REJECTED for line in lines if line.id in ids}

    def _put(self, group: str, stream: str, lines: Sequence[LogLine]) -> frozenset[str]:
        try:
            try:
                return append(self.client, group, stream, lines)
            except ClientError as error:
                if code_of(error) != MISSING:
                    raise
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
        self.policies.check_group(delivery, group, stream)
        # DescribeLogGroups takes ten calls per second from a whole account, and hardly any record waits for a day
        is_old = may_expire(batch.lines[0], self.writer.now())
        return self.writer.append(group, stream, batch.lines, self.policies.retention_ms(group) if is_old else None)


@dataclass(frozen=True, slots=True)
class ApiTrailLog:
    """Implements ``ApiTrail`` with a log group of the stack's own."""

    writer: LogGroupWriter
    group: str

    def put(self, batch: AuditBatch) -> Mapping[str, Refusal]:
        return self.writer.append(self.group, self.writer.stream(), batch.lines, None)


def _all(parts: Sequence[Sequence[LogLine]], refusal: Refusal) -> dict[str, Refusal]:
    return dict.fromkeys((line.id for part in parts for line in part), refusal)
