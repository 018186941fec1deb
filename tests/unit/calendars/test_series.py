"""Series: what is added, excluded, moved and cancelled, and how changes of the clock meet them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from postroom.calendars.expand import instances
from postroom.model.free_busy import InstanceType
from tests.support.calendar_text import CUSTOM_ZONE, event, found, frozen, ms, spans, starts, the_object

BERLIN = ZoneInfo("Europe/Berlin")
SYDNEY = ZoneInfo("Australia/Sydney")
NEW_YORK = ZoneInfo("America/New_York")

DAILY = "DTSTART:20200101T090000Z\nDURATION:PT1H\nSUMMARY:daily\nRRULE:FREQ=DAILY;COUNT=5"
DAYS = "DTSTART;VALUE=DATE:20200101\nRRULE:FREQ=DAILY;COUNT=4"


def days(*components: str) -> list[str]:
    return [start[5:] for start in starts(found(*components))]


def change(recurrence_id: str, lines: str) -> str:
    return event(f"RECURRENCE-ID{recurrence_id}\n{lines}")


@pytest.mark.parametrize(
    ("zone", "first", "expected"),
    [
        # the same time of the clock on both sides of a change, in both hemispheres
        ("Europe/Berlin", "20200328T090000", ["03-28 08:00", "03-29 07:00", "03-30 07:00"]),
        ("Europe/Berlin", "20201024T090000", ["10-24 07:00", "10-25 08:00", "10-26 08:00"]),
        ("Australia/Sydney", "20200404T090000", ["04-03 22:00", "04-04 23:00", "04-05 23:00"]),
        ("Australia/Sydney", "20201003T090000", ["10-02 23:00", "10-03 22:00", "10-04 22:00"]),
        ("AUS Eastern Standard Time", "20201003T090000", ["10-02 23:00", "10-03 22:00", "10-04 22:00"]),
        # in the gap with the offset before it, and the first of an hour that occurs twice (3.3.5)
        ("Europe/Berlin", "20200328T023000", ["03-28 01:30", "03-29 01:30", "03-30 00:30"]),
        ("Europe/Berlin", "20201024T023000", ["10-24 00:30", "10-25 00:30", "10-26 01:30"]),
        ("Australia/Sydney", "20201003T023000", ["10-02 16:30", "10-03 16:30", "10-04 15:30"]),
        ("Australia/Lord_Howe", "20201003T021500", ["10-02 15:45", "10-03 15:45", "10-04 15:15"]),
        # Samoa had no 30 December 2011: that instance is read with the offset before, and is the next one's instant
        ("Pacific/Apia", "20111229T090000", ["12-29 19:00", "12-30 19:00"]),
    ],
)
def test_a_series_keeps_its_time_of_the_clock(zone: str, first: str, expected: list[str]) -> None:
    assert days(event(f"DTSTART;TZID={zone}:{first}\nRRULE:FREQ=DAILY;COUNT=3")) == expected


def test_an_hourly_series_has_the_hour_of_the_gap_once() -> None:
    """The clock shows 01, 03, 04; recurring-ical-events lists 03:00 twice."""
    lines = "DTSTART;TZID=Europe/Berlin:20200329T010000\nRRULE:FREQ=HOURLY;UNTIL=20200329T020000Z"
    assert days(event(lines)) == ["03-29 00:00", "03-29 01:00", "03-29 02:00"]


def test_hours_are_exact_and_an_end_is_exact_and_days_are_of_the_clock() -> None:
    rule = "RRULE:FREQ=DAILY;COUNT=2"
    start = "DTSTART;TZID=Europe/Berlin:20200327T200000"
    for length, expected in (
        ("DURATION:PT12H", ["2020-03-27 20:00/08:00", "2020-03-28 20:00/09:00"]),
        ("DTEND;TZID=Europe/Berlin:20200328T080000", ["2020-03-27 20:00/08:00", "2020-03-28 20:00/09:00"]),
        ("DURATION:P1D", ["2020-03-27 20:00/20:00", "2020-03-28 20:00/20:00"]),
    ):
        assert spans(found(event(f"{start}\n{length}\n{rule}")), BERLIN) == expected


@pytest.mark.parametrize(
    ("zone", "starts_at"), [(BERLIN, ["03-28 23:00", "03-29 22:00"]), (SYDNEY, ["03-28 13:00", "03-29 13:00"])]
)
def test_days_are_days_of_the_reader(zone: ZoneInfo, starts_at: list[str]) -> None:
    lines = event("DTSTART;VALUE=DATE:20200329\nRRULE:FREQ=DAILY;COUNT=2")
    both = found(lines, floating=zone)
    assert [start[5:] for start in starts(both)] == starts_at
    assert [start[11:] for start in starts(both, zone)] == ["00:00", "00:00"]
    assert [one.recurrence_id_ms for one in both] == [one.start_ms for one in both]


def test_a_floating_series_follows_the_reader() -> None:
    lines = event("DTSTART:20200328T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2\nEXDATE:20200328T090000")
    assert spans(found(lines, floating=BERLIN)) == ["2020-03-29 07:00/08:00"]
    assert spans(found(lines, floating=NEW_YORK)) == ["2020-03-29 13:00/14:00"]


@pytest.mark.parametrize(
    ("start", "until", "count"),
    [
        ("DTSTART;TZID=Europe/Berlin:20200101T090000", "20200103T080000Z", 3),  # 09:00 in Berlin, included
        ("DTSTART;TZID=Europe/Berlin:20200101T090000", "20200103T075959Z", 2),
        # of another kind than DTSTART, which the RFC forbids: ours
        ("DTSTART;TZID=Europe/Berlin:20200101T090000", "20200103T090000", 3),
        ("DTSTART;TZID=Europe/Berlin:20200101T090000", "20200103T085959", 2),
        ("DTSTART;TZID=Europe/Berlin:20200101T090000", "20200103", 3),
        ("DTSTART;TZID=America/New_York:20200101T230000", "20200103", 3),
        ("DTSTART:20200101T090000Z", "20200103", 3),
        ("DTSTART:20200101T090000", "20200103T090000Z", 3),
        ("DTSTART:20200101T090000", "20200103", 3),
        ("DTSTART;VALUE=DATE:20200101", "20200103", 3),
        ("DTSTART;VALUE=DATE:20200101", "20200103T000000Z", 3),
        ("DTSTART;VALUE=DATE:20200101", "20200103T230000Z", 3),
        ("DTSTART:20200101T090000Z", "20191231T000000Z", 1),  # DTSTART is always an instance
    ],
)
def test_until_is_the_last_start(start: str, until: str, count: int) -> None:
    assert len(days(event(f"{start}\nRRULE:FREQ=DAILY;UNTIL={until}"))) == count


def test_of_count_and_until_the_earlier_counts() -> None:
    assert len(days(event("DTSTART:20200101T090000Z\nRRULE:FREQ=DAILY;COUNT=9;UNTIL=20200103T090000Z"))) == 3
    assert len(days(event("DTSTART:20200101T090000Z\nRRULE:FREQ=DAILY;COUNT=2;UNTIL=20200103T090000Z"))) == 2


@pytest.mark.parametrize(
    ("start", "exdate", "left"),
    [
        ("DTSTART:20200101T090000Z", "EXDATE:20200102T090000Z", ["01", "03"]),
        ("DTSTART:20200101T090000Z", "EXDATE:20200102T090000Z,20200103T090000Z", ["01"]),
        ("DTSTART:20200101T090000Z", "EXDATE:20200102T090000Z\nEXDATE:20200101T090000Z", ["03"]),
        ("DTSTART:20200101T090000Z", "EXDATE:20200102T090001Z", ["01", "02", "03"]),
        ("DTSTART;TZID=Europe/Berlin:20200101T090000", "EXDATE;TZID=Europe/Berlin:20200102T090000", ["01", "03"]),
        ("DTSTART;TZID=Europe/Berlin:20200101T090000", "EXDATE:20200102T080000Z", ["01", "03"]),
        ("DTSTART;TZID=Europe/Berlin:20200101T090000", "EXDATE;TZID=America/New_York:20200102T030000", ["01", "03"]),
        (
            "DTSTART;TZID=W. Europe Standard Time:20200101T090000",
            "EXDATE;TZID=Europe/Berlin:20200102T090000",
            ["01", "03"],
        ),
        # a floating one is read in the zone of the series; a date excludes its day: ours
        ("DTSTART;TZID=Europe/Berlin:20200101T090000", "EXDATE:20200102T090000", ["01", "03"]),
        ("DTSTART;TZID=Europe/Berlin:20200101T090000", "EXDATE;VALUE=DATE:20200102", ["01", "03"]),
        ("DTSTART;TZID=America/New_York:20200101T230000", "EXDATE;VALUE=DATE:20200102", ["02", "04"]),
        ("DTSTART:20200101T090000", "EXDATE;VALUE=DATE:20200102", ["01", "03"]),
        ("DTSTART;VALUE=DATE:20200101", "EXDATE;VALUE=DATE:20200102", ["01", "03"]),
        ("DTSTART;VALUE=DATE:20200101", "EXDATE:20200102T000000Z", ["01", "03"]),
        ("DTSTART;VALUE=DATE:20200101", "EXDATE;TZID=Europe/Berlin:20200102T090000", ["01", "03"]),
    ],
)
def test_an_exdate_takes_its_instance_out(start: str, exdate: str, left: list[str]) -> None:
    lines = f"{start}\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3\n{exdate}"
    if "VALUE=DATE" in start:
        lines = lines.replace("DURATION:PT1H\n", "")
    assert [day[3:5] for day in days(event(lines))] == left


def test_an_exdate_in_the_gap_is_the_instance_that_is_read_there() -> None:
    lines = "DTSTART;TZID=Europe/Berlin:20200328T023000\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE{}"
    for exdate in (";TZID=Europe/Berlin:20200329T023000", ":20200329T013000Z", ";TZID=Europe/Berlin:20200329T033000"):
        assert days(event(lines.format(exdate))) == ["03-28 01:30", "03-30 00:30"]


def test_an_rdate_adds_an_instance() -> None:
    lines = "DTSTART;TZID=Europe/Berlin:20200101T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2\n"
    for rdate, expected in (
        ("RDATE;TZID=Europe/Berlin:20200110T120000", ["2020-01-10 12:00/13:00"]),
        ("RDATE:20200110T110000Z,20200111T110000Z", ["2020-01-10 12:00/13:00", "2020-01-11 12:00/13:00"]),
        ("RDATE;VALUE=DATE:20200110", ["2020-01-10 09:00/10:00"]),
        ("RDATE;VALUE=PERIOD:20200110T110000Z/20200110T140000Z", ["2020-01-10 12:00/15:00"]),
        ("RDATE;VALUE=PERIOD;TZID=Europe/Berlin:20200110T120000/PT30M", ["2020-01-10 12:00/12:30"]),
        ("RDATE;TZID=Europe/Berlin:20200328T200000", ["2020-03-28 20:00/21:00"]),
        ("RDATE:20200102T080000Z", []),
    ):
        assert spans(found(event(lines + rdate)), BERLIN) == [
            "2020-01-01 09:00/10:00",
            "2020-01-02 09:00/10:00",
            *expected,
        ]


def test_rdates_need_no_rule_and_come_in_order() -> None:
    lines = "DTSTART:20200110T090000Z\nRDATE:20200105T090000Z,20200120T090000Z\nEXDATE:20200120T090000Z"
    assert days(event(lines)) == ["01-05 09:00", "01-10 09:00"]
    assert days(event("DTSTART;VALUE=DATE:20200110\nRDATE;VALUE=DATE:20200120")) == ["01-10 00:00", "01-20 00:00"]


def test_several_rules_are_one_set() -> None:
    lines = "DTSTART:20200101T090000Z\nRRULE:FREQ=DAILY;COUNT=2\nRRULE:FREQ=WEEKLY;COUNT=2"
    assert days(event(lines)) == ["01-01 09:00", "01-02 09:00", "01-08 09:00"]


def test_a_changed_instance_takes_the_place_of_its_own() -> None:
    moved = change(":20200103T090000Z", "DTSTART:20200203T120000Z\nDURATION:PT2H\nSUMMARY:moved\nLOCATION:there")
    every = found(event(DAILY), moved)
    assert [start[5:] for start in starts(every)] == [
        "01-01 09:00",
        "01-02 09:00",
        "01-04 09:00",
        "01-05 09:00",
        "02-03 12:00",
    ]
    assert [one.details.instance_type for one in every] == [
        *[InstanceType.RECURRING_INSTANCE] * 4,
        InstanceType.EXCEPTION,
    ]
    last = every[-1]
    assert (last.details.subject, last.details.location) == ("moved", "there")
    assert last.recurrence_id_ms == ms(datetime(2020, 1, 3, 9, tzinfo=UTC))
    assert last.end_ms - last.start_ms == 2 * 3_600_000


def test_an_instance_that_moved_is_found_where_it_is() -> None:
    moved = change(":20200103T090000Z", "DTSTART:20210203T120000Z\nDURATION:PT2H")
    entry = frozen(the_object(event(DAILY), moved).entry)
    for year, count in ((2020, 4), (2021, 1)):
        window = ms(datetime(year, 1, 1, tzinfo=UTC)), ms(datetime(year + 1, 1, 1, tzinfo=UTC))
        assert len(instances(entry, *window)) == count


@pytest.mark.parametrize(
    ("master", "recurrence_id"),
    [
        (DAILY, ":20200103T090000Z"),
        (DAILY, ";TZID=Europe/Berlin:20200103T100000"),
        (DAILY, ";VALUE=DATE:20200103"),
        (DAILY.replace(":20200101T090000Z", ";TZID=America/New_York:20200101T200000"), ";VALUE=DATE:20200103"),
        (DAILY.replace("00Z", "00"), ":20200103T090000"),
        (DAILY.replace("00Z", "00"), ";VALUE=DATE:20200103"),
        (DAYS, ";VALUE=DATE:20200103"),
        (DAYS, ":20200103T000000Z"),
        (DAYS, ";TZID=Europe/Berlin:20200103T000000"),
    ],
)
def test_a_recurrence_id_of_another_kind_names_the_same_instance(master: str, recurrence_id: str) -> None:
    """A date on a series with times doubles the instance in recurring-ical-events 3.8.2."""
    count = len(found(event(master)))
    cancelled = change(recurrence_id, "DTSTART:20200103T090000Z\nSTATUS:CANCELLED")
    assert len(found(event(master), cancelled)) == count - 1
    assert len(found(event(master), change(recurrence_id, "DTSTART:20200201T000000Z"))) == count


def test_a_day_of_a_timed_series_may_become_a_whole_day() -> None:
    every = found(event(DAILY), change(":20200103T090000Z", "DTSTART;VALUE=DATE:20200103"), floating=BERLIN)
    (day,) = [one for one in every if one.all_day]
    assert starts([day], BERLIN) == ["2020-01-03 00:00"]


def test_a_cancelled_instance_is_gone_and_a_cancelled_series_is_gone() -> None:
    cancelled = change(":20200103T090000Z", "DTSTART:20200103T090000Z\nSTATUS:CANCELLED")
    assert days(event(DAILY), cancelled) == ["01-01 09:00", "01-02 09:00", "01-04 09:00", "01-05 09:00"]
    moved = change(":20200102T090000Z", "DTSTART:20200102T110000Z")
    assert days(event(f"{DAILY}\nSTATUS:CANCELLED"), moved) == []


def test_an_excluded_instance_stays_excluded_though_it_was_changed() -> None:
    moved = change(":20200103T090000Z", "DTSTART:20200103T110000Z")
    for exdate in (":20200103T090000Z", ";VALUE=DATE:20200103"):
        assert len(days(event(f"{DAILY}\nEXDATE{exdate}"), moved)) == 4


def test_a_changed_instance_that_the_series_does_not_have_is_there_all_the_same() -> None:
    assert "02-01 11:00" in days(event(DAILY), change(":20200201T090000Z", "DTSTART:20200201T110000Z"))


def test_an_invitation_to_one_instance_alone() -> None:
    for recurrence_id, floating in ((":20200103T090000Z", UTC), (":20200103T100000", BERLIN)):
        (one,) = found(change(recurrence_id, "DTSTART:20200103T110000Z\nDURATION:PT1H"), floating=floating)
        assert one.details.instance_type is InstanceType.EXCEPTION
        assert one.recurrence_id_ms == ms(datetime(2020, 1, 3, 9, tzinfo=UTC))


def test_all_that_follow_move_by_the_same_time_of_the_clock() -> None:
    series = event("DTSTART;TZID=Europe/Berlin:20200326T090000\nDURATION:PT1H\nSUMMARY:old\nRRULE:FREQ=DAILY;COUNT=6")
    later = change(
        ";TZID=Europe/Berlin;RANGE=THISANDFUTURE:20200328T090000",
        "DTSTART;TZID=Europe/Berlin:20200328T110000\nDURATION:PT2H\nSUMMARY:new",
    )
    every = found(series, later)
    assert spans(every, BERLIN) == [
        "2020-03-26 09:00/10:00",
        "2020-03-27 09:00/10:00",
        "2020-03-28 11:00/13:00",
        "2020-03-29 11:00/13:00",
        "2020-03-30 11:00/13:00",
        "2020-03-31 11:00/13:00",
    ]
    assert [one.details.subject for one in every] == ["old"] * 2 + ["new"] * 4


def test_changes_of_all_that_follow_come_one_after_another_and_one_alone_wins() -> None:
    first = change(";RANGE=THISANDFUTURE:20200102T090000Z", "DTSTART:20200102T100000Z")
    second = change(";RANGE=THISANDFUTURE:20200104T090000Z", "DTSTART:20200103T233000Z")
    alone = change(":20200105T090000Z", "DTSTART:20200105T200000Z")
    expected = ["01-01 09:00", "01-02 10:00", "01-03 10:00", "01-03 23:30", "01-05 20:00"]
    for order in ((first, second, alone), (alone, second, first)):
        assert days(event(DAILY), *order) == expected


def test_all_that_follow_may_be_cancelled() -> None:
    endless = "DTSTART:20200101T090000Z\nRRULE:FREQ=DAILY"
    gone = change(";RANGE=THISANDFUTURE:20200103T090000Z", "DTSTART:20200103T090000Z\nSTATUS:CANCELLED")
    assert days(event(endless), gone) == ["01-01 09:00", "01-02 09:00"]
    end_ms = the_object(event(endless), gone).entry.end_ms
    assert end_ms is not None
    assert end_ms < ms(datetime(2020, 1, 10, tzinfo=UTC))


def test_a_series_may_be_long_over() -> None:
    entry = frozen(the_object(event("DTSTART:19900101T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=10")).entry)
    assert entry.end_ms == ms(datetime(1990, 1, 10, 10, tzinfo=UTC))
    assert frozen(the_object(event("DTSTART:19900101T090000Z\nRRULE:FREQ=DAILY")).entry).end_ms is None


def test_instances_that_began_before_the_window_are_found() -> None:
    lines = "DTSTART;VALUE=DATE:20200101\nDTEND;VALUE=DATE:20200111\nRRULE:FREQ=WEEKLY"
    since, before = datetime(2020, 3, 1, tzinfo=UTC), datetime(2020, 3, 2, tzinfo=UTC)
    assert [start[5:10] for start in starts(found(event(lines), since=since, before=before))] == ["02-26"]
    since = datetime(2020, 3, 6, tzinfo=UTC)
    before = datetime(2020, 3, 7, tzinfo=UTC)
    assert [start[5:10] for start in starts(found(event(lines), since=since, before=before))] == ["02-26", "03-04"]


def test_a_series_in_a_custom_zone_changes_with_its_rules() -> None:
    zone = CUSTOM_ZONE.format(winter="+0100", summer="+0200")
    lines = "DTSTART;TZID={}:20200101T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY\nEXDATE;TZID={}:20200702T090000"
    ours = found(event(lines.format(*["Customized Time Zone"] * 2)), head=zone)
    iana = found(event(lines.format(*["Europe/Berlin"] * 2)))
    assert ours == iana  # Berlin has had these rules since 1996
    assert len(ours) > 3000


def test_a_custom_zone_may_list_its_changes() -> None:
    zone = """BEGIN:VTIMEZONE
TZID:Listed
BEGIN:STANDARD
DTSTART:19701025T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:20200329T020000
RDATE:20210328T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:20181028T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU;UNTIL=20201025T010000Z
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
"""
    lines = "DTSTART;TZID=Listed:20200101T090000\nRRULE:FREQ=MONTHLY;UNTIL=20220105T000000Z"
    hours = [start[5:] for start in starts(found(event(lines), head=zone)) if start.endswith("07:00")]
    in_2020 = [f"{month:02}-01 07:00" for month in range(4, 11)]
    assert hours == [*in_2020, *[f"{month:02}-01 07:00" for month in range(4, 13)], "01-01 07:00"]


def test_the_later_revision_of_an_instance_is_kept() -> None:
    old = event("SEQUENCE:1\nDTSTART:20200101T090000Z")
    new = event("SEQUENCE:2\nDTSTART:20200101T100000Z")
    assert days(old, new) == days(new, old) == ["01-01 10:00"]
    moved = [
        event(f"RECURRENCE-ID:20200102T090000Z\nSEQUENCE:{number}\nDTSTART:20200102T{10 + number}0000Z")
        for number in (1, 3, 2)
    ]
    assert days(event(DAILY), *moved)[1] == "01-02 13:00"
