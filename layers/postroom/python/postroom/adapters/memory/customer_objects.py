"""Customers' objects in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from postroom.contracts.message_flow import InvalidContentLocation, MessageRejected
from postroom.model.consent import ALL
from postroom.model.limits import MB

if TYPE_CHECKING:
    from postroom.contracts.message_flow import S3Reference


@dataclass(slots=True)
class MemoryBucket:
    """One bucket.

    Attributes:
        meant_for: ids of organizations, or ``ALL``.
        objects: all versions of each object, in order; their ids are "1", "2" and so on.
    """

    account: str = "123456789012"
    region: str = "us-east-1"
    denied: bool = False
    meant_for: tuple[str, ...] = (ALL,)
    objects: dict[str, list[bytes]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MemoryCustomerObjects:
    """Implements ``CustomerObjects``. ``own`` holds the names of the stack's buckets."""

    account: str = "123456789012"
    region: str = "us-east-1"
    own: frozenset[str] = frozenset()
    buckets: dict[str, MemoryBucket] = field(default_factory=dict)

    def read(self, reference: S3Reference, organization_id: str, *, limit_bytes: int) -> bytes:
        bucket = self.buckets.get(reference.bucket)
        if reference.bucket in self.own:
            raise InvalidContentLocation(f"The bucket {reference.bucket} is the mail system's own.")
        if bucket is None:
            raise InvalidContentLocation(f"There is no bucket {reference.bucket}.")
        if bucket.account != self.account:
            raise InvalidContentLocation(f"The bucket {reference.bucket} belongs to another account.")
        if bucket.region != self.region:
            raise InvalidContentLocation(f"The bucket {reference.bucket} is in {bucket.region}, not in {self.region}.")
        if organization_id not in bucket.meant_for and ALL not in bucket.meant_for:
            raise InvalidContentLocation(
                f"The bucket {reference.bucket} is not meant for messages of {organization_id}."
            )
        if bucket.denied:
            raise InvalidContentLocation(f"Access to {reference} is denied.")
        versions = bucket.objects.get(reference.key, [])
        if not versions:
            raise InvalidContentLocation(f"There is no object {reference}.")
        named = reference.version or str(len(versions))
        number = int(named) if named.isdigit() else 0
        if not 1 <= number <= len(versions):
            raise InvalidContentLocation(f"There is no such version: {reference}.")
        content = versions[number - 1]
        if len(content) > limit_bytes:
            raise MessageRejected(f"The object is larger than {limit_bytes // MB} MB.")
        return content
