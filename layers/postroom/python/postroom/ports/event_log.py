"""The event logs of organizations, and the records of the ledger's stream that end up there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.contracts.between_stations import FactPointer
    from postroom.model.facts import Fact


@dataclass(frozen=True, slots=True)
class LedgerRecord:
    """One record of the ledger's stream.

    ``position`` is what the stream calls it. Of a record that is no fact, ``fact`` is None; then ``pointer`` names the
    row it came from, or is None where not even that can be read.
    """

    position: str
    fact: Fact | None
    pointer: FactPointer | None = None


@dataclass(frozen=True, slots=True)
class LogDestination:
    """Where an organization's event log goes.

    ``role_arn`` is the role to assume, None for our own. ``retention_days`` is set where the group is ours to make if
    it is missing; None means that somebody else keeps it.
    """

    group: str
    role_arn: str | None
    retention_days: int | None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event as it is written: ``at_ms`` in milliseconds since the epoch, ``id`` the fact's."""

    id: str
    at_ms: int
    text: str


class EventLogs(Protocol):
    """Event logs. Suite: tests/contract/test_event_log.py."""

    def put(self, destination: LogDestination, lines: Sequence[LogLine]) -> frozenset[str]:
        """Append lines, making the default group on the way if it is missing.

        Args:
            destination: which log.
            lines: one batch as ``postroom.ledger.lines.batches`` cuts it: in order, within the limits.

        Returns:
            Ids of lines that the log did not take, because they are too old, too new, or older than it keeps. It may
            name one that was taken as well.

        Raises:
            EventLogRefusedError: the group or the role refuses, or nobody answers; none or all may have been written.
            UnwritableLinesError: the log finds fault with the lines; none was written.
        """
