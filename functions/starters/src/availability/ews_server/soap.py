"""GetUserAvailability of Exchange Web Services: the request, and what an answer says of each mailbox.

Source: Microsoft's EWS reference, "GetUserAvailability operation", for Exchange 2010 and later.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from .. import questions
from ..questions import MailboxError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

    from ..questions import Event, Window

MESSAGES = "{http://schemas.microsoft.com/exchange/services/2006/messages}"
TYPES = "{http://schemas.microsoft.com/exchange/services/2006/types}"
BODY = "{http://schemas.xmlsoap.org/soap/envelope/}Body"

VERSION = "Exchange2010"
"""The oldest schema that has everything that is asked for: newer servers, and WorkMail, take it as well."""

INTERVAL = timedelta(minutes=30)
"""Length of a digit of MergedFreeBusy, which a server gives that tells no events."""

DEEPEST = 40
"""Levels of elements. An answer has about ten. Ours."""

MAILBOX = """<t:MailboxData><t:Email><t:Address>{}</t:Address></t:Email><t:AttendeeType>Optional</t:AttendeeType>\
<t:ExcludeConflicts>false</t:ExcludeConflicts></t:MailboxData>"""
CHANGE = """<t:Bias>0</t:Bias><t:Time>00:00:00</t:Time><t:DayOrder>1</t:DayOrder><t:Month>{}</t:Month>\
<t:DayOfWeek>Sunday</t:DayOfWeek>"""
REQUEST = (
    """<?xml version="1.0" encoding="utf-8"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"
 xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">
<s:Header><t:RequestServerVersion Version="{version}"/></s:Header>
<s:Body><m:GetUserAvailabilityRequest>
<t:TimeZone><t:Bias>0</t:Bias><t:StandardTime>"""
    + CHANGE.format(10)
    + "</t:StandardTime><t:DaylightTime>"
    + CHANGE.format(3)
    + """</t:DaylightTime></t:TimeZone>
<m:MailboxDataArray>{mailboxes}</m:MailboxDataArray>
<t:FreeBusyViewOptions><t:TimeWindow><t:StartTime>{start}</t:StartTime><t:EndTime>{end}</t:EndTime></t:TimeWindow>
<t:MergedFreeBusyIntervalInMinutes>{interval}</t:MergedFreeBusyIntervalInMinutes>
<t:RequestedView>DetailedMerged</t:RequestedView></t:FreeBusyViewOptions>
</m:GetUserAvailabilityRequest></s:Body></s:Envelope>"""
)
"""The zone is UTC, in a form that servers take that want a daylight time: both have the same offset."""

BUSY_TYPES = {"Free": "", "WorkingElsewhere": "", "NoData": "", "Tentative": "TENTATIVE"}
"""Empty for what takes no time; every other type is BUSY."""

DIGITS = {"1": "TENTATIVE", "2": "BUSY", "3": "BUSY"}
"""Of MergedFreeBusy; all others take no time."""

ERRORS = {"ErrorMailRecipientNotFound": "MailboxNotFound"}
"""The guide's word for an EWS code; most are the same."""

MONTHS = {
    str(number): name
    for number, name in enumerate("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(), 1)  # noqa: SIM905
}
WEEKS = {"1": "FIRST", "2": "SECOND", "3": "THIRD", "4": "FOURTH", "5": "LAST"}
DAYS = {
    name.title(): name[:3] for name in ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")
}
GROUPS = {
    "Day": tuple(DAYS.values()),
    "Weekday": tuple(DAYS.values())[1:6],
    "WeekendDay": (DAYS["Sunday"], DAYS["Saturday"]),
}


def request(mailboxes: Sequence[str], window: Window) -> bytes:
    """Return the body of a request; control characters of an address, which XML has no way to write, are left out."""
    written = "".join(MAILBOX.format(escape("".join(filter(str.isprintable, each)))) for each in mailboxes)
    start, end = (each.isoformat(timespec="seconds") for each in (window.start, window.end))
    return REQUEST.format(
        version=VERSION, mailboxes=written, start=start, end=end, interval=INTERVAL.seconds // 60
    ).encode()


class Answers:
    """What a server said of the mailboxes of a request, in their order."""

    def __init__(self, body: bytes, number: int) -> None:
        """Read a body of an answer.

        Raises:
            MailboxError: it is no answer to a request of so many mailboxes.
        """
        envelope = _parsed(body)
        found = envelope.find(f"{BODY}/{MESSAGES}GetUserAvailabilityResponse/{MESSAGES}FreeBusyResponseArray")
        if found is None:
            raise _failed(f"the server answered with {_code(envelope) or 'something else'}")
        self._responses = found.findall(f"{MESSAGES}FreeBusyResponse")
        if len(self._responses) != number:
            raise _failed(f"the server answered for {len(self._responses)} mailboxes instead of {number}")

    def of(self, place: int, mailbox: str, window: Window, *, with_details: bool) -> dict[str, Any]:
        """Return the answer of the mailbox at a place.

        Raises:
            MailboxError: the server has none, or one that cannot be read.
        """
        response = self._responses[place]
        message = response.find(f"{MESSAGES}ResponseMessage")
        if message is None or message.get("ResponseClass") == "Error":
            code = _code(response) or "ErrorFreeBusyGenerationFailed"
            raise MailboxError(ERRORS.get(code, code), "the server has no free/busy information of it")
        view = response.find(f"{MESSAGES}FreeBusyView")
        if view is None:
            raise _failed("a mailbox has neither an error nor a view")
        try:
            events = _events(view, window, with_details=with_details)
        except (ValueError, OverflowError):
            raise _failed("an event has a time that is none") from None
        return questions.answered(mailbox, events, _working_hours(view))


class _NoDoctype(ET.TreeBuilder):
    """Refuses a document type, with which entities would come, and elements that are too deep."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def doctype(self, *_: object) -> None:
        raise ValueError("a document type")

    def start(self, tag: Any, attrs: Any, /) -> Any:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ValueError("too deep")
        return super().start(tag, attrs)

    def end(self, tag: Any, /) -> Any:
        self._depth -= 1
        return super().end(tag)


def _parsed(body: bytes) -> Element:
    try:
        return ET.fromstring(body, ET.XMLParser(target=_NoDoctype()))  # noqa: S314  see _NoDoctype
    except (ET.ParseError, ValueError, LookupError):
        raise _failed("the answer is no XML that can be read") from None


def _code(element: Element) -> str:
    """Return the first EWS code of an answer or a fault; empty if there is none, or it is no word."""
    names = (f"{MESSAGES}ResponseCode", "{http://schemas.microsoft.com/exchange/services/2006/errors}ResponseCode")
    found = next((each.text or "" for name in names for each in element.iter(name)), "").strip()
    return found if found.isascii() and found.isalnum() and len(found) < 100 else ""


def _events(view: Element, window: Window, *, with_details: bool) -> list[Event]:
    found = view.findall(f"{TYPES}CalendarEventArray/{TYPES}CalendarEvent")
    if not found:
        return _merged(_text(view, "MergedFreeBusy"), window)
    events: list[Event] = []
    for each in found:
        start, end = _time(_text(each, "StartTime")), _time(_text(each, "EndTime"))
        busy = BUSY_TYPES.get(_text(each, "BusyType"), "BUSY")
        if busy and start < end:
            details = each.find(f"{TYPES}CalendarEventDetails") if with_details else None
            events.append(questions.made(start, end, busy, None if details is None else _details(details)))
    return events


def _merged(digits: str, window: Window) -> list[Event]:
    """Return the events of a string with one digit for each interval of the window."""
    events: list[Event] = []
    begin = 0
    for place in range(1, len(digits) + 1):
        if place == len(digits) or digits[place] != digits[begin]:
            if busy := DIGITS.get(digits[begin]):
                events.append(questions.made(window.start + begin * INTERVAL, window.start + place * INTERVAL, busy))
            begin = place
    return events


def _details(found: Element) -> dict[str, Any] | None:
    flags = {name: _text(found, name).lower() in ("true", "1") for name in _FLAGS}
    if flags["IsPrivate"]:
        return None
    recurs = "RECURRING_INSTANCE" if flags["IsRecurring"] else "SINGLE_INSTANCE"
    return {
        "subject": _text(found, "Subject")[: questions.LONGEST_TEXT],
        "location": _text(found, "Location")[: questions.LONGEST_TEXT],
        "instanceType": "EXCEPTION" if flags["IsException"] else recurs,
        "isMeeting": flags["IsMeeting"],
        "isReminderSet": flags["IsReminderSet"],
        "isPrivate": False,
    }


_FLAGS = ("IsMeeting", "IsRecurring", "IsException", "IsReminderSet", "IsPrivate")


def _working_hours(view: Element) -> dict[str, Any] | None:
    hours = view.find(f"{TYPES}WorkingHours")
    zone = None if hours is None else hours.find(f"{TYPES}TimeZone")
    if hours is None or zone is None:
        return None
    try:
        periods = [_working(each) for each in hours.findall(f"{TYPES}WorkingPeriodArray/{TYPES}WorkingPeriod")]
        return {"timezone": _zone(zone), "workingPeriods": periods}
    except (ValueError, LookupError):
        return None  # hours that cannot be read do not cost the events


def _working(period: Element) -> dict[str, Any]:
    return {
        "startMinutes": int(_text(period, "StartTimeInMinutes")),
        "endMinutes": int(_text(period, "EndTimeInMinutes")),
        "days": _days(_text(period, "DayOfWeek")),
    }


def _zone(zone: Element) -> dict[str, Any]:
    """Return a zone; signs are those of EWS: UTC is the local time plus the bias."""
    made: dict[str, Any] = {"name": "Undefined", "bias": int(_text(zone, "Bias"))}  # EWS gives a rule and no name
    changes = {name: zone.find(f"{TYPES}{name}") for name in ("StandardTime", "DaylightTime")}
    if all(each is not None and _text(each, "Month") not in ("", "0") for each in changes.values()):
        made |= {name[0].lower() + name[1:]: _change(each) for name, each in changes.items() if each is not None}
    return made


def _change(change: Element) -> dict[str, Any]:
    return {
        "offset": int(_text(change, "Bias")),
        "time": _text(change, "Time"),
        "month": MONTHS[_text(change, "Month")],
        "week": WEEKS[_text(change, "DayOrder")],
        "dayOfWeek": DAYS[_text(change, "DayOfWeek")],
    }


def _days(text: str) -> list[str]:
    named = [day for word in text.split() for day in GROUPS.get(word, ()) or (DAYS[word],)]
    return list(dict.fromkeys(named))


def _time(text: str) -> datetime:
    """Return a time in UTC, naive: one without an offset is in the zone of the request, which is UTC."""
    read = datetime.fromisoformat(text)
    return read.astimezone(UTC).replace(tzinfo=None) if read.tzinfo else read


def _text(element: Element, name: str) -> str:
    return (element.findtext(f"{TYPES}{name}") or "").strip()


def _failed(reason: str) -> MailboxError:
    return MailboxError("ErrorFreeBusyGenerationFailed", reason)
