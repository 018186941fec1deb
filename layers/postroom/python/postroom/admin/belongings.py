"""Removes what belongs to a deleted entity: permissions of it and in its mailbox, device overrides, automatic replies.

A record that belongs to an entity is written with a Check of it, so there is none that is written after the deletion.
An interrupted removal is continued by the next deletion of the same entity; what is left until then has no effect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.contracts.batching import batched
from postroom.model.device_rules import DeviceOverride, override_key
from postroom.model.mailbox_permissions import HeldPermission, MailboxPermission, permission_key
from postroom.model.out_of_office import OutOfOffice
from postroom.model.records import Remove
from postroom.ports.directory import MAX_ROWS, every_owned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.admin.context import Context
    from postroom.model.owned import Owned, OwnedT
    from postroom.model.records import Entity


def remove(context: Context, entity: Entity) -> None:
    """Remove all records that belong to a deleted entity, in several transactions if they are many."""
    for some in batched(_records(context, entity), MAX_ROWS):
        rows = {(type(record), record.key): Remove(record) for record in some}
        context.directory.commit(list(rows.values()))


def _records(context: Context, entity: Entity) -> Iterator[Owned]:
    """Yield the records, perhaps some of them twice; what is listed after what is found by it, for an interruption."""
    organization_id, own = entity.organization_id, permission_key(entity.id)
    for given in _within(context, MailboxPermission, organization_id, own):
        yield HeldPermission(organization_id=organization_id, grantee_id=given.grantee_id, owner_id=given.owner_id)
        yield given
    for held in _within(context, HeldPermission, organization_id, own):
        yield MailboxPermission(
            organization_id=organization_id,
            owner_id=held.owner_id,
            grantee_id=held.grantee_id,
            grantee_kind=entity.kind,
            permissions=(),
        )
        yield held
    yield from _within(context, DeviceOverride, organization_id, override_key(entity.id))
    if (away := context.directory.owned(OutOfOffice, organization_id, entity.id)) is not None:
        yield away


def _within(context: Context, kind: type[OwnedT], organization_id: str, within: str) -> Iterator[OwnedT]:
    return every_owned(context.directory, kind, organization_id, within=within)
