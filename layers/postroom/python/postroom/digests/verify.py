"""Verifies audit records in a customer's bucket: digests first, then the objects that they list, then all others.

The stack's table is asked for two things only: the head of each chain, so that a verification finds digests that
were deleted at the end, and the objects that no digest lists yet. Everything else is proved by the signatures.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from postroom.contracts import audit_digests
from postroom.digests import chain_check
from postroom.errors import AuditRefusedError, ConflictError
from postroom.model.audit_chains import LOGS
from postroom.model.audit_findings import Finding, FindingKind
from postroom.model.limits import HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from postroom.contracts.audit_digests import ListedFile
    from postroom.digests.chain_check import CheckedChain
    from postroom.model.audit_chains import AuditChain
    from postroom.model.audit_targets import Place
    from postroom.ports.audit_chains import AuditChains, OpenObject
    from postroom.ports.digest_objects import DigestObjects

MAX_READS: Final = 5
"""How many times a chain is read again because a digest was written meanwhile. Ours."""

LATE_MS: Final = 2 * HOUR_MS
"""Time after the end of an hour at which its digest is overdue, in milliseconds. Ours: it comes in the next hour."""

RECORDS: Final = "WorkMail/"


@dataclass(frozen=True, slots=True)
class VerifiedChain:
    """What was found of one chain.

    Attributes:
        digests: how many digests are right.
        objects: how many objects were read, those that are open included.
        records: how many records the digests count in them.
        first_ms: start of the oldest digest that is right, and ``last_ms`` the end of the newest; None without one.
        opened: objects that no digest lists yet.
        open_since_ms: from then on, nothing is proved yet; None if the chain rests.
        unfinished: objects of which a digest says that they may be missing, and that are.
    """

    chain: AuditChain
    digests: int
    objects: int
    records: int
    first_ms: int | None
    last_ms: int | None
    opened: int
    open_since_ms: int | None
    unfinished: int
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class _Seen:
    """One view of a chain; listings come first, so that what moves from open to listed meanwhile is in one of them."""

    head: AuditChain
    objects: Sequence[str]
    opened: Sequence[OpenObject]
    checked: CheckedChain


@dataclass(frozen=True, slots=True)
class Verification:
    """Verifies chains; ``public_keys`` are DER, ``now_ms`` is the time, ``since_ms`` when proofs must begin."""

    chains: AuditChains
    objects: DigestObjects
    public_keys: Sequence[bytes]
    stack: Place
    now_ms: int
    since_ms: int = 0

    def run(self, organization_id: str = "") -> Iterator[VerifiedChain]:
        """Verify every chain, or those of one organization; a bucket that refuses does not stop the others.

        Raises:
            StoreUnavailableError: the table or S3 did not answer.
            ConflictError: digests were written again and again meanwhile.
        """
        heads = self.chains.chains()
        for head in heads:
            if organization_id in ("", head.organization_id):
                neighbours = [each for each in heads if (each.bucket, each.prefix) == (head.bucket, head.prefix)]
                try:
                    yield self._verified(self._seen(head), neighbours)
                except AuditRefusedError as error:
                    yield _refused(head, str(error))

    def _seen(self, head: AuditChain) -> _Seen:
        for _ in range(MAX_READS):
            objects = list(self.objects.keys(head.bucket, f"{head.prefix}{LOGS}{self.stack.account}/{RECORDS}"))
            opened = list(self.chains.open_objects(head))
            seen = _Seen(head, objects, opened, self._checked(head))
            newest = next(each for each in self.chains.chains() if each.place == head.place)
            if newest == head:
                return seen
            head = newest
        raise ConflictError("digests are being written; verify again")

    def _checked(self, head: AuditChain) -> CheckedChain:
        folder = audit_digests.folder(head, self.stack)
        found = {key: self.objects.get(head.bucket, key) for key in self.objects.keys(head.bucket, folder)}
        stored = {key: each for key, each in found.items() if each is not None}
        return chain_check.check(head, stored, self.public_keys, self.stack, self.since_ms)

    def _verified(self, seen: _Seen, neighbours: Sequence[AuditChain]) -> VerifiedChain:
        links = [link.digest for link in seen.checked.links if link.digest.end_ms > self.since_ms]
        count = _Count()
        listed = {file.key: file for digest in links for file in digest.files}
        for file in listed.values():
            self._check(seen.head, file.key, file.sha256, count)
        count.records = sum(file.records for file in listed.values())
        unfinished = [file for digest in links for file in digest.unfinished if file.key not in listed]
        self._check_unfinished(seen.head, unfinished, count)
        opened = [each for each in seen.opened if each.written.key not in listed]
        for each in opened:
            if each.complete or each.written.key in seen.objects:
                self._check(seen.head, each.written.key, each.written.sha256, count, detail="no digest lists it yet")
        self._check_added(seen, neighbours, count)
        self._check_time(seen, count)
        return VerifiedChain(
            chain=seen.head,
            digests=len(links),
            objects=count.objects,
            records=count.records,
            first_ms=links[0].start_ms if links else None,
            last_ms=links[-1].end_ms if links else None,
            opened=len(opened),
            open_since_ms=None if seen.head.final and not opened else (links[-1].end_ms if links else seen.head.end_ms),
            unfinished=count.missing,
            findings=sorted([*seen.checked.findings, *count.findings]),
        )

    def _check(self, head: AuditChain, key: str, sha256: str, count: _Count, *, detail: str = "") -> None:
        found = self.objects.sha256(head.bucket, key)
        count.objects += found is not None
        if found is None:
            count.findings.append(Finding(FindingKind.OBJECT_DELETED, key, detail))
        elif found != sha256:
            count.findings.append(Finding(FindingKind.OBJECT_CHANGED, key, detail))

    def _check_unfinished(self, head: AuditChain, files: Iterable[ListedFile], count: _Count) -> None:
        for file in files:
            found = self.objects.sha256(head.bucket, file.key)
            count.missing += found is None
            if found is not None and found != file.sha256:
                count.findings.append(Finding(FindingKind.OBJECT_CHANGED, file.key))
            count.objects += found is not None

    def _check_added(self, seen: _Seen, neighbours: Sequence[AuditChain], count: _Count) -> None:
        """Look for objects that nothing names, of those whose keys name no other organization alone.

        A key without an organization's id, or with several, belongs to any that writes there.
        """
        known = _keys(seen.opened, seen.checked)
        unknown = [key for key in seen.objects if key not in known]
        others = [each for each in neighbours if each.place != seen.head.place]
        ids, own = {each.organization_id for each in others}, {seen.head.organization_id}
        left = [key for key in unknown if _names_one_of(key, own) or not _names_one_of(key, ids)]
        if left and others:
            theirs = self._keys_of(others)
            left = [key for key in left if key not in theirs]
        detail = "a digest that is missing or changed may have listed it" if seen.checked.findings else ""
        count.findings.extend(Finding(FindingKind.OBJECT_ADDED, key, detail) for key in left)

    def _keys_of(self, chains: Iterable[AuditChain]) -> set[str]:
        return {key for each in chains for key in _keys(self.chains.open_objects(each), self._checked(each))}

    def _check_time(self, seen: _Seen, count: _Count) -> None:
        head = seen.head
        ends = [head.end_ms, *(link.digest.end_ms for link in seen.checked.links)]
        if not head.final and self.now_ms > max(ends) + HOUR_MS + LATE_MS:
            due = audit_digests.key_of(head, self.stack, max(ends) + HOUR_MS)
            count.findings.append(Finding(FindingKind.DIGEST_OVERDUE, due))


def _refused(head: AuditChain, cause: str) -> VerifiedChain:
    finding = Finding(FindingKind.BUCKET_REFUSES, head.bucket, cause)
    return VerifiedChain(head, 0, 0, 0, None, None, 0, None, 0, [finding])


@dataclass(slots=True)
class _Count:
    objects: int = 0
    records: int = 0
    missing: int = 0
    findings: list[Finding] = field(default_factory=list)


def _keys(opened: Iterable[OpenObject], checked: CheckedChain) -> set[str]:
    """Return the keys of the objects of a chain that are open or in a digest."""
    listed = (file.key for link in checked.links for file in (*link.digest.files, *link.digest.unfinished))
    return {*(each.written.key for each in opened), *listed}


def _names_one_of(key: str, organization_ids: Iterable[str]) -> bool:
    """Say whether a folder of a key is an organization's: its id, alone or behind a name as Hive has it."""
    folders = {folder.rpartition("=")[2] for folder in key.split("/")}
    return not folders.isdisjoint(organization_ids)
