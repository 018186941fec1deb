"""The audit records that destinations have after a run, and what must hold of them."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import boto3
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from postroom.model.audit_deliveries import DestinationKind
from tests.support.audit_targets import BUCKET, Targets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.faults.evidence import Fact

Audited = tuple[str, str]
"""The flow and the mailbox of an audited delivery."""

NAMES: Final = {"CWL": "the log group", "S3": "the bucket", "FH": "the stream"}


def audited_deliveries() -> dict[str, Counter[Audited]]:
    """Return what each destination has: how often each delivery."""
    found: dict[str, Counter[Audited]] = {}
    targets = Targets(0)
    for kind in DestinationKind:
        records = [json.loads(text) for text in targets.texts(kind)]
        found[kind.value] = Counter((record["request_id"], record["owner_id"]) for record in records)
    return found


def troubles(
    facts: list[Fact], destinations: Mapping[str, Counter[Audited]], *, once: bool
) -> Iterator[tuple[bool, str]]:
    """Yield what is wrong: whether a record is lost, and the text. With ``once`` no record may be doubled."""
    wanted = {(fact.trace, fact.data["mailboxId"]) for fact in facts if fact.name == "MAILBOX_EMAIL_DELIVERED"}
    for kind, records in destinations.items():
        for _, mailbox in wanted - records.keys():
            yield True, f"{NAMES[kind]} has no record of the delivery to {mailbox}"
        for _, mailbox in records.keys() - wanted:
            yield False, f"{NAMES[kind]} has a record of a delivery to {mailbox} that never was"
        if once and any(number > 1 for number in records.values()):
            yield False, f"{NAMES[kind]} has a record twice, though nothing went wrong"


@dataclass(frozen=True, slots=True)
class Proofs:
    """What a bucket has of one chain: digests by key with their signatures, and the objects' hashes by key.

    ``head`` is the row that names the newest digest, and ``left`` counts the rows of objects that no digest lists.
    """

    digests: Mapping[str, tuple[bytes, bytes]]
    objects: Mapping[str, str]
    head: Mapping[str, Any]
    left: int
    public_key: bytes


def proofs(rows: Sequence[Mapping[str, Any]], key_arn: str) -> Proofs:
    """Read a bucket and the rows of TransitTable."""
    s3, targets = boto3.client("s3"), Targets(0)
    stored = targets.objects(BUCKET)
    signatures = {key: s3.head_object(Bucket=BUCKET, Key=key)["Metadata"] for key in stored if "-Digest/" in key}
    (head,) = [row for row in rows if row["pk"]["S"] == "audit-chains"]
    return Proofs(
        {key: (stored[key], bytes.fromhex(metadata["signature"])) for key, metadata in signatures.items()},
        {key: hashlib.sha256(body).hexdigest() for key, body in stored.items() if key not in signatures},
        head,
        sum(row["pk"]["S"].startswith("audit:") for row in rows),
        boto3.client("kms").get_public_key(KeyId=key_arn)["PublicKey"],
    )


def unproved(found: Proofs, *, once: bool) -> Iterator[str]:
    """Yield what is wrong with a chain: it has one end, every signature is right, and every object is listed.

    An object that is put again after its digest is listed again; with ``once`` there is none.
    """
    before, listed = ("", "", "null"), Counter[tuple[str, str]]()
    for key in sorted(found.digests):
        content, signature = found.digests[key]
        digest = json.loads(gzip.decompress(content))
        said = (digest["previousDigestS3Object"] or "", digest["previousDigestHashValue"] or "")
        if said != before[:2] or (digest["previousDigestSignature"] or "null") != before[2]:
            yield f"{key} does not continue the digest before it"
        hashed = hashlib.sha256(content).hexdigest()
        text = "\n".join((digest["digestEndTime"], f"{BUCKET}/{key}", hashed, before[2]))
        try:
            public_key: Any = load_der_public_key(found.public_key)
            public_key.verify(signature, text.encode(), PKCS1v15(), SHA256())
        except InvalidSignature:
            yield f"{key} has a wrong signature"
        before = (key, hashed, signature.hex())
        listed.update((file["s3Object"], file["hashValue"]) for file in digest["logFiles"])
    if (found.head["key"]["S"], found.head["sha256"]["S"]) != before[:2]:
        yield "the head of the chain is not its newest digest"
    if listed.keys() != set(found.objects.items()):
        yield "the digests do not list the objects that are stored"
    if once and any(number > 1 for number in listed.values()):
        yield "an object is listed twice, though nothing went wrong"
    if found.left:
        yield f"{found.left} objects are still to be listed"
