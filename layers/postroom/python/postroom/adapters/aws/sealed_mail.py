"""Sealed messages in S3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.raw_mail import put_once
from postroom.adapters.aws.transactions import code_of, store_errors
from postroom.errors import MessageNotFoundError, StoreUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class S3SealedMail:
    """Implements ``SealedMail``."""

    client: S3Client
    bucket: str

    def put_once(self, key: str, sealed: bytes) -> bool:
        return put_once(self.client, self.bucket, key, sealed)

    def get(self, key: str) -> bytes:
        try:
            return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except (BotoCoreError, ClientError) as error:
            if code_of(error) in {"NoSuchKey", "404"}:
                raise MessageNotFoundError("there is no such sealed message") from error
            raise StoreUnavailableError(f"could not read sealed mail: {code_of(error)}") from error

    def delete(self, key: str) -> None:
        with store_errors("remove sealed mail"):
            self.client.delete_object(Bucket=self.bucket, Key=key)
