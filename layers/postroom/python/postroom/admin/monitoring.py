"""Put-, Describe- and DeleteEmailMonitoringConfiguration: the log group of an organization's event log."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from postroom.admin import lookup
from postroom.contracts.admin.exceptions import InvalidParameterException, ResourceNotFoundException
from postroom.model.records import Replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests

OWN_ROLE_PREFIX: Final = "/aws/workmail/"
"""Prefix of log groups that our own role may write; for others the customer must name a role (ours)."""

ASSUME_ROLE: Final = frozenset({"sts:assumerole", "sts:*", "*"})


def put(
    context: Context,
    request: requests.PutEmailMonitoringConfigurationRequest,
    _now: int,
) -> answers.PutEmailMonitoringConfigurationResponse:
    """Set the log group, and the role that writes it: the given one or ours."""
    organization = lookup.organization(context, request["OrganizationId"])
    _, _, _, region, account, _, group, _ = request["LogGroupArn"].split(":")
    settings = context.settings
    if (region, account) != (settings.region, settings.account):
        raise InvalidParameterException(f"The log group must be in {settings.region}, account {settings.account}.")
    role = request.get("RoleArn")
    if role is None and not group.startswith(OWN_ROLE_PREFIX):
        raise InvalidParameterException(f"Without RoleArn, the log group's name must begin with {OWN_ROLE_PREFIX}.")
    if role is not None:
        _check_role(context, role)
        if not context.log_targets.log_group_exists(group):
            raise ResourceNotFoundException(f"There is no log group {group}.")
    changed = replace(organization, log_group_arn=request["LogGroupArn"], role_arn=role)
    if changed != organization:
        context.directory.commit([Replace(changed)])
    return {}


def describe(
    context: Context,
    request: requests.DescribeEmailMonitoringConfigurationRequest,
    _now: int,
) -> answers.DescribeEmailMonitoringConfigurationResponse:
    """Return the configured log group and its role; our role if the customer named none."""
    organization = lookup.organization(context, request["OrganizationId"])
    if organization.log_group_arn is None:
        raise ResourceNotFoundException(f"Organization {organization.id} has no email monitoring configuration.")
    return {
        "RoleArn": organization.role_arn or context.settings.record_events_role_arn,
        "LogGroupArn": organization.log_group_arn,
    }


def delete(
    context: Context,
    request: requests.DeleteEmailMonitoringConfigurationRequest,
    _now: int,
) -> answers.DeleteEmailMonitoringConfigurationResponse:
    """Return to the default log group; without a configuration nothing changes."""
    organization = lookup.organization(context, request["OrganizationId"])
    if organization.log_group_arn is not None:
        context.directory.commit([Replace(replace(organization, log_group_arn=None, role_arn=None))])
    return {}


def _check_role(context: Context, role_arn: str) -> None:
    policy = context.log_targets.trust_policy(role_arn)
    if policy is None:
        raise ResourceNotFoundException(f"There is no role {role_arn}.")
    ours = context.settings.record_events_role_arn
    if not trusts(policy, ours, context.settings.account):
        statement = {"Effect": "Allow", "Principal": {"AWS": ours}, "Action": "sts:AssumeRole"}
        raise InvalidParameterException(
            f"Role {role_arn} does not trust Postroom. Add this statement to its trust policy: {json.dumps(statement)}"
        )


def trusts(policy: Mapping[str, Any], role_arn: str, account: str) -> bool:
    """Say whether a trust policy certainly allows a role to assume the policy's role.

    Statements with conditions do not count: whether a condition is met is known only when the role is assumed.

    Args:
        policy: decoded; ``Statement``, ``Action`` and ``Principal.AWS`` may be single values or lists.
        role_arn: the role that will assume the other.
        account: id of that role's account. Trust in the account (or its root) is enough, because our own policy allows
            the call.
    """
    partition = role_arn.split(":")[1]
    principals = {role_arn, account, f"arn:{partition}:iam::{account}:root", "*"}
    statements = [statement for statement in _listed(policy.get("Statement")) if _is_about(statement, principals)]
    allowed = any(statement.get("Effect") == "Allow" and not statement.get("Condition") for statement in statements)
    return allowed and all(statement.get("Effect") != "Deny" for statement in statements)


def _is_about(statement: Mapping[str, Any], principals: set[str]) -> bool:
    principal = statement.get("Principal", ())
    named = _listed(principal.get("AWS") if isinstance(principal, dict) else principal)
    actions = {str(action).lower() for action in _listed(statement.get("Action"))}
    return bool(principals.intersection(named)) and bool(ASSUME_ROLE & actions)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
