"""GetUserAvailability: the request, written for EWS servers and read by our front. ``free_busy`` has the answer.

The request's times are local to its TimeZone, or, without one, to the zone of the SOAP header's TimeZoneContext, unless
they carry an offset, as exchangelib writes them. Suggestions of
meeting times are not served: SuggestionsViewOptions is ignored.

Source: Microsoft, MS-OXWAVLS 3.1.4.1 and 7, for the order of elements: GetUserAvailabilityRequest is TimeZone,
MailboxDataArray, FreeBusyViewOptions, SuggestionsViewOptions; MailboxData is Email, AttendeeType, ExcludeConflicts;
FreeBusyViewOptions is TimeWindow, MergedFreeBusyIntervalInMinutes, RequestedView; TimeWindow is StartTime, EndTime.
Limits: Microsoft's EWS reference, ResponseCode and MergedFreeBusyIntervalInMinutes; see also ``model.free_busy``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from postroom.contracts.ews import time_zones
from postroom.contracts.ews.fields import date_time, integer, needed, text
from postroom.contracts.ews.names import m, t
from postroom.contracts.ews.soap import FaultError, add, new, schema_fault
from postroom.contracts.ews.zones import add_zone, read_zone
from postroom.model.free_busy import MAX_MAILBOXES, MAX_WINDOW_MS, Zone
from postroom.model.limits import DAY_MS
from postroom.model.zone_times import epoch_ms, to_local, to_utc_ms

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from lxml.etree import _Element as Element

OPERATION: Final = "GetUserAvailabilityRequest"
"""Local name of the request's element."""

MIN_INTERVAL_MINUTES: Final = 5
MAX_INTERVAL_MINUTES: Final = 1440
DEFAULT_INTERVAL_MINUTES: Final = 30

UTC_ZONE: Final = Zone("UTC", 0)


class View(StrEnum):
    """FreeBusyViewType: how much an answer says. Each member's comment is Microsoft's meaning."""

    MERGED_ONLY = "MergedOnly"  # one digit per interval
    FREE_BUSY = "FreeBusy"  # times and types of events
    FREE_BUSY_MERGED = "FreeBusyMerged"  # both
    DETAILED = "Detailed"  # times, types and details of events
    DETAILED_MERGED = "DetailedMerged"  # everything

    @property
    def has_digits(self) -> bool:
        """Whether the answer has MergedFreeBusy."""
        return self in {View.MERGED_ONLY, View.FREE_BUSY_MERGED, View.DETAILED_MERGED}

    @property
    def has_events(self) -> bool:
        """Whether the answer has CalendarEventArray."""
        return self is not View.MERGED_ONLY

    @property
    def has_details(self) -> bool:
        """Whether events have CalendarEventDetails."""
        return self in {View.DETAILED, View.DETAILED_MERGED}


@dataclass(frozen=True, slots=True)
class AvailabilityRequest:
    """The question of a client.

    Attributes:
        zone: of the answer's times, too.
        mailboxes: addresses as written, 1 to ``MAX_MAILBOXES``; one that is missing is empty.
        end_ms: end of the window in milliseconds since the epoch; after ``start_ms`` by at most ``MAX_WINDOW_MS``.
        interval_minutes: length of the time of one digit of MergedFreeBusy. It may be longer than the window, which
            Microsoft's servers refuse.
    """

    zone: Zone
    mailboxes: tuple[str, ...]
    start_ms: int
    end_ms: int
    interval_minutes: int = DEFAULT_INTERVAL_MINUTES
    view: View = View.FREE_BUSY


def write_request(mailboxes: Sequence[str], start_ms: int, end_ms: int) -> Element:
    """Return a request for everything that the server tells, in UTC, with the finest digits.

    The shortest interval keeps an answer exact that has digits only.
    """
    start_ms, end_ms = asked_window(start_ms, end_ms)
    request = new(m(OPERATION))
    add_zone(request, UTC_ZONE)
    written = add(request, m("MailboxDataArray"))
    for mailbox in mailboxes:
        data = add(written, t("MailboxData"))
        add(add(data, t("Email")), t("Address"), mailbox)
        add(data, t("AttendeeType"), "Required")
        add(data, t("ExcludeConflicts"), "false")
    options = add(request, t("FreeBusyViewOptions"))
    window = add(options, t("TimeWindow"))
    add(window, t("StartTime"), _utc(start_ms))
    add(window, t("EndTime"), _utc(end_ms))
    add(options, t("MergedFreeBusyIntervalInMinutes"), str(MIN_INTERVAL_MINUTES))
    add(options, t("RequestedView"), View.DETAILED_MERGED.value)
    return request


def asked_window(start_ms: int, end_ms: int) -> tuple[int, int]:
    """Return the window of ``write_request`` for one that is wanted: whole seconds, and not shorter than an interval.

    Microsoft's servers refuse a window that is shorter than the interval (ErrorInvalidMergedFreeBusyInterval).
    """
    start_ms -= start_ms % 1000
    end_ms += -end_ms % 1000
    return start_ms, max(end_ms, start_ms + MIN_INTERVAL_MINUTES * 60_000)


def read_request(request: Element, header: Element | None = None) -> AvailabilityRequest:
    """Read a request.

    Args:
        request: its element.
        header: of its SOAP envelope, which may say the zone of a request that has none itself.

    Raises:
        FaultError: the request as a whole is refused; the code is one of ErrorSchemaValidation,
            ErrorMailboxDataArrayEmpty, ErrorMailboxDataArrayTooBig, ErrorInvalidTimeInterval, ErrorTimeIntervalTooBig,
            ErrorInvalidMergedFreeBusyInterval and ErrorInvalidFreeBusyViewType.
    """
    try:
        mailboxes = _read_mailboxes(needed(request, m("MailboxDataArray")))
        options = needed(request, t("FreeBusyViewOptions"))
        window = needed(options, t("TimeWindow"))
        start, end = (date_time(window, t(name)) for name in ("StartTime", "EndTime"))
        named = time_zones.context_zone(header, start) if request.find(t("TimeZone")) is None else None
        zone = named or read_zone(request)
        start_ms, end_ms = _instant_ms(start, zone), _instant_ms(end, zone)
    except (ValueError, OverflowError) as error:
        raise schema_fault(error) from error
    if end_ms <= start_ms:
        raise FaultError("ErrorInvalidTimeInterval", "The time window ends before it begins, or is empty.")
    if end_ms - start_ms > MAX_WINDOW_MS:
        raise FaultError("ErrorTimeIntervalTooBig", f"The time window is longer than {MAX_WINDOW_MS // DAY_MS} days.")
    return AvailabilityRequest(zone, mailboxes, start_ms, end_ms, _read_interval(options), _read_view(options))


def _read_mailboxes(array: Element) -> tuple[str, ...]:
    given = array.findall(t("MailboxData"))
    if not given:
        raise FaultError("ErrorMailboxDataArrayEmpty", "The request has no mailbox.")
    if len(given) > MAX_MAILBOXES:
        raise FaultError("ErrorMailboxDataArrayTooBig", f"The request has more than {MAX_MAILBOXES} mailboxes.")
    return tuple((one.findtext(f"{t('Email')}/{t('Address')}") or "").strip() for one in given)


def _read_interval(options: Element) -> int:
    name = t("MergedFreeBusyIntervalInMinutes")
    if options.find(name) is None:
        return DEFAULT_INTERVAL_MINUTES
    try:
        return integer(options, name, MIN_INTERVAL_MINUTES, MAX_INTERVAL_MINUTES)
    except ValueError as error:
        raise FaultError("ErrorInvalidMergedFreeBusyInterval", f"{error}.") from error


def _read_view(options: Element) -> View:
    """Return the view; FreeBusy if the request names none (ours: the schema makes it optional and gives no default)."""
    given = text(options, t("RequestedView")) or View.FREE_BUSY
    try:
        return View(given)
    except ValueError as error:
        names = ", ".join(View)
        raise FaultError("ErrorInvalidFreeBusyViewType", f"RequestedView is not one of {names}.") from error


def _instant_ms(given: datetime, zone: Zone) -> int:
    return epoch_ms(given) if given.tzinfo else to_utc_ms(zone, given)


def _utc(ms: int) -> str:
    """Return the second of an instant; an offset says which it is, however a server reads times without one."""
    return f"{to_local(UTC_ZONE, ms).replace(microsecond=0).isoformat()}Z"
