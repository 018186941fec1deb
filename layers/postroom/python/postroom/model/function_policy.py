"""Resource policies of Lambda functions: the permission that WorkMail needed, and that Postroom requires as well.

Our own role could invoke every function of the account. The owner of a function allows it for an organization's rules,
or for its availability service, by naming WorkMail's principal in the function's resource policy (docs/decisions/0014).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from postroom.model import resource_policy
from postroom.model.resource_policy import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    context = {"aws:sourcearn": organization_arn, "aws:sourceaccount": organization_arn and account}
    request = Request(service or principal(region), ACTION, context)
    return not resource_policy.denied(policy, request) and resource_policy.allowed(policy, request)
