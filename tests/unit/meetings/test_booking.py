"""What a resource answers by its booking options."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

import pytest

from postroom.calendars.expand import instances
from postroom.calendars.objects import read_calendar
from postroom.errors import TooManyInstancesError
from postroom.meetings import booking
from postroom.meetings.answers import Answer
from postroom.meetings.booking import HORIZON_MS, Decision, Wanted, decide
from postroom.model.limits import DAY_MS
from postroom.model.resources import BookingOptions
from tests.support.builders import NOON
from tests.support.invitations import calendar, event

if TYPE_CHECKING:
    from postroom.calendars.expand import Instance

ACCEPTED = Decision(Answer.ACCEPTED)
TAKEN = Decision(Answer.DECLINED, booking.TAKEN)


def wanted(*parts: str, recurs: bool = False) -> Wanted:
    return Wanted(read_calendar(calendar(*parts)).only().entry, None, recurs)


def decided(request: Wanted, *others: str, options: BookingOptions | None = None, now_ms: int = NOON) -> Decision:
    entries = [read_calendar(calendar(other)).only().entry for other in others]

    def busy(start_ms: int, end_ms: int) -> list[Instance]:
        return [each for entry in entries for each in instances(entry, start_ms, end_ms)]

    return decide(options or BookingOptions(), request, busy, now_ms=now_ms, floating=UTC)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("090000", "100000", ACCEPTED),
        ("110000", "120000", ACCEPTED),
        ("100000", "110000", TAKEN),
        ("103000", "104500", TAKEN),
        ("090000", "120000", TAKEN),
        ("090000", "100001", TAKEN),
        ("105959", "120000", TAKEN),
        ("103000", "103000", ACCEPTED),
    ],
)
def test_times_that_touch_do_not_overlap(start: str, end: str, expected: Decision) -> None:
    request = wanted(event(start=f"20261201T{start}Z", end=f"20261201T{end}Z"))
    assert decided(request, event()) == expected


def test_a_long_meeting_behind_a_short_one_is_seen() -> None:
    long = event(start="20261201T080000Z", end="20261201T180000Z")
    short = event(start="20261201T090000Z", end="20261201T091500Z")
    assert decided(wanted(event()), long, short) == TAKEN
    assert decided(wanted(event()), short) == ACCEPTED


def test_the_past_is_not_looked_at() -> None:
    series = event("RRULE:FREQ=DAILY;COUNT=10", start="20261120T100000Z", end="20261120T110000Z")
    past = event(start="20261121T100000Z", end="20261121T110000Z")
    assert decided(wanted(series, recurs=True), past) == ACCEPTED
    assert decided(wanted(past), past) == ACCEPTED
    coming = event(start="20261125T100000Z", end="20261125T110000Z")
    assert decided(wanted(series, recurs=True), coming) == TAKEN


def test_a_series_without_end_is_looked_at_for_a_year_and_a_single_event_at_its_own_time() -> None:
    endless = event("RRULE:FREQ=WEEKLY")
    in_a_year, later = (event(start=f"{day}T100000Z", end=f"{day}T110000Z") for day in ("20271130", "20281205"))
    assert decided(wanted(endless, recurs=True), in_a_year) == TAKEN
    assert decided(wanted(endless, recurs=True), later) == ACCEPTED
    assert decided(wanted(later), endless) == TAKEN
    assert HORIZON_MS == 366 * DAY_MS


def test_a_series_with_too_many_instances_is_declined() -> None:
    request = wanted(event("RRULE:FREQ=MINUTELY;INTERVAL=20", end="20261201T100030Z"), recurs=True)
    assert decided(request) == Decision(Answer.DECLINED, booking.TOO_MANY)
    whatever = BookingOptions(auto_decline_conflicting=False)
    assert decided(request, options=whatever) == Decision(Answer.DECLINED, booking.TOO_MANY)

    def full(*_: int) -> list[Instance]:
        raise TooManyInstancesError("x")

    found = decide(BookingOptions(), wanted(event()), full, now_ms=NOON, floating=UTC)
    assert found == Decision(Answer.DECLINED, booking.TOO_MANY)


@pytest.mark.parametrize(
    ("accept", "conflicting", "recurring", "answers"),
    [
        (True, True, False, "ADA"),
        (True, False, False, "AAA"),
        (True, True, True, "ADD"),
        (False, True, False, "?D?"),
        (False, False, True, "??D"),
        (False, False, False, "???"),
    ],
)
def test_the_options_are_independent(accept: bool, conflicting: bool, recurring: bool, answers: str) -> None:
    options = BookingOptions(auto_accept=accept, auto_decline_conflicting=conflicting, auto_decline_recurring=recurring)
    free = event(start="20261201T200000Z", end="20261201T210000Z")
    series = wanted(event("RRULE:FREQ=DAILY;COUNT=2", start="20261201T200000Z", end="20261201T210000Z"), recurs=True)
    found = [decided(each, event(), options=options) for each in (wanted(free), wanted(event()), series)]
    assert "".join("?" if each.answer is None else each.answer[0] for each in found) == answers
