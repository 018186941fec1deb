"""Who a Lambda function lets invoke it: what WorkMail needed, and so what we ask for.

Our own role could invoke any function of the account. That a function's resource policy names WorkMail's principal is
how its owner says that this organization's rules may (contracts.md 3.2; architecture 4.9).
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


def permission_command(function: str, region: str, organization_arn: str) -> str:
    """Return the AWS CLI's command that gives the permission. Source: guide, ZH:3957-3963.

    Ours: the statement's id names the organization, or a second one's would be refused as a duplicate.
    """
    statement = f"AllowWorkMail-{organization_arn.rpartition('/')[2]}"
    return (
        f"aws --region {region} lambda add-permission --function-name {function} --statement-id {statement} "
        f"--action lambda:InvokeFunction --principal {principal(region)} --source-arn {organization_arn}"
    )


def allows(policy: Mapping[str, Any], *, organization_arn: str, region: str, account: str) -> bool:
    """Return whether a resource policy surely lets an organization's rules invoke the function.

    A condition that we cannot judge makes a permission worthless and keeps a denial in force.

    Args:
        policy: as GetPolicy gives it, read from JSON.
    """
    statements = policy.get("Statement")
    allowed = False
    for statement in statements if isinstance(statements, list) else [statements]:
        if not (isinstance(statement, dict) and _is_about_us(statement, region)):
            continue
        holds = _holds(statement.get("Condition") or {}, organization_arn, account)
        if statement.get("Effect") == "Deny" and holds is not False:
            return False
        allowed = allowed or (statement.get("Effect") == "Allow" and holds is True)
    return allowed


def _is_about_us(statement: Mapping[str, Any], region: str) -> bool:
    """Say whether a statement names us, or, in a denial, leaves out others and not us."""
    action, us = _covers(statement.get("Action")), _names(statement.get("Principal"), region)
    if statement.get("Effect") == "Deny":
        action = action or ("NotAction" in statement and not _covers(statement["NotAction"]))
        us = us or ("NotPrincipal" in statement and not _names(statement["NotPrincipal"], region))
    return action and us


def _covers(actions: object) -> bool:
    return any(_like(ACTION, str(action).lower()) for action in _several(actions))


def _names(principals: object, region: str) -> bool:
    """Say whether principals are we or everybody, which ``"*"`` and ``{"AWS": "*"}`` both mean."""
    kinds = principals.items() if isinstance(principals, dict) else [("", principals)]
    return any(
        one == "*" or (kind == "Service" and one == principal(region)) for kind, ones in kinds for one in _several(ones)
    )


def _holds(conditions: object, organization_arn: str, account: str) -> bool | None:
    """Say whether conditions hold for an organization's rules; ``None``: we cannot judge."""
    facts = {"aws:sourcearn": organization_arn, "aws:sourceaccount": account}
    if not (isinstance(conditions, dict) and all(isinstance(wanted, dict) for wanted in conditions.values())):
        return None
    verdicts: list[bool | None] = []
    for test, wanted in conditions.items():
        match = _OPERATORS.get(test.lower().removesuffix("ifexists"))
        for key, values in wanted.items():
            fact = facts.get(key.lower())
            if match is None or fact is None:
                verdicts.append(None)
            else:
                verdicts.append(any(match(fact, str(value)) for value in _several(values)))
    if False in verdicts:
        return False
    return None if None in verdicts else True


def _several(value: object) -> Iterable[Any]:
    return () if value is None else value if isinstance(value, list) else (value,)


def _like(text: str, pattern: str) -> bool:
    """Compare as IAM does: ``*`` is anything, ``?`` one character.

    What stands between two stars is found once, where it comes first, and not looked for again further on: whoever
    writes a policy writes the pattern, and each star of a search that goes back multiplies its time.
    """
    first, *rest = (re.escape(part).replace(r"\?", ".") for part in pattern.split("*"))
    between = "".join(f"(?>.*?{part})" for part in rest[:-1] if part)
    expression = first + between + "".join(f".*{part}" for part in rest[-1:])
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _arn_like(text: str, pattern: str) -> bool:
    """Compare part by part, so that a ``*`` does not reach over a colon of an ARN's first five."""
    parts, patterns = text.split(":", 5), pattern.split(":", 5)
    return len(parts) == len(patterns) and all(map(_like, parts, patterns))


_OPERATORS: Final[dict[str, Callable[[str, str], bool]]] = {
    "arnlike": _arn_like,
    "arnequals": _arn_like,
    "stringlike": _like,
    "stringequals": operator.eq,
}
