"""All operations that exist, by their name in the API. Others are answered as not built yet (docs/parity.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from postroom.admin import (
    aliases,
    availability,
    dmarc,
    groups,
    mail_domains,
    mailboxes,
    monitoring,
    organizations,
    registration,
    resources,
    rules,
    smtp_gateways,
    users,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from postroom.admin.context import Context

Operation: TypeAlias = "Callable[[Context, Any, int], Mapping[str, Any]]"
"""Called with the context, the validated request and the time in milliseconds."""

OPERATIONS: Final[Mapping[str, Operation]] = {
    "CreateOrganization": organizations.create,
    "DescribeOrganization": organizations.describe,
    "ListOrganizations": organizations.list_,
    "DeleteOrganization": organizations.delete,
    "RegisterMailDomain": mail_domains.register,
    "DeregisterMailDomain": mail_domains.deregister,
    "GetMailDomain": mail_domains.get,
    "ListMailDomains": mail_domains.list_,
    "UpdateDefaultMailDomain": mail_domains.update_default,
    "CreateUser": users.create,
    "UpdateUser": users.update,
    "DescribeUser": users.describe,
    "DeleteUser": users.delete,
    "ListUsers": users.list_,
    "ResetPassword": users.reset_password,
    "DescribeEntity": users.describe_entity,
    "CreateGroup": groups.create,
    "UpdateGroup": groups.update,
    "DescribeGroup": groups.describe,
    "DeleteGroup": groups.delete,
    "ListGroups": groups.list_,
    "ListGroupsForEntity": groups.list_for_entity,
    "AssociateMemberToGroup": groups.associate,
    "DisassociateMemberFromGroup": groups.disassociate,
    "ListGroupMembers": groups.list_members,
    "CreateResource": resources.create,
    "UpdateResource": resources.update,
    "DescribeResource": resources.describe,
    "DeleteResource": resources.delete,
    "ListResources": resources.list_,
    "AssociateDelegateToResource": resources.associate,
    "DisassociateDelegateFromResource": resources.disassociate,
    "ListResourceDelegates": resources.list_delegates,
    "RegisterToWorkMail": registration.register,
    "DeregisterFromWorkMail": registration.deregister,
    "UpdatePrimaryEmailAddress": registration.update_primary,
    "CreateAlias": aliases.create,
    "DeleteAlias": aliases.delete,
    "ListAliases": aliases.list_,
    "GetMailboxDetails": mailboxes.describe,
    "UpdateMailboxQuota": mailboxes.update_quota,
    "PutEmailMonitoringConfiguration": monitoring.put,
    "DescribeEmailMonitoringConfiguration": monitoring.describe,
    "DeleteEmailMonitoringConfiguration": monitoring.delete,
    "PutInboundDmarcSettings": dmarc.put,
    "DescribeInboundDmarcSettings": dmarc.describe,
    "CreateInboundMailFlowRule": rules.INBOUND.create,
    "UpdateInboundMailFlowRule": rules.INBOUND.update,
    "DeleteInboundMailFlowRule": rules.INBOUND.delete,
    "DescribeInboundMailFlowRule": rules.INBOUND.describe,
    "ListInboundMailFlowRules": rules.INBOUND.list_,
    "TestInboundMailFlowRules": rules.INBOUND.test,
    "CreateOutboundMailFlowRule": rules.OUTBOUND.create,
    "UpdateOutboundMailFlowRule": rules.OUTBOUND.update,
    "DeleteOutboundMailFlowRule": rules.OUTBOUND.delete,
    "DescribeOutboundMailFlowRule": rules.OUTBOUND.describe,
    "ListOutboundMailFlowRules": rules.OUTBOUND.list_,
    "TestOutboundMailFlowRules": rules.OUTBOUND.test,
    "CreateSmtpGateway": smtp_gateways.create,
    "UpdateSmtpGateway": smtp_gateways.update,
    "DeleteSmtpGateway": smtp_gateways.delete,
    "DescribeSmtpGateway": smtp_gateways.describe,
    "ListSmtpGateways": smtp_gateways.list_,
    "CreateAvailabilityConfiguration": availability.create,
    "UpdateAvailabilityConfiguration": availability.update,
    "DeleteAvailabilityConfiguration": availability.delete,
    "ListAvailabilityConfigurations": availability.list_,
}
