"""The availability functions as WorkMail calls them: the guide's question, an answer by the schema, and no secret."""

from __future__ import annotations

import copy
import json
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
import moto
import pytest
from botocore.exceptions import ClientError
from jsonschema import Draft202012Validator
from lxml import etree

from functions.starters.src.availability import questions, secret
from functions.starters.src.availability.ews_server import app as ews_server
from functions.starters.src.availability.ews_server.server import MOST_BYTES
from functions.starters.src.availability.published_calendars import app as published_calendars
from functions.starters.src.availability.published_calendars import feeds
from functions.starters.src.availability.questions import Deadline
from functions.starters.src.availability.secret import Secret, WrongSecretError
from tests.support.ews_servers import Connection, EwsServer, authority, good_context
from tests.support.https_server import HttpsServer, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.https_server import Answer

ROOT: Final = Path(__file__).parents[3]
QUESTION: Final[dict[str, Any]] = json.loads(
    (ROOT / "functions" / "starters" / "events" / "availability.json").read_text("utf-8")
)
SCHEMAS: Final = {
    name: Draft202012Validator(json.loads((ROOT / "schemas" / f"cap-{name}.schema.json").read_text("utf-8")))
    for name in ("request", "answer")
}
ANN, BEN, CLEO = "ann@partner.example", "ben@partner.example", "cleo@cloud.example"
CALENDAR: Final = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20261202T090000Z\r\nDTEND:20261202T100000Z\r\n"
    b"SUMMARY:A s3cret plan\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
EVENT: Final = {"startTime": "2026-12-02T09:00:00Z", "endTime": "2026-12-02T10:00:00Z", "busyType": "BUSY"}


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in (
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
    ):
        monkeypatch.setenv(name, value)
    with moto.mock_aws():
        secret.client.cache_clear()
        yield
        secret.client.cache_clear()


@pytest.fixture(autouse=True)
def on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for app in (ews_server, published_calendars):
        monkeypatch.setattr(app, "PRIVATE_HOSTS", frozenset({"localhost"}))


def keep(name: str, content: object) -> None:
    """Put a secret, or a new version of it."""
    text = content if isinstance(content, str) else json.dumps(content)
    make: Any = boto3.client
    client = make("secretsmanager")
    try:
        client.create_secret(Name=name, SecretString=text)
    except client.exceptions.ResourceExistsException:
        client.put_secret_value(SecretId=name, SecretString=text)


def question(*mailboxes: str) -> dict[str, Any]:
    asked = copy.deepcopy(QUESTION)
    asked["mailboxes"] = list(mailboxes)
    assert SCHEMAS["request"].is_valid(asked)
    return asked


def checked(answer: dict[str, Any], mailboxes: list[str]) -> list[dict[str, Any]]:
    """Return the answers of the mailboxes, which are those of the question in its order, after the schema."""
    SCHEMAS["answer"].validate(json.loads(json.dumps(answer)))
    found: list[dict[str, Any]] = answer["mailboxes"]
    assert [each["mailbox"] for each in found] == mailboxes
    return found


class TestPublishedCalendars:
    @pytest.fixture
    def ask(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, Any]]]:
        monkeypatch.setattr(published_calendars, "provider", Secret("calendars", published_calendars.made))

        def ask(mailboxes: dict[str, Any], *asked: str, seconds: float = 20.0) -> list[dict[str, Any]]:
            keep("calendars", {"mailboxes": mailboxes, "certificates": authority().pem})
            monkeypatch.setattr(Deadline, "of", lambda _: Deadline(seconds))
            names = list(asked or [each for each in mailboxes if "*" not in each])
            return checked(published_calendars.handler(question(*names), None), names)

        return ask

    def test_every_mailbox_is_answered_from_its_own_feeds(self, ask: Any) -> None:
        def answer(request: Request) -> Answer:
            status = {"/gone": 404, "/closed": 403, "/full": 503, "/broken": 500}.get(request.path, 200)
            body = b"<html>" if request.path == "/html" else CALENDAR
            return status, {}, body

        with HttpsServer(answer) as server:
            url = server.url
            found = ask(
                {
                    ANN: f"{url}/ann",
                    "Two@Partner.example": [f"{url}/one", f"{url}/two"],
                    "hours@partner.example": {"urls": f"{url}/x", "workingHours": HOURS},
                    "*@cloud.example": f"{url}/users/{{user}}/{{mailbox}}.ifb",
                    **{
                        f"{name}@partner.example": f"{url}/{name}"
                        for name in ("gone", "closed", "full", "broken", "html")
                    },
                },
                ANN,
                "TWO@partner.example",
                "hours@partner.example",
                "Cléo/..@cloud.example",
                "gone@partner.example",
                "closed@partner.example",
                "full@partner.example",
                "broken@partner.example",
                "html@partner.example",
                "nobody@partner.example",
            )
            paths = {each.path for each in server.asked}
        failed = "ErrorFreeBusyGenerationFailed"
        assert [each.get("error") or each["events"] for each in found] == [
            [EVENT],
            [EVENT, EVENT],
            [EVENT],
            [EVENT],
            "MailboxNotFound",
            failed,
            "ErrorServerBusy",
            failed,
            failed,
            "MailboxNotFound",
        ]
        assert found[2]["workingHours"] == HOURS
        assert "/users/cl%C3%A9o%2F../cl%C3%A9o%2F..%40cloud.example.ifb" in paths

    @pytest.mark.parametrize("user", [".", ".."])
    def test_a_user_that_is_a_part_of_a_path_asks_nobody(self, ask: Any, user: str) -> None:
        with HttpsServer(lambda _: (200, {}, CALENDAR)) as server:
            (found,) = ask({"*@cloud.example": f"{server.url}/users/{{user}}/busy.ifb"}, f"{user}@cloud.example")
            assert server.asked == []
        assert found["error"] == "MailboxNotFound"

    def test_a_feed_is_asked_for_again_after_a_minute_and_then_only_for_a_change(
        self, ask: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def answer(request: Request) -> Answer:
            if request.headers["If-None-Match"] == '"1"' and request.headers["If-Modified-Since"] == "Mon":
                return 304, {}, b""
            return 200, {"ETag": '"1"', "Last-Modified": "Mon"}, CALENDAR

        with HttpsServer(answer) as server:
            mailboxes = {ANN: f"{server.url}/ann"}
            assert ask(mailboxes)[0]["events"] == ask(mailboxes)[0]["events"] == [EVENT]
            assert len(server.asked) == 1
            monkeypatch.setattr(feeds, "FRESH_S", 0.0)
            assert ask(mailboxes)[0]["events"] == [EVENT]
            assert [each.headers["If-None-Match"] for each in server.asked] == [None, '"1"']
            server.answer = lambda _: (200, {}, CALENDAR.replace(b"T09", b"T08"))
            assert ask(mailboxes)[0]["events"][0]["startTime"] == "2026-12-02T08:00:00Z"

    def test_old_feeds_make_room(self, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(feeds, "MOST_KEPT_BYTES", 2 * len(CALENDAR))
        with HttpsServer(lambda _: (200, {}, CALENDAR)) as server:
            mailboxes = {f"{n}@partner.example": f"{server.url}/{n}" for n in range(3)}
            for name in mailboxes:
                ask(mailboxes, name)
            ask(mailboxes, "2@partner.example", "1@partner.example")
            assert [each.path for each in server.asked] == ["/0", "/1", "/2"]
            ask(mailboxes, "0@partner.example")
            assert len(server.asked) == 4

    def test_a_slow_feed_is_late_alone(self, ask: Any) -> None:
        began = time.monotonic()
        with (
            HttpsServer(lambda _: (200, {}, CALENDAR)) as server,
            EwsServer(Connection.hang, None) as slow,
        ):
            found = ask({ANN: f"{server.url}/", BEN: f"https://localhost:{slow.port}/"}, seconds=0.6)
            assert time.monotonic() - began < 4
        assert [each.get("error") for each in found] == [None, "ErrorTimeoutExpired"]

    def test_a_redirect_is_followed_but_not_into_a_private_network(self, ask: Any) -> None:
        def answer(request: Request) -> Answer:
            places = {"/ann": "/there", "/ben": "https://127.0.0.1/"}
            return (302, {"Location": places[request.path]}, b"") if request.path in places else (200, {}, CALENDAR)

        with HttpsServer(answer) as server:
            found = ask({ANN: f"{server.url}/ann", BEN: f"{server.url}/ben"})
        assert [each.get("error") for each in found] == [None, "ErrorFreeBusyGenerationFailed"]

    def test_a_hostile_feed_fails_alone_and_within_its_time(self, ask: Any) -> None:
        many = b"".join(
            b"BEGIN:VEVENT\r\nUID:%d\r\nDTSTART:19700101T000000Z\r\nDURATION:PT1S\r\nRRULE:FREQ=SECONDLY\r\nEND:VEVENT\r\n"
            % n
            for n in range(200)
        )
        hostile = b"BEGIN:VCALENDAR\r\n" + many + b"END:VCALENDAR\r\n"
        with HttpsServer(lambda request: (200, {}, hostile if request.path == "/ben" else CALENDAR)) as server:
            found = ask({ANN: f"{server.url}/ann", BEN: f"{server.url}/ben"})
        assert [each.get("error") for each in found] == [None, "ErrorFreeBusyGenerationFailed"]

    def test_no_part_of_a_secret_is_logged_or_answered(self, ask: Any, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        with HttpsServer(lambda request: (302, {"Location": "https://s3cret.invalid/"}, b"")) as server:
            found = ask({ANN: f"{server.url}/s3cret", BEN: "https://u:s3cret@s3cret.invalid/s3cret"})
        own = [record.getMessage() for record in caplog.records if record.name == "root"]
        assert len(own) == 2
        assert "s3cret" not in caplog.text + json.dumps(found)

    @pytest.mark.parametrize(
        "content",
        [
            "s3cret",
            "[]",
            {},
            {"mailboxes": []},
            {"mailboxes": {ANN: "http://s3cret.example/"}},
            {"mailboxes": {ANN: []}},
            {"mailboxes": {ANN: ["https://s3cret.example/"] * 11}},
            {"mailboxes": {ANN: {"urls": "https://s3cret.example/", "s3cret": 1}}},
            {"mailboxes": {ANN: {"urls": "https://s3cret.example/", "timeZone": 1}}},
            {"mailboxes": {}, "certificates": "s3cret"},
        ],
    )
    def test_a_wrong_secret_is_an_error_that_says_what_is_wrong_without_it(self, ask: Any, content: object) -> None:
        keep("calendars", content)
        with pytest.raises(WrongSecretError) as caught:
            published_calendars.handler(question(ANN), None)
        assert "s3cret" not in str(caught.value)
        assert caught.value.__cause__ is None

    def test_a_calendar_address_as_programs_show_it_is_one_of_https(self, ask: Any) -> None:
        with HttpsServer(lambda _: (200, {}, CALENDAR)) as server:
            assert ask({ANN: f"webcal{server.url[5:]}/"})[0]["events"] == [EVENT]

    def test_a_secret_is_read_again_after_some_minutes(self, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        with HttpsServer(lambda _: (200, {}, CALENDAR)) as server:
            assert "events" in ask({ANN: f"{server.url}/"})[0]
            assert "events" in ask({}, ANN)[0]
            monkeypatch.setattr(secret, "KEPT_S", 0.0)
            assert ask({}, ANN)[0]["error"] == "MailboxNotFound"


HOURS: Final[dict[str, Any]] = {
    "timezone": {"name": "Tokyo Standard Time", "bias": -540},
    "workingPeriods": [{"startMinutes": 540, "endMinutes": 1080, "days": ["MON", "TUE", "WED", "THU", "FRI"]}],
}

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


def test_a_secret_that_is_not_there_is_secrets_managers_own_error() -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        Secret("none", ews_server.read).value()


class TestQuestions:
    @pytest.mark.parametrize(
        "change",
        [
            {"mailboxes": "ann@partner.example"},
            {"mailboxes": [1]},
            {"mailboxes": ["a@b.example"] * 101},
            {"window": {"startDate": "2026-12-02T00:00:00Z", "endDate": "2026-12-02T00:00:00Z"}},
            {"window": {"startDate": "2026-12-02T00:00:00Z", "endDate": "2027-12-02T00:00:00Z"}},
            {"window": {"startDate": "2026-12-02T00:00:00", "endDate": "2026-12-03T00:00:00"}},
            {"window": {"startDate": "tomorrow", "endDate": "2026-12-03T00:00:00Z"}},
        ],
    )
    def test_what_is_no_question_is_refused(self, change: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"."):
            questions.read({**QUESTION, **change})

    def test_offsets_and_milliseconds_are_heeded(self) -> None:
        window = {"startDate": "2026-12-02T01:00:00.000+01:00", "endDate": "2026-12-03T00:00:00.500Z"}
        _, read = questions.read({**QUESTION, "window": window})
        assert (read.start.isoformat(), read.end.isoformat()) == ("2026-12-02T00:00:00", "2026-12-03T00:00:00.500000")

    def test_an_answer_that_is_too_large_has_no_details_and_then_fewer_mailboxes(self) -> None:
        event = {**EVENT, "details": {"subject": "x" * 255}}
        answers = [
            {"mailbox": ANN, "events": [dict(event)] * 2},
            {"mailbox": BEN, "events": [dict(event) for _ in range(4000)]},
        ]
        fitting = questions.whole(copy.deepcopy(answers))
        assert ["details" in each["events"][0] for each in fitting["mailboxes"]] == [False, False]
        answers[1]["events"] = [dict(event) for _ in range(20_000)]
        large = questions.whole(copy.deepcopy(answers))
        assert [each.get("error") for each in large["mailboxes"]] == [None, "ErrorFreeBusyGenerationFailed"]
        assert len(json.dumps(large)) < questions.MOST_ANSWER_BYTES

    def test_a_deadline_is_below_what_workmail_waits_and_what_lambda_leaves(self) -> None:
        class Context:
            @staticmethod
            def get_remaining_time_in_millis() -> int:
                return 4000

        assert 2 < Deadline.of(Context()).left() <= 2.5
        assert Deadline.of(None).left() < 25
