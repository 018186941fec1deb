"""The user in whose name a caller with an impersonation role makes a request; only EWS has such requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.contracts.ews.impersonation import INVALID_HEADER, ConnectingId, Naming, connecting_ids
from postroom.contracts.ews.soap import FaultError
from postroom.model.addresses import Address
from postroom.model.directory import EntityKind, EntityState, Role

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from postroom.model.records import Entity
    from postroom.ports.directory import ImpersonatedUsers

MAX_NAME_BYTES: Final = 512
"""Longest name that is looked for, in bytes of UTF-8; addresses have at most 320. Ours; keys have at most 1,024."""

_NO_MAILBOX: Final = ("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.")

_UNKNOWN: Final = {
    Naming.PRIMARY_SMTP_ADDRESS: _NO_MAILBOX,
    Naming.SMTP_ADDRESS: _NO_MAILBOX,
    Naming.PRINCIPAL_NAME: ("ErrorInvalidUserPrincipalName", "No user has this principal name."),
    Naming.SID: ("ErrorInvalidUserSid", "No user has this SID."),
}
"""Faults of names that no user has, as Exchange gives them; the texts are ours."""


def impersonated_user(header: Element, organization_id: str, directory: ImpersonatedUsers) -> Entity:
    """Return the enabled user that the SOAP header ExchangeImpersonation names.

    Whether the role may act as this user is another question.

    Args:
        header: the SOAP header.
        organization_id: the role's; other organizations' users are unknown.
        directory: the users.

    Raises:
        FaultError: there is no such header, or it names no user with a mailbox, or different users.
        StoreUnavailableError: the directory did not answer.
    """
    users = {}
    for name in connecting_ids(header):
        user = _user(organization_id, name, directory)
        if user is None:
            raise FaultError(*_UNKNOWN[name.naming])
        users[user.id] = user
    if len(users) > 1:
        raise FaultError(INVALID_HEADER, "The names in ConnectingSID are of different users.")
    return next(iter(users.values()))


def _user(organization_id: str, name: ConnectingId, directory: ImpersonatedUsers) -> Entity | None:
    """Return the enabled user of a name.

    Ours: an address may be an alias, too, a principal name is an address or a user name, and a SID is a user's id.
    """
    found: Entity | None = None
    key = Address.parse(name.value.lower())
    if len(name.value.encode()) > MAX_NAME_BYTES:
        return None
    if name.naming is Naming.SID:
        found = directory.entity(organization_id, name.value)
    elif key:
        found = directory.entity_at(organization_id, str(key))
    elif name.naming is Naming.PRINCIPAL_NAME:
        found = directory.entity_named(organization_id, name.value.lower())
    if found is None or found.kind is not EntityKind.USER or found.state is not EntityState.ENABLED:
        return None
    return None if found.role is Role.REMOTE_USER else found
