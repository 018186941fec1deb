"""WorkMail's metrics: its names and its counting rules (ZH:1515-1527)."""

from __future__ import annotations

from postroom.adapters.memory.metrics import MemoryMetrics
from postroom.ledger.counting import METRICS, count
from postroom.model.facts import OwnFact
from postroom.ports.metrics import AVAILABILITY_PROVIDER_FAILURE, RULE_FUNCTION_FAILURE
from tests.support.builders import provider_call
from tests.support.facts import (
    ACME,
    NOON,
    OTHER,
    bounced_in,
    bounced_out,
    delivered,
    dmarc_applied,
    fact,
    journaled,
    own,
    received,
    rule,
    sent,
    submitted,
)


def test_a_mail_counts_once_and_each_of_its_recipients_once() -> None:
    metrics = MemoryMetrics()
    count(
        [
            fact(received(*(f"user{n}@example.com" for n in range(10)))),
            *(fact(delivered(f"user{n}@example.com"), key=f"delivered:{n}") for n in range(8)),
            *(fact(bounced_in(f"user{n}@example.com"), key=f"bounced:{n}") for n in (8, 9)),
            fact(submitted("c@there.example", "d@there.example", "e@there.example"), "t2"),
            *(fact(sent(f"{name}@there.example"), "t2", key=name) for name in "cd"),
            fact(bounced_out("e@there.example"), "t2"),
        ],
        metrics,
    )
    assert metrics.sums == {
        (ACME, "OrganizationEmailReceived"): 1,
        (ACME, "MailboxEmailDelivered"): 8,
        (ACME, "IncomingEmailBounced"): 2,
        (ACME, "OutgoingEmailSent"): 2,
        (ACME, "OutgoingEmailBounced"): 1,
    }


def test_what_workmail_does_not_count_is_not_counted() -> None:
    metrics = MemoryMetrics()
    silent = [fact(event) for event in (rule(), journaled(), dmarc_applied(), submitted("c@there.example"))]
    count([*silent, *(own(name) for name in OwnFact if name is not OwnFact.PROVIDER_ASKED)], metrics)
    assert not metrics.sums


def test_a_bounce_counts_whatever_its_reason() -> None:  # ours: the guide's table speaks of full mailboxes only
    assert METRICS[bounced_in().name] == "IncomingEmailBounced"


def test_every_call_of_a_provider_is_an_observation_of_1_or_0() -> None:
    metrics = MemoryMetrics()
    call = provider_call(organization_id=ACME)
    count([call.ended(NOON), call.ended(NOON, "no"), call.ended(NOON), call.stopped(NOON)], metrics)
    assert metrics.sums[ACME, AVAILABILITY_PROVIDER_FAILURE] == 2
    assert metrics.observations[ACME, AVAILABILITY_PROVIDER_FAILURE] == 4
    assert metrics.totals == {AVAILABILITY_PROVIDER_FAILURE: 2}


def test_an_attempt_of_a_rule_counts_if_it_failed() -> None:
    metrics = MemoryMetrics()
    attempts = [
        own(OwnFact.RULE_ATTEMPTED),
        own(OwnFact.RULE_ATTEMPTED, failure="FUNCTION_ERROR"),
        own(OwnFact.RULE_ATTEMPTED, failure="INVALID_ANSWER"),
        own(OwnFact.RULE_ATTEMPTED, failure="HELD_BACK", organization_id=OTHER),
    ]
    count(attempts, metrics)
    assert metrics.sums == {(ACME, RULE_FUNCTION_FAILURE): 2, (OTHER, RULE_FUNCTION_FAILURE): 1}


def test_organizations_and_minutes_are_counted_apart() -> None:
    metrics = MemoryMetrics()
    minute = NOON - NOON % 60_000
    facts = [
        fact(received(), "t1", minute),
        fact(received(), "t2", minute + 59_999),
        fact(received(), "t3", minute + 60_000),
        fact(received(), "t4", minute, organization_id=OTHER),
    ]
    count(facts, metrics)
    assert metrics.minutes == [minute, minute + 60_000, minute]
    assert metrics.sums == {(ACME, "OrganizationEmailReceived"): 3, (OTHER, "OrganizationEmailReceived"): 1}
