"""Rules and DMARC on the way of a message: through the functions' own handlers, into mailboxes and the ledger."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from local.emulator import insights
from postroom.adapters.aws import clients
from postroom.adapters.aws.rule_sets import S3RuleSets
from postroom.contracts.event_log import record_of
from postroom.errors import ConflictError
from postroom.model.facts import EventName, Fact, trace_of
from tests.support.builders import ORG, OTHER
from tests.support.commits import Watched, chunk_of
from tests.support.pipeline import Pipeline
from tests.support.rules import BOUNCE, BYPASS, DROP, JUNK, rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.inbound.ingest import Ingest
    from postroom.ports.transit import Commit
    from tests.support.stack import Stack

MESSAGE = b"From: Bob <bob@example.org>\nTo: x\nSubject: plum pudding\n\nsecret recipe\n\xff.\r\n"
FAILED = {"dmarc": "FAIL"}


@pytest.fixture
def pipeline(stack: Stack) -> Pipeline:
    made = Pipeline(stack)
    made.organization()
    for name in ("ann", "ben", "cleo"):
        made.entity(name)
    return made


def facts(pipeline: Pipeline, message_id: str, name: EventName) -> Sequence[Fact]:
    return [fact for fact in pipeline.operator.ledger.facts(trace_of(message_id, ORG)) if fact.name is name]


def parked(pipeline: Pipeline) -> list[str]:
    return [each.cause for each in pipeline.operator.parking.list()]


def test_each_recipient_gets_the_action_of_its_rule(pipeline: Pipeline) -> None:
    pipeline.apply_rules(
        rule(DROP, "example.org", "ann@acme.test", id="r1", name="not for Ann"),
        rule(BOUNCE, "*.org", "ben@acme.test", id="r2", name="not for Ben", message="Ben has left."),
        rule(JUNK, "bob@example.org", "cleo@acme.test", id="r3", name="not now"),
    )
    pipeline.arrive("m1", MESSAGE, "ann@acme.test", "ben@acme.test", "cleo@acme.test")
    pipeline.pump()

    assert pipeline.contents("ann") == pipeline.contents("ben") == pipeline.contents("cleo") == []
    assert pipeline.contents("cleo", "JUNK_EMAIL") == [MESSAGE]
    assert [dict(fact.event) for fact in facts(pipeline, "m1", EventName.RULE_APPLIED)] == [
        {"ruleName": name, "ruleType": "INBOUND_RULE", "ruleActions": [{"action": action, "recipients": [recipient]}]}
        for name, action, recipient in (
            ("not for Ann", "DROP", "ann@acme.test"),
            ("not for Ben", "BOUNCE", "ben@acme.test"),
            ("not now", "MOVE_TO_JUNK", "cleo@acme.test"),
        )
    ]
    assert [dict(fact.data) for fact in facts(pipeline, "m1", EventName.RULE_APPLIED)] == [
        {"ruleId": "r1", "rulesVersion": 1, "final": True},
        {"ruleId": "r2", "rulesVersion": 1, "final": False},
        {"ruleId": "r3", "rulesVersion": 1, "final": False},
    ]
    (bounced,) = facts(pipeline, "m1", EventName.INCOMING_EMAIL_BOUNCED)
    assert bounced.event["bouncedRecipient"] == {
        "emailAddress": "ben@acme.test",
        "reason": "Ben has left.",
        "status": "5.7.1",
    }


def test_spam_that_bypasses_the_spam_check_reaches_the_inbox(pipeline: Pipeline) -> None:
    pipeline.apply_rules(rule(BYPASS, "bob@example.org"))
    pipeline.arrive("m1", MESSAGE, "ann@acme.test", verdicts={"spam": "FAIL"})
    pipeline.pump()
    assert pipeline.contents("ann") == [MESSAGE]


def test_a_message_that_is_dropped_is_final_at_once(pipeline: Pipeline) -> None:
    pipeline.apply_rules(rule(DROP))
    body = pipeline.arrive("m1", MESSAGE, "ann@acme.test", "nobody@acme.test")
    pipeline.announce(body)
    pipeline.pump()
    assert pipeline.fact_names(trace_of("m1", ORG)) == ["ORGANIZATION_EMAIL_RECEIVED", "RULE_APPLIED"]
    assert pipeline.operator.transit.is_clear(trace_of("m1", ORG))


def test_a_virus_is_blocked_before_policy_and_rules(pipeline: Pipeline) -> None:  # ZH:3811
    pipeline.apply_rules(rule(BYPASS))
    pipeline.arrive("m1", MESSAGE, "ann@acme.test", verdicts={"virus": "FAIL", **FAILED}, dmarcPolicy="reject")
    pipeline.pump()
    assert pipeline.fact_names(trace_of("m1", ORG)) == ["MESSAGE_BLOCKED", "ORGANIZATION_EMAIL_RECEIVED"]


@pytest.mark.parametrize("change", ["created", "edited", "deleted"])
def test_a_changed_rule_applies_to_the_next_message(pipeline: Pipeline, change: str) -> None:  # ZH:3873, 4515
    before = {"created": [], "edited": [rule(DROP)], "deleted": [rule(JUNK)]}[change]
    after = {"created": [rule(JUNK)], "edited": [rule(JUNK)], "deleted": []}[change]
    pipeline.apply_rules(*before)
    pipeline.arrive("m1", MESSAGE, "ann@acme.test")
    pipeline.pump()
    kept = len(pipeline.contents("ann")), len(pipeline.contents("ann", "JUNK_EMAIL"))
    assert kept == {"created": (1, 0), "edited": (0, 0), "deleted": (0, 1)}[change]
    pipeline.apply_rules(*after, version=5)
    pipeline.arrive("m2", MESSAGE, "ann@acme.test")
    pipeline.pump()
    kept = len(pipeline.contents("ann")), len(pipeline.contents("ann", "JUNK_EMAIL"))
    assert kept == {"created": (1, 1), "edited": (0, 1), "deleted": (1, 1)}[change]


def test_a_missing_rule_set_parks_mail_and_does_not_count_as_no_rules(pipeline: Pipeline) -> None:
    pipeline.organization(OTHER, "umbrella.test")
    pipeline.entity("zoe", organization_id=OTHER, domain="umbrella.test")
    pipeline.point_at_rules(3)
    pipeline.arrive("m1", MESSAGE, "ann@acme.test", "zoe@umbrella.test")
    pipeline.pump()
    assert pipeline.contents("ann") == []
    assert parked(pipeline) == ["UnreadableRulesError: the rule set's version 3 is gone"]
    assert pipeline.contents("zoe") == [MESSAGE]  # another organization's missing rules do not affect it

    S3RuleSets(pipeline.stack.s3, "inbound-bucket").keep(ORG, 3, [rule(JUNK)])
    for each in list(pipeline.operator.parking.list()):
        pipeline.announce(each.body)
    pipeline.pump()
    assert pipeline.contents("ann", "JUNK_EMAIL") == [MESSAGE]
    assert pipeline.contents("zoe") == [MESSAGE]


def test_rules_are_read_once_per_worker_and_never_if_there_are_none(pipeline: Pipeline) -> None:
    keys: list[str] = []
    clients.s3().meta.events.register(
        "before-parameter-build.s3.GetObject", lambda params, **_: keys.append(params["Key"])
    )
    for number in range(2):
        pipeline.arrive(f"without-{number}", MESSAGE, "ann@acme.test")
        pipeline.pump()
    assert [key for key in keys if not key.startswith("inbound/")] == []
    pipeline.apply_rules(rule(DROP))
    for number in range(3):
        pipeline.arrive(f"with-{number}", MESSAGE, "ann@acme.test")
        pipeline.pump()
    assert [key for key in keys if key.startswith("rules/")] == [f"rules/{ORG}/1"]


def test_a_large_flow_keeps_its_first_decision_when_rules_change_halfway(pipeline: Pipeline) -> None:
    people = [f"p{number}@acme.test" for number in range(100)]
    pipeline.apply_rules(rule(DROP, "*", people[:40], id="r1"), rule(BOUNCE, "*", "acme.test", id="r2", message="no"))
    body = pipeline.arrive("m1", MESSAGE, *people)
    ingest: Ingest = pipeline.apps["ingest"].ingest
    chunks: list[Commit] = []

    def take_one_chunk(commit: Commit) -> None:
        if chunk_of(commit) is not None:
            if chunks:
                raise ConflictError("away")
            chunks.append(commit)

    stopped: Any = Watched(ingest.transit, take_one_chunk)
    with pytest.raises(ConflictError):
        dataclasses.replace(ingest, transit=stopped).accept(body)
    assert len(chunks) == 1
    assert len(facts(pipeline, "m1", EventName.RULE_APPLIED)) == 2

    pipeline.apply_rules(rule(BYPASS), version=2)
    pipeline.pump()

    applied = facts(pipeline, "m1", EventName.RULE_APPLIED)
    assert {fact.data["ruleId"]: fact.data["rulesVersion"] for fact in applied} == {"r1": 1, "r2": 1}
    assert {fact.data["ruleId"]: tuple(fact.event["ruleActions"][0]["recipients"]) for fact in applied} == {
        "r1": tuple(people[:40]),
        "r2": tuple(people[40:]),
    }
    bounced = [fact.event["bouncedRecipient"] for fact in facts(pipeline, "m1", EventName.INCOMING_EMAIL_BOUNCED)]
    assert sorted(each["emailAddress"] for each in bounced) == sorted(people[40:])
    assert {each["reason"] for each in bounced} == {"no"}
    assert pipeline.operator.transit.is_clear(trace_of("m1", ORG))


def test_five_hundred_recipients_with_a_rule_each_are_five_hundred_facts(pipeline: Pipeline) -> None:
    people = [f"p{number}@acme.test" for number in range(500)]
    pipeline.apply_rules(*(rule(DROP, "*", person) for person in people))
    pipeline.arrive("m1", MESSAGE, *people)
    pipeline.pump()
    applied = facts(pipeline, "m1", EventName.RULE_APPLIED)
    assert sorted(fact.event["ruleActions"][0]["recipients"][0] for fact in applied) == sorted(people)
    assert pipeline.operator.transit.is_clear(trace_of("m1", ORG))


def test_recipients_that_come_later_have_facts_of_their_own(pipeline: Pipeline) -> None:
    pipeline.apply_rules(rule(DROP, id="r1"))
    for names in (["ann@acme.test"], ["ann@acme.test", "ben@acme.test"], ["ann@acme.test", "ben@acme.test"]):
        pipeline.arrive("m1", MESSAGE, *names, verdicts=FAILED, dmarcPolicy="none")
        pipeline.pump()
    for name in (EventName.RULE_APPLIED, EventName.DMARC_POLICY_APPLIED):
        found = facts(pipeline, "m1", name)
        named = [fact.event.get("recipients") or fact.event["ruleActions"][0]["recipients"] for fact in found]
        assert sorted(map(tuple, named)) == [("ann@acme.test",), ("ben@acme.test",)]
    assert parked(pipeline) == []


def test_a_policy_of_reject_is_the_last_fact_of_every_recipient(pipeline: Pipeline) -> None:
    body = pipeline.arrive("m1", MESSAGE, "ann@acme.test", "nobody@acme.test", verdicts=FAILED, dmarcPolicy="reject")
    pipeline.announce(body)
    pipeline.pump()
    assert pipeline.contents("ann") == []
    assert pipeline.fact_names(trace_of("m1", ORG)) == ["DMARC_POLICY_APPLIED", "ORGANIZATION_EMAIL_RECEIVED"]
    (policy,) = facts(pipeline, "m1", EventName.DMARC_POLICY_APPLIED)
    assert policy.event == {
        "from": "bob@example.org",
        "recipients": ["ann@acme.test", "nobody@acme.test"],
        "policy": "REJECT",
    }
    assert policy.data == {"final": True}


def test_a_policy_is_applied_where_the_organization_enforces_it(pipeline: Pipeline) -> None:
    for policy in ("quarantine", "none"):
        pipeline.arrive(policy, MESSAGE, "ann@acme.test", verdicts=FAILED, dmarcPolicy=policy)
    pipeline.pump()
    assert (len(pipeline.contents("ann")), len(pipeline.contents("ann", "JUNK_EMAIL"))) == (1, 1)
    for policy in ("quarantine", "none"):
        (fact,) = facts(pipeline, policy, EventName.DMARC_POLICY_APPLIED)
        assert (fact.event["policy"], fact.data) == (policy.upper(), {"final": False})

    pipeline.point_at_rules(0, enforced=False)
    pipeline.arrive("off", MESSAGE, "ben@acme.test", verdicts=FAILED, dmarcPolicy="reject")
    pipeline.pump()
    assert pipeline.contents("ben") == [MESSAGE]
    assert facts(pipeline, "off", EventName.DMARC_POLICY_APPLIED) == []
    (received,) = facts(pipeline, "off", EventName.ORGANIZATION_EMAIL_RECEIVED)
    assert (received.event["dmarcVerdict"], received.event["dmarcPolicy"]) == ("FAIL", "REJECT")


def test_the_guides_query_counts_what_failed_by_policy(pipeline: Pipeline) -> None:  # ZH:4565, word for word
    for number, policy in enumerate(("reject", "reject", "quarantine", "none")):
        pipeline.arrive(f"m{number}", MESSAGE, "ann@acme.test", verdicts=FAILED, dmarcPolicy=policy)
    pipeline.arrive("passed", MESSAGE, "ann@acme.test")
    pipeline.point_at_rules(0, enforced=False)
    pipeline.arrive("off", MESSAGE, "ann@acme.test", verdicts=FAILED, dmarcPolicy="quarantine")
    pipeline.pump()
    found = insights.run('stats count() by event.dmarcPolicy | filter event.dmarcVerdict == "FAIL"', log(pipeline))
    assert {row["event.dmarcPolicy"]: row["count()"] for row in found.rows} == {"REJECT": 2, "QUARANTINE": 2, "NONE": 1}


def log(pipeline: Pipeline) -> list[insights.Event]:
    """Return the organization's event log, as record_events would write it."""
    facts = pipeline.operator.ledger.all_facts(ORG)
    return [insights.Event(fact.at, record_of(fact)) for fact in facts if isinstance(fact.name, EventName)]


def test_the_guides_query_shows_the_recipients_of_an_inbound_rule(pipeline: Pipeline) -> None:  # ZH:1880
    pipeline.apply_rules(rule(JUNK, name="no letters"))
    pipeline.arrive("m1", MESSAGE, "ann@acme.test")
    pipeline.pump()
    query = """fields @timestamp, event.ruleName, event.ruleActions.0.action, event.ruleActions.0.recipients.0
| sort @timestamp desc | filter event.ruleType = "INBOUND_RULE\""""
    (row,) = insights.run(query, log(pipeline)).rows
    del row["@timestamp"], row["@ptr"]
    assert row == {
        "event.ruleName": "no letters",
        "event.ruleActions.0.action": "MOVE_TO_JUNK",
        "event.ruleActions.0.recipients.0": "ann@acme.test",
    }
