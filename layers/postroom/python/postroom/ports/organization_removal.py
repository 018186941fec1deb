"""The removal of an organization's rows from the directory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from postroom.model.records import Entity


class OrganizationRemoval(Protocol):
    """Removes rows part by part. Suite: tests/contract/test_organization_removal.py.

    Each method removes some rows and returns ``True`` when none of its kind is left; rows that another caller removed
    are no error. Every method raises StoreUnavailableError: some rows may have been removed; a retry continues.
    """

    def remove_secrets(self, organization_id: str) -> bool:
        """Remove password hashes, SMTP gateways with their sealed passwords, and the records of ``model.owned``."""

    def remove_entity(self, entity: Entity) -> bool:
        """Remove an entity: first its memberships, members, name and password hash; last the entity itself.

        A resource's delegations are removed with the resource, not with the delegates.
        """

    def remove_rows(self, organization_id: str) -> bool:
        """Remove mail-flow rules, availability configurations, names and all other rows.

        Those of the organization and its domains stay.
        """
