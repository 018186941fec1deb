"""What operations on users and groups have in common: names, filters, and deletion."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from postroom.admin import pages
from postroom.contracts.admin.exceptions import (
    EntityStateException,
    NameAvailabilityException,
    ReservedNameException,
)
from postroom.errors import TakenError
from postroom.model.directory import EntityState
from postroom.model.limits import DAY_MS, MAILBOX_KEPT_DAYS
from postroom.model.records import Entity, Insert, NameClaim, Remove, Replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from postroom.admin.context import Context
    from postroom.model.records import Change

RESERVED_NAMES: Final = frozenset({"amazonjournaling"})
"""Names, and local parts of addresses, that nobody may have. Source: guide, journaling overview (ZH:7402)."""


def refuse_reserved(name: str) -> None:
    """Refuse names that nobody may have.

    Raises:
        ReservedNameException: it is one of them.
    """
    if name.lower() in RESERVED_NAMES:
        raise ReservedNameException(f"The name {name} is reserved.")


def insert_named(context: Context, entity: Entity, others: list[Change]) -> None:
    """Insert an entity with its name.

    Raises:
        NameAvailabilityException: the name is taken in the organization.
    """
    try:
        context.directory.commit([Insert(entity), Insert(name_claim(entity)), *others])
    except TakenError as error:
        raise NameAvailabilityException(f"The name {entity.name} is taken.") from error


def delete_entity(context: Context, entity: Entity, now: int, others: list[Change]) -> None:
    """Mark a disabled entity deleted and free its name. Memberships stay behind and are left out when read.

    Its mailbox, if it still has one, stays for 30 days from now.

    Raises:
        EntityStateException: it is enabled.
    """
    if entity.state is EntityState.ENABLED:
        raise EntityStateException(f"{entity.id} is enabled; deregister it from WorkMail first.")
    if entity.state is EntityState.DISABLED:
        kept_until = mailbox_kept_until(entity, now) if entity.mailbox_kept_until is not None else None
        gone = replace(entity, state=EntityState.DELETED, deleted=now, mailbox_kept_until=kept_until)
        context.directory.commit([Replace(gone), Remove(name_claim(entity)), *others])


def mailbox_kept_until(entity: Entity, now: int) -> int | None:
    """Return when the mailbox of somebody who leaves may be removed; None without a mailbox."""
    return now + MAILBOX_KEPT_DAYS * DAY_MS if entity.mailbox_provisioned is not None else None


def name_claim(entity: Entity) -> NameClaim:
    """Return the claim that makes an entity's name its own."""
    return NameClaim(
        organization_id=entity.organization_id, name=entity.name.lower(), entity_id=entity.id, kind=entity.kind
    )


class EntityFilter:
    """Keeps the entities that a request's one filter lets through; prefixes match whatever their case (ours)."""

    def __init__(self, filters: Mapping[str, str], prefixes: Mapping[str, str]) -> None:
        chosen = pages.only_filter(filters)
        self._name, self._value = chosen or ("", "")
        self._field = prefixes.get(self._name)

    def __call__(self, entities: Iterable[Entity]) -> Iterable[Entity]:
        """Yield those that the filter lets through, in the order given."""
        return (entity for entity in entities if self._holds(entity))

    def _holds(self, entity: Entity) -> bool:
        if self._name == "State":
            return entity.state.value == self._value
        if entity.state is EntityState.DELETED:
            return False
        if self._field is None:
            return True
        own = {"name": entity.name, "email": entity.email or ""}
        value = own.get(self._field, entity.attributes.get(self._field, ""))
        return value.lower().startswith(self._value.lower())
