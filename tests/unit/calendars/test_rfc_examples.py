"""Every example of RFC 5545, 3.8.5.3, with the dates that the RFC lists, and what python-dateutil has for it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from dateutil import rrule

from tests.support.calendar_text import event, found, starts

NEW_YORK: Final = ZoneInfo("America/New_York")

EXAMPLES: Final[dict[str, tuple[str, str, str]]] = {
    "daily for 10 occurrences": ("19970902T090000", "FREQ=DAILY;COUNT=10", "1997: 9/2-11"),
    "daily until December 24": (
        "19970902T090000",
        "FREQ=DAILY;UNTIL=19971224T000000Z",
        "1997: 9/2-30 10/1-31 11/1-30 12/1-23",
    ),
    "every other day": (
        "19970902T090000",
        "FREQ=DAILY;INTERVAL=2",
        "1997: 9/2,4,6,8,10,12,14,16,18,20,22,24,26,28,30 10/2,4,6,8,10,12,14,16,18,20,22,24,26,28,30"
        " 11/1,3,5,7,9,11,13,15,17,19,21,23,25,27,29 12/1,3 …",
    ),
    "every 10 days, 5 occurrences": (
        "19970902T090000",
        "FREQ=DAILY;INTERVAL=10;COUNT=5",
        "1997: 9/2,12,22 10/2,12",
    ),
    "every day in January, for 3 years": (
        "19980101T090000",
        "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA",
        "1998: 1/1-31 1999: 1/1-31 2000: 1/1-31",
    ),
    "every day in January, the other way": (
        "19980101T090000",
        "FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1",
        "1998: 1/1-31 1999: 1/1-31 2000: 1/1-31",
    ),
    "weekly for 10 occurrences": (
        "19970902T090000",
        "FREQ=WEEKLY;COUNT=10",
        "1997: 9/2,9,16,23,30 10/7,14,21,28 11/4",
    ),
    "weekly until December 24": (
        "19970902T090000",
        "FREQ=WEEKLY;UNTIL=19971224T000000Z",
        "1997: 9/2,9,16,23,30 10/7,14,21,28 11/4,11,18,25 12/2,9,16,23",
    ),
    "every other week": (
        "19970902T090000",
        "FREQ=WEEKLY;INTERVAL=2;WKST=SU",
        "1997: 9/2,16,30 10/14,28 11/11,25 12/9,23 1998: 1/6,20 2/3,17 …",
    ),
    "Tuesday and Thursday for five weeks": (
        "19970902T090000",
        "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH",
        "1997: 9/2,4,9,11,16,18,23,25,30 10/2",
    ),
    "Tuesday and Thursday, the other way": (
        "19970902T090000",
        "FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH",
        "1997: 9/2,4,9,11,16,18,23,25,30 10/2",
    ),
    "Monday, Wednesday, Friday of every other week": (
        "19970901T090000",
        "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
        "1997: 9/1,3,5,15,17,19,29 10/1,3,13,15,17,27,29,31 11/10,12,14,24,26,28 12/8,10,12,22",
    ),
    "Tuesday and Thursday of every other week, 8 occurrences": (
        "19970902T090000",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
        "1997: 9/2,4,16,18,30 10/2,14,16",
    ),
    "first Friday for 10 occurrences": (
        "19970905T090000",
        "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
        "1997: 9/5 10/3 11/7 12/5 1998: 1/2 2/6 3/6 4/3 5/1 6/5",
    ),
    "first Friday until December 24": (
        "19970905T090000",
        "FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR",
        "1997: 9/5 10/3 11/7 12/5",
    ),
    "first and last Sunday of every other month": (
        "19970907T090000",
        "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
        "1997: 9/7,28 11/2,30 1998: 1/4,25 3/1,29 5/3,31",
    ),
    "second-to-last Monday for 6 months": (
        "19970922T090000",
        "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
        "1997: 9/22 10/20 11/17 12/22 1998: 1/19 2/16",
    ),
    "third-to-the-last day of the month": (
        "19970928T090000",
        "FREQ=MONTHLY;BYMONTHDAY=-3",
        "1997: 9/28 10/29 11/28 12/29 1998: 1/29 2/26 …",
    ),
    "2nd and 15th for 10 occurrences": (
        "19970902T090000",
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15",
        "1997: 9/2,15 10/2,15 11/2,15 12/2,15 1998: 1/2,15",
    ),
    "first and last day of the month": (
        "19970930T090000",
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
        "1997: 9/30 10/1,31 11/1,30 12/1,31 1998: 1/1,31 2/1",
    ),
    "10th to 15th every 18 months": (
        "19970910T090000",
        "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
        "1997: 9/10,11,12,13,14,15 1999: 3/10,11,12,13",
    ),
    "every Tuesday of every other month": (
        "19970902T090000",
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
        "1997: 9/2,9,16,23,30 11/4,11,18,25 1998: 1/6,13,20,27 3/3,10,17,24,31 …",
    ),
    "June and July for 10 occurrences": (
        "19970610T090000",
        "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
        "1997: 6/10 7/10 1998: 6/10 7/10 1999: 6/10 7/10 2000: 6/10 7/10 2001: 6/10 7/10",
    ),
    "January to March of every other year": (
        "19970310T090000",
        "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
        "1997: 3/10 1999: 1/10 2/10 3/10 2001: 1/10 2/10 3/10 2003: 1/10 2/10 3/10",
    ),
    "1st, 100th and 200th day of every third year": (
        "19970101T090000",
        "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
        "1997: 1/1 4/10 7/19 2000: 1/1 4/9 7/18 2003: 1/1 4/10 7/19 2006: 1/1",
    ),
    "20th Monday of the year": ("19970519T090000", "FREQ=YEARLY;BYDAY=20MO", "1997: 5/19 1998: 5/18 1999: 5/17 …"),
    "Monday of week 20": (
        "19970512T090000",
        "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
        "1997: 5/12 1998: 5/11 1999: 5/17 …",
    ),
    "every Thursday in March": (
        "19970313T090000",
        "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
        "1997: 3/13,20,27 1998: 3/5,12,19,26 1999: 3/4,11,18,25 …",
    ),
    "every Thursday from June to August": (
        "19970605T090000",
        "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8",
        "1997: 6/5,12,19,26 7/3,10,17,24,31 8/7,14,21,28 1998: 6/4,11,18,25 7/2,9,16,23,30 8/6,13,20,27"
        " 1999: 6/3,10,17,24 7/1,8,15,22,29 8/5,12,19,26 …",
    ),
    "every Friday the 13th": (
        "19970902T090000\nEXDATE;TZID=America/New_York:19970902T090000",
        "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
        "1998: 2/13 3/13 11/13 1999: 8/13 2000: 10/13 …",
    ),
    "first Saturday after the first Sunday": (
        "19970913T090000",
        "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
        "1997: 9/13 10/11 11/8 12/13 1998: 1/10 2/7 3/7 4/11 5/9 6/13 …",
    ),
    "U.S. Presidential Election day": (
        "19961105T090000",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
        "1996: 11/5 2000: 11/7 2004: 11/2 …",
    ),
    "third of Tuesday, Wednesday, Thursday": (
        "19970904T090000",
        "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
        "1997: 9/4 10/7 11/6",
    ),
    "second-to-last weekday of the month": (
        "19970929T090000",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
        "1997: 9/29 10/30 11/27 12/30 1998: 1/29 2/26 3/30 …",
    ),
    "a day that does not exist is ignored": (
        "20070115T090000",
        "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
        "2007: 1/15,30 2/15 3/15,30",
    ),
    "weeks that begin on Monday": (
        "19970805T090000",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
        "1997: 8/5,10,19,24",
    ),
    "weeks that begin on Sunday": (
        "19970805T090000",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
        "1997: 8/5,17,19,31",
    ),
}
"""Name → DTSTART in New York, rule, and the days at 09:00; ``…`` ends the RFC's list of a rule without an end."""

TIMES: Final = {
    # the RFC lists 15:00, too, as if UNTIL were local time; as it is written, the rule ends at 13:00
    "every 3 hours, as it is written": ("FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T170000Z", "9/2: 09:00 12:00"),
    "every 3 hours, as it is meant": ("FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T210000Z", "9/2: 09:00 12:00 15:00"),
    "every 15 minutes for 6 occurrences": (
        "FREQ=MINUTELY;INTERVAL=15;COUNT=6",
        "9/2: 09:00 09:15 09:30 09:45 10:00 10:15",
    ),
    "every hour and a half for 4 occurrences": (
        "FREQ=MINUTELY;INTERVAL=90;COUNT=4",
        "9/2: 09:00 10:30 12:00 13:30",
    ),
    "every 20 minutes from 9:00 to 16:40": (
        "FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40",
        "".join(
            f"{day}: " + "".join(f"{h:02}:{m:02} " for h in range(9, 17) for m in (0, 20, 40)) for day in ("9/2", "9/3")
        )
        + "…",
    ),
    "every 20 minutes, the other way": (
        "FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16",
        "".join(
            f"{day}: " + "".join(f"{h:02}:{m:02} " for h in range(9, 17) for m in (0, 20, 40)) for day in ("9/2", "9/3")
        )
        + "…",
    ),
}
"""The examples of 2 September 1997, 09:00 in New York, that repeat within a day."""


def listed(text: str) -> list[str]:
    """Return the days that an example lists: ``1997: 9/2-4,8`` is four of them."""
    days: list[str] = []
    year = ""
    for word in text.replace(" …", "").split():
        if word.endswith(":"):
            year = word[:-1]
            continue
        month, _, numbers = word.partition("/")
        for part in numbers.split(","):
            first, _, last = part.partition("-")
            days += [f"{year}-{int(month):02}-{day:02}" for day in range(int(first), int(last or first) + 1)]
    return days


def by_dateutil(start: str, rule: str, before: datetime) -> list[str]:
    """Return dateutil's starts on New York's clock; its rules know no zones here."""
    local_until = re.sub(
        r"UNTIL=(\d{8}T\d{6})Z",
        lambda match: (
            f"UNTIL={datetime.strptime(match[1] + 'Z', '%Y%m%dT%H%M%S%z').astimezone(NEW_YORK):%Y%m%dT%H%M%S}"
        ),
        rule,
    )
    first = datetime.strptime(start, "%Y%m%dT%H%M%S")  # noqa: DTZ007 - the wall clock
    theirs = rrule.rrulestr(local_until, dtstart=first)
    return [f"{moment:%Y-%m-%d %H:%M}" for moment in takewhile(lambda moment: moment < before, theirs)]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_of_the_rfc_has_the_days_that_the_rfc_lists(name: str) -> None:
    start, rule, text = EXAMPLES[name]
    days = listed(text)
    last = datetime.strptime(days[-1], "%Y-%m-%d").replace(tzinfo=NEW_YORK) + timedelta(days=1)
    before = last if text.endswith("…") else datetime(2030, 1, 1, tzinfo=UTC)
    ours = starts(found(event(f"DTSTART;TZID=America/New_York:{start}\nRRULE:{rule}"), before=before), NEW_YORK)
    assert ours == [f"{day} 09:00" for day in days]
    assert ours == by_dateutil(start[:15], rule, before.astimezone(NEW_YORK).replace(tzinfo=None))


@pytest.mark.parametrize("name", TIMES)
def test_an_example_of_the_rfc_has_the_times_that_the_rfc_lists(name: str) -> None:
    rule, text = TIMES[name]
    expected, day = [], ""
    for word in text.replace("…", "").split():
        if "/" in word:
            day = f"1997-09-{int(word[2:-1]):02}"
        else:
            expected.append(f"{day} {word}")
    before = datetime(1997, 9, 4, tzinfo=NEW_YORK)
    ours = starts(found(event(f"DTSTART;TZID=America/New_York:19970902T090000\nRRULE:{rule}"), before=before), NEW_YORK)
    assert ours == expected
    assert ours == by_dateutil("19970902T090000", rule, before.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("lines", "days"),
    [
        # a list of weekdays is their union; dateutil has the intersection of those with a number and those without
        ("DTSTART:20200101T090000Z\nRRULE:FREQ=MONTHLY;BYDAY=1WE,TH;COUNT=4", "01-01 01-02 01-09 01-16"),
        # what a rule lacks is taken from DTSTART: its weekday; dateutil has all seven days of the week
        ("DTSTART:20200513T090000Z\nRRULE:FREQ=YEARLY;BYWEEKNO=20;UNTIL=20210101T000000Z", "05-13"),
        # DTSTART is the first of COUNT; recurring-ical-events adds it to the others, dateutil leaves it out
        ("DTSTART:20200101T090000Z\nRRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=3", "01-01 01-06 01-13"),
        # a week has one set of positions, also the first; dateutil numbers the days from DTSTART on alone
        (
            "DTSTART:20200107T090000Z\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=2;COUNT=3",
            "01-07 01-14 01-21",
        ),
        # the 31st and 29 February are skipped (3.3.10)
        ("DTSTART:20200131T090000Z\nRRULE:FREQ=MONTHLY;COUNT=4", "01-31 03-31 05-31 07-31"),
        ("DTSTART:20200229T090000Z\nRRULE:FREQ=MONTHLY;UNTIL=20200601T000000Z", "02-29 03-29 04-29 05-29"),
    ],
)
def test_where_libraries_disagree_the_rfc_decides(lines: str, days: str) -> None:
    assert [start[5:10] for start in starts(found(event(lines)))] == days.split()


def test_the_29th_of_february_comes_every_four_years() -> None:
    days = starts(found(event("DTSTART;VALUE=DATE:20160229\nRRULE:FREQ=YEARLY")))
    assert days == ["2016-02-29 00:00", "2020-02-29 00:00", "2024-02-29 00:00", "2028-02-29 00:00"]
