"""Put-, Describe- and DeleteEmailMonitoringConfiguration: the log group of an organization's event log."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from postroom.admin import lookup, passed_roles
from postroom.contracts.admin.exceptions import InvalidParameterException, ResourceNotFoundException
from postroom.model import consent
from postroom.model.records import Replace

if TYPE_CHECKING:
    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests
    from postroom.model.records import Organization

OWN_ROLE_PREFIX: Final = "/aws/workmail/"
"""Prefix of log groups that our own role may write; for others the customer must name a role (ours)."""


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
        _check_role(context, organization, role)
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


def _check_role(context: Context, organization: Organization, role_arn: str) -> None:
    passed_roles.may_pass(context, role_arn)
    role = context.log_targets.role(role_arn)
    if role is None:
        raise ResourceNotFoundException(f"There is no role {role_arn}.")
    passed_roles.check_consent(role, consent.EVENT_LOG, organization)
    passed_roles.check_trust(role, (context.settings.record_events_role_arn,), organization)
