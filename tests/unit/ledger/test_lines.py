"""Lines of the event log: exactly WorkMail's form, in calls within the limits of CloudWatch Logs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.contracts.event_log import EVENTS, Event, RuleAction
from postroom.ledger.lines import (
    LINE_OVERHEAD_BYTES,
    MAX_BATCH_BYTES,
    MAX_BATCH_LINES,
    MAX_BATCH_SPAN_MS,
    MAX_LINE_BYTES,
    batches,
    line_of,
)
from postroom.ports.event_log import LogLine
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


texts = st.one_of(
    st.text(max_size=20),
    st.integers(0, MAX_LINE_BYTES).map("x".__mul__),
    st.integers(0, MAX_LINE_BYTES // 3).map("\u20ac".__mul__),
)
times = st.one_of(st.integers(NOON, NOON + 10), st.integers(NOON - 20 * 86_400_000, NOON + 20 * 86_400_000))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(times, texts), max_size=60), st.integers(1, 70))
def test_calls_stay_within_every_limit_lose_nothing_and_are_in_order(given: list[tuple[int, str]], most: int) -> None:
    lines = [LogLine(str(place), at, text) for place, (at, text) in enumerate(given)]
    cut = list(batches(lines, most))
    assert [line for batch in cut for line in batch] == sorted(lines, key=lambda line: line.at_ms)
    for batch in cut:
        assert 1 <= len(batch) <= most
        assert sum(len(line.text.encode()) + LINE_OVERHEAD_BYTES for line in batch) <= MAX_BATCH_BYTES
        assert batch[-1].at_ms - batch[0].at_ms < MAX_BATCH_SPAN_MS


def test_a_call_holds_ten_thousand_lines_and_not_one_more() -> None:
    lines = [LogLine(str(n), NOON, "x") for n in range(MAX_BATCH_LINES + 1)]
    assert [len(batch) for batch in batches(lines)] == [MAX_BATCH_LINES, 1]


def test_a_call_is_filled_to_the_last_byte() -> None:
    half = LogLine("a", NOON, "x" * (MAX_BATCH_BYTES // 2 - LINE_OVERHEAD_BYTES))
    assert [len(batch) for batch in batches([half, half])] == [2]
    assert [len(batch) for batch in batches([half, LogLine("b", NOON, half.text + "x")])] == [1, 1]


def test_lines_24_hours_apart_go_into_two_calls() -> None:
    lines = [
        LogLine("a", NOON, ""),
        LogLine("b", NOON + MAX_BATCH_SPAN_MS - 1, ""),
        LogLine("c", NOON + MAX_BATCH_SPAN_MS, ""),
    ]
    assert [[line.id for line in batch] for batch in batches(lines)] == [["a", "b"], ["c"]]
