"""Which operations only read. A grant for reading allows these, and no others.

As in WorkMail's policy for reading, whose actions begin with Describe, Get and List: tests of rules and of providers
are not among them. Source: guide, "Read-only access" (ZH:1280-1320). ``Search`` is of the console.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.contracts.admin.models.shapes import OPERATIONS, SHAPES
from postroom.model.administrators import Access

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

READING: Final[AbstractSet[str]] = frozenset(
    {
        "DescribeAuditLogDelivery",
        "DescribeEmailMonitoringConfiguration",
        "DescribeEntity",
        "DescribeGroup",
        "DescribeIdentityProviderConfiguration",
        "DescribeInboundDmarcSettings",
        "DescribeInboundMailFlowRule",
        "DescribeMailboxExportJob",
        "DescribeMailboxImportJob",
        "DescribeOrganization",
        "DescribeOutboundMailFlowRule",
        "DescribeResource",
        "DescribeSmtpGateway",
        "DescribeUser",
        "GetAccessControlEffect",
        "GetDefaultRetentionPolicy",
        "GetImpersonationRole",
        "GetImpersonationRoleEffect",
        "GetJournalingRules",
        "GetMailDomain",
        "GetMailboxDetails",
        "GetMobileDeviceAccessEffect",
        "GetMobileDeviceAccessOverride",
        "GetOutOfOffice",
        "GetPersonalAccessTokenMetadata",
        "ListAccessControlRules",
        "ListAdministratorGrants",
        "ListAliases",
        "ListAuditLogDeliveries",
        "ListAvailabilityConfigurations",
        "ListGroupMembers",
        "ListGroups",
        "ListGroupsForEntity",
        "ListImpersonationRoles",
        "ListInboundMailFlowRules",
        "ListMailDomains",
        "ListMailboxExportJobs",
        "ListMailboxImportJobs",
        "ListMailboxPermissions",
        "ListMobileDeviceAccessOverrides",
        "ListMobileDeviceAccessRules",
        "ListOrganizations",
        "ListOutboundMailFlowRules",
        "ListPersonalAccessTokens",
        "ListResourceDelegates",
        "ListResources",
        "ListSmtpGateways",
        "ListTagsForResource",
        "ListUsers",
    }
)

CHANGING: Final[AbstractSet[str]] = frozenset(
    {
        "AssociateDelegateToResource",
        "AssociateMemberToGroup",
        "AssumeImpersonationRole",
        "CancelMailboxExportJob",
        "CancelMailboxImportJob",
        "CreateAlias",
        "CreateAvailabilityConfiguration",
        "CreateGroup",
        "CreateIdentityCenterApplication",
        "CreateImpersonationRole",
        "CreateInboundMailFlowRule",
        "CreateMobileDeviceAccessRule",
        "CreateOrganization",
        "CreateOutboundMailFlowRule",
        "CreatePersonalAccessToken",
        "CreateResource",
        "CreateSmtpGateway",
        "CreateUser",
        "DeleteAccessControlRule",
        "DeleteAdministratorGrant",
        "DeleteAlias",
        "DeleteAuditLogDelivery",
        "DeleteAvailabilityConfiguration",
        "DeleteEmailMonitoringConfiguration",
        "DeleteGroup",
        "DeleteIdentityCenterApplication",
        "DeleteIdentityProviderConfiguration",
        "DeleteImpersonationRole",
        "DeleteInboundMailFlowRule",
        "DeleteMailboxPermissions",
        "DeleteMobileDeviceAccessOverride",
        "DeleteMobileDeviceAccessRule",
        "DeleteOrganization",
        "DeleteOutboundMailFlowRule",
        "DeleteOutOfOffice",
        "DeletePersonalAccessToken",
        "DeleteResource",
        "DeleteRetentionPolicy",
        "DeleteSmtpGateway",
        "DeleteUser",
        "DeregisterFromWorkMail",
        "DeregisterMailDomain",
        "DisassociateDelegateFromResource",
        "DisassociateMemberFromGroup",
        "PutAccessControlRule",
        "PutAdministratorGrant",
        "PutAuditLogDelivery",
        "PutEmailMonitoringConfiguration",
        "PutIdentityProviderConfiguration",
        "PutInboundDmarcSettings",
        "PutMailboxPermissions",
        "PutMobileDeviceAccessOverride",
        "PutOutOfOffice",
        "PutRetentionPolicy",
        "RegisterMailDomain",
        "RegisterToWorkMail",
        "ResetPassword",
        "SetJournalingRules",
        "StartMailboxExportJob",
        "StartMailboxImportJob",
        "SubmitRawMessage",
        "TagResource",
        "TestAvailabilityConfiguration",
        "TestInboundMailFlowRules",
        "TestOutboundMailFlowRules",
        "UntagResource",
        "UpdateAvailabilityConfiguration",
        "UpdateDefaultMailDomain",
        "UpdateGroup",
        "UpdateImpersonationRole",
        "UpdateInboundMailFlowRule",
        "UpdateMailboxQuota",
        "UpdateMobileDeviceAccessRule",
        "UpdateOutboundMailFlowRule",
        "UpdatePrimaryEmailAddress",
        "UpdateResource",
        "UpdateSmtpGateway",
        "UpdateUser",
    }
)
"""All others, also those that are not built yet; a test holds both tables against the model."""


def wanted(operation: str) -> Access:
    """Return what a caller of an operation needs; of an operation in neither table, all."""
    return Access.READ_ONLY if operation in READING else Access.FULL_ACCESS


def of_one_organization(operation: str) -> bool:
    """Say whether an operation stays within the organization that it names.

    Others need a grant for all organizations, as IAM policies for them need ``"Resource": "*"``.
    """
    return "OrganizationId" in SHAPES[OPERATIONS[operation]["input"]]["required"]
