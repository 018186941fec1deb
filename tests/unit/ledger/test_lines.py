"""Lines of the event log: exactly WorkMail's form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from postroom.contracts.event_log import EVENTS, Event, RuleAction
from postroom.contracts.log_batches import MAX_LINE_BYTES
from postroom.ledger.lines import line_of
from postroom.model.log_lines import LogLine
from tests.support.facts import (
    NOON,
    bounced_in,
    bounced_out,
    delivered,
    dmarc_applied,
    fact,
    journaled,
    received,
    rule,
    sent,
    submitted,
)

GOLDEN: dict[str, tuple[Event, str]] = {
    "received": (
        received("userb@example.com", "c@example.com"),
        '{"traceId":"t1","event":{"eventName":"ORGANIZATION_EMAIL_RECEIVED","recipients":["userb@example.com",'
        '"c@example.com"],"from":"usera@example.com","subject":"Quarterly figures","messageId":"<1@example.com>",'
        '"spamVerdict":"PASS","dkimVerdict":"PASS","dmarcVerdict":"FAIL","dmarcPolicy":"NONE","spfVerdict":"GRAY",'
        '"messageTimestamp":"2026-11-18T11:06:40.000Z"}}',
    ),
    "delivered": (
        delivered(),
        '{"traceId":"t1","event":{"eventName":"MAILBOX_EMAIL_DELIVERED","recipient":"userb@example.com",'
        '"folder":"INBOX"}}',
    ),
    "rule": (
        rule(),
        '{"traceId":"t1","event":{"eventName":"RULE_APPLIED","ruleName":"no newsletters","ruleType":"INBOUND_RULE",'
        '"ruleActions":[{"action":"MOVE_TO_JUNK","recipients":["userb@example.com"]}]}}',
    ),
    "mailbox rule": (
        rule("MAILBOX_RULE", rule_actions=(), target_folder="Archive", target_recipient="d@example.com"),
        '{"traceId":"t1","event":{"eventName":"RULE_APPLIED","ruleName":"no newsletters","ruleType":"MAILBOX_RULE",'
        '"ruleActions":[],"targetFolder":"Archive","targetRecipient":"d@example.com"}}',
    ),
    "journaled": (
        journaled(),
        '{"traceId":"t1","event":{"eventName":"JOURNALING_INITIATED","journalingAddress":"journal@archive.example"}}',
    ),
    "bounced in": (
        bounced_in(),
        '{"traceId":"t1","event":{"eventName":"INCOMING_EMAIL_BOUNCED","bouncedRecipient":{"emailAddress":'
        '"full@example.com","reason":"mailbox full","status":"5.2.2"}}}',
    ),
    "submitted": (
        submitted("userb@example.com", sender="robot@example.com", subject="Grüße"),
        '{"traceId":"t1","event":{"eventName":"OUTGOING_EMAIL_SUBMITTED","recipients":["userb@example.com"],'
        '"sender":"robot@example.com","from":"usera@example.com","subject":"Grüße"}}',
    ),
    "sent": (
        sent("c@there.example"),
        '{"traceId":"t1","event":{"eventName":"OUTGOING_EMAIL_SENT","recipient":"c@there.example",'
        '"from":"usera@example.com","messageId":"<1@example.com>"}}',
    ),
    "bounced out": (
        bounced_out("d@there.example"),
        '{"traceId":"t1","event":{"eventName":"OUTGOING_EMAIL_BOUNCED","bouncedRecipient":{"emailAddress":'
        '"d@there.example","reason":"no such user","status":"5.1.1"},"destination":"d@there.example",'
        '"reason":"no such user"}}',
    ),
    "dmarc": (
        dmarc_applied(),
        '{"traceId":"t1","event":{"eventName":"DMARC_POLICY_APPLIED","from":"usera@example.com",'
        '"recipients":["userb@example.com"],"policy":"QUARANTINE"}}',
    ),
}


@pytest.mark.parametrize(("event", "text"), GOLDEN.values(), ids=GOLDEN)
def test_a_record_is_workmails_to_the_letter(event: Event, text: str) -> None:
    assert line_of(fact(event)) == LogLine("t1/" + event.name.value, NOON, text)


def test_there_is_a_golden_record_of_every_event() -> None:
    assert {event.name for event, _ in GOLDEN.values()} == set(EVENTS)


@pytest.mark.parametrize(
    "event",
    [
        received(*(f"{'x' * 60}{n}@{'y' * 240}.example" for n in range(1000))),
        received("b@example.com", subject="\u00fc" * 300_000),
        rule(rule_actions=(RuleAction(action="BOUNCE", recipients=tuple(f"{n:0300}@x.example" for n in range(2000))),)),
    ],
    ids=["recipients", "subject", "one action's recipients"],
)
def test_a_record_that_is_too_long_keeps_its_shape_and_loses_the_ends_of_its_longest_fields(event: Event) -> None:
    line = line_of(fact(event))
    assert MAX_LINE_BYTES // 4 < len(line.text.encode()) <= MAX_LINE_BYTES
    whole, cut = event.fields(), json.loads(line.text)["event"]
    assert cut.keys() == {"eventName", *whole}
    for name, value in whole.items():
        assert begins(value, cut[name])


def begins(whole: Any, cut: Any) -> bool:
    """Say whether a JSON value is the beginning of another one."""
    if isinstance(whole, dict):
        return whole.keys() == cut.keys() and all(begins(whole[name], cut[name]) for name in whole)
    if isinstance(whole, list):
        return bool(cut) and all(begins(a, b) for a, b in zip(whole, cut, strict=False))
    return bool(whole[: len(cut)] == cut) if isinstance(whole, str) else bool(whole == cut)


def test_what_utf8_cannot_write_becomes_a_question_mark() -> None:
    assert json.loads(line_of(fact(received(subject="a\ud800b"))).text)["event"]["subject"] == "a?b"
