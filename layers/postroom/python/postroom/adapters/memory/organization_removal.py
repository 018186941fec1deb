"""The removal of an organization's rows from the directory in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.model.owned import Owned
from postroom.model.records import (
    AvailabilityConfiguration,
    Delegation,
    Entity,
    Membership,
    NameClaim,
    PasswordHash,
    Remove,
    RuleRecord,
    SmtpGateway,
)

if TYPE_CHECKING:
    from postroom.adapters.memory.directory import MemoryDirectory
    from postroom.model.records import Record


@dataclass(frozen=True, slots=True)
class MemoryOrganizationRemoval:
    """Implements ``OrganizationRemoval``. One call removes at most ``most`` rows of a kind."""

    directory: MemoryDirectory
    most: int = 25

    def remove_secrets(self, organization_id: str) -> bool:
        kinds = PasswordHash | SmtpGateway | Owned
        return self._remove([row for row in self._of(organization_id) if isinstance(row, kinds)])

    def remove_entity(self, entity: Entity) -> bool:
        rows = self._of(entity.organization_id)
        if not self._remove([row for row in rows if _relates(row, entity.id)]):
            return False
        its = [
            row
            for row in rows
            if (isinstance(row, NameClaim) and row.name == entity.name.lower())
            or (isinstance(row, PasswordHash) and row.user_id == entity.id)
        ]
        self.directory.commit([Remove(row) for row in [*its, entity]])
        return True

    def remove_rows(self, organization_id: str) -> bool:
        kinds = PasswordHash | SmtpGateway | Owned | RuleRecord | AvailabilityConfiguration | NameClaim | Entity
        return self._remove([row for row in self._of(organization_id) if isinstance(row, kinds)])

    def _of(self, organization_id: str) -> list[Record]:
        return [row for row in self.directory.records() if getattr(row, "organization_id", None) == organization_id]

    def _remove(self, rows: list[Record]) -> bool:
        self.directory.commit([Remove(row) for row in rows[: self.most]])
        return not rows


def _relates(row: Record, entity_id: str) -> bool:
    """Say whether a row is a membership of an entity, one of its members, or one of its delegations."""
    match row:
        case Membership():
            return entity_id in {row.group_id, row.member_id}
        case Delegation():
            return row.resource_id == entity_id
        case _:
            return False
