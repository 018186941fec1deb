"""Whether a customer's role lets functions of ours assume it for an organization, and for no other one.

A role for WorkMail's export trusts a service principal, with conditions on aws:SourceAccount and aws:SourceArn. Where
another role assumes it there are no such keys; there is sts:ExternalId, which is the organization's ARN (ours).
Source: guide, ZH:7245-7285; IAM User Guide, "The confused deputy problem".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from postroom.model.resource_policy import Request, allowed, denied, may_allow, names_role, statements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ACTION: Final = "sts:AssumeRole"

_NO_ORGANIZATIONS: Final = ("m-" + "0" * 32, "m-" + "1" * 32)


def refuses(policy: Mapping[str, Any], role_arn: str, external_id: str) -> str | None:
    """Return why a role may not be used for an organization, as a clause; None if it may.

    It must certainly be assumable with the organization's ARN as ExternalId, by a statement that names the role that
    assumes it: trust in the whole account is no decision about Postroom (roles of deployments have it). And it must
    certainly not be assumable with another ExternalId or without one, by any statement: so no other organization's
    configuration can use it.

    Args:
        policy: the role's trust policy.
        role_arn: the role that will assume it; the policies of that role allow the call.
        external_id: with which it will be assumed.
    """
    request = _request(role_arn, external_id)
    if denied(policy, request):
        return "denies Postroom to assume it, or may deny it"
    naming = [each for each in statements(policy) if names_role(each, role_arn)]
    if not allowed({"Statement": naming}, request):
        return "does not trust Postroom"
    if any(may_allow(policy, _request(role_arn, other)) for other in (None, _other(external_id))):
        return "lets Postroom assume it for other organizations as well, or may do so"
    return None


def statement(role_arns: Sequence[str], external_id: str) -> dict[str, Any]:
    """Return the statement of a trust policy that lets roles assume the policy's role for one organization."""
    return {
        "Effect": "Allow",
        "Principal": {"AWS": list(role_arns)},
        "Action": ACTION,
        "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
    }


def _other(organization_arn: str) -> str:
    """Return the ARN of another organization."""
    begin, _, own = organization_arn.rpartition("/")
    return f"{begin}/{next(each for each in _NO_ORGANIZATIONS if each != own)}"


def _request(role_arn: str, external_id: str | None) -> Request:
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
            "aws:multifactorauthpresent": None,
        },
        principals=(role_arn, account, f"arn:{partition}:iam::{account}:root"),
    )
