"""Setting an out-of-office reply: the record first, then the time in the mailbox's head.

The record is the truth; the head has its time, so that deliveries know (``model.out_of_office``). A request that
stopped between the two is repeated, and sets both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from postroom.model.records import Check, Put

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.model.mailbox import Head
    from postroom.model.out_of_office import Away, OutOfOffice
    from postroom.model.records import Change, Entity, Organization


class RecordStore(Protocol):
    """What it needs of ``Directory``."""

    def commit(self, changes: Sequence[Change]) -> None:
        """See ``Directory``."""


class AwayTimes(Protocol):
    """What it needs of ``MailboxHeads``."""

    def head(self, mailbox_id: str) -> Head | None:
        """See ``MailboxHeads``."""

    def set_away(self, mailbox_id: str, away: Away | None) -> bool:
        """See ``MailboxHeads``."""


def keep(
    reply: OutOfOffice, organization: Organization, user: Entity, records: RecordStore, mailboxes: AwayTimes
) -> bool:
    """Set or replace the reply of a user; of two concurrent requests the later holds.

    Returns:
        ``False`` if the user has no mailbox; nothing is changed.

    Raises:
        ConflictError: organization or user have changed since they were read, or another transaction held a row.
        StoreUnavailableError: a table did not answer.
    """
    if mailboxes.head(user.id) is None:
        return False
    records.commit([Check(organization), Check(user), Put(reply)])
    mailboxes.set_away(user.id, reply.away)
    return True
