"""Hostile mail ends delivered byte for byte, bounced with a reason, dropped by name, or parked with its cause.

Nothing crashes a station, nothing is lost, no header gets into a bounce message and no line into a log.
"""

from __future__ import annotations

import email
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.contracts.event_log import record_of
from postroom.contracts.ses import Notification
from postroom.model.facts import EventName, OwnFact, trace_of
from tests.support.builders import ORG, notification
from tests.support.memory_mail_system import MemoryMailSystem

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from postroom.model.facts import Fact

SAMPLES = sorted((Path(__file__).parents[4] / "shared" / "data" / "mail").rglob("*.eml"))
KB = 1024
FINAL = {EventName.MAILBOX_EMAIL_DELIVERED, EventName.INCOMING_EMAIL_BOUNCED, OwnFact.MESSAGE_BLOCKED}

HEADERS = {
    "NUL": b"Subject: a\0b\r\nFrom: bob\0@example.org\r\n",
    "8-bit": "Subject: grüße\r\nFrom: Jürgen <j@example.org>\r\n".encode("latin-1"),
    "utf-8": "Subject: ❤\r\nFrom: grüße@exämple.org\r\n".encode(),
    "folded": b"Subject: a\r\n\tb\r\n c\r\nFrom:\r\n bob@\r\n example.org\r\n",
    "duplicated": b"Subject: a\r\n" * 50 + b"Message-ID: <1@x>\r\nMessage-ID: <2@x>\r\n",
    "100 KB": b"Subject: " + b"x" * 100 * KB + b"\r\nFrom: " + b"a@b.test, " * 10 * KB + b"\r\n",
    "2 MB": b"X: " + b"y" * 2000 * KB + b"\r\n",
    "no From": b"Subject: x\r\n",
    "several From": b"From: a@x.test, b@y.test\r\nFrom: c@z.test\r\n",
    "quoted": b'From: "a\\"b\\r\\n" <"x y@z"@example.org>\r\nSender: "@"@[192.0.2.1]\r\n',
    "comments": b"From: (a(b(c)))bob(d)@(e)example.org(f)\r\nDate: (x) Tue (\r\n",
    "deep comments": b"From: " + b"(" * 5000 + b"x" + b")" * 5000 + b"@y.test\r\n",
    "group": b"From: friends: a@x.test, b@y.test;, undisclosed:;\r\nTo: ;;;:,<>@\r\n",
    "bare CR": b"Subject: a\rBcc: evil@x.test\r\nFrom: b\rc@example.org\r\n",
    "encoded line ends": b"Subject: =?utf-8?Q?a=0D=0ABcc:_evil@x.test?=\r\nFrom: =?utf-8?Q?=0A?= <b@x.test>\r\n",
    "Message-ID": b"Message-ID: <a@b>\r\n Bcc: evil@x.test\r\n",
    "surrogates": b"Subject: =?utf-8?Q?=ED=A0=80?= =?utf-7?Q?+2AAAA-?= \xed\xa0\x80\r\n",
    "unknown charset": b"Subject: =?x-nobody?B?////?= =?utf-8?B?a?=\r\n",
    "no colon": b"this is no header\r\nSubject\r\n: x\r\n \r\n",
    "line separators": b"Subject: a\xe2\x80\xa8Bcc: evil@x.test\xc2\x85x\r\n",
    "bad date": b"Date: Tue, 99 Nov 99999999999 99:99:99 +999999\r\n",
    "nothing": b"",
}


def nested(depth: int) -> bytes:
    heads = [f"--b{n}\r\nContent-Type: multipart/mixed; boundary=b{n + 1}\r\n\r\n" for n in range(depth)]
    return b"Content-Type: multipart/mixed; boundary=b0\r\n\r\n" + "".join(heads).encode() + b"deep\r\n"


def forwarded(depth: int) -> bytes:
    return b"Content-Type: message/rfc822\r\n\r\n" * depth + b"deep\r\n"


BODIES = {
    "1,000 parts deep": nested(1000),
    "1,000 messages deep": forwarded(1000),
    "no end of a part": b"Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n",
    "no body": b"Subject: x",
    "line end only": b"\r\n",
    "one byte": b"\xff",
    "empty": b"",
    "long line": b"Subject: x\r\n\r\n" + b"z" * 300 * KB,
}


@pytest.fixture
def post() -> MemoryMailSystem:
    made = MemoryMailSystem()
    made.user("ann")
    made.sender.answers = False  # so that every bounce message is one of ours, with the message's own words
    return made


def check_told(facts: Sequence[Fact], post: MemoryMailSystem, to: str) -> None:
    """Every line of the log is one line of JSON, and no bounce message has a field of a stranger's."""
    for fact in facts:
        if fact.name in set(EventName):
            line = record_of(fact)
            assert "\n" not in line
            assert "\r" not in line
            assert line.isprintable() or not any(c in line for c in "\x00\x1b\x85")
            json.loads(line)
    for _, content in post.sender.sent:
        message = email.message_from_bytes(content)
        assert message["Bcc"] is None
        assert message["To"] == to
        assert len(message.keys()) == len(set(message.keys())) <= 10
        status = message.get_payload()[1].get_payload()  # type: ignore[index, union-attr]
        assert {key for group in status for key in group} <= {
            *("Reporting-MTA", "Arrival-Date", "Final-Recipient", "Action", "Status", "Diagnostic-Code"),
        }
    ends = [fact.name for fact in facts if fact.name in {OwnFact.BOUNCE_SENT, OwnFact.BOUNCE_SUPPRESSED}]
    assert ends == [OwnFact.BOUNCE_SENT if post.sender.sent else OwnFact.BOUNCE_SUPPRESSED]
    post.sender.sent.clear()


def send(post: MemoryMailSystem, name: str, content: bytes) -> None:
    before = len(post.contents("ann"))
    sender = f"{name}@x.test"
    facts = post.arrive(name, content, "ann@acme.test", "nobody@acme.test", source=sender)
    assert sum(fact.name in FINAL for fact in facts) == 2
    assert post.transit.is_clear(trace_of(name, ORG))
    assert post.contents("ann")[before:] == [content]
    check_told(facts, post, sender)


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("end", [b"\r\n", b"\n"], ids=["CRLF", "LF"])
def test_hostile_headers_are_delivered_byte_for_byte(post: MemoryMailSystem, name: str, end: bytes) -> None:
    content = HEADERS[name].replace(b"\r\n", end) + end + b"body\n.\n"
    send(post, f"h{list(HEADERS).index(name)}{len(end)}", content)


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.timeout(30)
def test_hostile_bodies_are_delivered_byte_for_byte(post: MemoryMailSystem, name: str) -> None:
    send(post, f"b{list(BODIES).index(name)}", BODIES[name])


@pytest.mark.skipif(not SAMPLES, reason="the shared samples are not here")
def test_every_sample_and_its_bounce_are_in_order(post: MemoryMailSystem) -> None:
    for number, path in enumerate(SAMPLES):
        send(post, f"s{number}", path.read_bytes())


STRAY = (b"\r\n\r\n", b"\n", b"\0", b"\r", b"\r\nBcc: evil@x.test\r\n", b"--")


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Change a message as bad luck does: bytes, cuts, repeats, and stray line ends."""
    made = bytearray(content[:20_000])
    for _ in range(chance.randrange(1, 12)):
        place = chance.randrange(len(made) + 1)
        match chance.randrange(5):
            case 0:
                made[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del made[place : place + chance.randrange(200)]
            case 2:
                made[place:place] = made[max(0, place - 100) : place]
            case 3:
                made[place:place] = chance.choice(
                    [b"\r\n\r\n", b"\n", b"\0", b"\r", b"\r\nBcc: evil@x.test\r\n", b"--"]
                )
            case _:
                made[place:place] = bytes(chance.randrange(256) for _ in range(20))
    return bytes(made)


COUNTER = iter(range(10**9))


@pytest.mark.skipif(not SAMPLES, reason="the shared samples are not here")
@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.randoms(use_true_random=False))
def test_mutations_of_samples_are_delivered_byte_for_byte(place: int, chance: random.Random) -> None:
    post = MemoryMailSystem()
    post.user("ann")
    post.sender.answers = False
    send(post, f"m{next(COUNTER)}", mutated(SAMPLES[place % len(SAMPLES)].read_bytes(), chance))


RECIPIENTS = (
    '"a b"@acme.test',
    '"a\\"@evil"@acme.test',
    "a(comment)@acme.test",
    "grüße@acme.test",
    "x" * 900 + "@acme.test",
    "a@b@acme.test",
    "nobody@acme.test.",
    "=?utf-8?q?a?=@acme.test",
    "friends:a@acme.test;@acme.test",
    "-@acme.test",
)


@pytest.mark.parametrize("recipient", RECIPIENTS)
def test_a_hostile_recipient_bounces_with_a_bounce_message(post: MemoryMailSystem, recipient: str) -> None:
    facts = post.arrive(f"r{RECIPIENTS.index(recipient)}", b"From: b@x.test\n\n", recipient, source="r@x.test")
    assert [fact.name for fact in facts if fact.name in FINAL] == ["INCOMING_EMAIL_BOUNCED"]
    ((_, content),) = post.sender.sent
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert content.isascii()
    check_told(facts, post, "r@x.test")


@pytest.mark.parametrize("sender", ["a@x.test\r\nBcc: evil@x.test", "a b@x.test", "<>", "@", "a@@x.test", "\0@x.test"])
def test_a_hostile_sender_gets_no_bounce_message(post: MemoryMailSystem, sender: str) -> None:
    name = f"t{abs(hash(sender))}"
    facts = post.arrive(name, b"From: b@x.test\n\n", "nobody@acme.test", source=sender)
    assert post.sender.sent == []
    assert OwnFact.BOUNCE_SUPPRESSED in {fact.name for fact in facts}


class TestNotificationsThatLie:
    """Of the notification, only the envelope and the verdicts count."""

    @pytest.fixture
    def post(self) -> MemoryMailSystem:
        made = MemoryMailSystem()
        made.user("ann")
        return made

    def lie(self, post: MemoryMailSystem, **changes: Any) -> str:
        post.raw.store("inbound/m1", b"Subject: true\n\nbody")
        body: dict[str, Any] = json.loads(notification("m1", ["ann@acme.test"]))
        for path, value in changes.items():
            *places, last = path.split("__")
            inner = body
            for place in places:
                inner = inner[place]
            inner[last] = value
        text = json.dumps(body)
        post.ingest.accept(text)
        post.pump()
        return text

    @pytest.mark.parametrize(
        "changes",
        [
            {"receipt__action": {"type": "S3", "bucketName": "somebody-elses", "objectKey": "inbound/m1"}},
            {"receipt__action": {"type": "S3", "bucketName": "inbound-bucket", "objectKey": "transit/m1"}},
            {"receipt__action": {"type": "S3", "bucketName": "inbound-bucket", "objectKey": "inbound/gone"}},
            {"receipt__action": {"type": "S3", "bucketName": "inbound-bucket", "objectKey": "inbound/../rules/x"}},
            {"receipt__recipients": []},
            {"receipt__recipients": ["ann@nowhere.test"]},
            {"receipt__recipients": [None]},
            {"receipt__recipients": ["<ann@acme.test>"]},
            {"mail__messageId": "../../m1"},
            {"mail__messageId": ""},
            {"mail__timestamp": "yesterday"},
            {"mail__timestamp": "0001-01-01T00:00:00Z"},
            {"mail__source": ["a@x.test"]},
            {"notificationType": "Bounce"},
            {"receipt": "x"},
        ],
    )
    def test_a_notification_without_a_valid_target_is_parked_with_its_cause(
        self, post: MemoryMailSystem, changes: dict[str, Any]
    ) -> None:
        text = self.lie(post, **changes)
        (parked,) = post.parking.list()
        assert parked.body == text
        assert parked.cause
        assert "\n" not in parked.cause
        assert post.contents("ann") == []

    @pytest.mark.parametrize(
        "changes",
        [
            {"mail__commonHeaders": {"subject": "false\r\nX: y", "from": ["liar@x.test"]}},
            {"mail__headers": [{"name": "Subject", "value": "false"}], "mail__headersTruncated": True},
            {"mail__destination": ["somebody@else.test"]},
            {"receipt__spamVerdict": {"status": "NEVER HEARD OF"}},
            {"receipt__dmarcPolicy": "false"},
        ],
    )
    def test_claims_of_the_notification_about_the_object_do_not_count(
        self, post: MemoryMailSystem, changes: dict[str, Any]
    ) -> None:
        self.lie(post, **changes)
        assert post.contents("ann") == [b"Subject: true\n\nbody"]
        received = post.ledger.facts(trace_of("m1", ORG))[0]
        assert received.event["subject"] == "true"


def test_the_unchanged_notification_fits_the_contract() -> None:
    assert Notification.model_validate_json(notification("m1", ["ann@acme.test"])).mail.message_id == "m1"
