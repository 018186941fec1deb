"""Evaluates resource policies, and trust policies of roles, for requests of one service principal or one role.

Only what is certain counts: a permission with a condition that cannot be evaluated here does not, a denial with one
does. Source: IAM User Guide, "Policy evaluation logic", "Condition operators".
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from postroom.model.wildcards import like

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Request:
    """What a service asks of a resource.

    Attributes:
        service: the service principal; empty for a role.
        action: as ``s3:PutObject``, in any case.
        context: values of condition keys, which are in lower case. None: the request does not have the key. A key that
            is missing here is not known.
        resource: its ARN; None for a policy that is about its own resource only, so that ``Resource`` is not read.
        principals: what names a role among ``AWS`` principals: its ARN, its account, and the ARN of the account's root.
    """

    service: str
    action: str
    context: Mapping[str, str | None]
    resource: str | None = None
    principals: tuple[str, ...] = ()


def denied(policy: Mapping[str, Any], request: Request) -> bool:
    """Say whether a statement denies the request, or may."""
    return any(
        statement.get("Effect") == "Deny" and _holds(statement, request) is not False
        for statement in _applying(policy, request)
    )


def allowed(policy: Mapping[str, Any], request: Request) -> bool:
    """Say whether a statement certainly allows the request; denials are not looked at."""
    return any(
        statement.get("Effect") == "Allow" and _holds(statement, request) is True
        for statement in _applying(policy, request)
    )


def may_allow(policy: Mapping[str, Any], request: Request) -> bool:
    """Say whether a statement allows the request, or may; denials are not looked at."""
    return any(
        statement.get("Effect") == "Allow" and _holds(statement, request) is not False
        for statement in _applying(policy, request)
    )


def statements(policy: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the statements of a policy that are objects."""
    return (each for each in _several(policy.get("Statement")) if isinstance(each, dict))


def names_service(statement: Mapping[str, Any], service: str) -> bool:
    """Say whether a statement names a service as its principal, by itself and not with all others."""
    principal = statement.get("Principal")
    return isinstance(principal, dict) and service in _several(principal.get("Service"))


def names_role(statement: Mapping[str, Any], role_arn: str) -> bool:
    """Say whether a statement names a role as its principal, by itself and not with its account or all others."""
    principal = statement.get("Principal")
    return isinstance(principal, dict) and role_arn in _several(principal.get("AWS"))


def covers_resource(statement: Mapping[str, Any], resource: str) -> bool:
    """Say whether a statement is about a resource; in a denial also by exclusion of others."""
    if "NotResource" in statement and statement.get("Effect") == "Deny":
        return not _any_like(resource, statement["NotResource"])
    return _any_like(resource, statement.get("Resource"))


def _applying(policy: Mapping[str, Any], request: Request) -> Iterator[Mapping[str, Any]]:
    return (each for each in statements(policy) if _applies(each, request))


def _applies(statement: Mapping[str, Any], request: Request) -> bool:
    """Say whether a statement is about the principal, action and resource; in a denial also by exclusion of others."""
    action, named = _covers(statement.get("Action"), request), _names(statement.get("Principal"), request)
    if statement.get("Effect") == "Deny":
        action = action or ("NotAction" in statement and not _covers(statement["NotAction"], request))
        named = named or ("NotPrincipal" in statement and not _names(statement["NotPrincipal"], request))
    return action and named and (request.resource is None or covers_resource(statement, request.resource))


def _covers(actions: object, request: Request) -> bool:
    return any(like(request.action.lower(), str(action).lower()) for action in _several(actions))


def _names(principals: object, request: Request) -> bool:
    """Say whether principals include the service or role; ``"*"`` and ``{"AWS": "*"}`` include all."""
    kinds = principals.items() if isinstance(principals, dict) else [("", principals)]
    own = {"Service": (request.service,), "AWS": request.principals}
    return any(one == "*" or one in own.get(kind, ()) for kind, ones in kinds for one in _several(ones))


def _any_like(text: str, patterns: object) -> bool:
    return any(like(text, str(pattern)) for pattern in _several(patterns))


def _holds(statement: Mapping[str, Any], request: Request) -> bool | None:
    """Say whether a statement's conditions are met; None: not known.

    A condition on a key that the request does not have fails, unless it is negated or has ``IfExists``.
    """
    conditions = statement.get("Condition") or {}
    if not (isinstance(conditions, dict) and all(isinstance(wanted, dict) for wanted in conditions.values())):
        return None
    verdicts = [
        _met(test.lower(), key.lower(), values, request.context)
        for test, wanted in conditions.items()
        for key, values in wanted.items()
    ]
    if False in verdicts:
        return False
    return None if None in verdicts else True


def _met(test: str, key: str, values: object, context: Mapping[str, str | None]) -> bool | None:
    plain = test.removesuffix("ifexists")
    negated = plain in _NEGATED
    match = _OPERATORS.get(_NEGATED.get(plain, plain))
    if match is None or key not in context:
        return None
    actual = context[key]
    if actual is None:
        return negated or test.endswith("ifexists")
    return any(match(actual, str(value)) for value in _several(values)) is not negated


def _several(value: object) -> Iterable[Any]:
    return () if value is None else value if isinstance(value, list) else (value,)


def _arn_like(text: str, pattern: str) -> bool:
    """Compare the parts of an ARN; a ``*`` does not match across its first five colons."""
    parts, patterns = text.split(":", 5), pattern.split(":", 5)
    return len(parts) == len(patterns) and all(map(like, parts, patterns))


def _same_case_aside(text: str, value: str) -> bool:
    return text.casefold() == value.casefold()


_OPERATORS: Final[dict[str, Callable[[str, str], bool]]] = {
    "arnlike": _arn_like,
    "arnequals": _arn_like,
    "stringlike": like,
    "stringequals": operator.eq,
    "stringequalsignorecase": _same_case_aside,
    "bool": _same_case_aside,
}

_NEGATED: Final = {
    "arnnotlike": "arnlike",
    "arnnotequals": "arnequals",
    "stringnotlike": "stringlike",
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
}
