"""The form of our own bounce messages on the wire, whatever text of other senders they contain."""

from __future__ import annotations

import email
import re
from dataclasses import replace
from email import policy
from email.message import Message
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from postroom.bounce.report import MAX_RETURNED_BYTES, delivery_report, returned_fields
from postroom.bounce.wording import explanation
from postroom.mime.headers import Headers
from postroom.mime.writing import encoded, final_recipient, report_field
from postroom.model.bounces import Bounce, Failure
from postroom.model.text import one_line
from tests.support.builders import NOON

if TYPE_CHECKING:
    from email.message import EmailMessage

ORIGINAL = (
    b"Received: from x\r\n\tby y; Tue, 24 Nov 2026 12:00:00 +0000\r\nFrom: Bob <bob@example.org>\r\n"
    b"Bcc: secret@example.org,\r\n hidden@example.org\r\nresent-bcc: secret@example.org\r\nSubject: plums\r\n\r\n"
)
HOSTILE = st.text(max_size=80) | st.sampled_from(
    [
        "x\r\nBcc: evil@x.test",
        "x\r\n\r\n--=_0\r\n",
        "\0",
        "a" * 5000,
        "\ud800",
        "=?utf-8?B?=?=",
        "\u2028x",
        "\x85Bcc: y",
    ]
)


def make(*failures: Failure, subject: str = "plums") -> Bounce:
    chosen = failures or (Failure.of("nobody@acme.test", "no such mailbox here", "5.1.1"),)
    return Bounce(
        name="f" * 32 + "-0",
        ses_message_id="m1",
        domain="acme.test",
        to="bob@example.org",
        failures=chosen,
        arrived=NOON,
        explanation=explanation("acme.test", subject, NOON, chosen),
    )


def parse(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=policy.default)


def report(
    bounce: Bounce, original: bytes = ORIGINAL, subject: str = "plums", message_id: str = "<1@example.org>"
) -> bytes:
    return delivery_report(bounce, original, subject=subject, message_id=message_id, now=NOON + 5000)


def parts(message: EmailMessage) -> tuple[EmailMessage, list[Message], EmailMessage]:
    """Return the text, the field groups of the delivery status, and the returned headers."""
    text, status, headers = message.iter_parts()
    groups = status.get_payload()
    assert isinstance(groups, list)
    assert isinstance(text, email.message.EmailMessage)
    assert isinstance(headers, email.message.EmailMessage)
    return text, [group for group in groups if isinstance(group, Message)], headers


def check_form(content: bytes) -> None:
    """RFC 5322 and 2045: CRLF alone, 7-bit without NUL, lines of at most 998."""
    assert content.endswith(b"\r\n")
    assert re.sub(rb"\r\n", b"", content).translate(None, b"\r\n") == re.sub(rb"\r\n", b"", content)
    assert all(byte < 128 and byte != 0 for byte in content)
    assert max(map(len, content.split(b"\r\n"))) <= 998


def test_it_is_a_delivery_status_notification_of_rfc_3464() -> None:
    full = Failure.of("tim@acme.test", "mailbox full", "5.2.2")
    content = report(make(Failure.of("nobody@acme.test", "no such mailbox here", "5.1.1"), full))
    check_form(content)
    message = parse(content)
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["From"] == "Mail Delivery System <postmaster@acme.test>"
    assert message["To"] == "bob@example.org"
    assert message["Subject"] == "Undeliverable: plums"
    assert message["In-Reply-To"] == message["References"] == "<1@example.org>"
    text, (about, *recipients), headers = parts(message)
    assert [part.get_content_type() for part in message.iter_parts()] == [
        "text/plain",
        "message/delivery-status",
        "text/rfc822-headers",
    ]
    assert dict(about.items()) == {
        "Reporting-MTA": "dns; acme.test",
        "Arrival-Date": "Tue, 24 Nov 2026 12:00:00 +0000",
    }
    assert [dict(group.items()) for group in recipients] == [
        {
            "Final-Recipient": "rfc822; nobody@acme.test",
            "Action": "failed",
            "Status": "5.1.1",
            "Diagnostic-Code": "smtp; 550 5.1.1 no such mailbox here",
        },
        {
            "Final-Recipient": "rfc822; tim@acme.test",
            "Action": "failed",
            "Status": "5.2.2",
            "Diagnostic-Code": "smtp; 550 5.2.2 mailbox full",
        },
    ]
    said = text.get_content().replace("\r\n", "\n")
    assert "\n\n<nobody@acme.test>: 550 5.1.1 no such mailbox here\n    Check the address" in said
    assert "\n\n<tim@acme.test>: 550 5.2.2 mailbox full\n    Try again" in said
    returned = email.message_from_string(headers.get_content())
    assert returned.keys() == ["Received", "From", "Subject"]


def test_bcc_never_comes_back() -> None:
    content = report(make())
    assert b"secret" not in content
    assert b"hidden" not in content


def test_original_recipient_is_left_out_because_orcpt_is_not_known() -> None:
    assert b"original-recipient" not in report(make()).lower()


RECIPIENT_LINE = re.compile(r"^<(.+?)>:", re.MULTILINE)
ERROR_CODE = re.compile(r"(\d{3}[\s\-#']{1,2}\d\.\d\.\d{1,3})")
"""How email-bounce-parser 1.0.22 (npm) finds recipient and code in a bounce message's text: the first match."""


@pytest.mark.parametrize("words", ["mailbox full", "Postfach voll: größer", "long " * 150])
def test_each_recipient_has_a_line_that_programs_read_and_a_strangers_subject_comes_after(words: str) -> None:
    failures = [
        Failure.of("full@acme.test", words, "5.2.2"),
        Failure.of("nobody@acme.test", "no such mailbox", "5.1.1"),
    ]
    content = report(make(*failures, subject="<evil@x.test>: 421 4.7.0 no"))
    check_form(content)
    text, _, _ = parts(parse(content))
    said = text.get_content()
    found = RECIPIENT_LINE.search(said)
    code = ERROR_CODE.search(said)
    assert found is not None
    assert code is not None
    assert (found[1], code[1]) == ("full@acme.test", "550 5.2.2")
    assert [line for line in said.splitlines() if line.startswith("<")] == [
        f"<{each.address}>: 550 {each.status} {each.reason}" for each in failures
    ]
    assert "evil@x.test" in said
    assert text["Content-Transfer-Encoding"] == ("7bit" if words.isascii() else "quoted-printable")


@given(st.text(max_size=2000))
def test_a_field_of_a_report_is_ascii_in_lines_that_are_not_too_long(value: str) -> None:
    lines = report_field("Diagnostic-Code", value).split("\r\n")
    assert lines[0].startswith("Diagnostic-Code: ")
    assert all(line.isascii() and line.isprintable() and len(line) <= 998 for line in lines)
    assert all(line.startswith(" ") for line in lines[1:])


def test_a_rule_s_own_words_are_told_whole_and_the_fields_stay_ascii() -> None:
    words = "Nicht erwünscht: " + "bitte " * 100
    content = report(make(Failure.of("a@acme.test", words, "5.7.1")))
    check_form(content)
    text, (_, group), _ = parts(parse(content))
    assert words.strip() in text.get_content()
    assert str(group["Diagnostic-Code"]).startswith("smtp; 550 5.7.1 Nicht erw?nscht")


def test_an_address_that_is_not_ascii_is_escaped_as_rfc_6533_says() -> None:
    assert final_recipient("grüße+x@acme.test") == "utf-8; gr\\x{FC}\\x{DF}e\\x{2B}x@acme.test"
    assert final_recipient("gruss+x@acme.test") == "rfc822; gruss+x@acme.test"


@pytest.mark.parametrize("status", ["4.2.2", "", "5.1.1\r\nX: y", "5.1.1.1", "5.\u0661.1"])
def test_a_status_that_is_none_becomes_the_undefined_one(status: str) -> None:
    assert Failure.of("a@acme.test", "why", status).status == "5.0.0"


def test_long_and_eight_bit_headers_come_back_encoded_and_only_as_many_as_fit() -> None:
    block = b"X-Long: " + b"x" * 5000 + b"\nX-Huge: " + b"y" * 100_000 + b"\nSubject: caf\xe9\0\n\n"
    content = report(make(), block)
    check_form(content)
    *_, headers = parse(content).iter_parts()
    assert headers["Content-Transfer-Encoding"] == "quoted-printable"
    returned = headers.get_payload(decode=True)
    assert isinstance(returned, bytes)
    assert returned == b"X-Long: " + b"x" * 5000 + b"\r\nSubject: caf\xe9\0\r\n"
    assert len(returned) < MAX_RETURNED_BYTES


@given(st.lists(st.tuples(*[HOSTILE] * 3), min_size=1, max_size=4), HOSTILE, HOSTILE, st.binary(max_size=400))
@example([("a@b\r\nX-Evil: 1", "r\r\n\r\nX-Evil: 1", "5.1.1\r\nX-Evil: 1")], "s\r\nX-Evil: 1", "<a\r\nX-Evil: 1>", b"")
def test_nothing_that_strangers_choose_becomes_a_field_or_a_part(
    failures: list[tuple[str, str, str]], subject: str, message_id: str, block: bytes
) -> None:
    made = [Failure.of(*failure) for failure in failures]
    content = report(make(*made, subject=subject), block, subject, message_id)
    check_form(content)
    message = parse(content)
    assert set(message.keys()) <= {
        *("From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References"),
        *("Auto-Submitted", "MIME-Version", "Content-Type"),
    }
    assert len(set(message.keys())) == len(message.keys())
    _, (about, *recipients), _ = parts(message)
    assert about.keys() == ["Reporting-MTA", "Arrival-Date"]
    assert len(recipients) == len(made)
    fields = ["Final-Recipient", "Action", "Status", "Diagnostic-Code"]
    assert all(group.keys() == fields for group in recipients)


@given(st.binary(max_size=600))
@example(b"Bcc: a\n b\n\tc\nX: y\n\n")
@example(b"bCC : a@x\r\nX: y\r\n\r\n")
def test_no_field_is_made_up_and_no_bcc_returned(junk: bytes) -> None:
    block = Headers.of(junk + b"\n\n").block
    *_, headers = parse(report(make(), block)).iter_parts()
    payload = headers.get_payload(decode=True)
    assert isinstance(payload, bytes)
    known = re.sub(rb"[\r\n]", b"", block)
    for line in payload.split(b"\r\n"):
        assert not line.lower().startswith(b"bcc")
        assert re.sub(rb"[\r\n]", b"", line) in known


@given(HOSTILE)
@example("é" * 200)
def test_a_subject_reads_as_it_was(text: str) -> None:
    """RFC 2047, 2: a line with an encoded word has at most 76 characters, the field's name among them."""
    field = f"Subject: {encoded(text)}"
    assert all(len(each) <= 76 for each in field.split("\r\n"))
    made = parse(f"{field}\r\n\r\n".encode("ascii"))
    assert list(made.keys()) == ["Subject"]
    assert Headers.of(f"{field}\r\n\r\n".encode("ascii")).text("Subject") == one_line(text)[:998]


@pytest.mark.parametrize("line", [b"a" * 65_536, b"a " * 32_768, b"X: y\r\n z" * 8_000])
@pytest.mark.timeout(5)
def test_a_header_block_of_one_long_line_costs_little(line: bytes) -> None:
    list(returned_fields(line))


def test_what_is_no_field_goes_back_in_no_part() -> None:
    block = b"\xe9Bcc: secret@example.org\r\nno field at 12:00\r\nSubject: plums\r\n at: noon\r\n\r\n"
    assert list(returned_fields(block)) == [b"Subject: plums\r\n at: noon"]


@given(HOSTILE, HOSTILE, HOSTILE, st.booleans())
def test_what_another_server_said_is_one_field_each(reason: str, status: str, server: str, is_delay: bool) -> None:
    failure = Failure.elsewhere("bob@example.org", reason, status, server, undefined="5.0.0")
    bounce = replace(make(failure), is_delay=is_delay, until=NOON if is_delay else 0)
    content = report(bounce)
    check_form(content)
    _, (about, recipient), _ = parts(parse(content))
    assert list(about.keys()) == ["Reporting-MTA", "Arrival-Date"]
    optional = {"Remote-MTA", "Will-Retry-Until"}
    expected = ["Final-Recipient", "Action", "Status", "Diagnostic-Code"]
    assert [name for name in recipient.keys() if name not in optional] == expected  # noqa: SIM118 - of a message
    assert recipient["Action"] == ("delayed" if is_delay else "failed")
    assert ("Will-Retry-Until" in recipient) == is_delay
