"""Setting an out-of-office reply: the record first, then the time in the mailbox's head.

The record is the truth; the head has its time, so that deliveries know (``model.out_of_office``). A request that
stopped between the two is repeated, and sets both. Requests at the same moment may write the time in another
order than the record: each reads the record once more after that, and writes again if it has changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from postroom.model.out_of_office import OutOfOffice
from postroom.model.records import Check, Put, Remove
from postroom.ports.directory import OwnedRecords

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.model.mailbox import Head
    from postroom.model.out_of_office import Away
    from postroom.model.records import Change, Entity, Organization


class RecordStore(OwnedRecords, Protocol):
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
    _follow(user, reply, records, mailboxes)
    return True


def take_back(organization: Organization, user: Entity, records: RecordStore, mailboxes: AwayTimes) -> None:
    """Delete the reply of a user, if there is one.

    Raises:
        ConflictError, StoreUnavailableError: as ``keep``.
    """
    found = records.owned(OutOfOffice, organization.id, user.id)
    if found is not None:
        records.commit([Check(organization), Remove(found)])
    _follow(user, None, records, mailboxes)


def _follow(user: Entity, written: OutOfOffice | None, records: RecordStore, mailboxes: AwayTimes) -> None:
    """Give the head the time of the record, which another request may have changed meanwhile."""
    while mailboxes.set_away(user.id, written.away if written else None):
        found = records.owned(OutOfOffice, user.organization_id, user.id)
        if found == written:
            return
        written = found
