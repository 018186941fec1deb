"""Free/busy information of 100 mailboxes, beside parsing and expanding the same events from their text.

The calendars are in moto, and the adapter is the one for DynamoDB. moto's own time does not count: each answer is kept
as the bytes that DynamoDB sends, and given back when the same question is asked again. What counts is then all that
query_availability does of itself: requests are signed, answers read, entries opened, thawed and expanded.
"""

from __future__ import annotations

import json
import statistics
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import boto3
import icalendar
import recurring_ical_events  # type: ignore[import-untyped]
from botocore.awsrequest import AWSResponse
from moto import mock_aws

from postroom.adapters.aws import calendar_rows, mailbox_rows
from postroom.adapters.aws.calendars import DynamoCalendars
from postroom.adapters.memory.mailbox_keys import MemoryMailboxKeys
from postroom.calendar_store import sealed
from postroom.calendar_store.busy import StoredBusy
from postroom.calendars.objects import read_calendar
from postroom.model.calendars import PutObject, apply
from postroom.model.limits import DAY_MS, MB
from postroom.model.mailbox import Marks, first_head, standard_folders
from tests.support.stack import make_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from botocore.awsrequest import AWSPreparedRequest

MAILBOXES: Final = 100
EVENTS: Final = 50
"""Events per mailbox: 30 single ones in the week that is asked about, 20 series that began up to three years before."""

SERIES: Final = 20
MONDAY: Final = datetime(2026, 11, 23, tzinfo=UTC)
WEEK_MS: Final = (int(MONDAY.timestamp() * 1000), int(MONDAY.timestamp() * 1000) + 7 * DAY_MS)
ROUNDS: Final = 10
"""Rounds of ten mailboxes each; in each, ours and theirs run in turn."""

HISTORY_EVENTS: Final = 4
"""Events per week of the calendar whose history is long."""

HISTORY_ROUNDS: Final = 15

BUDGET_CALLS: Final = 2.0
BUDGET_TIME: Final = 0.25
BUDGET_HISTORY: Final = 1.5

TABLE: Final = "mailboxes"
ARN: Final = "arn:aws:workmail:us-east-1:123456789012:organization/m-1"
KMS: Final = "kms"

_ZONE: Final = """BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19961027T030000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19810329T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
"""

_EVENT: Final = """BEGIN:VEVENT
UID:{uid}@acme.example
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:{start:%Y%m%dT%H%M%S}
DTEND;TZID=Europe/Berlin:{end:%Y%m%dT%H%M%S}
SUMMARY:Meeting {uid} about the budget of the next quarter
LOCATION:Room {room}
ORGANIZER;CN=Ada Berg:mailto:ada@acme.example
ATTENDEE;CN=Ben Cole;PARTSTAT=ACCEPTED;RSVP=TRUE:mailto:ben@acme.example
ATTENDEE;CN=Cem Demir;PARTSTAT=TENTATIVE;RSVP=TRUE:mailto:cem@acme.example
DESCRIPTION:Please bring your figures\\, and read those of the others before.
{more}END:VEVENT
"""

_RULES: Final = ("FREQ=WEEKLY", "FREQ=DAILY", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE", "FREQ=MONTHLY;BYDAY=4TU")


@dataclass(frozen=True, slots=True)
class Availability:
    """What was found.

    Attributes:
        calls: DynamoDB's, per mailbox.
        time: of ours by theirs; the median of the rounds.
        history: time with ten years of history by time with one.
        history_rows: rows that DynamoDB reads with ten years of history by those with one.
    """

    calls: float
    time: float
    history: float
    history_rows: float


def event(uid: str, number: int, *, rule: str = "", weeks_before: int = 0) -> str:
    """Return a VEVENT of one hour on some day of the week, or of a week before."""
    start = MONDAY.replace(tzinfo=None) + timedelta(
        days=number % 5 - 7 * weeks_before, hours=8 + number % 9, minutes=15 * (number % 4)
    )
    more = f"RRULE:{rule}\n" if rule else ""
    return _EVENT.format(uid=uid, start=start, end=start + timedelta(hours=1), room=number % 7, more=more)


def text(events: Sequence[str]) -> bytes:
    """Return a VCALENDAR, with CRLF."""
    whole = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//bench//EN\n{_ZONE}{''.join(events)}END:VCALENDAR\n"
    return whole.replace("\n", "\r\n").encode()


def week(mailbox: int) -> bytes:
    """Return the text of one mailbox's events."""
    events = [event(f"{mailbox}-{number}", number + mailbox) for number in range(EVENTS - SERIES)]
    events += [
        event(f"{mailbox}-s{number}", number + mailbox, rule=_RULES[number % 4], weeks_before=8 * number + 1)
        for number in range(SERIES)
    ]
    return text(events)


def history(years: int, *, events_per_week: int = HISTORY_EVENTS) -> bytes:
    """Return the text of a calendar with years of history: single events each week, and series that have ended."""
    events = [
        event(f"{weeks}-{number}", number, weeks_before=weeks)
        for weeks in range(52 * years)
        for number in range(events_per_week)
    ]
    events += [
        event(f"ended-{year}", year, rule="FREQ=DAILY;COUNT=200", weeks_before=52 * year + 60) for year in range(years)
    ]
    events += [event(f"s{number}", number, rule=_RULES[number], weeks_before=520) for number in range(4)]
    return text(events)


@dataclass
class Calendars:
    """Calendars in moto, whose answers are given back."""

    client: Any
    keys: MemoryMailboxKeys = field(default_factory=MemoryMailboxKeys)
    calls: int = 0
    answered: list[bytes] = field(default_factory=list)
    _answers: dict[bytes, bytes] = field(default_factory=dict)
    _asked: bytes = b""

    def __post_init__(self) -> None:
        """Make the table, and listen to the client."""
        make_table(self.client, TABLE)
        self.keys.add(KMS)
        calendars = DynamoCalendars(self.client, TABLE, "transit", "ledger", lambda: WEEK_MS[0])
        self.busy = StoredBusy(calendars, self.keys)
        events = self.client.meta.events
        events.register_first("before-send.dynamodb", self._answer)
        events.register("response-received.dynamodb", self._keep)

    def fill(self, mailbox_id: str, content: bytes) -> None:
        """Make a mailbox with the events of a text, as the store makes it."""
        head = first_head(
            mailbox_id,
            organization_id="m-1",
            organization_arn=ARN,
            kms_key_arn=KMS,
            wrapped_key=self.keys.new(KMS, ARN),
            quota_bytes=1024 * MB,
        )
        key = self.keys.unwrap(head.wrapped_key, KMS, ARN)
        rows = [mailbox_rows.folder_row(mailbox_id, folder) for folder in standard_folders(WEEK_MS[0])]
        for number, found in enumerate(read_calendar(content).objects):
            new = sealed.new_object(
                found,
                mailbox_id=mailbox_id,
                mailbox_key=key,
                token=f"{number:032x}",
                blob=f"mail/m-1/{mailbox_id}/{number:032x}",
                now_ms=WEEK_MS[0],
                random=lambda size: number.to_bytes(size, "big"),  # noqa: B023 - called at once
                marks=Marks(),
            )
            applied = apply(head, [PutObject(new)], WEEK_MS[0])
            head, (item,) = applied.head, applied.items
            rows.append(calendar_rows.item_row(mailbox_id, item, new.uid_hash))
            rows.append(calendar_rows.index_row(mailbox_id, item, new))
            rows.append(calendar_rows.object_row(mailbox_id, item, new))
        rows.append(mailbox_rows.head_row(head, WEEK_MS[0]))
        for start in range(0, len(rows), 25):
            requests = [{"PutRequest": {"Item": row}} for row in rows[start : start + 25]]
            self.client.batch_write_item(RequestItems={TABLE: requests})

    def ask(self, mailbox_id: str) -> int:
        """Ask about the week; return the number of events."""
        events, _ = self.busy.ask(mailbox_id, *WEEK_MS, requester_id="somebody")
        return len(events)

    @property
    def rows(self) -> int:
        """Rows that DynamoDB has read for Queries since ``counted``, whether they met the filter or not."""
        return sum(int(json.loads(answer).get("ScannedCount", 0)) for answer in self.answered)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count calls, and rows that DynamoDB reads."""
        self.calls = 0
        self.answered.clear()
        yield

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        self.calls += 1
        body: Any = request.body
        self._asked = body
        known = self._answers.get(body)
        if known is None:
            return None  # moto answers
        self.answered.append(known)
        return AWSResponse(request.url, 200, _HEADERS, _Raw(known))

    def _keep(self, response_dict: dict[str, Any], **_: Any) -> None:
        self._answers[self._asked] = response_dict["body"]


_HEADERS: Final[Any] = {"content-type": "application/x-amz-json-1.0"}


class _Raw:
    """The body of an answer, for botocore."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self._content


def parsed_and_expanded(content: bytes) -> int:
    """Parse and expand events from their text by icalendar and recurring-ical-events; return their number."""
    calendar = icalendar.Calendar.from_ical(content)
    return len(recurring_ical_events.of(calendar).between(MONDAY, MONDAY + timedelta(days=7)))


def measure() -> Availability:
    """Measure everything.

    Raises:
        RuntimeError: both ways do not find the same number of events, so that their times are without meaning.
    """
    texts = {f"user-{number:03d}": week(number) for number in range(MAILBOXES)}
    with mock_aws():
        calendars = Calendars(boto3.client("dynamodb", region_name="us-east-1"))
        for mailbox_id, content in [*texts.items(), *((f"{years} years", history(years)) for years in (1, 10))]:
            calendars.fill(mailbox_id, content)
            calendars.ask(mailbox_id)
    names = list(texts)
    if calendars.ask(names[0]) != parsed_and_expanded(texts[names[0]]):
        raise RuntimeError("both ways do not find the same events")
    calls, ratios = 0, []
    for number in range(ROUNDS):
        some = names[number::ROUNDS]
        with calendars.counted():
            ours = _seconds(lambda: [calendars.ask(name) for name in some])  # noqa: B023 - called at once
            calls += calendars.calls
        theirs = _seconds(lambda: [parsed_and_expanded(texts[name]) for name in some])  # noqa: B023
        ratios.append(ours / theirs)
    history_time, history_rows = _with_history(calendars)
    return Availability(calls / MAILBOXES, statistics.median(ratios), history_time, history_rows)


def _with_history(calendars: Calendars) -> tuple[float, float]:
    """Return time and rows of ten years of history by those of one year."""
    found: dict[str, int] = {}
    for name in ("1 years", "10 years"):
        with calendars.counted():
            calendars.ask(name)
        found[name] = calendars.rows
    rounds = [
        [_seconds(lambda: [calendars.ask(name) for _ in range(10)]) for name in found]  # noqa: B023 - called at once
        for _ in range(HISTORY_ROUNDS)
    ]
    return statistics.median(long / short for short, long in rounds), found["10 years"] / found["1 years"]


def _seconds(run: Callable[[], object]) -> float:
    """Return how long a call takes, in seconds of CPU."""
    start = time.process_time()
    run()
    return time.process_time() - start
