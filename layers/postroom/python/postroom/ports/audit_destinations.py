"""Destinations of audit records: log groups, buckets and Firehose streams of customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.model.audit_deliveries import AuditDelivery
    from postroom.model.log_lines import LogLine, Refusal


@dataclass(frozen=True, slots=True)
class AuditBatch:
    """Lines of one delivery for one call, as ``contracts.audit_batches`` cuts them.

    Attributes:
        header: lines with which an object begins; destinations other than buckets leave it out.
        lines: ordered by time, without line ends; ids are those of the records. At least one.
    """

    organization_id: str
    lines: Sequence[LogLine]
    header: Sequence[str] = ()


class AuditDestination(Protocol):
    """One kind of destination, used by several threads. Suite: tests/contract/test_audit_destinations.py."""

    def put(self, delivery: AuditDelivery, batch: AuditBatch) -> Mapping[str, Refusal]:
        """Write one batch. A destination that disappeared is not made again: it is the customer's.

        Returns:
            The refused lines by id; all others are durable. One of them may have been written nevertheless.

        Raises:
            AuditRefusedError: the destination or a policy refuses, is missing, or does not answer; none or all lines
                may have been written.
        """


class ApiTrail(Protocol):
    """The log group of the API trail, which is the stack's own. Suite: tests/contract/test_audit_destinations.py."""

    def put(self, batch: AuditBatch) -> Mapping[str, Refusal]:
        """As ``AuditDestination.put``; the batch may have no organization."""


class AuditDeadLetters(Protocol):
    """Sends what can never be written to the dead letters, where it is parked with its cause."""

    def send(self, body: str, cause: str) -> None:
        """Send a message's body with its cause, one line.

        Raises:
            StoreUnavailableError: it may not be in the queue; send it again.
        """
