"""Heads of the chains of digests, and the objects that no digest lists yet (docs/decisions/0034)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from postroom.model.audit_chains import AuditChain
    from postroom.ports.written_objects import WrittenObject


@dataclass(frozen=True, slots=True)
class OpenObject:
    """An object that no digest lists yet; ``complete`` if its writer saw it stored."""

    written: WrittenObject
    complete: bool


class AuditChains(Protocol):
    """What ``WrittenObjects`` has kept, for digests and verification. Suite: tests/contract/test_written_objects.py.

    The first object of an organization at a place begins a chain. Every method raises StoreUnavailableError if the
    table did not answer.
    """

    def chains(self) -> Sequence[AuditChain]:
        """Return the head of every chain, ordered by organization and place."""

    def open_objects(self, chain: AuditChain) -> Iterator[OpenObject]:
        """Yield the chain's objects that no digest lists, ordered by key."""

    def advance(self, before: AuditChain, after: AuditChain) -> None:
        """Replace a head that is as ``before``.

        Raises:
            ConflictError: the head has changed, or does not exist.
        """

    def listed(self, chain: AuditChain, keys: Sequence[str]) -> None:
        """Remove objects that a digest lists from those that are open; unknown keys are no error."""

    def given_up(self, chain: AuditChain, keys: Sequence[str]) -> None:
        """Remove objects that a digest lists as unfinished, as ``listed``, except those that are complete by now."""
