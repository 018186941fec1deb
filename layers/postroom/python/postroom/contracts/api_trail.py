"""Records of calls of the APIs, in CloudTrail's form.

Names of members are lowerCamelCase. What is secret is left out, and what is not there is null, as in WorkMail's own
records. Source: guide, ZH:1937-2045; CloudTrail User Guide, "CloudTrail record contents" and "userIdentity element".
Ours: ``readOnly`` is there only where it is true, as in the guide's records; numbers stay numbers.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from postroom.contracts.audit_log import API_CALL, AuditRecord, record_id
from postroom.model.xml_text import legal_in_xml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.model.audit_targets import Place

VERSION: Final = "1.05"
"""``eventVersion`` of the guide's records."""

WORKMAIL: Final = "workmail.amazonaws.com"
MESSAGE_FLOW: Final = "workmailMessageFlow.amazonaws.com"

UNKNOWN_OPERATION: Final = "UnknownOperation"
"""``eventName`` of a call that names no operation. Ours."""

FAILURE: Final = "InternalFailure"
"""``errorCode`` of a call that met a defect of ours. Source: AWS's common errors."""

MAX_PART_BYTES: Final = 100 * 1024
"""Largest ``requestParameters``, and largest ``responseElements``, in bytes of JSON; a larger one is null. Source:
CloudTrail record contents."""

MAX_TEXT_CHARACTERS: Final = 1024
"""Longest ``userAgent``, ``errorCode`` and ``errorMessage``. Source: CloudTrail record contents, 1 KB."""

READING: Final = ("Describe", "Get", "List", "Test")
"""What the names of operations that change nothing begin with; their answers are not recorded. Source: CloudTrail
record contents, ``responseElements``."""

_ACCESS_KEY: Final = re.compile(r"Credential=([A-Z0-9]{16,128})/")


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call, and how it was answered.

    Attributes:
        source: ``WORKMAIL`` or ``MESSAGE_FLOW``.
        operation: empty if the call names none.
        parameters: without secrets; None if the call could not be read.
        elements: the answer without secrets; None if there is none.
        code: of the error; empty on success.
        text: of the error.
    """

    source: str
    operation: str
    parameters: Mapping[str, Any] | None = None
    elements: Mapping[str, Any] | None = None
    code: str = ""
    text: str = ""


def record_of(call: ApiCall, event: Mapping[str, Any], place: Place, *, now: int, request_id: str) -> AuditRecord:
    """Return the record of a call. It belongs to no organization: the trail outlives them.

    Args:
        call: as it was answered.
        event: the REST proxy event of the call, payload version 1.0.
        place: of the API.
        now: when the call began, in milliseconds since the epoch.
        request_id: used if the event has no request id.
    """
    context: Mapping[str, Any] = event.get("requestContext") or {}
    identity: Mapping[str, Any] = context.get("identity") or {}
    request_id = str(context.get("requestId") or request_id)
    operation = call.operation or UNKNOWN_OPERATION
    reads = operation.startswith(READING)
    unique_id = str(context.get("extendedRequestId") or "")  # a client may choose the other one (contracts.authorizer)
    name = record_id(API_CALL, {"source": call.source, "request": request_id, "unique_id": unique_id})
    error = {"errorCode": call.code[:MAX_TEXT_CHARACTERS], "errorMessage": call.text[:MAX_TEXT_CHARACTERS]}
    fields = {
        "eventVersion": VERSION,
        "userIdentity": user_identity(identity, _header(event, "authorization"), place.account),
        "eventTime": datetime.fromtimestamp(now // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": call.source,
        "eventName": operation,
        "awsRegion": place.region,
        "sourceIPAddress": str(identity.get("sourceIp") or ""),
        "userAgent": str(identity.get("userAgent") or _header(event, "user-agent"))[:MAX_TEXT_CHARACTERS],
        **(error if call.code else {}),
        "requestParameters": _part(call.parameters),
        "responseElements": None if reads or call.code else _part(call.elements),
        "requestID": request_id,
        "eventID": str(uuid.UUID(name)),
        **({"readOnly": True} if reads else {}),
        "eventType": "AwsApiCall",
        "recipientAccountId": place.account,
    }
    return AuditRecord(name, "", API_CALL, now, _clean(fields))


def user_identity(identity: Mapping[str, Any], authorization: str, account: str) -> dict[str, Any]:
    """Return CloudTrail's ``userIdentity`` of a caller.

    Args:
        identity: ``requestContext.identity`` of the event; of a caller with a signature it has ARN and id.
        authorization: value of the Authorization header, whose signature names the access key.
        account: used if the event names no account.
    """
    arn = str(identity.get("userArn") or "")
    named = _ACCESS_KEY.search(authorization)
    who = {
        "type": "Unknown",
        "principalId": str(identity.get("caller") or identity.get("user") or ""),
        "arn": arn,
        "accountId": str(identity.get("accountId") or account),
        "accessKeyId": str(identity.get("accessKey") or (named.group(1) if named else "")),
        **_kind(arn, str(identity.get("caller") or "")),
    }
    return {name: value for name, value in who.items() if value}


def _kind(arn: str, caller: str) -> dict[str, Any]:
    """Return what the ARN of a caller tells: its type, and its name or that of its role."""
    account, _, resource = arn.partition(":")[2].rpartition(":")
    kind, _, name = resource.partition("/")
    match kind:
        case "user":
            return {"type": "IAMUser", "userName": name.rpartition("/")[2]}
        case "assumed-role":
            issuer = {
                "type": "Role",
                "principalId": caller.partition(":")[0],
                "accountId": account.rpartition(":")[2],
                "userName": name.partition("/")[0],
            }
            return {"type": "AssumedRole", "sessionContext": {"sessionIssuer": issuer}}
        case "federated-user":
            return {"type": "FederatedUser"}
        case "root":
            return {"type": "Root"}
        case _:
            return {}


def without(value: Any, secret: Sequence[Sequence[str]] = ()) -> Any:
    """Return JSON with lowerCamelCase names, without secrets and without members that are None.

    Args:
        value: an object of an API, or part of one.
        secret: paths of the members to leave out; lists on the way add nothing to a path.
    """
    match value:
        case dict():
            kept = {}
            for name, inner in value.items():
                below = [path[1:] for path in secret if path[0] == name]
                if inner is not None and () not in below:
                    kept[f"{name[:1].lower()}{name[1:]}"] = without(inner, below)
            return kept
        case list() | tuple():
            return [without(inner, secret) for inner in value]
        case _:
            return value


def _header(event: Mapping[str, Any], wanted: str) -> str:
    headers: Mapping[str, Any] = event.get("headers") or {}
    return next((str(value) for name, value in headers.items() if name.lower() == wanted), "")


def _part(value: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return parameters or elements; None for an empty object and for one that is too large."""
    if not value:
        return None
    return value if len(json.dumps(value).encode()) <= MAX_PART_BYTES else None


def _clean(value: Any) -> Any:
    """Return a value that SQS can carry."""
    match value:
        case str():
            return legal_in_xml(value)
        case dict():
            return {legal_in_xml(name): _clean(inner) for name, inner in value.items()}
        case list():
            return [_clean(inner) for inner in value]
        case _:
            return value
