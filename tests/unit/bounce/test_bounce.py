"""The sender of a message gets one bounce message that names the failed recipients, or a fact says why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postroom.bounce.bounce import NOTHING_NEW
from postroom.contracts.orders import BounceOrder
from postroom.errors import (
    InvalidNotificationError,
    RefusedByServiceError,
    StoreUnavailableError,
    UnwritableAddressError,
)
from postroom.model.facts import EventName, Fact
from postroom.ports.transit import Commit, TakeChunk
from tests.support.builders import NOON, ORG, TRACE, call, expansion, order

if TYPE_CHECKING:
    from postroom.model.bounces import Bounce

    from .conftest import MailSystem

HOUR = 3_600_000


def test_one_message_tells_of_everybody_who_failed(mail_system: MailSystem) -> None:
    mail_system.receive()
    first = mail_system.refuse("a@acme.test", "b@acme.test")
    mail_system.fail("tim", "tim@acme.test")
    mail_system.accept(first)
    assert mail_system.told == [["a@acme.test", "b@acme.test", "tim@acme.test"]]
    assert mail_system.names()[-2:] == ["BOUNCE_INTENDED", "BOUNCE_SENT"]
    assert mail_system.transit.is_clear(TRACE)


def test_an_order_that_comes_again_does_nothing(mail_system: MailSystem) -> None:
    mail_system.receive()
    first = mail_system.refuse("a@acme.test")
    for _ in range(3):
        mail_system.accept(first)
    assert len(mail_system.told) == 1


def test_only_the_first_order_of_a_flow_speaks(mail_system: MailSystem) -> None:
    mail_system.receive()
    mail_system.refuse("a@acme.test")
    second = mail_system.refuse("b@acme.test")
    mail_system.accept(second)
    assert mail_system.told == []


def test_it_waits_for_the_others_but_not_for_ever(mail_system: MailSystem) -> None:
    mail_system.receive()
    first = mail_system.refuse("a@acme.test")
    mail_system.transit.commit(Commit(orders=[order("ann")]))
    mail_system.accept(first)
    assert mail_system.told == []
    assert mail_system.queues.later["bounce"].pop() == (first.model_dump_json(), 30)
    mail_system.now += 15 * 60_000
    mail_system.accept(first)
    assert mail_system.told == [["a@acme.test"]]


@pytest.mark.parametrize("of", ["", "call:r-1"])
def test_it_waits_for_what_is_not_expanded_whoever_froze_it(mail_system: MailSystem, of: str) -> None:
    mail_system.receive()
    first = mail_system.refuse("a@acme.test")
    large = expansion(chunks=1).model_copy(update={"of": of})
    mail_system.transit.commit(Commit(expansion=large))
    mail_system.accept(first)  # everything that is expanded was carried out, and the worker has ended
    assert mail_system.told == []
    mail_system.refuse("b@acme.test")
    mail_system.transit.commit(Commit([TakeChunk(large)]))
    mail_system.accept(first)
    assert mail_system.told == [["a@acme.test", "b@acme.test"]]


def test_it_waits_for_a_rules_function_no_longer_than_for_anybody_else(mail_system: MailSystem) -> None:
    mail_system.receive()
    first = mail_system.refuse("a@acme.test")
    mail_system.transit.commit(Commit(orders=[call()]))
    mail_system.accept(first)
    assert mail_system.told == []
    mail_system.now += 15 * 60_000
    mail_system.accept(first)
    assert mail_system.told == [["a@acme.test"]]


def test_who_fails_later_is_told_in_a_message_of_its_own(mail_system: MailSystem) -> None:
    mail_system.receive()
    mail_system.accept(mail_system.refuse("a@acme.test"))
    mail_system.accept(mail_system.fail("tim", "tim@acme.test"))
    assert mail_system.told == [["a@acme.test"], ["tim@acme.test"]]


def test_an_order_that_came_meanwhile_is_not_forgotten(mail_system: MailSystem) -> None:
    mail_system.receive()
    first = mail_system.refuse("a@acme.test")
    answer = mail_system.sender.answer

    def slow(bounce: Bounce) -> str | None:
        mail_system.refuse("b@acme.test")  # its own queue message comes now and finds that it is not the first
        return answer(bounce)

    object.__setattr__(mail_system.bouncer, "sender", type("Slow", (), {"answer": staticmethod(slow)})())
    mail_system.accept(first)
    body, delay = mail_system.queues.later["bounce"].pop()
    assert (BounceOrder.model_validate_json(body).name, delay) == ("b@acme.test", 30)


class TestGroups:
    def test_a_group_of_which_nobody_was_reached_is_named_once_and_no_member(self, mail_system: MailSystem) -> None:
        mail_system.receive()
        first, *_ = [mail_system.fail(f"u{number:03}", "group@acme.test") for number in range(300)]
        mail_system.accept(first)
        assert mail_system.told == [["group@acme.test"]]
        assert "u0" not in repr(mail_system.sender.answered)
        assert mail_system.transit.is_clear(TRACE)

    def test_a_group_that_reached_somebody_has_not_failed(self, mail_system: MailSystem) -> None:
        mail_system.receive()
        mail_system.deliver("ann", "group@acme.test")
        mail_system.accept(mail_system.fail("tim", "group@acme.test"))
        assert mail_system.told == []
        assert mail_system.reasons() == [NOTHING_NEW]

    def test_a_group_is_told_once_though_its_members_fail_one_after_the_other(self, mail_system: MailSystem) -> None:
        mail_system.receive()
        for name in ("tim", "tom"):
            mail_system.accept(mail_system.fail(name, "group@acme.test"))
        assert mail_system.told == [["group@acme.test"]]
        assert mail_system.transit.is_clear(TRACE)


class TestSilence:
    @pytest.mark.parametrize(
        ("sender", "verdicts", "message", "reason"),
        [
            ("", {}, b"", "null sender"),
            ("bob@example.org", {"spamVerdict": "FAIL"}, b"", "counts as spam"),
            ("bob@example.org", {"spfVerdict": "FAIL", "dmarcVerdict": "FAIL"}, b"", "neither SPF nor"),
            ("bob@example.org", {"spfVerdict": "GRAY", "dmarcVerdict": "GRAY"}, b"", "neither SPF nor"),
            ("bob@victim.test", {"spfVerdict": "FAIL"}, b"From: m@example.org\n\n", "neither SPF nor"),
            ("bob@org", {"spfVerdict": "FAIL"}, b"From: m@example.org\n\n", "is no address"),
            ("b@victim.test", {"spfVerdict": "FAIL"}, b"From: m@x.test, b@victim.test\n\n", "neither SPF nor"),
            ("b@victim.test", {"spfVerdict": "FAIL"}, b"Subject: nobody\n\n", "neither SPF nor"),
            ("MAILER-DAEMON@example.org", {}, b"", "a mail system"),
            ("bob@example.org\r\nBcc: x@y.test", {}, b"", "is no address"),
            ("bob", {}, b"", "is no address"),
            ('"bob\r\nX: y"@example.org', {}, b"", "is no address"),
            ("grüße@example.org", {}, b"", "is no address"),
            ("bob@[192.0.2.1]", {}, b"", "is no address"),
            ("a" * 65 + "@example.org", {}, b"", "is no address"),
            ("bob@example.org", {}, b"Auto-Submitted: auto-replied (vacation)\n\n", "automatic reply"),
            ("bob@example.org", {}, b"Content-Type: multipart/report; x=y\n\n", "automatic reply"),
        ],
    )
    def test_a_sender_that_may_not_be_told_gets_no_bounce_message(
        self, mail_system: MailSystem, sender: str, verdicts: dict[str, str], message: bytes, reason: str
    ) -> None:
        mail_system.receive(message, sender, **verdicts)
        mail_system.accept(mail_system.refuse("a@acme.test"))
        assert mail_system.told == []
        (said,) = mail_system.reasons()
        assert reason in said
        assert mail_system.transit.is_clear(TRACE)

    @pytest.mark.parametrize(
        ("sender", "verdicts", "message"),
        [
            ("bob@example.org", {"dmarcVerdict": "FAIL", "dkimVerdict": "FAIL"}, b""),  # SPF speaks for the envelope
            ("bob@example.org", {"spfVerdict": "FAIL"}, b"From: m@example.org\n\n"),
            ("bounces@mail.example.org", {"spfVerdict": "GRAY"}, b"From: m@example.org\n\n"),
            ("list-bounces@example.org", {}, b"List-Id: <l.example.org>\nPrecedence: list\n\n"),
            ("shop@example.org", {}, b"Auto-Submitted: auto-generated\nPrecedence: bulk\n\n"),
            ("shop@example.org", {}, b"Auto-Submitted: no\n\n"),
            ("Bob.O'Hara+tag@Example.org", {}, b""),
            ("bob@bücher.example", {}, b""),
        ],
    )
    def test_the_sender_is_told(
        self, mail_system: MailSystem, sender: str, verdicts: dict[str, str], message: bytes
    ) -> None:
        mail_system.receive(message, sender, **verdicts)
        mail_system.accept(mail_system.refuse("a@acme.test"))
        assert mail_system.told == [["a@acme.test"]]
        assert mail_system.sender.answered[0].to.isascii()

    def test_a_field_counts_wherever_the_header_block_ends(self, mail_system: MailSystem) -> None:
        padding = b"".join(b"X-%d: %s\n" % (number, b"x" * 900) for number in range(1300))  # more than 1 MB
        mail_system.receive(padding + b"Auto-Submitted: auto-replied\n\n")
        mail_system.accept(mail_system.refuse("a@acme.test"))
        assert mail_system.told == []
        assert "automatic reply" in mail_system.reasons()[0]

    def test_a_quarantine_counts_as_spam(self, mail_system: MailSystem) -> None:
        mail_system.receive(dmarcVerdict="FAIL")
        name = EventName.DMARC_POLICY_APPLIED
        mail_system.tables.write([Fact(TRACE, ORG, name, name.value, NOON, {"policy": "QUARANTINE"})])
        mail_system.accept(mail_system.refuse("a@acme.test"))
        assert mail_system.reasons() == ["the message counts as spam"]

    def test_a_virus_is_never_answered(self, mail_system: MailSystem) -> None:
        mail_system.receive()
        fact = mail_system.tables.facts[TRACE]["ORGANIZATION_EMAIL_RECEIVED"]
        assert isinstance(fact.data, dict)
        fact.data["virusVerdict"] = "FAIL"
        mail_system.accept(mail_system.refuse("a@acme.test"))
        assert mail_system.told == []

    def test_a_sender_gets_twenty_in_an_hour_and_more_in_the_next(self, mail_system: MailSystem) -> None:
        mail_system.now = NOON // HOUR * HOUR + HOUR  # an hour begins
        for number in range(25):
            mail_system.tables.transit.clear()
            mail_system.tables.facts.clear()
            mail_system.receive(sender="Bob@example.org" if number % 2 else "bob@example.org")
            mail_system.accept(mail_system.refuse("a@acme.test"))
        assert len(mail_system.told) == 20
        assert mail_system.reasons() == ["the sender has had 20 bounce messages in this hour"]
        mail_system.now += HOUR
        mail_system.tables.facts.clear()
        mail_system.receive()
        mail_system.accept(mail_system.refuse("a@acme.test"))
        assert len(mail_system.told) == 21


class TestSending:
    def test_what_ses_does_not_answer_is_sent_raw(self, mail_system: MailSystem) -> None:
        mail_system.sender.answers = False
        mail_system.receive(sender="Jo.Bloggs@Example.org")
        mail_system.accept(mail_system.refuse("a@acme.test"))
        ((bounce, content),) = mail_system.sender.sent
        assert (bounce.mail_from, bounce.to) == ("mailer-daemon@acme.test", "Jo.Bloggs@example.org")
        assert b"\r\nTo: Jo.Bloggs@example.org\r\n" in content
        assert b"secret@example.org" not in content
        assert mail_system.ledger.facts(TRACE)[-1].data["means"] == "SendRawEmail"

    def test_an_old_message_and_one_with_many_failures_are_not_ses_s_to_answer(self, mail_system: MailSystem) -> None:
        mail_system.receive()
        mail_system.now += 24 * HOUR
        mail_system.accept(mail_system.refuse("a@acme.test"))
        assert (len(mail_system.sender.answered), len(mail_system.sender.sent)) == (0, 1)
        mail_system.now = NOON + 2000
        mail_system.accept(mail_system.refuse(*(f"b{number}@acme.test" for number in range(51))))
        assert (len(mail_system.sender.answered), len(mail_system.sender.sent)) == (0, 2)

    def test_what_was_begun_by_another_is_left_to_it_for_a_while(self, mail_system: MailSystem) -> None:
        mail_system.receive()
        first = mail_system.refuse("a@acme.test")
        mail_system.sender.away = True
        with pytest.raises(StoreUnavailableError):
            mail_system.accept(first)
        mail_system.sender.away = False
        mail_system.accept(first)  # too early: the first attempt may still be at it
        assert mail_system.told == []
        assert mail_system.queues.later["bounce"].pop() == (first.model_dump_json(), 30)
        mail_system.now += 2 * 60_000
        mail_system.refuse("b@acme.test")
        mail_system.accept(first)
        assert mail_system.told == [["a@acme.test"]]  # only the intended recipients
        body, _ = mail_system.queues.later["bounce"].pop()
        mail_system.bouncer.accept(body)
        assert mail_system.told == [["a@acme.test"], ["b@acme.test"]]
        assert mail_system.transit.is_clear(TRACE)

    def test_an_address_that_ses_cannot_write_to_is_given_up(
        self, mail_system: MailSystem, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> str:
            raise UnwritableAddressError("SES does not take the envelope sender's address")

        monkeypatch.setattr(type(mail_system.sender), "send", refuse)
        mail_system.sender.answers = False
        mail_system.receive()
        mail_system.accept(mail_system.refuse("a@acme.test"))
        assert mail_system.reasons() == ["UnwritableAddressError: SES does not take the envelope sender's address"]
        assert mail_system.transit.is_clear(TRACE)

    def test_what_somebody_can_mend_is_parked(self, mail_system: MailSystem, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> str:
            raise RefusedByServiceError("SES refuses to send a bounce message: MessageRejected")

        monkeypatch.setattr(type(mail_system.sender), "send", refuse)
        mail_system.sender.answers = False
        mail_system.receive()
        first = mail_system.refuse("a@acme.test")
        mail_system.accept(first)
        assert mail_system.lot.parked == [
            (first.key, "RefusedByServiceError: SES refuses to send a bounce message: MessageRejected")
        ]

    def test_a_flow_without_a_beginning_is_parked(self, mail_system: MailSystem) -> None:
        mail_system.accept(mail_system.refuse("a@acme.test"))
        ((_, cause),) = mail_system.lot.parked
        assert cause.startswith("UnreadableFactError")


def test_what_is_no_order_goes_back_to_the_queue(mail_system: MailSystem) -> None:
    with pytest.raises(InvalidNotificationError):
        mail_system.bouncer.accept(order().model_dump_json())
