"""What happens while a message waits for a rule's function: each ends in one verdict, whatever changes meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.contracts.between_stations import CallPointer, RawLocation, Station, read_order
from postroom.errors import ConflictError, StoreUnavailableError
from postroom.model.directory import EntityState
from postroom.model.facts import EventName, OwnFact, trace_of
from postroom.model.records import OrganizationState, Remove, Replace
from postroom.model.rules import ActionType
from tests.support.post import ORG, notification
from tests.support.rule_answers import ALL, LETTER, act, to
from tests.support.rules import rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from postroom.contracts.between_stations import Order
    from postroom.model.facts import Fact
    from postroom.ports.message_contents import FlowContents
    from postroom.ports.rule_functions import Invocation
    from tests.unit.rules.conftest import Office

TRACE = trace_of("m1", ORG)


def named(office: Office, name: EventName | OwnFact, message_id: str = "m1") -> Sequence[Fact]:
    return [fact for fact in office.ledger.facts(trace_of(message_id, ORG)) if fact.name is name]


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


def test_a_rule_that_is_changed_decides_the_next_message(office: Office) -> None:
    old = office.lambda_rule(fails, name="old", fallback=ActionType.DROP, timeout=1)
    new = office.lambda_rule(lambda _: ALL, name="new")
    office.rules(replace(old, id="r"))
    office.arrive("m1", LETTER, *to("ann"))
    office.rules(replace(new, id="r"))
    office.arrive("m2", LETTER, *to("ben"))
    while office.calls.sent:
        office.call_again()
    assert office.where(LETTER) == {"ben": "INBOX"}
    for message_id, version, function in (("m1", 1, "old"), ("m2", 2, "new")):
        (applied,) = named(office, EventName.RULE_APPLIED, message_id)
        attempts = named(office, OwnFact.RULE_ATTEMPTED, message_id)
        assert {fact.data["rulesVersion"] for fact in (applied, *attempts)} == {version}
        assert {fact.data["functionArn"].rpartition(":")[2] for fact in (applied, *attempts)} == {function}


@dataclass
class Redeployed:
    """Functions with another version at each call."""

    office: Office
    version: int = 40

    def call(self, function_arn: str, event: bytes) -> Invocation:
        self.version += 1
        return replace(self.office.functions.call(function_arn, event), version=str(self.version))

    def hand_over(self, function_arn: str, event: bytes) -> Invocation:
        raise NotImplementedError


def test_a_function_that_is_redeployed_is_asked_as_it_is_now(office: Office) -> None:
    answers = [None, ALL]
    caller = replace(office.run_sync_rule.caller, functions=Redeployed(office))
    office.run_sync_rule = replace(office.run_sync_rule, caller=caller)
    office.rules(office.lambda_rule(lambda _: answers.pop(0)))
    office.arrive("m1", LETTER, *to("ann"))
    office.call_again()
    assert office.where(LETTER) == {"ann": "INBOX"}
    attempts = named(office, OwnFact.RULE_ATTEMPTED)
    assert [fact.data["functionVersion"] for fact in attempts] == ["41", "42"]
    assert len({fact.data["invocationId"] for fact in attempts}) == 1


def test_a_user_who_goes_meanwhile_is_refused(office: Office) -> None:
    change = meanwhile(lambda: office.entity("ann", state=EntityState.DISABLED))
    office.rules(office.lambda_rule(change))
    office.arrive("m1", LETTER, *to("ann", "ben"))
    assert office.where(LETTER) == {"ben": "INBOX"}
    (bounced,) = named(office, EventName.INCOMING_EMAIL_BOUNCED)
    assert bounced.event["bouncedRecipient"]["status"] == "5.2.1"


def forget_domain(office: Office) -> None:
    domain = office.directory.domain_record("acme.test")
    assert domain is not None
    office.directory.commit([Remove(domain)])


def end_organization(office: Office) -> None:
    organization = office.directory.organization(ORG)
    domain = office.directory.domain_record("acme.test")
    assert organization is not None
    assert domain is not None
    over = replace(organization, state=OrganizationState.DELETING)
    office.directory.commit([Replace(over), Replace(replace(domain, organization=over.ref))])


@pytest.mark.parametrize("end", [forget_domain, end_organization])
@pytest.mark.parametrize("answer", [ALL, None, {"actions": [act("DEFAULT", "dan"), *ALL["actions"]]}])
def test_a_domain_that_goes_meanwhile_leaves_nobody_waiting(
    office: Office, end: Callable[[Office], None], answer: Any
) -> None:
    office.rules(office.lambda_rule(meanwhile(lambda: end(office), answer), timeout=0))
    office.arrive("m1", LETTER, *to("ann", "ben"))
    assert office.where(LETTER) == {}
    bounced = [fact.event["bouncedRecipient"] for fact in named(office, EventName.INCOMING_EMAIL_BOUNCED)]
    assert [(one["emailAddress"], one["status"]) for one in bounced] == [(each, "5.1.1") for each in to("ann", "ben")]
    assert office.transit.is_clear(TRACE)


def test_a_second_worker_with_the_same_call_changes_nothing(office: Office) -> None:
    """It runs while the first one waits: both ask, one verdict is written."""
    office.rules(
        office.lambda_rule(meanwhile(lambda: office.run_sync_rule.accept(pointer()), {"actions": [act("DROP", "ann")]}))
    )
    office.arrive("m1", LETTER, *to("ann", "ben"))
    assert len(office.functions.calls) == 2
    assert len(named(office, OwnFact.RULE_ATTEMPTED)) == len(named(office, EventName.RULE_APPLIED)) == 1
    assert office.where(LETTER) == {"ben": "JUNK_EMAIL"}
    assert office.transit.is_clear(TRACE)


def test_a_second_worker_that_fails_does_not_undo_the_first_ones_verdict(office: Office) -> None:
    """The other is slower, and its failure is noted neither in the call nor in the facts."""
    answers: list[Any] = [None, ALL]

    def both(_: Any) -> Any:
        if len(answers) == 2:
            mine = answers.pop(0)
            office.run_sync_rule.accept(pointer())
            return mine
        return answers.pop(0)

    office.rules(office.lambda_rule(both))
    office.arrive("m1", LETTER, *to("ann"))
    assert office.where(LETTER) == {"ann": "INBOX"}
    assert not office.calls.sent
    (attempt,) = named(office, OwnFact.RULE_ATTEMPTED)
    assert "failure" not in attempt.data


def parked(office: Office) -> Any:
    (one,) = office.parking.list()
    return one


def park(office: Office) -> None:
    called = office.transit.called(TRACE, "call:r-tag")
    assert called is not None
    office.parking.park_order(called.call, "as a dead letter")


def test_a_call_that_is_parked_while_its_function_is_asked_waits_for_a_person(office: Office) -> None:
    office.rules(office.lambda_rule(meanwhile(lambda: park(office))))
    office.arrive("m1", LETTER, *to("ann"))
    assert office.where(LETTER) == {}
    assert named(office, EventName.RULE_APPLIED) == []
    assert office.parking.redrive(parked(office))
    office.pump()
    assert office.where(LETTER) == {"ann": "INBOX"}
    assert office.transit.is_clear(TRACE)


def test_a_call_that_is_redriven_meanwhile_has_one_verdict(office: Office) -> None:
    def twice() -> None:
        park(office)
        office.parking.redrive(parked(office))

    office.rules(office.lambda_rule(meanwhile(twice)))
    office.arrive("m1", LETTER, *to("ann"))
    assert office.where(LETTER) == {"ann": "INBOX"}
    assert len(named(office, EventName.RULE_APPLIED)) == 1
    assert office.transit.is_clear(TRACE)


def test_a_call_that_is_given_up_meanwhile_delivers_nothing(office: Office) -> None:
    def give_up() -> None:
        park(office)
        office.parking.discard(parked(office))

    office.rules(office.lambda_rule(meanwhile(give_up)))
    office.arrive("m1", LETTER, *to("ann"))
    assert office.where(LETTER) == {}
    assert named(office, EventName.RULE_APPLIED) == []
    assert office.transit.is_clear(TRACE)


def test_a_parked_call_that_is_redriven_after_its_time_is_asked_once_more(office: Office) -> None:
    office.rules(office.lambda_rule(fails, timeout=5))
    office.arrive("m1", LETTER, *to("ann"))
    office.calls.sent.clear()
    park(office)
    office.later += 3_600_000
    office.parking.redrive(parked(office))
    office.pump()
    assert office.where(LETTER) == {"ann": "JUNK_EMAIL"}
    assert [fact.data["attempt"] for fact in named(office, OwnFact.RULE_ATTEMPTED)] == [1, 2]


def test_old_and_repeated_queue_messages_make_no_attempt_before_its_time(office: Office) -> None:
    answers = [None, ALL]
    office.rules(office.lambda_rule(lambda _: answers.pop(0)))
    office.arrive("m1", LETTER, *to("ann"))
    for _ in range(3):
        office.run_sync_rule.accept(pointer())
    assert len(office.functions.calls) == 1
    office.call_again()
    assert len(office.functions.calls) == 2
    assert office.where(LETTER) == {"ann": "INBOX"}


def test_a_clock_that_goes_back_puts_off_and_loses_nothing(office: Office) -> None:
    answers = [None, None, ALL]
    office.rules(office.lambda_rule(lambda _: answers.pop(0)))
    office.later = 3_600_000
    office.arrive("m1", LETTER, *to("ann"))
    office.later = 0
    delays = office.call_again()
    while office.calls.sent:
        delays += office.call_again()
    assert max(delays) == 900  # what SQS can hold back
    assert office.where(LETTER) == {"ann": "INBOX"}


def test_a_put_during_the_verdict_is_delivered(office: Office) -> None:
    """It is in time: the verdict is written anew with it."""
    of, late = office.contents.of, [b"first", b"second"]

    def read_then_put(trace: str) -> FlowContents:
        before = of(trace)
        if late and not before.slots["call:r-tag"].closed:
            body = late.pop(0)
            raw = office.raw.keep(f"transit/{trace}/{len(body)}", body)
            office.contents.replace(before.put(raw, len(body)))
        return before

    office.run_sync_rule = replace(office.run_sync_rule, contents=_Contents(office, read_then_put))
    office.rules(office.lambda_rule(lambda _: ALL))
    office.arrive("m1", LETTER, *to("ann"))
    assert office.where(b"second") == {"ann": "INBOX"}
    assert len(office.functions.calls) == 1


def test_a_put_while_the_next_attempts_slot_is_opened_is_forgotten_with_the_attempt_that_failed(office: Office) -> None:
    of, late, answers = office.contents.of, [b"late"], [None, ALL]

    def read_then_put(trace: str) -> FlowContents:
        before = of(trace)
        if late:
            raw = office.raw.keep(f"transit/{trace}/late", late.pop())
            office.contents.replace(before.put(raw, 4))
        return before

    office.rules(office.lambda_rule(lambda _: answers.pop(0)))
    office.arrive("m1", LETTER, *to("ann"))
    office.run_sync_rule = replace(office.run_sync_rule, contents=_Contents(office, read_then_put))
    office.call_again()
    assert office.where(LETTER) == {"ann": "INBOX"}
    assert len(office.functions.calls) == 2


def test_puts_without_end_give_the_call_back_to_its_queue(office: Office) -> None:
    of = office.contents.of

    def read_then_put(trace: str) -> FlowContents:
        before = of(trace)
        office.contents.replace(before.put(RawLocation(bucket="b", key="transit/x"), 1))
        return before

    office.run_sync_rule = replace(office.run_sync_rule, contents=_Contents(office, read_then_put))
    office.rules(office.lambda_rule(lambda _: ALL))
    office.raw.store("inbound/m1", LETTER)
    office.ingest.accept(notification("m1", to("ann")))
    with pytest.raises(ConflictError, match="5 times in a row"):
        office.run_sync_rule.accept(office.onward.queues[Station.RUN_SYNC_RULE].popleft())
    assert named(office, EventName.RULE_APPLIED) == []


@dataclass
class _Contents:
    """``MessageContents`` that are read in another way."""

    office: Office
    of: Callable[[str], FlowContents]

    def replace(self, *given: Any) -> bool:
        return self.office.contents.replace(*given)


def test_a_mailbox_that_gets_the_message_by_a_later_announcement_does_not_hold_up_the_verdict(office: Office) -> None:
    """Nor does it where that copy is parked; the call knew of no other way when it was made."""
    office.group("team", "ann")
    answers = [None, ALL]
    office.rules(
        office.lambda_rule(lambda _: answers.pop(0)),
        rule(ActionType.DEFAULT, "*", "team@acme.test", id="r-team"),
    )
    office.arrive("m1", LETTER, *to("ann", "ben"))
    office.ingest.accept(notification("m1", to("team")))
    order = read_order(office.onward.queues[Station.DELIVER].popleft())
    office.parking.park_order(order, "as a dead letter")
    office.call_again()
    assert len(office.functions.calls) == 2
    assert office.where(LETTER) == {"ben": "INBOX"}
    office.parking.redrive(parked(office))
    office.pump()
    assert office.where(LETTER) == {"ann": "INBOX", "ben": "INBOX"}
    assert office.transit.is_clear(TRACE)


@pytest.mark.parametrize(("quota", "copies"), [(1 << 40, 1), (len(LETTER) + 10, 1), (1, 0)])
def test_a_mailbox_that_got_the_message_by_a_later_announcement_keeps_it_once(
    office: Office, quota: int, copies: int
) -> None:
    """The verdict makes another order for it: that ends as the first one did, even where the mailbox is full by now."""
    office.user("eve", quota=quota)
    office.group("team", "ann", "eve")
    answers = [None, ALL]
    office.rules(
        office.lambda_rule(lambda _: answers.pop(0)),
        rule(ActionType.DEFAULT, "*", "team@acme.test", id="r-team"),
    )
    office.arrive("m1", LETTER, *to("ann", "eve"))
    office.ingest.accept(notification("m1", to("team")))
    office.pump()
    office.call_again()
    assert office.where(LETTER) == {"ann": "INBOX"}
    assert office.contents_of("eve").count(LETTER) == copies
    assert len(named(office, EventName.INCOMING_EMAIL_BOUNCED)) == 1 - copies
    assert office.transit.is_clear(TRACE)


def test_a_large_verdict_leaves_out_whom_a_later_announcement_has_skipped(office: Office) -> None:
    names = [f"u{number}" for number in range(60)]
    for name in names:
        office.user(name)
    office.entity("dan", state=EntityState.DISABLED)
    office.group("all", *names[:3], "dan")
    office.group("team", "u0", "dan")
    answers = [None, ALL]
    office.rules(
        office.lambda_rule(lambda _: answers.pop(0)),
        rule(ActionType.DEFAULT, "*", "team@acme.test", id="r-team"),
    )
    office.arrive("m1", LETTER, *to(*names, "all"))
    office.ingest.accept(notification("m1", to("team")))
    office.pump()
    office.call_again()
    assert [office.contents_of(name) for name in names] == [[LETTER]] * 60
    assert len(named(office, OwnFact.RECIPIENT_SKIPPED)) == 1
    assert office.transit.is_clear(TRACE)


@dataclass
class Stopping:
    """``Onward`` that stops its worker once: behind the transaction that froze a verdict, before its first chunk."""

    office: Office
    stopped: bool = False

    def send(self, orders: Iterable[Order]) -> None:
        if not self.stopped:
            self.stopped = True
            raise StoreUnavailableError("stopped")
        self.office.onward.send(orders)


@pytest.mark.parametrize("parks", [False, True])
def test_a_frozen_verdict_leaves_out_whom_a_later_announcement_reaches(office: Office, *, parks: bool) -> None:
    """Its order may stand for long, parked even, and the same member of a group is skipped but once."""
    names = [f"u{number}" for number in range(60)]
    for name in names:
        office.user(name)
    office.entity("dan", state=EntityState.DISABLED)
    office.group("all", *names[:3], "dan")
    office.group("team", "u0", "u50", "dan")
    office.rules(
        office.lambda_rule(lambda _: ALL),
        rule(ActionType.DEFAULT, "*", "team@acme.test", id="r-team"),
    )
    office.raw.store("inbound/m1", LETTER)
    office.ingest.accept(notification("m1", to(*names, "all")))
    office.run_sync_rule = replace(office.run_sync_rule, onward=Stopping(office))
    body = office.onward.queues[Station.RUN_SYNC_RULE].popleft()
    with pytest.raises(StoreUnavailableError):
        office.run_sync_rule.accept(body)
    office.ingest.accept(notification("m1", to("team")))
    if parks:
        office.parking.park_order(read_order(office.onward.queues[Station.DELIVER].popleft()), "as a dead letter")
    office.run_sync_rule.accept(body)
    if parks:
        assert office.parking.redrive(parked(office))
    office.pump()
    assert [office.contents_of(name) for name in names] == [[LETTER]] * 60
    assert len(named(office, OwnFact.RECIPIENT_SKIPPED)) == 1
    assert office.transit.is_clear(TRACE)
