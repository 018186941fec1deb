"""When the owner of a mailbox is busy, as far as the requester may see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.calendar_store.store import MAX_INSTANCES, expanded
from postroom.calendar_store.zones import zone_of
from postroom.errors import NoFreeBusyAccessError, TooManyInstancesError, UnknownMailboxError
from postroom.model.calendars import DEFAULT_ACCESS, DEFAULT_USER, Access
from postroom.model.free_busy import BusyEvent, BusyType, WorkingHours
from postroom.model.limits import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.calendar_store.store import FoundInstance
    from postroom.calendars.expand import Instance
    from postroom.model.calendars import CalendarSettings
    from postroom.ports.calendars import Calendars
    from postroom.ports.mailbox_keys import MailboxKeys

MAX_LOOKED_AT: Final = 10_000
"""Most instances of one window that are looked at, unanswered invitations among them. Ours."""

_YEAR_MS: Final = 31_556_952_000
_LAST_MS: Final = 4_102_444_800_000
"""The year 2100: rules of time zones do not reach further."""


@dataclass(frozen=True, slots=True)
class StoredBusy:
    """Answers from the calendars of mailboxes."""

    calendars: Calendars
    keys: MailboxKeys

    def ask(
        self, mailbox_id: str, start_ms: int, end_ms: int, *, requester_id: str
    ) -> tuple[Sequence[BusyEvent], WorkingHours]:
        """Return the events that overlap a window, in order of their starts, and the working hours.

        Private events never have details. The requester is a user of the mailbox's organization. If there are more
        than ``MAX_INSTANCES``, invitations that the owner has not answered are put together to fewer periods: any
        sender may invite, and the other events must still be seen.

        Args:
            end_ms: is not part of the window.

        Raises:
            UnknownMailboxError: there is no such mailbox.
            NoFreeBusyAccessError: the requester may not even see when its owner is busy.
            TooManyInstancesError: the window has more than ``MAX_INSTANCES`` events beside unanswered invitations, or
                more than ``MAX_LOOKED_AT`` with them.
            KeyUnavailableError: the organization's KMS key cannot be used.
            StoreUnavailableError: a table did not answer.
        """
        window = self.calendars.window(mailbox_id, start_ms, end_ms, consistent=False)
        if window is None:
            raise UnknownMailboxError("there is no such mailbox")
        access = access_of(window.folder.permissions, mailbox_id, requester_id)
        if access is Access.NONE:
            raise NoFreeBusyAccessError("the requester has no access to free/busy information")
        head = window.head
        key = self.keys.unwrap(head.wrapped_key, head.kms_key_arn, head.organization_arn)
        found = expanded(window, start_ms, end_ms, mailbox_key=key, most=MAX_LOOKED_AT)
        with_details = access is not Access.TIME_ONLY
        if len(found) <= MAX_INSTANCES:
            events = [_event(one.instance, with_details=with_details) for one in found]
        else:
            events = _fewer(found, with_details=with_details)
        return events, working_hours(window.settings, start_ms)


def _fewer(found: Sequence[FoundInstance], *, with_details: bool) -> list[BusyEvent]:
    """Return at most ``MAX_INSTANCES`` events: unanswered invitations become periods without details.

    Raises:
        TooManyInstancesError: the other events alone are too many, or leave no room for a period.
    """
    kept = [_event(one.instance, with_details=with_details) for one in found if not one.is_unanswered]
    invited = [
        (one.instance.start_ms, one.instance.end_ms)
        for one in found
        if one.is_unanswered and one.instance.busy_type is not BusyType.FREE
    ]
    room = MAX_INSTANCES - len(kept)
    if room < (1 if invited else 0):
        raise TooManyInstancesError(f"more than {MAX_INSTANCES} events in the window")
    events = [*kept, *(BusyEvent(start, end, BusyType.TENTATIVE) for start, end in _periods(invited, room))]
    return sorted(events, key=lambda event: (event.start_ms, event.end_ms))


def _periods(spans: Sequence[tuple[int, int]], most: int) -> list[tuple[int, int]]:
    """Return at most so many periods that cover all spans, which are in the order of their starts.

    Spans that overlap or touch are one; then those with the shortest times between them are.
    """
    periods: list[tuple[int, int]] = []
    for start, end in spans:
        if periods and start <= periods[-1][1]:
            periods[-1] = periods[-1][0], max(periods[-1][1], end)
        else:
            periods.append((start, end))
    gaps = sorted(range(1, len(periods)), key=lambda place: periods[place][0] - periods[place - 1][1])
    joined = set(gaps[: max(0, len(periods) - most)])
    found: list[tuple[int, int]] = []
    for place, (start, end) in enumerate(periods):
        if place in joined:
            found[-1] = found[-1][0], end
        else:
            found.append((start, end))
    return found


def access_of(permissions: Mapping[str, str], mailbox_id: str, requester_id: str) -> Access:
    """Return what a user of the organization may see of a calendar.

    A user's own entry counts before the default one; the owner sees everything. A level that is unknown gives nothing.
    """
    if requester_id == mailbox_id:
        return Access.OWNER
    level = permissions.get(requester_id, permissions.get(DEFAULT_USER, DEFAULT_ACCESS.value))
    try:
        return Access(level)
    except ValueError:
        return Access.NONE


def working_hours(settings: CalendarSettings, at_ms: int) -> WorkingHours:
    """Return working hours, with the zone as it is in the year of a time."""
    year = 1970 + min(max(at_ms + DAY_MS, 0), _LAST_MS) // _YEAR_MS
    return WorkingHours(zone_of(settings.zone, year), settings.periods)


def _event(instance: Instance, *, with_details: bool) -> BusyEvent:
    details = instance.details if with_details and not instance.details.is_private else None
    return BusyEvent(instance.start_ms, instance.end_ms, instance.busy_type, details)
