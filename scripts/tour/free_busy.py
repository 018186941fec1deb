"""Free/busy information: a calendar is imported, and exchangelib asks the stack about it, as Outlook would."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from cli import availability_strips, output
from postroom.bootstrap.clock import pause
from postroom.calendar_store.imports import Import, Result
from postroom.calendars.objects import read_calendar
from postroom.model.free_busy import BusyEvent, BusyType, FailureCode, MailboxAvailability, MailboxFailure
from tour.stack import PASSWORD, expect

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.console import Console

    from postroom.bootstrap.operator import Operator
    from postroom.model.free_busy import MailboxResult

ZONE: Final = "Europe/Berlin"
DAY: Final = (2026, 12, 7)
CALENDAR: Final = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Postroom//Tour//EN
BEGIN:VEVENT
UID:stand-up@tour.example
DTSTAMP:20261101T000000Z
DTSTART;TZID=Europe/Berlin:20261026T090000
DTEND;TZID=Europe/Berlin:20261026T093000
RRULE:FREQ=WEEKLY;BYDAY=MO,WE
SUMMARY:Stand-up
END:VEVENT
BEGIN:VEVENT
UID:trip@tour.example
DTSTAMP:20261101T000000Z
DTSTART:20261207T120000Z
DTEND:20261207T150000Z
STATUS:TENTATIVE
SUMMARY:Trip
END:VEVENT
END:VCALENDAR
"""
MERGED: Final = "0" * 18 + "2" + "0" * 7 + "1" * 6 + "0" * 16
"""The day of the calendar's owner by half hours, as EWS writes it: 1 is tentative, 2 busy."""


def import_calendar(operator: Operator, mailbox_id: str) -> str:
    """Put a series and an event into a mailbox's calendar."""
    read = read_calendar(CALENDAR.replace("\n", "\r\n").encode())
    done = Import(operator.calendars, mailbox_id, pause).run(read.objects)
    expect("the imported events", [each.result for each in done], [Result.ADDED] * 2)
    return "a series of stand-ups and a trip"


def ask(console: Console, asker: str, mailboxes: Sequence[str]) -> str:
    """Ask about a day with exchangelib, which is told no version; show the strip of each mailbox.

    Args:
        console: for the strip.
        asker: address of the user who asks.
        mailboxes: the owner of the calendar, a user without one, and an address without a mailbox.
    """
    from exchangelib import Configuration, Credentials, EWSDateTime, EWSTimeZone
    from exchangelib.protocol import Protocol

    url = os.environ["POSTROOM_EWS_URL"]
    server = Protocol(config=Configuration(service_endpoint=url, credentials=Credentials(asker, PASSWORD)))
    start = EWSDateTime(*DAY, tzinfo=EWSTimeZone(ZONE))
    end = EWSDateTime(DAY[0], DAY[1], DAY[2] + 1, tzinfo=EWSTimeZone(ZONE))
    answers = list(server.get_free_busy_info([(each, "Required", False) for each in mailboxes], start, end, 30))
    expect("the version that is served", server.version.api_version, "Exchange2010_SP2")
    expect("half hours", [getattr(each, "merged", type(each).__name__) for each in answers], _EXPECTED)
    results = [_result(mailbox, answer) for mailbox, answer in zip(mailboxes, answers, strict=True)]
    ((day, half_hours),) = availability_strips.days(_ms(start), _ms(end), ZoneInfo(ZONE))
    rows = [(result.mailbox, availability_strips.strip(result, half_hours, _ms(start), _ms(end))) for result in results]
    console.print(output.table((day, availability_strips.hours(half_hours, ZoneInfo(ZONE))), rows))
    console.print(availability_strips.LEGEND, style="dim")
    return f"{len(answers)} addresses, asked at {url}; {mailboxes[-1]} has no mailbox"


_EXPECTED: Final = [MERGED, "0" * 48, "ErrorMailRecipientNotFound"]


def _result(mailbox: str, answer: Any) -> MailboxResult:
    """Return what exchangelib read of a mailbox in our own terms."""
    if isinstance(answer, Exception):
        return MailboxFailure(mailbox, FailureCode.MAIL_RECIPIENT_NOT_FOUND, str(answer))
    found = [
        (_ms(event.start), _ms(event.end), BusyType(event.busy_type.upper())) for event in answer.calendar_events or ()
    ]
    return MailboxAvailability(mailbox, tuple(BusyEvent(*each) for each in found))


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
