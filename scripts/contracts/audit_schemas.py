"""JSON Schemas of the five kinds of audit records, from ``postroom.contracts.audit_log``.

Texts have patterns. The keyword ``format`` is no check: validators ignore it unless they are told otherwise, and
jsonschema's generic FormatChecker refuses RFC 3339 times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from postroom.contracts.audit_log import (
    FIELDS,
    WEBAPP,
    MailboxAction,
    ObjectType,
    Protocol,
    Scope,
    TokenAction,
)
from postroom.model.audit_deliveries import LogType
from postroom.model.logins import Method

if TYPE_CHECKING:
    from collections.abc import Mapping
    from enum import StrEnum

Schema = dict[str, Any]

_OCTET: Final = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_TEXT: Final[Schema] = {"type": "string", "minLength": 1}
_TRUTH: Final[Schema] = {"type": "boolean"}


def _one_of(values: type[StrEnum]) -> Schema:
    return {"enum": [value.value for value in values]}


def _like(pattern: str) -> Schema:
    return {"type": "string", "pattern": f"^({pattern})$"}


VALUES: Final[Mapping[str, Schema]] = {
    "event_timestamp": {"type": "integer", "minimum": 0, "description": "Milliseconds since the epoch."},
    "organization_arn": _like("arn:aws[a-z-]*:workmail:[a-z0-9-]+:[0-9]{12}:organization/m-[0-9a-f]{32}"),
    "protocol": _one_of(Protocol),
    "source_ip": _like(rf"({_OCTET}\.){{3}}{_OCTET}|[0-9a-f:.]*:[0-9a-f:.]*"),
    "object_type": _one_of(ObjectType),
    "folder_path": _like("/.*"),
    "action": _one_of(MailboxAction),
    "action_allowed": _TRUTH,
    "scope": _one_of(Scope),
    "access_granted": _TRUTH,
    "method": _one_of(Method),
    "auth_successful": _TRUTH,
    "expires_time": _like(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z"),
    "scopes": {"type": "array", "items": _TEXT, "minItems": 1},
    "type": {"enum": ["EWS", "LAMBDA"]},
    "function_arn": _like("arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:.+"),
    "ews_endpoint": _like("https?://.+"),
    "availability_event_successful": _TRUTH,
}
"""Values by key; a key that is not here has any text but the empty one."""

OF_TOKENS: Final[Mapping[str, Schema]] = {"protocol": {"const": WEBAPP}, "action": _one_of(TokenAction)}
"""Values of keys that mean something else in records of personal access tokens."""

ALWAYS: Final[Mapping[LogType, tuple[str, ...]]] = {
    LogType.MAILBOX_ACCESS: ("protocol", "action", "owner_id", "object_type", "action_allowed"),
    LogType.ACCESS_CONTROL: ("protocol", "source_ip", "scope", "access_granted"),
    LogType.AUTHENTICATION: ("protocol", "method", "auth_successful"),
    LogType.PERSONAL_ACCESS_TOKEN: ("protocol", "action"),
    LogType.AVAILABILITY_PROVIDER: ("type", "domain", "availability_event_successful"),
}
"""Keys that every record of a kind has, beside those of all kinds."""

EVERYWHERE: Final = ("event_timestamp", "request_id", "organization_arn")
"""Keys of every record. An authentication of an unknown user has no ``user_id``."""

FILES: Final[Mapping[LogType, str]] = {
    LogType.MAILBOX_ACCESS: "audit-mailbox-access",
    LogType.ACCESS_CONTROL: "audit-access-control",
    LogType.AUTHENTICATION: "audit-authentication",
    LogType.PERSONAL_ACCESS_TOKEN: "audit-personal-access-token",
    LogType.AVAILABILITY_PROVIDER: "audit-availability-provider",
}


def _only_if(key: str, value: object, *, present: str) -> Schema:
    """Say that a key is there if another one has a value, and only then."""
    return {
        "if": {"properties": {key: {"const": value}}},
        "then": {"required": [present]},
        "else": {"not": {"required": [present]}},
    }


CONDITIONS: Final[Mapping[LogType, list[Schema]]] = {
    LogType.AUTHENTICATION: [_only_if("auth_successful", False, present="auth_failed_reason")],
    LogType.AVAILABILITY_PROVIDER: [
        _only_if("type", "LAMBDA", present="function_arn"),
        _only_if("type", "EWS", present="ews_endpoint"),
        _only_if("availability_event_successful", False, present="error_message"),
    ],
}


def schema(log_type: LogType) -> Schema:
    """Return the schema of one kind of record."""
    values = {**VALUES, **OF_TOKENS} if log_type is LogType.PERSONAL_ACCESS_TOKEN else VALUES
    made: Schema = {
        "title": log_type.value,
        "type": "object",
        "properties": {key: values.get(key, _TEXT) for key in FIELDS[log_type]},
        "required": [key for key in FIELDS[log_type] if key in {*EVERYWHERE, *ALWAYS[log_type]}],
        "additionalProperties": False,
    }
    return made | ({"allOf": CONDITIONS[log_type]} if log_type in CONDITIONS else {})
