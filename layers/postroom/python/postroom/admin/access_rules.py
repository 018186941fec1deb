"""PutAccessControlRule, DeleteAccessControlRule, ListAccessControlRules, GetAccessControlEffect.

A new organization has the default rule alone, which has no row: the first change writes the row, or leaves it out if it
deletes or replaces the rule. Each change also replaces the organization with the next version of its rules, so that the
functions for mail clients read them anew. Source: guide, "Working with access control rules" (ZH:4612-4720); for what
it does not say, docs/parity.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from postroom.access.compiled_rules import rules_of
from postroom.admin import impersonation_roles, lookup
from postroom.admin.context import present, seconds
from postroom.contracts.admin.exceptions import (
    EntityNotFoundException,
    InvalidParameterException,
    LimitExceededException,
)
from postroom.errors import InvalidRangeError
from postroom.model.access_effect import AccessEffect
from postroom.model.access_rules import AccessAction, AccessRule, AccessRuleIndex
from postroom.model.directory import EntityKind, EntityState
from postroom.model.ip_ranges import IpRange
from postroom.model.records import Put, Remove, Replace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests
    from postroom.model.records import Organization

MAX_RULES: Final = 1_000
"""Most rules of an organization. Ours; WorkMail has 10 (botocore's model, AccessControlRulesList)."""

MAX_RANGES: Final = 20_480
"""Most ranges of all rules of an organization: those of WorkMail's 10 rules with two lists of 1,024 each. Ours."""

_MEMBERS: Final = {
    "IpRanges": "ip_ranges",
    "NotIpRanges": "not_ip_ranges",
    "Actions": "actions",
    "NotActions": "not_actions",
    "UserIds": "user_ids",
    "NotUserIds": "not_user_ids",
    "ImpersonationRoleIds": "impersonation_role_ids",
    "NotImpersonationRoleIds": "not_impersonation_role_ids",
}
"""Conditions, by the member of the API. An empty list is no condition."""


def put(
    context: Context, request: requests.PutAccessControlRuleRequest, now: int
) -> answers.PutAccessControlRuleResponse:
    """Add a rule, or replace all that the rule of this name has but its date of creation."""
    organization = lookup.organization(context, request["OrganizationId"])
    _check_conditions(context, organization, request)
    rules = {rule.name: rule for rule in rules_of(context.directory, organization)}
    former = rules.get(request["Name"])
    rule = AccessRule(
        organization_id=organization.id,
        name=request["Name"],
        effect=AccessEffect(request["Effect"]),
        description=request["Description"],
        **{field: tuple(request.get(member) or ()) for member, field in _MEMBERS.items()},  # type: ignore[arg-type]
        created=former.created if former else now,
        modified=now,
    )
    _check_limits([*(each for each in rules.values() if each.name != rule.name), rule])
    _commit(context, organization, rules, rule.name, Put(rule))
    return {}


def delete(
    context: Context, request: requests.DeleteAccessControlRuleRequest, _now: int
) -> answers.DeleteAccessControlRuleResponse:
    """Delete a rule; it is no error if it does not exist. Without a rule, every access is denied."""
    organization = lookup.organization(context, request["OrganizationId"])
    rules = {rule.name: rule for rule in rules_of(context.directory, organization)}
    found = rules.get(request["Name"])
    if found is not None:
        _commit(context, organization, rules, found.name, Remove(found))
    return {}


def list_(context: Context, request: requests.ListAccessControlRulesRequest, _now: int) -> dict[str, object]:
    """List all rules, ordered by name."""
    organization = lookup.organization(context, request["OrganizationId"])
    return {"Rules": [_described(rule) for rule in rules_of(context.directory, organization)]}


def effect(context: Context, request: requests.GetAccessControlEffectRequest, _now: int) -> dict[str, object]:
    """Say what the rules decide about a user or an impersonation role, and name the rules that decide it."""
    organization = lookup.organization(context, request["OrganizationId"])
    user_id, role_id = request.get("UserId"), request.get("ImpersonationRoleId")
    if (user_id is None) is (role_id is None):
        raise InvalidParameterException("The request needs either UserId or ImpersonationRoleId.")
    action = _action("Action", request["Action"])
    if role_id is not None and action is not AccessAction.EWS:
        raise InvalidParameterException("ImpersonationRoleId: impersonation roles can use the action EWS only.")
    _check_users(context, organization, [user_id] if user_id else [])
    _check_roles(context, organization, [role_id] if role_id else [])
    index = AccessRuleIndex(rules_of(context.directory, organization))
    found = index.decide(action, request["IpAddress"], user_id, role_id)
    return {"Effect": found.effect, "MatchedRules": list(found.rule_names)}


def _commit(
    context: Context, organization: Organization, rules: Mapping[str, AccessRule], name: str, change: Put | Remove
) -> None:
    """Write a change of the rule ``name`` with the rules' next version; the first makes the default rule a row."""
    changed = replace(organization, access_version=organization.access_version + 1)
    unwritten = [] if organization.access_version else [Put(rule) for rule in rules.values() if rule.name != name]
    context.directory.commit([Replace(changed), change, *unwritten])


def _check_conditions(
    context: Context, organization: Organization, request: requests.PutAccessControlRuleRequest
) -> None:
    """Check that each value of the conditions exists.

    Raises:
        InvalidParameterException: a range is no IPv4 range in CIDR notation, or an action is no protocol.
        EntityNotFoundException: a user does not exist.
        ResourceNotFoundException: an impersonation role does not exist.
    """
    for member, text in [*_values(request, "IpRanges"), *_values(request, "NotIpRanges")]:
        try:
            IpRange.parse(text)
        except InvalidRangeError as error:
            raise InvalidParameterException(f"{member}: {error}.") from error
    for member, text in [*_values(request, "Actions"), *_values(request, "NotActions")]:
        _action(member, text)
    _check_users(context, organization, [*request.get("UserIds", ()), *request.get("NotUserIds", ())])
    roles = [*request.get("ImpersonationRoleIds", ()), *request.get("NotImpersonationRoleIds", ())]
    _check_roles(context, organization, roles)


def _values(request: Mapping[str, Any], member: str) -> list[tuple[str, str]]:
    return [(member, text) for text in request.get(member, ())]


def _action(member: str, text: str) -> AccessAction:
    try:
        return AccessAction(text)
    except ValueError:
        raise InvalidParameterException(f"{member}: {text} is not one of {', '.join(AccessAction)}.") from None


def _check_users(context: Context, organization: Organization, user_ids: Sequence[str]) -> None:
    for user_id in dict.fromkeys(user_ids):
        found = lookup.entity_by_id(context, organization.id, user_id, EntityKind.USER)
        if found.state is EntityState.DELETED:
            raise EntityNotFoundException(f"The user {user_id} is deleted.")


def _check_roles(context: Context, organization: Organization, role_ids: Sequence[str]) -> None:
    for role_id in dict.fromkeys(role_ids):
        impersonation_roles.role_by_id(context, organization, role_id)


def _check_limits(rules: Sequence[AccessRule]) -> None:
    if len(rules) > MAX_RULES:
        raise LimitExceededException(f"An organization has at most {MAX_RULES:,} access control rules.")
    if sum(len(rule.ip_ranges) + len(rule.not_ip_ranges) for rule in rules) > MAX_RANGES:
        raise LimitExceededException(f"The access control rules of an organization have at most {MAX_RANGES:,} ranges.")


def _described(rule: AccessRule) -> dict[str, object]:
    conditions = {member: list(getattr(rule, field)) or None for member, field in _MEMBERS.items()}
    return present(
        Name=rule.name,
        Effect=rule.effect,
        Description=rule.description,
        **conditions,
        DateCreated=seconds(rule.created),
        DateModified=seconds(rule.modified),
    )
