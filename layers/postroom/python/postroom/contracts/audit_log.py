"""WorkMail's audit logs: the five kinds of records with their documented keys, and the records of the API trail.

A record is flat. Keys have the guide's order; a key without a value is absent. ``event_timestamp`` is milliseconds
since the epoch, truth values are JSON's. Source: guide, ZH:1645-1752; names of the kinds: CloudWatch Logs,
PutDeliverySource. Ours, where the guide is silent: ``expires_time`` is RFC 3339 in UTC with milliseconds, ``scopes`` is
a list of texts, ``folder_path`` begins with a slash, texts are cut at ``MAX_TEXT_CHARACTERS``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping  # noqa: TC003 - a queue's message reads the annotations
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal

from postroom.model.audit_deliveries import LogType
from postroom.model.logins import Method
from postroom.model.timestamps import timestamp
from postroom.model.xml_text import legal_in_xml

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_TEXT_CHARACTERS: Final = 2048
"""Longest text of a record, in characters; longer ones are cut at the end. Ours."""

API_CALL: Final = "API_CALL"
"""Type of a record of the API trail, which is no log type of WorkMail's."""


class Protocol(StrEnum):
    """Value of ``protocol``; records of personal access tokens have ``webapp`` instead."""

    AUTODISCOVER = "AutoDiscover"
    EWS = "EWS"
    IMAP = "IMAP"
    WINDOWS_OUTLOOK = "WindowsOutlook"
    ACTIVE_SYNC = "ActiveSync"
    SMTP = "SMTP"
    WEB_MAIL = "WebMail"
    INCOMING_EMAIL = "IncomingEmail"
    OUTGOING_EMAIL = "OutgoingEmail"


class MailboxAction(StrEnum):
    """Value of ``action`` in a record of mailbox access."""

    READ = "read"
    READ_HIERARCHY = "read_hierarchy"
    READ_SUMMARY = "read_summary"
    READ_ATTACHMENT = "read_attachment"
    READ_PERMISSIONS = "read_permissions"
    CREATE = "create"
    UPDATE = "update"
    UPDATE_PERMISSIONS = "update_permissions"
    UPDATE_READ_STATE = "update_read_state"
    DELETE = "delete"
    SUBMIT_EMAIL_FOR_SENDING = "submit_email_for_sending"
    ABORT_SENDING_EMAIL = "abort_sending_email"
    MOVE = "move"
    MOVE_TO = "move_to"
    COPY = "copy"
    COPY_TO = "copy_to"


class ObjectType(StrEnum):
    """Value of ``object_type``; the case is the guide's prose (ours)."""

    FOLDER = "Folder"
    MESSAGE = "Message"
    ATTACHMENT = "Attachment"


class Scope(StrEnum):
    """Value of ``scope``: which rules an access evaluation asked."""

    ACCESS_CONTROL = "AccessControl"
    DEVICE_ACCESS_CONTROL = "DeviceAccessControl"
    IMPERSONATION_ACCESS_CONTROL = "ImpersonationAccessControl"


class TokenAction(StrEnum):
    """Value of ``action`` in a record of a personal access token."""

    CREATE = "create"
    DELETE = "delete"


WEBAPP: Final = "webapp"
"""The only protocol of token records. Source: guide, ``protocol``."""

_FIRST: Final = ("event_timestamp", "request_id", "organization_arn", "user_id")

FIELDS: Final[Mapping[LogType, tuple[str, ...]]] = {
    LogType.MAILBOX_ACCESS: (
        *_FIRST,
        "impersonator_id",
        "protocol",
        "source_ip",
        "user_agent",
        "action",
        "owner_id",
        "object_type",
        "item_id",
        "folder_path",
        "folder_id",
        "attachment_path",
        "action_allowed",
    ),
    LogType.ACCESS_CONTROL: (
        *_FIRST,
        "impersonator_id",
        "protocol",
        "source_ip",
        "scope",
        "rule_id",
        "access_granted",
    ),
    LogType.AUTHENTICATION: (
        *_FIRST,
        "user",
        "protocol",
        "source_ip",
        "user_agent",
        "method",
        "auth_successful",
        "auth_failed_reason",
        "personal_access_token_id",
    ),
    LogType.PERSONAL_ACCESS_TOKEN: (
        *_FIRST,
        "user",
        "protocol",
        "source_ip",
        "user_agent",
        "action",
        "name",
        "expires_time",
        "scopes",
    ),
    LogType.AVAILABILITY_PROVIDER: (
        *_FIRST,
        "type",
        "domain",
        "function_arn",
        "ews_endpoint",
        "error_message",
        "availability_event_successful",
    ),
}
"""Keys of each kind of record, in their order."""

RecordType = LogType | Literal["API_CALL"]


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One record on its way to an organization's destinations, or to the API trail.

    Attributes:
        id: the same whenever the same event is recorded again, else unique: 32 hexadecimal digits.
        organization_id: empty for a call of an API.
        at_ms: when it happened, in milliseconds since the epoch.
        fields: JSON values without lone surrogates: the keys of ``FIELDS``, or a record in CloudTrail's form.
    """

    id: str
    organization_id: str
    type: RecordType
    at_ms: int
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What the records of one request have in common.

    Attributes:
        id: API Gateway's request id; the authorizer and the function behind it get the same. A client may choose it.
        user_id: of the user who is authenticated; empty if there is none.
        impersonator_id: the impersonation role's id; empty unless the request uses one.
        unique_id: API Gateway's extended request id, which tells requests apart that have chosen the same id.
    """

    id: str
    organization_id: str
    organization_arn: str
    at_ms: int
    protocol: Protocol
    source_ip: str
    user_agent: str = ""
    user_id: str = ""
    impersonator_id: str = ""
    unique_id: str = ""


def mailbox_access(
    request: Request,
    action: MailboxAction,
    *,
    owner_id: str,
    object_type: ObjectType,
    allowed: bool,
    folder_id: str = "",
    folder_path: str = "",
    item_id: str = "",
    attachment_path: str = "",
    number: int = 0,
) -> AuditRecord:
    """Return the record of one action on an object of a mailbox, tried or done.

    Args:
        request: of the user who acts.
        action: what is done.
        owner_id: the user or resource whose mailbox it is.
        object_type: of the object.
        allowed: whether the action was allowed.
        folder_id: the folder's, or that of the folder that holds the object.
        folder_path: its path, with a leading slash.
        item_id: the message's, or that of the message with the attachment.
        attachment_path: names of the attachment and of those that hold it.
        number: tells equal actions of one request apart.
    """
    said = {
        "action": action.value,
        "owner_id": owner_id,
        "object_type": object_type.value,
        "item_id": item_id,
        "folder_path": folder_path,
        "folder_id": folder_id,
        "attachment_path": attachment_path,
        "action_allowed": allowed,
    }
    return _record(LogType.MAILBOX_ACCESS, request, said, number)


def access_evaluation(
    request: Request, *, granted: bool, scope: Scope = Scope.ACCESS_CONTROL, rule_id: str = "", number: int = 0
) -> AuditRecord:
    """Return the record of one evaluation of access rules; ``rule_id`` is empty where none matched."""
    said = {"scope": scope.value, "rule_id": rule_id, "access_granted": granted}
    return _record(LogType.ACCESS_CONTROL, request, said, number)


def authentication(
    request: Request,
    *,
    user: str,
    method: Method = Method.BASIC,
    failed_reason: str = "",
    personal_access_token_id: str = "",
) -> AuditRecord:
    """Return the record of one authentication; it failed if there is a reason.

    Args:
        request: of the client; its ``user_id`` is empty if the user is unknown.
        user: the user name as the client sent it.
        method: how the client authenticates.
        failed_reason: without passwords and tokens.
        personal_access_token_id: of the token that was used instead of a password.
    """
    said = {
        "user": user,
        "method": method.value,
        "auth_successful": not failed_reason,
        "auth_failed_reason": failed_reason,
        "personal_access_token_id": personal_access_token_id,
    }
    return _record(LogType.AUTHENTICATION, request, said)


def token_event(
    request: Request,
    action: TokenAction,
    *,
    user: str,
    name: str,
    expires_ms: int | None,
    scopes: Sequence[str],
    number: int = 0,
) -> AuditRecord:
    """Return the record of an attempt to create or delete a personal access token.

    Args:
        request: its ``protocol`` is not used.
        action: create or delete.
        user: name of the user who acts.
        name: the token's.
        expires_ms: milliseconds since the epoch; None for a token that does not expire, or is unknown.
        scopes: the token's.
        number: tells equal events of one request apart.
    """
    said = {
        "user": user,
        "protocol": WEBAPP,
        "action": action.value,
        "name": name,
        "expires_time": "" if expires_ms is None else timestamp(expires_ms),
        "scopes": list(scopes),
    }
    return _record(LogType.PERSONAL_ACCESS_TOKEN, request, said, number)


def folder_path(*names: str) -> str:
    """Return the path of a folder from the names of its parents and itself."""
    return "".join(f"/{name}" for name in names if name)


def ordered(log_type: LogType, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a record: the keys of its kind in their order, without those that have no value."""
    found = {name: _clean(values[name]) for name in FIELDS[log_type] if name in values}
    return {name: value for name, value in found.items() if value not in ("", [], None)}


def _record(log_type: LogType, request: Request, said: Mapping[str, Any], number: int = 0) -> AuditRecord:
    common = {
        "event_timestamp": request.at_ms,
        "request_id": request.id,
        "organization_arn": request.organization_arn,
        "user_id": request.user_id,
        "impersonator_id": request.impersonator_id,
        "protocol": request.protocol.value,
        "source_ip": request.source_ip,
        "user_agent": request.user_agent,
    }
    fields = ordered(log_type, {**common, **said})
    # the same request, tried again, is recorded at another time
    told = {**fields, "event_timestamp": number, "unique_id": request.unique_id}
    return AuditRecord(record_id(log_type, told), request.organization_id, log_type, request.at_ms, fields)


def record_id(record_type: str, told: Mapping[str, Any]) -> str:
    """Return a record's id from what tells it apart."""
    return hashlib.sha256(f"{record_type}\0{json.dumps(told, sort_keys=True)}".encode()).hexdigest()[:32]


def _clean(value: Any) -> Any:
    """Return a value that JSON and SQS can carry: no character that XML lacks, no text without end."""
    match value:
        case str():
            return legal_in_xml(value[:MAX_TEXT_CHARACTERS])
        case list() | tuple():
            return [_clean(each) for each in value]
        case _:
            return value
