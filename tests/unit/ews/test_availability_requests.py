"""Requests of GetUserAvailability, written and read, against exchangelib 5.6.0's writing and the schema's order."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import zoneinfo
from dataclasses import replace
from importlib import resources
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from exchangelib import EWSDateTime, EWSTimeZone
from exchangelib.properties import FreeBusyViewOptions, MailboxData, TimeWindow
from exchangelib.properties import TimeZone as ExchangelibZone
from exchangelib.services import GetUserAvailability
from exchangelib.version import EXCHANGE_2010_SP2, Version
from lxml import etree

from postroom.contracts.ews import availability, soap, time_zones
from postroom.contracts.ews.availability import View
from postroom.contracts.ews.names import PREFIXES, t
from postroom.model.free_busy import Weekday, Zone, ZoneChange
from postroom.model.zone_times import to_utc_ms
from tests.support.free_busy_forms import DAY, HOUR_MS, START_MS, asked, assert_is_of_the_schema

if TYPE_CHECKING:
    from lxml.etree import _Element as Element


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
