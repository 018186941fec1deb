"""What the stand-in for SES puts in front of a message, and what the stations make of it."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime

import pytest

from local.mail.ses_headers import ses_headers
from local.mail.ses_notification import parse_verdicts
from postroom.contracts.message_flow import MessageRejected
from postroom.message_flow import criteria
from postroom.mime.excess import LOOP, TOO_LARGE, excess
from postroom.mime.headers import Headers, MessageHead
from postroom.mime.ses_fields import own_bytes
from postroom.model.limits import MAX_HOPS, MAX_MESSAGE_BYTES

MESSAGE_ID = "o3vrnil0e2ic28tr"
SENT = b"From: Joe <joe@writer.example>\r\nSubject: s\r\n\r\nhello\r\n"


def stored(content: bytes = SENT, *, sender: str = "bounces@mailer.example", verdicts: str = "") -> bytes:
    received = datetime(2026, 11, 29, 9, 41, 7, tzinfo=UTC)
    own = ses_headers(MESSAGE_ID, sender, ["ann@here.example"], parse_verdicts(verdicts), received, content)
    return own + content


def test_the_fields_are_in_front_in_the_order_of_ses() -> None:
    assert stored().decode().splitlines() == [
        "Return-Path: <bounces@mailer.example>",
        f"Received: from client.local by inbound-smtp.us-east-1.amazonaws.com with SMTP id {MESSAGE_ID}",
        " for ann@here.example;",
        " Sun, 29 Nov 2026 09:41:07 +0000",
        "X-SES-Spam-Verdict: PASS",
        "X-SES-Virus-Verdict: PASS",
        "Received-SPF: pass (spfCheck: local stack) client-ip=127.0.0.1; "
        "envelope-from=bounces@mailer.example; helo=client.local;",
        "Authentication-Results: amazonses.com;",
        " spf=pass (spfCheck: local stack) client-ip=127.0.0.1; "
        "envelope-from=bounces@mailer.example; helo=client.local;",
        " dkim=pass header.i=@writer.example;",
        " dmarc=pass header.from=writer.example;",
        f"X-SES-RECEIPT: {MESSAGE_ID}",
        *SENT.decode().splitlines(),
    ]


def test_authentication_results_say_the_verdicts_in_rfc_8601s_words() -> None:
    content = stored(verdicts="spf=GRAY; dkim=PROCESSING_FAILED; dmarc=FAIL; spam=FAIL")
    read = email.message_from_bytes(content, policy=email.policy.default)
    said = " ".join(read["Authentication-Results"].split())
    assert " spf=none " in said
    assert " dkim=temperror " in said
    assert said.endswith(" dmarc=fail header.from=writer.example;")
    assert read["X-SES-Spam-Verdict"] == "FAIL"


def test_results_that_the_sender_wrote_stay_below_those_of_ses() -> None:
    forged = b"Authentication-Results: amazonses.com; spf=pass; dkim=pass; dmarc=pass\r\n" + SENT
    content = stored(forged, verdicts="dmarc=FAIL; spf=FAIL; dkim=FAIL")
    read = email.message_from_bytes(content).get_all("Authentication-Results", [])
    assert "dmarc=fail" in read[0]
    assert len(read) == 2
    assert content.endswith(forged)


@pytest.mark.parametrize(
    "content", [SENT, b"", b"\r\n\r\nbody", b"no header", b"\xff\x00\r\n", b" From: a@b.example\r\n"]
)
def test_the_sent_message_begins_where_ses_fields_end(content: bytes) -> None:
    assert stored(content)[own_bytes(stored(content)) :] == content
    assert own_bytes(content) == 0


@pytest.mark.parametrize("sender", ["", "é@exämple.example", "x" * 250 + "@a.example", "a@b>;\u202e.example"])
def test_a_sender_of_any_kind_stays_within_its_line(sender: str) -> None:
    content = stored(sender=sender)
    assert content[own_bytes(content) :] == SENT
    assert Headers.of(content).address("From") == "joe@writer.example"


def judge(content: bytes) -> tuple[str, str] | None:
    head = content[: 64 * 1024]
    return excess(MessageHead(Headers.of(head), head, len(content)), 1, lambda: content)


def test_size_is_counted_without_the_fields_of_ses() -> None:
    largest = SENT + b"x" * (MAX_MESSAGE_BYTES - len(SENT))
    assert judge(stored(largest)) is None
    assert judge(stored(largest + b"x")) == TOO_LARGE


def test_what_a_function_gets_of_the_largest_message_may_take_its_place() -> None:
    line = b"x" * 76 + b"\r\n"
    largest = (SENT + line * (MAX_MESSAGE_BYTES // len(line)))[:MAX_MESSAGE_BYTES]
    criteria.check(stored(largest), Headers.of(stored()))
    with pytest.raises(MessageRejected, match="larger than 40 MB"):
        criteria.check(stored(largest + b"x"), Headers.of(stored()))


def test_hops_are_counted_without_the_one_to_ses() -> None:
    hop = b"Received: from a.example by b.example; Sun, 29 Nov 2026 09:41:07 +0000\r\n"
    assert judge(stored(hop * MAX_HOPS + SENT)) is None
    assert judge(stored(hop * (MAX_HOPS + 1) + SENT)) == LOOP


def test_a_fold_in_front_of_the_sender_hides_no_sender() -> None:
    headers = Headers.of(stored(b" From: joe@bad.example\r\nSubject: s\r\n\r\nhello\r\n"))
    froms = {str(address) for reading in headers.authors.readings for address in reading.froms}
    assert froms == {"joe@bad.example"}
