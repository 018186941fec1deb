"""Whether a customer's role lets functions of ours assume it for an organization.

A role for WorkMail's export trusts a service principal, with conditions on aws:SourceAccount and aws:SourceArn. Where
another role assumes it there are no such keys; there is sts:ExternalId, which is the organization's ARN (ours).
Source: guide, ZH:7245-7285; IAM User Guide, "The confused deputy problem".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from postroom.model.resource_policy import Request, allowed, denied

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ACTION: Final = "sts:AssumeRole"


def refuses(policy: Mapping[str, Any], role_arn: str, external_id: str) -> str | None:
    """Return why a role certainly or possibly cannot be assumed, as a clause; None if it certainly can.

    Args:
        policy: the role's trust policy.
        role_arn: the role that will assume it; the policies of that role allow the call.
        external_id: with which it will be assumed.
    """
    request = _request(role_arn, external_id)
    if denied(policy, request):
        return "denies Postroom to assume it, or may deny it"
    return None if allowed(policy, request) else "does not trust Postroom"


def statement(role_arns: Sequence[str], external_id: str) -> dict[str, Any]:
    """Return the statement of a trust policy that lets roles assume the policy's role for one organization."""
    return {
        "Effect": "Allow",
        "Principal": {"AWS": list(role_arns)},
        "Action": ACTION,
        "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
    }


def _request(role_arn: str, external_id: str) -> Request:
    _, partition, _, _, account, _ = role_arn.split(":", 5)
    return Request(
        service="",
        action=ACTION,
        context={
            "sts:externalid": external_id,
            "aws:principalarn": role_arn,
            "aws:principalaccount": account,
            "aws:sourcearn": None,
            "aws:sourceaccount": None,
        },
        principals=(role_arn, account, f"arn:{partition}:iam::{account}:root"),
    )
