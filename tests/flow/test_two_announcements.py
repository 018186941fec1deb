"""One message, announced to one organization more than once, with other recipients each time.

SES tells of a message once for each receipt rule that matches, and an organization's domains may stand in several;
a parked arrival comes again when the domain it waited for is registered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postroom.model.facts import trace_of
from postroom.model.records import Domain, DomainState, Insert, Organization
from tests.support.builders import ORG
from tests.support.pipeline import Pipeline

if TYPE_CHECKING:
    from tests.support.stack import Stack

MESSAGE = b"From: Bob <bob@example.org>\nTo: x\nSubject: s\n\ntext\n"


@pytest.fixture
def pipeline(stack: Stack) -> Pipeline:
    made = Pipeline(stack)
    made.organization()
    made.entity("ann", aliases=["ann@second.test"])
    made.entity("ben", domain="second.test")
    return made


def register(pipeline: Pipeline, domain: str) -> None:
    (organization,) = [found for found in [pipeline.directory.organization(ORG)] if isinstance(found, Organization)]
    pipeline.directory.commit(
        [Insert(Domain(name=domain, organization=organization.ref, is_test=False, state=DomainState.ACTIVE))]
    )


def copies(pipeline: Pipeline) -> dict[str, int]:
    return {name: len(pipeline.contents(name)) for name in ("ann", "ben")}


def test_a_second_rule_of_the_same_organization(pipeline: Pipeline) -> None:
    register(pipeline, "second.test")
    pipeline.arrive("m1", MESSAGE, "ann@acme.test")
    pipeline.arrive("m1", MESSAGE, "ann@second.test", "ben@second.test", "nobody@second.test")
    pipeline.pump()
    pipeline.arrive("m1", MESSAGE, "ann@second.test", "ben@second.test", "nobody@second.test")  # SQS delivers twice
    pipeline.pump()

    assert copies(pipeline) == {"ann": 1, "ben": 1}
    names = pipeline.fact_names(trace_of("m1", ORG))
    assert names.count("ORGANIZATION_EMAIL_RECEIVED") == 2
    assert names.count("MAILBOX_EMAIL_DELIVERED") == 2
    assert names.count("INCOMING_EMAIL_BOUNCED") == 1


def test_a_domain_registered_while_the_message_was_parked(pipeline: Pipeline) -> None:
    pipeline.arrive("m1", MESSAGE, "ann@acme.test", "ben@second.test")
    pipeline.pump()
    assert copies(pipeline) == {"ann": 1, "ben": 0}

    register(pipeline, "second.test")
    (parked,) = pipeline.operator.parking.list()
    assert pipeline.operator.parking.redrive(parked)
    pipeline.pump()

    assert copies(pipeline) == {"ann": 1, "ben": 1}
    assert list(pipeline.operator.parking.list()) == []


def test_more_recipients_than_one_transaction_holds(pipeline: Pipeline) -> None:
    register(pipeline, "second.test")
    members = [f"u{number}" for number in range(45)]
    for name in members:
        pipeline.entity(name)
    pipeline.entity("group-all", *members, "ann", "ben", domain="second.test")
    pipeline.arrive("m1", MESSAGE, "ann@acme.test", "u1@acme.test")
    pipeline.arrive("m1", MESSAGE, "group-all@second.test")
    pipeline.pump()
    assert copies(pipeline) == {"ann": 1, "ben": 1}
    assert [len(pipeline.contents(name)) for name in members] == [1] * 45


def test_a_virus_is_blocked_for_every_recipient(pipeline: Pipeline) -> None:
    register(pipeline, "second.test")
    pipeline.arrive("m1", MESSAGE, "ann@acme.test", verdicts={"virus": "FAIL"})
    pipeline.arrive("m1", MESSAGE, "ben@second.test", verdicts={"virus": "FAIL"})
    pipeline.pump()
    assert pipeline.fact_names(trace_of("m1", ORG)).count("MESSAGE_BLOCKED") == 2


def test_two_announcements_are_both_parked_until_their_domain_is_registered(pipeline: Pipeline) -> None:
    pipeline.arrive("m1", MESSAGE, "ann@second.test")
    pipeline.arrive("m1", MESSAGE, "ben@second.test")
    pipeline.arrive("m1", MESSAGE, "ben@second.test")  # SQS delivers twice
    pipeline.pump()
    parked = list(pipeline.operator.parking.list())
    assert len(parked) == 2

    register(pipeline, "second.test")
    assert all(pipeline.operator.parking.redrive(each) for each in parked)
    pipeline.pump()
    assert copies(pipeline) == {"ann": 1, "ben": 1}
    assert list(pipeline.operator.parking.list()) == []
