"""The end of an organization's rows in the directory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from postroom.model.records import Entity


class OrganizationRemoval(Protocol):
    """Suite: tests/contract/test_organization_removal.py. What is gone already is no obstacle.

    Each method removes a part, and returns ``True`` once nothing of its kind is left. All raise StoreUnavailableError:
    some may have been removed; a retry goes on.
    """

    def remove_secrets(self, organization_id: str) -> bool:
        """Remove hashes of passwords, and SMTP gateways with their sealed passwords."""

    def remove_entity(self, entity: Entity) -> bool:
        """Remove an entity: its memberships both ways, its name, its password's hash, and last the entity itself."""

    def remove_rows(self, organization_id: str) -> bool:
        """Remove the mail-flow rules and the names, and what else there may be but the organization and its domains."""
