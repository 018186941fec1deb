"""Destinations of audit records: log groups, buckets and Firehose streams of customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.model.audit_deliveries import AuditDelivery
    from postroom.model.log_lines import LogLine


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


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a record was not placed; ``final`` if no retry can place it, so that it waits for an operator at once."""

    cause: str
    final: bool = False


class AuditDestination(Protocol):
    """One kind of destination. Suite: tests/contract/test_audit_destinations.py."""

    def put(self, delivery: AuditDelivery, batch: AuditBatch) -> Mapping[str, Refusal]:
        """Write one batch. A destination that disappeared is not made again: it is the customer's.

        Returns:
            The refused lines by id; all others are durable. One of them may have been written nevertheless.

        Raises:
            AuditRefusedError: the destination or a policy refuses, is missing, or does not answer; none or all lines
                may have been written.
        """
