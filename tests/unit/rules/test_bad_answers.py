"""Whatever a rule's function answers or does, its message has one end, and the trace gives the reason."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.contracts.rule_lambda import MAX_ANSWER_BYTES
from postroom.errors import StoreUnavailableError
from postroom.model.facts import EventName, Fact, OwnFact, trace_of
from postroom.ports.rule_functions import Failure
from postroom.rules.decision import MAX_NAMES_BYTES
from tests.support.builders import ORG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.unit.rules.conftest import MailSystem

MESSAGE = b"From: Bob <bob@example.org>\r\nSubject: plums\r\n\r\nten of them\r\n"
ANN, BEN, CLEO, DAN = (f"{name}@acme.test" for name in ("ann", "ben", "cleo", "dan"))

MAX_ITEM_BYTES = 400 * 1024
"""Largest item. Source: DynamoDB's quotas."""


def only(facts: Sequence[Fact], name: EventName | OwnFact) -> Fact:
    (found,) = [fact for fact in facts if fact.name is name]
    return found


def answer(*entries: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"actions": entries, **more}).encode()


def entry(kind: str, *recipients: str, **parameters: str) -> dict[str, Any]:
    return {"action": {"type": kind, "parameters": parameters}, "recipients": recipients}


def size(fact: Fact) -> int:
    """Return about how many bytes a fact takes as an item."""
    return sum(len(json.dumps(part, ensure_ascii=False).encode()) for part in (fact.event, fact.data))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"true",
        b"{}",
        answer(padding="x" * 300 * 1024),
        b'{"actions": [{"action": {"type": "DROP"}, "recipients": {"ann@acme.test": true}}]}',
        b'{"actions": [{"action": {"type": 1}, "allRecipients": true}]}',
        b'{"actions": [{"action": {"type": "DELETE"}, "allRecipients": true}]}',
        b'{"actions": [{"action": {"type": "SMTP_GATEWAY"}, "allRecipients": true}]}',
        b'{"actions": [], "score": NaN}',
        b'{"actions": [], "score": -Infinity}',
        b'{"actions": [], "score": ' + b"9" * 5000 + b"}",
        b'{"actions": [{"action": {"type": "DROP"}, "recipients": ["\xff@acme.test"]}]}',
        b'{"actions": [{"action": {"type": "DROP"}, "allRecipients": true}',
        b'{"actions": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        json.dumps({"actions": [1] * 50_000}).encode(),
    ],
)
def test_after_an_answer_of_another_form_the_function_is_called_again_and_then_the_fallback_applies(
    mail_system: MailSystem, payload: bytes
) -> None:
    mail_system.rules(mail_system.lambda_rule(lambda _: payload, timeout=1))
    mail_system.says(payload)
    mail_system.arrive("m1", MESSAGE, ANN, BEN)
    while mail_system.queues.later["run_sync_rule"]:
        assert mail_system.where(MESSAGE) == {}
        mail_system.call_again()
    assert mail_system.where(MESSAGE) == {"ann": "JUNK_EMAIL", "ben": "JUNK_EMAIL"}
    facts = mail_system.ledger.facts(trace_of("m1", ORG))
    attempts = [fact for fact in facts if fact.name is OwnFact.RULE_ATTEMPTED]
    assert len(attempts) > 1
    assert {fact.data["failure"] for fact in attempts} == {"INVALID_ANSWER"}
    assert len({fact.data["invocationId"] for fact in attempts}) == 1
    assert max(map(size, attempts)) < 2000
    assert only(facts, EventName.RULE_APPLIED).data["why"] == {"FALLBACK": [ANN, BEN]}


def test_a_function_that_sleeps_is_called_again(mail_system: MailSystem) -> None:
    def sleep(_: Any) -> Any:
        raise TimeoutError

    mail_system.rules(mail_system.lambda_rule(sleep, timeout=0))
    facts = mail_system.arrive("m1", MESSAGE, ANN)
    assert only(facts, OwnFact.RULE_ATTEMPTED).data["failure"] == Failure.TIMED_OUT
    assert mail_system.where(MESSAGE) == {"ann": "JUNK_EMAIL"}


def test_a_function_that_is_throttled_is_called_again(mail_system: MailSystem) -> None:
    mail_system.rules(mail_system.lambda_rule(lambda _: {"actions": [entry("DEFAULT", ANN)]}))
    (arn,) = mail_system.functions.functions
    mail_system.functions.throttled.add(arn)
    facts = mail_system.arrive("m1", MESSAGE, ANN)
    assert only(facts, OwnFact.RULE_ATTEMPTED).data["failure"] == Failure.THROTTLED
    mail_system.functions.throttled.clear()
    mail_system.call_again()
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}


class NoAnswer:
    """Policies that Lambda does not return, for example because it throttles."""

    def policy(self, function_arn: str) -> Any:
        raise StoreUnavailableError(f"could not read the policy of {function_arn}")


def test_if_lambda_does_not_return_the_policy_the_attempt_has_failed_like_any_other(mail_system: MailSystem) -> None:
    """Rather than become a dead letter, which would wait for a person and not for the rule's timeout."""
    caller = replace(mail_system.run_sync_rule.caller, policies=NoAnswer())
    mail_system.run_sync_rule = replace(mail_system.run_sync_rule, caller=caller)
    mail_system.rules(mail_system.lambda_rule(lambda _: None, timeout=1))
    mail_system.arrive("m1", MESSAGE, ANN)
    while mail_system.queues.later["run_sync_rule"]:
        mail_system.call_again()
    assert mail_system.functions.calls == []
    assert mail_system.where(MESSAGE) == {"ann": "JUNK_EMAIL"}
    attempts = [f for f in mail_system.ledger.facts(trace_of("m1", ORG)) if f.name is OwnFact.RULE_ATTEMPTED]
    assert {fact.data["failure"] for fact in attempts} == {Failure.UNAVAILABLE}


def test_names_with_a_display_name_or_in_upper_case_are_understood(mail_system: MailSystem) -> None:
    mail_system.rules(mail_system.lambda_rule(lambda _: None))
    mail_system.says(answer(entry("DROP", "Ann, that is <ANN@Acme.Test>"), entry("DEFAULT", " BEN@ACME.TEST\n")))
    mail_system.arrive("m1", MESSAGE, ANN, BEN)
    assert mail_system.where(MESSAGE) == {"ben": "INBOX"}


def test_unknown_names_change_nothing_for_other_recipients(mail_system: MailSystem) -> None:
    strange = ["", "everybody", "zoe@acme.test", "eve@elsewhere.test", "\ud800", "\udfff@acme.test", "a\r\nb@acme.test"]
    mail_system.rules(mail_system.lambda_rule(lambda _: None))
    mail_system.says(answer(entry("DEFAULT", ANN, *strange), entry("DROP", BEN)))
    facts = mail_system.arrive("m1", MESSAGE, ANN, BEN)
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}
    ignored = only(facts, EventName.RULE_APPLIED).data["ignored"]
    assert ignored["zoe@acme.test"] == "NO_MAILBOX"
    assert ignored["eve@elsewhere.test"] == "OTHER_ORGANIZATION"
    assert ignored["?"] == ignored["?@acme.test"] == ignored["a b@acme.test"] == ignored[""] == "NO_ADDRESS"


def test_the_eleventh_action_gets_the_fallback(mail_system: MailSystem) -> None:
    names = [f"u{number}" for number in range(11)]
    for name in names:
        mail_system.user(name)
    mail_system.rules(mail_system.lambda_rule(lambda _: None))
    mail_system.says(answer(*(entry("BOUNCE", f"{name}@acme.test", bounceMessage=name) for name in names)))
    facts = mail_system.arrive("m1", MESSAGE, *(f"{name}@acme.test" for name in names))
    assert [fact.name for fact in facts].count(EventName.INCOMING_EMAIL_BOUNCED) == 10
    assert mail_system.contents("u10", "JUNK_EMAIL") == [MESSAGE]


@pytest.mark.parametrize(
    "name",
    [
        "(" * 5000,
        ":" * 5000,
        "<" * 5000,
        "@" * 5000,
        "a" * 5000 + "@acme.test",
        "a@" + "x" * 5000 + ".test",
        "a@" + "ä" * 5000,
        "ann+" + "梅" * 120 + "@acme.test",
    ],
)
def test_a_name_that_is_not_an_address_is_ignored(mail_system: MailSystem, name: str) -> None:
    mail_system.rules(mail_system.lambda_rule(lambda _: None))
    mail_system.says(answer(entry("DEFAULT", name, ANN)))
    facts = mail_system.arrive("m1", MESSAGE, ANN)
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}
    ((told, why),) = only(facts, EventName.RULE_APPLIED).data["ignored"].items()
    assert (told, why) == (name[:320], "NO_ADDRESS")


def test_a_recipient_can_be_named_as_in_the_event_however_odd(mail_system: MailSystem) -> None:
    odd = ["a<b@acme.test", "a,b@acme.test", "a(b@acme.test", "a:b@acme.test", '"a b"@acme.test']
    mail_system.rules(mail_system.lambda_rule(lambda _: None))
    mail_system.functions.functions = dict.fromkeys(
        mail_system.functions.functions,
        lambda event: answer(entry("DROP", *(one["address"] for one in json.loads(event)["envelope"]["recipients"]))),
    )
    facts = mail_system.arrive("m1", MESSAGE, *odd)
    applied = only(facts, EventName.RULE_APPLIED)
    assert [did["action"] for did in applied.event["ruleActions"]] == ["DROP"]
    assert len(applied.event["ruleActions"][0]["recipients"]) == len(odd)


@pytest.mark.parametrize(
    "names",
    [
        [chr(0x4E00 + number) for number in range(20_000)],
        [f"a@{number:x}.test" for number in range(16_000)],
        [f"{number:x}@acme.test" for number in range(13_000)],
        ["梅" * 70_000],
        ["\\" * 120_000],
    ],
)
def test_an_answer_full_of_strange_names_makes_a_fact_that_can_be_stored(
    mail_system: MailSystem, names: list[str]
) -> None:
    payload = json.dumps({"actions": [entry("DEFAULT", ANN, *names)]}, ensure_ascii=False).encode()
    assert len(payload) <= MAX_ANSWER_BYTES
    mail_system.rules(mail_system.lambda_rule(lambda _: None))
    mail_system.says(payload)
    facts = mail_system.arrive("m1", MESSAGE, ANN)
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}
    applied = only(facts, EventName.RULE_APPLIED)
    assert size(applied) < MAX_NAMES_BYTES + 2000
    assert len(applied.data["ignored"]) + applied.data.get("namesLeftOut", 0) == len(names)


def test_five_hundred_recipients_with_long_addresses_make_a_fact_that_can_be_stored(mail_system: MailSystem) -> None:
    """Backslashes take twice their room in JSON."""
    tag = "\\" * 290
    mail_system.rules(mail_system.lambda_rule(lambda _: None))
    mail_system.functions.functions = dict.fromkeys(
        mail_system.functions.functions,
        lambda _: answer(entry("DEFAULT", ANN, *(f"ann+{number:03}{tag}@acme.test" for number in range(400)))),
    )
    facts = mail_system.arrive("m1", MESSAGE, ANN)
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}
    assert size(only(facts, EventName.RULE_APPLIED)) < MAX_ITEM_BYTES


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("Grüße \N{CHERRIES}", "Grüße \N{CHERRIES}"),
        ("no\r\nBcc: eve@example.org\0\x1b[2J\u2028", "no Bcc: eve@example.org [2J"),
        ("half \ud83c of a pair", "half ? of a pair"),
        ("", "refused by a mail flow rule"),
        (" \r\n", "refused by a mail flow rule"),
        ("x" * 5000, "x" * 4096),
    ],
)
def test_a_bounce_message_is_one_line_that_a_fact_can_hold(mail_system: MailSystem, said: str, reason: str) -> None:
    mail_system.rules(mail_system.lambda_rule(lambda _: None))
    mail_system.says(answer(entry("BOUNCE", ANN, bounceMessage=said)))
    facts = mail_system.arrive("m1", MESSAGE, ANN)
    bounced = only(facts, EventName.INCOMING_EMAIL_BOUNCED).event["bouncedRecipient"]
    assert bounced["reason"] == reason


def test_a_bounce_message_of_a_large_verdict_fits_into_a_fact(mail_system: MailSystem) -> None:
    mail_system.rules(mail_system.lambda_rule(lambda _: None))
    mail_system.says(
        b'{"actions": [{"action": {"type": "BOUNCE", "parameters": {"bounceMessage": "\\ud800"}},'
        b' "allRecipients": true}]}'
    )
    facts = mail_system.arrive("m1", MESSAGE, *(f"u{number}@acme.test" for number in range(60)))
    assert [fact.name for fact in facts].count(EventName.INCOMING_EMAIL_BOUNCED) == 60
