"""Answers of GetUserAvailability, written and read, against exchangelib 5.6.0's reading and the schema's order."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from exchangelib import EWSDateTime, EWSTimeZone
from exchangelib.properties import FreeBusyView
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from postroom.contracts.ews import free_busy, soap
from postroom.contracts.ews.availability import View
from postroom.contracts.ews.digits import merged_free_busy
from postroom.contracts.ews.names import m, t
from postroom.errors import InvalidEwsAnswerError
from postroom.model.free_busy import (
    BusyEvent,
    BusyType,
    EventDetails,
    FailureCode,
    InstanceType,
    MailboxAvailability,
    MailboxFailure,
    Weekday,
    WorkingHours,
    WorkingPeriod,
    Zone,
)
from tests.support.free_busy_forms import BERLIN, DAY, HOUR_MS, SEQUENCES, START_MS, asked, assert_is_of_the_schema

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from postroom.model.free_busy import MailboxResult

HOURS = WorkingHours(BERLIN, (WorkingPeriod((Weekday.MON, Weekday.FRI), 480, 1020),))
DETAILS = EventDetails("Budget", "Room 1", InstanceType.RECURRING_INSTANCE, is_meeting=True, is_reminder_set=True)
ADA = MailboxAvailability(
    "ada@acme.test",
    (
        BusyEvent(START_MS, START_MS + HOUR_MS, BusyType.BUSY, DETAILS),
        BusyEvent(START_MS + HOUR_MS, START_MS + 2 * HOUR_MS, BusyType.OOF),
        BusyEvent(START_MS + 2 * HOUR_MS, START_MS + 3 * HOUR_MS, BusyType.TENTATIVE, EventDetails("", "")),
    ),
    HOURS,
)
LOST = MailboxFailure("bob@acme.test", FailureCode.MAIL_RECIPIENT_NOT_FOUND, "There is no such mailbox.")


def by_exchangelib(answer: Element, zone: str = "Europe/Berlin") -> list[Any]:
    account = SimpleNamespace(default_timezone=EWSTimeZone(zone))
    return [FreeBusyView.from_xml(view, account=account) for view in answer.iter(m("FreeBusyView"))]


class TestWrittenAnswers:
    @pytest.mark.parametrize("view", list(View))
    def test_each_view_says_what_its_name_says(self, view: View) -> None:
        answer = free_busy.write_answer(asked(view), (ADA, LOST))
        assert_is_of_the_schema(answer)
        read = by_exchangelib(answer)[0]
        assert read.view_type == view.value
        assert read.merged == ("2233110000000000" if "Merged" in view else None)
        if view is View.MERGED_ONLY:
            assert read.calendar_events is None
        else:
            assert [event.busy_type for event in read.calendar_events] == ["Busy", "OOF", "Tentative"]
            assert (read.calendar_events[0].details is not None) == ("Detailed" in view)

    def test_exchangelib_reads_the_events_and_working_hours_that_were_written(self) -> None:
        (read, _) = by_exchangelib(free_busy.write_answer(asked(), (ADA, LOST)))
        berlin = EWSTimeZone("Europe/Berlin")
        assert (read.calendar_events[0].start, read.calendar_events[0].end) == (
            EWSDateTime(2026, 11, 30, 9, tzinfo=berlin),
            EWSDateTime(2026, 11, 30, 10, tzinfo=berlin),
        )
        details = read.calendar_events[0].details
        assert (details.subject, details.location) == ("Budget", "Room 1")
        assert (details.is_meeting, details.is_recurring, details.is_exception) == (True, True, False)
        assert (details.is_reminder_set, details.is_private) == (True, False)
        assert read.calendar_events[1].details is None
        (period,) = read.working_hours
        assert (period.weekdays, period.start, period.end) == ([1, 5], dt.time(8), dt.time(17))
        zone = read.working_hours_timezone
        assert (zone.bias, zone.daylight_time.bias, zone.daylight_time.iso_month) == (-60, -60, 3)
        assert (zone.standard_time.occurrence, zone.standard_time.time) == (5, dt.time(3))

    def test_a_failure_is_an_error_of_its_mailbox_alone(self) -> None:
        answer = free_busy.write_answer(asked(), (LOST, ADA))
        messages = list(answer.iter(m("ResponseMessage")))
        assert [message.get("ResponseClass") for message in messages] == ["Error", "Success"]
        assert messages[0].findtext(m("ResponseCode")) == "ErrorMailRecipientNotFound"
        assert messages[0].findtext(m("MessageText")) == "There is no such mailbox."
        assert by_exchangelib(answer)[0].view_type == "None"

    def test_text_that_xml_cannot_carry_is_replaced(self) -> None:
        details = EventDetails("a\x00b\ud800\x0b <&>", "\ufffe")
        strange = MailboxAvailability("a@b.test", (BusyEvent(*DAY, BusyType.FREE, details),))
        written = etree.tostring(free_busy.write_answer(asked(), (strange,)))
        assert (
            by_exchangelib(etree.fromstring(written))[0].calendar_events[0].details.subject
            == "a\ufffdb\ufffd\ufffd <&>"
        )

    def test_events_outside_of_all_years_do_not_break_the_answer(self) -> None:
        far = MailboxAvailability("a@b.test", (BusyEvent(-(10**16), 10**16, BusyType.BUSY),))
        (read,) = by_exchangelib(free_busy.write_answer(asked(), (far,)))
        assert (read.calendar_events[0].start.year, read.calendar_events[0].end.year) == (1, 9999)
        assert read.merged == "2" * 16


class TestDigits:
    @pytest.mark.parametrize(
        ("event", "digits"),
        [
            ((0, 30), "2000"),
            ((0, 31), "2200"),
            ((29, 31), "2200"),
            ((-90, 1), "2000"),
            ((119, 600), "0002"),
            ((-90, 0), "0000"),
            ((120, 130), "0000"),
            ((45, 45), "0000"),
            ((-9999, 9999), "2222"),
        ],
    )
    def test_an_interval_that_an_event_touches_is_taken(self, event: tuple[int, int], digits: str) -> None:
        events = [BusyEvent(START_MS + event[0] * 60_000, START_MS + event[1] * 60_000, BusyType.BUSY)]
        assert merged_free_busy(events, START_MS, START_MS + 120 * 60_000, 30) == digits

    def test_the_strongest_type_counts_and_the_last_interval_may_be_cut(self) -> None:
        types = [BusyType.OOF, BusyType.FREE, BusyType.BUSY, BusyType.TENTATIVE]
        events = [BusyEvent(START_MS, START_MS + HOUR_MS * (index + 1), type_) for index, type_ in enumerate(types)]
        assert merged_free_busy(events, START_MS, START_MS + 250 * 60_000, 60) == "32210"


class TestReadAnswers:
    def read(self, answer: Element, mailboxes: int = 2) -> tuple[MailboxResult, ...]:
        return free_busy.read_answer(answer, ["ada@acme.test", "bob@acme.test"][:mailboxes], *DAY)

    def written(self, result: MailboxResult, view: View = View.DETAILED_MERGED, interval_minutes: int = 5) -> Element:
        return free_busy.write_answer(asked(view, Zone("", 0), interval_minutes), (result,))

    def changed(self, **replaced: str) -> MailboxResult:
        """What is read of an answer in which texts were replaced, given by the names of their elements."""
        answer = self.written(ADA)
        for name, new in replaced.items():
            for element in list(answer.iter(t(name), m(name))):
                element.text = new
        (result,) = self.read(answer, 1)
        return result

    def test_what_our_front_writes_is_read_the_same(self) -> None:
        unchanged = free_busy.write_answer(asked(zone=Zone("", 0)), (ADA, LOST))
        ada, lost = self.read(unchanged)
        assert ada == ADA
        assert isinstance(lost, MailboxFailure)
        assert (lost.mailbox, lost.code) == ("bob@acme.test", FailureCode.MAIL_RECIPIENT_NOT_FOUND)

    def test_an_answer_with_digits_only_becomes_periods(self) -> None:
        (result,) = self.read(self.written(ADA, View.MERGED_ONLY), 1)
        assert isinstance(result, MailboxAvailability)
        assert result.events == tuple(replace(event, details=None) for event in ADA.events)

    def test_times_with_an_offset_are_read_by_it(self) -> None:
        result = self.changed(StartTime="2026-11-30T10:00:00+01:00", EndTime="2026-11-30T10:30:00.123Z")
        assert isinstance(result, MailboxAvailability)
        assert {(event.start_ms, event.end_ms) for event in result.events} == {
            (START_MS + HOUR_MS, START_MS + 2 * HOUR_MS + HOUR_MS // 2 + 123)
        }

    def test_a_private_event_has_no_details_whatever_the_server_tells(self) -> None:
        result = self.changed(IsPrivate="true", Subject="secret")
        assert isinstance(result, MailboxAvailability)
        assert [event.details for event in result.events] == [None, None, None]

    @pytest.mark.parametrize(
        ("written", "read"), [("NoData", BusyType.BUSY), ("WorkingElsewhere", BusyType.FREE), ("OOF", BusyType.OOF)]
    )
    def test_types_that_we_do_not_know_become_ones_that_we_do(self, written: str, read: BusyType) -> None:
        result = self.changed(BusyType=written)
        assert isinstance(result, MailboxAvailability)
        assert {event.busy_type for event in result.events} == {read}

    def test_long_texts_are_cut(self) -> None:
        result = self.changed(Subject="s" * 1000, Location="l" * 1000)
        assert isinstance(result, MailboxAvailability)
        assert result.events[0].details is not None
        assert (len(result.events[0].details.subject), len(result.events[0].details.location)) == (255, 255)

    def test_events_outside_of_the_window_are_left_out_and_others_are_sorted(self) -> None:
        late = BusyEvent(DAY[1], DAY[1] + 1000, BusyType.BUSY)
        given = replace(ADA, events=(late, *reversed(ADA.events)))
        assert self.read(self.written(given), 1) == (ADA,)

    @pytest.mark.parametrize(
        "replaced",
        [
            {"StartTime": "2026-11-30T12:00:00", "EndTime": "2026-11-30T11:00:00"},
            {"StartTime": "soon"},
            {"BusyType": "BUSY"},
            {"IsMeeting": "yes"},
            {"Bias": "one"},
            {"DayOfWeek": "Someday"},
            {"DayOfWeek": ""},
            {"StartTimeInMinutes": "1441"},
            {"StartTimeInMinutes": "1030"},
            {"EndTimeInMinutes": "-1"},
            {"Time": "2:00"},
        ],
    )
    def test_a_form_that_is_not_the_schemas_fails_its_mailbox(self, replaced: dict[str, str]) -> None:
        result = self.changed(**replaced)
        assert isinstance(result, MailboxFailure)
        assert (result.mailbox, result.code) == ("ada@acme.test", FailureCode.RESPONSE_SCHEMA_VALIDATION)
        assert not [text for text in replaced.values() if text and f" {text}" in result.message]

    @pytest.mark.parametrize(
        ("answered", "code"),
        [
            ("ErrorServerBusy", FailureCode.SERVER_BUSY),
            ("ErrorInternalServerTransientError", FailureCode.SERVER_BUSY),
            ("ErrorTimeoutExpired", FailureCode.TIMEOUT_EXPIRED),
            ("ErrorNonExistentMailbox", FailureCode.MAIL_RECIPIENT_NOT_FOUND),
            ("ErrorNoFreeBusyAccess", FailureCode.FREE_BUSY_GENERATION_FAILED),
            ("ErrorOfAnotherKind", FailureCode.FREE_BUSY_GENERATION_FAILED),
            ("", FailureCode.FREE_BUSY_GENERATION_FAILED),
        ],
    )
    def test_codes_of_servers_become_ours(self, answered: str, code: FailureCode) -> None:
        answer = self.written(LOST)
        for element in answer.iter(m("ResponseCode")):
            element.text = answered
        (result,) = self.read(answer, 1)
        assert isinstance(result, MailboxFailure)
        assert result.code is code
        assert "Another" not in result.message

    @pytest.mark.parametrize(("kind", "digits"), [("None", None), ("MergedOnly", "4" * 96), ("None", "")])
    def test_a_server_that_tells_nothing_fails_the_mailbox(self, kind: str, digits: str | None) -> None:
        answer = self.written(ADA, View.MERGED_ONLY)
        (view,) = answer.iter(m("FreeBusyView"))
        view[0].text, view[1].text = kind, digits
        (result,) = self.read(answer, 1)
        assert isinstance(result, MailboxFailure)
        assert result.code is FailureCode.FREE_BUSY_GENERATION_FAILED

    @pytest.mark.parametrize("digits", ["2", "2" * 200, "5" * 96, "x"])
    def test_digits_that_do_not_fit_fail_the_mailbox(self, digits: str) -> None:
        answer = self.written(ADA, View.MERGED_ONLY)
        for element in answer.iter(t("MergedFreeBusy")):
            element.text = digits
        (result,) = self.read(answer, 1)
        assert isinstance(result, MailboxFailure)
        assert result.code is FailureCode.RESPONSE_SCHEMA_VALIDATION

    def test_a_view_without_events_is_a_free_day(self) -> None:
        answer = self.written(replace(ADA, events=()), View.DETAILED)
        for array in list(answer.iter(t("CalendarEventArray"))):
            array.getparent().remove(array)  # type: ignore[union-attr] # it has a parent
        (result,) = self.read(answer, 1)
        assert result == replace(ADA, events=())

    def test_another_number_of_mailboxes_is_no_answer(self) -> None:
        with pytest.raises(InvalidEwsAnswerError, match="1 mailboxes, but was asked for 2"):
            self.read(self.written(ADA))

    def test_another_operation_is_no_answer(self) -> None:
        with pytest.raises(InvalidEwsAnswerError, match="not one to GetUserAvailability"):
            self.read(soap.new(m("GetServerTimeZonesResponse")))

    def test_more_events_than_the_limit_fail_the_mailbox(self) -> None:
        many = replace(ADA, events=(ADA.events[1],) * (free_busy.MAX_EVENTS + 1))
        (result,) = self.read(self.written(many), 1)
        assert isinstance(result, MailboxFailure)


NAMES = st.sampled_from([t(name) for name in SEQUENCES] + [m("FreeBusyView"), m("ResponseMessage"), t("BusyType")])


@given(st.lists(st.tuples(st.integers(0, 60), NAMES, st.text("0123456789T:-Z \t", max_size=20)), max_size=8))
def test_whatever_an_answer_has_each_mailbox_ends_with_a_result(edits: list[tuple[int, str, str]]) -> None:
    answer = free_busy.write_answer(asked(zone=Zone("", 0)), (ADA, LOST))
    for place, name, text in edits:
        inner = [element for element in answer.iter() if element.getparent() is not None][3:]
        edited = inner[place % len(inner)]
        edited.tag, edited.text = (name, edited.text) if place % 2 else (edited.tag, text)
    try:
        results = free_busy.read_answer(answer, ["ada@acme.test", "bob@acme.test"], *DAY)
    except InvalidEwsAnswerError:
        return
    assert [result.mailbox for result in results] == ["ada@acme.test", "bob@acme.test"]
