"""PutMailboxPermissions, DeleteMailboxPermissions, ListMailboxPermissions.

What a user or group may do in the mailbox of another entity, or as that entity. ``access.permissions`` decides by these
records. Source: guide (ZH:6789-6931); for what it does not say, docs/parity.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.admin import entities, lookup, pages
from postroom.admin.context import present
from postroom.contracts.admin.exceptions import InvalidParameterException
from postroom.model.directory import EntityKind
from postroom.model.mailbox_permissions import HeldPermission, MailboxPermission, Permission, permission_key
from postroom.model.records import Check, Put, Remove
from postroom.ports.directory import every_owned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests
    from postroom.model.records import Change, Entity


def put(
    context: Context, request: requests.PutMailboxPermissionsRequest, _now: int
) -> answers.PutMailboxPermissionsResponse:
    """Replace what a grantee may do in a mailbox; an empty list removes the grantee (ours).

    Both must be enabled (ours): an entity that is not registered has no mailbox here and cannot use one.
    """
    organization = lookup.organization(context, request["OrganizationId"])
    owner = lookup.enabled(lookup.entity(context, organization.id, request["EntityId"]))
    grantee = lookup.enabled(lookup.entity(context, organization.id, request["GranteeId"], *entities.MEMBER_KINDS))
    permissions = tuple(each for each in Permission if each.value in request["PermissionValues"])
    _check(owner, grantee, permissions)
    records = _records(owner, grantee, permissions)
    changes: list[Change] = [Put(record) if permissions else Remove(record) for record in records]
    checks = {entity.id: Check(entity) for entity in (owner, grantee)}
    context.directory.commit([Check(organization), *checks.values(), *changes])
    return {}


def delete(
    context: Context, request: requests.DeleteMailboxPermissionsRequest, _now: int
) -> answers.DeleteMailboxPermissionsResponse:
    """Remove what a grantee may do in a mailbox. It is no error if that is nothing (ours)."""
    organization = lookup.organization(context, request["OrganizationId"])
    owner = lookup.not_deleted(lookup.entity(context, organization.id, request["EntityId"]))
    grantee = lookup.not_deleted(lookup.entity(context, organization.id, request["GranteeId"], *entities.MEMBER_KINDS))
    context.directory.commit([Check(organization), *map(Remove, _records(owner, grantee, ()))])
    return {}


def list_(context: Context, request: requests.ListMailboxPermissionsRequest, _now: int) -> dict[str, object]:
    """List the grantees of a mailbox, ordered by their ids. Members of groups that are grantees are not listed."""
    organization = lookup.organization(context, request["OrganizationId"])
    owner = lookup.entity(context, organization.id, request["EntityId"])
    within = permission_key(owner.id)
    found, token = pages.page(
        context,
        "ListMailboxPermissions",
        request,
        lambda after: every_owned(context.directory, MailboxPermission, organization.id, after, within=within),
        lambda record: record.key,
    )
    permissions = [
        {
            "GranteeId": record.grantee_id,
            "GranteeType": record.grantee_kind.value,
            "PermissionValues": [permission.value for permission in record.permissions],
        }
        for record in found
    ]
    return present(Permissions=permissions, NextToken=token)


def _check(owner: Entity, grantee: Entity, permissions: Sequence[Permission]) -> None:
    """Check that FULL_ACCESS is one of a user, to a mailbox.

    Raises:
        InvalidParameterException: the grantee is a group, or the owner has no mailbox.
    """
    if Permission.FULL_ACCESS not in permissions:
        return
    if grantee.kind is EntityKind.GROUP:
        raise InvalidParameterException(
            f"PermissionValues: {grantee.id} is a group, and groups cannot have FULL_ACCESS."
        )
    if not owner.keeps_mail:
        raise InvalidParameterException(f"PermissionValues: {owner.id} has no mailbox for FULL_ACCESS.")


def _records(
    owner: Entity, grantee: Entity, permissions: tuple[Permission, ...]
) -> tuple[MailboxPermission, HeldPermission]:
    """Return the record of a permission, and the one that is found by its grantee."""
    given = MailboxPermission(
        organization_id=owner.organization_id,
        owner_id=owner.id,
        grantee_id=grantee.id,
        grantee_kind=grantee.kind,
        permissions=permissions,
    )
    held = HeldPermission(organization_id=owner.organization_id, grantee_id=grantee.id, owner_id=owner.id)
    return given, held
