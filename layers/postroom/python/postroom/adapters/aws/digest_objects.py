"""Objects in customers' buckets, as digests need them, in S3."""

from __future__ import annotations

import hashlib
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.destination_policies import OWNER_ACL
from postroom.adapters.aws.transactions import code_of
from postroom.errors import AuditRefusedError, StoreUnavailableError
from postroom.ports.digest_objects import StoredObject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_s3 import S3Client

REFUSALS: Final = frozenset({"403", "AccessDenied", "AllAccessDisabled", "NoSuchBucket", "MethodNotAllowed"})

NO_OBJECT: Final = frozenset({"404", "NoSuchKey"})

EXISTS: Final = frozenset({"412", "PreconditionFailed"})
"""The answer to a put with If-None-Match. Source: S3's API reference, PutObject; moto 5.2.5 gives it, too."""


CHUNK_BYTES: Final = 1024 * 1024


def _unchecked(_bucket: str, _key: str) -> None:
    """Check nothing: a verification puts nothing."""


@dataclass(frozen=True, slots=True)
class S3DigestObjects:
    """Implements ``DigestObjects`` for buckets of one account.

    ``check`` raises AuditRefusedError if the policy of a bucket denies log delivery the put of a key.
    """

    client: S3Client
    account: str
    check: Callable[[str, str], None] = _unchecked

    def put_new(self, bucket: str, key: str, stored: StoredObject) -> bool:
        self.check(bucket, key)
        try:
            self._put(bucket, key, stored, IfNoneMatch="*")
        except ClientError as error:
            if code_of(error) in EXISTS:
                return False
            raise _refusal(bucket, error) from error
        except BotoCoreError as error:
            raise _refusal(bucket, error) from error
        return True

    def put(self, bucket: str, key: str, stored: StoredObject) -> None:
        self.check(bucket, key)
        with _errors(bucket):
            self._put(bucket, key, stored)

    def _put(self, bucket: str, key: str, stored: StoredObject, **more: Any) -> None:
        self.client.put_object(
            Bucket=bucket,
            Key=key,
            Body=stored.content,
            Metadata=stored.metadata,
            ACL=OWNER_ACL,
            ContentType="application/gzip",
            ExpectedBucketOwner=self.account,
            **more,
        )

    def get(self, bucket: str, key: str) -> StoredObject | None:
        with _errors(bucket):
            answer = self._get(bucket, key)
            if answer is None:
                return None
            with closing(answer["Body"]) as body:
                return StoredObject(body.read(), answer["Metadata"])

    def sha256(self, bucket: str, key: str) -> str | None:
        with _errors(bucket):
            answer = self._get(bucket, key)
            if answer is None:
                return None
            found = hashlib.sha256()
            with closing(answer["Body"]) as body:
                for chunk in body.iter_chunks(CHUNK_BYTES):
                    found.update(chunk)
        return found.hexdigest()

    def _get(self, bucket: str, key: str) -> Any:
        try:
            return self.client.get_object(Bucket=bucket, Key=key, ExpectedBucketOwner=self.account)
        except ClientError as error:
            if code_of(error) in NO_OBJECT:
                return None
            raise

    def keys(self, bucket: str, prefix: str) -> Iterator[str]:
        with _errors(bucket):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=bucket, Prefix=prefix, ExpectedBucketOwner=self.account
            )
            for page in pages:
                for found in page.get("Contents", ()):
                    yield found["Key"]


@contextmanager
def _errors(bucket: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise _refusal(bucket, error) from error


def _refusal(bucket: str, error: BotoCoreError | ClientError) -> AuditRefusedError | StoreUnavailableError:
    code = code_of(error)
    if code in REFUSALS or code.startswith("KMS."):
        return AuditRefusedError(f"{code} at the bucket {bucket}")
    return StoreUnavailableError(f"could not use the bucket {bucket}: {code}")
