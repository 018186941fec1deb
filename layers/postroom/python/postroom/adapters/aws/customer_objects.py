"""Customers' objects in S3: HeadBucket checks the bucket, then one GET reads the object.

A GET returns one version of an object, whatever is written meanwhile. The client follows redirects to other Regions, so
the Region of the bucket is checked. ``ExpectedBucketOwner`` limits both calls to buckets of this account.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.transactions import code_of, store_errors
from postroom.contracts.message_flow import InvalidContentLocation, MessageRejected
from postroom.errors import StoreUnavailableError
from postroom.model.limits import MB

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from postroom.adapters.aws.content_buckets import ContentBuckets
    from postroom.contracts.message_flow import S3Reference

_DENIED: Final = frozenset({"AccessDenied", "403"})
_NO_OBJECT: Final = frozenset({"NoSuchKey", "404"})
_NO_VERSION: Final = frozenset({"NoSuchVersion", "InvalidArgument", "MethodNotAllowed", "405"})
"""MethodNotAllowed: the version is a delete marker. InvalidArgument: no version has such an id."""
_UNREADABLE: Final = frozenset({"InvalidObjectState", "InvalidRequest"})
"""InvalidObjectState: the object is archived. InvalidRequest: it is encrypted with its writer's key (SSE-C)."""


@dataclass(frozen=True, slots=True)
class S3CustomerObjects:
    """Implements ``CustomerObjects``. ``own`` holds the stack's own buckets; ``meant`` decides about others."""

    client: S3Client
    meant: ContentBuckets
    own: frozenset[str]

    def read(self, reference: S3Reference, organization_id: str, *, limit_bytes: int) -> bytes:
        if reference.bucket in self.own:
            raise InvalidContentLocation(f"The bucket {reference.bucket} is the mail system's own.")
        self._check(reference.bucket)
        self.meant.check(reference, organization_id)
        version: Any = {"VersionId": reference.version} if reference.version is not None else {}
        try:
            answer = self.client.get_object(
                Bucket=reference.bucket, Key=reference.key, ExpectedBucketOwner=self.meant.place.account, **version
            )
        except ClientError as error:
            raise _refusal(reference, error) from error
        except BotoCoreError as error:
            raise StoreUnavailableError(f"could not read a customer's object: {code_of(error)}") from error
        if answer["ContentLength"] > limit_bytes:
            answer["Body"].close()
            raise MessageRejected(f"The object is larger than {limit_bytes // MB} MB.")
        with store_errors("read a customer's object"):
            return answer["Body"].read()

    def _check(self, bucket: str) -> None:
        try:
            answer = self.client.head_bucket(Bucket=bucket, ExpectedBucketOwner=self.meant.place.account)
        except (BotoCoreError, ClientError) as error:
            code = code_of(error)
            if code in {"404", "NoSuchBucket"}:
                raise InvalidContentLocation(f"There is no bucket {bucket}.") from error
            if code in _DENIED:
                text = f"The bucket {bucket} belongs to another account, or its policy denies access."
                raise InvalidContentLocation(text) from error
            raise StoreUnavailableError(f"could not check a customer's bucket: {code}") from error
        here = self.meant.place.region
        region = answer.get("BucketRegion", here)
        if region != here:
            raise InvalidContentLocation(f"The bucket {bucket} is in {region}, not in {here}.")


def _refusal(reference: S3Reference, error: ClientError) -> InvalidContentLocation | StoreUnavailableError:
    code = code_of(error)
    if code == "NoSuchBucket":  # deleted since the check
        return InvalidContentLocation(f"There is no bucket {reference.bucket}.")
    if code in _NO_OBJECT:
        return InvalidContentLocation(f"There is no object {reference}.")
    if code in _NO_VERSION:
        return InvalidContentLocation(f"There is no such version: {reference}.")
    if code in _DENIED:
        return InvalidContentLocation(f"Access to {reference} is denied by a policy of the bucket or of its KMS key.")
    if code.startswith("KMS.") or code in _UNREADABLE:
        return InvalidContentLocation(f"{reference} cannot be read as it is stored: {code}.")
    return StoreUnavailableError(f"could not read a customer's object: {code}")
