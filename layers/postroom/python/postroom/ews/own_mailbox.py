"""Mailboxes of which only the owner may see or change something: the caller, or the user that a role impersonates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.access.decision import MailboxObject, Refusal
from postroom.contracts.ews.soap import FaultError
from postroom.model.directory import EntityKind

if TYPE_CHECKING:
    from postroom.contracts.audit_log import MailboxAction
    from postroom.ews.context import Asking, Context


def admit(address: str, action: MailboxAction, asking: Asking, context: Context) -> None:
    """Refuse a request about another mailbox than the caller's own, and add the record of the decision.

    An address without a mailbox has no record, and the same fault as those of others.

    Args:
        address: of the mailbox, as the request has it; any of its addresses.
        action: on the mailbox as a whole.

    Raises:
        FaultError: ErrorAccessDenied. Source: MS-OXWOOF 3.1.4.1, a fault for mailboxes of others.
        StoreUnavailableError: the directory did not answer.
    """
    owner = context.at(asking, address)
    refusal: Refusal | None = Refusal.NOT_OWNER
    if owner is not None and owner.kind is not EntityKind.GROUP:
        act = context.access.act(asking.admission, action, MailboxObject(owner.id, "", ()), only_owner=True)
        asking.records.append(act.record)
        refusal = act.refusal
    if refusal is not None:
        raise FaultError("ErrorAccessDenied", f"Access is denied: {refusal}.")
