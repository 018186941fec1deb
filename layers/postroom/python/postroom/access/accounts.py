"""Finds the user that a user name means, in whatever state that user is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.model.addresses import Address
from postroom.model.directory import EntityKind, EntityState, Role
from postroom.model.logins import FailedReason
from postroom.model.records import OrganizationState

if TYPE_CHECKING:
    from postroom.model.directory import OrganizationRef
    from postroom.model.records import Entity
    from postroom.ports.directory import Accounts


MAX_NAME_BYTES: Final = 512
"""Longest name that is looked for, in bytes of UTF-8; addresses have at most 320. Ours; DynamoDB refuses sort keys of
more than 1,024, and the refusal would be an error of the authorizer."""


@dataclass(frozen=True, slots=True)
class Account:
    """What a user name means.

    Attributes:
        organization: None if the name has no domain and no alias of an organization that exists.
        user: None if no user of the organization has the name.
        refusal: why this name cannot log in, whatever the password; None for an enabled user.
    """

    organization: OrganizationRef | None = None
    user: Entity | None = None
    refusal: FailedReason | None = FailedReason.UNKNOWN_USER


def find(user_name: str, accounts: Accounts) -> Account:
    r"""Return what a user name means.

    User names are a primary address or an alias; ours: ``domain\name`` and ``alias\name`` as well, with a mail domain
    or the alias of the organization, and the user's name in it. All match case-insensitively, as Exchange's do.

    Raises:
        StoreUnavailableError: the directory did not answer.
    """
    name = user_name.strip().lower()
    group, backslash, plain = name.partition("\\")
    address = None if backslash else Address.parse(name)
    at, key = (address.domain, str(address)) if address else (group if backslash else "", plain)
    organization = _organization(at, accounts) if _may_exist(at) else None
    if organization is None:
        return Account()
    if not organization.active:
        return Account(organization, refusal=FailedReason.ORGANIZATION_NOT_ACTIVE)
    read = accounts.entity_at if address else accounts.entity_named
    found = read(organization.id, key) if _may_exist(key) else None
    if found is None:
        accounts.password(organization.id, "")  # an entity takes a read more than its name: without it, the time tells
    if found is None or found.kind is not EntityKind.USER:
        return Account(organization)
    return Account(organization, found, _refusal(found))


def _may_exist(name: str) -> bool:
    return len(name.encode()) <= MAX_NAME_BYTES


def _refusal(user: Entity) -> FailedReason | None:
    if user.role is Role.REMOTE_USER:
        return FailedReason.REMOTE_USER
    return None if user.state is EntityState.ENABLED and user.email else FailedReason.USER_NOT_ENABLED


def _organization(name: str, accounts: Accounts) -> OrganizationRef | None:
    """Return the organization with a mail domain or alias; None if there is none, or it is deleted."""
    if "." in name:
        domain = accounts.domain_record(name)
        return domain.organization if domain else None
    organization = accounts.organization_with_alias(name) if name else None
    if organization is None or organization.state is OrganizationState.DELETED:
        return None
    return organization.ref
