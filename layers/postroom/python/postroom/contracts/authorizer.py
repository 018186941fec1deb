"""A Lambda authorizer of a REST API, kind REQUEST: its event, its answer, and what the API's functions get of it.

An answer that denies becomes the gateway response ACCESS_DENIED, which template.yaml makes a 401 with WWW-Authenticate:
API Gateway renames that header of functions' own answers (docs/decisions/0030). API Gateway keeps an answer for as long
as the template says, under the Authorization header, so it allows every path of the API.

Source: API Gateway, "Input to an API Gateway Lambda authorizer" and "Output from an API Gateway Lambda authorizer":
values of the context are strings, numbers or truth values.
"""

from __future__ import annotations

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
}
"""Members of the context, by name; ours. Values are percent-encoded, because names may have any characters."""


def authorization(event: Mapping[str, Any]) -> str:
    """Return the Authorization header of an authorizer's event; empty if it has none."""
    headers: Mapping[str, Any] = event.get("headers") or {}
    return next((str(value) for name, value in headers.items() if name.lower() == "authorization"), "")


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
        "principalId": caller.user_id if caller else "nobody",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
    }
    if caller:
        allowed["context"] = {name: quote(getattr(caller, field), safe="@") for name, field in _MEMBERS.items()}
    return allowed


def caller_of(event: Mapping[str, Any]) -> Caller | None:
    """Return the caller in a proxy event behind the authorizer; None if the event passed none."""
    context = (event.get("requestContext") or {}).get("authorizer") or {}
    if not _MEMBERS.keys() <= context.keys():
        return None
    return Caller(**{field: unquote(str(context[name])) for name, field in _MEMBERS.items()})
