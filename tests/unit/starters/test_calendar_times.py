"""What a calendar says of a window: zones, recurrences, changes and odd values, each as RFC 5545 has it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import pytest

from functions.starters.src.availability.published_calendars import busy
from functions.starters.src.availability.published_calendars.reading import NoCalendarError, parse
from functions.starters.src.availability.published_calendars.recurrence import Steps, TooMuchWorkError
from functions.starters.src.availability.published_calendars.zones import Zones
from functions.starters.src.availability.questions import Window
from tests.support.calendar_text import CUSTOM_ZONE

BERLIN: Final = "TZID=Europe/Berlin"


RULES: Final = ("FREQ=WEEKLY", "FREQ=MONTHLY;BYDAY=-1FR", "FREQ=DAILY;UNTIL=20170101T000000Z", "FREQ=YEARLY")


def calendar(*components: str, kind: str = "VEVENT", head: str = "") -> bytes:
    """Return a calendar; the lines of each component are between its BEGIN and END."""
    inner = "".join(f"BEGIN:{kind}\n{component.strip()}\nEND:{kind}\n" for component in components)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{head}{inner}END:VCALENDAR\n".replace("\n", "\r\n").encode()


def found(
    data: bytes, start: str, end: str, *, zone: str = "", with_details: bool = False, steps: int = 300_000
) -> busy.Found:
    window = Window(datetime.fromisoformat(start), datetime.fromisoformat(end))
    read, left = parse(data), Steps(steps)
    return busy.events(
        read, Zones(read, zone, (window.start, window.end), left), window, left, with_details=with_details
    )


def times(data: bytes, start: str, end: str, zone: str = "") -> list[str]:
    """Return the events of a window, as `MM-DD HH:MM/HH:MM` in UTC."""
    events = sorted(found(data, start, end, zone=zone).events, key=lambda event: str(event["startTime"]))
    return [f"{each['startTime'][5:16].replace('T', ' ')}/{each['endTime'][11:16]}" for each in events]


def weekly(*lines: str, start: str = "20261019T090000", duration: str = "DURATION:PT1H") -> str:
    return "\n".join([f"UID:1\nDTSTART;{BERLIN}:{start}", duration, "RRULE:FREQ=WEEKLY", *lines])


class TestZones:
    def test_a_series_keeps_its_local_time_over_a_change(self) -> None:
        data = calendar(weekly())
        expected = ["10-19 07:00/08:00", "10-26 08:00/09:00", "11-02 08:00/09:00"]
        assert times(data, "2026-10-18", "2026-11-08") == expected

    def test_a_zone_of_the_feed_is_read_where_no_database_has_it(self) -> None:
        event = weekly().replace(BERLIN, "TZID=Customized Time Zone")
        data = calendar(event, head=CUSTOM_ZONE.format(winter="+0100", summer="+0200"))
        assert times(data, "2026-10-18", "2026-11-01") == ["10-19 07:00/08:00", "10-26 08:00/09:00"]

    def test_two_feeds_of_one_process_have_zones_of_the_same_name(self) -> None:
        event = weekly().replace(BERLIN, "TZID=Customized Time Zone")
        for winter, summer, expected in (
            ("+0100", "+0200", "10-19 07:00/08:00"),
            ("-0500", "-0400", "10-19 13:00/14:00"),
            ("+0100", "+0200", "10-19 07:00/08:00"),
        ):
            data = calendar(event, head=CUSTOM_ZONE.format(winter=winter, summer=summer))
            assert times(data, "2026-10-18", "2026-10-25") == [expected]

    def test_a_zone_that_has_given_up_its_summer_time_keeps_its_last_offset(self) -> None:
        head = """BEGIN:VTIMEZONE
TZID:Own
BEGIN:DAYLIGHT
DTSTART:20000326T020000
TZOFFSETFROM:+0200
TZOFFSETTO:+0300
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3;UNTIL=20160327T000000Z
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:20001029T030000
TZOFFSETFROM:+0300
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10;UNTIL=20151025T000000Z
END:STANDARD
END:VTIMEZONE
"""
        data = calendar("UID:1\nDTSTART;TZID=Own:20261215T120000\nDURATION:PT1H", head=head)
        assert times(data, "2026-12-01", "2026-12-31") == ["12-15 09:00/10:00"]

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("/freeassociation.sourceforge.net/Europe/Berlin", "12-01 08:00/09:00"),
            ("/mozilla.org/20050126_1/America/Argentina/Buenos_Aires", "12-01 12:00/13:00"),
            ("Nowhere/At All", "12-01 00:00/01:00"),
            ("../../etc/passwd", "12-01 00:00/01:00"),
            ("x" * 5000, "12-01 00:00/01:00"),
        ],
    )
    def test_names_with_a_prefix_and_names_that_nothing_describes(self, name: str, expected: str) -> None:
        data = calendar(f"UID:1\nDTSTART;TZID={name}:20261201T090000\nDURATION:PT1H", head="X-WR-TIMEZONE:Asia/Tokyo\n")
        assert times(data, "2026-11-30", "2026-12-03") == [expected]

    def test_a_calendars_zone_is_for_dates_and_floating_times_only(self) -> None:
        data = calendar(
            "UID:1\nDTSTART;VALUE=DATE:20261025",
            "UID:2\nDTSTART:20261020T090000\nDURATION:PT1H",
            "UID:3\nDTSTART:20261019T070000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY",
            head="X-WR-TIMEZONE:Europe/Berlin\n",
        )
        expected = ["10-19 07:00/08:00", "10-20 07:00/08:00", "10-24 22:00/23:00", "10-26 07:00/08:00"]
        assert times(data, "2026-10-18", "2026-10-30") == expected
        assert times(data, "2026-10-18", "2026-10-23", zone="America/New_York")[1] == "10-20 13:00/14:00"

    def test_a_time_that_comes_twice_is_the_first_and_one_that_is_skipped_is_as_before(self) -> None:
        data = calendar(
            f"UID:1\nDTSTART;{BERLIN}:20261025T023000\nDURATION:PT15M",
            f"UID:2\nDTSTART;{BERLIN}:20260329T023000\nDURATION:PT15M",
        )
        assert times(data, "2026-10-24", "2026-10-26") == ["10-25 00:30/00:45"]
        assert times(data, "2026-03-28", "2026-03-30") == ["03-29 01:30/01:45"]

    def test_the_same_of_a_zone_of_the_feed(self) -> None:
        data = calendar(
            "UID:1\nDTSTART;TZID=Customized Time Zone:20261025T023000\nDURATION:PT15M",
            "UID:2\nDTSTART;TZID=Customized Time Zone:20260329T023000\nDURATION:PT15M",
            head=CUSTOM_ZONE.format(winter="+0100", summer="+0200"),
        )
        assert times(data, "2026-10-24", "2026-10-26") == ["10-25 00:30/00:45"]
        assert times(data, "2026-03-28", "2026-03-30") == ["03-29 01:30/01:45"]


class TestLengths:
    @pytest.mark.parametrize(
        ("length", "expected"),
        [
            ("DURATION:PT12H", "10-24 20:00/08:00"),  # hours are exact: 9 o'clock by the clock, which was put back
            ("DURATION:P1D", "10-24 20:00/21:00"),  # days are by the calendar
            (f"DTEND;{BERLIN}:20261025T100000", "10-24 20:00/09:00"),
            ("DTEND:20261025T030000Z", "10-24 20:00/03:00"),
            ("DURATION:PT0S", None),
            ("DURATION:-PT1H", None),
            (f"DTEND;{BERLIN}:20261024T210000", None),
            ("", None),
        ],
    )
    def test_a_length_over_the_night_of_a_change(self, length: str, expected: str | None) -> None:
        data = calendar(f"UID:1\nDTSTART;{BERLIN}:20261024T220000\n{length}")
        assert times(data, "2026-10-24", "2026-10-27") == ([expected] if expected else [])

    def test_a_whole_day_is_as_long_as_the_day_is(self) -> None:
        data = calendar("UID:1\nDTSTART;VALUE=DATE:20261024\nRRULE:FREQ=DAILY;COUNT=3")
        expected = ["10-23 22:00/22:00", "10-24 22:00/23:00", "10-25 23:00/23:00"]
        assert times(data, "2026-10-20", "2026-10-30", zone="Europe/Berlin") == expected

    def test_an_event_is_not_cut_to_the_window_and_one_that_only_touches_it_is_not_in_it(self) -> None:
        data = calendar(
            "UID:1\nDTSTART:20260101T000000Z\nDTEND:20261201T000000Z",
            "UID:2\nDTSTART:20261110T000000Z\nDTEND:20261110T100000Z",
            "UID:3\nDTSTART:20261110T110000Z\nDTEND:20261110T120000Z",
        )
        assert times(data, "2026-11-10T10:00", "2026-11-10T11:00") == ["01-01 00:00/00:00"]


class TestSeries:
    def test_an_instance_that_is_cancelled_deleted_or_moved_is_not_where_it_was(self) -> None:
        data = calendar(
            weekly(f"EXDATE;{BERLIN}:20261026T090000"),
            f"UID:1\nRECURRENCE-ID;{BERLIN}:20261102T090000\nDTSTART;{BERLIN}:20261102T090000\nDURATION:PT1H\nSTATUS:CANCELLED",
            f"UID:1\nRECURRENCE-ID;{BERLIN}:20261109T090000\nDTSTART;{BERLIN}:20261110T150000\nDURATION:PT2H",
        )
        expected = ["10-19 07:00/08:00", "11-10 14:00/16:00", "11-16 08:00/09:00"]
        assert times(data, "2026-10-18", "2026-11-20") == expected

    def test_an_instance_that_was_moved_into_the_window_is_found(self) -> None:
        moved = f"UID:1\nRECURRENCE-ID;{BERLIN}:20270104T090000\nDTSTART;{BERLIN}:20261120T090000\nDURATION:PT1H"
        assert times(calendar(weekly(), moved), "2026-11-18", "2026-11-21") == ["11-20 08:00/09:00"]

    def test_a_changed_instance_without_its_series_is_one_of_its_own(self) -> None:
        moved = f"UID:1\nRECURRENCE-ID;{BERLIN}:20270104T090000\nDTSTART;{BERLIN}:20261120T090000\nDURATION:PT1H"
        assert times(calendar(moved), "2026-11-18", "2026-11-21") == ["11-20 08:00/09:00"]

    @pytest.mark.parametrize("name", ["EXDATE", "RECURRENCE-ID"])
    def test_a_date_is_meant_for_the_instance_of_its_day(self, name: str) -> None:
        if name == "EXDATE":
            data = calendar(weekly("EXDATE;VALUE=DATE:20261026"))
        else:
            data = calendar(
                weekly(), f"UID:1\nRECURRENCE-ID;VALUE=DATE:20261026\nDTSTART;{BERLIN}:20261027T090000\nDURATION:PT1H"
            )
        found = times(data, "2026-10-25", "2026-11-03")
        assert found == ([] if name == "EXDATE" else ["10-27 08:00/09:00"]) + ["11-02 08:00/09:00"]

    def test_a_change_of_this_and_all_that_follow(self) -> None:
        change = (
            f"UID:1\nRECURRENCE-ID;RANGE=THISANDFUTURE;{BERLIN}:20261102T090000\n"
            f"DTSTART;{BERLIN}:20261103T110000\nDURATION:PT2H"
        )
        data = calendar(weekly(), change)
        expected = [
            "10-19 07:00/08:00",
            "10-26 08:00/09:00",
            "11-03 10:00/12:00",
            "11-10 10:00/12:00",
            "11-17 10:00/12:00",
        ]
        assert times(data, "2026-10-18", "2026-11-20") == expected

    def test_the_newest_of_two_masters_counts(self) -> None:
        old, new = weekly("SEQUENCE:1"), weekly("SEQUENCE:2", start="20261019T100000")
        for data in (calendar(old, new), calendar(new, old)):
            assert times(data, "2026-10-18", "2026-10-21") == ["10-19 08:00/09:00"]

    def test_dates_and_periods_that_are_added(self) -> None:
        data = calendar(
            weekly(
                f"RDATE;{BERLIN}:20261021T100000,20261019T090000",
                "RDATE;VALUE=PERIOD:20261022T100000Z/PT3H,20261023T100000Z/20261023T110000Z",
                "RDATE:20261024T060000Z",
            )
        )
        expected = [
            "10-19 07:00/08:00",
            "10-21 08:00/09:00",
            "10-22 10:00/13:00",
            "10-23 10:00/11:00",
            "10-24 06:00/07:00",
        ]
        assert times(data, "2026-10-18", "2026-10-25") == expected

    @pytest.mark.parametrize(
        ("until", "number"),
        [
            ("20261026T080000Z", 2),
            ("20261026T075959Z", 1),
            ("20261026", 2),
            ("20261026T090000", 2),
            ("20261026T085959", 1),
        ],
    )
    def test_a_series_ends_as_until_says_of_whatever_kind_it_is(self, until: str, number: int) -> None:
        data = calendar(weekly().replace("FREQ=WEEKLY", f"FREQ=WEEKLY;UNTIL={until}"))
        assert len(times(data, "2026-10-18", "2026-11-30")) == number

    def test_until_as_a_time_ends_a_series_of_days(self) -> None:
        data = calendar("UID:1\nDTSTART;VALUE=DATE:20261019\nRRULE:FREQ=DAILY;UNTIL=20261021T120000Z")
        assert len(times(data, "2026-10-18", "2026-11-30")) == 3

    def test_an_hourly_series_over_the_gap_has_no_instance_twice(self) -> None:
        data = calendar(f"UID:1\nDTSTART;{BERLIN}:20260329T003000\nDURATION:PT15M\nRRULE:FREQ=HOURLY;COUNT=5")
        found = times(data, "2026-03-28", "2026-03-30")
        assert found == ["03-28 23:30/23:45", "03-29 00:30/00:45", "03-29 01:30/01:45", "03-29 02:30/02:45"]


class TestTypes:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("STATUS:CONFIRMED", "BUSY"),
            ("STATUS:TENTATIVE", "TENTATIVE"),
            ("STATUS:CANCELLED", None),
            ("TRANSP:TRANSPARENT", None),
            ("X-MICROSOFT-CDO-BUSYSTATUS:FREE", None),
            ("X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE", "TENTATIVE"),
            ("X-MICROSOFT-CDO-BUSYSTATUS:OOF", "BUSY"),
            ("X-MICROSOFT-CDO-BUSYSTATUS:NEW", "BUSY"),
        ],
    )
    def test_what_an_event_makes_of_its_time(self, line: str, expected: str | None) -> None:
        data = calendar(f"UID:1\nDTSTART:20261201T090000Z\nDTEND:20261201T100000Z\n{line}")
        assert [event["busyType"] for event in found(data, "2026-12-01", "2026-12-02").events] == (
            [expected] if expected else []
        )

    def test_a_cancelled_series_takes_no_time(self) -> None:
        assert times(calendar(weekly("STATUS:CANCELLED")), "2026-10-18", "2026-11-30") == []

    def test_free_busy_times(self) -> None:
        data = calendar(
            "FREEBUSY:20261201T090000Z/20261201T100000Z,20261201T110000Z/PT30M\n"
            "FREEBUSY;FBTYPE=BUSY-TENTATIVE:20261201T120000Z/PT1H\n"
            "FREEBUSY;FBTYPE=FREE:20261201T130000Z/PT1H\nFREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20261201T140000Z/P1D\n"
            "FREEBUSY:nonsense,20261209T090000Z/PT1H",
            kind="VFREEBUSY",
        )
        read = found(data, "2026-12-01", "2026-12-02")
        assert [(event["startTime"][11:16], event["busyType"]) for event in read.events] == [
            ("09:00", "BUSY"),
            ("11:00", "BUSY"),
            ("12:00", "TENTATIVE"),
            ("14:00", "BUSY"),
        ]
        assert read.unreadable == 1

    def test_details_are_told_only_if_they_may_be_and_never_of_private_events(self) -> None:
        open_one = (
            "UID:1\nDTSTART:20261201T090000Z\nDTEND:20261201T100000Z\nSUMMARY:Plan\\, part\n  two\\n\nLOCATION:R1\n"
            "ATTENDEE:mailto:b@x.example\nBEGIN:VALARM\nTRIGGER:-PT5M\nSUMMARY:Alarm\nDTSTART:20200101T000000Z\nEND:VALARM"
        )
        data = calendar(open_one, open_one.replace("UID:1", "UID:2\nCLASS:PRIVATE"))
        assert all("details" not in event for event in found(data, "2026-12-01", "2026-12-02").events)
        first, second = found(data, "2026-12-01", "2026-12-02", with_details=True).events
        assert first["details"] == {
            "subject": "Plan, part two",
            "location": "R1",
            "instanceType": "SINGLE_INSTANCE",
            "isMeeting": True,
            "isReminderSet": True,
            "isPrivate": False,
        }
        assert "details" not in second

    def test_instance_types(self) -> None:
        moved = f"UID:1\nRECURRENCE-ID;{BERLIN}:20261026T090000\nDTSTART;{BERLIN}:20261027T090000\nDURATION:PT1H"
        events = found(calendar(weekly(), moved), "2026-10-18", "2026-11-01", with_details=True).events
        assert sorted(event["details"]["instanceType"] for event in events) == ["EXCEPTION", "RECURRING_INSTANCE"]


class TestOddFeeds:
    @pytest.mark.parametrize(
        "line",
        [
            "DTSTART:yesterday",
            "DTSTART:20261301T000000Z",
            "DTSTART:20261201T090000Z\nDTEND:99991231T235959Z\nRRULE:FREQ=SOMETIMES",
            "DTSTART:20261201T090000Z\nDURATION:P",
            "DTSTART:20261201T090000Z\nDURATION:P99999W",
            "DTSTART:20261201T090000Z\nRRULE:FREQ=DAILY\nEXDATE:x\nDURATION:PT1H",
            "SUMMARY:no time",
            "DTSTART;TZID=Asia/Tokyo:00010101T000000\nRRULE:FREQ=DAILY\nDURATION:PT1H\nUNTIL:x",
        ],
    )
    def test_one_event_that_cannot_be_read_leaves_the_others(self, line: str) -> None:
        data = calendar(f"UID:1\n{line}", "UID:2\nDTSTART:20261201T090000Z\nDTEND:20261201T100000Z")
        assert times(data, "2026-12-01", "2026-12-02")[:1] == ["12-01 09:00/10:00"] or line[-1] == "P"
        read = found(data, "2026-12-01", "2026-12-02")
        assert len(read.events) >= 1

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"<html>please log in</html>",
            calendar("UID:1").replace(b"END:VCALENDAR", b""),
            calendar("UID:1")[:40],
            b"BEGIN:VCALENDARS\r\nEND:VCALENDAR\r\n",
        ],
    )
    def test_what_is_no_calendar_or_not_all_of_it_is_refused(self, data: bytes) -> None:
        with pytest.raises(NoCalendarError):
            parse(data)

    def test_folded_lines_quotes_and_a_byte_order_mark(self) -> None:
        data = calendar(
            f'UID:1\nDTSTART;X-A="a:b;c";TZID="Europe/Ber\n lin":2026120\n 1T090000\nDTEND;{BERLIN}:20261201T100000'
        )
        assert times(b"\xef\xbb\xbf" + data, "2026-12-01", "2026-12-02") == ["12-01 08:00/09:00"]

    def test_a_letter_that_is_folded_in_its_middle(self) -> None:
        data = calendar("UID:1\nDTSTART:20261201T090000Z\nDTEND:20261201T100000Z\nSUMMARY:Grüße")
        folded = data.replace("ü".encode(), b"\xc3\r\n \xbc")
        assert found(folded, "2026-12-01", "2026-12-02", with_details=True).events[0]["details"]["subject"] == "Grüße"

    @pytest.mark.parametrize(
        "data",
        [
            calendar(*[f"UID:{n}\nDTSTART:19700101T000000Z\nDURATION:PT1S\nRRULE:FREQ=SECONDLY" for n in range(3)]),
            calendar(
                *[
                    f"UID:{n}\nDTSTART:19700101T0000{n % 60:02}Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=99999"
                    for n in range(60)
                ]
            ),
            calendar(
                "UID:1\nDTSTART:19700101T000000Z\nDURATION:PT1S\nRDATE:" + ",".join(["20261201T000000Z"] * 400_000)
            ),
            calendar(
                "UID:1\nDTSTART;TZID=Own:20261201T000000\nDURATION:PT1H",
                head=CUSTOM_ZONE.format(winter="+0100", summer="+0200")
                .replace("FREQ=YEARLY", "FREQ=SECONDLY")
                .replace("Customized Time Zone", "Own"),
            ),
        ],
        ids=["seconds", "counts", "dates", "zone"],
    )
    def test_a_calendar_that_costs_too_much_is_given_up(self, data: bytes) -> None:
        with pytest.raises(TooMuchWorkError):
            found(data, "2026-12-01", "2026-12-30")

    def test_a_calendar_of_ten_years_is_read_within_its_steps(self) -> None:
        singles = [
            f"UID:{n}\nDTSTART;{BERLIN}:{2016 + n % 11}{n % 12 + 1:02}{n % 28 + 1:02}T090000\nDURATION:PT1H"
            for n in range(3000)
        ]
        series: list[Any] = [
            f"UID:s{n}\nDTSTART;{BERLIN}:2016{n % 12 + 1:02}{n % 28 + 1:02}T0{n % 9}0000\nDURATION:PT1H\nRRULE:{rule}"
            for n, rule in enumerate(RULES * 125)
        ]
        read = found(calendar(*singles, *series), "2026-11-30", "2026-12-07")
        assert len(read.events) > 100
        assert read.unreadable == 0
