"""A rule's function, or the fallback, decides about a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from postroom.model.facts import EventName, flow_message_id, trace_of
from postroom.model.rules import ActionType, Direction, RuleAction
from postroom.routing.plan import Plan
from postroom.rules.decision import Decision
from postroom.rules.outcomes import fallback_for_all
from tests.support.builders import NOON, ORG, call
from tests.support.rule_answers import ALL, MESSAGE, act, named, to
from tests.support.rules import rule

if TYPE_CHECKING:
    from postroom.model.facts import Fact
    from tests.unit.rules.conftest import MailSystem


def test_the_event_names_sender_and_recipients(mail_system: MailSystem) -> None:
    """ZH:3996-4071; one invocation for the whole flow."""
    seen: list[Any] = []

    def look(event: Any) -> Any:
        seen.append(event)
        return ALL

    mail_system.rules(mail_system.lambda_rule(look))
    message = MESSAGE.replace(b"From:", b"Sender: carol@example.org\r\nFrom:")
    mail_system.arrive("m1", message, *to("ann", "ben"), source="envelope@example.org")
    (event,) = seen
    trace = trace_of("m1", ORG)
    assert event == {
        "summaryVersion": "2018-10-10",
        "envelope": {
            "mailFrom": {"address": "bob@example.org"},
            "recipients": [{"address": address} for address in to("ann", "ben")],
        },
        "sender": {"address": "carol@example.org"},
        "subject": "plums",
        "messageId": flow_message_id(trace),
        "invocationId": event["invocationId"],
        "flowDirection": "INBOUND",
        "truncated": False,
    }
    assert mail_system.where(message) == {"ann": "INBOX", "ben": "INBOX"}


def test_each_recipient_gets_the_action_of_the_answer(mail_system: MailSystem) -> None:
    mail_system.rules(
        mail_system.lambda_rule(
            lambda _: {
                "actions": [
                    act("DROP", "ann"),
                    act("BOUNCE", "ben", bounceMessage="Email in breach of company policy."),
                    act("MOVE_TO_JUNK", "cleo"),
                    {"action": {"type": "DEFAULT"}, "allRecipients": True},
                ]
            }
        )
    )
    facts = mail_system.arrive("m1", MESSAGE, *to("ann", "ben", "cleo", "dan"))
    assert mail_system.where(MESSAGE) == {"cleo": "JUNK_EMAIL", "dan": "INBOX"}
    (bounced,) = named(facts, EventName.INCOMING_EMAIL_BOUNCED)
    assert bounced.event["bouncedRecipient"] == {
        "emailAddress": "ben@acme.test",
        "reason": "Email in breach of company policy.",
        "status": "5.7.1",
    }
    (applied,) = named(facts, EventName.RULE_APPLIED)
    assert {action["action"]: action["recipients"] for action in applied.event["ruleActions"]} == {
        "DROP": to("ann"),
        "BOUNCE": to("ben"),
        "MOVE_TO_JUNK": to("cleo"),
        "DEFAULT": to("dan"),
    }
    assert (applied.data["attempts"], applied.data["rulesVersion"]) == (1, 1)


@pytest.mark.parametrize(("kind", "folder"), [("DEFAULT", "JUNK_EMAIL"), ("BYPASS_SPAM_CHECK", "INBOX")])
def test_spam_stays_spam_unless_the_function_bypasses_the_spam_check(
    mail_system: MailSystem, kind: str, folder: str
) -> None:
    mail_system.rules(mail_system.lambda_rule(lambda _: {"actions": [act(kind, "ann")]}))
    mail_system.arrive("m1", MESSAGE, *to("ann"), verdicts={"spam": "FAIL"})
    assert mail_system.where(MESSAGE) == {"ann": folder}


def test_an_added_recipient_gets_a_copy_and_no_header_says_so(mail_system: MailSystem) -> None:
    """ZH:4118-4120."""
    mail_system.rules(mail_system.lambda_rule(lambda _: {"actions": [act("DEFAULT", "dan"), *ALL["actions"]]}))
    mail_system.arrive("m1", MESSAGE, *to("ann"))
    assert mail_system.where(MESSAGE) == {"ann": "INBOX", "dan": "INBOX"}


def test_an_added_recipient_without_a_mailbox_does_not_bounce(mail_system: MailSystem) -> None:
    mail_system.rules(mail_system.lambda_rule(lambda _: {"actions": [act("DEFAULT", "zoe"), *ALL["actions"]]}))
    facts = mail_system.arrive("m1", MESSAGE, *to("ann"))
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}
    assert named(facts, EventName.INCOMING_EMAIL_BOUNCED) == []
    (applied,) = named(facts, EventName.RULE_APPLIED)
    assert applied.data["ignored"] == {"zoe@acme.test": "NO_MAILBOX"}


@pytest.mark.parametrize("name", ["full", "ann.alias"])
def test_a_bounce_message_does_not_name_added_recipients(mail_system: MailSystem, name: str) -> None:
    """They are blind copies: ZH:4118-4120."""
    mail_system.user("full", quota=1)
    mail_system.alias("ann.alias", "ann")
    mail_system.rules(mail_system.lambda_rule(lambda _: {"actions": [act("DEFAULT", name), *ALL["actions"]]}))
    facts = mail_system.arrive("m1", MESSAGE, *to("ann"))
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}
    assert not mail_system.sender.sent
    assert not mail_system.sender.answered
    (delivered,) = named(facts, EventName.MAILBOX_EMAIL_DELIVERED)
    assert delivered.data.get("deliveredTo", delivered.event["recipient"]) == "ann@acme.test"


def test_a_repeated_call_changes_nothing(mail_system: MailSystem) -> None:
    mail_system.rules(mail_system.lambda_rule(lambda _: ALL))
    bodies: list[str] = []
    accept = mail_system.run_sync_rule.accept
    mail_system.raw.store("inbound/m1", MESSAGE)
    facts = mail_system.arrive("m1", MESSAGE, *to("ann", "ben"))
    (applied,) = named(facts, EventName.RULE_APPLIED)
    bodies.append(_pointer(mail_system, applied))
    for body in bodies * 2:
        accept(body)
    mail_system.pump()
    assert mail_system.where(MESSAGE) == {"ann": "INBOX", "ben": "INBOX"}
    assert len(mail_system.functions.calls) == 1


def _pointer(mail_system: MailSystem, applied: Fact) -> str:
    from postroom.contracts.orders import CallPointer

    key = f"call:{applied.data['ruleId']}"
    return CallPointer(trace=applied.trace, key=key, organization_id=ORG, group="g").model_dump_json()


def test_other_rules_keep_their_recipients(mail_system: MailSystem) -> None:
    seen: list[Any] = []

    def look(event: Any) -> Any:
        seen.append(event)
        return {"actions": [act("DROP", "ann", "ben")]}

    mail_system.rules(
        mail_system.lambda_rule(look),
        rule(ActionType.MOVE_TO_JUNK, "*", "ben@acme.test", id="r-ben"),
    )
    facts = mail_system.arrive("m1", MESSAGE, *to("ann", "ben"))
    assert seen[0]["envelope"]["recipients"] == [{"address": "ann@acme.test"}]
    assert mail_system.where(MESSAGE) == {"ben": "JUNK_EMAIL"}
    (applied,) = [fact for fact in named(facts, EventName.RULE_APPLIED) if fact.data["ruleId"] == "r-tag"]
    assert applied.data["ignored"] == {"ben@acme.test": "ANOTHER_RULE"}


def test_a_rule_that_is_deleted_while_a_message_waits_on_it_still_decides(mail_system: MailSystem) -> None:
    answers: list[Any] = [None, ALL]
    mail_system.rules(mail_system.lambda_rule(lambda _: answers.pop(0)))
    mail_system.arrive("m1", MESSAGE, *to("ann"))
    mail_system.rules()
    mail_system.call_again()
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}
    (applied,) = named(mail_system.ledger.facts(trace_of("m1", ORG)), EventName.RULE_APPLIED)
    assert applied.data["rulesVersion"] == 1


def test_the_fact_says_for_which_direction_the_rule_is() -> None:
    for direction, said in ((Direction.INBOUND, "INBOUND_RULE"), (Direction.OUTBOUND, "OUTBOUND_RULE")):
        about = call(direction=direction)
        gateway = RuleAction(ActionType.SMTP_GATEWAY, gateway_id="g-1")
        found = fallback_for_all(about.recipients, gateway)
        event = Decision(Plan(()), found, {}).applied(about, 1, NOON).event
        assert event["ruleType"] == said
        assert event["ruleActions"] == [{"action": "SMTP_GATEWAY", "recipients": ["ann@acme.test"]}]
