"""Facts as audit records: deliveries into mailboxes, and calls of availability providers.

An organization without deliveries of audit records costs nothing. If they cannot be read, the facts of its batch are
sent all the same, and the directory is not asked again: write_audit_log drops what no delivery has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.contracts.audited_facts import AUDITED_FACTS, from_fact
from postroom.errors import TemporaryError
from postroom.ledger.projection import OUT_OF_TIME, Remaining
from postroom.model.limits import HAND_OVER_RESERVE_MS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.model.audit_deliveries import LogType
    from postroom.model.facts import Fact
    from postroom.ports.audit_deliveries import AuditDeliveries
    from postroom.ports.audit_trail import AuditTrail


@dataclass(frozen=True, slots=True)
class AuditProjection:
    """Hands over the records of facts. ``organization_arns`` is what every organization's ARN begins with."""

    deliveries: AuditDeliveries
    trail: AuditTrail
    organization_arns: str

    def write(self, facts: Sequence[Fact], remaining_ms: Remaining) -> Mapping[str, str]:
        """Hand over the records of those facts that a delivery of their organization has; all or none is refused."""
        wanted = self._wanted(facts)
        if not wanted:
            return {}
        if remaining_ms() < HAND_OVER_RESERVE_MS:
            return {fact.id: OUT_OF_TIME for fact in wanted}
        try:
            self.trail.record([from_fact(fact, self.organization_arns + fact.organization_id) for fact in wanted])
        except TemporaryError as error:
            return {fact.id: error.cause for fact in wanted}
        return {}

    def _wanted(self, facts: Sequence[Fact]) -> list[Fact]:
        known: dict[tuple[str, LogType], bool] = {}
        is_readable, wanted = True, []
        for fact in facts:
            log_type = AUDITED_FACTS.get(fact.name)
            if log_type is None:
                continue
            asked = (fact.organization_id, log_type)
            if asked not in known and is_readable:
                try:
                    known[asked] = self.deliveries.is_audited(*asked)
                except TemporaryError:
                    is_readable = False  # each further read may take as long as this one
            if known.get(asked, True):
                wanted.append(fact)
        return wanted
