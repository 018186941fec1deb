"""A submission is its copy in Sent Items, the fact that opens its flow, and orders, all or nothing."""

from __future__ import annotations

import pytest

from postroom.contracts.orders import order_of
from postroom.contracts.outbound_orders import SealedLocation, TransmitOrder
from postroom.errors import SubmissionRefusedError
from postroom.model.facts import SUBMITTED
from postroom.submission.prepare import without_bcc
from postroom.submission.submission import Refusal
from tests.support.builders import ORG
from tests.support.memory_mail_system import MemoryMailSystem

MAIL = (
    b"From: Ann <ann@acme.test>\r\nTo: carl@example.org\r\nBcc: dora@example.org\r\nSubject: Hi\r\n"
    b"Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@acme.test>\r\n\r\nHello\r\n"
)


@pytest.fixture
def system() -> MemoryMailSystem:
    made = MemoryMailSystem()
    made.user("ann")
    return made


def orders(system: MemoryMailSystem) -> list[TransmitOrder]:
    return [TransmitOrder.read(body) for body in system.queues.queues["transmit"]]


def test_a_message_is_in_sent_items_and_on_its_way(system: MemoryMailSystem) -> None:
    submitted = system.send("ann", MAIL)
    assert submitted.message_id == "<1@acme.test>"
    assert system.contents("ann", "SENT_ITEMS") == [MAIL]
    [order] = orders(system)
    assert order == system.transit.order(submitted.trace, "transmit:ses:1") == order_of(order.model_dump(mode="json"))
    assert order.recipients == ("carl@example.org", "dora@example.org")
    assert (order.envelope_from, order.author, order.sender, order.size) == ("ann@acme.test",) * 2 + ("", len(MAIL))
    assert isinstance(order.raw, SealedLocation)
    assert system.raw.read(order.raw) == MAIL
    assert without_bcc(MAIL) == MAIL.replace(b"Bcc: dora@example.org\r\n", b"")


def test_the_first_fact_says_what_later_stations_need_and_has_no_key(system: MemoryMailSystem) -> None:
    submitted = system.send("ann", MAIL)
    fact = system.ledger.fact(submitted.trace, SUBMITTED)
    assert fact is not None
    assert fact.event == {
        "recipients": ["carl@example.org", "dora@example.org"],
        "from": "ann@acme.test",
        "subject": "Hi",
    }
    [item] = system.mailboxes.items("ann", "SENT_ITEMS")
    assert fact.data["itemId"] == item.id
    assert fact.data["raw"] == {"bucket": "mail-bucket", "key": item.blob}
    assert fact.data["userId"] == fact.data["mailboxId"] == "ann"
    assert (fact.organization_id, fact.data["protocol"]) == (ORG, "API")


def test_the_same_token_is_the_same_submission(system: MemoryMailSystem) -> None:
    first = system.send("ann", MAIL, token="t")
    again = system.send("ann", MAIL.replace(b"Hello", b"Other"), token="t")
    assert again == first
    assert len(system.contents("ann", "SENT_ITEMS")) == 1
    assert orders(system) == orders(system)[:1] * 2


def test_a_user_that_is_disabled_cannot_send(system: MemoryMailSystem) -> None:
    from postroom.model.directory import EntityState

    system.entity("ann", state=EntityState.DISABLED)
    with pytest.raises(SubmissionRefusedError) as caught:
        system.send("ann", MAIL)
    assert caught.value.reason == Refusal.NOT_ENABLED
    assert system.contents("ann", "SENT_ITEMS") == []
    assert not system.queues.queues["transmit"]
