"""Free/busy information: the question about several mailboxes, and the answer of each.

Times are milliseconds since the epoch. Weeks, months and signs are those of EWS, which every provider and client uses.
Sources: guide, "Building a custom availability provider" (ZH:3046-3230); Microsoft's EWS reference, TimeZone,
SerializableTimeZone and CalendarEvent.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from postroom.model.limits import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_MAILBOXES: Final = 100
"""Most mailboxes of one question. Source: Microsoft's EWS reference, GetUserAvailability: the default of Exchange."""

MAX_WINDOW_MS: Final = 62 * DAY_MS
"""Longest window of a question, in milliseconds. Source: Microsoft's EWS reference, FreeBusyViewOptions: 62 days."""


MAX_TEXT_CHARACTERS: Final = 255
"""Longest subject and location of an event, in characters; longer ones are cut. Source: Exchange's and Outlook's limit
for a subject."""


class BusyType(StrEnum):
    """What an event makes of its time. CAP functions know no OOF ("out of office"): it is for calendars and EWS."""

    FREE = "FREE"
    TENTATIVE = "TENTATIVE"
    BUSY = "BUSY"
    OOF = "OOF"


class InstanceType(StrEnum):
    """Whether an event recurs; an exception is an instance that was changed alone."""

    SINGLE_INSTANCE = "SINGLE_INSTANCE"
    RECURRING_INSTANCE = "RECURRING_INSTANCE"
    EXCEPTION = "EXCEPTION"


class Weekday(StrEnum):
    """A day of the week."""

    SUN = "SUN"
    MON = "MON"
    TUE = "TUE"
    WED = "WED"
    THU = "THU"
    FRI = "FRI"
    SAT = "SAT"


@dataclass(frozen=True, slots=True)
class EventDetails:
    """What a person may read of an event, apart from its time. A private event leaves without details."""

    subject: str = ""
    location: str = ""
    instance_type: InstanceType = InstanceType.SINGLE_INSTANCE
    is_meeting: bool = False
    is_reminder_set: bool = False
    is_private: bool = False


@dataclass(frozen=True, slots=True)
class BusyEvent:
    """One event that overlaps the window; it is not cut to the window. ``end_ms`` is not before ``start_ms``."""

    start_ms: int
    end_ms: int
    busy_type: BusyType
    details: EventDetails | None = None


def in_order(events: Iterable[BusyEvent]) -> tuple[BusyEvent, ...]:
    """Return events in the order of their starts; those with the same start in the order of their ends."""
    return tuple(sorted(events, key=lambda event: (event.start_ms, event.end_ms)))


@dataclass(frozen=True, slots=True)
class ZoneChange:
    """The yearly change to standard or daylight time.

    Attributes:
        bias_minutes: added to the zone's bias while this time applies; usually 0 for standard and -60 for daylight.
        time: of the local clock, ``hh:mm:ss``.
        month: 1 to 12.
        week: 1 to 5, where 5 is the last of the month.
    """

    bias_minutes: int
    time: str
    month: int
    week: int
    weekday: Weekday


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone as EWS writes it: UTC is the local time plus the bias. Both changes are given, or neither."""

    name: str
    bias_minutes: int
    standard: ZoneChange | None = None
    daylight: ZoneChange | None = None


@dataclass(frozen=True, slots=True)
class WorkingPeriod:
    """Days with the same hours; minutes after midnight, 0 to 1440."""

    days: tuple[Weekday, ...]
    start_minutes: int
    end_minutes: int


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """When a person usually works."""

    zone: Zone
    periods: tuple[WorkingPeriod, ...]


class FailureCode(StrEnum):
    """Why a mailbox has no answer: EWS's response codes. Source: guide, the error codes of CAP (ZH:3222-3236)."""

    MAIL_RECIPIENT_NOT_FOUND = "ErrorMailRecipientNotFound"
    AVAILABILITY_CONFIG_NOT_FOUND = "ErrorAvailabilityConfigNotFound"
    SERVER_BUSY = "ErrorServerBusy"
    TIMEOUT_EXPIRED = "ErrorTimeoutExpired"
    FREE_BUSY_GENERATION_FAILED = "ErrorFreeBusyGenerationFailed"
    RESPONSE_SCHEMA_VALIDATION = "ErrorResponseSchemaValidation"


@dataclass(frozen=True, slots=True)
class CalendarRead:
    """A calendar of the organization that was read for an answer, or could not be.

    Attributes:
        owner_id: the user or resource whose calendar it is.
        allowed: whether the requester may see when the owner is busy.
    """

    owner_id: str
    allowed: bool


@dataclass(frozen=True, slots=True)
class MailboxAvailability:
    """The events of one mailbox, in the order of their starts.

    Attributes:
        mailbox: address as in the question.
        reads: calendars of the organization that the answer took; those of the members for a group.
    """

    mailbox: str
    events: tuple[BusyEvent, ...]
    working_hours: WorkingHours | None = None
    reads: tuple[CalendarRead, ...] = ()


@dataclass(frozen=True, slots=True)
class MailboxFailure:
    """Why one mailbox has no answer.

    Attributes:
        mailbox: address as in the question.
        message: one line for a person; it never repeats what a provider answered.
        reads: as in ``MailboxAvailability``.
    """

    mailbox: str
    code: FailureCode
    message: str
    reads: tuple[CalendarRead, ...] = ()


MailboxResult = MailboxAvailability | MailboxFailure


@dataclass(frozen=True, slots=True)
class Requester:
    """The user who asks.

    Attributes:
        email: primary address.
        origin: IP address of the client, if it is known.
    """

    email: str
    user_name: str
    organization_id: str
    user_id: str
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """Free/busy information of 1 to ``MAX_MAILBOXES`` mailboxes in one window.

    Attributes:
        mailboxes: addresses in any spelling; duplicates are answered each.
        end_ms: end of the window, which is not part of it; after ``start_ms`` by at most ``MAX_WINDOW_MS``.
        is_passed_on: whether it comes from the provider call of another mail system; then no provider is asked.
    """

    requester: Requester
    mailboxes: tuple[str, ...]
    start_ms: int
    end_ms: int
    is_passed_on: bool = False
