"""Events that do not recur: when they are, how long, and what a query learns of them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from postroom.calendars.entry import Entry
from postroom.calendars.expand import instances
from postroom.calendars.objects import read_calendar
from postroom.errors import InvalidCalendarError
from postroom.model.free_busy import BusyType, InstanceType
from tests.support.calendar_text import CUSTOM_ZONE, calendar, event, found, ms, spans, the_object

BERLIN = ZoneInfo("Europe/Berlin")
SYDNEY = ZoneInfo("Australia/Sydney")
HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("lines", "span"),
    [
        ("DTSTART:20200131T090000Z\nDTEND:20200131T100000Z", "2020-01-31 09:00/10:00"),
        (
            "DTSTART;TZID=Europe/Berlin:20200131T090000\nDTEND;TZID=Europe/Berlin:20200131T100000",
            "2020-01-31 08:00/09:00",
        ),
        ("DTSTART;TZID=europe/berlin:20200131T090000\nDURATION:PT1H", "2020-01-31 08:00/09:00"),
        ("DTSTART;TZID=W. Europe Standard Time:20200131T090000\nDURATION:PT1H", "2020-01-31 08:00/09:00"),
        ('DTSTART;TZID="America/New_York":20200131T090000\nDURATION:PT1H30M', "2020-01-31 14:00/15:30"),
        ("DTSTART;TZID=/example.org/2005_1/America/New_York:20200131T090000\nDURATION:PT1H", "2020-01-31 14:00/15:00"),
        ("DTSTART;TZID=Asia/Tokyo:20200131T090000\nDTEND;TZID=Asia/Kolkata:20200131T090000", "2020-01-31 00:00/03:30"),
        ("DTSTART;TZID=Europe/Berlin:20200131T090000Z\nDURATION:PT1H", "2020-01-31 09:00/10:00"),
        ("DTSTART:20200131T090000Z", "2020-01-31 09:00/09:00"),
        ("DTSTART;VALUE=DATE:20200131", "2020-01-31 00:00/00:00"),
        ("DTSTART:19200131T090000Z\nDURATION:P36000D", "1920-01-31 09:00/09:00"),
    ],
)
def test_an_event_is_at_its_time(lines: str, span: str) -> None:
    assert spans(found(event(lines))) == [span]


@pytest.mark.parametrize(
    ("lines", "span"),
    [
        # RFC 5545, 3.3.5: the gap is read with the offset before it, and the first of two is meant
        ("DTSTART;TZID=America/New_York:20070311T023000\nDURATION:PT1H", "2007-03-11 07:30/08:30"),
        ("DTSTART;TZID=America/New_York:20071104T013000\nDURATION:PT1H", "2007-11-04 05:30/06:30"),
        # southern hemisphere: forward in October, back in April
        ("DTSTART;TZID=Australia/Sydney:20201004T023000\nDURATION:PT1H", "2020-10-03 16:30/17:30"),
        ("DTSTART;TZID=Australia/Sydney:20200405T023000\nDURATION:PT1H", "2020-04-04 15:30/16:30"),
        # 3.3.6: hours are exact, days are of the clock
        ("DTSTART;TZID=Europe/Berlin:20200328T200000\nDURATION:PT12H", "2020-03-28 19:00/07:00"),
        ("DTSTART;TZID=Europe/Berlin:20200328T200000\nDURATION:P1D", "2020-03-28 19:00/18:00"),
        ("DTSTART;TZID=Europe/Berlin:20201024T200000\nDURATION:P1DT1H", "2020-10-24 18:00/20:00"),
        ("DTSTART;TZID=Europe/Berlin:20200328T200000\nDURATION:P1W", "2020-03-28 19:00/18:00"),
    ],
)
def test_changes_of_the_clock_are_as_the_rfc_says(lines: str, span: str) -> None:
    assert spans(found(event(lines))) == [span]


@pytest.mark.parametrize(
    ("zone", "span"),
    [(BERLIN, "2020-03-28 23:00/22:00"), (SYDNEY, "2020-03-28 13:00/13:00"), (UTC, "2020-03-29 00:00/00:00")],
)
def test_an_all_day_event_is_a_day_of_the_readers_zone(zone: ZoneInfo, span: str) -> None:
    (one,) = found(event("DTSTART;VALUE=DATE:20200329"), floating=zone)
    assert spans([one]) == [span]
    assert one.all_day


def test_a_floating_time_is_one_of_the_readers_zone() -> None:
    lines = "DTSTART:20200131T220000\nDTEND:20200201T060000"
    assert spans(found(event(lines), floating=BERLIN)) == ["2020-01-31 21:00/05:00"]
    assert spans(found(event(lines), floating=SYDNEY)) == ["2020-01-31 11:00/19:00"]


def test_a_floating_event_over_a_change_of_the_clock_ends_when_the_clock_says() -> None:
    over_night = event("DTSTART:20200328T220000\nDTEND:20200329T060000")
    exact = event("DTSTART:20200328T220000\nDURATION:PT8H")
    assert spans(found(over_night, floating=BERLIN), BERLIN) == ["2020-03-28 22:00/06:00"]
    assert spans(found(exact, floating=BERLIN), BERLIN) == ["2020-03-28 22:00/07:00"]


def test_a_name_that_nobody_knows_floats() -> None:
    lines = event("DTSTART;TZID=Nowhere:20200131T090000\nDURATION:PT1H")
    assert spans(found(lines, floating=BERLIN)) == ["2020-01-31 08:00/09:00"]
    assert spans(found(lines, floating=BERLIN, head="X-WR-TIMEZONE:Asia/Tokyo\n")) == ["2020-01-31 00:00/01:00"]


def test_the_calendars_zone_is_that_of_floating_times_and_of_no_others() -> None:
    head = "X-WR-TIMEZONE:Asia/Tokyo\n"
    assert spans(found(event("DTSTART:20200131T090000\nDURATION:PT1H"), head=head)) == ["2020-01-31 00:00/01:00"]
    assert spans(found(event("DTSTART:20200131T090000Z\nDURATION:PT1H"), head=head)) == ["2020-01-31 09:00/10:00"]
    assert spans(found(event("DTSTART;VALUE=DATE:20200131"), head=head, floating=BERLIN)) == ["2020-01-30 23:00/23:00"]


def test_a_custom_zone_is_the_zone_of_its_own_object_alone() -> None:
    """Two senders in one process; icalendar 7.3.2 gives the second the first one's offsets."""
    lines = event("DTSTART;TZID=Customized Time Zone:20200701T090000\nDURATION:PT1H")
    east = CUSTOM_ZONE.format(winter="+0200", summer="+0300")
    west = CUSTOM_ZONE.format(winter="-0800", summer="-0700")
    for zone, span in ((east, "06:00/07:00"), (west, "16:00/17:00"), (east, "06:00/07:00")):
        assert spans(found(lines, head=zone)) == [f"2020-07-01 {span}"]
        assert spans(found(lines.replace("0701T", "0101T"), head=zone)) != [f"2020-01-01 {span}"]
    assert spans(found(lines)) == ["2020-07-01 09:00/10:00"]


def test_names_of_iana_and_windows_mean_what_iana_says_whatever_comes_with_them() -> None:
    for name in ("Europe/Berlin", "W. Europe Standard Time"):
        lying = CUSTOM_ZONE.format(winter="-1100", summer="-1000").replace("Customized Time Zone", name)
        lines = event(f"DTSTART;TZID={name}:20200701T090000\nDURATION:PT1H")
        assert spans(found(lines, head=lying)) == ["2020-07-01 07:00/08:00"]


@pytest.mark.parametrize(
    ("lines", "busy_type"),
    [
        ("", BusyType.BUSY),
        ("TRANSP:OPAQUE", BusyType.BUSY),
        ("TRANSP:TRANSPARENT", BusyType.FREE),
        ("STATUS:TENTATIVE", BusyType.TENTATIVE),
        ("STATUS:CONFIRMED", BusyType.BUSY),
        ("X-MICROSOFT-CDO-BUSYSTATUS:OOF\nSTATUS:TENTATIVE", BusyType.OOF),
        ("X-MICROSOFT-CDO-BUSYSTATUS:FREE\nTRANSP:OPAQUE", BusyType.FREE),
        ("X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE", BusyType.FREE),
        ("X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE\nX-MICROSOFT-CDO-INTENDEDSTATUS:OOF", BusyType.OOF),
        ("X-MICROSOFT-CDO-BUSYSTATUS:NONSENSE\nTRANSP:TRANSPARENT", BusyType.FREE),
    ],
)
def test_what_an_event_makes_of_its_time(lines: str, busy_type: BusyType) -> None:
    (one,) = found(event(f"DTSTART:20200131T090000Z\n{lines}"))
    assert one.busy_type is busy_type


def test_details_are_complete() -> None:
    lines = (
        "DTSTART:20200131T090000Z\nSUMMARY:Plans\\, and\\nmore\\; \\\\\nLOCATION;LANGUAGE=en:Room: 5\n"
        'ORGANIZER;CN="Lovelace, Ada":mailto:ada@acme.test\nCLASS:CONFIDENTIAL\n'
        "BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT5M\nSUMMARY:not this\nEND:VALARM"
    )
    (one,) = found(event(lines))
    details = one.details
    assert (details.subject, details.location) == ("Plans, and more; \\", "Room: 5")
    assert (details.is_meeting, details.is_reminder_set, details.is_private) == (True, True, True)
    assert details.instance_type is InstanceType.SINGLE_INSTANCE
    assert one.recurrence_id_ms is None
    (plain,) = found(event("DTSTART:20200131T090000Z"))
    assert (plain.details.is_meeting, plain.details.is_reminder_set, plain.details.is_private) == (False, False, False)


def test_a_cancelled_event_is_not_there() -> None:
    assert found(event("DTSTART:20200131T090000Z\nSTATUS:CANCELLED")) == []


def test_until_the_user_has_answered_a_meeting_is_tentative() -> None:
    for status, shown in (("BUSY", "TENTATIVE"), ("OOF", "TENTATIVE"), ("FREE", "FREE")):
        entry = the_object(event(f"DTSTART:20200131T090000Z\nX-MICROSOFT-CDO-BUSYSTATUS:{status}")).entry
        for asked, expected in ((entry.tentative(), shown), (entry.tentative().tentative(False), status)):
            (one,) = instances(
                Entry.thaw(asked.freeze()), ms(datetime(2020, 1, 1, tzinfo=UTC)), ms(datetime(2021, 1, 1, tzinfo=UTC))
            )
            assert one.busy_type == expected


def test_the_window_begins_inclusive_and_ends_exclusive() -> None:
    entry = the_object(event("DTSTART:20200131T090000Z\nDTEND:20200131T100000Z")).entry
    nine = ms(datetime(2020, 1, 31, 9, tzinfo=UTC))
    assert len(instances(entry, nine - HOUR_MS, nine)) == 0
    assert len(instances(entry, nine - HOUR_MS, nine + 1)) == 1
    assert len(instances(entry, nine + HOUR_MS - 1, nine + 2 * HOUR_MS)) == 1
    assert len(instances(entry, nine + HOUR_MS, nine + 2 * HOUR_MS)) == 0
    point = the_object(event("DTSTART:20200131T090000Z")).entry
    assert [len(instances(point, nine + start, nine + end)) for start, end in ((-5, 0), (0, 5), (1, 5))] == [0, 1, 0]


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("SUMMARY:x", "without DTSTART"),
        ("DTSTART:yesterday", "neither DATE nor DATE-TIME"),
        ("DTSTART:20200230T000000Z", "no calendar has"),
        ("DTSTART:12000101T000000Z", "outside the years"),
        ("DTSTART:99990101T000000Z", "outside the years"),
        ("DTSTART:20200131T090000Z\nDTEND:20200131T080000Z", "ends before it begins"),
        ("DTSTART:20200131T090000Z\nDURATION:-PT1H", "ends before it begins"),
        ("DTSTART:20200131T090000Z\nDTEND;VALUE=DATE:20200201", "a date at one end"),
        ("DTSTART:20200131T090000Z\nDURATION:1 hour", "DURATION that cannot be read"),
        ("DTSTART:20200131T090000Z\nDURATION:P", "DURATION that cannot be read"),
        ("DTSTART:20200131T090000Z\nDURATION:P999999W", "more than a hundred years"),
        ("DTSTART", "DTSTART"),
    ],
)
def test_an_event_that_cannot_be_read_is_refused_and_the_others_are_read(lines: str, why: str) -> None:
    good = event("DTSTART:20200131T090000Z", uid="good")
    read = read_calendar(calendar(event(lines, uid="bad"), good))
    assert [each.uid for each in read.objects] == ["good"]
    (refused,) = read.refused
    assert refused.uid == "bad"
    assert why in refused.why
    with pytest.raises(InvalidCalendarError, match=why):
        read.only()
