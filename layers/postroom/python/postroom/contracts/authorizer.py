"""A Lambda authorizer of a REST API, kind REQUEST: its event, its answer, and what the API's functions get of it.

An answer that denies becomes the gateway response ACCESS_DENIED, which template.yaml makes a 401 with WWW-Authenticate:
API Gateway renames that header of functions' own answers (docs/decisions/0030). API Gateway keeps an answer for as long
as the template says, under the Authorization header, so it allows every path of the API.

Source: API Gateway, "Input to an API Gateway Lambda authorizer" and "Output from an API Gateway Lambda authorizer":
values of the context are strings, numbers or truth values; "Variables for access logging": clients can override
``requestId``, and ``extendedRequestId`` is unique.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

from postroom.model.callers import Caller

if TYPE_CHECKING:
    from collections.abc import Mapping

_MEMBERS: Final = {
    "organizationId": "organization_id",
    "userId": "user_id",
    "email": "email",
    "userName": "user_name",
    "impersonationRoleId": "impersonation_role_id",
    "personalAccessTokenId": "personal_access_token_id",
}
"""Members of the context, by name; ours. Those without a value are absent. Values are percent-encoded: names may have
any characters."""

_SCOPES: Final = "scopes"
"""Member of the context: a token's scopes with commas between them. Ours."""


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """A request that an authorizer is asked about. It has no representation, so that no log has the header.

    Attributes:
        authorization: the Authorization header; empty if there is none.
        path: lower-case.
        source_ip: address of the client; empty if the event has none.
        user_agent: empty if the request has none.
        request_id: API Gateway's, the same as in the event of the function behind the authorizer; a client may choose
            it by X-Amzn-RequestId.
        unique_id: API Gateway's extended request id, which no client chooses.
    """

    authorization: str
    path: str
    source_ip: str
    user_agent: str
    request_id: str
    unique_id: str


def read(event: Mapping[str, Any]) -> Asked:
    """Read an authorizer's event."""
    headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    context: Mapping[str, Any] = event.get("requestContext") or {}
    return Asked(
        authorization=headers.get("authorization", ""),
        path=str(event.get("path") or "").lower(),
        source_ip=str((context.get("identity") or {}).get("sourceIp") or ""),
        user_agent=headers.get("user-agent", ""),
        request_id=str(context.get("requestId") or ""),
        unique_id=str(context.get("extendedRequestId") or ""),
    )


def answer(event: Mapping[str, Any], caller: Caller | None) -> dict[str, Any]:
    """Return an authorizer's answer: every path of the API for a caller, none without one."""
    # arn:<partition>:execute-api:<region>:<account>:<API>/<stage>/<method>/<path>
    api, stage, *_ = str(event["methodArn"]).split("/")
    statement = {
        "Action": "execute-api:Invoke",
        "Effect": "Allow" if caller else "Deny",
        "Resource": f"{api}/{stage}/*",
    }
    allowed: dict[str, Any] = {
        "principalId": (caller.user_id or caller.impersonation_role_id) if caller else "nobody",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
    }
    if caller:
        texts = {name: getattr(caller, field) for name, field in _MEMBERS.items()} | {_SCOPES: ",".join(caller.scopes)}
        allowed["context"] = {name: quote(text, safe="@,") for name, text in texts.items() if text}
    return allowed


def caller_of(event: Mapping[str, Any]) -> Caller | None:
    """Return the caller in a proxy event behind the authorizer; None if the event passed none."""
    context = (event.get("requestContext") or {}).get("authorizer") or {}
    texts = {name: unquote(str(context.get(name, ""))) for name in (*_MEMBERS, _SCOPES)}
    if not texts["organizationId"] or not (texts["userId"] or texts["impersonationRoleId"]):
        return None
    scopes = tuple(each for each in texts.pop(_SCOPES).split(",") if each)
    return Caller(**{_MEMBERS[name]: text for name, text in texts.items()}, scopes=scopes)
