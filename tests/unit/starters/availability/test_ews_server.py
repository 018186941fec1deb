"""The EWS server as WorkMail asks it: the guide's question, an answer by the schema, and no secret."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import pytest
from lxml import etree

from functions.starters.src.availability.ews_server import app as ews_server
from functions.starters.src.availability.ews_server.server import MOST_BYTES
from functions.starters.src.availability.questions import Deadline
from functions.starters.src.availability.secret import Secret, WrongSecretError
from tests.support.availability_starters import ANN, BEN, EVENT, checked, keep, question
from tests.support.ews_servers import Connection, EwsServer, authority, good_context
from tests.support.https_server import HttpsServer

if TYPE_CHECKING:
    from collections.abc import Callable

T: Final = "http://schemas.microsoft.com/exchange/services/2006/types"
M: Final = "http://schemas.microsoft.com/exchange/services/2006/messages"
WORKING: Final = """<t:WorkingHours><t:TimeZone><t:Bias>-60</t:Bias>
<t:StandardTime><t:Bias>0</t:Bias><t:Time>03:00:00</t:Time><t:DayOrder>5</t:DayOrder><t:Month>10</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:StandardTime><t:DaylightTime>
<t:Bias>-60</t:Bias><t:Time>02:00:00</t:Time><t:DayOrder>5</t:DayOrder><t:Month>3</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek>
</t:DaylightTime></t:TimeZone><t:WorkingPeriodArray><t:WorkingPeriod><t:DayOfWeek>Monday Weekday</t:DayOfWeek>
<t:StartTimeInMinutes>480</t:StartTimeInMinutes><t:EndTimeInMinutes>1020</t:EndTimeInMinutes></t:WorkingPeriod>
</t:WorkingPeriodArray></t:WorkingHours>"""


def calendar_event(start: str, end: str, kind: str = "Busy", details: str = "") -> str:
    times = f"<t:StartTime>{start}</t:StartTime><t:EndTime>{end}</t:EndTime><t:BusyType>{kind}</t:BusyType>"
    return f"<t:CalendarEvent>{times}{details}</t:CalendarEvent>"


def view(*events: str, hours: str = "", merged: str = "") -> str:
    inner = f"<t:MergedFreeBusy>{merged}</t:MergedFreeBusy>" if merged else ""
    inner += f"<t:CalendarEventArray>{''.join(events)}</t:CalendarEventArray>" if events else ""
    return (
        '<m:FreeBusyResponse><m:ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>'
        f"</m:ResponseMessage><m:FreeBusyView><t:FreeBusyViewType>DetailedMerged</t:FreeBusyViewType>{inner}{hours}"
        "</m:FreeBusyView></m:FreeBusyResponse>"
    )


def error(code: str) -> str:
    return (
        '<m:FreeBusyResponse><m:ResponseMessage ResponseClass="Error"><m:MessageText>s3cret</m:MessageText>'
        f"<m:ResponseCode>{code}</m:ResponseCode></m:ResponseMessage></m:FreeBusyResponse>"
    )


def envelope(*responses: str) -> bytes:
    return (
        '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        f'xmlns:m="{M}" xmlns:t="{T}"><s:Body>'
        "<m:GetUserAvailabilityResponse><m:FreeBusyResponseArray>"
        f"{''.join(responses)}</m:FreeBusyResponseArray></m:GetUserAvailabilityResponse></s:Body></s:Envelope>"
    ).encode()


DETAILS: Final = (
    "<t:CalendarEventDetails><t:ID>1</t:ID><t:Subject>Plan &amp; talk</t:Subject><t:Location>R1</t:Location>"
    "<t:IsMeeting>true</t:IsMeeting><t:IsRecurring>true</t:IsRecurring><t:IsException>false</t:IsException>"
    "<t:IsReminderSet>false</t:IsReminderSet><t:IsPrivate>false</t:IsPrivate></t:CalendarEventDetails>"
)


class TestEwsServer:
    @pytest.fixture
    def ask(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, Any]]]:
        monkeypatch.setattr(ews_server, "server", Secret("ews", ews_server.read))

        def ask(url: str, *mailboxes: str, seconds: float = 20.0) -> list[dict[str, Any]]:
            account = {"username": "PARTNER\\free-busy", "password": "s3cret"}
            keep("ews", {"url": url, **account, "certificates": authority().pem})
            monkeypatch.setattr(Deadline, "of", lambda _: Deadline(seconds))
            return checked(ews_server.handler(question(*mailboxes), None), list(mailboxes))

        return ask

    def test_the_request_is_one_that_an_exchange_server_takes(self, ask: Any) -> None:
        with HttpsServer(lambda _: (200, {}, envelope(view(), error("ErrorMailRecipientNotFound")))) as server:
            found = ask(f"{server.url}/EWS/Exchange.asmx", ANN, "<b&\x0b\ud800>@partner.example")
            (request,) = server.asked
        assert [each.get("error") for each in found] == [None, "MailboxNotFound"]
        assert request.headers["Authorization"] == "Basic UEFSVE5FUlxmcmVlLWJ1c3k6czNjcmV0"
        assert request.headers["Content-Type"] == "text/xml; charset=utf-8"
        asked = etree.fromstring(request.body)
        names = {"t": T, "m": M}
        assert [each.text for each in asked.findall(".//t:Email/t:Address", names)] == [ANN, "<b&>@partner.example"]
        assert [asked.findtext(f".//t:{name}", None, names) for name in ("StartTime", "EndTime", "RequestedView")] == [
            "2026-12-02T00:00:00",
            "2026-12-04T00:00:00",
            "DetailedMerged",
        ]

    def test_events_and_working_hours(self, ask: Any) -> None:
        events = (
            calendar_event("2026-12-02T11:00:00", "2026-12-02T12:00:00", "OOF", DETAILS),
            calendar_event("2026-12-02T09:00:00", "2026-12-02T10:00:00"),
            calendar_event("2026-12-02T14:00:00+01:00", "2026-12-02T13:30:00Z", "Tentative"),
            calendar_event("2026-12-02T15:00:00", "2026-12-02T16:00:00", "Free"),
        )
        with HttpsServer(lambda _: (200, {}, envelope(view(*events, hours=WORKING)))) as server:
            (found,) = ask(server.url, ANN)
        assert [(each["startTime"][11:16], each["busyType"]) for each in found["events"]] == [
            ("09:00", "BUSY"),
            ("11:00", "BUSY"),
            ("13:00", "TENTATIVE"),
        ]
        assert all("details" not in each for each in found["events"])
        assert found["workingHours"] == {
            "timezone": {
                "name": "Undefined",
                "bias": -60,
                "standardTime": {"offset": 0, "time": "03:00:00", "month": "OCT", "week": "LAST", "dayOfWeek": "SUN"},
                "daylightTime": {"offset": -60, "time": "02:00:00", "month": "MAR", "week": "LAST", "dayOfWeek": "SUN"},
            },
            "workingPeriods": [{"startMinutes": 480, "endMinutes": 1020, "days": ["MON", "TUE", "WED", "THU", "FRI"]}],
        }

    def test_details_if_they_may_be_told(self, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ews_server, "WITH_DETAILS", True)
        private = DETAILS.replace("<t:IsPrivate>false", "<t:IsPrivate>true")
        times = ("2026-12-02T09:00:00", "2026-12-02T10:00:00", "Busy")
        with HttpsServer(
            lambda _: (200, {}, envelope(view(*(calendar_event(*times, each) for each in (DETAILS, private)))))
        ) as server:
            (found,) = ask(server.url, ANN)
        first, second = found["events"]
        assert first["details"]["subject"] == "Plan & talk"
        assert first["details"]["instanceType"] == "RECURRING_INSTANCE"
        assert "details" not in second

    def test_a_server_that_tells_no_events_but_a_string(self, ask: Any) -> None:
        with HttpsServer(lambda _: (200, {}, envelope(view(merged="0221340")))) as server:
            (found,) = ask(server.url, ANN)
        assert [(each["startTime"][11:16], each["endTime"][11:16], each["busyType"]) for each in found["events"]] == [
            ("00:30", "01:30", "BUSY"),
            ("01:30", "02:00", "TENTATIVE"),
            ("02:00", "02:30", "BUSY"),
        ]

    def test_what_a_server_says_of_one_mailbox_is_said_of_it_alone(self, ask: Any) -> None:
        codes = (
            "ErrorMailRecipientNotFound",
            "ErrorTimeoutExpired",
            "ErrorNoFreeBusyAccess",
            "<t:x/>",
            "no word: s3cret",
        )
        answers = [view(), *map(error, codes), view(calendar_event("yesterday", "x")), "<m:FreeBusyResponse/>"]
        with HttpsServer(lambda _: (200, {}, envelope(*answers))) as server:
            found = ask(server.url, *(f"{n}@partner.example" for n in range(len(answers))))
        failed = "ErrorFreeBusyGenerationFailed"
        assert [each.get("error") for each in found] == [
            None,
            "MailboxNotFound",
            "ErrorTimeoutExpired",
            "ErrorNoFreeBusyAccess",
            failed,
            failed,
            failed,
            failed,
        ]

    @pytest.mark.parametrize(
        ("status", "body", "code"),
        [
            (401, b"", "ErrorFreeBusyGenerationFailed"),
            (302, b"", "ErrorFreeBusyGenerationFailed"),
            (503, b"", "ErrorServerBusy"),
            (200, b"<html>please log in", "ErrorFreeBusyGenerationFailed"),
            (200, envelope(view()), "ErrorFreeBusyGenerationFailed"),
            (200, b"<a>" * 10_000 + b"</a>" * 10_000, "ErrorFreeBusyGenerationFailed"),
            (200, b'<!DOCTYPE a [<!ENTITY b "c">]>' + envelope(view(), view())[21:], "ErrorFreeBusyGenerationFailed"),
            (200, b'<?xml version="1.0" encoding="s3cret"?><a/>', "ErrorFreeBusyGenerationFailed"),
            (200, b"x" * (MOST_BYTES + 1), "ErrorFreeBusyGenerationFailed"),
            (
                500,
                b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><detail>'
                b'<e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">'
                b"ErrorInvalidServerVersion</e:ResponseCode></detail></s:Fault></s:Body></s:Envelope>",
                "ErrorFreeBusyGenerationFailed",
            ),
        ],
    )
    def test_a_server_that_gives_no_answer_fails_every_mailbox(
        self, ask: Any, caplog: pytest.LogCaptureFixture, status: int, body: bytes, code: str
    ) -> None:
        headers = {"Location": "https://s3cret.example/"} if status == 302 else {}
        with HttpsServer(lambda _: (status, headers, body)) as server:
            found = ask(server.url, ANN, BEN)
            assert len(server.asked) == 1  # no redirect with a password
        assert [each.get("error") for each in found] == [code] * 2
        own = [record.getMessage() for record in caplog.records if record.name == "root"]
        assert len(own) == 1
        assert "s3cret" not in caplog.text
        if status == 500:
            assert "ErrorInvalidServerVersion" in own[0]

    def test_a_server_that_hangs_is_left_in_time(self, ask: Any) -> None:
        began = time.monotonic()
        with EwsServer(Connection.hang, good_context()) as server:
            found = ask(f"https://localhost:{server.port}/", ANN, seconds=0.4)
            assert time.monotonic() - began < 3
        assert found[0]["error"] == "ErrorTimeoutExpired"

    def test_working_hours_that_nobody_can_read_are_left_out(self, ask: Any) -> None:
        event = calendar_event("2026-12-02T09:00:00", "2026-12-02T10:00:00")
        with HttpsServer(
            lambda _: (200, {}, envelope(view(event, hours=WORKING.replace("Weekday", "Someday"))))
        ) as server:
            (found,) = ask(server.url, ANN)
        assert found == {"mailbox": ANN, "events": [EVENT]}

    @pytest.mark.parametrize(
        "content",
        [
            {},
            {"url": "https://a.example", "username": "x", "password": 1},
            {"url": "http://s3cret.example/", "username": "x", "password": "s3cret"},
            {"url": "https://a.example/", "username": "x", "password": "s3cret", "certificates": ["s3cret"]},
        ],
    )
    def test_a_wrong_secret_is_an_error_without_it(self, ask: Any, content: object) -> None:
        keep("ews", content)
        with pytest.raises(WrongSecretError) as caught:
            ews_server.handler(question(ANN), None)
        assert "s3cret" not in str(caught.value)
