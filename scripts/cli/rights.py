"""Which right is missing when AWS denies a call: the action and the resource, in one line.

Most services name both in their message ("… is not authorized to perform: ACTION on resource: ARN because …"). S3 does
so only sometimes, and KMS hides whether a key exists; then the table here says what the operation needs.
Source of the form: AWS, IAM user guide, "Troubleshoot access denied error messages".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from botocore.exceptions import ClientError
    from botocore.session import Session

DENIED: Final = frozenset(
    {
        "403",  # of HEAD, which has no body
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "AuthorizationErrorException",
        "Forbidden",
        "UnauthorizedOperation",
    }
)
"""Codes of errors with which services deny a call. Source: "Common errors" in the reference of each service."""

NEEDED: Final[Mapping[str, str]] = {
    "DescribeStacks": "cloudformation:DescribeStacks",
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "ListObjectsV2": "s3:ListBucket",
    "PutObject": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
    "Decrypt": "kms:Decrypt",
    "GenerateDataKey": "kms:GenerateDataKey",
    "GetPublicKey": "kms:GetPublicKey",
}
"""By operation of botocore: the action, where the service may not name it. Source: Service Authorization Reference."""

_SAID: Final = re.compile(
    r"is not authorized to perform: (?P<action>[\w-]+:\w+)"
    r"(?: on resource: \"?(?P<resource>[^\s\"]+)\"?)?(?: (?P<why>(?:because|with) .+))?",
    re.DOTALL,
)


def missing(error: BaseException) -> str:
    """Return the missing right, from an error or the errors that it was raised from; empty if no call was denied."""
    return next((_of(denied) for denied in _denials(error)), "")


def _denials(error: BaseException | None) -> Iterator[ClientError]:
    from botocore.exceptions import ClientError

    while error is not None:
        if isinstance(error, ClientError) and str(error.response.get("Error", {}).get("Code", "")) in DENIED:
            yield error
        error = error.__cause__


def _of(error: ClientError) -> str:
    message = " ".join(str(error.response["Error"].get("Message", "")).split())
    said = _SAID.search(message)
    if said is None:
        action = NEEDED.get(error.operation_name, f"the action of {error.operation_name}")
        return f"not allowed: {action}" + (f" ({message})" if message else "")
    resource = f" on {said['resource'].rstrip('.')}" if said["resource"] else ""
    why = f" ({said['why'].rstrip('.')})" if said["why"] else ""
    return f"not allowed: {said['action']}{resource}{why}"


def name_resources(session: Session) -> None:
    """Let the clients of a session name the object or key of a denied call whose answer does not."""
    session.register("before-parameter-build.*.*", _remember)
    session.register("after-call.*.*", _name_resource)


def _remember(**call: Any) -> None:
    call["context"]["postroom_params"] = call["params"]


def _name_resource(**call: Any) -> None:
    error, params = call["parsed"].get("Error", {}), call["context"].get("postroom_params", {})
    action = NEEDED.get(call["model"].name)
    if action is None or error.get("Code") not in DENIED or _SAID.search(error.get("Message", "")):
        return
    if resource := _resource(params):
        error["Message"] = f"the caller is not authorized to perform: {action} on resource: {resource}"


def _resource(params: Mapping[str, object]) -> str:
    if "Bucket" in params:
        return f"arn:aws:s3:::{params['Bucket']}" + (f"/{params['Key']}" if "Key" in params else "")
    return str(params.get("KeyId", ""))
