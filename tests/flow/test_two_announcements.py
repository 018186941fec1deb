"""One message, announced to one organization more than once, with other recipients each time.

SES tells of a message once for each receipt rule that matches, and an organization's domains may stand in several;
a parked arrival comes again when the domain it waited for is registered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postroom.model.facts import trace_of
from postroom.model.records import Domain, DomainState, Insert, Organization
from tests.support.post import ORG
from tests.support.world import World

if TYPE_CHECKING:
    from tests.support.stack import Stack

LETTER = b"From: Bob <bob@example.org>\nTo: x\nSubject: s\n\ntext\n"


@pytest.fixture
def world(stack: Stack) -> World:
    made = World(stack)
    made.organization()
    made.entity("ann", aliases=["ann@second.test"])
    made.entity("ben", domain="second.test")
    return made


def register(world: World, domain: str) -> None:
    (organization,) = [found for found in [world.directory.organization(ORG)] if isinstance(found, Organization)]
    world.directory.commit(
        [Insert(Domain(name=domain, organization=organization.ref, is_test=False, state=DomainState.ACTIVE))]
    )


def copies(world: World) -> dict[str, int]:
    return {name: len(world.contents(name)) for name in ("ann", "ben")}


def test_a_second_rule_of_the_same_organization(world: World) -> None:
    register(world, "second.test")
    world.arrive("m1", LETTER, "ann@acme.test")
    world.arrive("m1", LETTER, "ann@second.test", "ben@second.test", "nobody@second.test")
    world.pump()
    world.arrive("m1", LETTER, "ann@second.test", "ben@second.test", "nobody@second.test")  # SQS delivers twice
    world.pump()

    assert copies(world) == {"ann": 1, "ben": 1}
    names = world.fact_names(trace_of("m1", ORG))
    assert names.count("ORGANIZATION_EMAIL_RECEIVED") == 2
    assert names.count("MAILBOX_EMAIL_DELIVERED") == 2
    assert names.count("INCOMING_EMAIL_BOUNCED") == 1


def test_a_domain_registered_while_the_message_was_parked(world: World) -> None:
    world.arrive("m1", LETTER, "ann@acme.test", "ben@second.test")
    world.pump()
    assert copies(world) == {"ann": 1, "ben": 0}

    register(world, "second.test")
    (parked,) = world.desk.parking.list()
    assert world.desk.parking.redrive(parked)
    world.pump()

    assert copies(world) == {"ann": 1, "ben": 1}
    assert list(world.desk.parking.list()) == []


def test_more_recipients_than_a_transaction_holds(world: World) -> None:
    register(world, "second.test")
    members = [f"u{number}" for number in range(45)]
    for name in members:
        world.entity(name)
    world.entity("group-all", *members, "ann", "ben", domain="second.test")
    world.arrive("m1", LETTER, "ann@acme.test", "u1@acme.test")
    world.arrive("m1", LETTER, "group-all@second.test")
    world.pump()
    assert copies(world) == {"ann": 1, "ben": 1}
    assert [len(world.contents(name)) for name in members] == [1] * 45


def test_a_virus_is_blocked_for_every_recipient(world: World) -> None:
    register(world, "second.test")
    world.arrive("m1", LETTER, "ann@acme.test", verdicts={"virus": "FAIL"})
    world.arrive("m1", LETTER, "ben@second.test", verdicts={"virus": "FAIL"})
    world.pump()
    assert world.fact_names(trace_of("m1", ORG)).count("MESSAGE_BLOCKED") == 2


def test_two_announcements_that_wait_for_their_domain_wait_both(world: World) -> None:
    world.arrive("m1", LETTER, "ann@second.test")
    world.arrive("m1", LETTER, "ben@second.test")
    world.arrive("m1", LETTER, "ben@second.test")  # SQS delivers twice
    world.pump()
    parked = list(world.desk.parking.list())
    assert len(parked) == 2

    register(world, "second.test")
    assert all(world.desk.parking.redrive(each) for each in parked)
    world.pump()
    assert copies(world) == {"ann": 1, "ben": 1}
    assert list(world.desk.parking.list()) == []
