"""Objects in customers' buckets, as digests need them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object's bytes, and its own metadata with names in lower case."""

    content: bytes
    metadata: Mapping[str, str]


class DigestObjects(Protocol):
    """Suite: tests/contract/test_digest_objects.py.

    Every method raises AuditRefusedError if the bucket is missing, or if it or a policy refuses, and
    StoreUnavailableError if S3 did not answer.
    """

    def put_new(self, bucket: str, key: str, stored: StoredObject) -> bool:
        """Store an object unless there is one under its key; say whether it was stored.

        After a lost answer, ``False`` may mean the caller's own object.
        """

    def put(self, bucket: str, key: str, stored: StoredObject) -> None:
        """Store an object, whatever there is under its key."""

    def get(self, bucket: str, key: str) -> StoredObject | None:
        """Return an object, if there is one."""

    def sha256(self, bucket: str, key: str) -> str | None:
        """Return the SHA-256 of an object's bytes as hexadecimal digits, if there is one; its bytes are not kept."""

    def keys(self, bucket: str, prefix: str) -> Iterator[str]:
        """Yield the keys with a prefix, in the order of their UTF-8 bytes."""
