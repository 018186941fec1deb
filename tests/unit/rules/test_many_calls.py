"""A message with more recipients, or functions, than a transaction holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.model.facts import EventName, OwnFact, trace_of
from postroom.model.rules import ActionType
from postroom.ports.transit import Commit
from tests.support.builders import ORG
from tests.support.rule_answers import ALL, MESSAGE, named, to
from tests.support.rules import rule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.ports.queues import Message
    from tests.unit.rules.conftest import MailSystem


def test_many_recipients_take_more_than_one_transaction(mail_system: MailSystem) -> None:
    names = [f"u{number:03}" for number in range(95)]
    for name in names:
        mail_system.user(name)
    mail_system.rules(mail_system.lambda_rule(lambda _: ALL))
    mail_system.arrive("m1", MESSAGE, *to(*names))
    assert [mail_system.contents(name) for name in names] == [[MESSAGE]] * 95
    assert len(mail_system.functions.calls) == 1


def test_two_functions_are_called_however_many_asynchronous_calls_there_are(mail_system: MailSystem) -> None:
    """Slots of synchronous calls are opened in one transaction; the calls of all others need not lie in it."""
    names = [f"ann{number}" for number in range(60)]
    for name in names:
        mail_system.alias(name, "ann")
    authors = ("bob@example.org", "eve@example.org")
    mail_system.rules(
        mail_system.lambda_rule(lambda _: ALL, name="one", senders=authors[0], created=1),
        mail_system.lambda_rule(lambda _: ALL, name="two", senders=authors[1], created=2),
        mail_system.lambda_rule(
            lambda _: None, name="ben", synchronous=False, senders=authors[0], recipients=to("ben")
        ),
        *(
            mail_system.lambda_rule(lambda _: None, name=name, synchronous=False, senders=authors, recipients=to(name))
            for name in names
        ),
    )
    message = MESSAGE.replace(b"<bob@example.org>", b"<bob@example.org>, eve@example.org")
    facts = mail_system.arrive("m1", message, *to("cleo", *names, "ben"))
    asked = [fact.data["ruleName"] for fact in named(facts, OwnFact.RULE_ATTEMPTED)]
    assert sorted(asked) == sorted(["one", "two", *names])
    assert mail_system.where(message) == {"ann": "INBOX", "ben": "INBOX", "cleo": "INBOX"}
    assert mail_system.transit.is_clear(trace_of("m1", ORG))


@dataclass
class Eager:
    """``Queues`` whose queues are carried out at once: between the transactions of a large flow."""

    mail_system: MailSystem

    def send(self, messages: Iterable[Message], *, delay_s: int | None = None) -> None:
        self.mail_system.queues.send(messages, delay_s=delay_s)
        self.mail_system.pump()


def test_more_functions_can_be_called_than_one_transaction_holds(mail_system: MailSystem) -> None:
    """45 authors, 45 rules, each of which wins one recipient; first decisions come before the last calls are made."""
    names = [f"r{number}" for number in range(45)]
    authors = [f"{name}@example.org" for name in names]
    for name in names:
        mail_system.alias(name, "ann")
    mail_system.rules(
        *(
            mail_system.lambda_rule(lambda _: ALL, name=name, senders=author)
            for name, author in zip(names, authors, strict=True)
        ),
        *(
            mail_system.lambda_rule(
                lambda _: None,
                name=f"not-{name}",
                synchronous=False,
                senders=[each for each in authors if each != author],
                recipients=to(name),
            )
            for name, author in zip(names, authors, strict=True)
        ),
    )
    mail_system.ingest = replace(mail_system.ingest, queues=Eager(mail_system))
    message = MESSAGE.replace(b"Bob <bob@example.org>", ", ".join(authors).encode())
    facts = mail_system.arrive("m1", message, *to(*names))
    assert len(named(facts, EventName.RULE_APPLIED)) == len(mail_system.functions.calls) == 45
    assert mail_system.where(message) == {"ann": "INBOX"}
    assert mail_system.transit.is_clear(trace_of("m1", ORG))


def test_content_that_a_function_puts_in_a_large_flow_is_delivered_to_its_recipients(mail_system: MailSystem) -> None:
    """Its call is made by a later transaction than the flow, and its attempts open every slot themselves."""
    answers: list[Any] = [None, ALL]

    def put(_: Any) -> Any:
        before, body = mail_system.transit.contents(trace_of("m1", ORG)), f"put {len(answers)}".encode()
        mail_system.transit.commit(
            Commit(contents=before.put(mail_system.raw.keep(f"transit/{len(answers)}", body), len(body)))
        )
        return answers.pop(0)

    names = [f"nobody{number}" for number in range(45)]
    mail_system.rules(mail_system.lambda_rule(put), rule(ActionType.DEFAULT, "*", to(*names)))
    mail_system.arrive("m1", MESSAGE, *to("ann", *names))
    mail_system.call_again()
    assert mail_system.where(b"put 1") == {"ann": "INBOX"}
    assert mail_system.where(MESSAGE) == {}


@pytest.mark.parametrize("refused", [37, 38, 39])
def test_a_put_before_all_calls_are_made_delays_no_call(mail_system: MailSystem, refused: int) -> None:
    """The function of an asynchronous rule may put content once it has the event, even between two transactions."""

    def put(_: Any) -> None:
        before = mail_system.transit.contents(trace_of("m1", ORG))
        mail_system.transit.commit(Commit(contents=before.put(mail_system.raw.keep("transit/put", b"put"), 3)))

    names = [f"nobody{number}" for number in range(refused)]
    mail_system.rules(
        mail_system.lambda_rule(lambda _: ALL),
        mail_system.lambda_rule(put, name="told", synchronous=False, recipients=to(*names)),
    )
    mail_system.ingest = replace(mail_system.ingest, queues=Eager(mail_system))
    mail_system.arrive("m1", MESSAGE, *to("ann", *names))
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}
    assert mail_system.transit.is_clear(trace_of("m1", ORG))
