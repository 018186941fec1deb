"""Mobile device access rules.

CreateMobileDeviceAccessRule, UpdateMobileDeviceAccessRule, DeleteMobileDeviceAccessRule, ListMobileDeviceAccessRules,
GetMobileDeviceAccessEffect. Each change also replaces the organization in its transaction, so that of two concurrent
changes the second conflicts, and is decided again. It applies to the next request of a device. Source: guide
(ZH:6552-6671); for what it does not say, docs/parity.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from postroom.access.devices import rules_of
from postroom.admin import idempotency, lookup
from postroom.admin.context import present, seconds
from postroom.contracts.admin.exceptions import EntityNotFoundException, LimitExceededException
from postroom.model.access_effect import AccessEffect
from postroom.model.device_rules import (
    DEFAULT_RULE_ID,
    MAX_DEVICE_RULES,
    Device,
    DeviceRule,
    decide,
    default_rule,
)
from postroom.model.records import Insert, Put, Remove, Replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests
    from postroom.model.records import Change, Organization

CONDITIONS: Final[Mapping[str, str]] = {
    "DeviceTypes": "types",
    "NotDeviceTypes": "not_types",
    "DeviceModels": "models",
    "NotDeviceModels": "not_models",
    "DeviceOperatingSystems": "operating_systems",
    "NotDeviceOperatingSystems": "not_operating_systems",
    "DeviceUserAgents": "user_agents",
    "NotDeviceUserAgents": "not_user_agents",
}
"""Fields of ``DeviceRule`` by the API's names of conditions."""


def create(
    context: Context, request: requests.CreateMobileDeviceAccessRuleRequest, now: int
) -> answers.CreateMobileDeviceAccessRuleResponse:
    """Add a rule."""
    organization = lookup.organization(context, request["OrganizationId"])
    replay = idempotency.look_up(context, "CreateMobileDeviceAccessRule", request, now)
    if replay.answer is not None:
        return {"MobileDeviceAccessRuleId": replay.answer}
    if len(rules_of(context.directory, organization)) >= MAX_DEVICE_RULES:
        raise LimitExceededException(f"An organization has at most {MAX_DEVICE_RULES} mobile device access rules.")
    rule = DeviceRule(
        organization_id=organization.id, id=context.new_uuid(), created=now, modified=now, **_content(request)
    )
    _commit(context, organization, rule, Insert(rule), *replay.remember(rule.id))
    return {"MobileDeviceAccessRuleId": rule.id}


def update(
    context: Context, request: requests.UpdateMobileDeviceAccessRuleRequest, now: int
) -> answers.UpdateMobileDeviceAccessRuleResponse:
    """Replace a rule. A condition that is not given again is removed; if the new rule is equal, nothing changes."""
    organization = lookup.organization(context, request["OrganizationId"])
    rule_id = request["MobileDeviceAccessRuleId"]
    found = next((rule for rule in rules_of(context.directory, organization) if rule.id == rule_id), None)
    if found is None:
        raise EntityNotFoundException(f"There is no mobile device access rule {rule_id} in the organization.")
    rule = DeviceRule(
        organization_id=organization.id,
        id=found.id,
        created=found.created,
        modified=now,
        version=found.version,
        **_content(request),
    )
    if replace(rule, modified=found.modified) != found:
        _commit(context, organization, rule, Put(rule))
    return {}


def delete(
    context: Context, request: requests.DeleteMobileDeviceAccessRuleRequest, _now: int
) -> answers.DeleteMobileDeviceAccessRuleResponse:
    """Delete a rule. It is no error if it does not exist (model). Without any rule every device is denied."""
    organization = lookup.organization(context, request["OrganizationId"])
    for rule in rules_of(context.directory, organization):
        if rule.id == request["MobileDeviceAccessRuleId"]:
            _commit(context, organization, rule, Remove(rule))
    return {}


def list_(
    context: Context, request: requests.ListMobileDeviceAccessRulesRequest, _now: int
) -> answers.ListMobileDeviceAccessRulesResponse:
    """List rules, the oldest first; there are no pages."""
    organization = lookup.organization(context, request["OrganizationId"])
    answer = {"Rules": [_described(rule) for rule in rules_of(context.directory, organization)]}
    return cast("answers.ListMobileDeviceAccessRulesResponse", answer)


def effect(
    context: Context, request: requests.GetMobileDeviceAccessEffectRequest, _now: int
) -> answers.GetMobileDeviceAccessEffectResponse:
    """Return what the rules say of a device. A property that the request lacks is one that the device does not report.

    Overrides have no part in it: the request names no user.
    """
    organization = lookup.organization(context, request["OrganizationId"])
    device = Device(
        type=request.get("DeviceType", ""),
        model=request.get("DeviceModel", ""),
        operating_system=request.get("DeviceOperatingSystem", ""),
        user_agent=request.get("DeviceUserAgent", ""),
    )
    decision = decide(rules_of(context.directory, organization), device)
    return {
        "Effect": decision.effect.value,
        "MatchedRules": [{"MobileDeviceAccessRuleId": rule.id, "Name": rule.name} for rule in decision.rules],
    }


def _content(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a rule that a request gives."""
    return {
        "name": request["Name"],
        "effect": AccessEffect(request["Effect"]),
        "description": request.get("Description", ""),
        **{field: tuple(request.get(member, ())) for member, field in CONDITIONS.items()},
    }


def _commit(context: Context, organization: Organization, rule: DeviceRule, *changes: Change) -> None:
    """Write changes of a rule, unless the organization has changed since it was read.

    The first change of an organization also writes the default rule, if that is not the rule that changes.
    """
    first = not organization.own_device_rules and rule.id != DEFAULT_RULE_ID
    default = [Put(default_rule(organization))] if first else []
    context.directory.commit([Replace(replace(organization, own_device_rules=True)), *changes, *default])


def _described(rule: DeviceRule) -> dict[str, object]:
    return present(
        MobileDeviceAccessRuleId=rule.id,
        Name=rule.name,
        Description=rule.description or None,
        Effect=rule.effect.value,
        **{member: list(getattr(rule, field)) or None for member, field in CONDITIONS.items()},
        DateCreated=seconds(rule.created),
        DateModified=seconds(rule.modified),
    )
