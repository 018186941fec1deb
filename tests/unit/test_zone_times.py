"""Zones as EWS describes them, against the time zone database."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from postroom.model.free_busy import Weekday, Zone, ZoneChange
from postroom.model.zone_times import epoch_ms, nth_weekday, to_local, to_utc_ms, week_and_weekday

SUN = Weekday.SUN
ZONES = {
    "Europe/Berlin": Zone("", -60, ZoneChange(0, "03:00:00", 10, 5, SUN), ZoneChange(-60, "02:00:00", 3, 5, SUN)),
    "America/New_York": Zone("", 300, ZoneChange(0, "02:00:00", 11, 1, SUN), ZoneChange(-60, "02:00:00", 3, 2, SUN)),
    "Australia/Sydney": Zone("", -600, ZoneChange(0, "03:00:00", 4, 1, SUN), ZoneChange(-60, "02:00:00", 10, 1, SUN)),
    "Australia/Lord_Howe": Zone(
        "", -630, ZoneChange(0, "02:00:00", 4, 1, SUN), ZoneChange(-30, "02:00:00", 10, 1, SUN)
    ),
    "Asia/Kolkata": Zone("", -330),
    "UTC": Zone("", 0),
}


@pytest.mark.parametrize("name", ZONES)
def test_each_half_hour_of_a_year_is_where_the_database_has_it(name: str) -> None:
    zone, info = ZONES[name], ZoneInfo(name)
    moment = datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC"))
    while moment.year == 2026:
        local = moment.astimezone(info)
        assert to_local(zone, epoch_ms(moment)) == local.replace(tzinfo=None)
        if not local.fold:  # the second time of two that are the same
            assert to_utc_ms(zone, local.replace(tzinfo=None)) == epoch_ms(moment)
        moment += timedelta(minutes=30)


def test_a_time_that_is_skipped_has_the_bias_from_before() -> None:
    skipped = datetime(2026, 3, 29, 2, 30)  # noqa: DTZ001
    after = skipped.replace(tzinfo=ZoneInfo("Europe/Berlin"))
    assert to_utc_ms(ZONES["Europe/Berlin"], skipped) == after.timestamp() * 1000


def test_a_time_that_exists_twice_is_the_first() -> None:
    twice = datetime(2026, 10, 25, 2, 30)  # noqa: DTZ001
    first = twice.replace(tzinfo=ZoneInfo("Europe/Berlin"))
    assert to_utc_ms(ZONES["Europe/Berlin"], twice) == first.timestamp() * 1000


@pytest.mark.parametrize("ms", [-(10**18), 10**18])
def test_instants_outside_of_all_years_are_the_first_and_last_moment(ms: int) -> None:
    for zone in ZONES.values():
        assert to_local(zone, ms).year in {1, 9999}


@pytest.mark.parametrize(
    ("week", "day"), [(1, date(2026, 3, 1)), (2, date(2026, 3, 8)), (4, date(2026, 3, 22)), (5, date(2026, 3, 29))]
)
def test_a_weekday_of_a_month_is_found_and_said(week: int, day: date) -> None:
    assert nth_weekday(2026, 3, week, SUN) == day
    assert week_and_weekday(day) == (week, SUN)


def test_the_last_weekday_may_be_the_fourth() -> None:
    assert nth_weekday(2026, 2, 5, SUN) == date(2026, 2, 22)
    assert week_and_weekday(date(2026, 2, 22)) == (5, SUN)
