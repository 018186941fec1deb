"""CreateUser, UpdateUser, DescribeUser, DeleteUser, ListUsers, ResetPassword, DescribeEntity."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from postroom.admin import entities, lookup, passwords, personal_access_tokens
from postroom.admin.context import present, seconds
from postroom.contracts.admin.exceptions import (
    EntityNotFoundException,
    EntityStateException,
    InvalidParameterException,
    UnsupportedOperationException,
)
from postroom.model.directory import EntityKind, EntityState, Role
from postroom.model.limits import DEFAULT_QUOTA_MB
from postroom.model.records import Check, Entity, PasswordHash, Put, Remove, Replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests
    from postroom.model.records import Change

ATTRIBUTES: Final = (
    "DisplayName",
    "FirstName",
    "LastName",
    "Initials",
    "Telephone",
    "Street",
    "JobTitle",
    "City",
    "Company",
    "ZipCode",
    "Department",
    "Country",
    "Office",
    "IdentityProviderUserId",
)
"""Members that are stored unchanged; an empty string is stored as one."""

FILTERS: Final[Mapping[str, str]] = {
    "UsernamePrefix": "name",
    "DisplayNamePrefix": "DisplayName",
    "PrimaryEmailPrefix": "email",
    "IdentityProviderUserIdPrefix": "IdentityProviderUserId",
}


def create(context: Context, request: requests.CreateUserRequest, now: int) -> answers.CreateUserResponse:
    """Create a disabled user without a mailbox."""
    organization = lookup.organization(context, request["OrganizationId"])
    role = _allowed_role(request.get("Role", "USER"))
    entities.refuse_reserved(request["Name"])
    if "Password" in request:
        passwords.check(request["Password"])
    user = Entity(
        organization_id=organization.id,
        id=context.new_uuid(),
        kind=EntityKind.USER,
        name=request["Name"],
        state=EntityState.DISABLED,
        created=now,
        role=role,
        attributes=_attributes(request),
        hidden=request.get("HiddenFromGlobalAddressList", False),
        quota_mb=None if role is Role.REMOTE_USER else DEFAULT_QUOTA_MB,
    )
    secret: list[Change] = []
    if "Password" in request:
        hashed = context.passwords.hash(request["Password"])
        secret = [Put(PasswordHash(organization_id=organization.id, user_id=user.id, hash=hashed))]
    entities.insert_named(context, user, [Check(organization), *secret])
    return {"UserId": user.id}


def update(context: Context, request: requests.UpdateUserRequest, _now: int) -> answers.UpdateUserResponse:
    """Change the members that the request has; an empty IdentityProviderUserId removes the link."""
    organization = lookup.organization(context, request["OrganizationId"])
    user = lookup.not_deleted(lookup.entity(context, organization.id, request["UserId"], EntityKind.USER))
    role = _allowed_role(request["Role"]) if "Role" in request else user.role
    if role is not user.role and user.state is EntityState.ENABLED:
        raise EntityStateException(f"User {user.id} is enabled; its role can be changed while it is disabled.")
    attributes = {**user.attributes, **_attributes(request)}
    if not attributes.get("IdentityProviderUserId"):
        attributes.pop("IdentityProviderUserId", None)
    changed = replace(
        user,
        role=role,
        attributes=attributes,
        hidden=request.get("HiddenFromGlobalAddressList", user.hidden),
        quota_mb=None if role is Role.REMOTE_USER else user.quota_mb or DEFAULT_QUOTA_MB,
    )
    if changed != user:
        context.directory.commit([Check(organization), Replace(changed)])
    return {}


def describe(context: Context, request: requests.DescribeUserRequest, _now: int) -> answers.DescribeUserResponse:
    """Describe a user. A deleted user is found by its id, in state DELETED."""
    organization = lookup.organization(context, request["OrganizationId"])
    user = lookup.entity(context, organization.id, request["UserId"], EntityKind.USER)
    answer = present(
        UserId=user.id,
        Name=user.name,
        Email=user.email,
        State=user.state.value,
        UserRole=user.role and user.role.value,
        EnabledDate=seconds(user.enabled),
        DisabledDate=seconds(user.disabled),
        MailboxProvisionedDate=seconds(user.mailbox_provisioned),
        HiddenFromGlobalAddressList=user.hidden,
        **user.attributes,
    )
    return cast("answers.DescribeUserResponse", answer)


def delete(context: Context, request: requests.DeleteUserRequest, now: int) -> answers.DeleteUserResponse:
    """Delete a disabled user. It is no error if the user does not exist (the model lists none)."""
    organization = lookup.organization(context, request["OrganizationId"])
    user = lookup.find(context, organization.id, request["UserId"])
    if user is not None and user.kind is EntityKind.USER:
        secret = PasswordHash(organization_id=organization.id, user_id=user.id, hash="")
        if user.state is not EntityState.ENABLED:
            personal_access_tokens.end_all(context, organization, user, now)
        entities.delete_entity(context, user, now, [Check(organization), Remove(secret)])
    return {}


def list_(context: Context, request: requests.ListUsersRequest, _now: int) -> answers.ListUsersResponse:
    """List users ordered by id. Deleted users are listed only if the filter names that state (ours)."""
    organization = lookup.organization(context, request["OrganizationId"])
    found, token = entities.page(context, "ListUsers", request, (organization.id, EntityKind.USER), FILTERS)
    answer = present(Users=[_summary(user) for user in found], NextToken=token)
    return cast("answers.ListUsersResponse", answer)


def reset_password(
    context: Context,
    request: requests.ResetPasswordRequest,
    _now: int,
) -> answers.ResetPasswordResponse:
    """Change a user's password."""
    organization = lookup.organization(context, request["OrganizationId"])
    user = lookup.not_deleted(lookup.entity_by_id(context, organization.id, request["UserId"], EntityKind.USER))
    if user.role is not Role.USER:
        raise UnsupportedOperationException(f"User {user.id} has role {user.role} and cannot log in.")
    passwords.check(request["Password"])
    hashed = context.passwords.hash(request["Password"])
    context.directory.commit(
        [Check(user), Put(PasswordHash(organization_id=organization.id, user_id=user.id, hash=hashed))]
    )
    return {}


def describe_entity(
    context: Context,
    request: requests.DescribeEntityRequest,
    _now: int,
) -> answers.DescribeEntityResponse:
    """Return the entity that has an address."""
    organization = lookup.organization(context, request["OrganizationId"])
    found = context.directory.entity_at(organization.id, request["Email"].lower())
    if found is None:
        raise EntityNotFoundException(f"No entity of the organization has the address {request['Email']}.")
    return {"EntityId": found.id, "Name": found.name, "Type": found.kind.value}


def _allowed_role(role: str) -> Role:
    if role not in {Role.USER, Role.REMOTE_USER}:
        raise InvalidParameterException(f"Role {role} cannot be given; USER and REMOTE_USER can.")
    return Role(role)


def _attributes(request: Any) -> dict[str, str]:
    return {name: request[name] for name in ATTRIBUTES if name in request}


def _summary(user: Entity) -> dict[str, object]:
    return present(
        Id=user.id,
        Email=user.email,
        Name=user.name,
        DisplayName=user.attributes.get("DisplayName"),
        State=user.state.value,
        UserRole=user.role and user.role.value,
        EnabledDate=seconds(user.enabled),
        DisabledDate=seconds(user.disabled),
        IdentityProviderUserId=user.attributes.get("IdentityProviderUserId"),
    )
