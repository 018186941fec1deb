"""Audit records as objects in customers' buckets."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.audit_places import known
from postroom.adapters.aws.destination_policies import OWNER_ACL
from postroom.adapters.aws.transactions import code_of
from postroom.contracts.audit_objects import content, key_of
from postroom.errors import AuditRefusedError, StoreUnavailableError
from postroom.ports.written_objects import WrittenObject

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_s3 import S3Client

    from postroom.adapters.aws.destination_policies import DestinationPolicies
    from postroom.model.audit_deliveries import AuditDelivery
    from postroom.model.audit_targets import Place
    from postroom.model.log_lines import Refusal
    from postroom.ports.audit_destinations import AuditBatch
    from postroom.ports.written_objects import WrittenObjects


@dataclass(frozen=True, slots=True)
class S3AuditObjects:
    """Implements ``AuditDestination`` for buckets of this account.

    Attributes:
        written: gets a row before each put, and its completion.
        now: returns milliseconds since the epoch.
    """

    client: S3Client
    policies: DestinationPolicies
    written: WrittenObjects
    place: Place
    now: Callable[[], int]

    def put(self, delivery: AuditDelivery, batch: AuditBatch) -> Mapping[str, Refusal]:
        """Put one object, or the same one again; a put that fails may have been carried out."""
        body = content(batch.header, batch.lines)
        bucket = known(delivery, self.place).name
        key = key_of(delivery, batch.organization_id, self.place, batch.lines, body)
        self.policies.check_object(delivery.id, bucket, key)
        digest = hashlib.sha256(body)
        one = WrittenObject(
            organization_id=batch.organization_id,
            delivery_id=delivery.id,
            bucket=bucket,
            key=key,
            sha256=digest.hexdigest(),
            size_bytes=len(body),
            at_ms=self.now(),
            records=len(batch.lines),
        )
        try:
            self.written.intend([one])
        except StoreUnavailableError as error:
            raise AuditRefusedError(f"the row of an object could not be written: {error.cause}") from error
        self._put(bucket, key, body, digest.digest())
        with contextlib.suppress(StoreUnavailableError):  # the digest looks the object up
            self.written.complete([one])
        return {}

    def _put(self, bucket: str, key: str, body: bytes, digest: bytes) -> None:
        try:
            self.client.put_object(
                Bucket=bucket,
                Key=key,
                Body=body,
                ACL=OWNER_ACL,
                ContentType="application/gzip",
                ChecksumSHA256=base64.b64encode(digest).decode(),
                ExpectedBucketOwner=self.place.account,
            )
        except (BotoCoreError, ClientError) as error:
            raise AuditRefusedError(f"{code_of(error)} at {bucket}") from error
