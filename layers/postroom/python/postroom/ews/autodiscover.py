"""AutoDiscover: EWS is on the host that was asked, so that every mail domain's own host name answers with itself.

The answer is for the caller, or for another user, group or resource of the caller's organization: settings are the same
for all, and primary addresses in the address book are no secret to members of the organization.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.contracts.autodiscover import (
    POX_NO_ADDRESS,
    Found,
    PoxError,
    read_pox,
    read_soap,
    write_pox,
    write_soap,
)
from postroom.model.directory import EntityKind, EntityState

if TYPE_CHECKING:
    from postroom.contracts.http_calls import HttpCall
    from postroom.ews.context import Asking, Context

EWS_PATH: Final = "/EWS/Exchange.asmx"


def answer_pox(call: HttpCall, asking: Asking, context: Context) -> bytes:
    """Answer a request in POX form.

    Raises:
        PoxError: no such request, or no such address.
        StoreUnavailableError: the directory did not answer.
    """
    found = _find(read_pox(call.body), call, asking, context)
    if found is None:
        raise PoxError(POX_NO_ADDRESS, "The email address can't be found.")
    return write_pox(found)


def answer_soap(call: HttpCall, asking: Asking, context: Context) -> bytes:
    """Answer GetUserSettings.

    Raises:
        FaultError: no such request, or another operation.
        StoreUnavailableError: the directory did not answer.
    """
    addresses, settings = read_soap(call.body)
    return write_soap([_find(address, call, asking, context) for address in addresses], settings)


def _find(address: str, call: HttpCall, asking: Asking, context: Context) -> Found | None:
    entity = context.at(asking, address)
    if entity is None or entity.email is None or entity.state is not EntityState.ENABLED:
        return None
    if entity.kind is EntityKind.GROUP or (entity.hidden and entity.id != asking.caller.user_id):
        return None
    return Found(entity.email, entity.attributes.get("DisplayName") or entity.name, f"{call.root}{EWS_PATH}")
