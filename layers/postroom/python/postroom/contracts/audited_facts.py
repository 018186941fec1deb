"""Facts of the ledger as audit records: deliveries, submissions, calls of availability providers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from postroom.contracts.audit_log import (
    AuditRecord,
    MailboxAction,
    ObjectType,
    Protocol,
    folder_path,
    ordered,
    record_id,
)
from postroom.model.audit_deliveries import LogType
from postroom.model.facts import EventName, OwnFact
from postroom.model.folders import Folder
from postroom.model.mailbox import item_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.model.facts import Fact

AUDITED_FACTS: Final[Mapping[EventName | OwnFact, LogType]] = {
    EventName.MAILBOX_EMAIL_DELIVERED: LogType.MAILBOX_ACCESS,
    EventName.OUTGOING_EMAIL_SUBMITTED: LogType.MAILBOX_ACCESS,
    OwnFact.PROVIDER_ASKED: LogType.AVAILABILITY_PROVIDER,
}
"""Facts of the ledger that audit logs have a record of, and its kind."""


def from_fact(fact: Fact, organization_arn: str) -> AuditRecord:
    """Return the record of a fact that is one of ``AUDITED_FACTS``.

    A delivery is ``create`` in a mailbox over IncomingEmail. Ours: its request is the flow, and its user is the
    mailbox's owner, because no user is authenticated. Facts of older versions do not say which item was made.
    A submission is ``submit_email_for_sending`` over OutgoingEmail, of the copy in Sent Items. Ours: its request is the
    flow; what a mailbox sends by itself is its owner's, and has no copy.
    """
    log_type = AUDITED_FACTS[fact.name]
    match fact.name:
        case EventName.MAILBOX_EMAIL_DELIVERED:
            values: Mapping[str, Any] = _delivery(fact, organization_arn)
        case EventName.OUTGOING_EMAIL_SUBMITTED:
            values = _submission(fact, organization_arn)
        case _:
            values = fact.event
    name = record_id("fact", {"id": fact.id})
    return AuditRecord(name, fact.organization_id, log_type, fact.at, ordered(log_type, values))


def _delivery(fact: Fact, organization_arn: str) -> dict[str, Any]:
    owner, folder = str(fact.data.get("mailboxId", "")), str(fact.event.get("folder", ""))
    sequence, token = fact.data.get("sequence"), str(fact.data.get("blob", "")).rpartition("/")[2]
    return {
        "event_timestamp": fact.at,
        "request_id": fact.trace,
        "organization_arn": organization_arn,
        "user_id": owner,
        "protocol": Protocol.INCOMING_EMAIL.value,
        "action": MailboxAction.CREATE.value,
        "owner_id": owner,
        "object_type": ObjectType.MESSAGE.value,
        "item_id": "" if sequence is None else item_id(sequence, token),
        "folder_path": folder_path(folder),
        "folder_id": folder,
        "action_allowed": True,
    }


def _submission(fact: Fact, organization_arn: str) -> dict[str, Any]:
    owner, item = str(fact.data.get("mailboxId", "")), str(fact.data.get("itemId", ""))
    folder = Folder.SENT_ITEMS.value if item else ""
    return {
        "event_timestamp": fact.at,
        "request_id": fact.trace,
        "organization_arn": organization_arn,
        "user_id": str(fact.data.get("userId", owner)),
        "protocol": Protocol.OUTGOING_EMAIL.value,
        "source_ip": str(fact.data.get("sourceIp", "")),
        "action": MailboxAction.SUBMIT_EMAIL_FOR_SENDING.value,
        "owner_id": owner,
        "object_type": ObjectType.MESSAGE.value,
        "item_id": item,
        "folder_path": folder_path(folder),
        "folder_id": folder,
        "action_allowed": True,
    }
