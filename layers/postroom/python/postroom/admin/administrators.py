"""Whether a caller may use an operation; PutAdministratorGrant, DeleteAdministratorGrant, ListAdministratorGrants.

Every caller that API Gateway lets in may do everything, as long as the stack's parameter names no administrator and no
grant was ever put. From then on only what a grant allows is allowed, also after the last grant is deleted. The
principals of the parameter always have full access, so that a deployment repairs what grants cannot.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from postroom.admin import access_levels, lookup, pages
from postroom.admin.context import present, seconds
from postroom.contracts.admin.exceptions import (
    InvalidParameterException,
    LimitExceededException,
    NotAuthorizedError,
)
from postroom.contracts.admin.models.shapes import SHAPES
from postroom.model.administrators import EVERYONE, KEY, STACK, Access, AdministratorGrants, Grant, allows, is_principal
from postroom.model.principals import Principal, PrincipalKind, needs_role_arn
from postroom.model.records import Check, Insert, Replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests
    from postroom.model.records import Change, Organization

MAX_GRANTS: Final = 100
"""Most grants for one organization, and most for all of them: one read has them. Ours."""

_ORGANIZATION_ID: Final = re.compile(SHAPES["OrganizationId"]["pattern"])


def check(context: Context, operation: str, organization_id: str) -> None:
    """Check that the caller may use an operation.

    It costs one keyed read. A caller without access to all organizations costs one more; a role of which a grant says
    the path may cost a call of IAM per minute.

    Args:
        organization_id: as requested, maybe malformed; empty if the request names none.

    Raises:
        NotAuthorizedError: no grant allows it. An organization that does not exist is refused alike.
        StoreUnavailableError: the directory or IAM did not answer.
    """
    stack, firsts = _read(context, STACK), _firsts(context)
    if stack is None and not firsts:
        return
    wanted, grants = access_levels.wanted(operation), [*firsts, *_grants(stack)]
    if allows(grants, Principal(context.call.caller_arn), wanted):
        return
    resource = "*"
    if access_levels.of_one_organization(operation) and _ORGANIZATION_ID.fullmatch(organization_id):
        resource = context.settings.organization_arn(organization_id)
        grants += _grants(_read(context, organization_id))
    if not allows(grants, _caller(context, grants), wanted):
        raise NotAuthorizedError(context.call.caller_arn, f"workmail:{operation}", resource)


def put(
    context: Context, request: requests.PutAdministratorGrantRequest, now: int
) -> answers.PutAdministratorGrantResponse:
    """Give a principal access, or replace its access."""
    organization = _named(context, request.get("OrganizationId"))
    principal, access = request["Principal"], Access(request["Access"])
    if not is_principal(principal):
        raise InvalidParameterException(f"Principal: {principal} is no ARN of an IAM user or role, or of a session.")
    found = _read(context, _owner(organization))
    grants = {grant.principal: grant for grant in _grants(found)}
    created = grants[principal].created if principal in grants else now
    grants[principal] = Grant(principal, access, created, now)
    if len(grants) > MAX_GRANTS:
        raise LimitExceededException(f"There are at most {MAX_GRANTS} grants for one organization, or for all.")
    _commit(context, organization, found, grants.values())
    return {}


def delete(
    context: Context, request: requests.DeleteAdministratorGrantRequest, _now: int
) -> answers.DeleteAdministratorGrantResponse:
    """End a principal's access. It is no error if it has none."""
    organization = _named(context, request.get("OrganizationId"))
    found = _read(context, _owner(organization))
    left = [grant for grant in _grants(found) if grant.principal != request["Principal"]]
    if len(left) < len(_grants(found)):
        _commit(context, organization, found, left)
    return {}


def list_(context: Context, request: requests.ListAdministratorGrantsRequest, _now: int) -> dict[str, Any]:
    """List grants by principal, those of the stack's parameter first."""
    organization = _named(context, request.get("OrganizationId"))
    grants = _grants(_read(context, _owner(organization)))
    firsts = () if organization else _firsts(context)
    rows = [(f"0{grant.principal}", _described(grant, "PARAMETER", None)) for grant in firsts]
    rows += [(f"1{grant.principal}", _described(grant, "API", organization)) for grant in grants]
    found, token = pages.page(
        context,
        "ListAdministratorGrants",
        request,
        lambda after: [row for row in rows if after is None or row[0] > after],
        lambda row: row[0],
    )
    return present(Grants=[described for _, described in found], NextToken=token)


def _named(context: Context, organization_id: str | None) -> Organization | None:
    """Return the organization of a grant; None stands for all."""
    return None if organization_id is None else lookup.organization(context, organization_id)


def _read(context: Context, organization_id: str) -> AdministratorGrants | None:
    return context.directory.owned(AdministratorGrants, organization_id, KEY)


def _grants(found: AdministratorGrants | None) -> Sequence[Grant]:
    return found.grants if found else ()


def _owner(organization: Organization | None) -> str:
    return organization.id if organization else STACK


def _commit(
    context: Context, organization: Organization | None, found: AdministratorGrants | None, grants: Iterable[Grant]
) -> None:
    """Write the grants for an organization, or those for all.

    The first grant for one organization also writes the record of the stack, so that grants count from then on,
    whatever the stack's parameter will say.

    Args:
        organization: None for all.
        found: the record to replace, as it was read.
        grants: that it gets.

    Raises:
        InvalidParameterException: the caller would not be allowed to change grants afterwards.
    """
    ordered = tuple(sorted(grants, key=lambda grant: grant.principal))
    written = _change(_owner(organization), found, ordered)
    if organization is None:
        _check_caller_stays(context, ordered)
        context.directory.commit([written])
        return
    stack = _read(context, STACK)
    _check_caller_stays(context, _grants(stack))
    unchanged = Check(stack) if stack else _change(STACK, None, ())
    context.directory.commit([Check(organization), unchanged, written])


def _change(organization_id: str, found: AdministratorGrants | None, grants: tuple[Grant, ...]) -> Change:
    if found:
        return Replace(replace(found, grants=grants))
    return Insert(AdministratorGrants(organization_id=organization_id, grants=grants))


def _check_caller_stays(context: Context, grants: Iterable[Grant]) -> None:
    left = [*_firsts(context), *grants]
    if not allows(left, _caller(context, left), Access.FULL_ACCESS):
        raise InvalidParameterException(
            f"{context.call.caller_arn or 'The caller'} would lose its own access: it needs FULL_ACCESS to all "
            "organizations before and after a change of grants."
        )


def _firsts(context: Context) -> list[Grant]:
    """Return what the stack's parameter grants."""
    firsts = context.settings.first_administrators
    patterns = (EVERYONE,) if firsts.everyone else sorted(firsts.patterns)
    return [Grant(principal, Access.FULL_ACCESS) for principal in patterns]


def _caller(context: Context, grants: Iterable[Grant]) -> Principal:
    """Return the caller; of a session, with its role's path if a grant needs it."""
    caller = Principal(context.call.caller_arn)
    if caller.kind is not PrincipalKind.ROLE or caller.account != context.settings.account:
        return caller
    if not any(needs_role_arn(grant.principal) for grant in grants):
        return caller
    return replace(caller, role_arn=context.role_arns.of(caller.name) or "")


def _described(grant: Grant, origin: str, organization: Organization | None) -> dict[str, Any]:
    return present(
        Principal=grant.principal,
        OrganizationId=organization.id if organization else None,
        Access=grant.access.value,
        Origin=origin,
        DateCreated=seconds(grant.created or None),
        DateModified=seconds(grant.modified or None),
    )
