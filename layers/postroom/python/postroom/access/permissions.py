"""Decides what a user may do in the mailbox of another entity, by mailbox permissions.

A permission of a group is one of each of its members and of the members of groups in it. Groups may contain each other;
each is visited once. A group that is not registered gives nothing to its members, as it also gets no mail (ours).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from postroom.model.directory import EntityKind, EntityState
from postroom.model.mailbox_permissions import MailboxPermission, Permission, permission_key
from postroom.ports.directory import OwnedRecords, every_item, every_owned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.model.records import Entity
    from postroom.ports.directory import Page

SENDING: Final = frozenset({Permission.SEND_AS, Permission.SEND_ON_BEHALF})


class PermissionRecords(OwnedRecords, Protocol):
    """The reads of ``Directory`` that this decision needs."""

    def entity(self, organization_id: str, entity_id: str) -> Entity | None:
        """See ``Directory``."""

    def groups_of(self, organization_id: str, member_id: str, after: str | None, limit: int) -> Page[Entity]:
        """See ``Directory``."""


def has_full_access(records: PermissionRecords, organization_id: str, user_id: str, owner_id: str) -> bool:
    """Say whether a user may do everything in a mailbox: their own, or one that they have FULL_ACCESS to.

    At most two keyed reads, because groups cannot have FULL_ACCESS. The mailbox of an entity that is not enabled is
    closed to everyone.

    Args:
        user_id: an enabled user, as authenticated.
        owner_id: the owner of the mailbox.

    Raises:
        StoreUnavailableError: the directory did not answer.
    """
    if user_id != owner_id:
        row = records.owned(MailboxPermission, organization_id, permission_key(owner_id, user_id))
        if row is None or Permission.FULL_ACCESS not in row.permissions:
            return False
    owner = _enabled(records, organization_id, owner_id)
    return owner is not None and owner.keeps_mail


def sending_permissions(
    records: PermissionRecords, organization_id: str, user_id: str, owner_id: str
) -> frozenset[Permission]:
    """Return how a user may send mail of an entity: SEND_AS, SEND_ON_BEHALF, both or neither.

    FULL_ACCESS is not enough to send. A user may send as themselves without a permission.

    Args:
        user_id: an enabled user, as authenticated.
        owner_id: the user, group or resource that mail is to be from.

    Raises:
        StoreUnavailableError: the directory did not answer.
    """
    if _enabled(records, organization_id, owner_id) is None:
        return frozenset()
    if user_id == owner_id:
        return SENDING
    rows = list(_granted(records, organization_id, owner_id))
    found = {permission for row in rows if row.grantee_id == user_id for permission in row.permissions}
    of_groups = {row.grantee_id: row.permissions for row in rows if row.grantee_kind is EntityKind.GROUP}
    if not all(found.issuperset(permissions) for permissions in of_groups.values()):
        for group_id in groups_with(records, organization_id, user_id):
            found.update(of_groups.get(group_id, ()))
    return SENDING & found


def groups_with(records: PermissionRecords, organization_id: str, member_id: str) -> Iterator[str]:
    """Yield the ids of the enabled groups that an entity is in, directly or through other such groups; each once."""
    seen, waiting = {member_id}, [member_id]
    while waiting:
        member = waiting.pop()
        for group in every_item(lambda *at, member=member: records.groups_of(organization_id, member, *at)):
            if group.state is EntityState.ENABLED and group.id not in seen:
                seen.add(group.id)
                waiting.append(group.id)
                yield group.id


def _granted(records: PermissionRecords, organization_id: str, owner_id: str) -> Iterator[MailboxPermission]:
    return every_owned(records, MailboxPermission, organization_id, within=permission_key(owner_id))


def _enabled(records: PermissionRecords, organization_id: str, entity_id: str) -> Entity | None:
    found = records.entity(organization_id, entity_id)
    return found if found is not None and found.state is EntityState.ENABLED else None
