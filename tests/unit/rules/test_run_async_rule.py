"""A rule's function gets the event of a message, which does not wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postroom.model.facts import EventName, OwnFact, flow_message_id, trace_of
from postroom.ports.rule_functions import Failure
from tests.support.builders import ORG
from tests.support.rule_answers import MESSAGE, act, named, to

if TYPE_CHECKING:
    from tests.unit.rules.conftest import MailSystem


def test_an_asynchronous_rule_delays_nothing(mail_system: MailSystem) -> None:
    """ZH:3932-3934."""
    seen: list[Any] = []

    def count(event: Any) -> Any:
        seen.append((event["messageId"], mail_system.where(MESSAGE)))
        return {"actions": [act("DROP", "ann")]}

    mail_system.rules(mail_system.lambda_rule(count, synchronous=False))
    facts = mail_system.arrive("m1", MESSAGE, *to("ann"))
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}
    assert seen == [(flow_message_id(trace_of("m1", ORG)), {"ann": "INBOX"})]
    (applied,) = named(facts, EventName.RULE_APPLIED)
    assert applied.event["ruleActions"] == [{"action": "RUN_LAMBDA", "recipients": to("ann")}]
    (attempt,) = named(facts, OwnFact.RULE_ATTEMPTED)
    assert "failure" not in attempt.data


def test_an_asynchronous_rule_whose_function_was_deleted_is_a_fact_and_delays_nothing(mail_system: MailSystem) -> None:
    mail_system.rules(mail_system.lambda_rule(lambda _: None, synchronous=False))
    mail_system.functions.functions.clear()
    facts = mail_system.arrive("m1", MESSAGE, *to("ann"))
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}
    (attempt,) = named(facts, OwnFact.RULE_ATTEMPTED)
    assert attempt.data["failure"] == Failure.NOT_FOUND
    assert mail_system.transit.is_clear(trace_of("m1", ORG))
