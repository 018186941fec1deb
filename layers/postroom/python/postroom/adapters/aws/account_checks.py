"""Checks of the KMS keys, roles and log groups that an administrator names, before they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.transactions import code_of, store_errors
from postroom.errors import StoreUnavailableError
from postroom.ports.log_targets import RoleFacts
from postroom.ports.organization_keys import KeyFacts

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_logs import CloudWatchLogsClient

NOT_OURS: Final = frozenset({"NotFoundException", "InvalidArnException", "AccessDeniedException"})
"""KMS's error codes for a key that does not exist or may not be read."""

NO_ROLE: Final = frozenset({"NoSuchEntity", "AccessDenied", "ValidationError"})
"""IAM's error codes for a role that does not exist or may not be read; a role of another account is denied."""


class KmsOrganizationKeys:
    """Implements ``OrganizationKeys``."""

    def __init__(self, client: KMSClient) -> None:
        self._client = client

    def describe(self, key_arn: str) -> KeyFacts | None:
        try:
            metadata = self._client.describe_key(KeyId=key_arn)["KeyMetadata"]
        except (BotoCoreError, ClientError) as error:
            if code_of(error) in NOT_OURS:
                return None
            raise StoreUnavailableError(f"KMS did not describe a key: {code_of(error)}") from error
        return KeyFacts(
            arn=metadata["Arn"],
            spec=metadata.get("KeySpec", "SYMMETRIC_DEFAULT"),
            usage=metadata.get("KeyUsage", "ENCRYPT_DECRYPT"),
            state=metadata["KeyState"],
        )


class AwsLogTargets:
    """Implements ``LogTargets``."""

    def __init__(self, iam: IAMClient, logs: CloudWatchLogsClient) -> None:
        self._iam = iam
        self._logs = logs

    def role(self, role_arn: str) -> RoleFacts | None:
        """GetRole takes a role's name, the last part of its path, and finds roles of this account only."""
        try:
            role = self._iam.get_role(RoleName=role_arn.rpartition("/")[2])["Role"]
        except (BotoCoreError, ClientError) as error:
            if code_of(error) in NO_ROLE:
                return None
            raise StoreUnavailableError(f"IAM did not describe a role: {code_of(error)}") from error
        # boto3 decodes and parses the document; its stubs say that it is a string
        policy: Any = role["AssumeRolePolicyDocument"]
        tags = {tag["Key"]: tag["Value"] for tag in role.get("Tags", [])}
        return RoleFacts(role_arn, policy, tags) if role["Arn"] == role_arn else None

    def log_group_exists(self, name: str) -> bool:
        with store_errors("look at log groups"):
            pages = self._logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
            return any(group.get("logGroupName") == name for page in pages for group in page["logGroups"])
