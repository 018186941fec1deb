"""Facts as lines of their organization's event log; an error with one organization does not affect another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.contracts.event_log import DEFAULT_LOG_GROUP, DEFAULT_RETENTION_DAYS
from postroom.contracts.log_batches import MAX_BATCH_LINES, batches
from postroom.errors import EventLogRefusedError, PostroomError, UnwritableLinesError
from postroom.ledger.lines import line_of
from postroom.ledger.projection import OUT_OF_TIME, Remaining
from postroom.model.facts import EventName, Fact
from postroom.model.limits import HAND_OVER_RESERVE_MS
from postroom.ports.event_log import EventLogs, LogDestination

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.model.directory import Monitoring
    from postroom.model.log_lines import LogLine
    from postroom.ports.directory import EventLogSettings

TOO_OLD_OR_NEW = "CloudWatch Logs takes no events this old or this new"


def destination_of(monitoring: Monitoring, organization_arn: str) -> LogDestination | None:
    """Return where an organization's event log is written; None if it is switched off.

    A configured log group is created and retained by the customer. The default group is created by Postroom, with 30
    days of retention. A group without a role is written with the function's own role.
    """
    if not monitoring.enabled:
        return None
    if monitoring.log_group is None:
        return LogDestination(DEFAULT_LOG_GROUP.format(alias=monitoring.alias), None, DEFAULT_RETENTION_DAYS)
    return LogDestination(monitoring.log_group, monitoring.role_arn, None, organization_arn)


@dataclass(frozen=True, slots=True)
class EventLogProjection:
    """Writes WorkMail's nine events, no facts of ours.

    Attributes:
        organization_arns: what every organization's ARN begins with.
        max_lines: the most lines per call.
    """

    settings: EventLogSettings
    logs: EventLogs
    organization_arns: str
    max_lines: int = MAX_BATCH_LINES

    def write(self, facts: Sequence[Fact], remaining_ms: Remaining) -> Mapping[str, str]:
        """Write the events among facts, organization by organization; a log that refuses does not stop the others."""
        organizations: dict[str, list[Fact]] = {}
        for fact in facts:
            if isinstance(fact.name, EventName):
                organizations.setdefault(fact.organization_id, []).append(fact)
        refused: dict[str, str] = {}
        for organization_id, its_facts in organizations.items():
            if remaining_ms() < HAND_OVER_RESERVE_MS:
                refused |= {fact.id: OUT_OF_TIME for fact in its_facts}
            else:
                refused |= self._write(organization_id, its_facts)
        return refused

    def _write(self, organization_id: str, facts: Sequence[Fact]) -> Mapping[str, str]:
        try:
            destination = destination_of(
                self.settings.monitoring(organization_id), self.organization_arns + organization_id
            )
        except PostroomError as error:
            return {fact.id: error.cause for fact in facts}
        return {} if destination is None else self._put(destination, [line_of(fact) for fact in facts])

    def _put(self, destination: LogDestination, lines: Sequence[LogLine]) -> Mapping[str, str]:
        refused: dict[str, str] = {}
        closed = ""
        for batch in batches(lines, self.max_lines):
            if closed:
                refused |= {line.id: closed for line in batch}
                continue
            try:
                refused |= dict.fromkeys(self.logs.put(destination, batch), TOO_OLD_OR_NEW)
            except UnwritableLinesError as error:
                refused |= {line.id: error.cause for line in batch}
            except EventLogRefusedError as error:
                closed = error.cause
                refused |= {line.id: closed for line in batch}
        return refused
