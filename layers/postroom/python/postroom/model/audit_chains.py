"""The chains of digests that prove objects of audit records (docs/decisions/0034).

A digest covers one hour. Source: CloudTrail, log file validation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from postroom.model.limits import HOUR_MS

LOGS: Final = "AWSLogs/"
"""What follows a bucket's own prefix in every key. Source: CloudWatch Logs, vended logs in S3."""


@dataclass(frozen=True, slots=True)
class AuditChain:
    """The digests of one organization at one place, as far as the stack has written them: the head of the chain.

    Attributes:
        prefix: the destination's own: what keys have before ``AWSLogs/``; empty, or with a slash at the end.
        end_ms: the end of the newest digest, or the start of the first one before there is any.
        digests: how many there are.
        key: of the newest digest; empty without one, as are its hash and its signature.
        sha256: of the newest digest's bytes as they are stored, in hexadecimal digits.
        signature: of the newest digest, in hexadecimal digits.
        final: the newest digest says that the chain rests.
        settled: the objects that the newest digest lists are no longer open.
    """

    organization_id: str
    bucket: str
    prefix: str
    end_ms: int
    digests: int = 0
    key: str = ""
    sha256: str = ""
    signature: str = ""
    final: bool = False
    settled: bool = True

    @property
    def place(self) -> str:
        """Unique in the stack."""
        return place(self.organization_id, self.bucket, self.prefix)


def place(organization_id: str, bucket: str, prefix: str) -> str:
    """Return what names a chain."""
    return f"{organization_id}/{bucket}/{prefix}"


def prefix_of(key: str) -> str:
    """Return the prefix of an object's destination; it contains no ``AWSLogs/`` itself."""
    prefix, logs, _ = key.partition(LOGS)
    return prefix if logs else ""


def begun(organization_id: str, bucket: str, key: str, at_ms: int) -> AuditChain:
    """Return the head of a chain that begins with an object: before its first digest, at the start of an hour."""
    return AuditChain(organization_id, bucket, prefix_of(key), at_ms // HOUR_MS * HOUR_MS)
