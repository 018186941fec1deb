"""Windows of calendars: what the index finds between two times, the settings, and how many requests it takes."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final

import pytest

from postroom.model.calendars import (
    DEFAULT_SETTINGS,
    DEFAULT_USER,
    LONGEST_SINGLE_MS,
    Access,
    CalendarSettings,
    ObjectTimes,
)
from postroom.model.free_busy import Weekday, WorkingPeriod
from postroom.model.limits import DAY_MS
from tests.support.builders import NOON
from tests.support.calendar_stores import calendar_stores, series, single
from tests.support.calendars import HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.calendar_stores import Stores

LATE: Final = 253_402_300_799_999
"""The last millisecond of the year 9999."""


@pytest.fixture(params=["memory", "dynamodb"])
def stores(request: pytest.FixtureRequest) -> Stores:
    return calendar_stores(None if request.param == "memory" else request.getfixturevalue("stack"))


WINDOW: Final = (NOON, NOON + 7 * DAY_MS)
INSIDE: Final = {
    "within": single(NOON + DAY_MS),
    "over its start": single(NOON - 1),
    "over its end": single(NOON + 7 * DAY_MS - 1),
    "around it": single(NOON - 10 * DAY_MS, 30 * DAY_MS),
    "from its start": single(NOON),
    "no duration": single(NOON + DAY_MS, 0),
    "longer than any": single(NOON - LONGEST_SINGLE_MS, 3 * LONGEST_SINGLE_MS),
    "series within": series(NOON + DAY_MS, NOON + 2 * DAY_MS),
    "series for ever": series(NOON - 4000 * DAY_MS),
    "series until then": series(NOON - DAY_MS, NOON + 1),
    "from the first year to the last": series(-62_135_596_800_000, LATE),
}
OUTSIDE: Final = {
    "before": single(NOON - 2 * HOUR_MS),
    "after": single(NOON + 7 * DAY_MS),
    "long after": single(NOON + 4000 * DAY_MS),
    "long before 1970": single(-(10**12)),
    "in the last year": single(LATE - HOUR_MS),
    "longer than any, before": single(NOON - 3 * LONGEST_SINGLE_MS, 2 * LONGEST_SINGLE_MS),
    "longer than any, after": single(NOON + 8 * DAY_MS, 2 * LONGEST_SINGLE_MS),
    "series before": series(NOON - 9 * DAY_MS, NOON - 1),
    "series after": series(NOON + 7 * DAY_MS),
}


def test_a_window_has_what_may_overlap_it(stores: Stores) -> None:
    ids = {name: stores.put(number, times).id for number, (name, times) in enumerate((INSIDE | OUTSIDE).items(), 1)}
    found = stores.ids(*WINDOW)
    assert {name for name, item_id in ids.items() if item_id in found} == set(INSIDE)
    assert stores.ids(-(10**12), -(10**12) + 1) == {ids["long before 1970"], ids["from the first year to the last"]}
    assert ids["in the last year"] in stores.ids(LATE - 2, LATE)


def test_a_window_has_the_same_as_a_look_at_every_object(stores: Stores) -> None:
    chance = random.Random(27)  # noqa: S311 - a fixed sequence
    times: dict[str, ObjectTimes] = {}
    for number in range(1, 61):
        start = NOON + chance.randrange(-90, 90) * DAY_MS // 2
        duration = chance.choice(
            [0, HOUR_MS, DAY_MS, 20 * DAY_MS, LONGEST_SINGLE_MS, LONGEST_SINGLE_MS + 1, 90 * DAY_MS]
        )
        recurs = chance.random() < 0.3
        made = ObjectTimes(start, None if recurs and chance.random() < 0.3 else start + duration, recurs)
        times[stores.put(number, made).id] = made
    for _ in range(60):
        start = NOON + chance.randrange(-120, 120) * DAY_MS // 2
        end = start + chance.choice([1, HOUR_MS, 7 * DAY_MS, 62 * DAY_MS])
        expected = {
            item_id
            for item_id, made in times.items()
            if made.start_ms < end and (made.end_ms is None or made.end_ms >= start)
        }
        assert stores.ids(start, end) == expected


def test_a_window_comes_with_the_head_the_folder_and_the_settings(stores: Stores) -> None:
    assert stores.calendars.window("ben", NOON, NOON + 1) is None
    window = stores.calendars.window("ann", NOON, NOON + 1, consistent=False)
    assert window is not None
    assert window.head == stores.head()
    assert window.settings == DEFAULT_SETTINGS
    assert (window.folder.id, window.folder.permissions) == ("CALENDAR", {})
    hours = CalendarSettings("Asia/Tokyo", (WorkingPeriod((Weekday.SUN, Weekday.WED), 0, 1440),))
    assert stores.calendars.set_settings("ann", hours)
    assert stores.calendars.set_access("ann", DEFAULT_USER, Access.DETAILS)
    assert stores.calendars.set_access("ann", "u-1", Access.NONE)
    window = stores.calendars.window("ann", NOON, NOON + 1)
    assert window is not None
    assert window.settings == hours == stores.calendars.settings("ann")
    assert window.folder.permissions == {"Default": "FreeBusyTimeAndSubjectAndLocation", "u-1": "None"}
    assert stores.calendars.set_access("ann", "u-1", None)
    assert stores.calendars.set_access("ann", "u-1", None)
    assert next(f for f in stores.mailboxes.folders("ann") if f.id == "CALENDAR").permissions == {
        "Default": "FreeBusyTimeAndSubjectAndLocation"
    }


def test_a_mailbox_that_does_not_exist_has_no_settings(stores: Stores) -> None:
    assert stores.calendars.settings("ben") == DEFAULT_SETTINGS
    assert not stores.calendars.set_settings("ben", DEFAULT_SETTINGS)
    assert not stores.calendars.set_access("ben", DEFAULT_USER, Access.NONE)
    assert stores.calendars.settings("ben") == DEFAULT_SETTINGS


@pytest.mark.parametrize("stores", ["dynamodb"], indirect=True)
class TestRequests:
    """How many requests a window takes."""

    @pytest.fixture
    def requests(self, stores: Stores) -> Iterator[list[str]]:
        assert stores.stack is not None
        names: list[str] = []

        def count(model: Any, **_: Any) -> None:
            names.append(model.name)

        events = stores.stack.dynamodb.meta.events
        events.register("before-call.dynamodb", count)
        yield names
        events.unregister("before-call.dynamodb", count)

    def test_a_window_is_two_requests(self, stores: Stores, requests: list[str]) -> None:
        for number in range(1, 52):
            stores.put(number, single(NOON + number * HOUR_MS) if number % 5 else series(NOON))
        requests.clear()
        assert len(stores.ids(*WINDOW)) == 51
        assert requests == ["BatchGetItem", "Query"]

    def test_a_window_of_more_than_a_megabyte_is_whole(self, stores: Stores, requests: list[str]) -> None:
        ids = {stores.put(number, single(NOON), entry=bytes(200_000)).id for number in range(1, 13)}
        ids |= {stores.put(number, series(NOON), entry=bytes(200_000)).id for number in range(13, 16)}
        requests.clear()
        assert stores.ids(*WINDOW) == ids
        assert requests == ["BatchGetItem", *["Query"] * 3]

    def test_a_megabyte_of_what_comes_later_is_not_read_on(self, stores: Stores, requests: list[str]) -> None:
        ids = {stores.put(number, single(NOON), entry=bytes(200_000)).id for number in range(1, 3)}
        for number in range(3, 23):
            stores.put(number, single(NOON + 100 * DAY_MS + number), entry=bytes(200_000))
        ids.add(stores.put(30, series(NOON), entry=bytes(200_000)).id)
        requests.clear()
        assert stores.ids(*WINDOW) == ids
        assert requests == ["BatchGetItem", "Query", "Query"]
