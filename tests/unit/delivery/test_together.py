"""The orders of one batch: each ends as it would by itself, and those for one mailbox take one transaction."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from postroom.delivery.entry import MAX_FAILURES, MAX_RACES, chosen
from postroom.errors import ConflictError, InvalidNotificationError, StoreUnavailableError
from postroom.model.directory import EntityState
from postroom.model.facts import trace_of
from postroom.ports.mailboxes import MAX_DELIVERY_WRITES
from tests.support.builders import ORG, notification
from tests.support.invitations import calendar, event, mail
from tests.support.memory_mail_system import MemoryMailSystem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from postroom.model.mailbox import Head
    from postroom.ports.mailboxes import Delivered, Delivery, Mailboxes

INVITATION: Final = mail(
    calendar(event(organizer="bob@example.org", attendees=[";PARTSTAT=NEEDS-ACTION:mailto:ann@acme.test"]))
)


def message(number: int, size: int = 2000) -> bytes:
    return b"From: Bob <bob@example.org>\nSubject: plums %d\n\n" % number + b"x" * size


@dataclass
class Watched:
    """Mailboxes that count transactions, and fail where ``fail`` raises for the deliveries of one."""

    mailboxes: Mailboxes
    fail: Callable[[Sequence[Delivery]], None] = lambda _: None
    sizes: list[int] = field(default_factory=list)

    def deliver(self, head: Head, deliveries: Sequence[Delivery]) -> Delivered:
        self.sizes.append(len(deliveries))
        self.fail(deliveries)
        return self.mailboxes.deliver(head, deliveries)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.mailboxes, name)


class Post(MemoryMailSystem):
    """Ann and Ben have mailboxes; Ann's deliveries are watched."""

    def __init__(self) -> None:
        super().__init__()
        self.watched = Watched(self.mailboxes)
        self.deliver = replace(self.deliver, mailboxes=self.watched)

    def order(self, number: int, name: str = "ann", content: bytes | None = None) -> str:
        """Let a message arrive, and return its order, taken out of the queue."""
        self.raw.store(f"inbound/m{number}", message(number) if content is None else content)
        self.ingest.accept(notification(f"m{number}", [f"{name}@acme.test"]))
        return str(self.queues.queues["deliver"].pop())

    def batch(self, *bodies: str) -> dict[str, Exception]:
        """Carry out a batch; return errors by the index of the order, those before its transaction included."""
        work, errors = self.deliver.together(), dict[str, Exception]()
        for number, body in enumerate(bodies):
            try:
                work.add(str(number), body)
            except Exception as error:  # noqa: BLE001  as the loop over a batch does
                errors[str(number)] = error
        return errors | dict(work.finish())

    def facts(self, number: int) -> list[str]:
        return sorted(str(fact.name) for fact in self.ledger.facts(trace_of(f"m{number}", ORG)))


@pytest.fixture
def post() -> Post:
    made = Post()
    made.user("ann")
    made.user("ben")
    return made


def classes(errors: Mapping[str, Exception]) -> dict[str, type[Exception]]:
    return {name: type(error) for name, error in errors.items()}


def test_messages_for_one_mailbox_take_one_transaction_and_keep_their_order(post: Post) -> None:
    bodies = [post.order(number) for number in range(10)]
    assert post.batch(*bodies) == {}
    assert post.watched.sizes == [10]
    assert post.contents("ann") == [message(number) for number in range(10)]
    assert all(post.transit.is_clear(trace_of(f"m{number}", ORG)) for number in range(10))


def test_each_mailbox_has_a_transaction_of_its_own(post: Post) -> None:
    bodies = [post.order(number, "ann" if number % 2 else "ben") for number in range(6)]
    assert post.batch(*bodies) == {}
    assert post.watched.sizes == [3, 3]
    assert post.contents("ann") == [message(number) for number in (1, 3, 5)]
    assert post.contents("ben") == [message(number) for number in (0, 2, 4)]


def test_every_order_of_a_batch_keeps_its_own_outcome(post: Post) -> None:
    post.user("tim", quota=10)
    post.user("zoe")
    late = post.order(0)
    post.batch(late)
    gone, full, missing = post.order(1, "zoe"), post.order(2, "tim"), post.order(3)
    post.entity("zoe", state=EntityState.DISABLED)
    post.raw.remove("inbound/m3")
    post.watched.sizes.clear()
    bodies = [
        late,
        gone,
        post.order(4),
        "no order",
        full,
        missing,
        post.order(5, content=INVITATION),
        post.order(6, "ben"),
    ]
    errors = post.batch(*bodies)
    assert classes(errors) == {"3": InvalidNotificationError}
    assert post.watched.sizes == [3, 2, 1], "the late one is taken out of the first"
    assert post.contents("ann") == [message(0), message(4), INVITATION]
    assert post.contents("ben") == [message(6)]
    assert "INCOMING_EMAIL_BOUNCED" in post.facts(1)
    assert "INCOMING_EMAIL_BOUNCED" in post.facts(2)
    assert [parked.id for parked in post.parking.list()] == [f"{trace_of('m3', ORG)}/order:ann"]
    assert len(post.queues.queues["update_calendar"]) == 1
    assert len(post.queues.queues["bounce"]) == 2


def test_one_order_that_comes_twice_in_a_batch_is_delivered_once(post: Post) -> None:
    body, other = post.order(0), post.order(1)
    assert post.batch(body, body, other, body) == {}
    assert post.watched.sizes[0] == 2
    assert post.contents("ann") == [message(0), message(1)]
    assert post.sealed.under("") != []


def test_a_message_that_has_room_because_another_had_ended_is_not_bounced(post: Post) -> None:
    size = len(message(0))
    post.user("tim", quota=2 * size)
    first = post.order(0, "tim")
    post.batch(first)
    assert post.batch(first, post.order(1, "tim")) == {}
    assert post.contents("tim") == [message(0), message(1)]
    assert post.batch(post.order(2, "tim")) == {}
    assert "INCOMING_EMAIL_BOUNCED" in post.facts(2)


def test_what_does_not_fit_beside_the_others_bounces_and_a_smaller_one_behind_it_enters(post: Post) -> None:
    post.user("tim", quota=3 * len(message(0)))
    bodies = [post.order(number, "tim", message(number, size)) for number, size in enumerate((2000, 2000, 3000, 1500))]
    assert post.batch(*bodies) == {}
    assert post.contents("tim") == [message(0), message(1), message(3, 1500)]
    assert "INCOMING_EMAIL_BOUNCED" in post.facts(2)


def test_the_message_that_crosses_the_share_causes_the_notice_and_only_that(post: Post) -> None:
    size = len(message(0))
    post.user("tim", quota=4 * size)
    assert post.batch(*(post.order(number, "tim") for number in range(4))) == {}
    assert post.watched.sizes == [4]
    assert len(post.queues.queues["deliver"]) == 1
    post.pump()
    assert len(post.contents("tim")) == 5
    assert Counter(name for number in range(4) for name in post.facts(number))["QUOTA_NOTICE_DELIVERED"] == 1


def test_races_that_are_lost_are_taken_up_with_a_fresh_head(post: Post) -> None:
    lost: list[int] = []

    def overtaken(deliveries: Sequence[Delivery]) -> None:
        if len(lost) < MAX_RACES - 1:
            lost.append(len(deliveries))
            raise ConflictError("faster")

    bodies = [post.order(number) for number in range(3)]
    post.watched.fail = overtaken
    assert post.batch(*bodies) == {}
    assert post.contents("ann") == [message(number) for number in range(3)]


def test_the_head_is_read_again_after_the_messages_are_sealed(post: Post) -> None:
    bodies, other = [post.order(0), post.order(1)], post.order(2)
    work = post.deliver.together()
    for number, body in enumerate(bodies):
        work.add(str(number), body)
    post.batch(other)
    assert work.finish() == {}
    assert post.watched.sizes == [1, 2], "no race is lost"


def test_a_transaction_that_is_written_ends_the_count_of_lost_races(post: Post) -> None:
    taken: list[int] = []

    def overtaken(deliveries: Sequence[Delivery]) -> None:
        taken.append(len(deliveries))
        if len(taken) % MAX_RACES:
            raise ConflictError("faster")

    post.watched.fail = overtaken
    assert post.batch(*(post.order(number) for number in range(30))) == {}
    assert len(taken) == 2 * MAX_RACES, "two transactions"
    assert len(post.contents("ann")) == 30


def test_a_busy_mailbox_gives_its_orders_back_and_delays_no_other(post: Post) -> None:
    def overtaken(deliveries: Sequence[Delivery]) -> None:
        if deliveries[0].order.mailbox_id == "ann":
            raise ConflictError("faster")

    bodies = [post.order(0), post.order(1, "ben"), post.order(2)]
    post.watched.fail = overtaken
    errors = post.batch(*bodies)
    assert classes(errors) == {"0": ConflictError, "2": ConflictError}
    assert post.watched.sizes == [2] * MAX_RACES + [1]
    assert post.contents("ben") == [message(1)]
    assert list(post.parking.list()) == []
    post.watched.fail = lambda _: None
    assert post.batch(bodies[0], bodies[2]) == {}
    assert post.contents("ann") == [message(0), message(2)]


def test_a_message_that_makes_a_transaction_fail_stops_no_other(post: Post) -> None:
    bodies = [post.order(number) for number in range(4)]
    poison = trace_of("m1", ORG)

    def refuse(deliveries: Sequence[Delivery]) -> None:
        if any(each.order.trace == poison for each in deliveries):
            raise StoreUnavailableError("the transaction could not be written: ValidationException")

    post.watched.fail = refuse
    assert classes(post.batch(*bodies)) == {"1": StoreUnavailableError}
    assert post.watched.sizes == [4, 1, 1, 1, 1]
    assert post.contents("ann") == [message(number) for number in (0, 2, 3)]


def test_where_the_table_does_not_answer_few_are_tried_alone(post: Post) -> None:
    def refuse(_: Sequence[Delivery]) -> None:
        raise StoreUnavailableError("no answer")

    bodies = [post.order(number) for number in range(10)]
    post.watched.fail = refuse
    assert set(classes(post.batch(*bodies)).values()) == {StoreUnavailableError}
    assert post.watched.sizes == [10, *[1] * MAX_FAILURES]
    post.watched.fail = lambda _: None
    assert post.batch(*bodies) == {}
    assert len(post.contents("ann")) == 10


def test_what_follows_is_sent_again_if_that_was_cut_short(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = [post.order(0), post.order(1, content=INVITATION)]
    send, stopped = type(post.queues).send, list[int]()

    def stop_once(queues: Any, messages: Any, **more: Any) -> None:
        if not stopped:
            stopped.append(1)
            raise StoreUnavailableError("no answer")
        send(queues, messages, **more)

    monkeypatch.setattr(type(post.queues), "send", stop_once)
    assert classes(post.batch(*bodies)) == {"1": StoreUnavailableError}, "nothing follows from the other"
    assert len(post.contents("ann")) == 2
    assert post.batch(bodies[1]) == {}
    assert len(post.queues.queues["update_calendar"]) == 1
    assert len(post.contents("ann")) == 2


SIZES: Final = st.sampled_from([10, 200, 900])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["ann", "tim", "tim", "tim"])), min_size=1, max_size=10),
    st.lists(SIZES, min_size=6, max_size=6),
    st.integers(300, 2500),
    st.integers(0, 5),
)
@example([(0, "tim"), (1, "tim"), (0, "tim"), (2, "tim")], [900, 900, 200, 10, 10, 10], 1500, 0)
@example([(0, "tim"), (1, "tim"), (2, "tim")], [900, 900, 200, 10, 10, 10], 2100, 1)
def test_a_batch_ends_as_its_orders_do_one_after_the_other(
    picks: list[tuple[int, str]], sizes: list[int], quota: int, before: int
) -> None:
    """Messages of any size, some of them twice, into a mailbox that may be nearly full; some were delivered before."""
    seen = []
    for together in (True, False):
        post = Post()
        post.user("ann")
        post.user("tim", quota=quota)
        made = {
            (number, name): post.order(10 * number + (name == "ann"), name, message(number, sizes[number]))
            for number, name in dict.fromkeys(picks)
        }
        bodies = [made[pick] for pick in picks]
        post.batch(*bodies[:before]) if together else [post.batch(body) for body in bodies[:before]]
        post.batch(*bodies) if together else [post.batch(body) for body in bodies]
        facts = {number: post.facts(number) for number in range(60)}
        queued = {name: len(queue) > 0 for name, queue in post.queues.queues.items()}
        sealed = len(post.sealed.under(""))
        seen.append((post.contents("ann"), post.contents("tim"), facts, queued, sealed))
    assert seen[0] == seen[1]


def test_one_transaction_takes_no_more_than_dynamodb_does(post: Post) -> None:
    head = post.mailboxes.head("ann")
    assert head is not None
    work = post.deliver.together()
    for number in range(60):
        work.add(str(number), post.order(number))
    (waiting,) = work._sealed.values()
    first = chosen(head, waiting)
    assert first == waiting[: len(first)]
    assert 1 <= 4 * len(first) <= MAX_DELIVERY_WRITES
    large = [replace(each, item=replace(each.item, summary=b"x" * 400_000)) for each in waiting[:10]]
    assert sum(len(each.item.summary) for each in chosen(head, large)) <= 3 << 20
    assert work.finish() == {}
    assert post.contents("ann") == [message(number) for number in range(60)]
