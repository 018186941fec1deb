"""The answer of a resource as a message."""

from __future__ import annotations

import email
from email import policy

import pytest

from postroom.calendars.objects import read_calendar
from postroom.meetings import answers
from postroom.meetings.answers import Answer, AnswerMail, Request
from postroom.mime.headers import Headers
from tests.support.builders import NOON
from tests.support.invitations import BERLIN, calendar, event, meeting

ROOM = b"ATTENDEE;CUTYPE=ROOM;RSVP=TRUE;PARTSTAT=NEEDS-ACTION:MAILTO:Room@acme.test\r\n"


def request(
    *parts: str, headers: bytes = b"Message-ID: <1@b.test>\r\n\r\n", envelope_from: str = "o@acme.test"
) -> Request:
    found = meeting(calendar(*(parts or (event(),))))
    components = [each.component for each in found.versions]
    return Request(found.text, components, Headers.of(headers), envelope_from)


def answer(asked: Request, reason: str = "") -> AnswerMail:
    return AnswerMail(asked, Answer.DECLINED, reason, ROOM, "room@acme.test", "olga@acme.test")


def test_the_message_is_seven_bit_with_short_lines_whatever_the_request_says() -> None:
    asked = request(event(summary="Ärger\\, 1\\nBcc: x@evil.test " + "ü" * 900))
    content = answer(asked, "The time is taken.").message("<r@acme.test>", now=NOON)
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert content.replace(b"\r\n", b"").count(b"\n") == 0
    message = email.message_from_bytes(content, policy=policy.default)
    assert message["Bcc"] is None
    assert message["Subject"].startswith("Declined: Ärger, 1 Bcc: x@evil.test")
    assert not message.defects


def test_the_calendar_repeats_the_request_and_its_zone() -> None:
    zone = BERLIN.format(name="Here", standard="+0100")
    asked = request(zone, event(start=";TZID=Here:20261201T100000", end=";TZID=Here:20261201T110000", sequence=3))
    text = answer(asked).calendar(now=NOON)
    found = read_calendar(text).only()
    (part,) = found.parts
    assert (found.uid, part.sequence, part.attendees[0].status) == ("u1@acme.test", 3, "DECLINED")
    assert found.entry.start_ms == 1796115600000
    assert part.dtstamp_ms == NOON
    assert b";PARTSTAT=DECLINED" in text
    assert b":MAILTO:Room@acme.test" in text


def test_the_thread_goes_on() -> None:
    asked = request(headers=b"Message-ID: <2@b.test>\r\nReferences: <0@b.test> junk\r\n <1@b.test>\r\n\r\n")
    message = email.message_from_bytes(answer(asked).message("<r@acme.test>", now=NOON), policy=policy.default)
    assert message["In-Reply-To"] == "<2@b.test>"
    assert message["References"].split() == ["<0@b.test>", "<1@b.test>", "<2@b.test>"]


def test_a_message_id_that_is_none_is_not_repeated() -> None:
    asked = request(headers=b"Message-ID: <a b@c>\r\n\r\n")
    message = email.message_from_bytes(answer(asked).message("<r@acme.test>", now=NOON), policy=policy.default)
    assert message["In-Reply-To"] is None


def test_references_are_bounded() -> None:
    ids = " ".join(f"<{number}@b.test>" for number in range(100))
    asked = request(headers=f"Message-ID: <last@b.test>\r\nReferences: {ids}\r\n\r\n".encode())
    message = email.message_from_bytes(answer(asked).message("<r@acme.test>", now=NOON), policy=policy.default)
    found = message["References"].split()
    assert (found[0], found[-2:], len(found)) == ("<0@b.test>", ["<99@b.test>", "<last@b.test>"], 20)


@pytest.mark.parametrize(
    ("headers", "envelope_from", "organizer", "reason"),
    [
        (b"\r\n", "", "olga@acme.test", answers.NO_SENDER),
        (b"Auto-Submitted: (x) Auto-Replied; y\r\n\r\n", "o@acme.test", "olga@acme.test", answers.AUTOMATIC),
        (b"Content-Type: multipart/report; x=y\r\n\r\n", "o@acme.test", "olga@acme.test", answers.AUTOMATIC),
        (b"\r\n", "o@acme.test", "room@acme.test", answers.OWN),
        (b"\r\n", "o@acme.test", '"o l"@acme.test', answers.NO_ADDRESS),
        (b"\r\n", "o@acme.test", "", answers.NO_ADDRESS),
        (b"Auto-Submitted: auto-generated\r\n\r\n", "o@acme.test", "olga@acme.test", None),
        (b"\r\n", "o@acme.test", "olga@bücher.test", None),
    ],
)
def test_when_there_is_no_answer(headers: bytes, envelope_from: str, organizer: str, reason: str | None) -> None:
    asked = request(headers=headers, envelope_from=envelope_from)
    assert answers.suppressed(asked, organizer, ("room@acme.test",)) == reason
