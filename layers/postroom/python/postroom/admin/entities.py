"""Common parts of operations on users, groups and resources: names, lists with filters, deletion."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from postroom.admin import belongings, pages
from postroom.contracts.admin.exceptions import (
    EntityStateException,
    NameAvailabilityException,
    ReservedNameException,
)
from postroom.errors import TakenError
from postroom.model.directory import EntityKind, EntityState
from postroom.model.limits import DAY_MS, MAILBOX_KEPT_DAYS
from postroom.model.records import Entity, Insert, NameClaim, Remove, Replace
from postroom.ports.directory import every_item

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from postroom.admin.context import Context
    from postroom.model.records import Change

MEMBER_KINDS: Final = (EntityKind.USER, EntityKind.GROUP)
"""Kinds of members of a group, and of delegates of a resource. Source: botocore's ``MemberType``."""

PREFIX_FILTERS: Final[Mapping[str, str]] = {"NamePrefix": "name", "PrimaryEmailPrefix": "email"}
"""Filters of the lists of groups and resources, and what each of them looks at."""

RESERVED_NAMES: Final = frozenset({"amazonjournaling"})
"""Reserved names and local parts of addresses. Source: guide, journaling overview (ZH:7402)."""


def refuse_reserved(name: str) -> None:
    """Refuse reserved names.

    Raises:
        ReservedNameException: the name is reserved.
    """
    if name.lower() in RESERVED_NAMES:
        raise ReservedNameException(f"The name {name} is reserved.")


def insert_named(context: Context, entity: Entity, others: list[Change]) -> None:
    """Insert an entity with the claim of its name.

    Raises:
        NameAvailabilityException: the name is taken in the organization.
    """
    try:
        context.directory.commit([Insert(entity), Insert(name_claim(entity)), *others])
    except TakenError as error:
        raise NameAvailabilityException(f"The name {entity.name} is taken.") from error


def replace_named(context: Context, before: Entity, changed: Entity, others: list[Change]) -> None:
    """Replace an entity. If its name has changed, the new name is claimed and the former one released.

    Raises:
        NameAvailabilityException: the name is taken in the organization.
    """
    claims: list[Change] = []
    if changed.name.lower() != before.name.lower():
        claims = [Insert(name_claim(changed)), Remove(name_claim(before))]
    try:
        context.directory.commit([Replace(changed), *claims, *others])
    except TakenError as error:
        raise NameAvailabilityException(f"The name {changed.name} is taken.") from error


def delete_entity(context: Context, entity: Entity, now: int, others: list[Change]) -> None:
    """Mark a disabled entity as deleted and release its name.

    Its memberships and delegations stay, and reads leave them out. Its mailbox, if it has one, is kept for 30 days from
    now. What else belongs to it is removed; a call for a deleted entity continues that.

    Raises:
        EntityStateException: the entity is enabled.
    """
    if entity.state is EntityState.ENABLED:
        raise EntityStateException(f"{entity.id} is enabled; deregister it from WorkMail first.")
    if entity.state is EntityState.DISABLED:
        kept_until = mailbox_kept_until(entity, now) if entity.mailbox_kept_until is not None else None
        gone = replace(entity, state=EntityState.DELETED, deleted=now, mailbox_kept_until=kept_until)
        context.directory.commit([Replace(gone), Remove(name_claim(entity)), *others])
    belongings.remove(context, entity)


def mailbox_kept_until(entity: Entity, now: int) -> int | None:
    """Return when an entity's mailbox may be removed, in milliseconds since the epoch; None without a mailbox."""
    return now + MAILBOX_KEPT_DAYS * DAY_MS if entity.mailbox_provisioned is not None else None


def name_claim(entity: Entity) -> NameClaim:
    """Return an entity's claim of its name."""
    return NameClaim(
        organization_id=entity.organization_id, name=entity.name.lower(), entity_id=entity.id, kind=entity.kind
    )


class EntityFilter:
    """The one filter of a request. Prefixes match case-insensitively (ours)."""

    def __init__(self, filters: Mapping[str, str], prefixes: Mapping[str, str]) -> None:
        chosen = pages.only_filter(filters)
        self._name, self._value = chosen or ("", "")
        self._field = prefixes.get(self._name)

    def __call__(self, entities: Iterable[Entity]) -> Iterable[Entity]:
        """Yield the entities that the filter accepts, in the order given."""
        return (entity for entity in entities if self._accepts(entity))

    def _accepts(self, entity: Entity) -> bool:
        if self._name == "State":
            return entity.state.value == self._value
        if entity.state is EntityState.DELETED:
            return False
        if self._field is None:
            return True
        own = {"name": entity.name, "email": entity.email or ""}
        value = own.get(self._field, entity.attributes.get(self._field, ""))
        return value.lower().startswith(self._value.lower())


def page(
    context: Context,
    operation: str,
    request: Mapping[str, Any],
    scope: tuple[str, EntityKind],
    prefixes: Mapping[str, str],
) -> tuple[list[Entity], str | None]:
    """Return one page of a list of entities by id, and the token of the next page.

    Args:
        context: holds the directory.
        operation: name of the operation.
        request: as for ``pages.page``.
        scope: id of the organization, and the kind of the entities.
        prefixes: fields by the names of the filters that match their beginning.

    Raises:
        InvalidParameterException: the token is not valid, or there is more than one filter.
    """
    accepted = EntityFilter(request.get("Filters", {}), prefixes)
    return pages.page(
        context,
        operation,
        request,
        lambda after: accepted(every_item(lambda *at: context.directory.entities(*scope, *at), after)),
        lambda entity: entity.id,
    )
