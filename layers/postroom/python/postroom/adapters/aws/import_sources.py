"""Archives in customers' buckets: looked for under the stack's role, and read under the customer's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.ranged_object import open_version
from postroom.adapters.aws.transactions import code_of
from postroom.errors import InvalidArchiveError, StoreUnavailableError
from postroom.ports.import_sources import ObjectFacts

if TYPE_CHECKING:
    from typing import BinaryIO

    from mypy_boto3_s3 import S3Client

    from postroom.adapters.aws.assumed_roles import AssumedRoles
    from postroom.model.imports import MailboxImportJob

_NOT_SEEN = frozenset({"AccessDenied", "NoSuchBucket"})
_NOT_ASSUMED = frozenset({"AccessDenied", "ValidationError"})


@dataclass(frozen=True, slots=True)
class S3ImportObjects:
    """Implements ``ImportObjects``: lists, so that the stack's role reads no object."""

    s3: S3Client
    account: str

    def find(self, bucket: str, path: str) -> ObjectFacts | None:
        try:
            found = self.s3.list_objects_v2(
                Bucket=bucket, Prefix=path, MaxKeys=1, ExpectedBucketOwner=self.account
            ).get("Contents", [])
        except (BotoCoreError, ClientError) as error:
            if (code := code_of(error)) in _NOT_SEEN:
                return None
            raise StoreUnavailableError(f"S3 did not list an object: {code}") from error
        # the key is the first of those that begin with it
        return next((ObjectFacts(each["Size"], each["ETag"]) for each in found if each["Key"] == path), None)


@dataclass(frozen=True, slots=True)
class S3ImportSources:
    """Implements ``ImportSources``."""

    roles: AssumedRoles[S3Client]

    def open(self, job: MailboxImportJob) -> tuple[BinaryIO, int]:
        self.roles.forget(job.role_arn, job.external_id)  # the credentials have to last as long as the function
        try:
            client = self.roles.client(job.role_arn, job.external_id)
        except (BotoCoreError, ClientError) as error:
            if (code := code_of(error)) in _NOT_ASSUMED:
                raise InvalidArchiveError(f"role {job.role_arn} could not be assumed: {code}") from error
            raise StoreUnavailableError(f"could not assume a role: {code}") from error
        return open_version(client, job.bucket, job.path, job.account, job.etag)
