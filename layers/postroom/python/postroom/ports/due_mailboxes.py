"""When mailboxes of owners who left may be removed: notes, so that a run reads only what is due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from postroom.model.records import Entity, Insert, Replace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from postroom.model.records import Change


@dataclass(frozen=True, slots=True)
class DueMailbox:
    """Look at this owner from that time on (milliseconds since the epoch); the owner's record says what is to be done.

    The directory notes it before it commits an entity with ``mailbox_kept_until``. A note too many costs one read.
    """

    due_ms: int
    organization_id: str
    owner_id: str


def notes_of(changes: Sequence[Change]) -> Iterator[DueMailbox]:
    """Yield what a directory notes for a commit."""
    for change in changes:
        record = change.record
        if not isinstance(change, Insert | Replace) or not isinstance(record, Entity):
            continue
        if record.mailbox_kept_until is not None:
            yield DueMailbox(record.mailbox_kept_until, record.organization_id, record.id)


class DueMailboxes(Protocol):
    """Suite: tests/contract/test_due_mailboxes.py. Every method raises StoreUnavailableError; a retry may succeed."""

    def due(self, until_ms: int) -> Iterator[DueMailbox]:
        """Yield the notes of owners to look at until a time, the earliest first."""

    def note(self, due: DueMailbox) -> None:
        """Make a note; it may exist."""

    def forget(self, due: DueMailbox) -> None:
        """Remove a note, if it exists."""

    def all_read_ms(self) -> int | None:
        """Return when all owners were read last, in milliseconds since the epoch; ``None``: never."""

    def all_read(self, at_ms: int) -> None:
        """Record that all owners were read, and noted where a mailbox of theirs is kept."""
