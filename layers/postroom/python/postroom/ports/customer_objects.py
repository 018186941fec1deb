"""Objects in the customer's own buckets, named by the caller of PutRawMessageContent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from postroom.contracts.message_flow import S3Reference


class CustomerObjects(Protocol):
    """Reads objects by bucket, key and version. Suite: tests/contract/test_customer_objects.py."""

    def read(self, reference: S3Reference, organization_id: str, *, limit_bytes: int) -> bytes:
        """Return the bytes of one version of an object; a change during the read is not mixed in.

        Args:
            organization_id: of the message that gets this content; the bucket must be meant for it.
            limit_bytes: largest size; a larger object is not read.

        Raises:
            InvalidContentLocation: the bucket, object or version does not exist; the bucket belongs to another account
                or Region or to this stack, or is not meant for the organization's messages; a policy or a KMS key
                denies the read. The text says which.
            MessageRejected: the object is larger than ``limit_bytes``.
            StoreUnavailableError: S3 did not answer, or throttles; a retry may succeed.
        """
