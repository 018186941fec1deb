"""Imports may be repeated and stopped, and refuse one object without the others."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from postroom.calendar_store import imports
from postroom.calendar_store.imports import MAX_RACES, Import, Result
from postroom.calendars.objects import read_calendar
from postroom.errors import ConflictError, StoreUnavailableError, UnknownMailboxError
from postroom.ports.calendars import MAX_CHANGES
from tests.support.builders import NOON
from tests.support.calendars import Calendar, an_object, stamp, vcalendar, vevent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.calendars.objects import CalendarObject


def run(calendar: Calendar, objects: Iterable[CalendarObject], *, mailbox_id: str = "ann") -> dict[str, Result]:
    results = list(Import(calendar.store, mailbox_id, lambda _: None).run(objects))
    return {one.uid: one.result for one in results}


def many(number: int, **changes: Any) -> list[CalendarObject]:
    return [an_object(f"{each}", NOON + each * 1000, **changes) for each in range(number)]


def test_a_file_of_many_objects_is_imported_some_at_a_time() -> None:
    calendar = Calendar()
    number = 2 * MAX_CHANGES + 3
    assert Counter(run(calendar, many(number)).values()) == {Result.ADDED: number}
    items = calendar.mailboxes.items("ann", "CALENDAR")
    assert [calendar.open().summary(item).uid for item in items] == [str(each) for each in range(number)]
    assert calendar.objects() == calendar.in_use()


def test_an_import_that_is_repeated_changes_nothing() -> None:
    calendar = Calendar()
    run(calendar, many(20))
    before = calendar.mailboxes.head("ann")
    assert set(run(calendar, many(20)).values()) == {Result.LEFT}
    assert calendar.mailboxes.head("ann") == before


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({"sequence": 2}, Result.REPLACED),
        ({"dtstamp": "20270101T000000Z"}, Result.REPLACED),
        ({"sequence": 2, "dtstamp": "20200101T000000Z"}, Result.REPLACED),
        ({"summary": "other, but no newer"}, Result.LEFT),
        ({"sequence": 0, "dtstamp": "20270101T000000Z"}, Result.LEFT),
        ({"dtstamp": None}, Result.LEFT),
    ],
)
def test_a_newer_version_replaces_and_any_other_is_left(changes: dict[str, Any], result: Result) -> None:
    calendar = Calendar()
    run(calendar, [an_object("a", sequence=1)])
    newer = an_object("a", **{"sequence": 1, **changes})
    assert run(calendar, [newer]) == {"a": result}
    (item,) = calendar.mailboxes.items("ann", "CALENDAR")
    assert (calendar.open().read(item) == newer.ics) is (result is Result.REPLACED)


def test_one_that_is_left_because_it_is_older_says_so() -> None:
    calendar = Calendar()
    (said,) = Import(calendar.store, "ann", lambda _: None).run([an_object("a", sequence=5)])
    assert (said.result, said.why) == (Result.ADDED, "")
    (said,) = Import(calendar.store, "ann", lambda _: None).run([an_object("a", sequence=4)])
    assert (said.result, said.why) == (Result.LEFT, "the calendar has a newer version")


def test_a_series_is_not_replaced_by_one_of_its_instances() -> None:
    calendar = Calendar()
    instance = f"RECURRENCE-ID:{stamp(NOON)}"
    run(calendar, [an_object("a", NOON, "RRULE:FREQ=DAILY"), an_object("b", NOON, instance)])
    assert run(calendar, [an_object("a", NOON, instance, sequence=9)]) == {"a": Result.REFUSED}
    assert run(calendar, [an_object("b", NOON, instance, sequence=9)]) == {"b": Result.REPLACED}
    assert run(calendar, [an_object("a", NOON, "RRULE:FREQ=WEEKLY", sequence=9)]) == {"a": Result.REPLACED}


def test_the_same_uid_twice_in_one_file_ends_with_the_newer() -> None:
    calendar = Calendar()
    text = b"".join(vcalendar(vevent("a", NOON, sequence=number, summary=f"v{number}")) for number in (1, 3, 2))
    objects = read_calendar(text).objects
    assert len(objects) == 3
    results = [one.result for one in Import(calendar.store, "ann", lambda _: None).run(objects)]
    assert results == [Result.ADDED, Result.REPLACED, Result.LEFT]
    (item,) = calendar.mailboxes.items("ann", "CALENDAR")
    assert calendar.open().summary(item).subject == "v3"


def test_what_does_not_fit_into_the_mailbox_is_refused_and_the_rest_is_not() -> None:
    objects = [an_object("a"), an_object("b", description="x" * 5000), an_object("c")]
    calendar = Calendar(quota_bytes=3000)
    assert run(calendar, objects) == {"a": Result.ADDED, "b": Result.REFUSED, "c": Result.ADDED}
    assert calendar.objects() == calendar.in_use()


def test_objects_whose_entries_are_large_are_fewer_in_a_batch() -> None:
    exdates = [f"EXDATE:{','.join(f'{year}0101T120000Z' for year in range(2000, 4500))}"]
    objects = [an_object(f"{each}", NOON, "RRULE:FREQ=DAILY", *exdates) for each in range(10)]
    calendar = Calendar()
    changed: list[int] = []
    change = type(calendar.calendars).change

    def count(self: Any, head: Any, changes: Any, *more: Any) -> Any:
        changed.append(sum(len(each.new.entry) + len(each.new.item.summary) for each in changes))
        return change(self, head, changes, *more)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(calendar.calendars), "change", count)
        patched.setattr(imports, "MAX_CHANGE_BYTES", 150_000)
        assert Counter(run(calendar, objects).values()) == {Result.ADDED: 10}
    assert 50_000 < max(changed) < 150_000
    assert len(changed) >= 3


def test_others_that_are_faster_only_delay_an_import() -> None:
    calendar = Calendar()
    change, races = type(calendar.calendars).change, [1, 1, 0]

    def raced(self: Any, head: Any, *more: Any) -> Any:
        if races and races.pop(0):
            raise ConflictError("others were faster")
        return change(self, head, *more)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(calendar.calendars), "change", raced)
        assert set(run(calendar, many(3)).values()) == {Result.ADDED}
        races.extend([1] * MAX_RACES)
        with pytest.raises(ConflictError):
            run(calendar, [an_object("late")])
    assert calendar.objects() == calendar.in_use()


def test_an_import_that_stopped_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    calendar = Calendar()
    puts = 0
    put_once = type(calendar.blobs).put_once

    def fails_later(self: Any, key: str, sealed: bytes) -> bool:
        nonlocal puts
        puts += 1
        if puts == MAX_CHANGES + 5:
            raise StoreUnavailableError("no answer")
        return put_once(self, key, sealed)

    monkeypatch.setattr(type(calendar.blobs), "put_once", fails_later)
    results = Import(calendar.store, "ann", lambda _: None).run(many(40))
    done = [next(results).uid for _ in range(MAX_CHANGES)]
    with pytest.raises(StoreUnavailableError):
        next(results)
    again = run(calendar, many(40))
    assert {uid for uid, result in again.items() if result is Result.LEFT} == set(done)
    calendar.now_ms += 2 * 3_600_000
    run(calendar, [])
    assert calendar.objects() == calendar.in_use()


def test_a_mailbox_that_is_gone_takes_nothing() -> None:
    with pytest.raises(UnknownMailboxError):
        run(Calendar(), [an_object()], mailbox_id="ben")
