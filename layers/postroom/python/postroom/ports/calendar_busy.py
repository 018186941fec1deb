"""Free/busy information of mailboxes of the organization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.model.free_busy import BusyEvent, WorkingHours


class CalendarBusy(Protocol):
    """Events and working hours of a mailbox. Any thread may ask.

    ``calendar_store.busy`` implements it over the port ``Calendars``: tests/unit/calendar_store/test_busy.py.
    """

    def ask(
        self, mailbox_id: str, start_ms: int, end_ms: int, *, requester_id: str
    ) -> tuple[Sequence[BusyEvent], WorkingHours | None]:
        """Return the events that overlap a window, as far as the requester may see them, in any order.

        Args:
            end_ms: is not part of the window.
            requester_id: id of a user of the same organization.

        Raises:
            UnknownMailboxError: there is no such mailbox.
            NoFreeBusyAccessError: the requester may not even see when its owner is busy.
            TooManyInstancesError: the window has too many events.
            StoreUnavailableError: a table or the key did not answer; a retry may succeed.
            KeyUnavailableError: the organization's KMS key cannot be used.
        """
