"""AWS JSON 1.1 inside API Gateway's REST proxy events (payload version 1.0).

Sources: contracts 7.1; Smithy, "AWS JSON 1.1 protocol"; API Gateway, "Lambda proxy integrations".
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT_TYPE: Final = "application/x-amz-json-1.1"
UNKNOWN_OPERATION: Final = "UnknownOperationException"
SERIALIZATION: Final = "SerializationException"
VALIDATION: Final = "ValidationException"
UNAVAILABLE: Final = "ServiceUnavailable"
ACCESS_DENIED: Final = "AccessDeniedException"


class MalformedRequestError(ValueError):
    """The request is not an AWS JSON request."""


@dataclass(frozen=True, slots=True)
class JsonCall:
    """One request.

    Attributes:
        target: value of ``X-Amz-Target``, ``Service.Operation``; empty if the header is missing.
        body: bytes as sent; empty if there are none.
        request_id: API Gateway's id, which is also returned as ``x-amzn-RequestId``; a client may choose it.
        unique_id: API Gateway's extended request id, which no client chooses.
        source_ip: of the client; empty if the event has none.
        user_agent: empty if the header is missing.
        caller_arn: of the caller whose signature API Gateway checked, such as a user or a session of a role. The ARN of
            a session lacks the role's path. Empty if the event names no caller.
    """

    target: str
    body: bytes
    request_id: str
    unique_id: str = ""
    source_ip: str = ""
    user_agent: str = ""
    caller_arn: str = ""

    def payload(self) -> dict[str, Any]:
        """Return the decoded object; an empty body is an empty object, as with AWS.

        Raises:
            MalformedRequestError: not UTF-8, not JSON, or not an object.
        """
        if not self.body.strip():
            return {}
        try:
            value = json.loads(self.body, parse_constant=_no_constant)
        except (UnicodeDecodeError, ValueError, RecursionError) as error:
            raise MalformedRequestError("the body is not JSON") from error
        if not isinstance(value, dict):
            raise MalformedRequestError("the body is not a JSON object")
        return value


def decode(event: Mapping[str, Any]) -> JsonCall:
    """Read a REST proxy event. Header names are case-insensitive.

    Raises:
        MalformedRequestError: the event says that the body is Base64, but it is not.
    """
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    text = event.get("body") or ""
    try:
        body = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
    except ValueError as error:
        raise MalformedRequestError("the body is not text, or not Base64 as the event says") from error
    context: Mapping[str, Any] = event.get("requestContext") or {}
    identity: Mapping[str, Any] = context.get("identity") or {}
    return JsonCall(
        target=str(headers.get("x-amz-target") or ""),
        body=body,
        request_id=str(context.get("requestId") or ""),
        unique_id=str(context.get("extendedRequestId") or ""),
        source_ip=str(identity.get("sourceIp") or ""),
        user_agent=str(headers.get("user-agent") or ""),
        caller_arn=str(identity.get("userArn") or ""),
    )


def encode(answer: Mapping[str, Any], request_id: str, *, status: int = 200) -> dict[str, Any]:
    """Return a REST proxy response. Members with the value None are left out."""
    body = json.dumps(_without_none(answer), ensure_ascii=False, separators=(",", ":"))
    headers = {"Content-Type": CONTENT_TYPE, "x-amzn-RequestId": request_id}
    return {"statusCode": status, "headers": headers, "body": body, "isBase64Encoded": False}


def encode_error(code: str, text: str, request_id: str, *, status: int = 400) -> dict[str, Any]:
    """Return an error response: clients raise ``__type`` and print ``Message``."""
    return encode({"__type": code, "Message": text}, request_id, status=status)


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [_without_none(inner) for inner in value]
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(name)
