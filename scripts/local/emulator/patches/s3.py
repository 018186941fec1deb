"""S3: conditions hold between concurrent writers and on a copy; the owner that a request expects is checked.

A part for an upload that does not exist is refused, and so is its completion.
"""

from __future__ import annotations

import threading
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from moto.s3.exceptions import MissingKey, NoSuchUpload, PreconditionFailed
from moto.s3.models import S3Backend, s3_backends
from moto.s3.responses import S3Response

WRITING: Final = threading.RLock()
"""Held while an object is written, copied, completed or deleted; reads do not wait."""

ACCESS_DENIED: Final = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"

_original_key_response = S3Response._key_response  # noqa: SLF001
_original_bucket_response = S3Response._bucket_response  # noqa: SLF001
_original_copy_object = S3Response.copy_object
_original_upload_part = S3Backend.upload_part
_original_complete = S3Backend.complete_multipart_upload


def key_response(self: S3Response, request: Any, full_url: str) -> Any:
    """Write one object at a time: moto looks first and writes later, so that two ``If-None-Match: *`` both succeed."""
    if not _is_expected_owner(self, self.parse_bucket_name_from_url(request, full_url)):
        return 403, {}, ACCESS_DENIED
    if request.method in ("GET", "HEAD"):
        return _original_key_response(self, request, full_url)
    with WRITING:
        return _original_key_response(self, request, full_url)


def bucket_response(self: S3Response, request: Any, full_url: str) -> Any:
    """Refuse where another account than expected owns the bucket; its Region is told all the same."""
    name = self.parse_bucket_name_from_url(request, full_url)
    if _is_expected_owner(self, name):
        return _original_bucket_response(self, request, full_url)
    partition, account = s3_backends.bucket_accounts[name]
    region = s3_backends[account][partition].buckets[name].region_name
    return 403, {"x-amz-bucket-region": region}, "" if request.method == "HEAD" else ACCESS_DENIED


def _is_expected_owner(response: S3Response, bucket_name: str) -> bool:
    """Say whether the account that a request expects owns the bucket; moto does not look at the header.

    Source: user guide, "Verifying bucket ownership with bucket owner condition".
    """
    expected = response.headers.get("x-amz-expected-bucket-owner")
    if expected is None or not s3_backends.bucket_accounts.get(bucket_name):
        return True
    return bool(s3_backends.bucket_accounts[bucket_name][1] == expected)


def copy_object(self: S3Response) -> Any:
    """Check the conditions of CopyObject; moto knows x-amz-copy-source-if-none-match only.

    Source: API reference, CopyObject; user guide, "Conditional requests".
    """
    target = self.backend.get_object(self.bucket_name, self.parse_key_name())
    if self.headers.get("If-None-Match") == "*" and target is not None:
        raise PreconditionFailed("If-None-Match")
    wanted = self.headers.get("If-Match")
    if wanted is not None and target is None:
        raise MissingKey
    if wanted is not None and not _same(wanted, target.etag):
        raise PreconditionFailed("If-Match")
    wanted = self.headers.get("x-amz-copy-source-if-match")
    source = _copy_source(self) if wanted is not None else None
    if source is not None and not _same(wanted, source.etag):
        raise PreconditionFailed("x-amz-copy-source-If-Match")
    return _original_copy_object(self)


def _copy_source(response: S3Response) -> Any:
    """Return the object that a copy is made of, or None (moto then answers that it is missing)."""
    parts = urlsplit(response.headers["x-amz-copy-source"])
    bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
    return response.backend.get_object(bucket, key, version_id=parse_qs(parts.query).get("versionId", [None])[0])


def _same(one: Any, other: str) -> bool:
    return str(one).strip('"') == other.strip('"')


def upload_part(self: S3Backend, bucket_name: str, multipart_id: str, part_id: int, value: bytes) -> Any:
    """Answer NoSuchUpload for an upload that does not exist; moto fails with a KeyError, which becomes a 500."""
    _require_upload(self, bucket_name, multipart_id)
    return _original_upload_part(self, bucket_name, multipart_id, part_id, value)


def complete_multipart_upload(self: S3Backend, bucket_name: str, multipart_id: str, body: Any) -> Any:
    """Answer NoSuchUpload, as for a part."""
    _require_upload(self, bucket_name, multipart_id)
    return _original_complete(self, bucket_name, multipart_id, body)


def _require_upload(backend: S3Backend, bucket_name: str, multipart_id: str) -> None:
    if multipart_id not in backend.get_bucket(bucket_name).multiparts:
        raise NoSuchUpload(multipart_id)


def apply() -> None:
    """Put the functions above in place of moto's."""
    S3Response._key_response = key_response  # noqa: SLF001
    S3Response.copy_object = copy_object
    S3Response._bucket_response = bucket_response  # noqa: SLF001
    S3Backend.upload_part = upload_part
    S3Backend.complete_multipart_upload = complete_multipart_upload
