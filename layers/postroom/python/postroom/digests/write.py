"""Writes the digests of audit records: one for every hour of every chain, also for hours without objects.

A digest lists the objects whose rows are open and from before its end. It is written ``DELAY_MS`` after its end: a
writer that began before the end has stopped by then, so an object without a completion is looked up, and what is found
stays. A row that came late is in a later digest.

1. The digest is stored unless there is one under its key, which its hour determines. A run that stopped after this
   step, or one at the same time, has stored one: it is taken over if its signature is ours, and replaced if not.
2. The head of the chain moves to the digest, if no other run has moved it.
3. The objects that the digest lists are no longer open. A run that stopped before this step is continued by the next
   one, which reads the digest again.

So each step may be repeated, and no chain has two ends (docs/decisions/0034).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from postroom.contracts import audit_digests
from postroom.contracts.audit_digests import Digest, ListedFile, Previous
from postroom.digests.signatures import fingerprint, is_signed
from postroom.effects.runs import Run
from postroom.errors import AuditRefusedError, ConflictError, UnreadableDigestError
from postroom.model.audit_deliveries import DestinationKind
from postroom.model.audit_targets import target_of
from postroom.model.limits import HOUR_MS
from postroom.ports.digest_objects import StoredObject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from postroom.model.audit_chains import AuditChain
    from postroom.model.audit_targets import Place
    from postroom.ports.audit_chains import AuditChains, OpenObject
    from postroom.ports.audit_deliveries import AuditDeliveries
    from postroom.ports.digest_objects import DigestObjects
    from postroom.ports.digest_signatures import DigestSigner
    from postroom.ports.directory import MailboxOwners

DELAY_MS: Final = 16 * 60_000
"""Time between the end of a digest's hour and the digest, in milliseconds: longer than a function may run (Lambda: 15
minutes), so that no writer with a row of this hour is still at work. Ours."""


@dataclass(frozen=True, slots=True)
class AuditDigests:
    """Writes digests. ``stack`` is where the stack runs; ``now`` returns milliseconds since the epoch."""

    chains: AuditChains
    objects: DigestObjects
    signer: DigestSigner
    deliveries: AuditDeliveries
    owners: MailboxOwners
    stack: Place
    now: Callable[[], int]

    def run(self, remaining_ms: Callable[[], int]) -> dict[str, int]:
        """Write the digests that are due; an error with one chain does not stop the others, and is raised after them.

        The chain that is furthest behind is first, so that each one's turn comes where time is short.

        Args:
            remaining_ms: returns the milliseconds until the function is stopped.

        Returns:
            ``chains``: how many there are; ``digests``: how many were written; ``replaced``: how many objects that
            were not ours were in the place of a digest.

        Raises:
            PostroomError: the first error.
        """
        run, counts = Run(remaining_ms), {"chains": 0, "digests": 0, "replaced": 0}
        for chain in sorted(self.chains.chains(), key=lambda each: each.end_ms):
            counts["chains"] += 1
            with run.keep_errors():
                self._extend(chain, run, counts)
        return run.result(counts)

    def _extend(self, chain: AuditChain, run: Run, counts: dict[str, int]) -> None:
        try:
            if not chain.settled:
                chain = self._settle(chain)
            while run.has_time():
                begun = self._resumed(chain) if chain.final else chain
                if begun is None or self.now() < begun.end_ms + HOUR_MS + DELAY_MS:
                    return
                chain = self._write(chain, begun.end_ms, counts)
                counts["digests"] += 1
        except ConflictError:  # another run is at work
            return
        except AuditRefusedError:
            if self._is_destination(chain):
                raise
            self._give_up(chain)

    def _give_up(self, chain: AuditChain) -> None:
        """End a chain without a last digest: its bucket refuses one, and no delivery writes there any more."""
        (head,) = [each for each in self.chains.chains() if each.place == chain.place]
        self.chains.listed(head, [each.written.key for each in self.chains.open_objects(head)])
        if not head.final:
            self.chains.advance(head, replace(head, final=True, settled=True))

    def _resumed(self, chain: AuditChain) -> AuditChain | None:
        """Return a chain that rested, from the hour of its first open object on; None if it has none."""
        first = min((each.written.at_ms for each in self.chains.open_objects(chain)), default=None)
        if first is None:
            return None
        return replace(chain, end_ms=max(chain.end_ms, first // HOUR_MS * HOUR_MS))

    def _write(self, chain: AuditChain, start_ms: int, counts: dict[str, int]) -> AuditChain:
        """Write the next digest; return the head that follows it, with its objects settled."""
        public_key = self.signer.public_key()
        made = self._next(chain, start_ms, fingerprint(public_key))
        content = audit_digests.to_bytes(made)
        signature = self.signer.sign(audit_digests.signed_text(made, content))
        stored = StoredObject(content, audit_digests.metadata(signature))
        if not self.objects.put_new(chain.bucket, made.key, stored):
            found = self.objects.get(chain.bucket, made.key)
            earlier = None if found is None else _taken_over(found, made, public_key)
            if found is None or earlier is None:
                self.objects.put(chain.bucket, made.key, stored)
                counts["replaced"] += 1
            else:
                made, content = earlier, found.content
                signature = audit_digests.signature_of(found.metadata)
        after = audit_digests.advanced(chain, made, content, signature)
        self.chains.advance(chain, after)
        return after if after.settled else self._settled(after, made)

    def _next(self, chain: AuditChain, start_ms: int, public_key_fingerprint: str) -> Digest:
        end_ms = start_ms + HOUR_MS
        opened = list(self.chains.open_objects(chain))
        files, unfinished = self._looked_up(chain, (each for each in opened if each.written.at_ms < end_ms))
        previous = Previous(chain.key, chain.sha256, chain.signature) if chain.digests else None
        return Digest(
            account=self.stack.account,
            organization_id=chain.organization_id,
            bucket=chain.bucket,
            key=audit_digests.key_of(chain, self.stack, end_ms),
            start_ms=start_ms,
            end_ms=end_ms,
            number=chain.digests + 1,
            fingerprint=public_key_fingerprint,
            previous=previous,
            final=not opened and not self._is_destination(chain),
            files=files,
            unfinished=unfinished,
        )

    def _looked_up(
        self, chain: AuditChain, opened: Iterable[OpenObject]
    ) -> tuple[tuple[ListedFile, ...], tuple[ListedFile, ...]]:
        """Return the objects that were stored, and those that may never have been.

        An object without a completion whose bytes are others counts as stored: its key belongs to the bytes of its row,
        so it was changed.
        """
        files, unfinished = list[ListedFile](), list[ListedFile]()
        for each in opened:
            written = each.written
            file = ListedFile(written.key, written.sha256, written.size_bytes, written.records)
            is_stored = each.complete or self.objects.sha256(chain.bucket, written.key) is not None
            (files if is_stored else unfinished).append(file)
        return tuple(files), tuple(unfinished)

    def _is_destination(self, chain: AuditChain) -> bool:
        """Say whether the organization is active and has a delivery to the chain's place."""
        if not self.owners.is_active(chain.organization_id):  # deliveries of the account outlive their organization
            return False
        targets = [target_of(each.target_arn) for each in self.deliveries.of(chain.organization_id)]
        return any(
            target is not None
            and target.kind is DestinationKind.S3
            and target.name == chain.bucket
            and (f"{target.prefix}/" if target.prefix else "") == chain.prefix
            for target in targets
        )

    def _settle(self, chain: AuditChain) -> AuditChain:
        """Do what a run that stopped has left: the objects of the newest digest are no longer open.

        If the digest is no longer as it was written, its objects stay open, and the next digest lists them again.
        """
        found = self.objects.get(chain.bucket, chain.key)
        if found is None or hashlib.sha256(found.content).hexdigest() != chain.sha256:
            after = replace(chain, settled=True)
            self.chains.advance(chain, after)
            return after
        return self._settled(chain, audit_digests.read(found.content))

    def _settled(self, chain: AuditChain, digest: Digest) -> AuditChain:
        self.chains.listed(chain, [each.key for each in digest.files])
        self.chains.given_up(chain, [each.key for each in digest.unfinished])
        after = replace(chain, settled=True)
        self.chains.advance(chain, after)
        return after


def _taken_over(found: StoredObject, made: Digest, public_key: bytes) -> Digest | None:
    """Return the digest that is stored in the place of one that was made, if its signature is ours."""
    try:
        earlier = audit_digests.read(found.content)
    except UnreadableDigestError:
        return None
    ours = replace(made, files=earlier.files, unfinished=earlier.unfinished, final=earlier.final) == earlier
    return earlier if ours and is_signed(earlier, found, public_key) else None
