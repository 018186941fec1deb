"""Resources (rooms, equipment) and their delegates. Requests to book a resource are not answered yet (docs/parity.md).

CreateResource, UpdateResource, DescribeResource, DeleteResource, ListResources, AssociateDelegateToResource,
DisassociateDelegateFromResource, ListResourceDelegates.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from postroom.admin import entities, lookup, pages
from postroom.admin.context import present, seconds
from postroom.contracts.admin.exceptions import (
    EntityStateException,
    InvalidConfigurationException,
    NameAvailabilityException,
)
from postroom.errors import TakenError
from postroom.model.directory import EntityKind, EntityState, Role
from postroom.model.limits import DEFAULT_QUOTA_MB
from postroom.model.records import Check, Delegation, Entity, Insert, Remove, Replace
from postroom.model.resources import BookingOptions, ResourceType
from postroom.ports.directory import every_item

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests
    from postroom.model.records import Organization


def create(context: Context, request: requests.CreateResourceRequest, now: int) -> answers.CreateResourceResponse:
    """Create a disabled resource without a mailbox and without delegates, with the default booking options."""
    organization = lookup.organization(context, request["OrganizationId"])
    entities.refuse_reserved(request["Name"])
    resource = Entity(
        organization_id=organization.id,
        id=f"r-{context.new_uuid().replace('-', '')}",
        kind=EntityKind.RESOURCE,
        name=request["Name"],
        state=EntityState.DISABLED,
        created=now,
        role=Role.RESOURCE,
        resource_type=ResourceType(request["Type"]),
        booking_options=BookingOptions(),
        attributes={"Description": request["Description"]} if "Description" in request else {},
        hidden=request.get("HiddenFromGlobalAddressList", False),
        quota_mb=DEFAULT_QUOTA_MB,
    )
    entities.insert_named(context, resource, [Check(organization)])
    return {"ResourceId": resource.id}


def update(context: Context, request: requests.UpdateResourceRequest, _now: int) -> answers.UpdateResourceResponse:
    """Change the members that the request has; an empty Description is removed.

    BookingOptions replaces all options; an option that it does not have is off. The model's type of these members is
    Boolean, not BooleanObject: some SDKs leave out a member that is False (Go).

    Raises:
        InvalidConfigurationException: AutoAcceptRequests is off, and no delegate exists that could answer requests.
    """
    organization, resource = _found(context, request["OrganizationId"], request["ResourceId"])
    name = request.get("Name", resource.name)
    if name != resource.name and name.lower() in entities.RESERVED_NAMES:
        raise NameAvailabilityException(f"The name {name} is reserved.")  # the model has no ReservedNameException here
    changed = replace(
        resource,
        name=name,
        resource_type=ResourceType(request["Type"]) if "Type" in request else resource.resource_type,
        booking_options=_new_options(context, resource, request) or resource.booking_options,
        attributes=_described(resource, request.get("Description")),
        hidden=request.get("HiddenFromGlobalAddressList", resource.hidden),
    )
    if changed != resource:
        entities.replace_named(context, resource, changed, [Check(organization)])
    return {}


def describe(
    context: Context, request: requests.DescribeResourceRequest, _now: int
) -> answers.DescribeResourceResponse:
    """Describe a resource. A deleted resource is found by its id, in state DELETED."""
    organization = lookup.organization(context, request["OrganizationId"])
    resource = lookup.entity(context, organization.id, request["ResourceId"], EntityKind.RESOURCE)
    options = _options(resource)
    answer = present(
        ResourceId=resource.id,
        BookingOptions={
            "AutoAcceptRequests": options.auto_accept,
            "AutoDeclineRecurringRequests": options.auto_decline_recurring,
            "AutoDeclineConflictingRequests": options.auto_decline_conflicting,
        },
        HiddenFromGlobalAddressList=resource.hidden,
        **_shown(resource),
    )
    return cast("answers.DescribeResourceResponse", answer)


def delete(context: Context, request: requests.DeleteResourceRequest, now: int) -> answers.DeleteResourceResponse:
    """Delete a disabled resource. It is no error if the resource does not exist (the model lists none)."""
    organization = lookup.organization(context, request["OrganizationId"])
    resource = lookup.find(context, organization.id, request["ResourceId"])
    if resource is not None and resource.kind is EntityKind.RESOURCE:
        entities.delete_entity(context, resource, now, [Check(organization)])
    return {}


def list_(context: Context, request: requests.ListResourcesRequest, _now: int) -> answers.ListResourcesResponse:
    """List resources ordered by id. Deleted resources are listed only if the filter names that state (ours)."""
    organization = lookup.organization(context, request["OrganizationId"])
    found, token = entities.page(
        context, "ListResources", request, (organization.id, EntityKind.RESOURCE), entities.PREFIX_FILTERS
    )
    resources = [{"Id": resource.id, **_shown(resource)} for resource in found]
    return cast("answers.ListResourcesResponse", present(Resources=resources, NextToken=token))


def associate(
    context: Context,
    request: requests.AssociateDelegateToResourceRequest,
    _now: int,
) -> answers.AssociateDelegateToResourceResponse:
    """Make a user or group a delegate of a resource; if it is one, nothing changes."""
    organization, resource = _found(context, request["OrganizationId"], request["ResourceId"])
    delegate = lookup.not_deleted(lookup.entity(context, organization.id, request["EntityId"], *entities.MEMBER_KINDS))
    with contextlib.suppress(TakenError):  # it is a delegate
        context.directory.commit(
            [Check(organization), Check(resource), Check(delegate), Insert(_delegation(resource, delegate))]
        )
    return {}


def disassociate(
    context: Context,
    request: requests.DisassociateDelegateFromResourceRequest,
    _now: int,
) -> answers.DisassociateDelegateFromResourceResponse:
    """Remove a delegate. It is no error if it is none (ours).

    Replacing the resource keeps two requests from removing the last two delegates at the same moment.

    Raises:
        EntityStateException: it is the last delegate of a resource that does not accept requests by itself (ours; the
            model has no InvalidConfigurationException here).
    """
    organization, resource = _found(context, request["OrganizationId"], request["ResourceId"])
    delegate = lookup.entity(context, organization.id, request["EntityId"], *entities.MEMBER_KINDS)
    if not _options(resource).auto_accept:
        delegates = {each.id for each in _delegates(context, resource)}
        if delegates == {delegate.id}:
            raise EntityStateException(
                f"{resource.id} does not accept requests by itself, and {delegate.id} is its last delegate."
            )
    context.directory.commit([Check(organization), Replace(resource), Remove(_delegation(resource, delegate))])
    return {}


def list_delegates(
    context: Context,
    request: requests.ListResourceDelegatesRequest,
    _now: int,
) -> answers.ListResourceDelegatesResponse:
    """List the delegates of a resource, ordered by id."""
    _, resource = _found(context, request["OrganizationId"], request["ResourceId"])
    found, token = pages.page(
        context,
        "ListResourceDelegates",
        request,
        lambda after: _delegates(context, resource, after),
        lambda delegate: delegate.id,
    )
    delegates = [{"Id": delegate.id, "Type": delegate.kind.value} for delegate in found]
    return cast("answers.ListResourceDelegatesResponse", present(Delegates=delegates, NextToken=token))


def _found(context: Context, organization_id: str, identifier: str) -> tuple[Organization, Entity]:
    """Return an active organization and its resource, which is not deleted."""
    organization = lookup.organization(context, organization_id)
    resource = lookup.entity(context, organization.id, identifier, EntityKind.RESOURCE)
    return organization, lookup.not_deleted(resource)


def _options(resource: Entity) -> BookingOptions:
    return resource.booking_options or BookingOptions()


def _new_options(context: Context, resource: Entity, request: requests.UpdateResourceRequest) -> BookingOptions | None:
    if "BookingOptions" not in request:
        return None
    given = request["BookingOptions"]
    options = BookingOptions(
        auto_accept=given.get("AutoAcceptRequests", False),
        auto_decline_conflicting=given.get("AutoDeclineConflictingRequests", False),
        auto_decline_recurring=given.get("AutoDeclineRecurringRequests", False),
    )
    if not options.auto_accept and next(_delegates(context, resource), None) is None:
        raise InvalidConfigurationException(
            f"{resource.id} has no delegate; without AutoAcceptRequests its requests could not be answered."
        )
    return options


def _described(resource: Entity, description: str | None) -> Mapping[str, str]:
    """Return a resource's attributes with a new description: empty removes it, None keeps it."""
    if description is None:
        return resource.attributes
    return {"Description": description} if description else {}


def _delegates(context: Context, resource: Entity, after: str | None = None) -> Iterator[Entity]:
    return every_item(lambda *at: context.directory.delegates_of(resource.organization_id, resource.id, *at), after)


def _delegation(resource: Entity, delegate: Entity) -> Delegation:
    return Delegation(
        organization_id=resource.organization_id,
        resource_id=resource.id,
        delegate_id=delegate.id,
        delegate_kind=delegate.kind,
    )


def _shown(resource: Entity) -> dict[str, object]:
    """Return the members that DescribeResource and ListResources share."""
    return present(
        Email=resource.email,
        Name=resource.name,
        Type=resource.resource_type and resource.resource_type.value,
        State=resource.state.value,
        EnabledDate=seconds(resource.enabled),
        DisabledDate=seconds(resource.disabled),
        Description=resource.attributes.get("Description"),
    )
