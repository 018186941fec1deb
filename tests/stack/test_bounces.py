"""On a running stack: a bounce message is sent to the Internet as a standard report, or arrives like other mail."""

from __future__ import annotations

import email
import json
from email import policy
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.reports import outbox, status_of
from tests.support.running_stack import wait_for

if TYPE_CHECKING:
    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

MESSAGE = (
    b"Message-ID: <plum-%d@elsewhere.example>\r\nFrom: Bob <bob@elsewhere.example>\r\nSubject: plums\r\n"
    b"Bcc: secret@elsewhere.example\r\n\r\nhello\r\n"
)


def facts_of(running: RunningStack, number: int) -> list[dict[str, Any]]:
    done = running.command("trace", "--message-id", f"<plum-{number}@elsewhere.example>", "--json")
    return list(json.loads(done.stdout)) if done.returncode == 0 else []


def names_of(running: RunningStack, number: int) -> set[str]:
    return {fact["name"] for fact in facts_of(running, number)}


def test_a_bounce_message_is_in_the_outbox_in_the_form_of_rfc_3464(running: RunningStack) -> None:
    organization = running.organization("bouncing")
    running.user(organization, "ann", "ann@bouncing.example")
    running.send(MESSAGE % 1, "nobody@bouncing.example", "who@bouncing.example", sender="Bob.B@elsewhere.example")
    ((envelope, report),) = wait_for(lambda: outbox(running, "Bob.B@elsewhere.example"))
    assert (envelope["from"], envelope["to"], report["To"]) == (
        "",
        ["Bob.B@elsewhere.example"],
        "Bob.B@elsewhere.example",
    )
    about, *recipients = status_of(report)
    assert about["Reporting-MTA"] == "dns; bouncing.example"
    assert recipients == [
        {
            "Final-Recipient": f"rfc822; {name}@bouncing.example",
            "Action": "failed",
            "Status": "5.1.1",
            "Diagnostic-Code": "smtp; 550 5.1.1 no such mailbox here",
        }
        for name in ("nobody", "who")
    ]
    text, _, headers = report.iter_parts()
    assert "Check the address" in str(text.get_payload())
    assert "plums" in headers.get_content()
    assert "secret" not in report.as_string()
    wait_for(lambda: "BOUNCE_SENT" in names_of(running, 1))
    said = running.command("trace", "--message-id", "<plum-1@elsewhere.example>").stdout.decode()
    assert "bounce sent" in said


def test_a_raw_bounce_message_is_in_the_outbox_as_well(running: RunningStack) -> None:
    organization = running.organization("manybounces")
    running.user(organization, "ann", "ann@manybounces.example")
    unknown = [f"n{number:02}@manybounces.example" for number in range(60)]  # more recipients than SendBounce takes
    running.send(MESSAGE % 2, *unknown, sender="raw@elsewhere.example")
    ((envelope, report),) = wait_for(lambda: outbox(running, "raw@elsewhere.example"))
    assert envelope["from"] == "mailer-daemon@manybounces.example"
    assert report["Auto-Submitted"] == "auto-replied"
    about, *recipients = status_of(report)
    assert about["Reporting-MTA"] == "dns; manybounces.example"
    assert [each["Final-Recipient"] for each in recipients] == [f"rfc822; {address}" for address in unknown]
    assert "secret" not in report.as_string()


def test_a_bounce_message_to_a_mailbox_of_the_stack_arrives_like_other_mail(running: RunningStack) -> None:
    user = running.user(running.organization("returned"), "ann", "ann@returned.example")
    running.send(MESSAGE % 3, "nobody@returned.example", sender="ann@returned.example")
    (item,) = wait_for(lambda: running.rows("mailbox", "list", user))
    content = running.command("mailbox", "show", user, item["id"]).stdout
    assert email.message_from_bytes(content).get_content_type() == "multipart/report"


def test_a_forged_sender_gets_no_bounce_message_and_the_trace_says_why(running: RunningStack) -> None:
    running.organization("forged")
    verdicts = b"X-Local-SES-Verdicts: spf=FAIL; dkim=FAIL; dmarc=FAIL\r\n"
    running.send(verdicts + MESSAGE % 4, "nobody@forged.example", sender="victim@elsewhere.example")
    wait_for(lambda: "BOUNCE_SUPPRESSED" in names_of(running, 4))
    (fact,) = (fact for fact in facts_of(running, 4) if fact["name"] == "BOUNCE_SUPPRESSED")
    assert "neither SPF nor an aligned DKIM" in fact["data"]["reason"]
    assert outbox(running, "victim@elsewhere.example") == []


def test_a_user_whose_message_ses_could_not_deliver_finds_a_report_in_the_inbox(running: RunningStack) -> None:
    organization = running.organization("failing")
    ann = running.user(organization, "ann", "ann@failing.example")
    to = "Bounce+No.User@simulator.local"
    mail = b"From: ann@failing.example\r\nSubject: plums\r\n\r\nhello\r\n"
    workmail: Any = running.client("workmail")
    said = workmail.submit_raw_message(OrganizationId=organization, UserId=ann, RawMessage=mail, Recipients=[to])
    (item,) = wait_for(lambda: running.rows("mailbox", "list", ann, "--folder", "INBOX"))
    report = email.message_from_bytes(running.command("mailbox", "show", ann, item["id"]).stdout, policy=policy.default)
    _, recipient = status_of(report)
    assert (recipient["Final-Recipient"], recipient["Diagnostic-Code"]) == (f"rfc822; {to}", "smtp; 550 5.0.0 No.User")
    assert (report["To"], report["In-Reply-To"]) == ("ann@failing.example", said["MessageId"])
    trace = json.loads(running.command("trace", said["TraceId"], "--json").stdout)
    names = [fact["name"] for fact in trace]
    assert {"OUTGOING_EMAIL_SENT", "OUTGOING_EMAIL_BOUNCED", "BOUNCE_SENT"} <= set(names)
    assert len(running.rows("mailbox", "list", ann, "--folder", "INBOX")) == 1, "SES forwards no bounce"
