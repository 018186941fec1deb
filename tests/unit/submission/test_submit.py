"""A submission is its copy in Sent Items, the fact that opens its flow, and orders, all or nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.contracts.orders import order_of
from postroom.contracts.outbound_orders import SealedLocation, TransmitOrder
from postroom.errors import ConflictError, StoreUnavailableError, SubmissionRefusedError
from postroom.model.directory import EntityState
from postroom.model.facts import SUBMITTED
from postroom.model.limits import CONFLICT_ATTEMPTS, DAY_MS
from postroom.model.records import Replace
from postroom.submission.prepare import without_bcc
from postroom.submission.submission import Protocols, Refusal, Submission
from tests.support.builders import ORG
from tests.support.memory_mail_system import MemoryMailSystem

if TYPE_CHECKING:
    from postroom.model.mailbox import Head, NewItem, Outgoing
    from postroom.ports.transit import Commit, Outcome
    from postroom.submission.submit import Submit

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


def test_an_empty_message_id_becomes_the_one_that_is_answered(system: MemoryMailSystem) -> None:
    submitted = system.send("ann", MAIL.replace(b" <1@acme.test>", b""))
    assert submitted.message_id == f"<{submitted.trace}@acme.test>"
    (copy,) = system.contents("ann", "SENT_ITEMS")
    assert copy == f"Message-ID: {submitted.message_id}\r\n".encode() + MAIL.replace(
        b"Message-ID: <1@acme.test>\r\n", b""
    )
    [order] = orders(system)
    assert order.message_id == submitted.message_id


def test_the_same_token_is_the_same_submission(system: MemoryMailSystem) -> None:
    first = system.send("ann", MAIL, token="t")
    again = system.send("ann", MAIL.replace(b"Hello", b"Other"), token="t")
    assert again == first
    assert len(system.contents("ann", "SENT_ITEMS")) == 1
    assert orders(system) == orders(system)[:1] * 2


def test_a_user_that_is_disabled_cannot_send(system: MemoryMailSystem) -> None:
    system.entity("ann", state=EntityState.DISABLED)
    with pytest.raises(SubmissionRefusedError) as caught:
        system.send("ann", MAIL)
    assert caught.value.reason == Refusal.NOT_ENABLED
    assert system.contents("ann", "SENT_ITEMS") == []
    assert not system.queues.queues["transmit"]


def test_a_message_that_does_not_fit_into_the_mailbox_is_refused(system: MemoryMailSystem) -> None:
    system.user("ben", quota=len(MAIL) - 1)
    with pytest.raises(SubmissionRefusedError) as caught:
        system.send("ben", MAIL.replace(b"ann@", b"ben@"))
    assert caught.value.reason == Refusal.MAILBOX_FULL


def test_recipients_outside_are_counted_and_test_domains_apart(system: MemoryMailSystem) -> None:
    system.send("ann", MAIL, "carl@example.org", "dora@example.org", "ann@acme.test")
    head = system.mailboxes.head("ann")
    assert head is not None
    assert (head.outgoing.day, head.outgoing.recipients) == (system.now() // DAY_MS, 2)
    assert head.outgoing.reserved == system.tables.allowances[f"recipients:{head.outgoing.day}"]
    assert system.tables.allowances[f"test-recipients:{head.outgoing.day}"] == 3


def test_used_up_quotas_refuse_and_leave_nothing(system: MemoryMailSystem) -> None:
    system.tables.allowances[f"test-recipients:{system.now() // DAY_MS}"] = 200
    with pytest.raises(SubmissionRefusedError) as caught:
        system.send("ann", MAIL)
    assert caught.value.reason == Refusal.QUOTA_EXCEEDED
    assert system.contents("ann", "SENT_ITEMS") == []
    assert system.sealed.under("") == []


@dataclass
class Racing:
    """Mailboxes that another writer changes before the first ``times`` submissions."""

    system: MemoryMailSystem
    times: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.system.mailboxes, name)

    def send(self, head: Head, item: NewItem, commit: Commit, *, outgoing: Outgoing | None = None) -> Outcome:
        if self.times:
            self.times -= 1
            self.system.arrive(f"m{self.times}", MAIL, "ann@acme.test")
        return self.system.mailboxes.send(head, item, commit, outgoing=outgoing)


def racing(system: MemoryMailSystem, times: int) -> Submit:
    return replace(system.submit, mailboxes=Racing(system, times))


def submission(**changes: Any) -> Submission:
    fields: dict[str, Any] = {"content": MAIL, "token": "t", "protocol": Protocols.SMTP, **changes}
    return Submission(ORG, "ann", **fields)


def test_a_mailbox_that_changes_meanwhile_is_read_again(system: MemoryMailSystem) -> None:
    racing(system, 3).submit(submission())
    assert system.contents("ann", "SENT_ITEMS") == [MAIL]
    assert len(system.contents("ann")) == 3
    head = system.mailboxes.head("ann")
    assert head is not None
    assert head.outgoing.reserved == system.tables.allowances[f"recipients:{head.outgoing.day}"], "taken once"


def test_a_mailbox_that_never_rests_is_a_conflict_that_a_retry_may_end(system: MemoryMailSystem) -> None:
    with pytest.raises(ConflictError):
        racing(system, CONFLICT_ATTEMPTS).submit(submission())
    system.submit.submit(submission())
    assert system.contents("ann", "SENT_ITEMS") == [MAIL]


@dataclass
class Faster:
    """Mailboxes into which the same submission, with other content, gets first."""

    system: MemoryMailSystem
    other: Submission

    def __getattr__(self, name: str) -> Any:
        return getattr(self.system.mailboxes, name)

    def send(self, head: Head, item: NewItem, commit: Commit, *, outgoing: Outgoing | None = None) -> Outcome:
        self.system.submit.submit(self.other)
        return self.system.mailboxes.send(head, item, commit, outgoing=outgoing)


@pytest.mark.parametrize("content", [MAIL, MAIL.replace(b"Hello", b"Other")])
def test_of_two_attempts_at_once_one_counts_and_one_copy_is_left(system: MemoryMailSystem, content: bytes) -> None:
    late = replace(system.submit, mailboxes=Faster(system, submission(content=content)))
    done = late.submit(submission())
    assert done == system.submit.submit(submission())
    assert system.contents("ann", "SENT_ITEMS") == [content]
    [item] = system.mailboxes.items("ann", "SENT_ITEMS")
    assert system.sealed.under("") == [item.blob], "the other attempt's object is gone, or is the same"
    [order] = system.transit.open_orders(done.trace)
    assert isinstance(order, TransmitOrder)
    assert system.raw.read(order.raw) == content


def test_an_object_that_an_attempt_left_is_used_and_opens(system: MemoryMailSystem) -> None:
    """The first attempt stops after it has sealed; its key is gone with it, and has to come again."""
    stops = replace(system.submit, mailboxes=Racing(system, CONFLICT_ATTEMPTS))
    with pytest.raises(ConflictError):
        stops.submit(submission())
    inside = {item.blob for item in system.mailboxes.items("ann", "INBOX")}
    left = [key for key in system.sealed.under("") if key not in inside]
    done = system.submit.submit(submission())
    [item] = system.mailboxes.items("ann", "SENT_ITEMS")
    assert left == [item.blob]
    [order] = system.transit.open_orders(done.trace)
    assert isinstance(order, TransmitOrder)
    assert system.raw.read(order.raw) == MAIL


def test_what_is_accepted_is_answered_so_though_no_queue_answers(system: MemoryMailSystem) -> None:
    """A client that is told to come later would submit it anew: without a Message-ID it is another message."""

    class Silent:
        def send(self, *_: Any, **__: Any) -> None:
            raise StoreUnavailableError("no queue")

    done = replace(system.submit, queues=Silent()).submit(submission())
    assert not system.queues.queues["transmit"]
    assert [each.key for each in system.transit.open_orders(done.trace)] == ["transmit:ses:1"], "sweep sends it"
    assert system.submit.submit(submission()) == done
    assert len(orders(system)) == 1
    assert system.contents("ann", "SENT_ITEMS") == [MAIL]


def test_no_key_and_no_content_is_in_facts_logs_or_reprs(system: MemoryMailSystem) -> None:
    submitted = system.send("ann", MAIL)
    [order] = orders(system)
    assert isinstance(order.raw, SealedLocation)
    fact = system.ledger.fact(submitted.trace, SUBMITTED)
    assert order.raw.message_key not in repr(fact)
    assert order.raw.message_key not in repr(order)
    assert "Hello" not in repr(submission())


def test_hundreds_of_recipients_are_orders_of_fifty(system: MemoryMailSystem) -> None:
    domain = system.directory.domain_record("acme.test")
    assert domain is not None
    system.directory.commit([Replace(replace(domain, is_test=False))])
    names = [f"u{number}@example.org" for number in range(120)]
    system.send("ann", MAIL, *names)
    assert [len(order.recipients) for order in orders(system)] == [50, 50, 20]
    assert [name for order in orders(system) for name in order.recipients] == names


def test_what_was_accepted_is_not_refused_later(system: MemoryMailSystem) -> None:
    """An answer was lost, and what allowed the submission is used up since then."""
    first = system.submit.submit(submission())
    system.entity("ann", state=EntityState.DISABLED)
    assert system.submit.submit(submission()) == first
    with pytest.raises(SubmissionRefusedError):
        system.submit.submit(submission(token="another"))
