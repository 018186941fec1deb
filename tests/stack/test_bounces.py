"""On a running stack: a bounce leaves for the Internet as a report that others can read, or comes in as mail does."""

from __future__ import annotations

import email
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.house import wait_for
from tests.support.reports import outbox, status_of

if TYPE_CHECKING:
    from tests.support.house import House

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

LETTER = (
    b"Message-ID: <plum-%d@elsewhere.example>\r\nFrom: Bob <bob@elsewhere.example>\r\nSubject: plums\r\n"
    b"Bcc: secret@elsewhere.example\r\n\r\nhello\r\n"
)


def facts_of(house: House, number: int) -> list[dict[str, Any]]:
    done = house.command("trace", "--message-id", f"<plum-{number}@elsewhere.example>", "--json")
    return list(json.loads(done.stdout)) if done.returncode == 0 else []


def names_of(house: House, number: int) -> set[str]:
    return {fact["name"] for fact in facts_of(house, number)}


def test_a_bounce_is_in_the_outbox_as_rfc_3464_has_it(house: House) -> None:
    organization = house.organization("bouncing")
    house.user(organization, "ann", "ann@bouncing.example")
    house.send(LETTER % 1, "nobody@bouncing.example", "who@bouncing.example", sender="bob@elsewhere.example")
    ((envelope, report),) = wait_for(lambda: outbox(house, "bob@elsewhere.example"))
    assert (envelope["from"], envelope["to"]) == ("", ["bob@elsewhere.example"])
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
    wait_for(lambda: "BOUNCE_SENT" in names_of(house, 1))
    said = house.command("trace", "--message-id", "<plum-1@elsewhere.example>").stdout.decode()
    assert "told sender" in said


def test_a_raw_bounce_is_in_the_outbox_as_well(house: House) -> None:
    organization = house.organization("manybounces")
    house.user(organization, "ann", "ann@manybounces.example")
    nobodies = [f"n{number:02}@manybounces.example" for number in range(60)]  # more than SES answers for
    house.send(LETTER % 2, *nobodies, sender="raw@elsewhere.example")
    ((envelope, report),) = wait_for(lambda: outbox(house, "raw@elsewhere.example"))
    assert envelope["from"] == "mailer-daemon@manybounces.example"
    assert report["Auto-Submitted"] == "auto-replied"
    about, *recipients = status_of(report)
    assert about["Reporting-MTA"] == "dns; manybounces.example"
    assert [each["Final-Recipient"] for each in recipients] == [f"rfc822; {nobody}" for nobody in nobodies]
    assert "secret" not in report.as_string()


def test_a_bounce_to_one_of_us_arrives_as_mail(house: House) -> None:
    user = house.user(house.organization("returned"), "ann", "ann@returned.example")
    house.send(LETTER % 3, "nobody@returned.example", sender="ann@returned.example")
    (item,) = wait_for(lambda: house.rows("mailbox", "list", user))
    content = house.command("mailbox", "show", user, item["id"]).stdout
    assert email.message_from_bytes(content).get_content_type() == "multipart/report"


def test_a_forged_sender_hears_nothing_and_the_trace_says_why(house: House) -> None:
    house.organization("forged")
    verdicts = b"X-Local-SES-Verdicts: spf=FAIL; dkim=FAIL; dmarc=FAIL\r\n"
    house.send(verdicts + LETTER % 4, "nobody@forged.example", sender="victim@elsewhere.example")
    wait_for(lambda: "BOUNCE_SUPPRESSED" in names_of(house, 4))
    (fact,) = (fact for fact in facts_of(house, 4) if fact["name"] == "BOUNCE_SUPPRESSED")
    assert "neither SPF nor an aligned DKIM" in fact["data"]["reason"]
    assert outbox(house, "victim@elsewhere.example") == []
