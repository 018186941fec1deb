"""Create-, Update-, Delete-, Get-, ListImpersonationRole(s), GetImpersonationRoleEffect, AssumeImpersonationRole.

Rules name users by id, name or address; the ids are kept, so a user that gets another name or address stays named. A
changed or deleted role counts from the next request on. Source: guide, "Managing impersonation roles" (ZH:6953-7077);
for what it does not say, docs/parity.md.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from postroom.admin import idempotency, lookup, pages
from postroom.admin.context import present, seconds
from postroom.contracts.admin.exceptions import (
    InvalidParameterException,
    LimitExceededException,
    ResourceNotFoundException,
)
from postroom.model.access_effect import AccessEffect
from postroom.model.directory import EntityKind
from postroom.model.impersonation import RANDOM_BYTES, ImpersonationRole, ImpersonationRule, RoleType, new_token
from postroom.model.records import Check, Insert, Remove, Replace
from postroom.ports.directory import every_owned

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests
    from postroom.model.records import Organization

MAX_ROLES: Final = 20
"""Most roles of an organization. Source: contracts 7.7."""


def create(
    context: Context, request: requests.CreateImpersonationRoleRequest, now: int
) -> answers.CreateImpersonationRoleResponse:
    """Add a role."""
    organization = lookup.organization(context, request["OrganizationId"])
    replay = idempotency.look_up(context, "CreateImpersonationRole", request, now)
    if replay.answer is not None:
        return {"ImpersonationRoleId": replay.answer}
    others = list(_all(context, organization))
    if len(others) >= MAX_ROLES:
        raise LimitExceededException(f"An organization has at most {MAX_ROLES} impersonation roles.")
    role = ImpersonationRole(
        organization_id=organization.id,
        id=context.new_uuid(),
        name=_unused_name(request["Name"], others),
        type=RoleType(request["Type"]),
        created=now,
        modified=now,
        description=request.get("Description"),
        rules=_rules(context, organization, request["Rules"]),
    )
    context.directory.commit([Replace(organization), Insert(role), *replay.remember(role.id)])
    return {"ImpersonationRoleId": role.id}


def update(
    context: Context, request: requests.UpdateImpersonationRoleRequest, now: int
) -> answers.UpdateImpersonationRoleResponse:
    """Replace all that a role has, its rules included; a description that is not given is removed (ours)."""
    organization = lookup.organization(context, request["OrganizationId"])
    found = role_by_id(context, organization, request["ImpersonationRoleId"])
    changed = replace(
        found,
        name=_unused_name(request["Name"], [other for other in _all(context, organization) if other.id != found.id]),
        type=RoleType(request["Type"]),
        description=request.get("Description"),
        rules=_rules(context, organization, request["Rules"]),
    )
    if changed != found:
        context.directory.commit([Replace(organization), Replace(replace(changed, modified=now))])
    return {}


def delete(
    context: Context, request: requests.DeleteImpersonationRoleRequest, _now: int
) -> answers.DeleteImpersonationRoleResponse:
    """Delete a role and with it its tokens. It is no error if it does not exist: the model names none for it."""
    organization = lookup.organization(context, request["OrganizationId"])
    found = context.directory.owned(ImpersonationRole, organization.id, request["ImpersonationRoleId"])
    if found:
        context.directory.commit([Replace(organization), Remove(found)])
    return {}


def get(context: Context, request: requests.GetImpersonationRoleRequest, _now: int) -> dict[str, object]:
    """Describe one role with its rules."""
    organization = lookup.organization(context, request["OrganizationId"])
    role = role_by_id(context, organization, request["ImpersonationRoleId"])
    return _listed(role) | present(Description=role.description, Rules=[_described(rule) for rule in role.rules])


def list_(context: Context, request: requests.ListImpersonationRolesRequest, _now: int) -> dict[str, object]:
    """List roles ordered by id, without descriptions and rules."""
    organization = lookup.organization(context, request["OrganizationId"])
    found, token = pages.page(
        context,
        "ListImpersonationRoles",
        request,
        lambda after: _all(context, organization, after),
        lambda role: role.id,
    )
    return present(Roles=[_listed(role) for role in found], NextToken=token)


def effect(context: Context, request: requests.GetImpersonationRoleEffectRequest, _now: int) -> dict[str, object]:
    """Say whether a role may impersonate an enabled user, and by which rules."""
    organization = lookup.organization(context, request["OrganizationId"])
    role = role_by_id(context, organization, request["ImpersonationRoleId"])
    user = lookup.entity(context, organization.id, request["TargetUser"], EntityKind.USER)
    found = role.effect(lookup.enabled(user).id)
    matched = [present(ImpersonationRuleId=rule.id, Name=rule.name) for rule in found.matched]
    return {"Type": role.type, "Effect": found.effect, "MatchedRules": matched}


def assume(
    context: Context, request: requests.AssumeImpersonationRoleRequest, now: int
) -> answers.AssumeImpersonationRoleResponse:
    """Make a token of a role. Earlier tokens stay valid."""
    organization = lookup.organization(context, request["OrganizationId"])
    role = role_by_id(context, organization, request["ImpersonationRoleId"])
    lasts = context.settings.impersonation_token_s
    token, row = new_token(
        organization.id, role.id, context.random_bytes(RANDOM_BYTES), now_s=now // 1000, seconds=lasts
    )
    context.directory.commit([Check(role), Insert(row)])
    return {"Token": token, "ExpiresIn": lasts}


def _all(context: Context, organization: Organization, after: str | None = None) -> Iterable[ImpersonationRole]:
    return every_owned(context.directory, ImpersonationRole, organization.id, after)


def role_by_id(context: Context, organization: Organization, role_id: str) -> ImpersonationRole:
    """Return a role.

    Raises:
        ResourceNotFoundException: it does not exist.
    """
    found = context.directory.owned(ImpersonationRole, organization.id, role_id)
    if found is None:
        raise ResourceNotFoundException(f"There is no impersonation role {role_id} in the organization.")
    return found


def _unused_name(name: str, others: Iterable[ImpersonationRole]) -> str:
    """Return the name, unless another role has it; case-insensitive."""
    if any(other.name.casefold() == name.casefold() for other in others):
        raise InvalidParameterException(f"Name: another impersonation role has the name {name}.")
    return name


def _rules(
    context: Context, organization: Organization, given: Sequence[requests.ImpersonationRule]
) -> tuple[ImpersonationRule, ...]:
    _check_unique("ImpersonationRuleId", [rule["ImpersonationRuleId"] for rule in given])
    _check_unique("Name", [rule["Name"].casefold() for rule in given if "Name" in rule])
    return tuple(
        ImpersonationRule(
            id=rule["ImpersonationRuleId"],
            effect=AccessEffect(rule["Effect"]),
            name=rule.get("Name"),
            description=rule.get("Description"),
            targets=_users(context, organization, rule.get("TargetUsers", ())),
            not_targets=_users(context, organization, rule.get("NotTargetUsers", ())),
        )
        for rule in given
    )


def _check_unique(member: str, values: Sequence[str]) -> None:
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        raise InvalidParameterException(f"Rules: two rules have the {member} {twice[0]}.")


def _users(context: Context, organization: Organization, identifiers: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of users, each once, in the order that was given; disabled users are allowed (ours)."""
    found = [lookup.entity(context, organization.id, each, EntityKind.USER) for each in identifiers]
    return tuple(dict.fromkeys(lookup.not_deleted(user).id for user in found))


def _listed(role: ImpersonationRole) -> dict[str, object]:
    return {
        "ImpersonationRoleId": role.id,
        "Name": role.name,
        "Type": role.type,
        "DateCreated": seconds(role.created),
        "DateModified": seconds(role.modified),
    }


def _described(rule: ImpersonationRule) -> dict[str, object]:
    return present(
        ImpersonationRuleId=rule.id,
        Name=rule.name,
        Description=rule.description,
        Effect=rule.effect,
        TargetUsers=list(rule.targets) or None,
        NotTargetUsers=list(rule.not_targets) or None,
    )
