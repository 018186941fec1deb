"""What a verification of audit records finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FindingKind(StrEnum):
    """One way in which what is stored is not what the stack wrote."""

    OBJECT_CHANGED = "OBJECT_CHANGED"
    OBJECT_DELETED = "OBJECT_DELETED"
    OBJECT_ADDED = "OBJECT_ADDED"
    DIGEST_DELETED = "DIGEST_DELETED"
    DIGEST_UNREADABLE = "DIGEST_UNREADABLE"
    DIGEST_MOVED = "DIGEST_MOVED"
    DIGEST_UNKNOWN_KEY = "DIGEST_UNKNOWN_KEY"
    DIGEST_SIGNATURE_WRONG = "DIGEST_SIGNATURE_WRONG"
    DIGEST_REPLACED = "DIGEST_REPLACED"
    CHAIN_GAP = "CHAIN_GAP"
    HEAD_BEHIND = "HEAD_BEHIND"
    DIGEST_OVERDUE = "DIGEST_OVERDUE"
    BUCKET_REFUSES = "BUCKET_REFUSES"


MEANINGS = {
    FindingKind.OBJECT_CHANGED: "its bytes are not those that were written",
    FindingKind.OBJECT_DELETED: "it was written, and is missing",
    FindingKind.OBJECT_ADDED: "no digest lists it, and the stack is not about to",
    FindingKind.DIGEST_DELETED: "the digest was written, and is missing",
    FindingKind.DIGEST_UNREADABLE: "the object in the place of a digest is none",
    FindingKind.DIGEST_MOVED: "the digest says that it belongs elsewhere",
    FindingKind.DIGEST_UNKNOWN_KEY: "the digest names a key that is not the stack's",
    FindingKind.DIGEST_SIGNATURE_WRONG: "the digest's bytes or signature were changed",
    FindingKind.DIGEST_REPLACED: "the digest is signed, and is not the one that the chain continues",
    FindingKind.CHAIN_GAP: "the digest does not begin where the one before ends",
    FindingKind.HEAD_BEHIND: "the stack's table knows less than the bucket: it may have been restored",
    FindingKind.BUCKET_REFUSES: "the bucket is missing or cannot be read, so nothing in it can be verified",
    FindingKind.DIGEST_OVERDUE: "the digest should have been written by now: is write_audit_digests failing?",
}
"""Each kind in words."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One finding; ``key`` is the object's, and ``detail`` may say more."""

    kind: FindingKind
    key: str
    detail: str = ""
