"""Chains of digests in a bucket in memory: what writes them, what verifies them, and what may be changed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Final

from postroom.adapters.memory.digest_objects import MemoryDigestObjects
from postroom.adapters.memory.digest_signatures import MemoryDigestSigner
from postroom.adapters.memory.written_objects import MemoryWrittenObjects
from postroom.contracts import audit_digests
from postroom.digests.verify import Verification, VerifiedChain
from postroom.digests.write import DELAY_MS, AuditDigests
from postroom.model.audit_deliveries import AuditDelivery, DestinationKind, LogType, OutputFormat
from postroom.model.audit_targets import Place
from postroom.model.limits import HOUR_MS
from postroom.ports.digest_objects import DigestObjects, StoredObject
from postroom.ports.written_objects import WrittenObject
from tests.support.builders import NOON, ORG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.contracts.audit_digests import Digest
    from postroom.model.audit_chains import AuditChain
    from postroom.ports.audit_chains import AuditChains

ACCOUNT, REGION, BUCKET = "123456789012", "us-east-1", "audit-of-example"
STACK: Final = Place("aws", REGION, ACCOUNT)

AMPLE_MS: Final = 300_000
"""Remaining time of a function that has just begun."""


@cache
def signer() -> MemoryDigestSigner:
    """Return one key for all tests: making a key takes longer than the tests."""
    return MemoryDigestSigner()


@cache
def other_signer() -> MemoryDigestSigner:
    """Return a key that is not the stack's."""
    return MemoryDigestSigner()


def delivery(target: str = f"arn:aws:s3:::{BUCKET}", kind: DestinationKind = DestinationKind.S3) -> AuditDelivery:
    return AuditDelivery("d-1", LogType.AUTHENTICATION, kind, target, OutputFormat.JSON, ("event_timestamp",))


@dataclass
class Deliveries:
    """Implements ``AuditDeliveries`` with the same answer for every organization."""

    configured: Sequence[AuditDelivery] = field(default_factory=lambda: [delivery()])

    def of(self, organization_id: str) -> Sequence[AuditDelivery]:
        return self.configured

    def is_audited(self, organization_id: str, log_type: LogType) -> bool:
        return any(each.log_type is log_type for each in self.configured)


def written(number: int = 1, *, hour: int = 0, organization_id: str = ORG, prefix: str = "") -> WrittenObject:
    """Return an object whose bytes are ``content(number)``, of an hour after noon."""
    return WrittenObject(
        organization_id=organization_id,
        delivery_id="d-1",
        bucket=BUCKET,
        key=f"{prefix}AWSLogs/{ACCOUNT}/WorkMail/{REGION}/{organization_id}/AUTHENTICATION_LOGS/{number:03}.json.gz",
        sha256=hashlib.sha256(content(number)).hexdigest(),
        size_bytes=len(content(number)),
        at_ms=NOON + hour * HOUR_MS + number * 1000,
        records=2,
    )


def content(number: int) -> bytes:
    return f"records {number}".encode()


@dataclass
class Audited:
    """One bucket, and a stack that writes to it. ``at_ms`` is the time."""

    rows: MemoryWrittenObjects = field(default_factory=MemoryWrittenObjects)
    bucket: dict[str, StoredObject] = field(default_factory=dict)
    deliveries: Deliveries = field(default_factory=Deliveries)
    at_ms: int = NOON
    key: MemoryDigestSigner = field(default_factory=signer)
    active: bool = True

    def is_active(self, organization_id: str) -> bool:
        """Say so of every organization."""
        return self.active

    @property
    def objects(self) -> MemoryDigestObjects:
        return MemoryDigestObjects({BUCKET: self.bucket})

    def put(self, one: WrittenObject, *, complete: bool = True) -> WrittenObject:
        """Store an object as the writer does, at once or up to its completion."""
        self.rows.intend([one])
        self.bucket[one.key] = StoredObject(content(int(one.key[-11:-8])), {})
        if complete:
            self.rows.complete([one])
        return one

    def digests(self, *, chains: AuditChains | None = None, objects: DigestObjects | None = None) -> AuditDigests:
        return AuditDigests(
            chains=chains or self.rows,
            objects=objects or self.objects,
            signer=self.key,
            deliveries=self.deliveries,
            owners=self,  # type: ignore[arg-type]  # its is_active alone is asked
            stack=STACK,
            now=lambda: self.at_ms,
        )

    def write(self, *, after_hours: int) -> dict[str, int]:
        """Write what is due when so many hours after noon are over, and the delay."""
        self.at_ms = NOON + after_hours * HOUR_MS + DELAY_MS
        return self.digests().run(lambda: AMPLE_MS)

    def head(self) -> AuditChain:
        (chain,) = self.rows.chains()
        return chain

    def digest_keys(self) -> list[str]:
        return sorted(key for key in self.bucket if audit_digests.FOLDER in key)

    def sign(self, digest: Digest, key: MemoryDigestSigner) -> None:
        """Store a digest with the signature of a key."""
        stored = audit_digests.to_bytes(digest)
        signature = key.sign(audit_digests.signed_text(digest, stored))
        self.bucket[digest.key] = StoredObject(stored, audit_digests.metadata(signature))

    def read(self) -> list[Digest]:
        return [audit_digests.read(self.bucket[key].content) for key in self.digest_keys()]

    def verify(self, *, since_ms: int = 0, keys: Sequence[bytes] = ()) -> VerifiedChain:
        (found,) = self.verification(since_ms=since_ms, keys=keys).run()
        return found

    def verification(self, *, since_ms: int = 0, keys: Sequence[bytes] = ()) -> Verification:
        return Verification(
            chains=self.rows,
            objects=self.objects,
            public_keys=keys or [signer().public_key()],
            stack=STACK,
            now_ms=self.at_ms,
            since_ms=since_ms,
        )


def audited(hours: int = 6) -> Audited:
    """Return a bucket with an object in each of some hours after noon, two in the first, and all digests."""
    made = Audited()
    made.put(written(1))
    for hour in range(hours):
        made.put(written(hour + 2, hour=hour))
    made.write(after_hours=hours)
    return made
