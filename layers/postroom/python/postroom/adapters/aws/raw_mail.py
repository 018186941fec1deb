"""Raw messages in S3: SES's objects under ``inbound/``, and ours under ``transit/``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.transactions import code_of, store_errors
from postroom.contracts.orders import RawLocation
from postroom.contracts.outbound_orders import SealedLocation
from postroom.errors import MessageNotFoundError, PostroomError, StoreUnavailableError, UnreadableMailError
from postroom.ports.raw_mail import StoredRaw

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mypy_boto3_s3 import S3Client

    from postroom.ports.transit_keys import TransitKeys


@dataclass(frozen=True, slots=True)
class S3RawMail:
    """Implements ``RawMail`` and ``RawArchive``.

    Attributes:
        bucket: for writes and lists.
        keys: open what is sealed; None for stations that read plain objects alone.
    """

    client: S3Client
    bucket: str
    keys: TransitKeys | None = None

    def head(self, location: RawLocation, length_bytes: int) -> tuple[bytes, int]:
        """One ranged GET returns the bytes and the whole size."""
        if not isinstance(location, SealedLocation):
            return self._beginning(location, length_bytes)
        from postroom.sealing import content_bytes, open_with_key, prefix_bytes  # most stations read plain mail alone

        sealed, size = self._beginning(location, prefix_bytes(length_bytes))
        opened = b"".join(open_with_key(sealed, message_key=self._key(location), size=size))
        return opened[:length_bytes], content_bytes(sealed, size)

    def _beginning(self, location: RawLocation, length_bytes: int) -> tuple[bytes, int]:
        try:
            answer = self.client.get_object(
                Bucket=location.bucket, Key=location.key, Range=f"bytes=0-{max(length_bytes, 1) - 1}"
            )
            content_range = answer.get("ContentRange", "")
            size = int(content_range.rpartition("/")[2]) if content_range else answer["ContentLength"]
            return answer["Body"].read(), size
        except ClientError as error:
            if code_of(error) == "InvalidRange":  # an empty object has no first byte
                return b"", 0
            raise self._lost(error) from error
        except BotoCoreError as error:
            raise self._lost(error) from error

    def read(self, location: RawLocation) -> bytes:
        try:
            stored = self.client.get_object(Bucket=location.bucket, Key=location.key)["Body"].read()
        except (BotoCoreError, ClientError) as error:
            raise self._lost(error) from error
        if isinstance(location, SealedLocation):
            from postroom.sealing import open_with_key

            return b"".join(open_with_key(stored, message_key=self._key(location)))
        return stored

    def _key(self, location: SealedLocation) -> bytes:
        if self.keys is None:
            raise UnreadableMailError("this station opens no sealed mail")
        return self.keys.unwrap(location.message_key, location.key)

    def keep(self, key: str, content: bytes) -> RawLocation:
        put_once(self.client, self.bucket, key, content)
        return RawLocation(bucket=self.bucket, key=key)

    def stored(self, prefix: str, *, after: str = "") -> Iterator[StoredRaw]:
        with store_errors("list raw mail"):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix, StartAfter=after
            )
            for page in pages:
                for found in page.get("Contents", []):
                    yield StoredRaw(found["Key"], int(found["LastModified"].timestamp() * 1000))

    def remove(self, key: str) -> None:
        with store_errors("remove raw mail"):
            self.client.delete_object(Bucket=self.bucket, Key=key)

    def remove_all(self, keys: Sequence[str]) -> None:
        with store_errors("remove raw mail"):
            answer = self.client.delete_objects(
                Bucket=self.bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
            )
        if answer.get("Errors"):
            codes = sorted({error.get("Code", "") for error in answer["Errors"]})
            raise StoreUnavailableError(f"could not remove raw mail: {', '.join(codes)}")

    def _lost(self, error: BotoCoreError | ClientError) -> PostroomError:
        if code_of(error) in {"NoSuchKey", "404"}:
            return MessageNotFoundError("nothing is stored where the notification says")
        return StoreUnavailableError(f"could not read raw mail: {code_of(error)}")


def put_once(client: S3Client, bucket: str, key: str, content: bytes) -> bool:
    """Write an object, unless one exists; return ``False`` if it does (412).

    Raises:
        StoreUnavailableError: S3 did not answer, or another writer is writing the key (409); a retry may succeed.
    """
    try:
        client.put_object(Bucket=bucket, Key=key, Body=content, IfNoneMatch="*")
    except (BotoCoreError, ClientError) as error:
        if code_of(error) == "PreconditionFailed":
            return False
        raise StoreUnavailableError(f"could not write an object: {code_of(error)}") from error
    return True
