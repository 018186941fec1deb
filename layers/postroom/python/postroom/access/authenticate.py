"""Finds the user of an Authorization header whose password is right.

A header without a known, enabled user costs as much time as a wrong password: its password is compared, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.contracts import http_basic
from postroom.model.addresses import Address
from postroom.model.callers import Caller
from postroom.model.directory import EntityKind, EntityState, Role
from postroom.model.records import OrganizationState

if TYPE_CHECKING:
    from postroom.model.records import Entity
    from postroom.ports.directory import Accounts
    from postroom.ports.passwords import Passwords


def authenticate(header: str, accounts: Accounts, passwords: Passwords) -> Caller | None:
    r"""Return the user of an Authorization header; None if it is no Basic authentication, or not right.

    User names are a primary address or an alias; ours: ``domain\name`` and ``alias\name`` as well, with a mail domain
    or the alias of the organization, and the user's name in it. All match case-insensitively, as Exchange's do.

    Raises:
        StoreUnavailableError: the directory did not answer.
    """
    for credentials in http_basic.readings(header):
        user = _user(credentials.user_name.strip().lower(), accounts)
        stored = accounts.password(user.organization_id, user.id) if user else None
        right = passwords.matches(credentials.password, stored.hash if stored else None)
        if right and user and user.email:
            return Caller(user.organization_id, user.id, user.email, user.name)
    return None


def _user(name: str, accounts: Accounts) -> Entity | None:
    """Return the enabled user of a name."""
    group, backslash, plain = name.partition("\\")
    address = None if backslash else Address.parse(name)
    domain = group if backslash else address.domain if address else ""
    organization_id = _organization(domain, accounts)
    if organization_id is None:
        return None
    find = accounts.entity_at if address else accounts.entity_named
    found = find(organization_id, str(address) if address else plain)
    if found is None or found.kind is not EntityKind.USER or found.state is not EntityState.ENABLED:
        return None
    return None if found.role is Role.REMOTE_USER else found


def _organization(name: str, accounts: Accounts) -> str | None:
    """Return the id of the active organization with a mail domain or alias."""
    if "." in name:
        domain = accounts.domain_record(name)
        return domain.organization.id if domain and domain.organization.active else None
    organization = accounts.organization_with_alias(name) if name else None
    active = organization is not None and organization.state is OrganizationState.ACTIVE
    return organization.id if organization and active else None
