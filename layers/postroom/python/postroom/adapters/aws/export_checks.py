"""Buckets of exports, looked up before they are used.

S3 says of a policy whether it is public. An ACL is public if a group of all users has a grant, even if the bucket, or
its account, ignores such grants now: that may be switched off while an export runs (ours).
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.audit_targets import REGION_HEADER
from postroom.adapters.aws.transactions import code_of
from postroom.errors import StoreUnavailableError
from postroom.ports.export_checks import BucketFacts

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

EVERYONE: Final = "http://acs.amazonaws.com/groups/global/"
"""Prefix of the URIs of the groups AllUsers and AuthenticatedUsers. Source: S3 User Guide, "ACL overview"."""

PUBLIC_POLICY: Final = "its policy is public"

FORBIDDEN: Final = 403
TOO_MANY: Final = 429
"""HTTP statuses; an answer to HeadBucket has no error code."""


class AwsExportBuckets:
    """Implements ``ExportBuckets``; ``region`` and ``account`` are the stack's own."""

    def __init__(self, s3: S3Client, region: str, account: str) -> None:
        self._s3 = s3
        self._region = region
        self._account = account

    def describe(self, name: str) -> BucketFacts | None:
        try:
            return self._described(name)
        except (BotoCoreError, ClientError) as error:
            raise StoreUnavailableError(f"S3 did not describe a bucket: {code_of(error)}") from error

    def _described(self, name: str) -> BucketFacts | None:
        """Ask for policy and ACL as of a bucket of this account: S3 denies that for others."""
        region = self._region_of(name)
        if region is None:
            return None
        if region != self._region:
            return BucketFacts(region)
        try:
            return BucketFacts(region, public=self._opened_by(name))
        except ClientError as error:
            if code_of(error) == "AccessDenied":
                return BucketFacts(region, readable=False)
            raise

    def _region_of(self, name: str) -> str | None:
        """Return a bucket's Region, if it exists. No permission is needed: where access is denied it is told, too."""
        try:
            return self._s3.head_bucket(Bucket=name).get("BucketRegion") or self._region
        except ClientError as error:
            said: Any = error.response["ResponseMetadata"]
            status, headers = said.get("HTTPStatusCode", 0), said.get("HTTPHeaders", {})
            if status == FORBIDDEN or REGION_HEADER in headers:
                return str(headers.get(REGION_HEADER, self._region))
            if 400 <= status < TOO_MANY:
                return None
            raise

    def _opened_by(self, name: str) -> str:
        if policy_is_public(self._s3, name, self._account):
            return PUBLIC_POLICY
        grants = self._s3.get_bucket_acl(Bucket=name, ExpectedBucketOwner=self._account)["Grants"]
        groups = (grant.get("Grantee", {}).get("URI", "") for grant in grants)
        return next((f"its ACL has a grant for {uri.rpartition('/')[2]}" for uri in groups if EVERYONE in uri), "")


def policy_is_public(s3: S3Client, bucket: str, account: str) -> bool:
    """Say whether S3 calls a bucket's policy public; a bucket without a policy has none that is. Errors are passed on.

    A role as in the guide's example may ask this (s3:GetBucketPolicyStatus). A store that does not implement the
    question, as LocalStack 4.14.0, is asked for the policy: where there is one, it counts as public (ours).
    """
    owned: Any = {"Bucket": bucket, "ExpectedBucketOwner": account}
    try:
        return bool(s3.get_bucket_policy_status(**owned)["PolicyStatus"].get("IsPublic"))
    except ClientError as error:
        if code_of(error) == "NoSuchBucketPolicy":
            return False
        if error.response["ResponseMetadata"].get("HTTPStatusCode") != HTTPStatus.NOT_IMPLEMENTED:
            raise
    try:
        s3.get_bucket_policy(**owned)
    except ClientError as error:
        if code_of(error) == "NoSuchBucketPolicy":
            return False
        raise
    return True
