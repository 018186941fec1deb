"""Calendars in mailboxes. Content is encrypted before it is passed on to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from postroom.model.limits import MB

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.model.calendars import (
        Access,
        BlobNote,
        CalendarSettings,
        CalendarWindow,
        ObjectChange,
        StoredObject,
    )
    from postroom.model.mailbox import Head, Item
    from postroom.ports.transit import Commit

MAX_CHANGES: Final = 18
"""Most changes of one transaction. Each takes up to five of DynamoDB's 100 writes; the rest is for the caller's commit.
Ours."""

MAX_CHANGE_BYTES: Final = 3 * MB
"""Most entries and summaries of one transaction, in bytes; a single change may have more. DynamoDB takes 4 MB. Ours."""


def check_commit(commit: Commit) -> None:
    """Check that a commit has nothing but takes, facts and orders.

    Raises:
        ValueError: it has more, which a change of a calendar would not write.
    """
    if commit.allowances or commit.expansion is not None or commit.new_contents is not None:
        raise ValueError("a change of a calendar writes takes, facts and orders only")


class Calendars(Protocol):
    """Objects of calendars, their index by time and by UID.

    Suites: tests/contract/test_calendars.py and test_calendar_windows.py.

    Every method raises StoreUnavailableError if a table did not answer. Methods that write also raise ConflictError if
    another transaction held a row. Both are temporary, and nothing was written.

    An object is an item of the folder CALENDAR: ``Mailboxes`` lists it, finds it and has its changes. A change is made
    in this order: read the head, read what it depends on, decide, ``note`` the new blobs, store them, ``change``;
    then remove the blobs that the note names, and ``end_note``.
    """

    def find(self, mailbox_id: str, uid_hashes: Sequence[str]) -> Mapping[str, StoredObject]:
        """Return the objects with these hashes of their UIDs, by hash, by strongly consistent reads."""

    def window(self, mailbox_id: str, start_ms: int, end_ms: int, *, consistent: bool = True) -> CalendarWindow | None:
        """Return all objects that may have an instance in a window, if the mailbox exists.

        The cost depends on what the window and the time after it hold, not on the past of the calendar: two requests,
        and one more for each further megabyte.

        Args:
            end_ms: is not part of the window.
            consistent: the entries are at least as new as the head, as booking needs it. Without it, they may lack a
                change of the last second, and cost half.
        """

    def change(
        self, head: Head, changes: Sequence[ObjectChange], note: BlobNote, commit: Commit | None = None
    ) -> Sequence[Item] | None:
        """Change objects, together with a flow's rows, in one transaction.

        Each change takes one sequence of the mailbox. A replacement and a removal are in the change log. Afterwards
        the note names the blobs that belong to no item any more; it is gone if there are none.

        Args:
            head: as it was read before everything that the changes depend on.
            changes: at most ``MAX_CHANGES`` with ``MAX_CHANGE_BYTES``, each of another object.
            note: as it was noted: the blobs of all new objects.
            commit: takes, facts and orders; see ``check_commit``.

        Returns:
            The item of each change; of a removed object its last. ``None`` if nothing was written, because a take is
            gone, or one of the facts or orders exists: the work was done before.

        Raises:
            ConflictError: the mailbox has changed since ``head`` was read, or is gone, or another caller has ended the
                note. Nothing was written: read again.
        """

    def note(self, mailbox_id: str, note: BlobNote) -> None:
        """Note sealed objects that are about to be stored."""

    def notes(self, mailbox_id: str, *, before_ms: int) -> Sequence[BlobNote]:
        """Return the notes that are older than a time: their callers stopped half way."""

    def close_note(self, mailbox_id: str, note: BlobNote) -> bool:
        """Prevent the change that a note belongs to, so that its blobs can be removed.

        Returns:
            ``False`` if the note has changed since it was read; its blobs may be in use.
        """

    def end_note(self, mailbox_id: str, note_id: str) -> None:
        """Remove a note, if it exists, after its blobs."""

    def settings(self, mailbox_id: str) -> CalendarSettings:
        """Return the settings of a calendar; the default ones if it has none of its own."""

    def set_settings(self, mailbox_id: str, settings: CalendarSettings) -> bool:
        """Set the settings. Return ``False`` if the mailbox does not exist."""

    def set_access(self, mailbox_id: str, who: str, access: Access | None) -> bool:
        """Set what a user may see of the calendar; ``None`` removes the entry. Return ``False`` without a mailbox.

        Args:
            who: the id of a user, or ``DEFAULT_USER``.
        """
