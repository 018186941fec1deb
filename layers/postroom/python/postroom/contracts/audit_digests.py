"""Digests: what an organization's objects at one place were, hour by hour, chained and signed as CloudTrail's are.

The names are CloudTrail's (log file validation, "digest file structure"), and so are the place of a digest, the text
that is signed, and the signature in the object's metadata. Ours: ``organizationId``, ``digestNumber``,
``digestFinal``, ``unfinishedFiles``, ``size`` and ``records``; hashes are those of the bytes as they are stored, so
that ``sha256sum`` of a download shows them, where CloudTrail's are those of the uncompressed bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from postroom.errors import UnreadableDigestError
from postroom.model.audit_chains import LOGS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.model.audit_chains import AuditChain
    from postroom.model.audit_targets import Place

FOLDER: Final = "WorkMail-Digest"
"""Beside ``WorkMail``, so that a table over the records reads no digest. CloudTrail's is ``CloudTrail-Digest``."""

SIGNATURE: Final = "signature"
SIGNATURE_ALGORITHM: Final = "signature-algorithm"
"""Metadata of a digest's object. Source: CloudTrail."""

RSA: Final = "SHA256withRSA"
"""RSASSA-PKCS1-v1_5 with SHA-256: the same text has the same signature, so that a digest can be written again."""

SHA_256: Final = "SHA-256"


@dataclass(frozen=True, slots=True)
class ListedFile:
    """An object; ``sha256`` in hexadecimal digits, ``size`` in bytes, ``records`` is its lines without a header."""

    key: str
    sha256: str
    size: int
    records: int


@dataclass(frozen=True, slots=True)
class Previous:
    """The digest before; hash and signature in hexadecimal digits."""

    key: str
    sha256: str
    signature: str


@dataclass(frozen=True, slots=True)
class Digest:
    """One digest.

    Attributes:
        start_ms: milliseconds since the epoch, as ``end_ms``, which is exclusive.
        number: 1 for the first of a chain.
        final: the chain rests: the organization has no delivery here, until a later digest begins at another hour.
        files: objects that were stored before the digest's end, and are in no digest before.
        unfinished: objects that may or may not have been stored: a writer stopped between its calls. Their records
            were written again.
    """

    account: str
    organization_id: str
    bucket: str
    key: str
    start_ms: int
    end_ms: int
    number: int
    fingerprint: str
    previous: Previous | None = None
    final: bool = False
    files: Sequence[ListedFile] = ()
    unfinished: Sequence[ListedFile] = ()


def key_of(chain: AuditChain, stack: Place, end_ms: int) -> str:
    """Return the key of the digest that ends then."""
    end = _date(end_ms)
    file = f"{stack.account}_{FOLDER}_{stack.region}_{chain.organization_id}_{end:%Y%m%dT%H%M%SZ}.json.gz"
    return f"{folder(chain, stack)}{end:%Y/%m/%d}/{file}"


def folder(chain: AuditChain, stack: Place) -> str:
    """Return what the keys of a chain's digests begin with."""
    return f"{chain.prefix}{LOGS}{stack.account}/{FOLDER}/{stack.region}/{chain.organization_id}/"


def to_bytes(digest: Digest) -> bytes:
    """Return a digest's bytes as they are stored: the same for the same digest."""
    before = digest.previous
    body = {
        "awsAccountId": digest.account,
        "organizationId": digest.organization_id,
        "digestStartTime": _text(digest.start_ms),
        "digestEndTime": _text(digest.end_ms),
        "digestS3Bucket": digest.bucket,
        "digestS3Object": digest.key,
        "digestNumber": digest.number,
        "digestFinal": digest.final,
        "digestPublicKeyFingerprint": digest.fingerprint,
        "digestSignatureAlgorithm": RSA,
        "previousDigestS3Bucket": digest.bucket if before else None,
        "previousDigestS3Object": before.key if before else None,
        "previousDigestHashValue": before.sha256 if before else None,
        "previousDigestHashAlgorithm": SHA_256 if before else None,
        "previousDigestSignature": before.signature if before else None,
        "logFiles": [_file_body(digest.bucket, each) for each in digest.files],
        "unfinishedFiles": [_file_body(digest.bucket, each) for each in digest.unfinished],
    }
    return gzip.compress(json.dumps(body, indent=1, ensure_ascii=False).encode(), mtime=0)


def read(content: bytes) -> Digest:
    """Read a digest's bytes as they are stored.

    Raises:
        UnreadableDigestError: they are no digest.
    """
    try:
        return _read(json.loads(gzip.decompress(content)))
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableDigestError(type(error).__name__) from error


def signed_text(digest: Digest, content: bytes) -> bytes:
    """Return what is signed, and so binds a digest to its time, its place and the digest before.

    Source: CloudTrail, "custom implementations of CloudTrail log file integrity validation".
    """
    before = digest.previous.signature if digest.previous else "null"
    place = f"{digest.bucket}/{digest.key}"
    return "\n".join((_text(digest.end_ms), place, hashlib.sha256(content).hexdigest(), before)).encode()


def metadata(signature: bytes) -> dict[str, str]:
    """Return the metadata of a digest's object."""
    return {SIGNATURE: signature.hex(), SIGNATURE_ALGORITHM: RSA}


def signature_of(found: Mapping[str, str]) -> bytes:
    """Return the signature in an object's metadata; nothing if it has none that can be read."""
    try:
        return bytes.fromhex(found.get(SIGNATURE, "")) if found.get(SIGNATURE_ALGORITHM) == RSA else b""
    except ValueError:
        return b""


def advanced(chain: AuditChain, digest: Digest, content: bytes, signature: bytes) -> AuditChain:
    """Return the head of a chain after a digest that was stored."""
    return replace(
        chain,
        end_ms=digest.end_ms,
        digests=digest.number,
        key=digest.key,
        sha256=hashlib.sha256(content).hexdigest(),
        signature=signature.hex(),
        final=digest.final,
        settled=not (digest.files or digest.unfinished),
    )


def _file_body(bucket: str, file: ListedFile) -> dict[str, Any]:
    return {
        "s3Bucket": bucket,
        "s3Object": file.key,
        "hashValue": file.sha256,
        "hashAlgorithm": SHA_256,
        "size": file.size,
        "records": file.records,
    }


def _read(body: Mapping[str, Any]) -> Digest:
    before = body["previousDigestS3Object"]
    previous = (
        None
        if before is None
        else Previous(before, str(body["previousDigestHashValue"]), str(body["previousDigestSignature"]))
    )
    return Digest(
        account=body["awsAccountId"],
        organization_id=body["organizationId"],
        bucket=body["digestS3Bucket"],
        key=body["digestS3Object"],
        start_ms=_milliseconds(body["digestStartTime"]),
        end_ms=_milliseconds(body["digestEndTime"]),
        number=int(body["digestNumber"]),
        fingerprint=body["digestPublicKeyFingerprint"],
        previous=previous,
        final=bool(body["digestFinal"]),
        files=tuple(map(_file, body["logFiles"])),
        unfinished=tuple(map(_file, body["unfinishedFiles"])),
    )


def _file(body: Mapping[str, Any]) -> ListedFile:
    return ListedFile(str(body["s3Object"]), str(body["hashValue"]), int(body["size"]), int(body["records"]))


def _date(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms // 1000, UTC)


def _text(at_ms: int) -> str:
    return f"{_date(at_ms):%Y-%m-%dT%H:%M:%SZ}"


def _milliseconds(text: str) -> int:
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()) * 1000
