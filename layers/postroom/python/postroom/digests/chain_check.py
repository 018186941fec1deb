"""Checks the digests of one chain against each other, and against the head that the stack knows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from postroom.contracts import audit_digests
from postroom.contracts.audit_digests import Previous
from postroom.digests.signatures import fingerprint, is_signed
from postroom.errors import UnreadableDigestError
from postroom.model.audit_findings import Finding, FindingKind
from postroom.model.limits import HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from postroom.contracts.audit_digests import Digest
    from postroom.model.audit_chains import AuditChain
    from postroom.model.audit_targets import Place
    from postroom.ports.digest_objects import StoredObject


@dataclass(frozen=True, slots=True)
class Link:
    """A digest with the hash and the signature of its object, in hexadecimal digits."""

    digest: Digest
    sha256: str
    signature: str


@dataclass(slots=True)
class CheckedChain:
    """``links`` are the digests whose signatures are right, by number; ``ahead`` is how many the head does not know."""

    links: list[Link] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    ahead: int = 0


def check(
    head: AuditChain,
    stored: Mapping[str, StoredObject],
    public_keys: Iterable[bytes],
    stack: Place,
    since_ms: int,
) -> CheckedChain:
    """Check a chain.

    Args:
        head: as the stack knows it.
        stored: every object in the folder of the chain's digests, by key.
        public_keys: as DER; a chain may have been signed by several.
        stack: where it runs.
        since_ms: digests that ended until then need not be there: their objects may have been removed by age.
    """
    checked = CheckedChain()
    keys = {fingerprint(each): each for each in public_keys}
    for key, found in sorted(stored.items()):
        link = _link(head, key, found, keys)
        if isinstance(link, Link):
            checked.links.append(link)
        else:
            checked.findings.append(link)
    names = _Names(head, stack, since_ms, frozenset(finding.key for finding in checked.findings))
    checked.links.sort(key=lambda link: (link.digest.number, link.digest.key))
    _check_start(checked, names)
    for before, after in pairwise(checked.links):
        _check_pair(checked, names, before, after)
    _check_end(checked, names, head)
    checked.findings.sort()
    return checked


@dataclass(frozen=True, slots=True)
class _Names:
    """The keys that digests of a chain have; ``wrong`` are those of objects with a finding of their own."""

    head: AuditChain
    stack: Place
    since_ms: int
    wrong: frozenset[str]

    def missing(self, start_ms: int, end_ms: int, count: int, detail: str) -> list[Finding]:
        """Return findings of ``count`` deleted digests between two times, without those that need not be there.

        Where the chain rested between them, there were more hours than digests, and the last hours are named.
        """
        hours = range(start_ms + HOUR_MS, end_ms + 1, HOUR_MS)[-count:]
        keys = [audit_digests.key_of(self.head, self.stack, each) for each in hours if each > self.since_ms]
        return [Finding(FindingKind.DIGEST_DELETED, key, detail) for key in keys if key not in self.wrong]


def _link(head: AuditChain, key: str, found: StoredObject, keys: Mapping[str, bytes]) -> Link | Finding:
    """Read an object in the folder of digests; return what is wrong with it, if anything is."""
    try:
        digest = audit_digests.read(found.content)
    except UnreadableDigestError as error:
        return Finding(FindingKind.DIGEST_UNREADABLE, key, str(error))
    if (digest.bucket, digest.key, digest.organization_id) != (head.bucket, key, head.organization_id):
        return Finding(FindingKind.DIGEST_MOVED, key, f"it belongs to {digest.bucket}/{digest.key}")
    if digest.fingerprint not in keys:
        return Finding(FindingKind.DIGEST_UNKNOWN_KEY, key, f"fingerprint {digest.fingerprint}")
    if not is_signed(digest, found, keys[digest.fingerprint]):
        return Finding(FindingKind.DIGEST_SIGNATURE_WRONG, key)
    signature = audit_digests.signature_of(found.metadata).hex()
    return Link(digest, hashlib.sha256(found.content).hexdigest(), signature)


def _check_start(checked: CheckedChain, names: _Names) -> None:
    if not checked.links:
        return
    first = checked.links[0].digest
    missing = first.number - 1
    if missing:
        start_ms = first.start_ms - missing * HOUR_MS
        checked.findings += names.missing(start_ms, first.start_ms, missing, f"before digest {first.number}")


def _check_pair(checked: CheckedChain, names: _Names, before: Link, after: Link) -> None:
    first, second = before.digest, after.digest
    missing = second.number - first.number - 1
    if missing > 0:
        detail = f"between {first.number} and {second.number}"
        checked.findings += names.missing(first.end_ms, second.start_ms, missing, detail)
        return
    said = second.previous
    if missing < 0 or said != Previous(first.key, before.sha256, before.signature):
        detail = f"digest {second.number} continues another one than this"
        checked.findings.append(Finding(FindingKind.DIGEST_REPLACED, first.key, detail))
    if second.start_ms != first.end_ms and not (first.final and second.start_ms > first.end_ms):
        checked.findings.append(Finding(FindingKind.CHAIN_GAP, second.key))


def _check_end(checked: CheckedChain, names: _Names, head: AuditChain) -> None:
    known = [link for link in checked.links if link.digest.number <= head.digests]
    checked.ahead = len(checked.links) - len(known)
    last = known[-1] if known else None
    number, end_ms = (last.digest.number, last.digest.end_ms) if last else (0, head.end_ms - head.digests * HOUR_MS)
    if number < head.digests:
        detail = f"the newest is digest {head.digests}"
        checked.findings += names.missing(end_ms, head.end_ms, head.digests - number, detail)
    elif last is not None and (last.sha256, last.signature) != (head.sha256, head.signature):
        detail = "it is not the one that the stack wrote last"
        checked.findings.append(Finding(FindingKind.DIGEST_REPLACED, last.digest.key, detail))
    if checked.ahead > 1:
        newest = checked.links[-1].digest
        detail = f"digest {newest.number} is signed; the head knows {head.digests}"
        checked.findings.append(Finding(FindingKind.HEAD_BEHIND, newest.key, detail))
