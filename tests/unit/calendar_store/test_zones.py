"""Zones as EWS describes them: what they say of a local time is what IANA's data says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from postroom.calendar_store.zones import zone_of
from postroom.model.free_busy import Weekday, Zone, ZoneChange
from postroom.model.zone_times import epoch_ms, to_local


def test_a_zone_with_daylight_time() -> None:
    assert zone_of("Europe/Berlin", 2026) == Zone(
        "Europe/Berlin",
        -60,
        standard=ZoneChange(0, "03:00:00", 10, 5, Weekday.SUN),
        daylight=ZoneChange(-60, "02:00:00", 3, 5, Weekday.SUN),
    )
    assert zone_of("America/New_York", 2026) == Zone(
        "America/New_York",
        300,
        standard=ZoneChange(0, "02:00:00", 11, 1, Weekday.SUN),
        daylight=ZoneChange(-60, "02:00:00", 3, 2, Weekday.SUN),
    )


def test_zones_without_changes_or_with_others_than_there_and_back_have_none() -> None:
    assert zone_of("UTC", 2026) == Zone("UTC", 0)
    assert zone_of("Asia/Kathmandu", 2026) == Zone("Asia/Kathmandu", -345)
    assert zone_of("Europe/Moscow", 2011) == Zone("Europe/Moscow", -180), "it went to daylight time for ever"
    with pytest.raises(ZoneInfoNotFoundError):
        zone_of("Nowhere/Never", 2026)


@pytest.mark.parametrize(
    "name",
    [
        "Europe/London",
        "Europe/Dublin",
        "Europe/Berlin",
        "America/New_York",
        "America/St_Johns",
        "America/Santiago",
        "Australia/Sydney",
        "Australia/Lord_Howe",
        "Pacific/Auckland",
        "Pacific/Chatham",
        "Asia/Tokyo",
        "Asia/Jerusalem",
        "Africa/Cairo",
    ],
)
@pytest.mark.parametrize("year", [1999, 2010, 2026, 2040])
def test_a_zone_says_the_same_as_the_data_all_year(name: str, year: int) -> None:
    zone, data = zone_of(name, year), ZoneInfo(name)
    if zone.standard is None:
        assert name in ("Asia/Tokyo", "Africa/Cairo")
        return
    changes = 0
    for number in range(1, 364):
        day = datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=number)
        before, after = (moment.astimezone(data).utcoffset() for moment in (day, day + timedelta(days=1)))
        changes += before != after
        for minutes in range(0, 1440, 15 if before != after else 720):
            moment = day + timedelta(minutes=minutes)
            assert to_local(zone, epoch_ms(moment)) == moment.astimezone(data).replace(tzinfo=None)
    assert changes == 2
