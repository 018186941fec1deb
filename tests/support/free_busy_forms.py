"""The schema's order of elements in GetUserAvailability, and a question, for tests of both directions."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from lxml import etree

from postroom.contracts.ews.availability import AvailabilityRequest, View
from postroom.contracts.ews.names import PREFIXES
from postroom.model.free_busy import Weekday, Zone, ZoneChange

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

HOUR_MS = 3_600_000
START_MS = int(dt.datetime(2026, 11, 30, 8, tzinfo=dt.UTC).timestamp() * 1000)
DAY = (START_MS, START_MS + 8 * HOUR_MS)
BERLIN = Zone(
    "",
    -60,
    standard=ZoneChange(0, "03:00:00", 10, 5, Weekday.SUN),
    daylight=ZoneChange(-60, "02:00:00", 3, 5, Weekday.SUN),
)

SEQUENCES = {
    "GetUserAvailabilityRequest": "TimeZone MailboxDataArray FreeBusyViewOptions SuggestionsViewOptions",
    "TimeZone": "Bias StandardTime DaylightTime",
    "StandardTime": "Bias Time DayOrder Month DayOfWeek Year",
    "DaylightTime": "Bias Time DayOrder Month DayOfWeek Year",
    "MailboxDataArray": "MailboxData",
    "MailboxData": "Email AttendeeType ExcludeConflicts",
    "Email": "Name Address RoutingType",
    "FreeBusyViewOptions": "TimeWindow MergedFreeBusyIntervalInMinutes RequestedView",
    "TimeWindow": "StartTime EndTime",
    "GetUserAvailabilityResponse": "FreeBusyResponseArray SuggestionsResponse",
    "FreeBusyResponseArray": "FreeBusyResponse",
    "FreeBusyResponse": "ResponseMessage FreeBusyView",
    "ResponseMessage": "MessageText ResponseCode DescriptiveLinkKey MessageXml",
    "FreeBusyView": "FreeBusyViewType MergedFreeBusy CalendarEventArray WorkingHours",
    "CalendarEventArray": "CalendarEvent",
    "CalendarEvent": "StartTime EndTime BusyType CalendarEventDetails",
    "CalendarEventDetails": "ID Subject Location IsMeeting IsRecurring IsException IsReminderSet IsPrivate",
    "WorkingHours": "TimeZone WorkingPeriodArray",
    "WorkingPeriodArray": "WorkingPeriod",
    "WorkingPeriod": "DayOfWeek StartTimeInMinutes EndTimeInMinutes",
}
"""The order of elements in MS-OXWAVLS 7.1 and 7.2, and of ResponseMessage in MS-OXWSCDATA 2.2.4.65."""

MESSAGES = {
    "GetUserAvailabilityRequest", "MailboxDataArray", "GetUserAvailabilityResponse", "FreeBusyResponseArray",
    "FreeBusyResponse", "ResponseMessage", "MessageText", "ResponseCode", "DescriptiveLinkKey", "FreeBusyView",
}  # fmt: skip
"""Elements of messages.xsd; all others are of types.xsd."""


def assert_is_of_the_schema(element: Element) -> None:
    name = etree.QName(element)
    assert name.namespace == PREFIXES["m" if name.localname in MESSAGES else "t"], name.localname
    order = SEQUENCES.get(name.localname, "").split()
    places = [order.index(etree.QName(child).localname) for child in element]
    assert places == sorted(places), name.localname
    for child in element:
        assert_is_of_the_schema(child)


def asked(view: View = View.DETAILED_MERGED, zone: Zone = BERLIN, interval_minutes: int = 30) -> AvailabilityRequest:
    return AvailabilityRequest(zone, ("ada@acme.test", "bob@acme.test"), *DAY, interval_minutes, view)
