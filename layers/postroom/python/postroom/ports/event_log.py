"""The event logs of organizations, and the records of the ledger's stream that are written there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.contracts.pointers import FactPointer
    from postroom.model.facts import Fact
    from postroom.model.log_lines import LogLine


@dataclass(frozen=True, slots=True)
class LedgerRecord:
    """One record of the ledger's stream.

    Attributes:
        position: the stream's sequence number.
        fact: ``None`` if the row is not a readable fact.
        pointer: names the row of a record without a fact; ``None`` if its key cannot be read either.
    """

    position: str
    fact: Fact | None
    pointer: FactPointer | None = None


@dataclass(frozen=True, slots=True)
class LogDestination:
    """The destination of an organization's event log.

    Attributes:
        group: name of the log group.
        role_arn: the role to assume; ``None`` for the function's own role.
        external_id: STS's ExternalId, with which the role is assumed: the organization's ARN.
        retention_days: retention of a group that is created if it is missing; ``None`` if the customer owns the group.
    """

    group: str
    role_arn: str | None
    retention_days: int | None
    external_id: str = ""


class EventLogs(Protocol):
    """Writes lines to log groups. Suite: tests/contract/test_event_log.py."""

    def put(self, destination: LogDestination, lines: Sequence[LogLine]) -> frozenset[str]:
        """Append lines. A missing group with ``retention_days`` is created.

        Args:
            lines: one batch of ``contracts.log_batches``: ordered by time, within the limits of a call.

        Returns:
            Ids of lines that the log refused: they are too old, too new, or older than the group's retention. One of
            them may have been written nevertheless.

        Raises:
            EventLogRefusedError: the group or the role refuses, or does not answer; none or all lines may have been
                written.
            UnwritableLinesError: the log cannot take some of the lines; none was written.
        """
