"""What was written to customers' buckets: a row per object, before it is put and after, for the digests.

A digest can name only what is known to have been written, and an object that nothing names looks like one that was
added by another. So the row comes first; an object without a row does not exist unless it was put by another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class WrittenObject:
    """One object as it is put; the same content of the same records has the same key, so it may be put again.

    Attributes:
        delivery_id: of ``AuditDelivery.id``.
        sha256: of the object's bytes (compressed, as they are stored), in lower-case hexadecimal digits.
        size_bytes: of the same bytes.
        at_ms: when it is put, in milliseconds since the epoch: not the time of its records.
        records: how many lines it has, a header excluded.
    """

    organization_id: str
    delivery_id: str
    bucket: str
    key: str
    sha256: str
    size_bytes: int
    at_ms: int
    records: int


class WrittenObjects(Protocol):
    """Used by several threads. Suite: tests/contract/test_written_objects.py."""

    def intend(self, objects: Sequence[WrittenObject]) -> None:
        """Keep that objects are about to be put. A repetition, with a later time, changes nothing that is complete.

        Raises:
            StoreUnavailableError: some may not be kept; the caller puts none of them.
        """

    def complete(self, objects: Sequence[WrittenObject]) -> None:
        """Keep that objects were put, and so are durable.

        Raises:
            StoreUnavailableError: some are intended still. Whether such an object exists has to be looked up in its
                bucket, as after a stop between the put and this call: it is complete if it has the row's hash.
        """
