"""Objects in customers' own buckets, read where a caller says that they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from postroom.contracts.message_flow import S3Reference


class CustomerObjects(Protocol):
    """Suite: tests/contract/test_customer_objects.py."""

    def read(self, reference: S3Reference, *, limit_bytes: int) -> bytes:
        """Return an object's bytes as one version of it holds them, read once: what changes meanwhile is not mixed in.

        Args:
            limit_bytes: largest size; nothing of a larger object is read.

        Raises:
            InvalidContentLocation: no such bucket, object or version; another account's bucket, another Region's, or
                one of ours; a policy or a key that denies it. The text says which.
            MessageRejected: the object is larger than ``limit_bytes``.
            StoreUnavailableError: S3 did not answer, or throttled.
        """
