"""Objects in customers' buckets, in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from postroom.errors import AuditRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.ports.digest_objects import StoredObject


@dataclass(frozen=True, slots=True)
class MemoryDigestObjects:
    """Implements ``DigestObjects``. A bucket exists if it is in ``buckets``: objects by key."""

    buckets: dict[str, dict[str, StoredObject]] = field(default_factory=dict)

    def put_new(self, bucket: str, key: str, stored: StoredObject) -> bool:
        return self._objects(bucket).setdefault(key, stored) is stored

    def put(self, bucket: str, key: str, stored: StoredObject) -> None:
        self._objects(bucket)[key] = stored

    def get(self, bucket: str, key: str) -> StoredObject | None:
        return self._objects(bucket).get(key)

    def sha256(self, bucket: str, key: str) -> str | None:
        found = self._objects(bucket).get(key)
        return None if found is None else hashlib.sha256(found.content).hexdigest()

    def keys(self, bucket: str, prefix: str) -> Iterator[str]:
        yield from sorted((key for key in self._objects(bucket) if key.startswith(prefix)), key=str.encode)

    def _objects(self, bucket: str) -> dict[str, StoredObject]:
        if bucket not in self.buckets:
            raise AuditRefusedError(f"NoSuchBucket at the bucket {bucket}")
        return self.buckets[bucket]
