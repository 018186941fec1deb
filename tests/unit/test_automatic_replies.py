"""Which messages get an automatic reply, and what continues their thread."""

from __future__ import annotations

import pytest

from postroom.mime import automatic
from postroom.mime.automatic import AUTOMATIC, LIST, MACHINE, NO_SENDER, SUPPRESSED
from postroom.mime.headers import Headers


def headers(*fields: str) -> Headers:
    return Headers.of("".join(f"{field}\r\n" for field in fields).encode() + b"\r\n")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ((), None),
        (("Auto-Submitted: no",), None),
        (("Auto-Submitted: (by hand) No; x=y",), None),
        (("Auto-Submitted: auto-generated",), AUTOMATIC),
        (("AUTO-SUBMITTED: auto-notified; owner-email=x@y.example",), AUTOMATIC),
        (("Auto-Submitted: (c) auto-replied",), AUTOMATIC),
        (("Auto-Submitted: no", "Auto-Submitted: auto-replied"), AUTOMATIC),
        (("Auto-Submitted: something-new",), AUTOMATIC),
        (("Content-Type: multipart/report; report-type=delivery-status",), AUTOMATIC),
        (("Content-Type: multipart/mixed",), None),
        (("List-Id: <l.example.org>",), LIST),
        (("List-Unsubscribe: <https://l.example.org>",), LIST),
        (("list-post: NO",), LIST),
        (("List-Of-Wishes: 3",), None),
        (("Precedence: bulk",), LIST),
        (("Precedence: Junk",), LIST),
        (("Precedence: list",), LIST),
        (("Precedence: first-class",), None),
        (("X-Auto-Response-Suppress: OOF",), SUPPRESSED),
        (("X-Auto-Response-Suppress: DR, AutoReply",), SUPPRESSED),
        (("X-Auto-Response-Suppress: All",), SUPPRESSED),
        (("X-Auto-Response-Suppress: DR, NDR, RN, NRN",), None),
    ],
)
def test_header_fields_may_forbid_a_reply(fields: tuple[str, ...], reason: str | None) -> None:
    assert automatic.unwanted(headers(*fields), "bob@example.org") == reason


@pytest.mark.parametrize(
    ("sender", "reason"),
    [
        ("", NO_SENDER),
        ("MAILER-DAEMON@example.org", MACHINE),
        ("postmaster@example.org", MACHINE),
        ("owner-staff@example.org", MACHINE),
        ("staff-request@example.org", MACHINE),
        ("staff-owner@example.org", MACHINE),
        ("listserv@example.org", MACHINE),
        ("request@example.org", None),
        ("owner@example.org", None),
    ],
)
def test_a_sender_may_be_no_person(sender: str, reason: str | None) -> None:
    assert automatic.unwanted(headers(), sender) == reason


@pytest.mark.parametrize("field", ["To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"])
def test_an_address_is_named_with_or_without_its_tag(field: str) -> None:
    own = {"ann@acme.test", "a.berg@acme.test"}
    assert automatic.names(headers(f"{field}: Bob <bob@x.test>, Ann <A.Berg@acme.test>"), own)
    assert automatic.names(headers(f"{field}: ann+news@acme.test"), own)
    assert not automatic.names(headers(f"{field}: team@acme.test, ann@x.test"), own)
    assert not automatic.names(headers("From: ann@acme.test", "Reply-To: ann@acme.test"), own)


def test_a_reply_continues_the_thread() -> None:
    assert automatic.thread(headers("Message-ID: <2@x>", "References: <0@x> junk <1@x>")) == [
        "In-Reply-To: <2@x>",
        "References: <0@x>\r\n <1@x>\r\n <2@x>",
    ]
    assert automatic.thread(headers("Message-ID: <a\x0b@x>")) == []
    long = automatic.thread(headers("Message-ID: <99@x>", "References: " + " ".join(f"<{n}@x>" for n in range(50))))
    assert len(long[1].split("\r\n")) == 20
    assert long[1].startswith("References: <0@x>\r\n <32@x>")


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("bob@Bücher.example", "bob@xn--bcher-kva.example"),
        ('"a b"@example.org', None),
        ("jürgen@example.org", None),
        ("bob@[192.0.2.1]", None),
        ("bob@localhost", None),
        ("bob@x.test\r\nBcc: eve@x.test", None),
    ],
)
def test_an_address_is_written_only_if_it_is_usual(address: str, written: str | None) -> None:
    assert automatic.writable(address) == written
