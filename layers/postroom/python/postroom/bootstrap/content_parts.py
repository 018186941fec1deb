"""Parts of functions that read objects of customers as messages, or as contents of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from postroom.adapters.aws.content_buckets import TAGGED, ContentBuckets
from postroom.adapters.aws.customer_objects import S3CustomerObjects
from postroom.bootstrap.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from postroom.model.audit_targets import Place


class ContentSettings(Settings):
    """Of functions that read objects of customers."""

    account_id: str
    put_content_buckets: str
    inbound_bucket: str
    mail_bucket: str


def objects(settings: ContentSettings, s3: S3Client, place: Place) -> S3CustomerObjects:
    """Return the reader of customers' objects; it refuses the stack's own buckets."""
    return S3CustomerObjects(
        s3,
        ContentBuckets(s3, place, _listed(settings.put_content_buckets), time.monotonic),
        own=frozenset({settings.inbound_bucket, settings.mail_bucket}),
    )


def _listed(text: str) -> frozenset[str] | None:
    """Return the names of buckets from their ARNs, which commas separate; None if buckets are not listed."""
    return None if text == TAGGED else frozenset(each.strip().rpartition(":")[2] for each in text.split(","))
