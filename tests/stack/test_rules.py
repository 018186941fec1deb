"""Mail-flow rules of a file on a running stack: mail is sent with smtplib and checked with `postroom trace`."""

from __future__ import annotations

import json
import re
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.reports import outbox, status_of
from tests.support.running_stack import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

RULES = {
    "inbound": [
        {"name": "No evil", "senders": ["*.evil.example"], "recipients": ["*"], "action": "DROP"},
        {"name": "But Eve", "senders": ["eve@mail.evil.example"], "recipients": ["*"], "action": "DEFAULT"},
        {
            "name": "Moved",
            "senders": ["*"],
            "recipients": ["old@ruled.example"],
            "action": "BOUNCE",
            "bounceMessage": "Write to ann@ruled.example",
        },
        {"name": "Ads", "senders": ["ads.example"], "recipients": ["*"], "action": "MOVE_TO_JUNK"},
        {"name": "Newsletter", "senders": ["news@letter.example"], "recipients": ["*"], "action": "BYPASS_SPAM_CHECK"},
    ]
}
SPAM = b"X-Local-SES-Verdicts: spam=FAIL\r\n"


def message(number: str, sender: str, *, extra: bytes = b"", to: str = "ann@ruled.example") -> bytes:
    fields = [f"From: <{sender}>", f"To: <{to}>", f"Subject: {number}", f"Message-ID: <{number}@letters.example>"]
    return extra + "\r\n".join([*fields, "", "Hello.", ""]).encode()


def facts(running: RunningStack, number: str) -> list[dict[str, Any]]:
    """Return the facts that `postroom trace` shows of a message; none while it is unknown."""
    done = running.command("trace", "--message-id", f"<{number}@letters.example>", "--json")
    return list(json.loads(done.stdout)) if done.returncode == 0 else []


def what_became(running: RunningStack, number: str, final: str) -> list[dict[str, Any]]:
    """Wait for a fact of a name; return all facts that exist then."""

    def look() -> list[dict[str, Any]]:
        found = facts(running, number)
        return found if any(fact["name"] == final for fact in found) else []

    return list(wait_for(look))


def test_rules_of_a_file_drop_bounce_junk_and_bypass_the_spam_check(running: RunningStack, tmp_path: Path) -> None:
    organization = running.organization("ruled")
    running.user(organization, "ann", "ann@ruled.example")
    running.user(organization, "old", "old@ruled.example")
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(RULES, sort_keys=False), "utf-8")
    named = ("--organization", "ruled")
    assert [row["change"] for row in running.rows("rules", "apply", file, *named)] == ["create"] * 5
    assert {row["change"] for row in running.rows("rules", "apply", file, *named)} == {"unchanged"}

    cases = {
        "dropped": ("bob@mail.evil.example", b"", "ann@ruled.example"),
        "spared": ("eve@mail.evil.example", b"", "ann@ruled.example"),
        "bounced": ("bob@friend.example", b"", "old@ruled.example"),
        "junked": ("shop@ads.example", b"", "ann@ruled.example"),
        "spam": ("bob@friend.example", SPAM, "ann@ruled.example"),
        "bypassed": ("news@letter.example", SPAM, "ann@ruled.example"),
    }
    for number, (sender, extra, to) in cases.items():
        running.send(message(number, sender, extra=extra, to=to), to, sender="envelope@elsewhere.example")

    for number, rule, folder in (
        ("spared", "But Eve", "INBOX"),
        ("junked", "Ads", "JUNK_EMAIL"),
        ("spam", None, "JUNK_EMAIL"),
        ("bypassed", "Newsletter", "INBOX"),
    ):
        told = what_became(running, number, "MAILBOX_EMAIL_DELIVERED")
        assert applied(told) == ([(rule, ["ann@ruled.example"])] if rule else []), number
        (delivered,) = [fact["event"] for fact in told if fact["name"] == "MAILBOX_EMAIL_DELIVERED"]
        assert delivered["folder"] == folder, number
    told = what_became(running, "dropped", "RULE_APPLIED")
    assert applied(told) == [("No evil", ["ann@ruled.example"])]
    told = what_became(running, "bounced", "INCOMING_EMAIL_BOUNCED")
    assert applied(told) == [("Moved", ["old@ruled.example"])]
    (bounced,) = [fact["event"]["bouncedRecipient"] for fact in told if fact["name"] == "INCOMING_EMAIL_BOUNCED"]
    assert (bounced["emailAddress"], bounced["reason"]) == ("old@ruled.example", "Write to ann@ruled.example")
    ((_, report),) = wait_for(lambda: outbox(running, "envelope@elsewhere.example"))  # of six messages, only this one
    about, recipient = status_of(report)
    assert about["Reporting-MTA"] == "dns; ruled.example"
    assert recipient == {
        "Final-Recipient": "rfc822; old@ruled.example",
        "Action": "failed",
        "Status": "5.7.1",
        "Diagnostic-Code": "smtp; 550 5.7.1 Write to ann@ruled.example",
    }
    *_, headers = report.iter_parts()
    assert "Message-ID: <bounced@letters.example>" in headers.get_content()
    told = what_became(running, "bounced", "BOUNCE_SENT")
    assert applied(told) == [("Moved", ["old@ruled.example"])]

    subjects = {row["subject"]: row["folder"] for row in running.rows("mailbox", "list", "ann@ruled.example")}
    assert subjects == {"spared": "INBOX", "junked": "JUNK_EMAIL", "spam": "JUNK_EMAIL", "bypassed": "INBOX"}
    assert running.rows("mailbox", "list", "old@ruled.example") == []
    shown = running.command("trace", "--message-id", "<dropped@letters.example>").stdout.decode()
    assert re.search(r"No evil \(rules version \d+\): DROP for ann@ruled\.example", shown)
    (tested,) = running.rows("rules", "test", "--from", "bob@mail.evil.example", "--to", "ann@ruled.example", *named)
    assert (tested["rule"], tested["action"]) == ("No evil", "DROP")


def applied(told: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """Return the rules that were applied, and their recipients."""
    events = [fact["event"] for fact in told if fact["name"] == "RULE_APPLIED"]
    return [(event["ruleName"], event["ruleActions"][0]["recipients"]) for event in events]


def test_a_rule_that_is_made_while_mail_arrives_decides_about_the_next_message(running: RunningStack) -> None:
    organization = running.organization("flowing")
    running.user(organization, "ann", "ann@flowing.example")
    workmail = running.client("workmail")
    sent: dict[str, float] = {}
    stop = threading.Event()

    def flood(worker: int) -> None:
        with running.smtp() as smtp:
            for number in range(1000):
                if stop.is_set():
                    return
                name = f"flow-{worker}-{number}"
                sent[name] = time.time() * 1000
                content = message(name, "bob@evil.example", to="ann@flowing.example")
                smtp.sendmail("bob@evil.example", ["ann@flowing.example"], content)

    threads = [threading.Thread(target=flood, args=(worker,)) for worker in range(3)]
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: len(sent) > 60)
        workmail.create_inbound_mail_flow_rule(
            OrganizationId=organization,
            Name="Enough",
            SenderPatterns=["evil.example"],
            RecipientPatterns=["*"],
            Action={"Type": "DROP"},
        )
        answered = time.time() * 1000
        wait_for(lambda: sum(when > answered for when in list(sent.values())) > 60)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    wait_for(running.is_idle)

    names = {f"<{name}@letters.example>": name for name in sent}
    traces: dict[str, str] = {}
    ends: dict[str, str] = {}
    for fact in running.operator().ledger.between(0, 1 << 53):
        if fact.organization_id == organization:
            if fact.name == "ORGANIZATION_EMAIL_RECEIVED":
                traces[fact.trace] = names[fact.event["messageId"]]
            elif fact.name in ("RULE_APPLIED", "MAILBOX_EMAIL_DELIVERED"):
                assert fact.trace not in ends, "one end for one recipient"
                ends[fact.trace] = fact.name
    assert sorted(traces.values()) == sorted(sent)
    assert set(ends) == set(traces)
    for trace, name in traces.items():
        if sent[name] > answered:
            assert ends[trace] == "RULE_APPLIED", name
    assert set(ends.values()) == {"RULE_APPLIED", "MAILBOX_EMAIL_DELIVERED"}
