"""Mobile device access overrides.

PutMobileDeviceAccessOverride, GetMobileDeviceAccessOverride, DeleteMobileDeviceAccessOverride,
ListMobileDeviceAccessOverrides. An override decides for one user and device, before the organization's rules. Device
ids are the same in any case. Source: guide (ZH:6673-6731) and the model.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from postroom.admin import lookup, pages
from postroom.admin.context import present, seconds
from postroom.contracts.admin.exceptions import ResourceNotFoundException
from postroom.model.access_effect import AccessEffect
from postroom.model.device_rules import DeviceOverride, override_key, same_device
from postroom.model.directory import EntityKind
from postroom.model.records import Check, Insert, Remove, Replace
from postroom.ports.directory import every_owned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests
    from postroom.model.records import Change


def put(
    context: Context, request: requests.PutMobileDeviceAccessOverrideRequest, now: int
) -> answers.PutMobileDeviceAccessOverrideResponse:
    """Make or replace the override of a user and device. If the new one is equal, nothing changes.

    The user need not be registered, so that devices can be allowed before (ours).
    """
    organization = lookup.organization(context, request["OrganizationId"])
    user = lookup.not_deleted(lookup.entity(context, organization.id, request["UserId"], EntityKind.USER))
    found = _find(context, organization.id, user.id, request["DeviceId"])
    override = DeviceOverride(
        organization_id=organization.id,
        user_id=user.id,
        device_id=request["DeviceId"],
        effect=AccessEffect(request["Effect"]),
        description=request.get("Description", ""),
        created=found.created if found else now,
        modified=now,
        version=found.version if found else 1,
    )
    if found is None or replace(override, modified=found.modified) != found:
        change: Change = Replace(override) if found else Insert(override)
        context.directory.commit([Check(organization), Check(user), change])
    return {}


def get(context: Context, request: requests.GetMobileDeviceAccessOverrideRequest, _now: int) -> dict[str, object]:
    """Return the override of a user and device."""
    organization = lookup.organization(context, request["OrganizationId"])
    user = lookup.entity(context, organization.id, request["UserId"], EntityKind.USER)
    found = _find(context, organization.id, user.id, request["DeviceId"])
    if found is None:
        raise ResourceNotFoundException(f"User {user.id} has no override for device {request['DeviceId']}.")
    return _described(found)


def delete(
    context: Context, request: requests.DeleteMobileDeviceAccessOverrideRequest, _now: int
) -> answers.DeleteMobileDeviceAccessOverrideResponse:
    """Delete an override. It is no error if there is none (model)."""
    organization = lookup.organization(context, request["OrganizationId"])
    user = lookup.entity(context, organization.id, request["UserId"], EntityKind.USER)
    found = _find(context, organization.id, user.id, request["DeviceId"])
    if found is not None:
        context.directory.commit([Check(organization), Remove(found)])
    return {}


def list_(context: Context, request: requests.ListMobileDeviceAccessOverridesRequest, _now: int) -> dict[str, object]:
    """List overrides of all users or of one, for all devices or for one; ordered by user id and device."""
    organization = lookup.organization(context, request["OrganizationId"])
    within = ""
    if "UserId" in request:
        user = lookup.entity(context, organization.id, request["UserId"], EntityKind.USER)
        within = override_key(user.id)
    device = same_device(request["DeviceId"]) if "DeviceId" in request else None

    def rows(after: str | None) -> Iterator[DeviceOverride]:
        found = every_owned(context.directory, DeviceOverride, organization.id, after, within=within)
        return (each for each in found if device in (None, same_device(each.device_id)))

    found, token = pages.page(context, "ListMobileDeviceAccessOverrides", request, rows, lambda override: override.key)
    return present(Overrides=[_described(override) for override in found], NextToken=token)


def _find(context: Context, organization_id: str, user_id: str, device_id: str) -> DeviceOverride | None:
    return context.directory.owned(DeviceOverride, organization_id, override_key(user_id, device_id))


def _described(override: DeviceOverride) -> dict[str, object]:
    return present(
        UserId=override.user_id,
        DeviceId=override.device_id,
        Effect=override.effect.value,
        Description=override.description or None,
        DateCreated=seconds(override.created),
        DateModified=seconds(override.modified),
    )
