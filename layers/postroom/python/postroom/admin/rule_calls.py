"""Rules that call a customer's function: which members are valid, and whether the function allows the call.

Source: guide, "Configuring AWS Lambda for WorkMail" (ZH:3934-3988); for what it does not say, docs/parity.md.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from postroom.contracts.admin.exceptions import InvalidParameterException
from postroom.model.function_policy import allows, permission_command
from postroom.model.rules import ActionType, LambdaCall

if TYPE_CHECKING:
    from postroom.admin.context import AdminSettings, Context
    from postroom.contracts.admin.models import requests
    from postroom.model.records import Organization
    from postroom.model.rules import Rule

_ARN: Final = re.compile(
    r"arn:(?P<partition>[a-z-]+):lambda:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12})"
    r":function:[a-zA-Z0-9_-]{1,64}(:(?P<qualifier>\$LATEST|[a-zA-Z0-9_-]{1,128}))?"
)
"""ARN of a function, or of one of its versions or aliases. Source: Lambda's API reference, AddPermission."""

_SYNCHRONOUS_ONLY: Final = ("FallbackAction", "RuleTimeoutMinutes")


def from_request(
    action: requests.InboundMailFlowAction | requests.OutboundMailFlowAction, settings: AdminSettings
) -> LambdaCall | None:
    """Return the call of a rule's action; None for an action that calls no function.

    Raises:
        InvalidParameterException: the members are not valid together, or the ARN names no function of this account and
            Region.
    """
    given = action.get("Lambda")
    if given is None:
        if action["Type"] == ActionType.RUN_LAMBDA:
            raise InvalidParameterException("RUN_LAMBDA needs Lambda: the function and how it is called.")
        return None
    if action["Type"] != ActionType.RUN_LAMBDA:
        raise InvalidParameterException(f"Lambda goes with RUN_LAMBDA, not with {action['Type']}.")
    arn = _local_arn(given["FunctionArn"], settings)
    if not given["Synchronous"]:
        for member in _SYNCHRONOUS_ONLY:
            if member in given:
                raise InvalidParameterException(
                    f"{member} goes with Synchronous: an asynchronously called function returns no answer."
                )
        return LambdaCall(arn, synchronous=False)
    for member in _SYNCHRONOUS_ONLY:
        if member not in given:
            raise InvalidParameterException(f"A function that is called synchronously needs {member}.")
    fallback = ActionType(given["FallbackAction"])
    return LambdaCall(arn, synchronous=True, fallback=fallback, timeout_minutes=given["RuleTimeoutMinutes"])


def _local_arn(arn: str, settings: AdminSettings) -> str:
    """Return the ARN if it names a function of this account and Region. Source: guide, ZH:3954."""
    here = f"arn:{settings.partition}:lambda:{settings.region}:{settings.account}:function:"
    found = _ARN.fullmatch(arn)
    if found is None:
        raise InvalidParameterException(
            f"FunctionArn: {arn!r} is not the ARN of a function: {here}NAME, optionally with :ALIAS or :VERSION."
        )
    if not arn.startswith(here):
        raise InvalidParameterException(
            f"FunctionArn: {arn} is of another account or Region. Rules call functions of their own: {here}NAME."
        )
    if found["qualifier"] == "$LATEST":
        # no permission can be given for it: Lambda refuses AddPermission for $LATEST
        raise InvalidParameterException(
            "FunctionArn: leave out :$LATEST; an ARN without a qualifier means that version."
        )
    return arn


def check(rule: Rule) -> None:
    """Check a rule's call against its patterns.

    Raises:
        InvalidParameterException: the call is synchronous, and the rule is not for every recipient. Source: guide,
            ZH:3987.
    """
    call = rule.action.call
    if call is not None and call.synchronous and [pattern.text for pattern in rule.recipient_patterns] != ["*"]:
        raise InvalidParameterException(
            "RecipientPatterns: a rule that calls a function synchronously has * as its only pattern."
        )


def check_permission(context: Context, organization: Organization, rule: Rule) -> None:
    """Check with Lambda that the function exists and allows calls of this organization's rules.

    Raises:
        InvalidParameterException: it does not exist, or does not allow them; the text has the command that would.
        StoreUnavailableError: Lambda did not answer.
    """
    call = rule.action.call
    if call is None:
        return
    policy = context.function_policies.policy(call.function_arn)
    if policy is None:
        raise InvalidParameterException(f"FunctionArn: there is no function {call.function_arn}.")
    region = context.settings.region
    if not allows(policy, organization_arn=organization.arn, region=region, account=context.settings.account):
        command = permission_command(call.function_arn, region, organization.arn)
        raise InvalidParameterException(
            f"FunctionArn: {call.function_arn} does not allow calls of this organization's rules. Missing: {command}"
        )
