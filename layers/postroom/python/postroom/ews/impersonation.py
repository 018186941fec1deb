"""The user in whose name a caller with an impersonation role makes a request; only EWS has such requests.

The guide's code for exchangelib (ZH:7135-7180) sends the SOAP header ExchangeImpersonation for folders and items only.
Ours, so that this code can ask for free/busy information, too: without the header, a question about mailboxes is one of
the first user in it, and what reads no mailbox needs no user. Where there is a header, it alone counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.access.accounts import MAX_NAME_BYTES
from postroom.contracts.ews import availability
from postroom.contracts.ews.impersonation import INVALID_HEADER, ConnectingId, Naming, connecting_ids, is_present
from postroom.contracts.ews.soap import FaultError
from postroom.ews.operations import WITHOUT_USER
from postroom.model.addresses import Address
from postroom.model.directory import EntityKind, EntityState, Role

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from postroom.contracts.ews.soap import Call
    from postroom.model.records import Entity
    from postroom.ports.directory import ImpersonatedUsers

_NO_MAILBOX: Final = ("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.")

_UNKNOWN: Final = {
    Naming.PRIMARY_SMTP_ADDRESS: _NO_MAILBOX,
    Naming.SMTP_ADDRESS: _NO_MAILBOX,
    Naming.PRINCIPAL_NAME: ("ErrorInvalidUserPrincipalName", "No user has this principal name."),
    Naming.SID: ("ErrorInvalidUserSid", "No user has this SID."),
}
"""Faults of names that no user has, as Exchange gives them; the texts are ours."""


def acting_user(call: Call, organization_id: str, directory: ImpersonatedUsers) -> Entity | None:
    """Return the enabled user as which a role makes a request; None if the request needs none.

    Whether the role may act as this user is another question.

    Args:
        call: the request.
        organization_id: the role's; other organizations' users are unknown.
        directory: the users; at most one keyed read for each mailbox of a question.

    Raises:
        FaultError: the header names no user; or there is no header and no user; or a question is refused as a whole.
        StoreUnavailableError: the directory did not answer.
    """
    if not is_present(call.header):
        if call.operation in WITHOUT_USER:
            return None
        if call.operation == availability.OPERATION:
            user = _first_user(call, organization_id, directory)
            if user is not None:
                return user
    return impersonated_user(call.header, organization_id, directory)


def _first_user(call: Call, organization_id: str, directory: ImpersonatedUsers) -> Entity | None:
    """Return the first user of the organization in a question; groups and resources are passed over."""
    mailboxes = availability.read_request(call.request, call.header).mailboxes
    named = (ConnectingId(Naming.SMTP_ADDRESS, each) for each in dict.fromkeys(mailboxes))
    found = (_user(organization_id, name, directory) for name in named)
    return next((user for user in found if user is not None), None)


def impersonated_user(header: Element, organization_id: str, directory: ImpersonatedUsers) -> Entity:
    """Return the enabled user that the SOAP header ExchangeImpersonation names; see ``acting_user``.

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
