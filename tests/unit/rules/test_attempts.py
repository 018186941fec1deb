"""How often a rule's function is called, and when no more."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.model.facts import EventName, OwnFact, trace_of
from postroom.ports.rule_functions import Failure
from tests.support.builders import ORG, OTHER, call
from tests.support.rule_answers import ALL, MESSAGE, named, to

if TYPE_CHECKING:
    from tests.unit.rules.conftest import MailSystem


def test_a_function_that_fails_is_called_again_with_growing_gaps_then_the_fallback_applies(
    mail_system: MailSystem,
) -> None:
    """ZH:4155-4158."""
    seen: list[str] = []

    def fail(event: Any) -> Any:
        seen.append(event["invocationId"])
        raise ValueError("no good")

    mail_system.rules(mail_system.lambda_rule(fail, timeout=240))
    mail_system.arrive("m1", MESSAGE, *to("ann", "ben"))
    delays: list[int] = []
    while mail_system.queues.later["run_sync_rule"]:
        assert mail_system.where(MESSAGE) == {}
        delays += mail_system.call_again()
    assert len(set(seen)) == 1
    assert delays[:3] == [8, 15, 30]  # 10, 20 and 40 s, less a quarter
    assert delays[:-1] == sorted(delays[:-1])
    assert max(delays) <= 900
    assert 200 * 60 < sum(delays) <= 241 * 60
    assert mail_system.where(MESSAGE) == {"ann": "JUNK_EMAIL", "ben": "JUNK_EMAIL"}
    facts = mail_system.ledger.facts(trace_of("m1", ORG))
    attempts = named(facts, OwnFact.RULE_ATTEMPTED)
    assert [fact.data["attempt"] for fact in attempts] == list(range(1, len(delays) + 2))
    assert attempts[0].data["failure"] == Failure.FUNCTION_ERROR
    (applied,) = named(facts, EventName.RULE_APPLIED)
    assert applied.data["why"] == {"FALLBACK": to("ann", "ben")}


def test_with_a_timeout_of_zero_it_falls_back_at_once(mail_system: MailSystem) -> None:
    mail_system.rules(mail_system.lambda_rule(lambda _: None, timeout=0))
    facts = mail_system.arrive("m1", MESSAGE, *to("ann"))
    assert mail_system.where(MESSAGE) == {"ann": "JUNK_EMAIL"}
    (attempt,) = named(facts, OwnFact.RULE_ATTEMPTED)
    assert attempt.data["failure"] == "INVALID_ANSWER"
    assert not mail_system.queues.later["run_sync_rule"]


def test_a_function_that_recovers_decides(mail_system: MailSystem) -> None:
    answers: list[Any] = [None, None, ALL]
    mail_system.rules(mail_system.lambda_rule(lambda _: answers.pop(0)))
    mail_system.arrive("m1", MESSAGE, *to("ann"))
    mail_system.call_again()
    assert mail_system.where(MESSAGE) == {}
    mail_system.call_again()
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}
    assert not mail_system.queues.later["run_sync_rule"]


def test_a_function_that_one_organizations_mail_breaks_is_still_called_for_anothers(mail_system: MailSystem) -> None:
    def answer(event: Any) -> Any:
        if event["subject"] == "poison":
            raise TimeoutError
        return ALL

    shared, caller = mail_system.function("shared", answer), mail_system.run_sync_rule.caller
    everybody = {"ArnLike": {"AWS:SourceArn": "arn:aws:workmail:us-east-1:123456789012:organization/*"}}
    mail_system.functions.policies[shared]["Statement"][0]["Condition"] = everybody
    poison = call(function_arn=shared, subject="poison")
    failures = [caller.ask(poison, number).fact.data["failure"] for number in (1, 2)]
    assert failures == [Failure.TIMED_OUT, Failure.HELD_BACK]
    assert caller.ask(call(function_arn=shared, organization_id=OTHER), 1).answer is not None


def test_a_function_without_permission_is_not_called(mail_system: MailSystem) -> None:
    made = mail_system.lambda_rule(lambda _: ALL, timeout=0)
    mail_system.functions.policies.clear()
    mail_system.rules(made)
    facts = mail_system.arrive("m1", MESSAGE, *to("ann"))
    assert mail_system.functions.calls == []
    (attempt,) = named(facts, OwnFact.RULE_ATTEMPTED)
    assert attempt.data["failure"] == Failure.NOT_PERMITTED
    assert "lambda add-permission" in attempt.data["error"]


def test_permissions_name_the_organization_in_the_functions_own_partition(mail_system: MailSystem) -> None:
    made = mail_system.lambda_rule(lambda _: ALL)
    ((arn, function),) = mail_system.functions.functions.items()
    there = arn.replace("arn:aws:", "arn:aws-us-gov:")
    mail_system.functions.functions[there] = function
    policy = json.dumps(mail_system.functions.policies[arn]).replace("arn:aws:workmail:", "arn:aws-us-gov:workmail:")
    mail_system.functions.policies[there] = json.loads(policy)
    assert made.action.call is not None
    mail_system.rules(replace(made, action=replace(made.action, call=replace(made.action.call, function_arn=there))))
    mail_system.arrive("m1", MESSAGE, *to("ann"))
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}


def test_a_function_that_is_deleted_falls_back(mail_system: MailSystem) -> None:
    mail_system.rules(mail_system.lambda_rule(lambda _: ALL, timeout=0))
    mail_system.functions.functions.clear()
    (attempt,) = named(mail_system.arrive("m1", MESSAGE, *to("ann")), OwnFact.RULE_ATTEMPTED)
    assert attempt.data["failure"] == Failure.NOT_FOUND
    assert mail_system.where(MESSAGE) == {"ann": "JUNK_EMAIL"}


@pytest.mark.parametrize(("error", "calls"), [(ValueError, 5), (TimeoutError, 1)])
def test_a_function_that_hangs_is_held_back_and_one_that_fails_fast_is_not(
    mail_system: MailSystem, error: type[Exception], calls: int
) -> None:
    def broken(_: bytes) -> bytes:
        raise error

    mail_system.rules(mail_system.lambda_rule(lambda _: ALL, timeout=0))
    mail_system.functions.functions = dict.fromkeys(mail_system.functions.functions, broken)
    attempts = [named(mail_system.arrive(f"m{n}", MESSAGE, *to("ann")), OwnFact.RULE_ATTEMPTED)[0] for n in range(5)]
    assert len(mail_system.functions.calls) == calls
    assert [attempt.data["failure"] == Failure.HELD_BACK for attempt in attempts] == [n >= calls for n in range(5)]
    assert not any({"functionVersion", "requestId"} & attempt.data.keys() for attempt in attempts[calls:])
    assert len(mail_system.contents("ann", "JUNK_EMAIL")) == 5


def test_a_function_that_is_held_back_is_called_again_after_a_while(mail_system: MailSystem) -> None:
    """The pause is over when the second attempt is due: 30 seconds, and then some."""
    answers: list[Any] = [TimeoutError, ALL]

    def recover(_: bytes) -> bytes:
        answer = answers.pop(0)
        if answer is TimeoutError:
            raise TimeoutError
        return json.dumps(answer).encode()

    mail_system.rules(mail_system.lambda_rule(lambda _: ALL))
    mail_system.functions.functions = dict.fromkeys(mail_system.functions.functions, recover)
    mail_system.arrive("m1", MESSAGE, *to("ann"))
    mail_system.later += 31_000
    mail_system.call_again()
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}
