"""On a running stack: a mail client submits by SMTP, as Thunderbird does: TLS, login, one message to two."""

from __future__ import annotations

import contextlib
import os
import re
import smtplib
import ssl
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from tests.support.reports import sent_to
from tests.support.running_stack import PASSWORD, ROOT, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

ADA, BOB, GROUP = "ada@smtp.example", "bob@smtp.example", "audit-of-smtp"
CARL = "carl@smtp-elsewhere.example"
MAIL = (
    b"From: Ada <ada@smtp.example>\r\nTo: bob@smtp.example\r\nMessage-ID: <1@smtp.example>\r\n"
    b"Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nSubject: caf\xe9\r\n\r\n.dots\r\n\xff" + b"x" * 2000 + b"\r\n"
)


@contextlib.contextmanager
def logged_in(running: RunningStack, password: str) -> Iterator[smtplib.SMTP]:
    host, _, port = running.environment["POSTROOM_SUBMISSION"].partition(":")
    trust = ssl.create_default_context(cafile=running.environment["POSTROOM_SUBMISSION_CERTIFICATE"])
    with smtplib.SMTP(host, int(port), timeout=120) as client:
        client.starttls(context=trust)
        client.login(ADA, password)
        yield client


def deliver(running: RunningStack, organization: str) -> None:
    """Let records of logins and of access rules go to one log group."""
    running.client("logs").create_log_group(logGroupName=GROUP)
    for log_type in ("AUTHENTICATION_LOGS", "ACCESS_CONTROL_LOGS"):
        running.client("workmail").put_audit_log_delivery(
            OrganizationId=organization,
            LogType=log_type,
            DeliveryDestinationType="CWL",
            DestinationResourceArn=f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}:*",
        )


def documented(running: RunningStack) -> None:
    """Send a message with the code of docs/clients.md, at the port with TLS from the first byte."""
    text = (ROOT / "docs" / "clients.md").read_text("utf-8")
    (code,) = [each for each in re.findall(r"```python\n(.+?)```", text, re.DOTALL) if "smtplib" in each]
    names = {"ADDRESS": ADA, "PASSWORD": PASSWORD, "MESSAGE": MAIL.replace(b"<1@", b"<2@")}
    with patch.dict(os.environ, running.environment):
        exec(compile(code, "docs/clients.md", "exec"), names)  # noqa: S102 - our own documentation


def test_a_client_logs_in_and_its_message_is_in_both_mailboxes_and_goes_outside(running: RunningStack) -> None:
    organization = running.organization("smtp")
    ada, bob = (running.user(organization, name, f"{name}@smtp.example") for name in ("ada", "bob"))
    deliver(running, organization)
    with pytest.raises(smtplib.SMTPAuthenticationError, match="535"), logged_in(running, "wrong"):
        pass
    with logged_in(running, PASSWORD) as client:
        assert client.sendmail(ADA, [BOB, CARL, BOB.upper()], MAIL, ["BODY=8BITMIME"]) == {}
        assert client.sendmail(ADA, [CARL, BOB.upper(), BOB], MAIL, ["BODY=8BITMIME"]) == {}, (
            "the same again is sent once"
        )
        assert client.sendmail(ADA, [BOB], MAIL + b"x" * 76 + b"\r\n" * 2_600_000) == {}, "it is staged"
        with pytest.raises(smtplib.SMTPDataError, match=r"550.*5\.7\.1"):
            client.sendmail(ADA, [BOB], MAIL.replace(b"ada@", b"bob@"))

    documented(running)

    def found(user: str, folder: str) -> list[dict[str, Any]]:
        return running.rows("mailbox", "list", user, "--folder", folder)

    wait_for(lambda: len(found(bob, "INBOX")) >= 2)
    for user, folder in ((ada, "SENT_ITEMS"), (bob, "INBOX")):
        small = min(found(user, folder), key=lambda row: (row["size"], row["id"]))
        assert running.command("mailbox", "show", user, small["id"]).stdout == MAIL
    assert (len(found(ada, "SENT_ITEMS")), len(found(bob, "INBOX"))) == (3, 2)
    ((envelope, content),) = wait_for(lambda: sent_to(running, CARL))
    assert (envelope["from"], envelope["to"]) == (ADA, [CARL])
    assert content.endswith(MAIL[MAIL.index(b"Subject:") :])  # SES writes Message-ID and Date anew

    def outcomes() -> set[tuple[Any, ...]]:
        keys = ("protocol", "auth_successful", "access_granted")
        return {tuple(record.get(key) for key in keys) for record in running.events(GROUP)}

    expected = {("SMTP", False, None), ("SMTP", True, None), ("SMTP", None, True)}
    wait_for(lambda: outcomes() == expected, seconds=60)
    log = (running.logs / "submission.log").read_text("utf-8")
    assert '"command": "DATA", "code": "250"' in log
    for text in (PASSWORD, "@smtp.example", "dots"):
        assert text not in log
