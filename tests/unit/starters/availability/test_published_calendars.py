"""The published calendars as WorkMail asks for them: the guide's question, an answer by the schema, and no secret."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from functions.starters.src.availability import secret
from functions.starters.src.availability.published_calendars import app as published_calendars
from functions.starters.src.availability.published_calendars import feeds
from functions.starters.src.availability.questions import Deadline
from functions.starters.src.availability.secret import Secret, WrongSecretError
from tests.support.availability_starters import ANN, BEN, CALENDAR, EVENT, checked, keep, question
from tests.support.ews_servers import Connection, EwsServer, authority
from tests.support.https_server import HttpsServer, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.https_server import Answer

HOURS: Final[dict[str, Any]] = {
    "timezone": {"name": "Tokyo Standard Time", "bias": -540},
    "workingPeriods": [{"startMinutes": 540, "endMinutes": 1080, "days": ["MON", "TUE", "WED", "THU", "FRI"]}],
}


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
