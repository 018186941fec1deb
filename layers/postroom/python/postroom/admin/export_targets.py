"""What an export or import names of the caller's account: role, key, bucket. Each refusal says what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.admin import passed_roles
from postroom.contracts.admin.exceptions import InvalidParameterException
from postroom.model import consent
from postroom.model.exports import MAX_PATH_CHARACTERS, archive_path

if TYPE_CHECKING:
    from postroom.admin.context import Context
    from postroom.contracts.admin.models import requests
    from postroom.model.records import Organization
    from postroom.ports.export_checks import BucketFacts


def check(
    context: Context, organization: Organization, request: requests.StartMailboxExportJobRequest, job_id: str
) -> None:
    """Check a new job's role, key, bucket and prefix.

    Raises:
        InvalidParameterException: the job could not write its archive.
    """
    _check_path(request["S3Prefix"], job_id)
    check_role(context, request["RoleArn"], organization, consent.MAILBOX_EXPORT, context.settings.export_role_arns)
    _check_key(context, request["KmsKeyArn"])
    bucket = check_bucket(context, request["S3BucketName"])
    if bucket.public:
        raise InvalidParameterException(
            f"S3BucketName: bucket {request['S3BucketName']} is public: {bucket.public}. Mail is exported to buckets"
            " without public access only."
        )


def _check_path(prefix: str, job_id: str) -> None:
    excess = len(archive_path(prefix, job_id)) - MAX_PATH_CHARACTERS
    if excess > 0:
        raise InvalidParameterException(
            f"S3Prefix: the archive's key would have more than {MAX_PATH_CHARACTERS} characters; the prefix is"
            f" {excess} too long."
        )


def check_role(context: Context, role_arn: str, organization: Organization, tag: str, ours: tuple[str, ...]) -> None:
    """Check that each of our roles may assume it. Whether it may read or write is seen when the job begins.

    Raises:
        NotAuthorizedError: the caller may not name roles.
        InvalidParameterException: it does not exist, lacks the tag, or does not trust one of ours.
    """
    passed_roles.may_pass(context, role_arn)
    role = context.log_targets.role(role_arn)
    if role is None:
        raise InvalidParameterException(
            f"RoleArn: there is no role {role_arn} in account {context.settings.account}, or Postroom may not see it."
        )
    passed_roles.check_consent(role, tag, organization)
    passed_roles.check_trust(role, ours, organization)


def _check_key(context: Context, key_arn: str) -> None:
    settings = context.settings
    _, _, _, region, account, _ = key_arn.split(":", 5)
    if region != settings.region:
        raise InvalidParameterException(
            f"KmsKeyArn: key {key_arn} is in Region {region or 'none'}; it must be in {settings.region}."
        )
    key = context.organization_keys.describe(key_arn) if account == settings.account else None
    if key is None:
        raise InvalidParameterException(
            f"KmsKeyArn: there is no key {key_arn} in account {settings.account}, or Postroom may not see it."
        )
    if key.spec != "SYMMETRIC_DEFAULT" or key.usage != "ENCRYPT_DECRYPT":
        raise InvalidParameterException(
            f"KmsKeyArn: key {key_arn} is {key.spec} for {key.usage}; a symmetric key for encryption is needed."
        )
    if key.state != "Enabled":
        raise InvalidParameterException(f"KmsKeyArn: key {key_arn} is in state {key.state}; it must be enabled.")


def check_bucket(context: Context, name: str) -> BucketFacts:
    """Return the properties of a bucket of this account and Region.

    Raises:
        InvalidParameterException: it is none.
    """
    settings = context.settings
    bucket = context.export_buckets.describe(name)
    if bucket is None:
        raise InvalidParameterException(f"S3BucketName: there is no bucket {name}.")
    if bucket.region != settings.region:
        raise InvalidParameterException(
            f"S3BucketName: bucket {name} is in Region {bucket.region}; it must be in {settings.region}."
        )
    if not bucket.readable:
        raise InvalidParameterException(
            f"S3BucketName: bucket {name} does not belong to account {settings.account}, or its policy does not let"
            " Postroom look at it."
        )
    return bucket
