"""GetUserAvailability in both directions, against exchangelib 5.6.0's writing and reading and the schema's order."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import zoneinfo
from dataclasses import replace
from importlib import resources
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from exchangelib import EWSDateTime, EWSTimeZone
from exchangelib.properties import FreeBusyView, FreeBusyViewOptions, MailboxData, TimeWindow
from exchangelib.properties import TimeZone as ExchangelibZone
from exchangelib.services import GetUserAvailability
from exchangelib.version import EXCHANGE_2010_SP2, Version
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from postroom.contracts.ews import availability, free_busy, soap, time_zones
from postroom.contracts.ews.availability import AvailabilityRequest, View
from postroom.contracts.ews.digits import merged_free_busy
from postroom.contracts.ews.names import PREFIXES, m, t
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
    ZoneChange,
)
from postroom.model.zone_times import to_utc_ms

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from postroom.model.free_busy import MailboxResult

HOUR_MS = 3_600_000
START_MS = int(dt.datetime(2026, 11, 30, 8, tzinfo=dt.UTC).timestamp() * 1000)
DAY = (START_MS, START_MS + 8 * HOUR_MS)
BERLIN = Zone(
    "",
    -60,
    standard=ZoneChange(0, "03:00:00", 10, 5, Weekday.SUN),
    daylight=ZoneChange(-60, "02:00:00", 3, 5, Weekday.SUN),
)
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

SEQUENCES = {
    "GetUserAvailabilityRequest": "TimeZone MailboxDataArray FreeBusyViewOptions SuggestionsViewOptions",
    "TimeZone": "Bias StandardTime DaylightTime",
    "StandardTime": "Bias Time DayOrder Month DayOfWeek Year",
    "DaylightTime": "Bias Time DayOrder Month DayOfWeek Year",
    "MailboxDataArray": "MailboxData",
    "MailboxData": "Email AttendeeType ExcludeConflicts",
    "Email": "Name Address RoutingType",
    "FreeBusyViewOptions": "TimeWindow MergedFreeBusyIntervalInMinutes RequestedView",
    "TimeWindow": "StartTime EndTime",
    "GetUserAvailabilityResponse": "FreeBusyResponseArray SuggestionsResponse",
    "FreeBusyResponseArray": "FreeBusyResponse",
    "FreeBusyResponse": "ResponseMessage FreeBusyView",
    "ResponseMessage": "MessageText ResponseCode DescriptiveLinkKey MessageXml",
    "FreeBusyView": "FreeBusyViewType MergedFreeBusy CalendarEventArray WorkingHours",
    "CalendarEventArray": "CalendarEvent",
    "CalendarEvent": "StartTime EndTime BusyType CalendarEventDetails",
    "CalendarEventDetails": "ID Subject Location IsMeeting IsRecurring IsException IsReminderSet IsPrivate",
    "WorkingHours": "TimeZone WorkingPeriodArray",
    "WorkingPeriodArray": "WorkingPeriod",
    "WorkingPeriod": "DayOfWeek StartTimeInMinutes EndTimeInMinutes",
}
"""The order of elements in MS-OXWAVLS 7.1 and 7.2, and of ResponseMessage in MS-OXWSCDATA 2.2.4.65."""

MESSAGES = {
    "GetUserAvailabilityRequest", "MailboxDataArray", "GetUserAvailabilityResponse", "FreeBusyResponseArray",
    "FreeBusyResponse", "ResponseMessage", "MessageText", "ResponseCode", "DescriptiveLinkKey", "FreeBusyView",
}  # fmt: skip
"""Elements of messages.xsd; all others are of types.xsd."""


def assert_is_of_the_schema(element: Element) -> None:
    name = etree.QName(element)
    assert name.namespace == PREFIXES["m" if name.localname in MESSAGES else "t"], name.localname
    order = SEQUENCES.get(name.localname, "").split()
    places = [order.index(etree.QName(child).localname) for child in element]
    assert places == sorted(places), name.localname
    for child in element:
        assert_is_of_the_schema(child)


def asked(view: View = View.DETAILED_MERGED, zone: Zone = BERLIN, interval_minutes: int = 30) -> AvailabilityRequest:
    return AvailabilityRequest(zone, ("ada@acme.test", "bob@acme.test"), *DAY, interval_minutes, view)


def by_exchangelib(answer: Element, zone: str = "Europe/Berlin") -> list[Any]:
    account = SimpleNamespace(default_timezone=EWSTimeZone(zone))
    return [FreeBusyView.from_xml(view, account=account) for view in answer.iter(m("FreeBusyView"))]


def sent_by_exchangelib(zone: str, view: str = "DetailedMerged", interval_minutes: int = 30) -> Element:
    tz = EWSTimeZone(zone)
    service = object.__new__(GetUserAvailability)
    service.protocol = SimpleNamespace(version=Version(EXCHANGE_2010_SP2))
    start = EWSDateTime(2026, 7, 1, 8, tzinfo=tz)
    payload: Element = service.get_payload(
        mailbox_data=[MailboxData(email="ada@acme.test", attendee_type="Organizer", exclude_conflicts=False)],
        timezone=ExchangelibZone(bias=-60, standard_time=None, daylight_time=None),
        free_busy_view_options=FreeBusyViewOptions(
            time_window=TimeWindow(start=start, end=start + dt.timedelta(hours=8)),
            merged_free_busy_interval=interval_minutes,
            requested_view=view,
        ),
    )
    return payload


def filled(request: str) -> Element:
    root: Element = etree.fromstring(
        f"""<m:GetUserAvailabilityRequest xmlns:m="{PREFIXES["m"]}" xmlns:t="{PREFIXES["t"]}">{request}
        </m:GetUserAvailabilityRequest>"""
    )
    return root


ZONE = """<t:TimeZone><t:Bias>480</t:Bias>
<t:StandardTime><t:Bias>0</t:Bias><t:Time>02:00:00</t:Time><t:DayOrder>1</t:DayOrder><t:Month>11</t:Month>
<t:DayOfWeek>Sunday</t:DayOfWeek></t:StandardTime>
<t:DaylightTime><t:Bias>-60</t:Bias><t:Time>02:00:00</t:Time><t:DayOrder>2</t:DayOrder><t:Month>3</t:Month>
<t:DayOfWeek>Sunday</t:DayOfWeek></t:DaylightTime></t:TimeZone>"""
MAILBOX = "<t:MailboxData><t:Email><t:Address>a@b.test</t:Address></t:Email></t:MailboxData>"
MAILBOXES = f"<m:MailboxDataArray>{MAILBOX}</m:MailboxDataArray>"


def options(start: str = "2026-07-01T00:00:00", end: str = "2026-07-02T00:00:00", more: str = "") -> str:
    return f"""<t:FreeBusyViewOptions><t:TimeWindow><t:StartTime>{start}</t:StartTime><t:EndTime>{end}</t:EndTime>
        </t:TimeWindow>{more}</t:FreeBusyViewOptions>"""


def context(zone_id: str) -> Element:
    """A SOAP header as ews-javascript-api 0.15.3 writes it."""
    header = soap.new("Header")
    soap.add(soap.add(header, t("TimeZoneContext")), t("TimeZoneDefinition"), Name="(UTC) any", Id=zone_id)
    return header


def refused(request: str) -> str:
    with pytest.raises(soap.FaultError) as raised:
        availability.read_request(filled(request))
    return raised.value.code


class TestRequests:
    def test_what_is_written_for_a_server_is_read_the_same(self) -> None:
        written = availability.write_request(["ada@acme.test", "bob@acme.test"], *DAY)
        assert_is_of_the_schema(written)
        read = availability.read_request(written)
        assert read == replace(asked(interval_minutes=5), zone=Zone("", 0))

    def test_a_window_shorter_than_the_interval_is_extended(self) -> None:
        read = availability.read_request(availability.write_request(["a@b.test"], START_MS + 1, START_MS + 2))
        assert (read.start_ms, read.end_ms) == (START_MS, START_MS + 300_000)

    @pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC"])
    @pytest.mark.parametrize("view", list(View))
    def test_a_request_of_exchangelib_is_read(self, zone: str, view: View) -> None:
        read = availability.read_request(sent_by_exchangelib(zone, view.value, 1440))
        hour = 6 if zone == "Europe/Berlin" else 8  # its times carry an offset
        assert read.start_ms == dt.datetime(2026, 7, 1, hour, tzinfo=dt.UTC).timestamp() * 1000
        assert read.end_ms - read.start_ms == 8 * HOUR_MS
        assert (read.mailboxes, read.view, read.interval_minutes) == (("ada@acme.test",), view, 1440)
        assert read.zone == Zone("", -60)

    def test_times_without_offset_are_local_to_the_requests_zone(self) -> None:
        read = availability.read_request(
            filled(
                ZONE
                + MAILBOXES
                + options("2026-07-01T00:00:00", "2026-11-01T23:00:00").replace("2026-07-01", "2026-10-01")
            )
        )
        assert read.start_ms == dt.datetime(2026, 10, 1, 7, tzinfo=dt.UTC).timestamp() * 1000
        assert read.end_ms == dt.datetime(2026, 11, 2, 7, tzinfo=dt.UTC).timestamp() * 1000

    def test_what_is_optional_has_defaults(self) -> None:
        read = availability.read_request(filled(ZONE + MAILBOXES + options()))
        assert (read.view, read.interval_minutes) == (View.FREE_BUSY, 30)

    def test_a_mailbox_without_address_is_read_as_one_that_nobody_has(self) -> None:
        others = MAILBOXES.replace(MAILBOX, MAILBOX + "<t:MailboxData/>")
        assert availability.read_request(filled(ZONE + others + options())).mailboxes == ("a@b.test", "")

    @pytest.mark.parametrize(
        ("request_", "code"),
        [
            ("", "ErrorSchemaValidation"),
            (ZONE + MAILBOXES, "ErrorSchemaValidation"),
            (MAILBOXES + options(), "ErrorSchemaValidation"),
            (ZONE + options(), "ErrorSchemaValidation"),
            (ZONE.replace(">480<", ">4e2<") + MAILBOXES + options(), "ErrorSchemaValidation"),
            (ZONE.replace(">480<", ">999999999999<") + MAILBOXES + options(), "ErrorSchemaValidation"),
            (ZONE.replace("02:00:00", "24:00:00") + MAILBOXES + options(), "ErrorSchemaValidation"),
            (ZONE.replace("Sunday", "Day") + MAILBOXES + options(), "ErrorSchemaValidation"),
            (ZONE.replace(">3<", ">13<") + MAILBOXES + options(), "ErrorSchemaValidation"),
            (ZONE.replace("<t:DayOrder>1<", "<t:DayOrder>0<") + MAILBOXES + options(), "ErrorSchemaValidation"),
            (ZONE.replace("<t:DayOrder>1<", "<t:DayOrder>6<") + MAILBOXES + options(), "ErrorSchemaValidation"),
            (ZONE + MAILBOXES + options(start="2026-07-01"), "ErrorSchemaValidation"),
            (ZONE + MAILBOXES + options(start="2026-W27-1T00:00:00"), "ErrorSchemaValidation"),
            (ZONE + MAILBOXES + options(start="2026-02-30T00:00:00"), "ErrorSchemaValidation"),
            (ZONE + MAILBOXES + options(start="\u0662026-07-01T00:00:00"), "ErrorSchemaValidation"),
            (ZONE + MAILBOXES + options("0001-01-01T00:00:00+14:00", "0001-01-02T00:00:00"), "ErrorSchemaValidation"),
            (ZONE + "<m:MailboxDataArray/>" + options(), "ErrorMailboxDataArrayEmpty"),
            (ZONE + MAILBOXES.replace(MAILBOX, MAILBOX * 101) + options(), "ErrorMailboxDataArrayTooBig"),
            (ZONE + MAILBOXES + options("2026-07-01T00:00:00", "2026-07-01T00:00:00"), "ErrorInvalidTimeInterval"),
            (ZONE + MAILBOXES + options("2026-07-02T00:00:00", "2026-07-01T00:00:00"), "ErrorInvalidTimeInterval"),
            (ZONE + MAILBOXES + options("2026-07-01T00:00:00", "2026-09-01T00:00:01"), "ErrorTimeIntervalTooBig"),
            *[
                (ZONE + MAILBOXES + options(more=f"<t:MergedFreeBusyIntervalInMinutes>{minutes}"
                                                 "</t:MergedFreeBusyIntervalInMinutes>"),
                 "ErrorInvalidMergedFreeBusyInterval")
                for minutes in ("4", "1441", "-30", "x", "")
            ],
            *[
                (ZONE + MAILBOXES + options(more=f"<t:RequestedView>{view}</t:RequestedView>"),
                 "ErrorInvalidFreeBusyViewType")
                for view in ("None", "detailed", "FreeBusy Detailed")
            ],
        ],
    )  # fmt: skip
    def test_what_is_no_valid_request_is_refused_as_a_whole(self, request_: str, code: str) -> None:
        assert refused(request_) == code

    @pytest.mark.parametrize(
        ("zone_id", "hour"),
        [("UTC", 0), ("W. Europe Standard Time", -2), ("eastern standard time", 4), ("AUS Eastern Standard Time", -10)],
    )
    def test_a_request_without_zone_is_in_that_of_its_header(self, zone_id: str, hour: int) -> None:
        read = availability.read_request(filled(MAILBOXES + options()), context(zone_id))
        midnight = dt.datetime(2026, 7, 1, tzinfo=dt.UTC)
        assert read.start_ms == (midnight + dt.timedelta(hours=hour)).timestamp() * 1000
        assert read.end_ms - read.start_ms == 24 * HOUR_MS

    def test_the_zone_of_the_request_counts_before_that_of_its_header(self) -> None:
        read = availability.read_request(filled(ZONE + MAILBOXES + options()), context("UTC"))
        assert read.zone.bias_minutes == 480

    @pytest.mark.parametrize("header", [None, "", "Nowhere Standard Time"])
    def test_a_header_without_a_zone_that_is_known_is_no_help(self, header: str | None) -> None:
        with pytest.raises(soap.FaultError, match="has no TimeZone"):
            availability.read_request(filled(MAILBOXES + options()), None if header is None else context(header))

    def test_every_zone_of_a_header_has_the_offsets_of_its_year(self) -> None:
        data = resources.files("postroom.contracts.ews").joinpath(time_zones.DATA).read_text("utf-8")
        for zone_id, (iana, *_) in json.loads(data)["zones"].items():
            with resources.files("tzdata").joinpath("zoneinfo", iana).open("rb") as file:
                info = zoneinfo.ZoneInfo.from_file(file)
            for year, month in itertools.product((2010, 2026), range(1, 13)):
                local = dt.datetime(year, month, 15, 12)  # noqa: DTZ001  local
                zone = time_zones.context_zone(context(zone_id), local)
                assert zone is not None
                expected = local.replace(tzinfo=info)
                assert (zone_id, local, to_utc_ms(zone, local)) == (zone_id, local, expected.timestamp() * 1000)

    @pytest.mark.parametrize(
        "changes",
        [
            "",
            "<t:StandardTime><t:Bias>0</t:Bias><t:Time>00:00:00</t:Time><t:DayOrder>0</t:DayOrder><t:Month>0</t:Month>"
            "<t:DayOfWeek>Sunday</t:DayOfWeek></t:StandardTime>",
            "<t:StandardTime><t:Bias>0</t:Bias><t:Time>02:00:00</t:Time><t:DayOrder>1</t:DayOrder><t:Month>3</t:Month>"
            "<t:DayOfWeek>Sunday</t:DayOfWeek></t:StandardTime><t:DaylightTime><t:Bias>0</t:Bias><t:Time>02:00:00"
            "</t:Time><t:DayOrder>1</t:DayOrder><t:Month>10</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:DaylightTime>",
        ],
        ids=["no changes", "month 0", "two changes by nothing"],
    )
    def test_zones_without_changes_are_one(self, changes: str) -> None:
        zone = f"<t:TimeZone><t:Bias>-330</t:Bias>{changes}</t:TimeZone>"
        assert availability.read_request(filled(zone + MAILBOXES + options())).zone == Zone("", -330)

    def test_a_change_on_a_date_of_one_year_and_a_last_week_of_minus_one_are_read(self) -> None:
        dated = ZONE.replace(
            "<t:DayOrder>1</t:DayOrder><t:Month>11</t:Month>\n<t:DayOfWeek>Sunday</t:DayOfWeek>",
            "<t:DayOrder>25</t:DayOrder><t:Month>10</t:Month><t:DayOfWeek>Monday</t:DayOfWeek><t:Year>2026</t:Year>",
        ).replace("<t:DayOrder>2<", "<t:DayOrder>-1<")
        zone = availability.read_request(filled(dated + MAILBOXES + options())).zone
        assert zone.standard == ZoneChange(0, "02:00:00", 10, 5, Weekday.SUN)
        assert zone.daylight == ZoneChange(-60, "02:00:00", 3, 5, Weekday.SUN)


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
