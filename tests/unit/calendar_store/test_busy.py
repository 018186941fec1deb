"""What the users of an organization see of each other's calendars."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from postroom.calendar_store.busy import StoredBusy
from postroom.calendar_store.store import MAX_INSTANCES
from postroom.errors import (
    KeyUnavailableError,
    NoFreeBusyAccessError,
    TooManyInstancesError,
    UnknownMailboxError,
)
from postroom.model.calendars import DEFAULT_SETTINGS, DEFAULT_USER, Access
from postroom.model.free_busy import BusyEvent, BusyType, EventDetails, Weekday, Zone
from postroom.model.limits import DAY_MS
from tests.support.builders import NOON
from tests.support.calendars import HOUR_MS, Calendar, an_object

WEEK = (NOON, NOON + 7 * DAY_MS)


def filled() -> Calendar:
    calendar = Calendar()
    calendar.put(
        an_object("open", NOON, "LOCATION:Room 1", "STATUS:TENTATIVE"),
        an_object("private", NOON + HOUR_MS, "LOCATION:Clinic", "CLASS:PRIVATE"),
        an_object("free", NOON + 2 * HOUR_MS, "TRANSP:TRANSPARENT"),
    )
    return calendar


def busy(calendar: Calendar) -> StoredBusy:
    return StoredBusy(calendar.calendars, calendar.keys)


def test_members_of_the_organization_see_when_somebody_is_busy_and_nothing_else() -> None:
    events, hours = busy(filled()).ask("ann", *WEEK, requester_id="ben")
    assert events == [
        BusyEvent(NOON, NOON + HOUR_MS, BusyType.TENTATIVE),
        BusyEvent(NOON + HOUR_MS, NOON + 2 * HOUR_MS, BusyType.BUSY),
        BusyEvent(NOON + 2 * HOUR_MS, NOON + 3 * HOUR_MS, BusyType.FREE),
    ]
    assert hours.zone == Zone("UTC", 0)
    (period,) = hours.periods
    assert (period.start_minutes, period.end_minutes) == (480, 1020)
    assert period.days == (Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI)


@pytest.mark.parametrize("access", [Access.DETAILS, Access.REVIEWER, Access.OWNER])
def test_details_are_for_whom_the_owner_lets_see_them_and_never_of_private_events(access: Access) -> None:
    calendar = filled()
    calendar.calendars.set_access("ann", "ben", access)
    events, _ = busy(calendar).ask("ann", *WEEK, requester_id="ben")
    assert [event.details for event in events] == [
        EventDetails(subject="event open", location="Room 1"),
        None,
        EventDetails(subject="event free"),
    ]
    others, _ = busy(calendar).ask("ann", *WEEK, requester_id="cem")
    assert [event.details for event in others] == [None] * 3


def test_the_owner_sees_details_whatever_the_permissions_say() -> None:
    calendar = filled()
    calendar.calendars.set_access("ann", DEFAULT_USER, Access.NONE)
    calendar.calendars.set_access("ann", "ann", Access.NONE)
    events, _ = busy(calendar).ask("ann", *WEEK, requester_id="ann")
    assert [event.details is None for event in events] == [False, True, False]


def test_a_users_own_entry_counts_before_the_default_one() -> None:
    calendar = filled()
    calendar.calendars.set_access("ann", DEFAULT_USER, Access.DETAILS)
    calendar.calendars.set_access("ann", "ben", Access.TIME_ONLY)
    calendar.calendars.set_access("ann", "cem", Access.NONE)
    assert busy(calendar).ask("ann", *WEEK, requester_id="ben")[0][0].details is None
    assert busy(calendar).ask("ann", *WEEK, requester_id="dan")[0][0].details is not None
    with pytest.raises(NoFreeBusyAccessError):
        busy(calendar).ask("ann", *WEEK, requester_id="cem")


def test_a_permission_level_that_is_unknown_gives_nothing() -> None:
    calendar = filled()
    folder = calendar.tables.mailboxes["ann"].folders["CALENDAR"]
    calendar.tables.mailboxes["ann"].folders["CALENDAR"] = replace(folder, permissions={"ben": "Later"})
    with pytest.raises(NoFreeBusyAccessError):
        busy(calendar).ask("ann", *WEEK, requester_id="ben")


def test_a_calendar_of_the_past_and_the_future_answers_for_the_window_alone() -> None:
    calendar = Calendar()
    calendar.put(
        an_object("before", NOON - DAY_MS),
        an_object("over the start", NOON - 1000),
        an_object("ends at the start", NOON - HOUR_MS),
        an_object("begins at the end", NOON + 7 * DAY_MS),
        an_object("daily", NOON - 700 * DAY_MS + HOUR_MS, "RRULE:FREQ=DAILY"),
    )
    events, _ = busy(calendar).ask("ann", *WEEK, requester_id="ben")
    assert [event.start_ms for event in events] == [NOON - 1000, *(NOON + HOUR_MS + day * DAY_MS for day in range(7))]


def test_working_hours_come_with_the_zone_of_the_year_that_is_asked_about() -> None:
    calendar = Calendar()
    calendar.calendars.set_settings("ann", replace(DEFAULT_SETTINGS, zone="Europe/Berlin"))
    _, hours = busy(calendar).ask("ann", *WEEK, requester_id="ben")
    assert (hours.zone.name, hours.zone.bias_minutes) == ("Europe/Berlin", -60)
    assert hours.zone.daylight is not None
    calendar.calendars.set_settings("ann", replace(DEFAULT_SETTINGS, zone="Europe/Moscow"))
    _, now = busy(calendar).ask("ann", *WEEK, requester_id="ben")
    _, before = busy(calendar).ask("ann", 1_278_000_000_000, 1_278_000_000_001, requester_id="ben")
    assert (now.zone.bias_minutes, now.zone.daylight) == (-180, None)
    assert before.zone.daylight is not None, "Moscow had daylight time in 2010"
    for extreme in (-(10**14), 10**15):
        busy(calendar).ask("ann", extreme, extreme + 1, requester_id="ben")


def invite(calendar: Calendar, uid: str, *lines: str, start_ms: int = NOON, minutes: int = 1) -> None:
    """Put what an invitation makes of a calendar until it is answered."""
    made = an_object(uid, start_ms, *lines, dtend=None, duration=f"PT{minutes}M")
    calendar.put(replace(made, entry=made.entry.tentative()))


def test_unanswered_invitations_never_hide_the_other_events() -> None:
    calendar = filled()
    own, _ = busy(calendar).ask("ann", *WEEK, requester_id="ann")
    for first in (0, 3, 7):
        invite(calendar, f"flood {first}", "RRULE:FREQ=MINUTELY;INTERVAL=11", start_ms=NOON + first * 60_000)
    events, _ = busy(calendar).ask("ann", *WEEK, requester_id="ann")
    assert len(events) == MAX_INSTANCES
    others = [event for event in events if event.busy_type is BusyType.TENTATIVE and event.details is None]
    assert [event for event in events if event not in others] == own
    assert all(one.end_ms < later.start_ms for one, later in pairwise(others))
    week_minutes = 7 * 24 * 60
    flood = [first + minute for first in (0, 3, 7) for minute in range(0, week_minutes, 11)]
    starts = [NOON + minute * 60_000 for minute in flood if minute < week_minutes]
    assert all(any(event.start_ms <= at < event.end_ms for event in others) for at in starts)
    gaps = [later.start_ms - one.end_ms for one, later in pairwise(others)]
    assert min(gaps) >= 3 * 60_000, (
        "the shortest times between them are closed first: two of two minutes and one of three"
    )


def test_invitations_that_touch_are_one_period_where_there_are_many() -> None:
    calendar = filled()
    invite(calendar, "flood", "RRULE:FREQ=MINUTELY;INTERVAL=5", start_ms=NOON + DAY_MS, minutes=5)
    events, _ = busy(calendar).ask("ann", *WEEK, requester_id="ben")
    assert events[3:] == [BusyEvent(NOON + DAY_MS, NOON + 7 * DAY_MS, BusyType.TENTATIVE)]
    few, _ = busy(calendar).ask("ann", NOON, NOON + 2 * DAY_MS, requester_id="ben")
    assert len(few) == 3 + 24 * 12, "up to the limit each is an event"


def test_a_calendar_that_is_full_without_invitations_still_fails() -> None:
    calendar = Calendar()
    calendar.put(an_object("own", NOON, "RRULE:FREQ=MINUTELY;INTERVAL=10;COUNT=1000", dtend=None))
    events, _ = busy(calendar).ask("ann", *WEEK, requester_id="ben")
    assert len(events) == MAX_INSTANCES
    invite(calendar, "one", "TRANSP:TRANSPARENT")
    assert busy(calendar).ask("ann", *WEEK, requester_id="ben")[0] == events, "a free invitation takes no place"
    invite(calendar, "two")
    with pytest.raises(TooManyInstancesError):
        busy(calendar).ask("ann", *WEEK, requester_id="ben")


def test_what_cannot_be_answered_has_an_error_of_its_own() -> None:
    calendar = filled()
    with pytest.raises(UnknownMailboxError):
        busy(calendar).ask("nobody", *WEEK, requester_id="ben")
    calendar.put(an_object("often", NOON, "RRULE:FREQ=MINUTELY;INTERVAL=5", dtend=None))
    assert MAX_INSTANCES < 7 * 24 * 60 // 5
    with pytest.raises(TooManyInstancesError):
        busy(calendar).ask("ann", *WEEK, requester_id="ben")
    calendar.keys.disabled.add("kms")
    with pytest.raises(KeyUnavailableError):
        busy(calendar).ask("ann", *WEEK, requester_id="ben")
