"""Ingest, deliver and bounce are stopped before and after every AWS call they make; then the event comes again."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.aws import transactions
from postroom.adapters.aws.transactions import Transaction
from postroom.model.facts import trace_of
from tests.support.post import ORG
from tests.support.world import FAULTY, World

if TYPE_CHECKING:
    from tests.support.stack import Stack

LETTER = b"From: bob@example.org\nSubject: caf\xe9\n\nHello\n.\r\n"


class Stopped(BaseException):
    """The function's environment is gone; no handler may catch it."""


@dataclass
class Injector:
    """Counts AWS calls and stops at one of them. Even steps stop before a call, odd ones after it.

    ``made`` holds the operations that were carried out before the stop.
    """

    step: int = -1
    calls: int = 0
    fired: bool = False
    made: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for client in FAULTY:
            client().meta.events.register("before-call", self.before)
            client().meta.events.register("after-call", self.after)

    def arm(self, step: int) -> None:
        self.step, self.calls, self.fired, self.made = step, 0, False, []

    def before(self, **_: Any) -> None:
        self._maybe(2 * self.calls)

    def after(self, model: Any, **_: Any) -> None:
        self.calls += 1
        if not self.fired:
            self.made.append(model.name)
        self._maybe(2 * self.calls - 1)

    def _maybe(self, here: int) -> None:
        if here == self.step:
            self.fired, self.step = True, -1
            raise Stopped


def walk(stack: Stack, *, most: int = 400) -> int:
    """Stop once at every place; check after each that the letter is where it belongs. Return the number of places."""
    world = World(stack)
    world.organization()
    for name in ("ann", "ben"):
        world.entity(name)
    world.entity("group", "ann", "ben")
    injector = Injector()
    for step in range(most):
        world.restart()
        injector.arm(step)
        message_id = f"letter-{step}"
        to = ("group@acme.test", "ann@acme.test", "nobody@acme.test")
        world.arrive(message_id, LETTER, *to, source=f"bob{step}@example.org")
        try:
            world.pump()
        except Stopped:
            world.restart()
            world.pump()
        fired, made = injector.fired, injector.made
        injector.arm(-1)
        check(world, message_id, step + 1)
        told = [each["original"] for each in world.answered].count(message_id)
        # SES cannot be asked whether it sent one: only a stop right behind that call may repeat it
        assert told == (2 if fired and made[-1:] == ["SendBounce"] else 1)
        if not fired:
            return step
    raise AssertionError("the walk does not end")


def check(world: World, message_id: str, letters: int) -> None:
    trace = trace_of(message_id, ORG)
    assert world.fact_names(trace) == [
        "BOUNCE_INTENDED",
        "BOUNCE_SENT",
        "INCOMING_EMAIL_BOUNCED",
        "MAILBOX_EMAIL_DELIVERED",
        "MAILBOX_EMAIL_DELIVERED",
        "ORGANIZATION_EMAIL_RECEIVED",
    ]
    assert world.desk.transit.is_clear(trace)
    for name in ("ann", "ben"):
        items = world.desk.mailboxes.items(name, "INBOX")
        assert [item.uids["INBOX"] for item in items] == list(range(1, letters + 1))
        assert len({item.blob for item in items}) == letters
        head = world.desk.mailboxes.head(name)
        assert head is not None
        assert head.folders["INBOX"].total == letters
        assert b"".join(world.desk.content(head, items[-1])) == LETTER
    assert list(world.desk.transit.all_parked()) == []
    assert world.stack.depth("PARKED_QUEUE_URL") == 0


def test_nothing_is_lost_or_doubled_wherever_it_stops(stack: Stack) -> None:
    places = walk(stack)
    assert places > 20


def test_the_walk_notices_an_order_without_its_condition(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Transaction._add

    def unconditional(self: Transaction, label: str, kind: str, arguments: dict[str, Any], condition: Any) -> Any:
        if label in {"order", "fact"} and condition in {transactions.THERE, transactions.NOT_THERE}:
            condition = None
        return original(self, label, kind, arguments, condition)

    monkeypatch.setattr(Transaction, "_add", unconditional)
    with pytest.raises(AssertionError):
        walk(stack)


def test_the_walk_notices_a_transaction_that_is_cut(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Transaction.commit

    def cut(self: Transaction) -> frozenset[str]:
        labels, writes = self._labels, self._writes
        for label, write in zip(labels, writes, strict=True):
            if refused := original(Transaction(self.client, [label], [write])):
                return refused
        return frozenset()

    monkeypatch.setattr(Transaction, "commit", cut)
    with pytest.raises(AssertionError):
        walk(stack)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_large_fan_out_survives_kills_at_random_moments(stack: Stack, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a repeatable choice of moments
    world = World(stack)
    world.organization()
    names = [f"u{number:03}" for number in range(90)]  # three chunks
    for name in names:
        world.entity(name)
    world.entity("group", *names)
    injector = Injector()
    body = world.arrive("letter", LETTER, "group@acme.test")
    kills = 0
    while kills < 30:
        injector.arm(chance.randrange(2, 60))
        try:
            world.pump()
        except Stopped:
            kills += 1
            world.restart()
            continue
        break
    injector.arm(-1)
    world.announce(body)
    world.pump()
    for parked in list(world.desk.parking.list()):  # killed five times over the same message: a person helps
        assert world.desk.parking.redrive(parked)
    world.pump()
    assert kills > 3
    assert [len(world.desk.mailboxes.items(name, "INBOX")) for name in names] == [1] * 90
    assert world.fact_names(trace_of("letter", ORG)).count("MAILBOX_EMAIL_DELIVERED") == 90
    assert world.desk.transit.is_clear(trace_of("letter", ORG))
