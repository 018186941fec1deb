"""Resource policies of Lambda functions: the permission that WorkMail needed, and that Postroom requires as well.

Our own role could invoke every function of the account. The owner of a function allows it for an organization's rules,
or for its availability service, by naming WorkMail's principal in the function's resource policy (docs/decisions/0014).
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

ACTION: Final = "lambda:invokefunction"


def principal(region: str) -> str:
    """Return the service principal of WorkMail's flow rules. Source: guide, ZH:3960."""
    return f"workmail.{region}.amazonaws.com"


def availability_principal(region: str) -> str:
    """Return the service principal of WorkMail's availability service. Source: guide, ZH:3238-3262."""
    return f"availability.workmail.{region}.amazonaws.com"


def permission_command(function: str, region: str, organization_arn: str) -> str:
    """Return the AWS CLI command that grants the permission. Source: guide, ZH:3957-3963.

    Ours: the statement's id contains the organization's id; otherwise a second organization's would be a duplicate.
    """
    return _command(function, region, "AllowWorkMail", principal(region), organization_arn)


def availability_command(function_arn: str, region: str, organization_arn: str) -> str:
    """Return the AWS CLI command that lets an organization's availability service call a function.

    The function may be in another Region than the organization, whose Region is ``region``. Source: guide,
    ZH:3238-3262.
    """
    account, name = organization_arn.split(":")[4], availability_principal(region)
    command = _command(function_arn, function_arn.split(":")[3], "AllowWorkMailAvailability", name, organization_arn)
    return f"{command} --source-account {account}"


def _command(function: str, region: str, statement: str, service: str, organization_arn: str) -> str:
    return (
        f"aws --region {region} lambda add-permission --function-name {function} "
        f"--statement-id {statement}-{organization_arn.rpartition('/')[2]} "
        f"--action lambda:InvokeFunction --principal {service} --source-arn {organization_arn}"
    )


def allows(
    policy: Mapping[str, Any], *, organization_arn: str | None, region: str, account: str, service: str = ""
) -> bool:
    """Say whether a resource policy certainly allows a service, for an organization, to invoke the function.

    A permission with a condition that cannot be evaluated here does not count. A denial with one does.

    Args:
        policy: as GetPolicy returns it, read from JSON.
        organization_arn: ``None`` for an anonymous invocation, which has no SourceArn and no SourceAccount: every
            condition on these then fails.
        region: that of the organization.
        account: that of the organization.
        service: the principal that calls; unless given, that of flow rules.
    """
    ours = service or principal(region)
    statements = policy.get("Statement")
    allowed = False
    for statement in statements if isinstance(statements, list) else [statements]:
        if not (isinstance(statement, dict) and _applies(statement, ours)):
            continue
        holds = _holds(statement.get("Condition") or {}, organization_arn, account)
        if statement.get("Effect") == "Deny" and holds is not False:
            return False
        allowed = allowed or (statement.get("Effect") == "Allow" and holds is True)
    return allowed


def _applies(statement: Mapping[str, Any], ours: str) -> bool:
    """Say whether a statement is about our principal and action; in a denial also by exclusion of others."""
    action, named = _covers(statement.get("Action")), _names(statement.get("Principal"), ours)
    if statement.get("Effect") == "Deny":
        action = action or ("NotAction" in statement and not _covers(statement["NotAction"]))
        named = named or ("NotPrincipal" in statement and not _names(statement["NotPrincipal"], ours))
    return action and named


def _covers(actions: object) -> bool:
    return any(_like(ACTION, str(action).lower()) for action in _several(actions))


def _names(principals: object, ours: str) -> bool:
    """Say whether principals include ours; ``"*"`` and ``{"AWS": "*"}`` include all."""
    kinds = principals.items() if isinstance(principals, dict) else [("", principals)]
    return any(one == "*" or (kind == "Service" and one == ours) for kind, ones in kinds for one in _several(ones))


def _holds(conditions: object, organization_arn: str | None, account: str) -> bool | None:
    """Say whether conditions are met for an organization's calls; ``None``: not known.

    Without an organization the two keys are absent from the request: a condition on an absent key fails, and with
    ``IfExists`` holds. Source: IAM User Guide, "Condition operators".
    """
    context = {"aws:sourcearn": organization_arn, "aws:sourceaccount": organization_arn and account}
    if not (isinstance(conditions, dict) and all(isinstance(wanted, dict) for wanted in conditions.values())):
        return None
    verdicts: list[bool | None] = []
    for test, wanted in conditions.items():
        match = _OPERATORS.get(test.lower().removesuffix("ifexists"))
        for key, values in wanted.items():
            actual = context.get(key.lower())
            if match is not None and actual is None and key.lower() in context:
                verdicts.append(test.lower().endswith("ifexists"))
            elif match is None or actual is None:
                verdicts.append(None)
            else:
                verdicts.append(any(match(actual, str(value)) for value in _several(values)))
    if False in verdicts:
        return False
    return None if None in verdicts else True


def _several(value: object) -> Iterable[Any]:
    return () if value is None else value if isinstance(value, list) else (value,)


def _like(text: str, pattern: str) -> bool:
    """Compare as IAM does: ``*`` is any text, ``?`` one character.

    Text between two stars is matched at its first place only, without backtracking. The author of a policy chooses the
    pattern, and with backtracking each star would multiply the time of the search.
    """
    first, *rest = (re.escape(part).replace(r"\?", ".") for part in pattern.split("*"))
    between = "".join(f"(?>.*?{part})" for part in rest[:-1] if part)
    expression = first + between + "".join(f".*{part}" for part in rest[-1:])
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _arn_like(text: str, pattern: str) -> bool:
    """Compare the parts of an ARN; a ``*`` does not match across its first five colons."""
    parts, patterns = text.split(":", 5), pattern.split(":", 5)
    return len(parts) == len(patterns) and all(map(_like, parts, patterns))


_OPERATORS: Final[dict[str, Callable[[str, str], bool]]] = {
    "arnlike": _arn_like,
    "arnequals": _arn_like,
    "stringlike": _like,
    "stringequals": operator.eq,
}
