"""Calendars as their users see them: exact bytes, one change at a time, and nothing left over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from postroom.calendar_store.store import NOTE_LASTS_MS, Put, Remove
from postroom.errors import (
    ConflictError,
    MailboxFullError,
    MessageNotFoundError,
    StoreUnavailableError,
    TooManyInstancesError,
    UnreadableMailError,
)
from postroom.model.limits import DAY_MS
from postroom.ports.transit import Commit, Settle
from tests.support.builders import NOON, TRACE, delivered, order, received
from tests.support.calendars import HOUR_MS, Calendar, an_object, stamp, vcalendar, vevent


class CrashError(Exception):
    """The process stops."""


def crash(*_: Any, **__: Any) -> Any:
    raise CrashError


def test_an_object_gives_back_exactly_the_bytes_that_it_came_with() -> None:
    calendar = Calendar()
    odd = an_object("odd", NOON, "X-ODD:\tfolded\r\n  and on ", "ATTACH:https://acme.test/x", summary="für Ünïcode")
    (item,) = calendar.put(odd)
    assert calendar.open().read(item) == odd.ics
    assert (item.size, item.has_attachments, item.read) == (len(odd.ics), True, True)
    assert not calendar.put(an_object("plain", summary="ATTACH: no property"))[0].has_attachments


def test_nothing_of_an_object_is_plain_in_the_mailbox() -> None:
    calendar = Calendar()
    calendar.put(an_object("secret-uid", summary="secret subject", location="secret place"))
    assert b"secret" not in b"".join(calendar.blobs.get(name) for name in calendar.objects())
    assert "secret" not in repr(calendar.tables)


def test_an_object_is_found_by_its_exact_uid() -> None:
    calendar = Calendar()
    calendar.put(
        an_object(
            "Ann's@ACME",
            NOON,
            "ORGANIZER:mailto:Bob@acme.test",
            "ATTENDEE:mailto:ann@acme.test",
            "LOCATION:Room 1",
            "SEQUENCE:3",
        )
    )
    found = calendar.open().find("Ann's@ACME")
    assert found is not None
    summary = found.summary
    assert (summary.uid, summary.subject, summary.location) == ("Ann's@ACME", "event Ann's@ACME", "Room 1")
    assert (summary.from_address, summary.to) == ("bob@acme.test", ("ann@acme.test",))
    assert summary.version == (3, NOON)
    assert calendar.open().find("ann's@acme") is None
    assert set(calendar.open().find_all(["Ann's@ACME", "other", "Ann's@ACME"])) == {"Ann's@ACME"}


def test_instances_come_in_order_with_the_item_that_they_belong_to() -> None:
    calendar = Calendar()
    late, weekly, early = calendar.put(
        an_object("late", NOON + 5 * HOUR_MS),
        an_object("weekly", NOON - 14 * DAY_MS + HOUR_MS, "RRULE:FREQ=WEEKLY"),
        an_object("early", NOON),
    )
    found = calendar.open().instances(NOON, NOON + DAY_MS)
    assert [(one.item_id, one.instance.start_ms) for one in found] == [
        (early.id, NOON),
        (weekly.id, NOON + HOUR_MS),
        (late.id, NOON + 5 * HOUR_MS),
    ]
    assert [one.instance.recurrence_id_ms for one in found] == [None, NOON + HOUR_MS, None]


def test_floating_times_are_in_the_zone_of_the_calendar() -> None:
    calendar = Calendar()
    calendar.put(an_object("all day", dtstart="20261201", dtend="20261202"))
    calendar.put(an_object("floating", dtstart="20261201T080000", dtend="20261201T090000"))
    settings = replace(calendar.calendars.settings("ann"), zone="Asia/Tokyo")
    calendar.calendars.set_settings("ann", settings)
    midnight_ms = NOON + 6 * DAY_MS + 12 * HOUR_MS - 9 * HOUR_MS
    found = calendar.open().instances(midnight_ms - DAY_MS, midnight_ms + 2 * DAY_MS)
    assert [one.instance.start_ms for one in found] == [midnight_ms, midnight_ms + 8 * HOUR_MS]


def test_more_instances_than_a_limit_are_an_error() -> None:
    calendar = Calendar()
    calendar.put(*(an_object(f"{number}", NOON + number) for number in range(0, 5000, 1000)))
    assert len(calendar.open().instances(NOON, NOON + DAY_MS, most=5)) == 5
    with pytest.raises(TooManyInstancesError):
        calendar.open().instances(NOON, NOON + DAY_MS, most=4)
    calendar.put(an_object("often", NOON, "RRULE:FREQ=MINUTELY;INTERVAL=5", dtend=None))
    with pytest.raises(TooManyInstancesError):
        calendar.open().instances(NOON, NOON + 7 * DAY_MS)


def test_a_calendar_that_has_changed_since_it_was_opened_gives_no_instances_and_takes_no_change() -> None:
    calendar = Calendar()
    opened = calendar.open()
    calendar.put(an_object("faster"))
    with pytest.raises(ConflictError):
        opened.instances(NOON, NOON + DAY_MS)
    with pytest.raises(ConflictError):
        opened.change([Put(an_object("slower"))])
    assert calendar.objects() == calendar.in_use()
    assert calendar.tables.mailboxes["ann"].notes == {}


def test_a_replacement_removes_the_former_bytes() -> None:
    calendar = Calendar()
    calendar.put(an_object(summary="first"), an_object("other"))
    again = an_object(summary="second")
    (item,) = calendar.put(again)
    assert calendar.open().read(item) == again.ics
    assert calendar.objects() == calendar.in_use()
    assert len(calendar.objects()) == 2
    assert calendar.tables.mailboxes["ann"].notes == {}


def test_a_removal_removes_the_bytes() -> None:
    calendar = Calendar()
    (item,) = calendar.put(an_object())
    opened = calendar.open()
    known = opened.find("1@acme.test")
    assert known is not None
    assert opened.change([Remove(known)]) == (item,)
    assert calendar.objects() == set()
    with pytest.raises(MessageNotFoundError):
        opened.read(item)


def test_a_change_that_was_made_before_leaves_nothing_behind() -> None:
    calendar = Calendar()
    calendar.transit.commit(Commit(facts=[received()], orders=[order()]))
    commit = Commit([Settle(order())], [delivered()])
    assert calendar.open().change([Put(an_object())], commit)
    before = calendar.objects()
    opened = calendar.open()
    assert opened.change([Put(an_object(summary="again"), opened.find("1@acme.test"))], commit) is None
    assert calendar.objects() == before == calendar.in_use()
    assert calendar.tables.mailboxes["ann"].notes == {}
    assert calendar.transit.is_clear(TRACE)


@pytest.mark.parametrize("quota_bytes", [0, -1])
def test_a_mailbox_takes_what_fits_to_the_byte(quota_bytes: int) -> None:
    first, second = an_object("a"), an_object("b")
    calendar = Calendar(quota_bytes=len(first.ics) + len(second.ics) + quota_bytes)
    calendar.put(first)
    if quota_bytes < 0:
        with pytest.raises(MailboxFullError):
            calendar.put(second)
        assert calendar.objects() == calendar.in_use()
    else:
        calendar.put(second)


def test_a_full_mailbox_still_takes_what_makes_it_no_larger() -> None:
    calendar = Calendar()
    calendar.put(an_object(summary="long " * 50))
    calendar.mailboxes.set_quota("ann", 10)
    calendar.put(an_object(summary="short"))
    with pytest.raises(MailboxFullError):
        calendar.put(an_object(summary="long again " * 50))
    opened = calendar.open()
    known = opened.find("1@acme.test")
    assert known is not None
    assert opened.change([Remove(known)])


class TestStops:
    """The process stops between two calls, and another goes on an hour later."""

    @pytest.mark.parametrize("stop", ["note", "put_once", "change", "delete", "end_note"])
    def test_what_a_stop_leaves_is_removed_an_hour_later(self, stop: str, monkeypatch: pytest.MonkeyPatch) -> None:
        calendar = Calendar()
        calendar.put(an_object(summary="first"), an_object("other"))
        with monkeypatch.context() as patched:
            owner = type(calendar.blobs if stop in {"put_once", "delete"} else calendar.calendars)
            patched.setattr(owner, stop, crash)
            with pytest.raises(CrashError):
                calendar.put(an_object(summary="second"))
        assert calendar.in_use() <= calendar.objects()
        readable = {calendar.open().read(item) for item in calendar.mailboxes.items("ann", "CALENDAR")}
        assert len(readable) == 2
        calendar.now_ms += NOTE_LASTS_MS
        calendar.store.remove_left_over("ann")
        assert calendar.in_use() <= calendar.objects(), "it may still be under way"
        calendar.now_ms += 1
        calendar.put(an_object("other", summary="a later replacement removes it"))
        assert calendar.objects() == calendar.in_use()
        assert calendar.tables.mailboxes["ann"].notes == {}

    def test_a_process_that_slept_longer_than_its_note_cannot_commit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        calendar = Calendar()
        change = type(calendar.calendars).change

        def late(*arguments: Any) -> Any:
            calendar.now_ms += NOTE_LASTS_MS + 1
            calendar.store.remove_left_over("ann")
            return change(*arguments)

        with monkeypatch.context() as patched:
            patched.setattr(type(calendar.calendars), "change", late)
            with pytest.raises(ConflictError):
                calendar.put(an_object())
        assert calendar.objects() == calendar.in_use() == set()

    def test_a_commit_whose_answer_is_lost_keeps_its_bytes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        calendar = Calendar()
        change = type(calendar.calendars).change

        def lost(*arguments: Any) -> Any:
            change(*arguments)
            raise ConflictError("an answer that says the opposite")

        with monkeypatch.context() as patched:
            patched.setattr(type(calendar.calendars), "change", lost)
            with pytest.raises(ConflictError):
                calendar.put(an_object())
        assert calendar.objects() == calendar.in_use() != set()

    def test_a_store_that_fails_after_the_commit_does_not_make_it_fail(self, monkeypatch: pytest.MonkeyPatch) -> None:
        calendar = Calendar()
        calendar.put(an_object(summary="first"))

        def fail(*_: Any) -> None:
            raise StoreUnavailableError("no answer")

        monkeypatch.setattr(type(calendar.blobs), "delete", fail)
        (item,) = calendar.put(an_object(summary="second"))
        assert b"second" in calendar.open().read(item)


def test_many_objects_are_one_change_and_are_stored_at_the_same_time() -> None:
    with ThreadPoolExecutor(4) as executor:
        calendar = Calendar(executor=executor)
        items = calendar.open().change([Put(an_object(f"{number}")) for number in range(18)])
    assert items is not None
    assert len({item.id for item in items}) == 18
    assert calendar.objects() == calendar.in_use()


def test_an_entry_or_summary_that_is_moved_does_not_open() -> None:
    calendar = Calendar()
    one, other = calendar.put(an_object("a"), an_object("b"))
    opened = calendar.open()
    with pytest.raises(UnreadableMailError):
        opened.summary(replace(one, summary=other.summary))
    rows = calendar.tables.mailboxes["ann"].calendar
    a, b = rows
    rows[a], rows[b] = replace(rows[a], sealed=rows[b].sealed), replace(rows[b], sealed=rows[a].sealed)
    with pytest.raises(UnreadableMailError):
        opened.instances(NOON, NOON + DAY_MS)


def test_a_series_with_changed_instances_is_one_object() -> None:
    calendar = Calendar()
    text = vcalendar(
        vevent("series", NOON, "RRULE:FREQ=DAILY;COUNT=3", sequence=1),
        vevent("series", NOON + 5 * HOUR_MS, f"RECURRENCE-ID:{stamp(NOON + DAY_MS)}", sequence=4, dtstamp=stamp(NOON)),
    )
    from postroom.calendars.objects import read_calendar

    (item,) = calendar.put(read_calendar(text).only())
    found = calendar.open().instances(NOON, NOON + 5 * DAY_MS)
    assert [one.instance.start_ms for one in found] == [NOON, NOON + 5 * HOUR_MS, NOON + 2 * DAY_MS]
    assert {one.item_id for one in found} == {item.id}
    known = calendar.open().find("series")
    assert known is not None
    assert known.summary.version == (4, NOON)
