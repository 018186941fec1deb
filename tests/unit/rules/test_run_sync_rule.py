"""A rule's function decides what becomes of a message, or the fallback does."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.contracts.between_stations import RawLocation
from postroom.model.facts import EventName, OwnFact, flow_message_id, trace_of
from postroom.model.rules import ActionType, Direction, RuleAction
from postroom.ports.rule_functions import Failure
from postroom.routing.plan import Flow, Plan
from postroom.rules.outcomes import fallback_for_all
from postroom.rules.verdict import Verdict
from tests.support.post import NOON, ORG, TRACE, call, received
from tests.support.rules import rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from postroom.contracts.between_stations import Order
    from postroom.model.facts import Fact
    from tests.unit.rules.conftest import Office

LETTER = b"From: Bob <bob@example.org>\r\nSubject: plums\r\nMessage-ID: <1@example.org>\r\n\r\nten of them\r\n"
ALL: dict[str, Any] = {"actions": [{"action": {"type": "DEFAULT"}, "allRecipients": True}]}


def to(*names: str) -> list[str]:
    return [f"{name}@acme.test" for name in names]


def named(facts: Sequence[Fact], name: EventName | OwnFact) -> list[Fact]:
    return [fact for fact in facts if fact.name is name]


def act(kind: str, *names: str, **parameters: str) -> dict[str, Any]:
    return {"action": {"type": kind, "parameters": parameters}, "recipients": to(*names)}


def test_the_function_is_told_who_it_is_from_and_for(office: Office) -> None:
    """ZH:3996-4071; one invocation for the whole flow."""
    seen: list[Any] = []

    def look(event: Any) -> Any:
        seen.append(event)
        return ALL

    office.rules(office.lambda_rule(look))
    letter = LETTER.replace(b"From:", b"Sender: carol@example.org\r\nFrom:")
    office.arrive("m1", letter, *to("ann", "ben"), source="envelope@example.org")
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
    assert office.where(letter) == {"ann": "INBOX", "ben": "INBOX"}


def test_each_recipient_gets_what_the_answer_says(office: Office) -> None:
    office.rules(
        office.lambda_rule(
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
    facts = office.arrive("m1", LETTER, *to("ann", "ben", "cleo", "dan"))
    assert office.where(LETTER) == {"cleo": "JUNK_EMAIL", "dan": "INBOX"}
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
def test_spam_stays_spam_unless_the_function_lets_it_by(office: Office, kind: str, folder: str) -> None:
    office.rules(office.lambda_rule(lambda _: {"actions": [act(kind, "ann")]}))
    office.arrive("m1", LETTER, *to("ann"), verdicts={"spam": "FAIL"})
    assert office.where(LETTER) == {"ann": folder}


def test_an_added_recipient_gets_a_copy_and_no_header_says_so(office: Office) -> None:
    """ZH:4118-4120."""
    office.rules(office.lambda_rule(lambda _: {"actions": [act("DEFAULT", "dan"), *ALL["actions"]]}))
    office.arrive("m1", LETTER, *to("ann"))
    assert office.where(LETTER) == {"ann": "INBOX", "dan": "INBOX"}


def test_an_added_recipient_that_nobody_is_bounces_to_nobody(office: Office) -> None:
    office.rules(office.lambda_rule(lambda _: {"actions": [act("DEFAULT", "zoe"), *ALL["actions"]]}))
    facts = office.arrive("m1", LETTER, *to("ann"))
    assert office.where(LETTER) == {"ann": "INBOX"}
    assert named(facts, EventName.INCOMING_EMAIL_BOUNCED) == []
    (applied,) = named(facts, EventName.RULE_APPLIED)
    assert applied.data["ignored"] == {"zoe@acme.test": "NO_MAILBOX"}


@pytest.mark.parametrize("name", ["full", "ann.alias"])
def test_the_sender_hears_nothing_of_added_recipients(office: Office, name: str) -> None:
    """They are blind copies: ZH:4118-4120."""
    office.user("full", quota=1)
    office.alias("ann.alias", "ann")
    office.rules(office.lambda_rule(lambda _: {"actions": [act("DEFAULT", name), *ALL["actions"]]}))
    facts = office.arrive("m1", LETTER, *to("ann"))
    assert office.where(LETTER) == {"ann": "INBOX"}
    assert not office.sender.sent
    assert not office.sender.answered
    (delivered,) = named(facts, EventName.MAILBOX_EMAIL_DELIVERED)
    assert delivered.data.get("deliveredTo", delivered.event["recipient"]) == "ann@acme.test"


def test_a_function_that_fails_is_called_again_and_again_with_growing_gaps_then_the_fallback_holds(
    office: Office,
) -> None:
    """ZH:4155-4158."""
    seen: list[str] = []

    def fail(event: Any) -> Any:
        seen.append(event["invocationId"])
        raise ValueError("no good")

    office.rules(office.lambda_rule(fail, timeout=240))
    office.arrive("m1", LETTER, *to("ann", "ben"))
    delays: list[int] = []
    while office.calls.sent:
        assert office.where(LETTER) == {}
        delays += office.call_again()
    assert len(set(seen)) == 1
    assert delays[:3] == [8, 15, 30]  # 10, 20 and 40 s, less a quarter
    assert delays[:-1] == sorted(delays[:-1])
    assert max(delays) <= 900
    assert 200 * 60 < sum(delays) <= 241 * 60
    assert office.where(LETTER) == {"ann": "JUNK_EMAIL", "ben": "JUNK_EMAIL"}
    facts = office.ledger.facts(trace_of("m1", ORG))
    attempts = named(facts, OwnFact.RULE_ATTEMPTED)
    assert [fact.data["attempt"] for fact in attempts] == list(range(1, len(delays) + 2))
    assert attempts[0].data["failure"] == Failure.FUNCTION_ERROR
    (applied,) = named(facts, EventName.RULE_APPLIED)
    assert applied.data["why"] == {"FALLBACK": to("ann", "ben")}


def test_with_a_timeout_of_zero_it_falls_back_at_once(office: Office) -> None:
    office.rules(office.lambda_rule(lambda _: None, timeout=0))
    facts = office.arrive("m1", LETTER, *to("ann"))
    assert office.where(LETTER) == {"ann": "JUNK_EMAIL"}
    (attempt,) = named(facts, OwnFact.RULE_ATTEMPTED)
    assert attempt.data["failure"] == "INVALID_ANSWER"
    assert not office.calls.sent


def test_a_function_that_recovers_decides(office: Office) -> None:
    answers: list[Any] = [None, None, ALL]
    office.rules(office.lambda_rule(lambda _: answers.pop(0)))
    office.arrive("m1", LETTER, *to("ann"))
    office.call_again()
    assert office.where(LETTER) == {}
    office.call_again()
    assert office.where(LETTER) == {"ann": "INBOX"}
    assert not office.calls.sent


def test_a_function_that_may_not_be_called_is_not(office: Office) -> None:
    made = office.lambda_rule(lambda _: ALL, timeout=0)
    office.functions.policies.clear()
    office.rules(made)
    facts = office.arrive("m1", LETTER, *to("ann"))
    assert office.functions.calls == []
    (attempt,) = named(facts, OwnFact.RULE_ATTEMPTED)
    assert attempt.data["failure"] == Failure.NOT_PERMITTED
    assert "lambda add-permission" in attempt.data["error"]


def test_permissions_name_the_organization_in_the_functions_own_partition(office: Office) -> None:
    made = office.lambda_rule(lambda _: ALL)
    ((arn, function),) = office.functions.functions.items()
    there = arn.replace("arn:aws:", "arn:aws-us-gov:")
    office.functions.functions[there] = function
    policy = json.dumps(office.functions.policies[arn]).replace("arn:aws:workmail:", "arn:aws-us-gov:workmail:")
    office.functions.policies[there] = json.loads(policy)
    assert made.action.call is not None
    office.rules(replace(made, action=replace(made.action, call=replace(made.action.call, function_arn=there))))
    office.arrive("m1", LETTER, *to("ann"))
    assert office.where(LETTER) == {"ann": "INBOX"}


def test_a_function_that_is_deleted_falls_back(office: Office) -> None:
    office.rules(office.lambda_rule(lambda _: ALL, timeout=0))
    office.functions.functions.clear()
    (attempt,) = named(office.arrive("m1", LETTER, *to("ann")), OwnFact.RULE_ATTEMPTED)
    assert attempt.data["failure"] == Failure.NOT_FOUND
    assert office.where(LETTER) == {"ann": "JUNK_EMAIL"}


@pytest.mark.parametrize(("error", "calls"), [(ValueError, 3), (TimeoutError, 1)])
def test_a_function_that_fails_and_fails_is_held_back(office: Office, error: type[Exception], calls: int) -> None:
    def broken(_: bytes) -> bytes:
        raise error

    office.rules(office.lambda_rule(lambda _: ALL, timeout=0))
    office.functions.functions = dict.fromkeys(office.functions.functions, broken)
    attempts = [named(office.arrive(f"m{n}", LETTER, *to("ann")), OwnFact.RULE_ATTEMPTED)[0] for n in range(5)]
    assert len(office.functions.calls) == calls
    assert [attempt.data["failure"] == Failure.HELD_BACK for attempt in attempts] == [n >= calls for n in range(5)]
    assert not {"functionVersion", "requestId"} & attempts[-1].data.keys()
    assert len(office.contents_of("ann", "JUNK_EMAIL")) == 5


def test_a_function_that_is_held_back_is_called_again_after_a_while(office: Office) -> None:
    """The pause is over when the second attempt is due: 30 seconds, and then some."""
    answers: list[Any] = [TimeoutError, ALL]

    def recover(_: bytes) -> bytes:
        answer = answers.pop(0)
        if answer is TimeoutError:
            raise TimeoutError
        return json.dumps(answer).encode()

    office.rules(office.lambda_rule(lambda _: ALL))
    office.functions.functions = dict.fromkeys(office.functions.functions, recover)
    office.arrive("m1", LETTER, *to("ann"))
    office.later += 31_000
    office.call_again()
    assert office.where(LETTER) == {"ann": "INBOX"}


def test_a_repeated_call_changes_nothing(office: Office) -> None:
    office.rules(office.lambda_rule(lambda _: ALL))
    bodies: list[str] = []
    accept = office.run_sync_rule.accept
    office.raw.store("inbound/m1", LETTER)
    facts = office.arrive("m1", LETTER, *to("ann", "ben"))
    (applied,) = named(facts, EventName.RULE_APPLIED)
    bodies.append(_pointer(office, applied))
    for body in bodies * 2:
        accept(body)
    office.pump()
    assert office.where(LETTER) == {"ann": "INBOX", "ben": "INBOX"}
    assert len(office.functions.calls) == 1


def _pointer(office: Office, applied: Fact) -> str:
    from postroom.contracts.between_stations import CallPointer

    key = f"call:{applied.data['ruleId']}"
    return CallPointer(trace=applied.trace, key=key, organization_id=ORG, group="g").model_dump_json()


def test_what_the_function_put_is_what_its_recipients_get(office: Office) -> None:
    tagged = LETTER.replace(b"plums", b"[EXTERNAL] plums")

    def tag(event: Any) -> Any:
        trace = trace_of("m1", ORG)
        before = office.contents.of(trace)
        raw = office.raw.keep(f"transit/{trace}/put-1", tagged)
        office.contents.replace(before.put(raw, len(tagged)))
        return ALL

    office.rules(office.lambda_rule(tag))
    office.arrive("m1", LETTER, *to("ann", "ben"))
    assert office.where(tagged) == {"ann": "INBOX", "ben": "INBOX"}
    assert office.where(LETTER) == {}


def test_what_a_failed_attempt_put_is_forgotten(office: Office) -> None:
    def put_and_fail(event: Any) -> Any:
        trace = trace_of("m1", ORG)
        raw = office.raw.keep(f"transit/{trace}/put", b"forged")
        office.contents.replace(office.contents.of(trace).put(raw, 6))
        raise ValueError

    office.rules(office.lambda_rule(put_and_fail, timeout=1))
    office.arrive("m1", LETTER, *to("ann"))
    while office.calls.sent:
        office.call_again()
    assert office.where(LETTER) == {"ann": "JUNK_EMAIL"}


def test_a_put_after_the_verdict_changes_nothing_that_is_delivered(office: Office) -> None:
    office.rules(office.lambda_rule(lambda _: ALL))
    office.arrive("m1", LETTER, *to("ann"))
    trace = trace_of("m1", ORG)
    office.contents.replace(office.contents.of(trace).put(RawLocation(bucket="inbound-bucket", key="transit/x"), 1))
    assert office.where(LETTER) == {"ann": "INBOX"}


def test_other_rules_keep_their_recipients(office: Office) -> None:
    seen: list[Any] = []

    def look(event: Any) -> Any:
        seen.append(event)
        return {"actions": [act("DROP", "ann", "ben")]}

    office.rules(
        office.lambda_rule(look),
        rule(ActionType.MOVE_TO_JUNK, "*", "ben@acme.test", id="r-ben"),
    )
    facts = office.arrive("m1", LETTER, *to("ann", "ben"))
    assert seen[0]["envelope"]["recipients"] == [{"address": "ann@acme.test"}]
    assert office.where(LETTER) == {"ben": "JUNK_EMAIL"}
    (applied,) = [fact for fact in named(facts, EventName.RULE_APPLIED) if fact.data["ruleId"] == "r-tag"]
    assert applied.data["ignored"] == {"ben@acme.test": "ANOTHER_RULE"}


def test_many_recipients_take_more_than_one_transaction(office: Office) -> None:
    names = [f"u{number:03}" for number in range(95)]
    for name in names:
        office.user(name)
    office.rules(office.lambda_rule(lambda _: ALL))
    office.arrive("m1", LETTER, *to(*names))
    assert [office.contents_of(name) for name in names] == [[LETTER]] * 95
    assert len(office.functions.calls) == 1


def test_two_functions_are_asked_however_many_others_are_told(office: Office) -> None:
    """Slots of synchronous calls are opened in one transaction; the calls of all others need not lie in it."""
    names = [f"ann{number}" for number in range(60)]
    for name in names:
        office.alias(name, "ann")
    authors = ("bob@example.org", "eve@example.org")
    office.rules(
        office.lambda_rule(lambda _: ALL, name="one", senders=authors[0], created=1),
        office.lambda_rule(lambda _: ALL, name="two", senders=authors[1], created=2),
        office.lambda_rule(lambda _: None, name="ben", synchronous=False, senders=authors[0], recipients=to("ben")),
        *(
            office.lambda_rule(lambda _: None, name=name, synchronous=False, senders=authors, recipients=to(name))
            for name in names
        ),
    )
    letter = LETTER.replace(b"<bob@example.org>", b"<bob@example.org>, eve@example.org")
    facts = office.arrive("m1", letter, *to("cleo", *names, "ben"))
    asked = [fact.data["ruleName"] for fact in named(facts, OwnFact.RULE_ATTEMPTED)]
    assert sorted(asked) == sorted(["one", "two", *names])
    assert office.where(letter) == {"ann": "INBOX", "ben": "INBOX", "cleo": "INBOX"}
    assert office.transit.is_clear(trace_of("m1", ORG))


@dataclass
class Eager:
    """``Onward`` whose queues are carried out at once: between the transactions of a large flow."""

    office: Office

    def send(self, orders: Iterable[Order]) -> None:
        self.office.onward.send(orders)
        self.office.pump()


def test_more_functions_may_be_asked_than_a_transaction_holds(office: Office) -> None:
    """45 authors, 45 rules, each of which wins one recipient; first verdicts come before the last calls are made."""
    names = [f"r{number}" for number in range(45)]
    authors = [f"{name}@example.org" for name in names]
    for name in names:
        office.alias(name, "ann")
    office.rules(
        *(
            office.lambda_rule(lambda _: ALL, name=name, senders=author)
            for name, author in zip(names, authors, strict=True)
        ),
        *(
            office.lambda_rule(
                lambda _: None,
                name=f"not-{name}",
                synchronous=False,
                senders=[each for each in authors if each != author],
                recipients=to(name),
            )
            for name, author in zip(names, authors, strict=True)
        ),
    )
    office.ingest = replace(office.ingest, onward=Eager(office))
    letter = LETTER.replace(b"Bob <bob@example.org>", ", ".join(authors).encode())
    facts = office.arrive("m1", letter, *to(*names))
    assert len(named(facts, EventName.RULE_APPLIED)) == len(office.functions.calls) == 45
    assert office.where(letter) == {"ann": "INBOX"}
    assert office.transit.is_clear(trace_of("m1", ORG))


def test_what_a_function_puts_in_a_large_flow_is_what_its_recipients_get(office: Office) -> None:
    """Its call is made by a later transaction than the flow, and its attempts open every slot themselves."""
    answers: list[Any] = [None, ALL]

    def put(_: Any) -> Any:
        before, body = office.contents.of(trace_of("m1", ORG)), f"put {len(answers)}".encode()
        office.contents.replace(before.put(office.raw.keep(f"transit/{len(answers)}", body), len(body)))
        return answers.pop(0)

    names = [f"nobody{number}" for number in range(45)]
    office.rules(office.lambda_rule(put), rule(ActionType.DEFAULT, "*", to(*names)))
    office.arrive("m1", LETTER, *to("ann", *names))
    office.call_again()
    assert office.where(b"put 1") == {"ann": "INBOX"}
    assert office.where(LETTER) == {}


@pytest.mark.parametrize("refused", [37, 38, 39])
def test_what_is_put_before_all_calls_are_made_holds_up_none(office: Office, refused: int) -> None:
    """The function of an asynchronous rule may put something as soon as it is told: between two transactions even."""

    def put(_: Any) -> None:
        before = office.contents.of(trace_of("m1", ORG))
        office.contents.replace(before.put(office.raw.keep("transit/put", b"put"), 3))

    names = [f"nobody{number}" for number in range(refused)]
    office.rules(
        office.lambda_rule(lambda _: ALL),
        office.lambda_rule(put, name="told", synchronous=False, recipients=to(*names)),
    )
    office.ingest = replace(office.ingest, onward=Eager(office))
    office.arrive("m1", LETTER, *to("ann", *names))
    assert office.where(LETTER) == {"ann": "INBOX"}
    assert office.transit.is_clear(trace_of("m1", ORG))


def test_a_rule_that_is_deleted_while_a_message_waits_on_it_still_decides(office: Office) -> None:
    answers: list[Any] = [None, ALL]
    office.rules(office.lambda_rule(lambda _: answers.pop(0)))
    office.arrive("m1", LETTER, *to("ann"))
    office.rules()
    office.call_again()
    assert office.where(LETTER) == {"ann": "INBOX"}
    (applied,) = named(office.ledger.facts(trace_of("m1", ORG)), EventName.RULE_APPLIED)
    assert applied.data["rulesVersion"] == 1


def test_an_asynchronous_rule_delays_nothing(office: Office) -> None:
    """ZH:3932-3934."""
    seen: list[Any] = []

    def count(event: Any) -> Any:
        seen.append((event["messageId"], office.where(LETTER)))
        return {"actions": [act("DROP", "ann")]}

    office.rules(office.lambda_rule(count, synchronous=False))
    facts = office.arrive("m1", LETTER, *to("ann"))
    assert office.where(LETTER) == {"ann": "INBOX"}
    assert seen == [(flow_message_id(trace_of("m1", ORG)), {"ann": "INBOX"})]
    (applied,) = named(facts, EventName.RULE_APPLIED)
    assert applied.event["ruleActions"] == [{"action": "RUN_LAMBDA", "recipients": to("ann")}]
    (attempt,) = named(facts, OwnFact.RULE_ATTEMPTED)
    assert "failure" not in attempt.data


def test_an_asynchronous_rule_whose_function_is_gone_is_a_fact_and_no_trouble(office: Office) -> None:
    office.rules(office.lambda_rule(lambda _: None, synchronous=False))
    office.functions.functions.clear()
    facts = office.arrive("m1", LETTER, *to("ann"))
    assert office.where(LETTER) == {"ann": "INBOX"}
    (attempt,) = named(facts, OwnFact.RULE_ATTEMPTED)
    assert attempt.data["failure"] == Failure.NOT_FOUND
    assert office.transit.is_clear(trace_of("m1", ORG))


def test_a_call_about_outbound_mail_is_parked_and_nobody_is_asked(office: Office) -> None:
    """Outbound mail is to come: until then no station may take its calls for inbound ones."""
    asked: list[Any] = []
    arn = office.function("tag", asked.append)
    about = call(direction=Direction.OUTBOUND, function_arn=arn, recipients=("ann@acme.test",), gateway_id="g-1")
    assert office.transit.open([received()], [about], None)
    office.onward.send([about])
    office.pump()
    assert asked == []
    (parked,) = office.transit.all_parked()
    assert (parked.station, parked.cause) == (
        "run_sync_rule",
        "UnreadableRulesError: nobody here knows how to carry out what a rule says of OUTBOUND mail",
    )
    assert office.contents_of("ann") == []


def test_the_fact_says_for_which_direction_the_rule_is() -> None:
    for direction, said in ((Direction.INBOUND, "INBOUND_RULE"), (Direction.OUTBOUND, "OUTBOUND_RULE")):
        about = call(direction=direction)
        gateway = RuleAction(ActionType.SMTP_GATEWAY, gateway_id="g-1")
        found = fallback_for_all(about.recipients, gateway)
        flow = Flow(TRACE, ORG, "", about.raw, about.size, NOON)
        event = Verdict(Plan(()), flow, found, {}).applied(about, 1, NOON).event
        assert event["ruleType"] == said
        assert event["ruleActions"] == [{"action": "SMTP_GATEWAY", "recipients": ["ann@acme.test"]}]
