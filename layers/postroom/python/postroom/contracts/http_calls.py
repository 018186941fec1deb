"""Requests of mail clients inside API Gateway's REST proxy events (payload version 1.0), and their answers.

Every path of two segments reaches the function as ``/{service}/{file}``. Clients write paths in different cases, and
API Gateway compares them exactly: the parts are lower-case here.
Source: API Gateway, "Set up Lambda proxy integrations in API Gateway".
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from postroom.contracts import authorizer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.model.callers import Caller


PASSED_ON: Final = "X-Postroom-Passed-On"
"""Header field of requests that Postroom sends to EWS servers on behalf of a client of its own. Its front asks no
provider for such a request: two organizations whose domains name each other would ask each other for ever. Ours."""


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One request.

    Attributes:
        place: service and file, lower-case: ``ews/exchange.asmx``.
        root: URL before the place, as the client wrote it, without a slash at its end.
        caller: None if the request passed no authorizer.
        origin: IP address of the client.
        request_id: API Gateway's; a client may choose it.
        unique_id: API Gateway's extended request id, which no client chooses.
        user_agent: empty if the request names none.
        is_passed_on: whether Postroom sent the request, for a client of its own.
    """

    method: str
    place: str
    root: str
    body: bytes
    caller: Caller | None
    origin: str | None
    request_id: str
    unique_id: str = ""
    user_agent: str = ""
    is_passed_on: bool = False


def decode(event: Mapping[str, Any]) -> HttpCall:
    """Read a REST proxy event. A body that is not of the form that the event says is empty."""
    context: Mapping[str, Any] = event.get("requestContext") or {}
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    place = _place(event)
    return HttpCall(
        method=str(event.get("httpMethod") or "").upper(),
        place=place.lower(),
        root=_root(headers, context, place),
        body=_body(event),
        caller=authorizer.caller_of(event),
        origin=(context.get("identity") or {}).get("sourceIp"),
        request_id=str(context.get("requestId") or ""),
        unique_id=str(context.get("extendedRequestId") or ""),
        user_agent=str(headers.get("user-agent") or ""),
        is_passed_on=PASSED_ON.lower() in headers,
    )


def _place(event: Mapping[str, Any]) -> str:
    parts: Mapping[str, Any] = event.get("pathParameters") or {}
    return f"{parts.get('service', '')}/{parts.get('file', '')}"


def _root(headers: Mapping[str, Any], context: Mapping[str, Any], place: str) -> str:
    """Return scheme, host and what stands before the place: the stage, or a custom domain's base path."""
    scheme = "http" if headers.get("x-forwarded-proto") == "http" else "https"
    path = str(context.get("path") or "").removesuffix(place).rstrip("/")
    return f"{scheme}://{context.get('domainName') or ''}{path}"


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    try:
        return base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else str(text).encode()
    except ValueError:
        return b""


def encode(status: int, body: bytes, content_type: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return a REST proxy response; ``body`` is UTF-8."""
    return {
        "statusCode": status,
        "headers": {"Content-Type": content_type, **headers},
        "body": body.decode(),
        "isBase64Encoded": False,
    }
