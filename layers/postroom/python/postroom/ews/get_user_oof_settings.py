"""GetUserOofSettings: the out-of-office reply of the caller, also before and after its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.contracts.audit_log import MailboxAction
from postroom.contracts.ews import oof
from postroom.ews import own_mailbox
from postroom.model.out_of_office import OutOfOffice

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from postroom.contracts.ews.soap import Call
    from postroom.ews.context import Asking, Context


def answer(call: Call, asking: Asking, context: Context) -> Element:
    """Answer with what was set last, by a mail client or the API.

    Raises:
        FaultError: ErrorSchemaValidation; ErrorAccessDenied for another mailbox.
        StoreUnavailableError: the directory did not answer.
    """
    own_mailbox.admit(oof.read_mailbox(call.request), MailboxAction.READ, asking, context)
    caller = asking.caller
    found = context.address_book.owned(OutOfOffice, caller.organization_id, caller.user_id)
    return oof.write_settings(found.set_as if found else oof.NONE_SET, asking.at_ms)
