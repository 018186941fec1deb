"""A function's configuration, as Lambda's API shows it and UpdateFunctionConfiguration changes it.

Source of members and limits: botocore's model lambda/2015-03-31; of the messages, what Lambda answers.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.functions.function import Function

MAX_VARIABLES_BYTES: Final = 4096
"""All variables of a function together, as JSON. Source: AWS, Lambda quotas, "Environment variables", 4 KB."""

_VARIABLE: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")
"""Source: Lambda API, EnvironmentVariableName."""

_RESERVED: Final = frozenset(
    {
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
    }
)
"""Source: AWS, "Defined runtime environment variables", reserved."""

_CANNOT: Final = "Lambda was unable to configure your environment variables because the environment variables you have"


class WrongValueError(Exception):
    """Lambda would answer InvalidParameterValueException."""


class OtherRevisionError(Exception):
    """Lambda would answer PreconditionFailedException: the function has changed since it was read."""


def configuration(function: Function) -> dict[str, Any]:
    """Return the FunctionConfiguration members that callers read."""
    shown = {
        "FunctionName": function.name,
        "FunctionArn": function.arn,
        "Runtime": function.runtime,
        "Role": function.role,
        "Handler": function.handler,
        "Description": function.description,
        "Timeout": function.timeout_s,
        "MemorySize": function.memory_mb,
        "Version": "$LATEST",
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
        "Environment": {"Variables": dict(function.environment)},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": function.log_group},
        **({"DeadLetterConfig": {"TargetArn": function.dead_letter_arn}} if function.dead_letter_arn else {}),
    }
    digest = hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()
    return {**shown, "RevisionId": str(uuid.UUID(digest[:32]))}


def changed(function: Function, asked: Mapping[str, Any]) -> Function:
    """Return a function as UpdateFunctionConfiguration leaves it; what is not named stays.

    Args:
        asked: members of the request; Environment replaces all variables, as on AWS.

    Raises:
        WrongValueError: a value that Lambda refuses, or a member that has no effect on a laptop.
        OtherRevisionError: RevisionId is not the present one.
    """
    revision = asked.get("RevisionId")
    if revision is not None and revision != configuration(function)["RevisionId"]:
        raise OtherRevisionError(
            "The RevisionId provided does not match the latest RevisionId. Call the GetFunction/GetAlias API to "
            "retrieve the latest RevisionId"
        )
    members: dict[str, Any] = {}
    for name, value in asked.items():
        if name in ("RevisionId", "FunctionName") or value is None:
            continue
        if name == "Runtime" and value == function.runtime:
            continue
        if name not in _MEMBERS:
            raise WrongValueError(f"{name} is not changed by the local stack; change the template and start `up` again")
        member, read = _MEMBERS[name]
        members[member] = read(name, value)
    return replace(function, **members)


def _text(least: int, most: int, pattern: str = r"(?s).*") -> Callable[[str, Any], str]:
    def read(name: str, value: Any) -> str:
        if not isinstance(value, str) or not least <= len(value) <= most or not re.fullmatch(pattern, value):
            raise WrongValueError(
                f"Value '{value}' at '{name}' failed to satisfy constraint: {pattern}, at most {most}"
            )
        return value

    return read


def _number(least: int, most: int) -> Callable[[str, Any], int]:
    def read(name: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise WrongValueError(f"'{name}' value failed to satisfy constraint: Member must be from {least} to {most}")
        return value

    return read


def _variables(name: str, value: Any) -> dict[str, str]:
    given = value.get("Variables", {}) if isinstance(value, dict) else None
    if not isinstance(given, dict) or not all(isinstance(each, str) for each in given.values()):
        raise WrongValueError(f"{name} has no Variables that are text")
    if wrong := sorted(one for one in given if not _VARIABLE.fullmatch(one)):
        raise WrongValueError(f"Variables '{', '.join(wrong)}' failed to satisfy constraint: {_VARIABLE.pattern}")
    if reserved := sorted(_RESERVED & set(given)):
        raise WrongValueError(
            f"{_CANNOT} provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    if len(json.dumps(given, separators=(",", ":"), ensure_ascii=False).encode()) > MAX_VARIABLES_BYTES:
        raise WrongValueError(f"{_CANNOT} provided exceeded the 4KB limit.")
    return dict(given)


def _dead_letters(name: str, value: Any) -> str:
    target = value.get("TargetArn", "") if isinstance(value, dict) else None
    if not isinstance(target, str):
        raise WrongValueError(f"{name} has no TargetArn that is text")
    return target


_MEMBERS: Final[Mapping[str, tuple[str, Callable[[str, Any], Any]]]] = {
    "DeadLetterConfig": ("dead_letter_arn", _dead_letters),
    "Description": ("description", _text(0, 256)),
    "Environment": ("environment", _variables),
    "Handler": ("handler", _text(1, 128, r"[^\s]+")),
    "MemorySize": ("memory_mb", _number(128, 10_240)),
    "Role": ("role", _text(1, 2048, r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+")),
    "Timeout": ("timeout_s", _number(1, 900)),
}
"""Members of the request that change something here: which of a function's, and how they are read."""
