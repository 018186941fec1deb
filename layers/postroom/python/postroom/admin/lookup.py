"""Find what a request names, or refuse by the error that the API has for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.admin import routing
from postroom.contracts.admin.exceptions import (
    EntityNotFoundException,
    EntityStateException,
    OrganizationNotFoundException,
    OrganizationStateException,
    UnsupportedOperationException,
)
from postroom.model.directory import EntityKind, EntityState
from postroom.model.records import OrganizationState

if TYPE_CHECKING:
    from postroom.admin.context import Context
    from postroom.model.records import Entity, Organization


def organization(context: Context, organization_id: str) -> Organization:
    """Return an organization that can be worked with.

    Raises:
        OrganizationNotFoundException: there has never been one with this id.
        OrganizationStateException: it is not Active.
    """
    found = any_organization(context, organization_id)
    if found.state is not OrganizationState.ACTIVE:
        raise OrganizationStateException(f"Organization {organization_id} is in state {found.state}.")
    if found.spread:
        return found
    return routing.finish(context, organization_id) or found


def any_organization(context: Context, organization_id: str) -> Organization:
    """Return an organization in whatever state.

    Raises:
        OrganizationNotFoundException: there has never been one with this id.
    """
    found = context.directory.organization(organization_id)
    if found is None:
        raise OrganizationNotFoundException(f"There is no organization {organization_id}.")
    return found


def find(context: Context, organization_id: str, identifier: str) -> Entity | None:
    """Return whom an id, an address or a name means, in this order; deleted entities by their id only.

    Names and addresses match whatever their case.
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
    """Return an entity of one of some kinds (none given: of any), by id, address or name.

    Raises:
        EntityNotFoundException: there is none.
    """
    found = find(context, organization_id, identifier)
    if found is None or (kinds and found.kind not in kinds):
        raise _not_found(identifier, *kinds)
    return found


def entity_by_id(context: Context, organization_id: str, entity_id: str, *kinds: EntityKind) -> Entity:
    """Return an entity by nothing but its id, as parameters of type WorkMailIdentifier want it (contracts 7.4).

    Raises:
        EntityNotFoundException: there is none.
    """
    found = context.directory.entity(organization_id, entity_id)
    if found is None or (kinds and found.kind not in kinds):
        raise _not_found(entity_id, *kinds)
    return found


def living(found: Entity) -> Entity:
    """Return the entity unless it is deleted.

    Raises:
        EntityStateException: it is deleted.
    """
    if found.state is EntityState.DELETED:
        raise EntityStateException(f"{_word(found.kind)} {found.id} is deleted.")
    return found


def enabled(found: Entity) -> Entity:
    """Return the entity if it is registered to WorkMail.

    Raises:
        EntityStateException: it is not.
    """
    if found.state is not EntityState.ENABLED:
        raise EntityStateException(f"{_word(found.kind)} {found.id} is in state {found.state}, not ENABLED.")
    return found


def supported(found: Entity) -> Entity:
    """Return the entity unless it is a resource, which come with a later issue.

    Raises:
        UnsupportedOperationException: it is a resource.
    """
    if found.kind is EntityKind.RESOURCE:
        raise UnsupportedOperationException("Resources are not built yet; see docs/parity.md.")
    return found


def _word(kind: EntityKind) -> str:
    return kind.value.capitalize()


def _not_found(identifier: str, *kinds: EntityKind) -> EntityNotFoundException:
    words = " or ".join(kind.value.lower() for kind in kinds) or "entity"
    return EntityNotFoundException(f"There is no such {words} in the organization: {identifier}.")
