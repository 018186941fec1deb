"""Changes while a message waits for a rule's function: each message ends in one decision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.contracts.orders import CallPointer, DeliveryOrder, RawLocation
from postroom.errors import ConflictError, StoreUnavailableError
from postroom.model.directory import EntityState
from postroom.model.facts import EventName, OwnFact, trace_of
from postroom.model.records import OrganizationState, Remove, Replace
from postroom.model.rules import ActionType
from postroom.ports.transit import Commit
from tests.support.builders import ORG, notification
from tests.support.rule_answers import ALL, MESSAGE, act, to
from tests.support.rules import rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from postroom.model.facts import Fact
    from postroom.ports.message_contents import FlowContents
    from postroom.ports.queues import Message
    from postroom.ports.rule_functions import Invocation
    from tests.unit.rules.conftest import MailSystem

TRACE = trace_of("m1", ORG)


def named(mail_system: MailSystem, name: EventName | OwnFact, message_id: str = "m1") -> Sequence[Fact]:
    return [fact for fact in mail_system.ledger.facts(trace_of(message_id, ORG)) if fact.name is name]


def fails(_: Any) -> Any:
    raise ValueError


def pointer(rule_id: str = "r-tag") -> str:
    return CallPointer(trace=TRACE, key=f"call:{rule_id}", organization_id=ORG, group="g").model_dump_json()


def meanwhile(change: Callable[[], object], answer: Any = ALL) -> Callable[[Any], Any]:
    """Make a function that changes something before it answers, once."""
    todo = [change]

    def run(_: Any) -> Any:
        while todo:
            todo.pop()()
        return answer

    return run


def test_a_rule_that_is_changed_decides_the_next_message(mail_system: MailSystem) -> None:
    old = mail_system.lambda_rule(fails, name="old", fallback=ActionType.DROP, timeout=1)
    new = mail_system.lambda_rule(lambda _: ALL, name="new")
    mail_system.rules(replace(old, id="r"))
    mail_system.arrive("m1", MESSAGE, *to("ann"))
    mail_system.rules(replace(new, id="r"))
    mail_system.arrive("m2", MESSAGE, *to("ben"))
    while mail_system.queues.later["run_sync_rule"]:
        mail_system.call_again()
    assert mail_system.where(MESSAGE) == {"ben": "INBOX"}
    for message_id, version, function in (("m1", 1, "old"), ("m2", 2, "new")):
        (applied,) = named(mail_system, EventName.RULE_APPLIED, message_id)
        attempts = named(mail_system, OwnFact.RULE_ATTEMPTED, message_id)
        assert {fact.data["rulesVersion"] for fact in (applied, *attempts)} == {version}
        assert {fact.data["functionArn"].rpartition(":")[2] for fact in (applied, *attempts)} == {function}


@dataclass
class Redeployed:
    """Functions with another version at each call."""

    mail_system: MailSystem
    version: int = 40

    def call(self, function_arn: str, event: bytes) -> Invocation:
        self.version += 1
        return replace(self.mail_system.functions.call(function_arn, event), version=str(self.version))

    def hand_over(self, function_arn: str, event: bytes) -> Invocation:
        raise NotImplementedError


def test_a_function_that_is_redeployed_is_called_in_its_present_version(mail_system: MailSystem) -> None:
    answers = [None, ALL]
    caller = replace(mail_system.run_sync_rule.caller, functions=Redeployed(mail_system))
    mail_system.run_sync_rule = replace(mail_system.run_sync_rule, caller=caller)
    mail_system.rules(mail_system.lambda_rule(lambda _: answers.pop(0)))
    mail_system.arrive("m1", MESSAGE, *to("ann"))
    mail_system.call_again()
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}
    attempts = named(mail_system, OwnFact.RULE_ATTEMPTED)
    assert [fact.data["functionVersion"] for fact in attempts] == ["41", "42"]
    assert len({fact.data["invocationId"] for fact in attempts}) == 1


def test_a_user_that_is_deleted_meanwhile_is_refused(mail_system: MailSystem) -> None:
    change = meanwhile(lambda: mail_system.entity("ann", state=EntityState.DISABLED))
    mail_system.rules(mail_system.lambda_rule(change))
    mail_system.arrive("m1", MESSAGE, *to("ann", "ben"))
    assert mail_system.where(MESSAGE) == {"ben": "INBOX"}
    (bounced,) = named(mail_system, EventName.INCOMING_EMAIL_BOUNCED)
    assert bounced.event["bouncedRecipient"]["status"] == "5.2.1"


def forget_domain(mail_system: MailSystem) -> None:
    domain = mail_system.directory.domain_record("acme.test")
    assert domain is not None
    mail_system.directory.commit([Remove(domain)])


def end_organization(mail_system: MailSystem) -> None:
    organization = mail_system.directory.organization(ORG)
    domain = mail_system.directory.domain_record("acme.test")
    assert organization is not None
    assert domain is not None
    over = replace(organization, state=OrganizationState.DELETING)
    mail_system.directory.commit([Replace(over), Replace(replace(domain, organization=over.ref))])


@pytest.mark.parametrize("end", [forget_domain, end_organization])
@pytest.mark.parametrize("answer", [ALL, None, {"actions": [act("DEFAULT", "dan"), *ALL["actions"]]}])
def test_a_domain_that_is_removed_meanwhile_leaves_no_recipient_waiting(
    mail_system: MailSystem, end: Callable[[MailSystem], None], answer: Any
) -> None:
    mail_system.rules(mail_system.lambda_rule(meanwhile(lambda: end(mail_system), answer), timeout=0))
    mail_system.arrive("m1", MESSAGE, *to("ann", "ben"))
    assert mail_system.where(MESSAGE) == {}
    bounced = [fact.event["bouncedRecipient"] for fact in named(mail_system, EventName.INCOMING_EMAIL_BOUNCED)]
    assert [(one["emailAddress"], one["status"]) for one in bounced] == [(each, "5.1.1") for each in to("ann", "ben")]
    assert mail_system.transit.is_clear(TRACE)


def test_a_second_worker_with_the_same_call_changes_nothing(mail_system: MailSystem) -> None:
    """It runs while the first one waits: both call, one decision is written."""
    mail_system.rules(
        mail_system.lambda_rule(
            meanwhile(lambda: mail_system.run_sync_rule.accept(pointer()), {"actions": [act("DROP", "ann")]})
        )
    )
    mail_system.arrive("m1", MESSAGE, *to("ann", "ben"))
    assert len(mail_system.functions.calls) == 2
    assert len(named(mail_system, OwnFact.RULE_ATTEMPTED)) == len(named(mail_system, EventName.RULE_APPLIED)) == 1
    assert mail_system.where(MESSAGE) == {"ben": "JUNK_EMAIL"}
    assert mail_system.transit.is_clear(TRACE)


def test_a_second_worker_that_fails_does_not_undo_the_first_ones_verdict(mail_system: MailSystem) -> None:
    """The other is slower, and its failure is noted neither in the call nor in the facts."""
    answers: list[Any] = [None, ALL]

    def both(_: Any) -> Any:
        if len(answers) == 2:
            mine = answers.pop(0)
            mail_system.run_sync_rule.accept(pointer())
            return mine
        return answers.pop(0)

    mail_system.rules(mail_system.lambda_rule(both))
    mail_system.arrive("m1", MESSAGE, *to("ann"))
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}
    assert not mail_system.queues.later["run_sync_rule"]
    (attempt,) = named(mail_system, OwnFact.RULE_ATTEMPTED)
    assert "failure" not in attempt.data


def parked(mail_system: MailSystem) -> Any:
    (one,) = mail_system.parking.list()
    return one


def park(mail_system: MailSystem) -> None:
    called = mail_system.transit.open_call(TRACE, "call:r-tag")
    assert called is not None
    mail_system.parking.park_order(called.call, "as a dead letter")


def test_a_call_that_is_parked_during_its_attempt_waits_for_an_operator(mail_system: MailSystem) -> None:
    mail_system.rules(mail_system.lambda_rule(meanwhile(lambda: park(mail_system))))
    mail_system.arrive("m1", MESSAGE, *to("ann"))
    assert mail_system.where(MESSAGE) == {}
    assert named(mail_system, EventName.RULE_APPLIED) == []
    assert mail_system.parking.redrive(parked(mail_system))
    mail_system.pump()
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}
    assert mail_system.transit.is_clear(TRACE)


def test_a_call_that_is_redriven_meanwhile_has_one_verdict(mail_system: MailSystem) -> None:
    def twice() -> None:
        park(mail_system)
        mail_system.parking.redrive(parked(mail_system))

    mail_system.rules(mail_system.lambda_rule(meanwhile(twice)))
    mail_system.arrive("m1", MESSAGE, *to("ann"))
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}
    assert len(named(mail_system, EventName.RULE_APPLIED)) == 1
    assert mail_system.transit.is_clear(TRACE)


def test_a_call_that_is_given_up_meanwhile_delivers_nothing(mail_system: MailSystem) -> None:
    def give_up() -> None:
        park(mail_system)
        mail_system.parking.discard(parked(mail_system))

    mail_system.rules(mail_system.lambda_rule(meanwhile(give_up)))
    mail_system.arrive("m1", MESSAGE, *to("ann"))
    assert mail_system.where(MESSAGE) == {}
    assert named(mail_system, EventName.RULE_APPLIED) == []
    assert mail_system.transit.is_clear(TRACE)


def test_a_parked_call_that_is_redriven_after_its_deadline_has_one_more_attempt(mail_system: MailSystem) -> None:
    mail_system.rules(mail_system.lambda_rule(fails, timeout=5))
    mail_system.arrive("m1", MESSAGE, *to("ann"))
    mail_system.queues.later["run_sync_rule"].clear()
    park(mail_system)
    mail_system.later += 3_600_000
    mail_system.parking.redrive(parked(mail_system))
    mail_system.pump()
    assert mail_system.where(MESSAGE) == {"ann": "JUNK_EMAIL"}
    assert [fact.data["attempt"] for fact in named(mail_system, OwnFact.RULE_ATTEMPTED)] == [1, 2]


def test_old_and_repeated_queue_messages_make_no_attempt_before_its_time(mail_system: MailSystem) -> None:
    answers = [None, ALL]
    mail_system.rules(mail_system.lambda_rule(lambda _: answers.pop(0)))
    mail_system.arrive("m1", MESSAGE, *to("ann"))
    for _ in range(3):
        mail_system.run_sync_rule.accept(pointer())
    assert len(mail_system.functions.calls) == 1
    mail_system.call_again()
    assert len(mail_system.functions.calls) == 2
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}


def test_a_clock_that_goes_back_puts_off_and_loses_nothing(mail_system: MailSystem) -> None:
    answers = [None, None, ALL]
    mail_system.rules(mail_system.lambda_rule(lambda _: answers.pop(0)))
    mail_system.later = 3_600_000
    mail_system.arrive("m1", MESSAGE, *to("ann"))
    mail_system.later = 0
    delays = mail_system.call_again()
    while mail_system.queues.later["run_sync_rule"]:
        delays += mail_system.call_again()
    assert max(delays) == 900  # the longest delay of SQS
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}


def test_a_put_during_the_verdict_is_delivered(mail_system: MailSystem) -> None:
    """It is in time: the decision is written anew with it."""
    of, late = mail_system.transit.contents, [b"first", b"second"]

    def read_then_put(trace: str) -> FlowContents:
        before = of(trace)
        if late and not before.slots["call:r-tag"].closed:
            body = late.pop(0)
            raw = mail_system.raw.keep(f"transit/{trace}/{len(body)}", body)
            mail_system.transit.commit(Commit(contents=before.put(raw, len(body))))
        return before

    mail_system.run_sync_rule = replace(mail_system.run_sync_rule, transit=_Transit(mail_system, read_then_put))
    mail_system.rules(mail_system.lambda_rule(lambda _: ALL))
    mail_system.arrive("m1", MESSAGE, *to("ann"))
    assert mail_system.where(b"second") == {"ann": "INBOX"}
    assert len(mail_system.functions.calls) == 1


def test_a_put_while_the_next_attempts_slot_is_opened_is_dropped_with_the_attempt_that_failed(
    mail_system: MailSystem,
) -> None:
    of, late, answers = mail_system.transit.contents, [b"late"], [None, ALL]

    def read_then_put(trace: str) -> FlowContents:
        before = of(trace)
        if late:
            raw = mail_system.raw.keep(f"transit/{trace}/late", late.pop())
            mail_system.transit.commit(Commit(contents=before.put(raw, 4)))
        return before

    mail_system.rules(mail_system.lambda_rule(lambda _: answers.pop(0)))
    mail_system.arrive("m1", MESSAGE, *to("ann"))
    mail_system.run_sync_rule = replace(mail_system.run_sync_rule, transit=_Transit(mail_system, read_then_put))
    mail_system.call_again()
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}
    assert len(mail_system.functions.calls) == 2


def test_too_many_puts_return_the_call_to_its_queue(mail_system: MailSystem) -> None:
    of = mail_system.transit.contents

    def read_then_put(trace: str) -> FlowContents:
        before = of(trace)
        mail_system.transit.commit(Commit(contents=before.put(RawLocation(bucket="b", key="transit/x"), 1)))
        return before

    mail_system.run_sync_rule = replace(mail_system.run_sync_rule, transit=_Transit(mail_system, read_then_put))
    mail_system.rules(mail_system.lambda_rule(lambda _: ALL))
    mail_system.raw.store("inbound/m1", MESSAGE)
    mail_system.ingest.accept(notification("m1", to("ann")))
    with pytest.raises(ConflictError, match="5 times in a row"):
        mail_system.run_sync_rule.accept(mail_system.queues.queues["run_sync_rule"].popleft())
    assert named(mail_system, EventName.RULE_APPLIED) == []


@dataclass
class _Transit:
    """A transit that reads contents in another way."""

    mail_system: MailSystem
    contents: Callable[[str], FlowContents]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.mail_system.transit, name)


def test_a_mailbox_that_gets_the_message_by_a_later_announcement_does_not_hold_up_the_verdict(
    mail_system: MailSystem,
) -> None:
    """Nor does it where that copy is parked; the call knew of no other way when it was made."""
    mail_system.group("team", "ann")
    answers = [None, ALL]
    mail_system.rules(
        mail_system.lambda_rule(lambda _: answers.pop(0)),
        rule(ActionType.DEFAULT, "*", "team@acme.test", id="r-team"),
    )
    mail_system.arrive("m1", MESSAGE, *to("ann", "ben"))
    mail_system.ingest.accept(notification("m1", to("team")))
    order = DeliveryOrder.read(mail_system.queues.queues["deliver"].popleft())
    mail_system.parking.park_order(order, "as a dead letter")
    mail_system.call_again()
    assert len(mail_system.functions.calls) == 2
    assert mail_system.where(MESSAGE) == {"ben": "INBOX"}
    mail_system.parking.redrive(parked(mail_system))
    mail_system.pump()
    assert mail_system.where(MESSAGE) == {"ann": "INBOX", "ben": "INBOX"}
    assert mail_system.transit.is_clear(TRACE)


@pytest.mark.parametrize(("quota", "copies"), [(1 << 40, 1), (len(MESSAGE) + 10, 1), (1, 0)])
def test_a_mailbox_that_got_the_message_by_a_later_announcement_keeps_it_once(
    mail_system: MailSystem, quota: int, copies: int
) -> None:
    """The decision makes another order for it: that ends as the first one did, even if the mailbox is full by now."""
    mail_system.user("eve", quota=quota)
    mail_system.group("team", "ann", "eve")
    answers = [None, ALL]
    mail_system.rules(
        mail_system.lambda_rule(lambda _: answers.pop(0)),
        rule(ActionType.DEFAULT, "*", "team@acme.test", id="r-team"),
    )
    mail_system.arrive("m1", MESSAGE, *to("ann", "eve"))
    mail_system.ingest.accept(notification("m1", to("team")))
    mail_system.pump()
    mail_system.call_again()
    assert mail_system.where(MESSAGE) == {"ann": "INBOX"}
    assert mail_system.contents("eve").count(MESSAGE) == copies
    assert len(named(mail_system, EventName.INCOMING_EMAIL_BOUNCED)) == 1 - copies
    assert mail_system.transit.is_clear(TRACE)


def test_a_large_verdict_leaves_out_members_that_a_later_announcement_has_skipped(mail_system: MailSystem) -> None:
    names = [f"u{number}" for number in range(60)]
    for name in names:
        mail_system.user(name)
    mail_system.entity("dan", state=EntityState.DISABLED)
    mail_system.group("all", *names[:3], "dan")
    mail_system.group("team", "u0", "dan")
    answers = [None, ALL]
    mail_system.rules(
        mail_system.lambda_rule(lambda _: answers.pop(0)),
        rule(ActionType.DEFAULT, "*", "team@acme.test", id="r-team"),
    )
    mail_system.arrive("m1", MESSAGE, *to(*names, "all"))
    mail_system.ingest.accept(notification("m1", to("team")))
    mail_system.pump()
    mail_system.call_again()
    assert [mail_system.contents(name) for name in names] == [[MESSAGE]] * 60
    assert len(named(mail_system, OwnFact.RECIPIENT_SKIPPED)) == 1
    assert mail_system.transit.is_clear(TRACE)


@dataclass
class Stopping:
    """``Queues`` that stops its worker once: behind the transaction that froze a decision, before its first chunk."""

    mail_system: MailSystem
    stopped: bool = False

    def send(self, messages: Iterable[Message], *, delay_s: int | None = None) -> None:
        if not self.stopped:
            self.stopped = True
            raise StoreUnavailableError("stopped")
        self.mail_system.queues.send(messages, delay_s=delay_s)


@pytest.mark.parametrize("parks", [False, True])
def test_a_frozen_verdict_leaves_out_mailboxes_that_a_later_announcement_reaches(
    mail_system: MailSystem, *, parks: bool
) -> None:
    """Its order may stand for long, parked even, and the same member of a group is skipped but once."""
    names = [f"u{number}" for number in range(60)]
    for name in names:
        mail_system.user(name)
    mail_system.entity("dan", state=EntityState.DISABLED)
    mail_system.group("all", *names[:3], "dan")
    mail_system.group("team", "u0", "u50", "dan")
    mail_system.rules(
        mail_system.lambda_rule(lambda _: ALL),
        rule(ActionType.DEFAULT, "*", "team@acme.test", id="r-team"),
    )
    mail_system.raw.store("inbound/m1", MESSAGE)
    mail_system.ingest.accept(notification("m1", to(*names, "all")))
    mail_system.run_sync_rule = replace(mail_system.run_sync_rule, queues=Stopping(mail_system))
    body = mail_system.queues.queues["run_sync_rule"].popleft()
    with pytest.raises(StoreUnavailableError):
        mail_system.run_sync_rule.accept(body)
    mail_system.ingest.accept(notification("m1", to("team")))
    if parks:
        mail_system.parking.park_order(
            DeliveryOrder.read(mail_system.queues.queues["deliver"].popleft()), "as a dead letter"
        )
    mail_system.run_sync_rule.accept(body)
    if parks:
        assert mail_system.parking.redrive(parked(mail_system))
    mail_system.pump()
    assert [mail_system.contents(name) for name in names] == [[MESSAGE]] * 60
    assert len(named(mail_system, OwnFact.RECIPIENT_SKIPPED)) == 1
    assert mail_system.transit.is_clear(TRACE)
