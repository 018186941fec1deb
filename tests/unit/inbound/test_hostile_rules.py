"""Headers made to slip past a rule, to borrow another's, or to keep the policy busy."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.mime.headers import Headers
from tests.support.rules import BOUNCE, BYPASS, DROP, JUNK, applied, became, deliveries, plan, refused, rule

EVIL = [rule(DROP, "evil.test"), rule(DROP, "eve@example.org"), rule(DROP, "xn--bcher-kva.example")]


@pytest.mark.parametrize(
    "field",
    [
        b"From: a@evil.test",
        b"fRoM: A@EVIL.TEST.",
        b"From: <a@evil.test>",
        b'From: "a@good.test" <a@evil.test>',
        b"From: a@good.test <a@evil.test>",
        b"From: (a@good.test) a@evil.test (b@good.test)",
        b"From: a(comment (nested\\) deeper))@(here)evil.test",
        b"From:\r\n Eve\r\n\t<a@evil.test>",
        b"From: friends: a@evil.test, b@good.test;",
        b"From: b@good.test, a@evil.test",
        b"From: b@good.test\r\nFrom: a@evil.test",
        b"From: <@relay.test,@other.test:a@evil.test>",
        b'From: "a b@good.test"@evil.test',
        b"From: a@e\0vil.test",
        b"From: \xff\xfe <a@evil.test>",
        b"From: =?utf-8?q?a=40good=2Etest?= <a@evil.test>",
        b'From: "eve"@example.org',
        "From: a\u200bb@ev\u200bil.test".encode(),
        "From: a\u00a0@evil.test".encode(),
        b"From: " + b"x" * 400 + b"@evil.test",
        b"From: " + b"(" * 3000 + b")" * 3000 + b" a@evil.test",
        b'From: "((" ' + b"(" * 3000 + b"\\)" + b")" * 3000 + b" <a@evil.test>",
        b"From: EVE@EXAMPLE.org",
        "From: x@Bücher.example".encode(),
        "From: x@bücher。example".encode(),
        b"Sender: a@evil.test\r\nFrom: b@good.test",
        b"From: " + b", ".join(b"u%d@good.test" % number for number in range(3000)) + b", a@evil.test",
    ],
)
def test_no_way_to_write_an_address_slips_past_a_rule(field: bytes) -> None:
    assert became(EVIL, field, "ann") == {"ann": "DROP"}


@pytest.mark.parametrize(
    "field",
    [
        b'From: "a@evil.test" <a@good.test>',
        b"From: a@good.test (a@evil.test)",
        b"From: a@evil.test.good.test",
        b"From: a@notevil.test",
        b"X-From: a@evil.test\r\nFrom: a@good.test",
        b"From: a@good.test\r\n\r\nFrom: a@evil.test",
    ],
)
def test_a_name_or_a_comment_is_no_address(field: bytes) -> None:
    assert became(EVIL, field, "ann") == {"ann": "INBOX"}


@pytest.mark.parametrize(
    "field",
    [
        b"From: " + b"(" * 100_000,
        b"From: " + b"a@evil.test," * 8_000,
        b"From: x@" + b"a." * 50_000 + b"test",
        b"From: " + b",".join(b"x@" + b"a." * 120 + b"%d.test" % number for number in range(400)),
        b"Sender: " + b'"' * 100_000 + b"\r\nFrom: a@evil.test",
        b"From: " + b"\\" * 100_000,
        b"From: a@evil.test\r\nX: " + b"y" * 100_000,
    ],
)
@pytest.mark.timeout(10)
def test_a_header_of_a_hundred_kilobytes_costs_little_and_ends_in_one_action(field: bytes) -> None:
    rules = [rule(JUNK, "*"), rule(DROP, "*.test", "ben@acme.test")]
    outcome = became(rules, field, "ann", "ben")
    assert outcome["ann"] == "JUNK_EMAIL"
    assert outcome["ben"] in {"DROP", "JUNK_EMAIL"}


def test_a_bypass_cannot_be_borrowed_with_a_second_address() -> None:
    rules = [rule(BYPASS, "friend.test"), rule(BOUNCE, "evil.test", message="no")]
    assert became(rules, b"From: a@friend.test, a@evil.test", "ann") == {"ann": "5.7.1 no"}


@given(st.binary(max_size=200), st.sampled_from([b"From", b"Sender"]))
def test_any_bytes_in_a_field_leave_each_recipient_with_one_action(junk: bytes, name: bytes) -> None:
    decided = plan([rule(JUNK, "*"), rule(DROP, "*.test")], name + b": " + junk, "ann", "nobody")
    (ruled,) = applied(decided)
    assert ruled.recipients == ("ann@acme.test", "nobody@acme.test")
    ends = [*deliveries(decided), *refused(decided)]
    assert len(ends) == (0 if ruled.action == "DROP" else 2)


@given(st.text("a:\r\n \0", max_size=30).map(str.encode))
def test_the_header_block_ends_where_an_expression_would_end_it(head: bytes) -> None:
    found = re.search(rb"\n\r*\n", head)
    wanted = b"" if re.match(rb"\r*\n", head) else head[: found.end()] if found else head
    assert Headers.of(head).block == wanted


def test_a_field_is_read_once() -> None:
    headers = Headers(b"From: a@b.test, c@d.test\r\n\r\n")
    assert headers.authors is headers.authors
    assert headers.addresses("From") == ("a@b.test", "c@d.test")
