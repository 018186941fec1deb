"""A header trick hides neither the sender from a rule, nor an automatic reply from bounce, nor a loop from ingest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from postroom.mime import address_lists
from postroom.mime.excess import LOOP, TOO_MANY_AUTHORS, TOO_MANY_FIELDS
from postroom.mime.headers import Headers
from postroom.model.facts import EventName, Fact, OwnFact
from postroom.model.limits import (
    MAX_ADDRESS_BYTES,
    MAX_AUTHOR_FIELDS,
    MAX_AUTHOR_WORDS,
    MAX_AUTHORS,
    MAX_HOPS,
    MAX_READ_FIELDS,
    MB,
)
from tests.support.memory_mail_system import MemoryMailSystem
from tests.support.rules import BOUNCE, BYPASS, DEFAULT, DROP, JUNK, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

FROM: Final = b"From: x@bad.example\r\n"

IN_FRONT: Final = {
    "no field first": b"this is no field\r\n",
    "no field in the middle": b"Subject: hi\r\nthis is no field\r\nTo: a@b.test\r\n",
    "mbox": b"From x@y.test Mon Jan  1 00:00:00 2024\r\n",
    "mbox, escaped": b">From x@y.test Mon Jan  1 00:00:00 2024\r\n",
    "blank before a colon": b"Subject : hi\r\n",
    "name with 8-bit": "X-Größe: 1\r\n".encode(),
    "no name": b": x\r\n",
    "CR CR LF": b"Subject: hi\r\r\n",
    "a line of CR": b"Subject: hi\r\n\r\r\n",
    "bare CR": b"Subject: hi\rTo: a@b.test\r\n",
    "bare CR in front": b"Subject: hi\r",
    "a line of blanks": b"Subject: hi\r\n \t\r\n",
    "byte order mark": b"\xef\xbb\xbf",
    "fold first": b" ",
    "more than 1 MB": b"".join(b"X-%d: %s\r\n" % (number, b"y" * 70) for number in range(MB // 64)),
}

AS: Final = [
    b"From : x@bad.example\r\n",
    b"From\t: x@bad.example\r\n",
    b"From\r\n : x@bad.example\r\n",
    b'From: "Joe <x@bad.example>\r\n',
    b"From: (Joe <x@bad.example>\r\n",
    b'From: "x@bad.example"\r\n',
    b"From: (x@bad.example)\r\n",
    b"From: x@b ad.example\r\n",
    b"From: x@=?utf-8?Q?bad.example?=\r\n",
    b"From: =?utf-8?Q?Joe_=3Cx=40bad.example=3E?=\r\n",
    b"From: =?utf-8?Q?Joe_=3Cx=40bad.example=3E?= <y@good.test>\r\n",
    b"From: =?odd charset?Q?x=40bad.example?=\r\n",
    b"From: =?odd charset?Q?Joe_=3Cx=40bad.example=3E?= <y@good.test>\r\n",
    b"From: x@(who)bad.example[1]\r\n",
    "From: Joe x@bad.exampleü\r\n".encode(),
    "From: ü x@bad.exampleü Joe, y@good.test\r\n".encode(),
    b'From: y@good.test:"x@bad.example"\r\n',
    b"From: y@good.test:(x@bad.example)\r\n",
    b'From: "x@bad."ex(who)ample\r\n',
    b'From: "x@bad.ex"ample"Joe"\r\n',
    b'From: "x@bad.ex"am ple\r\n',
    b'From: "x@bad.ex"am ple)y@good.test\r\n',
    b"From: friends:x y@bad.ex (who)ample\r\n",
    b"From: !&x@bad.example- )\r\n",
    b'From: <y@good.test>"Joe <x@bad.example>"\r\n',
    b'From: Joe "Joe <x@bad.example>"> <y@good.test>\r\n',
    b"From: x@@bad.example\r\n",
    b"From: x@,bad.example\r\n",
    b"From: y@good.test\r\nFrom: x@bad.example\r\n",
    b"From: x@bad.example\r\nFrom: y@good.test\r\n",
    b"From: " + b"y@good.test, " * 12_000 + b"x@bad.example\r\n",
    b"From: " + b"y@good.test, " * 999 + b'"x@bad.example"\r\n',
]


@pytest.fixture
def post() -> MemoryMailSystem:
    made = MemoryMailSystem()
    made.user("ann")
    return made


def applied(facts: list[Fact]) -> list[str]:
    named = [fact for fact in facts if fact.name is EventName.RULE_APPLIED]
    return [each["action"] for fact in named for each in fact.event["ruleActions"]]


@pytest.mark.parametrize("in_front", IN_FRONT.values(), ids=IN_FRONT)
def test_lines_before_from_hide_it_from_no_station(post: MemoryMailSystem, in_front: bytes) -> None:
    content = in_front + FROM + b"\r\nbody\r\n"
    post.rules(rule(DROP, "bad.example"))
    facts = post.arrive("m1", content, "ann@acme.test")
    assert applied(facts) == ["DROP"]
    assert facts[0].event["from"] == "x@bad.example"

    post.rules(rule(JUNK, "bad.example"))
    post.arrive("m2", content, "ann@acme.test")
    assert post.contents("ann", "JUNK_EMAIL") == [content]


@pytest.mark.parametrize("fields", AS)
def test_however_from_is_written_its_rule_applies(post: MemoryMailSystem, fields: bytes) -> None:
    post.rules(rule(DROP, "bad.example"))
    assert applied(post.arrive("m1", fields + b"\r\nbody\r\n", "ann@acme.test")) == ["DROP"]


def test_a_raw_domain_is_read_in_utf_8_and_in_the_messages_charset(post: MemoryMailSystem) -> None:
    post.rules(rule(DROP, "bücher.example"))
    kind = b"Content-Type: text/plain; charset="
    for number, (charset, raw) in enumerate([("iso-8859-7", "utf-8"), ("utf-8", "latin-1"), ("utf-8", "utf-8")]):
        content = "From: x@bücher.example\r\n".encode(raw) + kind + charset.encode() + b"\r\n\r\nbody\r\n"
        assert applied(post.arrive(f"m{number}", content, "ann@acme.test")) == ["DROP"]


PERSIAN: Final = "نامه\u200cای.example"  # noqa: RUF001
SINHALA: Final = "ශ්\u200dරී.example"


@pytest.mark.parametrize(
    "written", ["{}", "Joe <{}>", '"Joe <{}>', "(Joe <{}>", "\u200c{}", "y@b.test, " * 999 + '"{}']
)
@pytest.mark.parametrize("local", ["x", "x\u200cy"])
@pytest.mark.parametrize("domain", [PERSIAN, SINHALA, "👩\u200d💻.example"])
def test_a_domain_with_joiners_is_read_with_and_without_them(
    post: MemoryMailSystem, domain: str, local: str, written: str
) -> None:
    content = f"From: {written.format(f'{local}@{domain}')}\r\n\r\nbody\r\n".encode()
    for number, pattern in enumerate([domain, domain.replace("\u200c", "").replace("\u200d", "")]):
        post.rules(rule(DROP, pattern))
        assert applied(post.arrive(f"m{number}", content, "ann@acme.test")) == ["DROP"]


@pytest.mark.parametrize("domain", [PERSIAN, SINHALA, "நமஸ்தே.example"])
def test_a_domain_of_any_script_is_found_in_a_long_field_in_quotes(post: MemoryMailSystem, domain: str) -> None:
    content = f'From: {"y@b.test, " * 999}"x@{domain}"\r\n\r\nbody\r\n'.encode()
    post.rules(rule(DROP, domain))
    assert applied(post.arrive("m1", content, "ann@acme.test")) == ["DROP"]


@pytest.mark.parametrize("below", ["a" * 64, "ü" * 64, "\u0378", "\ufffd", ".".join("ü" * 600), ".".join("a" * 200)])
@pytest.mark.parametrize("domain", ["bücher.example", "bücher\u3002example", "bad.example"])
def test_no_label_that_the_dns_cannot_have_hides_the_domain_above_it(
    post: MemoryMailSystem, domain: str, below: str
) -> None:
    post.rules(rule(DROP, f"*.{domain}"))
    content = f"From: Joe <x@{below}.{domain}>\r\n\r\nbody\r\n".encode()
    assert applied(post.arrive("m1", content, "ann@acme.test")) == ["DROP"]


def test_a_domain_with_joiners_is_written_down_as_its_rule_is(post: MemoryMailSystem) -> None:
    content = f"From: x@{PERSIAN}\r\nTo: x@{PERSIAN}\r\n\r\nbody\r\n".encode()
    facts = post.arrive("m1", content, "ann@acme.test")
    assert facts[0].event["from"] == "x@xn--mgba3gch31f060k.example"
    assert Headers.of(content).addresses("To") == ("x@xn--mgba3gch31f060k.example",)


@pytest.mark.parametrize("in_front", IN_FRONT.values(), ids=IN_FRONT)
def test_an_automatic_reply_gets_no_bounce_message_whatever_line_comes_before(
    post: MemoryMailSystem, in_front: bytes
) -> None:
    content = in_front + b"Auto-Submitted: auto-replied\r\n" + FROM + b"\r\nbody\r\n"
    facts = post.arrive("m1", content, "nobody@acme.test", source="x@bad.example")
    assert OwnFact.BOUNCE_SUPPRESSED in {fact.name for fact in facts}
    assert post.sender.sent == []
    assert post.sender.answered == []


@pytest.mark.parametrize("in_front", IN_FRONT.values(), ids=IN_FRONT)
def test_a_loop_is_found_whatever_line_comes_before(post: MemoryMailSystem, in_front: bytes) -> None:
    content = in_front + b"Received: from a by b; x\r\n" * (MAX_HOPS + 1) + FROM + b"\r\nbody\r\n"
    assert bounced(post.arrive("m1", content, "ann@acme.test")) == [LOOP]


def bounced(facts: list[Fact]) -> list[tuple[str, str]]:
    named = [fact.event["bouncedRecipient"] for fact in facts if fact.name is EventName.INCOMING_EMAIL_BOUNCED]
    return [(each["reason"], each["status"]) for each in named]


@pytest.mark.parametrize(
    ("fields", "excess"),
    [
        (b"From: " + b", ".join(b"y%d@good.test" % n for n in range(MAX_AUTHORS + 1)), TOO_MANY_AUTHORS),
        (b"From: " + b'"a long name" ' * (MAX_ADDRESS_BYTES // 13) + b"<x@bad.example>", TOO_MANY_AUTHORS),
        (b"From: y@good.test\r\nSender: " + b"name " * (MAX_ADDRESS_BYTES // 5) + b"<x@bad.example>", TOO_MANY_AUTHORS),
        (b'From: "y@good.test\r\n' * (MAX_AUTHOR_FIELDS + 1) + b"From: x@bad.example (\r\n", TOO_MANY_AUTHORS),
        (b"To: a@b.test\r\n" * (MAX_READ_FIELDS + 1) + b"From: x@bad.example", TOO_MANY_FIELDS),
    ],
)
def test_a_message_whose_sender_may_be_beyond_the_limit_of_reading_is_not_delivered(
    post: MemoryMailSystem, fields: bytes, excess: tuple[str, str]
) -> None:
    post.rules(rule(DEFAULT, "good.test"), rule(DROP, "bad.example"))
    assert bounced(post.arrive("m1", fields + b"\r\n\r\nbody\r\n", "ann@acme.test")) == [excess]
    assert post.contents("ann") == []


def test_an_unknown_sender_matches_the_star_and_the_fact_says_so(post: MemoryMailSystem) -> None:
    post.rules(rule(DROP, "*.example"), rule(JUNK, "*"))
    facts = post.arrive("m1", b"Subject: hi\r\nFrom: somebody\r\n\r\nbody\r\n", "ann@acme.test")
    assert applied(facts) == ["MOVE_TO_JUNK"]
    assert facts[0].data["senderIs"] == "UNKNOWN"
    plain = post.arrive("m2", b"From: x@bad.test\r\n\r\nbody\r\n", "ann@acme.test")
    assert "senderIs" not in plain[0].data


@pytest.mark.parametrize(
    "field",
    [
        b"From: Joe <a@b.test>",
        b"From: Joe\r\n Doe\r\n <a@b.test>",
        b'From: "Doe, Joe" <a@b.test>,\r\n c@d.test',
        b"From: Joe (who else) <a@b.test>",
        b"From: friends: a@b.test, c@d.test;",
        b"From: =?utf-8?Q?a=40b.test_(J=C3=B6)?= <c@d.test>",
        b"Sender: c@d.test\r\nFrom: a@b.test",
        b"From: =?utf-8?Q?Doe=2C_Joe?= <a@b.test>",
        b'From: "a"@b.test',
        "From: a@நமஸ்தே.example".encode(),
        "From: Joe <a@bu\u0308cher.example>, Jane <b@नमस्ते.example>".encode(),
        "From: Jö <a@b.test>\r\nContent-Type: text/plain; charset=iso-8859-1".encode(),
    ],
)
def test_ordinary_mail_leaves_no_doubt(post: MemoryMailSystem, field: bytes) -> None:
    facts = post.arrive("m1", field + b"\r\nTo: a@b.test\r\n\r\nbody\r\n", "ann@acme.test")
    assert "senderIs" not in facts[0].data


def test_senders_in_doubt_are_named_in_the_fact(post: MemoryMailSystem) -> None:
    facts = post.arrive("m1", b"From: y@good.test\r\nFrom: x@bad.example\r\n\r\nbody\r\n", "ann@acme.test")
    assert facts[0].data["senderIs"] == "AMBIGUOUS"
    assert facts[0].data["senders"] == ["y@good.test", "x@bad.example"]


@pytest.mark.parametrize(
    ("head", "actions"),
    [
        (b"Sender: y@good.test\r\nFrom: x@bad.example\r\n", ["DEFAULT"]),
        (b"no field\r\nSender: y@good.test\r\nFrom: x@bad.example\r\n", ["DROP"]),
        (b"Sender : y@good.test\r\nFrom: x@bad.example\r\n", ["DROP"]),
        (b"Sender: y@good.test\r\nSender: z@z.test\r\nFrom: x@bad.example\r\n", ["DROP"]),
        (b'Sender: "Joe <y@good.test>\r\nFrom: x@bad.example\r\n', ["DROP"]),
        (b"Sender: x@bad.example\r\nFrom: y@good.test\r\n", ["DROP"]),
    ],
)
def test_from_is_consulted_too_if_some_readers_do_not_see_the_sender_field(
    post: MemoryMailSystem, head: bytes, actions: list[str]
) -> None:
    post.rules(rule(DEFAULT, "good.test"), rule(DROP, "bad.example"))
    assert applied(post.arrive("m1", head + b"\r\nbody\r\n", "ann@acme.test")) == actions


def test_a_bypass_holds_only_if_every_reading_has_one(post: MemoryMailSystem) -> None:
    post.rules(rule(BYPASS, "good.test"), rule(BOUNCE, "evil.test", message="no"))
    twice = b"Sender: a@good.test\r\nSender: b@good.test\r\nFrom: y@%b\r\n\r\nbody\r\n"
    spam = {"spam": "FAIL"}
    post.arrive("m1", twice % b"other.test", "ann@acme.test", verdicts=spam)
    assert len(post.contents("ann", "JUNK_EMAIL")) == 1
    post.arrive("m2", twice % b"good.test", "ann@acme.test", verdicts=spam)
    assert len(post.contents("ann")) == 1


def test_the_scan_of_addresses_is_limited_in_characters_and_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    characters: list[int] = []
    words: list[str] = []
    real = address_lists.every

    def counted(value: str) -> Iterator[str]:
        characters.append(len(value))
        for spec in real(value):
            words.append(spec)
            yield spec

    monkeypatch.setattr(address_lists, "every", counted)
    field = b"From: " + b'"A name" <a@b.test>, ' * 4_000 + b"\r\n"
    authors = Headers.of(field * 30 + b"\r\n").authors
    assert authors.is_cut
    assert sum(characters) <= MAX_ADDRESS_BYTES
    assert len(words) <= MAX_AUTHOR_WORDS + 30


def test_lists_of_recipients_are_no_business_of_the_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def noted(value: str) -> Iterator[str]:
        asked.append(value)
        return iter(())

    for reader in ("every", "likeliest", "is_usual"):
        monkeypatch.setattr(address_lists, reader, noted)
    head = b"From: a@b.test\r\nTo: " + b"x@y.test, " * 50_000 + b"\r\n\r\n"
    assert len(Headers.of(head).authors.readings[0].froms) == 1
    assert asked == []
