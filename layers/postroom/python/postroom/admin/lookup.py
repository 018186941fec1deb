"""Finds what a request names, or raises the API's error for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.admin import routing
from postroom.contracts.admin.exceptions import (
    EntityNotFoundException,
    EntityStateException,
    OrganizationNotFoundException,
    OrganizationStateException,
)
from postroom.model.directory import EntityState
from postroom.model.records import OrganizationState

if TYPE_CHECKING:
    from postroom.admin.context import Context
    from postroom.model.directory import EntityKind
    from postroom.model.records import Entity, Organization


def organization(context: Context, organization_id: str) -> Organization:
    """Return an active organization.

    Raises:
        OrganizationNotFoundException: no organization has or had this id.
        OrganizationStateException: it is not Active.
    """
    found = any_organization(context, organization_id)
    if found.state is not OrganizationState.ACTIVE:
        raise OrganizationStateException(f"Organization {organization_id} is in state {found.state}.")
    if found.spread:
        return found
    return routing.finish(context, organization_id) or found


def any_organization(context: Context, organization_id: str) -> Organization:
    """Return an organization in any state.

    Raises:
        OrganizationNotFoundException: no organization has or had this id.
    """
    found = context.directory.organization(organization_id)
    if found is None:
        raise OrganizationNotFoundException(f"There is no organization {organization_id}.")
    return found


def find(context: Context, organization_id: str, identifier: str) -> Entity | None:
    """Return the entity with an id, an address or a name, in this order. Deleted entities are found by id only.

    Names and addresses match case-insensitively.
    """
    directory = context.directory
    key = identifier.lower()
    return (
        directory.entity(organization_id, identifier)
        or ("@" in key and directory.entity_at(organization_id, key))
        or directory.entity_named(organization_id, key)
        or None
    )


def entity(context: Context, organization_id: str, identifier: str, *kinds: EntityKind) -> Entity:
    """Return an entity by id, address or name; ``kinds`` limits its kind if given.

    Raises:
        EntityNotFoundException: there is no such entity.
    """
    found = find(context, organization_id, identifier)
    if found is None or (kinds and found.kind not in kinds):
        raise _not_found(identifier, *kinds)
    return found


def entity_by_id(context: Context, organization_id: str, entity_id: str, *kinds: EntityKind) -> Entity:
    """Return an entity by its id only; parameters of type WorkMailIdentifier need that (contracts 7.4).

    Raises:
        EntityNotFoundException: there is no such entity.
    """
    found = context.directory.entity(organization_id, entity_id)
    if found is None or (kinds and found.kind not in kinds):
        raise _not_found(entity_id, *kinds)
    return found


def not_deleted(found: Entity) -> Entity:
    """Return the entity unless it is deleted.

    Raises:
        EntityStateException: it is deleted.
    """
    if found.state is EntityState.DELETED:
        raise EntityStateException(f"{_kind_name(found.kind)} {found.id} is deleted.")
    return found


def enabled(found: Entity) -> Entity:
    """Return the entity if it is registered to WorkMail.

    Raises:
        EntityStateException: the entity is not registered.
    """
    if found.state is not EntityState.ENABLED:
        raise EntityStateException(f"{_kind_name(found.kind)} {found.id} is in state {found.state}, not ENABLED.")
    return found


def _kind_name(kind: EntityKind) -> str:
    return kind.value.capitalize()


def _not_found(identifier: str, *kinds: EntityKind) -> EntityNotFoundException:
    kinds_text = " or ".join(kind.value.lower() for kind in kinds) or "entity"
    return EntityNotFoundException(f"There is no such {kinds_text} in the organization: {identifier}.")
