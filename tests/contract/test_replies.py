"""Replies of mailboxes, over a directory in memory and in DynamoDB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.memory.raw_mail import MemoryRawMail
from postroom.adapters.memory.rule_sets import MemoryRuleSets
from postroom.contracts.orders import DeliveryOrder
from postroom.contracts.outbound_orders import InsideOrder, TransmitOrder
from postroom.model.directory import EntityState
from postroom.model.facts import RECEIVED, SUBMITTED, EventName, OwnFact, reply_trace
from postroom.model.records import Insert
from postroom.ports.replies import Reply
from postroom.routing.own_mail import OwnMail
from postroom.submission.own import OwnSubmissions
from postroom.submission.replies import MailboxReplies
from tests.support.builders import NOON, TRACE
from tests.support.directory_records import KINDS, ORG, OTHER, Stores, claim, domain, group, opened, organization, user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.ports.replies import Replies


MAIL = b"From: room@acme.test\r\nSubject: Accepted\r\nMessage-ID: <1@acme.test>\r\n\r\n"


@dataclass
class Way:
    """Replies, and the store of their bytes."""

    replies: Replies
    raw: MemoryRawMail


@pytest.fixture(params=KINDS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    with opened(request.param, monkeypatch) as stores:
        _fill(stores)
        raw = MemoryRawMail("inbound-bucket", lambda: NOON)
        submissions = OwnSubmissions(stores.addressees, MemoryRuleSets(), raw, lambda: NOON)
        yield Way(MailboxReplies(OwnMail(stores.addressees, raw, lambda: NOON), submissions, lambda: NOON), raw)


def _fill(stores: Stores) -> None:
    ann, dan, team = user("ann", email="Ann@acme.test"), user("dan", state=EntityState.DISABLED), group("team")
    claims = [claim("ann@acme.test", ann), claim("a.berg@acme.test", ann), claim("dan@acme.test", dan)]
    stores.directory.commit([Insert(organization()), Insert(domain())])
    stores.directory.commit([*map(Insert, (ann, dan, team)), *map(Insert, [*claims, claim("team@acme.test", team)])])


def reply(to: str, content: bytes = MAIL, **changes: Any) -> Reply:
    fields: dict[str, Any] = {
        "trace": TRACE,
        "organization_id": ORG,
        "mailbox_id": "room",
        "author": "room@acme.test",
        **changes,
    }
    return Reply(to=to, subject="Accepted", message_id="<1@acme.test>", content=content, **fields)


@pytest.mark.parametrize("to", ["a.berg@acme.test", "A.Berg@acme.test"])
def test_a_mailbox_of_the_organization_gets_a_flow_of_its_own(way: Way, to: str) -> None:
    departure = way.replies.depart(reply(to))
    assert departure.trace == reply_trace(TRACE, "room")
    (received,) = departure.facts
    assert (received.trace, received.key, received.name) == (
        departure.trace,
        RECEIVED,
        EventName.ORGANIZATION_EMAIL_RECEIVED,
    )
    event = received.event
    assert (event["from"], event["recipients"], event["subject"]) == (
        "room@acme.test",
        ["a.berg@acme.test"],
        "Accepted",
    )
    assert (received.data["envelopeFrom"], received.data["causedBy"]) == ("", TRACE)
    (order,) = departure.orders
    assert isinstance(order, DeliveryOrder)
    assert (order.trace, order.mailbox_id, order.delivered_to, order.folder) == (
        departure.trace,
        "ann",
        "a.berg@acme.test",
        "INBOX",
    )
    assert (order.envelope_from, order.recipient) == ("", "ann@acme.test")
    assert way.raw.read(order.raw) == MAIL


def test_another_decision_has_other_bytes_in_the_same_flow(way: Way) -> None:
    first, second = (way.replies.depart(reply("ann@acme.test", content)) for content in (b"accepted", b"declined"))
    assert first.trace == second.trace
    (one,), (other,) = first.orders, second.orders
    assert isinstance(one, DeliveryOrder)
    assert isinstance(other, DeliveryOrder)
    assert (way.raw.read(one.raw), way.raw.read(other.raw)) == (b"accepted", b"declined")


@pytest.mark.parametrize(
    ("to", "changes"),
    [("bob@example.org", {}), ("Jo.Bloggs@example.org", {}), ("Ann@acme.test", {"organization_id": OTHER})],
)
def test_a_reply_to_an_outsider_leaves_without_a_sender_who_could_get_a_bounce(
    way: Way, to: str, changes: dict[str, Any]
) -> None:
    departure = way.replies.depart(reply(to, **changes))
    assert departure.trace == reply_trace(TRACE, "room")
    (submitted,) = departure.facts
    assert (submitted.trace, submitted.key, submitted.data["causedBy"]) == (departure.trace, SUBMITTED, TRACE)
    (order,) = departure.orders
    assert isinstance(order, TransmitOrder)
    assert (order.recipients, order.envelope_from) == ((to,), "")
    assert way.raw.read(order.raw) == MAIL


@pytest.mark.parametrize("to", ["nobody@acme.test", "Dan@acme.test", "team@acme.test"])
def test_another_address_of_the_organization_is_ingests_to_decide_about(way: Way, to: str) -> None:
    (order,) = way.replies.depart(reply(to)).orders
    assert isinstance(order, InsideOrder)
    assert (order.recipients, order.envelope_from) == ((to.lower(),), "")


def test_an_address_that_no_mail_can_be_sent_to_gets_nothing_and_a_fact_says_so(way: Way) -> None:
    departure = way.replies.depart(reply("bob@localhost"))
    assert (departure.trace, departure.orders) == (None, [])
    (fact,) = departure.facts
    assert (fact.trace, fact.name, fact.key) == (TRACE, OwnFact.REPLY_NOT_SENT, "REPLY_NOT_SENT:room")
    assert fact.data == {"mailboxId": "room", "reason": "the recipient is no address that mail can be sent to"}
