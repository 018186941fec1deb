"""Calendar data that is too much, too often or not calendar data: refused with a clear error, and quickly."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pytest

from postroom.calendars import definitions, lines, objects, series
from postroom.calendars.entry import MAX_ENTRY_BYTES, Entry, Length, Placed, Shown
from postroom.calendars.expand import instances
from postroom.calendars.objects import read_calendar
from postroom.errors import InvalidCalendarError, TooManyInstancesError
from tests.support.calendar_text import CUSTOM_ZONE, calendar, event, found, frozen, ms, the_object

if TYPE_CHECKING:
    from collections.abc import Callable

START: Final = "DTSTART:20200101T090000Z"
SECONDS: Final = 10.0
"""Most processor time of one text, in seconds: far above what is measured, far below what quadratic work takes."""


def why(*components: str, head: str = "") -> str:
    """Return why the only object of a calendar is refused."""
    read = read_calendar(calendar(*components, head=head))
    assert not read.objects
    (refused,) = read.refused
    return refused.why


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("FREQ=SECONDLY", "repeats too often"),
        ("FREQ=MINUTELY", "repeats too often"),
        ("FREQ=MINUTELY;INTERVAL=4", "repeats too often"),
        ("FREQ=SECONDLY;INTERVAL=270", "repeats too often"),
        ("FREQ=HOURLY;BYMINUTE=0,1,2,3,4,5,6,7,8,9,10,11,12,13", "repeats too often"),
        ("FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11;BYMINUTE=0,1,2,3,4,5;BYSECOND=0,1,2,3,4,5", "repeats too often"),
        (
            "FREQ=YEARLY;BYMONTH=12;BYHOUR=0;BYMINUTE=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25"
            ";BYSECOND=0,1,2,3,4,5,6,7,8,9,10,11,12",
            "repeats too often",
        ),
        ("FREQ=SECONDLY;COUNT=20001", "repeats too often"),
        ("FREQ=SECONDLY;UNTIL=20200110T000000Z", "repeats too often"),
        ("FREQ=DAILY;COUNT=50001", "COUNT outside 1 to 50000"),
        ("FREQ=DAILY;COUNT=0", "COUNT outside"),
        ("FREQ=DAILY;COUNT=" + "9" * 5000, "COUNT outside"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL outside"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL outside"),
        ("FREQ=DAILY;INTERVAL=100001", "INTERVAL outside"),
        ("RSCALE=CHINESE;FREQ=YEARLY", "RSCALE"),
        ("RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD", "RSCALE"),
        ("FREQ=MONTHLY;SKIP=BACKWARD", "RFC 5545 does not have"),
        ("FREQ=YEARLY;BYEASTER=0", "RFC 5545 does not have"),
        ("FREQ=FORTNIGHTLY", "without a valid FREQ"),
        ("COUNT=3", "without a valid FREQ"),
        ("", "cannot be read"),
        ("FREQ", "cannot be read"),
        ("FREQ=DAILY;FREQ=DAILY", "one twice"),
        ("FREQ=DAILY;UNTIL=never", "neither DATE nor DATE-TIME"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR outside 0 to 23"),
        ("FREQ=DAILY;BYMINUTE=-1", "BYMINUTE outside"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY outside"),
        ("FREQ=MONTHLY;BYMONTHDAY=1,,2", "BYMONTHDAY outside"),
        ("FREQ=MONTHLY;BYMONTHDAY=\u0661", "BYMONTHDAY outside"),
        ("FREQ=YEARLY;BYWEEKNO=54", "BYWEEKNO outside"),
        ("FREQ=YEARLY;BYMONTH=13", "BYMONTH outside"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY that cannot be read"),
        ("FREQ=MONTHLY;BYDAY=54MO", "BYDAY that cannot be read"),
        ("FREQ=MONTHLY;BYDAY=XX", "BYDAY that cannot be read"),
        ("FREQ=WEEKLY;BYDAY=" + ",".join(["MO"] * 101), "more than 100 days"),
        ("FREQ=WEEKLY;WKST=XX", "WKST"),
    ],
)
def test_a_rule_that_is_no_rule_or_repeats_too_often_is_refused(rule: str, reason: str) -> None:
    assert reason in why(event(f"{START}\nRRULE:{rule}"))


@pytest.mark.parametrize(
    ("rule", "count"),
    [
        ("FREQ=SECONDLY;COUNT=20000", 20_000),
        ("FREQ=MINUTELY;INTERVAL=5;COUNT=50000", 17_856),  # five minutes are the shortest without an end
        ("FREQ=SECONDLY;BYSECOND=0;BYMINUTE=0;BYHOUR=9", 62),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", 1),  # never, beside DTSTART
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=5", 1),
        ("FREQ=HOURLY;INTERVAL=2;BYHOUR=10;COUNT=5", 1),
        ("FREQ=MONTHLY;BYSETPOS=300;BYDAY=MO;COUNT=50000", 1),
        ("FREQ=SECONDLY;INTERVAL=7;BYHOUR=1;BYMINUTE=1;BYSECOND=1;BYSETPOS=2;COUNT=3", 1),
        ("FREQ=YEARLY;BYDAY=" + ",".join(f"{ordinal}MO" for ordinal in range(1, 54)), 10),
        ("FREQ=YEARLY;BYYEARDAY=" + ",".join(map(str, range(1, 367))), 62),
        ("FREQ=YEARLY;INTERVAL=100000;COUNT=50000", 1),
    ],
)
def test_a_rule_that_finds_nothing_or_much_is_bounded_work(rule: str, count: int) -> None:
    started = time.process_time()
    entry = frozen(the_object(event(f"{START}\nRRULE:{rule}")).entry)
    start_ms = ms(datetime(2020, 1, 1, 9, tzinfo=UTC))
    assert len(instances(entry, start_ms, start_ms + 62 * 86_400_000)) == count
    far = ms(datetime(8990, 1, 1, tzinfo=UTC))
    instances(entry, far, far + 62 * 86_400_000)
    assert time.process_time() - started < SECONDS


def test_a_rule_that_found_nothing_for_four_hundred_years_has_ended() -> None:
    entry = the_object(event(f"{START}\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=5")).entry
    assert entry.end_ms == ms(datetime(2020, 1, 1, 9, tzinfo=UTC))


def test_instances_that_are_too_many_are_said_not_cut() -> None:
    entry = the_object(event(f"{START}\nRRULE:FREQ=HOURLY")).entry
    day = ms(datetime(2020, 1, 2, tzinfo=UTC))
    assert len(instances(entry, day, day + 86_400_000, most=24)) == 24
    with pytest.raises(TooManyInstancesError, match="more than 23"):
        instances(entry, day, day + 86_400_000, most=23)


def test_long_instances_overlap_within_the_limit_or_are_refused() -> None:
    assert "repeats too often" in why(event(f"{START}\nDURATION:P900D\nRRULE:FREQ=HOURLY"))
    lines_of_two_years = event(f"{START}\nDURATION:P700D\nRRULE:FREQ=DAILY")
    since = datetime(2025, 1, 1, tzinfo=UTC)
    assert len(found(lines_of_two_years, since=since, before=datetime(2025, 1, 2, tzinfo=UTC))) == 701


def changed(number: int) -> str:
    year, month, day = 2020 + number // 336, number // 28 % 12 + 1, number % 28 + 1
    recurrence_id = f"{year:04}{month:02}{day:02}T090000Z"
    return event(f"RECURRENCE-ID:{recurrence_id}\nDTSTART:20200101T{number % 24:02}0000Z")


def test_a_hundred_thousand_changed_instances_are_refused_before_anything_is_read() -> None:
    text = calendar(event(f"{START}\nRRULE:FREQ=DAILY"), "BEGIN:VEVENT\nUID:1@acme.test\nEND:VEVENT\n" * 100_000)
    started = time.process_time()
    with pytest.raises(InvalidCalendarError, match=f"more than {lines.MAX_EVENTS} events"):
        read_calendar(text)
    assert time.process_time() - started < SECONDS


def test_two_thousand_changed_instances_are_read_and_one_more_is_refused() -> None:
    master = event(f"{START}\nRRULE:FREQ=DAILY")
    many = "".join(map(changed, range(series.MAX_CHANGES)))
    started = time.process_time()
    entry = the_object(master, many).entry
    assert len(entry.freeze()) < MAX_ENTRY_BYTES
    assert f"more than {series.MAX_CHANGES} changed" in why(master, many, changed(series.MAX_CHANGES))
    assert time.process_time() - started < SECONDS


def test_texts_are_cut_and_an_entry_that_is_too_large_is_refused() -> None:
    (one,) = found(event(f"{START}\nSUMMARY:{'x' * 5000}"))
    assert one.details.subject == "x" * 255
    shown = [Shown(subject=f"{number} {'x' * 250}") for number in range(2_000)]
    entry = Entry(0, 1, tuple(Placed(number, Length(), each) for number, each in enumerate(shown)))
    with pytest.raises(InvalidCalendarError, match=f"more than {MAX_ENTRY_BYTES} bytes"):
        entry.freeze()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: f"{START}\nRRULE:FREQ=DAILY\n" + "EXDATE:20200101T090000Z\n" * 100_000, "more than 5000 dates"),
        (
            lambda: f"{START}\nRRULE:FREQ=DAILY\nEXDATE:" + "20200101T090000Z," * 5_001,
            "a property EXDATE of more than|more than 5000",
        ),
        (lambda: f"{START}\nRDATE;VALUE=PERIOD:" + "20200101T090000Z/PT1H," * 200_000, "more than 5000 dates"),
        (lambda: f"{START}\n" + "ATTENDEE:mailto:ada@acme.test\n" * 100_000, "more than 2000 attendees"),
        (lambda: f"{START}\n" + "RRULE:FREQ=DAILY\n" * 100_000, "more than 5 recurrence rules"),
        (lambda: "DTSTART;X=" + "x" * 70_000 + ":20200101T090000Z", "DTSTART of more than 65536 bytes"),
    ],
)
def test_properties_that_are_too_many_are_refused(make: Callable[[], str], reason: str) -> None:
    text = make()
    started = time.process_time()
    assert any(part in why(event(text)) for part in reason.split("|"))
    assert time.process_time() - started < SECONDS


def zone(parts: str) -> str:
    return f"BEGIN:VTIMEZONE\nTZID:Own\n{parts}END:VTIMEZONE\n"


def observance(text: str, offsets: tuple[str, str] = ("+0100", "+0200")) -> str:
    return f"BEGIN:STANDARD\n{text}\nTZOFFSETFROM:{offsets[0]}\nTZOFFSETTO:{offsets[1]}\nEND:STANDARD\n"


RDATES: Final = ",".join(f"{year}0101T000000" for year in range(2_001, 3_003))
ONCE: Final = observance("DTSTART:{:04}0101T000000")
YEARLY: Final = observance("DTSTART:{:04}0101T000000\nRRULE:FREQ=YEARLY;UNTIL=90000101T000000Z")


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ("", "without parts"),
        ("BEGIN:STANDARD\nDTSTART:19700101T000000\nEND:STANDARD\n", "lack a start or an offset"),
        (observance("DTSTART:19700101T000000", ("+01", "+0200")), "offset of a time zone"),
        (observance("DTSTART:19700101T000000", ("+0100", "+2400")), "offset of a time zone"),
        (observance("DTSTART:19700101T000000\nRRULE:FREQ=SECONDLY"), "does not change by the year"),
        (observance("DTSTART:19700101T000000\nRRULE:FREQ=YEARLY;BYDAY=MO"), "does not change by the year"),
        (observance("DTSTART:19700101T000000\nRRULE:FREQ=YEARLY;BYSECOND=1,2,3"), "does not change by the year"),
        (observance("DTSTART:19700101T000000\nRRULE:FREQ=YEARLY;INTERVAL=2"), "does not change by the year"),
        (observance("DTSTART:19700101T000000\nRRULE:FREQ=YEARLY") * 5, "more than 4 rules"),
        (observance(f"DTSTART:19700101T000000\nRDATE:{RDATES}"), "more than 1000 changes"),
        ("".join(map(ONCE.format, range(1_000, 6_001))), "more than 5000 parts"),
        ("".join(map(YEARLY.format, range(1, 1_000))), "more than 1000 changes"),
    ],
)
def test_a_time_zone_that_makes_no_sense_is_refused(parts: str, reason: str) -> None:
    lines_of_it = event("DTSTART;TZID=Own:20200101T090000\nRRULE:FREQ=DAILY")
    started = time.process_time()
    assert reason in why(lines_of_it, head=zone(parts))
    others = "".join(lines_of_it.replace("1@", f"{number}@") for number in range(2, 40))
    read = read_calendar(calendar(lines_of_it, others, event(START, uid="good"), head=zone(parts)))
    assert [each.uid for each in read.objects] == ["good"]  # the other object is read all the same
    assert {each.why for each in read.refused} == {why(lines_of_it, head=zone(parts))}
    assert time.process_time() - started < SECONDS


def test_zones_that_are_too_many_are_refused() -> None:
    many = "".join(zone(observance("DTSTART:19700101T000000")).replace("Own", f"Own {n}") for n in range(1_001))
    with pytest.raises(InvalidCalendarError, match=f"more than {definitions.MAX_ZONES} time zones"):
        read_calendar(calendar(event(START), head=many))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no calendar data"),
        (b"hello", "no calendar data"),
        (b"BEGIN:VCALENDAR\r\n", "without an end"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\nEND:VEVENT\r\n", "do not nest"),
        (b"END:VCALENDAR\r\n", "do not nest"),
        (b"BEGIN:VEVENT\r\nEND:VEVENT\r\n", "no calendar data"),
        (b"BEGIN:VCALENDAR\r\n" * 9, "deeper ones"),
        (b"BEGIN:VCALENDAR\r\n" * 1_000_000, "more than|deeper ones"),
        (b"BEGIN:VCALENDAR\r\n" + b"BEGIN:X\r\nEND:X\r\n" * 100_001, "more components"),
        (b" " * (lines.MAX_FILE_BYTES + 1), "more than 10485760 bytes"),
        (b"\r\n" * (lines.MAX_FILE_BYTES // 2), "more than 500000 lines"),
        (b"\r\n" * 100_000, "no calendar data"),
        (b"\r\n " * 100_000, "no calendar data"),
        (b"BEGIN:VCALENDAR\r\nUID:" + b"\r\n x" * 100_000 + b"\r\nEND:VCALENDAR", ""),
    ],
)
def test_what_is_no_calendar_is_refused_at_once(data: bytes, reason: str) -> None:
    started = time.process_time()
    if reason:
        with pytest.raises(InvalidCalendarError, match=reason):
            read_calendar(data)
    else:
        assert read_calendar(data).objects == ()
    assert time.process_time() - started < SECONDS


def test_a_text_does_not_grow_by_what_its_objects_share() -> None:
    head = CUSTOM_ZONE.format(winter="+0100", summer="+0200") + "X-COMMENT:" + "x" * 60_000 + "\n"
    many = "".join(event("DTSTART;TZID=Customized Time Zone:20200101T090000", uid=str(n)) for n in range(1_000))
    with pytest.raises(InvalidCalendarError, match=f"more than {objects.MAX_OBJECTS_BYTES} bytes together"):
        read_calendar(calendar(many, head=head))


def test_many_rules_whose_ends_are_far_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definitions, "MAX_STEPS", definitions.MAX_STEPS // 10)
    rule = "RRULE:FREQ=SECONDLY;INTERVAL=7;BYHOUR=1;BYMINUTE=1;BYSECOND=1;BYSETPOS=2;COUNT=3\n"
    many = "".join(event(f"{START}\n{rule * 5}", uid=f"far {number}") for number in range(500))
    ordinary = event(f"{START}\nRRULE:FREQ=DAILY;COUNT=3", uid="first")
    started = time.process_time()
    read = read_calendar(calendar(ordinary, many))
    assert time.process_time() - started < SECONDS
    assert [each.uid for each in read.objects] == ["first"]
    assert {each.why for each in read.refused} == {"recurrence rules whose ends are too far to be found"}


def test_many_ordinary_rules_are_within_what_a_text_may_cost() -> None:
    rules = ("FREQ=YEARLY;COUNT=20", "FREQ=WEEKLY;COUNT=52", "FREQ=MONTHLY;BYDAY=1MO;COUNT=24", "FREQ=DAILY;COUNT=100")
    many = "".join(event(f"{START}\nRRULE:{rules[n % 4]}", uid=str(n)) for n in range(400))
    used = definitions.Work()
    used.steps(definitions.MAX_STEPS * 39 // 40)  # what is left is enough for a fortieth of 16,000 events
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objects, "Work", lambda: used)
        assert len(read_calendar(calendar(many)).objects) == 400


def test_a_large_calendar_takes_no_longer_per_event_than_a_small_one() -> None:
    def seconds(count: int) -> float:
        many = [
            event("DTSTART;TZID=Customized Time Zone:20200101T090000\nRRULE:FREQ=WEEKLY", uid=str(n))
            for n in range(count)
        ]
        text = calendar(*many, head=CUSTOM_ZONE.format(winter="+0100", summer="+0200"))
        started = time.process_time()
        assert len(read_calendar(text).objects) == count
        return (time.process_time() - started) / count

    assert seconds(2_000) < 4 * max(seconds(200), seconds(200))


def test_reading_leaves_nothing_behind_in_the_library() -> None:
    from icalendar.timezone import tzp

    head = CUSTOM_ZONE.format(winter="+0100", summer="+0200").replace("Customized Time Zone", "Left Behind")
    assert len(found(event("DTSTART;TZID=Left Behind:20200101T090000"), head=head)) == 1
    assert tzp.timezone("Left Behind") is None
