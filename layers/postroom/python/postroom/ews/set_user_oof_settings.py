"""SetUserOofSettings: sets the out-of-office reply of the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.contracts.audit_log import MailboxAction
from postroom.contracts.ews import oof
from postroom.contracts.ews.soap import FaultError
from postroom.effects import out_of_office
from postroom.ews import own_mailbox
from postroom.model.out_of_office import OutOfOffice

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from postroom.contracts.ews.soap import Call
    from postroom.ews.context import Asking, Context


def answer(call: Call, asking: Asking, context: Context) -> Element:
    """Set the reply, once the records of the request are kept.

    Raises:
        FaultError: ErrorSchemaValidation; ErrorAccessDenied for another mailbox; ErrorNonExistentMailbox for a caller
            without one.
        StoreUnavailableError: a table or the audit trail did not answer.
        ConflictError: the caller's records change; a retry may succeed.
    """
    own_mailbox.admit(oof.read_mailbox(call.request), MailboxAction.UPDATE, asking, context)
    settings = oof.read_settings(call.request, asking.at_ms)
    if isinstance(settings, oof.Refused):
        return oof.write_outcome(settings)
    caller, directory = asking.caller, context.address_book
    organization = directory.organization(caller.organization_id)
    user = directory.entity(caller.organization_id, caller.user_id)
    made = OutOfOffice.of(caller.organization_id, caller.user_id, settings, now=asking.at_ms)
    asking.hand_over(context.trail)
    if not (organization and user and out_of_office.keep(made, organization, user, directory, context.mailboxes)):
        raise FaultError("ErrorNonExistentMailbox", "The user has no mailbox.")
    return oof.write_outcome(None)
