"""Mail that was on its way when its owner, or its organization, went: it ends, and leads nowhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from postroom.contracts.orders import BounceOrder, DeliveryOrder, OrderKind, RawLocation
from postroom.model.directory import EntityState
from postroom.model.facts import EventName, Fact, OwnFact, trace_of
from postroom.model.records import OrganizationState, Replace
from postroom.model.rules import ActionType, LambdaCall
from postroom.parking.redrive import undeliverable
from postroom.ports.transit import Commit, Outcome
from tests.support.builders import NOON, ORG, notification
from tests.support.commits import Watched, chunk_of
from tests.support.memory_mail_system import KMS, MemoryMailSystem
from tests.support.rule_callees import ALL
from tests.support.rules import rule

if TYPE_CHECKING:
    from collections.abc import Callable

MESSAGE: Final = b"From: Bob <bob@example.org>\nSubject: plums\n\nten"
TRACE: Final = trace_of("m1", ORG)
CROWD: Final = tuple(f"u{number:02}@acme.test" for number in range(90))
"""More than two transactions take."""


@pytest.fixture
def post() -> MemoryMailSystem:
    made = MemoryMailSystem()
    made.user("ann")
    made.user("ben")
    return made


def delete(post: MemoryMailSystem, state: OrganizationState = OrganizationState.DELETING) -> None:
    """Begin to delete the organization, as the API does."""
    organization, domain = post.directory.organization(ORG), post.directory.domain_record("acme.test")
    assert organization is not None
    assert domain is not None
    gone = replace(organization, state=state)
    post.directory.commit([Replace(gone), Replace(replace(domain, organization=gone.ref))])


def delete_owner(post: MemoryMailSystem) -> None:
    post.entity("ann", state=EntityState.DELETED, email=None)


def disable_owner(post: MemoryMailSystem) -> None:
    post.entity("ann", state=EntityState.DISABLED, email=None)


GOING: Final = [
    pytest.param(delete, "5.1.1", id="organization"),
    pytest.param(delete_owner, "5.1.1", id="owner"),
    pytest.param(disable_owner, "5.2.1", id="disabled owner"),
]


def facts(post: MemoryMailSystem, name: EventName | OwnFact) -> list[Fact]:
    return [fact for fact in post.ledger.facts(TRACE) if fact.name is name]


def bounced(post: MemoryMailSystem) -> list[tuple[str, str]]:
    """Return the recipients that bounced, with their status."""
    found = [fact.event["bouncedRecipient"] for fact in facts(post, EventName.INCOMING_EMAIL_BOUNCED)]
    return [(one["emailAddress"], one["status"]) for one in found]


def arrive(post: MemoryMailSystem, *recipients: str) -> None:
    """Let a message arrive, and go no further than into the queues of its orders."""
    post.raw.store("inbound/m1", MESSAGE)
    post.ingest.accept(notification("m1", recipients))


def ask(post: MemoryMailSystem, answer: Callable[[Any], Any] = lambda _: ALL, **more: Any) -> None:
    """Give the organization a rule that calls a function for all mail."""
    synchronous = more.get("synchronous", True)
    fallback = ActionType.DEFAULT if synchronous else None
    call = LambdaCall(post.function("tag", answer), synchronous, fallback, more.get("timeout", 5) if synchronous else 0)
    post.rules(rule(ActionType.RUN_LAMBDA, id="r-tag", name="tag", call=call))


@pytest.mark.parametrize(("go", "status"), GOING)
def test_mail_in_flight_bounces_with_a_bounce_message(
    post: MemoryMailSystem, go: Callable[[MemoryMailSystem], None], status: str
) -> None:
    arrive(post, "ann@acme.test")
    go(post)
    post.pump()
    assert bounced(post) == [("ann@acme.test", status)]
    assert [each.failures[0].address for each in post.sender.answered] == ["ann@acme.test"]
    assert post.contents("ann") == []
    assert post.sealed.under("") == []
    assert post.transit.is_clear(TRACE)


@pytest.mark.parametrize(("go", "status"), GOING)
def test_a_redrive_does_not_deliver_to_a_removed_owner_and_says_so(
    post: MemoryMailSystem, go: Callable[[MemoryMailSystem], None], status: str
) -> None:
    post.keys.disabled.add(KMS)
    arrive(post, "ann@acme.test")
    post.pump()
    post.keys.disabled.clear()
    (parked,) = post.parking.list()
    assert undeliverable(parked, post.directory) is None
    go(post)
    assert undeliverable(parked, post.directory)
    assert post.parking.redrive(parked)
    post.pump()
    assert bounced(post) == [("ann@acme.test", status)]
    assert post.contents("ann") == []
    assert list(post.parking.list()) == []


def test_an_object_that_an_earlier_attempt_sealed_is_removed(post: MemoryMailSystem) -> None:
    arrive(post, "ann@acme.test")

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    (body,) = post.queues.queues["deliver"]
    dying: Any = Dying(post.mailboxes, die)
    kept, post.deliver = post.deliver, replace(post.deliver, mailboxes=dying)
    with pytest.raises(KeyboardInterrupt):
        post.deliver.accept(body)
    post.deliver = kept
    assert len(post.sealed.under("")) == 1
    delete(post)
    post.pump()
    assert post.sealed.under("") == []


class Dying:
    """Mailboxes that cannot be written."""

    def __init__(self, inner: Any, deliver: Any) -> None:
        self.head = inner.head
        self.deliver = deliver


def test_a_notice_of_ours_ends_without_a_bounce(post: MemoryMailSystem) -> None:
    order = DeliveryOrder(
        kind=OrderKind.QUOTA_NOTICE,
        trace=TRACE,
        organization_id=ORG,
        mailbox_id="ann",
        recipient="ann@acme.test",
        delivered_to="ann@acme.test",
        envelope_from="",
        folder="INBOX",
        raw=RawLocation(bucket="inbound-bucket", key="transit/t/notice"),
        size=1,
        received_at=NOON,
    )
    assert post.transit.commit(Commit(orders=[order])) is Outcome.DONE
    delete(post)
    post.deliver.accept(order.message)
    assert [fact.name for fact in post.ledger.facts(TRACE)] == [OwnFact.QUOTA_NOTICE_DROPPED]


def test_a_call_that_waits_ends_at_its_next_attempt_and_no_function_is_called(post: MemoryMailSystem) -> None:
    def fails(_: Any) -> Any:
        raise ValueError

    ask(post, fails, timeout=240)
    arrive(post, "ann@acme.test", "ben@acme.test")
    post.pump()
    assert len(post.functions.calls) == 1
    delete(post)
    post.call_again()
    assert len(post.functions.calls) == 1
    assert bounced(post) == [("ann@acme.test", "5.1.1"), ("ben@acme.test", "5.1.1")]
    assert [fact.data["reason"] for fact in facts(post, OwnFact.RULE_CALL_DROPPED)] == ["its organization is deleted"]
    assert len(post.sender.answered) == 1
    assert post.transit.is_clear(TRACE)


def test_a_call_that_is_not_due_ends_as_soon_as_it_is_read(post: MemoryMailSystem) -> None:
    def fails(_: Any) -> Any:
        raise ValueError

    ask(post, fails, timeout=240)
    arrive(post, "ann@acme.test")
    post.pump()
    delete(post)
    (body, _) = post.queues.later["run_sync_rule"].popleft()
    post.run_sync_rule.accept(body)
    assert not post.queues.later["run_sync_rule"]
    assert bounced(post) == [("ann@acme.test", "5.1.1")]


@pytest.mark.parametrize("stop", [0, 1, 2, 3])
def test_a_call_with_more_recipients_than_a_transaction_takes_ends_for_all(post: MemoryMailSystem, stop: int) -> None:
    ask(post)
    arrive(post, *CROWD)
    delete(post)
    (body,) = post.queues.queues["run_sync_rule"]
    inner, kept = post.transit, post.run_sync_rule
    left = [stop]

    def stop_behind_so_many_chunks(commit: Commit) -> None:
        if chunk_of(commit) is not None:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1

    stopping: Any = Watched(inner, stop_behind_so_many_chunks)
    if stop < 3:
        with pytest.raises(KeyboardInterrupt):
            replace(kept, transit=stopping).accept(body)
    post.pump()
    assert post.functions.calls == []
    assert sorted(bounced(post)) == [(each, "5.1.1") for each in CROWD]
    assert post.transit.is_clear(TRACE)


def test_an_asynchronous_call_ends_with_a_fact(post: MemoryMailSystem) -> None:
    ask(post, synchronous=False)
    arrive(post, "ann@acme.test")
    delete(post)
    post.pump()
    assert post.functions.calls == []
    assert [fact.data["synchronous"] for fact in facts(post, OwnFact.RULE_CALL_DROPPED)] == [False]
    assert bounced(post) == [("ann@acme.test", "5.1.1")]
    assert post.transit.is_clear(TRACE)


def test_a_bounce_that_cannot_be_written_any_more_is_suppressed(post: MemoryMailSystem) -> None:
    arrive(post, "nobody@acme.test")
    delete(post)
    post.raw.remove("inbound/m1")
    post.pump()
    (silence,) = facts(post, OwnFact.BOUNCE_SUPPRESSED)
    assert "MessageNotFoundError" in silence.data["reason"]
    assert list(post.parking.list()) == []
    assert post.transit.is_clear(TRACE)


def test_the_same_bounce_of_an_existing_organization_waits_for_an_operator(post: MemoryMailSystem) -> None:
    arrive(post, "nobody@acme.test")
    (body,) = post.queues.queues["bounce"]
    order = BounceOrder.model_validate_json(body)
    post.raw.remove("inbound/m1")
    post.pump()
    assert [parked.key for parked in post.parking.list()] == [order.key]
