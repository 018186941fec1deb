"""A zone that comes with an object reads each time as IANA's zone with the same rules does, also around its changes."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from postroom.calendars.zones import OwnZone, ZoneOffsets
from tests.support.calendar_text import CUSTOM_ZONE, event, the_object

SOUTH = """BEGIN:VTIMEZONE
TZID:Customized Time Zone
BEGIN:STANDARD
DTSTART:20080406T030000
TZOFFSETFROM:+1100
TZOFFSETTO:+1000
RRULE:FREQ=YEARLY;BYMONTH=4;BYDAY=1SU
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:20081005T020000
TZOFFSETFROM:+1000
TZOFFSETTO:+1100
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=1SU
END:DAYLIGHT
END:VTIMEZONE
"""


@pytest.mark.parametrize(
    ("head", "name"),
    [(CUSTOM_ZONE.format(winter="+0100", summer="+0200"), "Europe/Berlin"), (SOUTH, "Australia/Sydney")],
)
@pytest.mark.parametrize("year", [2012, 2020, 2037])
def test_an_own_zone_is_ianas_zone_with_the_same_rules(head: str, name: str, year: int) -> None:
    lines = "DTSTART;TZID=Customized Time Zone:20100101T090000\nRRULE:FREQ=DAILY"
    series = the_object(event(lines), head=head).entry.series
    assert series is not None
    assert isinstance(series.zone, dict)
    own, iana = OwnZone(series.zone), ZoneOffsets(ZoneInfo(name))
    first = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    for second in range(first, first + 366 * 86_400, 900):
        assert own.at(second) == iana.at(second)
        assert own.of_wall(second) == iana.of_wall(second)
