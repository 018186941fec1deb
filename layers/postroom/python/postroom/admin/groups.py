"""Groups and their members.

CreateGroup, UpdateGroup, DescribeGroup, DeleteGroup, ListGroups, ListGroupsForEntity, AssociateMemberToGroup,
DisassociateMemberFromGroup, ListGroupMembers.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from postroom.admin import entities, lookup, pages
from postroom.admin.context import present, seconds
from postroom.contracts.admin.exceptions import InvalidParameterException
from postroom.errors import TakenError
from postroom.model.directory import EntityKind, EntityState
from postroom.model.records import Check, Entity, Insert, Membership, Remove, Replace
from postroom.ports.directory import every_item

if TYPE_CHECKING:
    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests


def create(context: Context, request: requests.CreateGroupRequest, now: int) -> answers.CreateGroupResponse:
    """Create a disabled group without members."""
    organization = lookup.organization(context, request["OrganizationId"])
    entities.refuse_reserved(request["Name"])
    group = Entity(
        organization_id=organization.id,
        id=context.new_uuid(),
        kind=EntityKind.GROUP,
        name=request["Name"],
        state=EntityState.DISABLED,
        created=now,
        hidden=request.get("HiddenFromGlobalAddressList", False),
    )
    entities.insert_named(context, group, [Check(organization)])
    return {"GroupId": group.id}


def update(context: Context, request: requests.UpdateGroupRequest, _now: int) -> answers.UpdateGroupResponse:
    """Show a group in the address list or hide it."""
    organization = lookup.organization(context, request["OrganizationId"])
    group = lookup.not_deleted(lookup.entity(context, organization.id, request["GroupId"], EntityKind.GROUP))
    hidden = request.get("HiddenFromGlobalAddressList", group.hidden)
    if hidden != group.hidden:
        context.directory.commit([Check(organization), Replace(replace(group, hidden=hidden))])
    return {}


def describe(context: Context, request: requests.DescribeGroupRequest, _now: int) -> answers.DescribeGroupResponse:
    """Describe a group. A deleted group is found by its id, in state DELETED."""
    organization = lookup.organization(context, request["OrganizationId"])
    group = lookup.entity(context, organization.id, request["GroupId"], EntityKind.GROUP)
    answer = present(
        GroupId=group.id,
        Name=group.name,
        Email=group.email,
        State=group.state.value,
        EnabledDate=seconds(group.enabled),
        DisabledDate=seconds(group.disabled),
        HiddenFromGlobalAddressList=group.hidden,
    )
    return cast("answers.DescribeGroupResponse", answer)


def delete(context: Context, request: requests.DeleteGroupRequest, now: int) -> answers.DeleteGroupResponse:
    """Delete a disabled group. It is no error if the group does not exist (the model lists none)."""
    organization = lookup.organization(context, request["OrganizationId"])
    group = lookup.find(context, organization.id, request["GroupId"])
    if group is not None and group.kind is EntityKind.GROUP:
        entities.delete_entity(context, group, now, [Check(organization)])
    return {}


def list_(context: Context, request: requests.ListGroupsRequest, _now: int) -> answers.ListGroupsResponse:
    """List groups ordered by id. Deleted groups are listed only if the filter names that state (ours)."""
    organization = lookup.organization(context, request["OrganizationId"])
    found, token = entities.page(
        context, "ListGroups", request, (organization.id, EntityKind.GROUP), entities.PREFIX_FILTERS
    )
    groups = [
        present(
            Id=group.id,
            Email=group.email,
            Name=group.name,
            State=group.state.value,
            EnabledDate=seconds(group.enabled),
            DisabledDate=seconds(group.disabled),
        )
        for group in found
    ]
    return cast("answers.ListGroupsResponse", present(Groups=groups, NextToken=token))


def list_for_entity(
    context: Context,
    request: requests.ListGroupsForEntityRequest,
    _now: int,
) -> answers.ListGroupsForEntityResponse:
    """List the groups of which an entity is a direct member, ordered by id."""
    organization = lookup.organization(context, request["OrganizationId"])
    member = lookup.not_deleted(lookup.entity(context, organization.id, request["EntityId"]))
    prefix = request.get("Filters", {}).get("GroupNamePrefix", "").lower()
    found, token = pages.page(
        context,
        "ListGroupsForEntity",
        request,
        lambda after: (
            group
            for group in every_item(lambda *at: context.directory.groups_of(organization.id, member.id, *at), after)
            if group.name.lower().startswith(prefix)
        ),
        lambda group: group.id,
    )
    groups = [{"GroupId": group.id, "GroupName": group.name} for group in found]
    return cast("answers.ListGroupsForEntityResponse", present(Groups=groups, NextToken=token))


def associate(
    context: Context,
    request: requests.AssociateMemberToGroupRequest,
    _now: int,
) -> answers.AssociateMemberToGroupResponse:
    """Make a user or group a direct member. Cycles are allowed; mail to a group visits each of its groups once."""
    organization = lookup.organization(context, request["OrganizationId"])
    group = lookup.not_deleted(lookup.entity(context, organization.id, request["GroupId"], EntityKind.GROUP))
    member = lookup.not_deleted(lookup.entity(context, organization.id, request["MemberId"], *entities.MEMBER_KINDS))
    if member.id == group.id:
        raise InvalidParameterException("A group cannot be a member of itself.")
    with contextlib.suppress(TakenError):  # it is a member
        context.directory.commit([Check(organization), Check(group), Check(member), Insert(_membership(group, member))])
    return {}


def disassociate(
    context: Context,
    request: requests.DisassociateMemberFromGroupRequest,
    _now: int,
) -> answers.DisassociateMemberFromGroupResponse:
    """Remove a member. It is no error if it is none (ours)."""
    organization = lookup.organization(context, request["OrganizationId"])
    group = lookup.not_deleted(lookup.entity(context, organization.id, request["GroupId"], EntityKind.GROUP))
    member = lookup.entity(context, organization.id, request["MemberId"], *entities.MEMBER_KINDS)
    context.directory.commit([Check(organization), Remove(_membership(group, member))])
    return {}


def list_members(
    context: Context,
    request: requests.ListGroupMembersRequest,
    _now: int,
) -> answers.ListGroupMembersResponse:
    """List direct members, ordered by id."""
    organization = lookup.organization(context, request["OrganizationId"])
    group = lookup.not_deleted(lookup.entity(context, organization.id, request["GroupId"], EntityKind.GROUP))
    found, token = pages.page(
        context,
        "ListGroupMembers",
        request,
        lambda after: every_item(lambda *at: context.directory.members_of(organization.id, group.id, *at), after),
        lambda member: member.id,
    )
    members = [
        present(
            Id=member.id,
            Name=member.name,
            Type=member.kind.value,
            State=member.state.value,
            EnabledDate=seconds(member.enabled),
            DisabledDate=seconds(member.disabled),
        )
        for member in found
    ]
    return cast("answers.ListGroupMembersResponse", present(Members=members, NextToken=token))


def _membership(group: Entity, member: Entity) -> Membership:
    return Membership(
        organization_id=group.organization_id, group_id=group.id, member_id=member.id, member_kind=member.kind
    )
