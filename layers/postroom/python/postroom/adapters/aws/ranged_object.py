"""An object of S3 as a file: it is read piece by piece, and stays the same object from the first byte to the last."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.transactions import code_of
from postroom.errors import InvalidArchiveError, StoreUnavailableError
from postroom.model.limits import MB

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

READ_BYTES: Final = 8 * MB
"""Bytes of one request. Ours."""

_NOT_THERE: Final = frozenset({"404", "NoSuchKey", "NoSuchBucket"})
_NOT_ALLOWED: Final = frozenset({"403", "AccessDenied"})
_CHANGED: Final = "412", "PreconditionFailed"


def open_object(client: S3Client, bucket: str, key: str) -> io.BufferedReader:
    """Open an object for reading; it can be sought.

    Raises:
        InvalidArchiveError: there is no such object, or it may not be read; or, while it is read, it has changed.
        StoreUnavailableError: S3 did not answer.
    """
    return io.BufferedReader(_Ranges(client, bucket, key), READ_BYTES)


def open_version(client: S3Client, bucket: str, key: str, owner: str, etag: str) -> tuple[io.BufferedReader, int]:
    """Open an object of an account's bucket, if it has an entity tag still; return its size, too. Errors: as before."""
    ranges = _Ranges(client, bucket, key, ExpectedBucketOwner=owner)
    if ranges.etag != etag:
        raise InvalidArchiveError("the object was changed since the import was started")
    return io.BufferedReader(ranges, READ_BYTES), ranges.size


class _Ranges(io.RawIOBase):
    def __init__(self, client: S3Client, bucket: str, key: str, **more: str) -> None:
        self._client, self._names = client, {"Bucket": bucket, "Key": key, **more}
        head = self._asked(client.head_object)
        self.size, self.etag, self._at = int(head["ContentLength"]), str(head["ETag"]), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        end = min(self._at + len(buffer), self.size)
        if self._at >= end:
            return 0
        got = self._asked(self._get, Range=f"bytes={self._at}-{end - 1}", IfMatch=self.etag)
        buffer[: len(got)] = got
        self._at += len(got)
        return len(got)

    def _get(self, **arguments: Any) -> bytes:
        return self._client.get_object(**arguments)["Body"].read()

    def _asked(self, ask: Any, **more: Any) -> Any:
        try:
            return ask(**self._names, **more)
        except (BotoCoreError, ClientError) as error:
            if (code := code_of(error)) in _NOT_THERE:
                raise InvalidArchiveError("no such object") from error
            if code in _NOT_ALLOWED:
                raise InvalidArchiveError("these credentials may not read the object") from error
            if code in _CHANGED:
                raise InvalidArchiveError("the object was changed while it was read") from error
            raise StoreUnavailableError(f"could not read the object: {code}") from error
