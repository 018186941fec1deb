"""An order to transmit is carried out until each of its recipients has its end."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.contracts.orders import BounceOrder
from postroom.contracts.outbound_orders import MAX_TRANSMITTED, TransmitOrder
from postroom.errors import InvalidNotificationError, StoreUnavailableError
from postroom.model.facts import EventName, OwnFact
from postroom.model.limits import HOUR_MS
from postroom.model.records import OrganizationState, Remove, Replace
from postroom.model.relay_answers import RelayResult
from postroom.model.transmissions import Answer
from postroom.outbound.timetable import RETRY_SECONDS
from postroom.outbound.transmit import AGAIN_AFTER_MS, ALONE_MS
from postroom.ports.transit import Commit
from postroom.routing.outbound_flow import sent
from tests.support.builders import NOON, ORG
from tests.support.stops import StoppedError, Stops
from tests.unit.outbound.conftest import BUSY, CARL, DORA, GATEWAY, LEAVES, MAIL, NO_SUCH, made, relayed

if TYPE_CHECKING:
    from postroom.model.transmissions import Outgoing
    from tests.unit.outbound.conftest import Post


@dataclass
class Named(Stops):
    """Stops that know which call they were at."""

    stopped_at: str = ""


@dataclass
class NamedStopping:
    """A port with such stops."""

    port: Any
    stops: Named
    name: str

    def __getattr__(self, name: str) -> Any:
        call = self.stops.around(getattr(self.port, name))

        def made(*args: Any, **more: Any) -> Any:
            try:
                return call(*args, **more)
            except StoppedError:
                self.stops.stopped_at = f"{self.name}.{name}"
                raise

        return made


SENT = ("OUTGOING_EMAIL_SENT", "")


def test_a_message_leaves_once_without_bcc_and_its_order_goes(post: Post) -> None:
    post.send()
    post.system.go_out()
    (tried,) = post.system.ses.tried
    assert (tried.content, tried.recipients, tried.envelope_from) == (LEAVES, (CARL, DORA), "ann@acme.test")
    assert (tried.trace, tried.organization_id) == (post.trace, ORG)
    assert post.ends() == {CARL: SENT, DORA: SENT}
    assert post.is_clear()


def test_sent_says_where_and_names_ses_id(post: Post) -> None:
    post.send(CARL)
    post.system.go_out()
    (fact,) = post.facts(EventName.OUTGOING_EMAIL_SENT)
    assert fact.event == {"recipient": CARL, "from": "ann@acme.test", "messageId": "<1@acme.test>"}
    assert fact.data == {"order": "ses:1", "sesMessageId": "ses-1"}


def test_an_order_that_comes_twice_is_sent_once(post: Post) -> None:
    post.send(CARL)
    (body,) = post.system.queues.queues["transmit"]
    post.system.go_out()
    post.system.transmit.accept(body)
    assert len(post.system.ses.tried) == 1
    assert not post.waits()


def test_the_first_attempt_reads_nothing_of_the_flow(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object) -> Any:
        pytest.fail("facts were read")

    post.send(CARL)
    monkeypatch.setattr(type(post.system.ledger), "facts", read)
    post.system.go_out()
    monkeypatch.undo()
    assert post.ends() == {CARL: SENT}


def test_what_is_no_order_goes_back(post: Post) -> None:
    with pytest.raises(InvalidNotificationError):
        post.system.transmit.accept('{"kind":"TRANSMIT"}')


class TestTemporaryFailures:
    def test_the_message_waits_and_is_sent_then(self, post: Post) -> None:
        post.system.ses.answers[CARL] = [BUSY]
        post.send(CARL)
        post.system.go_out()
        assert post.ends() == {}
        (deferred,) = post.facts(OwnFact.TRANSMIT_DEFERRED)
        assert deferred.data["recipients"] == [CARL]
        assert (deferred.data["attempt"], deferred.data["status"], deferred.data["reason"]) == (
            1,
            BUSY.status,
            BUSY.diagnostic,
        )
        assert 30 <= post.system.go_out_again() <= 60
        assert post.ends() == {CARL: SENT}
        assert post.is_clear()
        assert not post.waits()

    def test_a_recipient_that_has_the_message_is_never_sent_it_again(self, post: Post) -> None:
        answers = {DORA: [relayed(RelayResult.TEMPORARY, "4.2.1", "mailbox busy", code=450)] * 3}
        post.system.relays.answers.update(answers)
        post.send_by_gateway()
        post.system.go_out()
        assert post.ends() == {CARL: SENT}
        while post.waits():
            post.system.go_out_again()
        assert post.ends() == {CARL: SENT, DORA: SENT}
        assert [each.recipients for each in post.system.relays.relayed] == [(CARL,), (DORA,)]

    def test_gaps_grow_and_the_queue_holds_an_order_back_for_15_minutes_at_most(self, post: Post) -> None:
        post.system.ses.answers[CARL] = [BUSY] * 9
        post.send(CARL)
        post.system.go_out()
        delays = []
        while post.waits():
            delays.append(post.system.go_out_again())
        dues = [fact.data["due"] - fact.at for fact in post.facts(OwnFact.TRANSMIT_DEFERRED)]
        assert len(dues) == 9
        assert dues[:7] == sorted(dues[:7]), "the eighth attempt is at the time of the notice"
        assert max(dues) > HOUR_MS
        assert max(delays) == 900
        assert post.ends() == {CARL: SENT}

    def test_an_order_that_comes_early_costs_nothing_and_comes_again(self, post: Post) -> None:
        post.system.ses.answers[CARL] = [BUSY]
        post.send(CARL)
        (body,) = post.system.queues.queues["transmit"]
        post.system.go_out()
        post.system.transmit.accept(body)
        assert len(post.system.ses.tried) == 1
        assert len(post.system.queues.later["transmit"]) == 2

    def test_the_sweep_leaves_an_order_alone_until_it_is_due(self, post: Post) -> None:
        post.system.ses.answers[CARL] = [BUSY] * 6
        post.send(CARL)
        post.system.go_out()
        for _ in range(5):
            post.system.go_out_again()
        (row,) = [row for (trace, _), row in post.system.tables.transit.items() if trace == post.trace]
        assert row.since_ms == post.facts(OwnFact.TRANSMIT_DEFERRED)[-1].data["due"]
        assert row.sweeps == 0

    def test_after_four_hours_the_sender_is_told_once(self, post: Post) -> None:
        post.system.ses.answers[CARL] = [BUSY] * 99
        post.send(CARL)
        begun = post.system.now()
        post.system.go_out()
        while not post.facts(OwnFact.TRANSMIT_DELAYED):
            post.system.go_out_again()
        (delayed,) = post.facts(OwnFact.TRANSMIT_DELAYED)
        assert 4 * HOUR_MS <= delayed.at - begun <= 4 * HOUR_MS + 1000
        assert delayed.data == {
            "order": "ses:1",
            "waiting": [{"address": CARL, "status": BUSY.status, "diagnostic": BUSY.diagnostic}],
            "until": begun + RETRY_SECONDS * 1000,
        }
        for _ in range(60):
            post.system.go_out_again()
        assert len(post.facts(OwnFact.TRANSMIT_DELAYED)) == 1

    def test_after_two_days_the_message_is_given_up_and_not_before(self, post: Post) -> None:
        post.system.ses.answers[CARL] = [BUSY] * 99
        post.send(CARL)
        begun = post.system.now()
        post.system.go_out()
        while post.waits():
            post.system.go_out_again()
        (bounced,) = post.facts(EventName.OUTGOING_EMAIL_BOUNCED)
        assert 0 <= bounced.at - begun - RETRY_SECONDS * 1000 <= 1000
        assert post.ends() == {CARL: ("OUTGOING_EMAIL_BOUNCED", "4.4.7")}
        assert bounced.event["reason"] == f"not accepted in time: {BUSY.diagnostic}"
        assert 20 < len(post.system.ses.tried) < 35
        assert not [order for order in post.system.transit.open_orders(post.trace) if isinstance(order, TransmitOrder)]

    def test_a_message_that_may_have_arrived_is_sent_again_and_the_fact_says_so(self, post: Post) -> None:
        silence = Answer.temporary("4.4.2", "Amazon SES: ReadTimeoutError", may_have_arrived=True)
        post.system.ses.answers[CARL] = [silence]
        post.send(CARL)
        post.system.go_out()
        (deferred,) = post.facts(OwnFact.TRANSMIT_DEFERRED)
        assert deferred.data["uncertain"] == [CARL]
        post.system.go_out_again()
        assert [each for each, _ in post.system.ses.sent] == [CARL, CARL]

    def test_a_message_that_cannot_be_read_for_now_waits(self, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
        def away(*_: object) -> bytes:
            raise StoreUnavailableError("S3 does not answer")

        post.send(CARL)
        with monkeypatch.context() as patched:
            patched.setattr(type(post.system.raw), "read", away)
            post.system.go_out()
        assert not post.system.ses.tried
        assert [fact.data["status"] for fact in post.facts(OwnFact.TRANSMIT_DEFERRED)] == ["4.3.0"]
        post.system.go_out_again()
        assert post.ends() == {CARL: SENT}


class TestRefusals:
    def test_a_refused_recipient_ends_at_once_and_is_never_tried_again(self, post: Post) -> None:
        refused = relayed(RelayResult.PERMANENT, "5.1.1", "no such user", code=550)
        post.system.relays.answers[DORA] = [refused]
        post.send_by_gateway()
        post.system.go_out()
        assert post.ends() == {CARL: SENT, DORA: ("OUTGOING_EMAIL_BOUNCED", "5.1.1")}
        (bounced,) = post.facts(EventName.OUTGOING_EMAIL_BOUNCED)
        assert bounced.event == {
            "bouncedRecipient": {"emailAddress": DORA, "reason": "550 5.1.1 no such user", "status": "5.1.1"},
            "destination": DORA,
            "reason": "550 5.1.1 no such user",
        }
        assert bounced.data == {
            "order": "gateway-1:1",
            "gatewayId": GATEWAY.id,
            "server": GATEWAY.host,
        }
        assert not post.waits()

    def test_the_sender_is_told_in_its_mailbox(self, post: Post) -> None:
        post.system.ses.answers[CARL] = [NO_SUCH]
        post.send(CARL)
        post.system.go_out()
        (report,) = post.system.contents("ann")
        assert b"multipart/report" in report
        assert CARL.encode() in report

    def test_recipients_that_were_refused_together_are_tried_one_by_one(self, post: Post) -> None:
        """SES takes a message for all recipients or none: one bad address refuses 49 others."""
        shared = replace(NO_SUCH, is_shared=True)
        post.system.ses.answers = {CARL: [shared], DORA: [shared, NO_SUCH]}
        post.send()
        post.system.go_out()
        assert post.ends() == {CARL: SENT, DORA: ("OUTGOING_EMAIL_BOUNCED", NO_SUCH.status)}
        assert [each.recipients for each in post.system.ses.tried] == [(CARL, DORA), (CARL,), (DORA,)]
        assert not post.waits()

    def test_one_that_is_busy_alone_waits_for_itself(self, post: Post) -> None:
        shared = replace(NO_SUCH, is_shared=True)
        post.system.ses.answers = {CARL: [shared, BUSY], DORA: [shared, NO_SUCH]}
        post.send()
        post.system.go_out()
        assert post.ends() == {DORA: ("OUTGOING_EMAIL_BOUNCED", NO_SUCH.status)}
        post.system.go_out_again()
        assert post.ends()[CARL] == SENT

    def test_recipients_that_are_left_when_an_attempt_has_taken_long_wait_for_the_next(self, post: Post) -> None:
        """The function would be stopped within a send, which the next attempt would repeat."""
        recipients = (CARL, DORA, "emil@example.org", "fay@example.org")
        ses = post.system.ses
        ses.answers = {each: [replace(NO_SUCH, is_shared=True)] for each in recipients}

        class Slow:
            def send(self, outgoing: Outgoing) -> Any:
                post.system.later += ALONE_MS // 2
                return ses.send(outgoing)

        slow: Any = Slow()
        post.send(*recipients)
        (body,) = post.system.queues.queues["transmit"]
        replace(post.system.transmit, ses=slow).accept(body)
        assert [each.recipients for each in ses.tried] == [recipients, (CARL,)]
        (deferred,) = post.facts(OwnFact.TRANSMIT_DEFERRED)
        assert deferred.data["recipients"] == list(recipients[1:])
        post.system.go_out_again()
        assert ses.tried[-1].recipients == recipients[1:]
        assert post.ends() == dict.fromkeys(recipients, SENT)

    def test_mail_for_a_gateway_that_was_deleted_is_refused(self, post: Post) -> None:
        post.send_by_gateway(CARL)
        post.system.directory.commit([Remove(GATEWAY)])
        post.system.go_out()
        assert post.ends() == {CARL: ("OUTGOING_EMAIL_BOUNCED", "5.3.5")}


class TestOrganizations:
    @pytest.mark.parametrize("tried", [False, True], ids=["new", "waiting"])
    def test_what_a_deleted_organization_has_open_is_refused_and_not_sent(self, post: Post, *, tried: bool) -> None:
        post.system.ses.answers[CARL] = [BUSY]
        post.send(CARL)
        (body,) = post.system.queues.queues["transmit"]
        if tried:
            post.system.go_out()
        before = post.system.directory.organization(ORG)
        assert before is not None
        post.system.directory.commit([Replace(replace(before, state=OrganizationState.DELETED))])
        post.system.transmit.accept(body)
        assert len(post.system.ses.tried) == int(tried)
        assert post.ends() == {CARL: ("OUTGOING_EMAIL_BOUNCED", "5.7.1")}
        assert post.is_clear()

    def test_a_recipient_that_an_attempt_ends_meanwhile_leaves_no_other_without_its_end(self, post: Post) -> None:
        """Its attempt has recorded the first recipient, and stops before it sends to the second."""
        post.send()
        (body,) = post.system.queues.queues["transmit"]
        order, transit = TransmitOrder.read(body), post.system.transit
        before = post.system.directory.organization(ORG)
        assert before is not None
        post.system.directory.commit([Replace(replace(before, state=OrganizationState.DELETED))])

        class Slow:
            def commit(self, commit: Commit) -> Any:
                transit.commit(Commit(facts=[sent(order, CARL, NOON)]))
                return transit.commit(commit)

        slow: Any = Slow()
        replace(post.system.transmit, transit=slow).accept(body)
        assert post.ends() == {CARL: SENT, DORA: ("OUTGOING_EMAIL_BOUNCED", "5.7.1")}
        assert post.is_clear()

    def test_a_message_that_is_gone_is_parked(self, post: Post) -> None:
        post.send(CARL)
        for blob in post.system.sealed.under(""):
            post.system.sealed.delete(blob)
        post.system.go_out()
        (parked,) = post.system.things.list()
        assert parked.cause.startswith("MessageNotFoundError")
        assert parked.station == "transmit"
        assert post.ends() == {}


class TestStops:
    def test_an_attempt_that_was_stopped_is_made_again_after_some_minutes(self, post: Post) -> None:
        post.send(CARL)
        (body,) = post.system.queues.queues["transmit"]

        class Stopped(BaseException):
            pass

        def stop(*_: object) -> Any:
            raise Stopped

        with pytest.raises(Stopped):
            replace(post.system.transmit, ses=type("Ses", (), {"send": stop})()).accept(body)
        post.system.transmit.accept(body)
        assert not post.system.ses.tried
        post.system.later += AGAIN_AFTER_MS
        post.system.transmit.accept(body)
        assert post.ends() == {CARL: SENT}

    def test_only_a_stop_between_the_send_and_its_record_repeats_the_message(self) -> None:
        """The width of the window: from SES's answer to the recorded end."""
        repeated = []
        for at in range(1, 20):
            for after in (False, True):
                post = made()
                post.send(CARL)
                (body,) = post.system.queues.queues["transmit"]
                stops = Named(at, after)
                ports: dict[str, Any] = {
                    name: NamedStopping(getattr(post.system.transmit, name), stops, name)
                    for name in ("owners", "open", "ledger", "transit", "ses", "queues")
                }
                with suppress(StoppedError):
                    replace(post.system.transmit, **ports).accept(body)
                post.system.later += AGAIN_AFTER_MS
                post.system.go_out()
                assert post.ends() == {CARL: SENT}
                assert post.is_clear()
                assert 1 <= len(post.system.ses.sent) <= 2
                if len(post.system.ses.sent) == 2:
                    repeated.append((stops.stopped_at, after))
        assert repeated == [("ses.send", True), ("open.end", False)]

    def test_a_recipient_that_was_sent_the_message_alone_is_recorded_before_the_next_is_tried(self, post: Post) -> None:
        """A stop in one call of SES repeats that call at most, and none before it."""
        shared = replace(NO_SUCH, is_shared=True)
        post.system.ses.answers = {CARL: [shared], DORA: [shared]}
        post.send()
        (body,) = post.system.queues.queues["transmit"]
        ses = post.system.ses

        class Stopped(BaseException):
            pass

        class Stopping:
            def send(self, outgoing: Any) -> Any:
                if outgoing.recipients == (DORA,):
                    raise Stopped
                return ses.send(outgoing)

        with pytest.raises(Stopped):
            replace(post.system.transmit, ses=Stopping()).accept(body)
        assert post.ends() == {CARL: SENT}
        post.system.later += AGAIN_AFTER_MS
        post.system.transmit.accept(body)
        assert [each for each, _ in ses.sent] == [CARL, DORA]
        assert post.is_clear()

    def test_ends_that_another_run_has_recorded_stay(self, post: Post) -> None:
        """A run that took too long and its successor both get answers; each recipient has one end."""
        refused = relayed(RelayResult.PERMANENT, "5.1.1", "no such user", code=550)
        post.send_by_gateway()
        (body,) = post.system.queues.queues["transmit"]
        relays = post.system.relays

        class Slow:
            def relay(self, *asked: Any) -> Any:
                answers = relays.relay(*asked)
                post.system.later += AGAIN_AFTER_MS
                post.system.relays.answers[DORA] = [refused]
                post.system.transmit.accept(body)
                return answers

        replace(post.system.transmit, relays=Slow()).accept(body)
        post.system.go_out()
        assert post.ends() == {CARL: SENT, DORA: ("OUTGOING_EMAIL_BOUNCED", "5.1.1")}
        assert post.is_clear()

    def test_the_sender_is_told_of_those_that_another_run_has_not_recorded(self, post: Post) -> None:
        refused = relayed(RelayResult.PERMANENT, "5.1.1", "no such user", code=550)
        post.send_by_gateway()
        (body,) = post.system.queues.queues["transmit"]
        relays = post.system.relays
        relays.answers |= {CARL: [refused], DORA: [refused]}

        class Slow:
            def relay(self, *asked: Any) -> Any:
                answers = relays.relay(*asked)
                post.system.later += AGAIN_AFTER_MS
                relays.answers[DORA] = [relayed(RelayResult.TEMPORARY, "4.2.1", "busy", code=450)]
                post.system.transmit.accept(body)
                return answers

        replace(post.system.transmit, relays=Slow()).accept(body)
        (order,) = (each for each in post.system.transit.open_orders(post.trace) if isinstance(each, BounceOrder))
        assert order.message in post.system.queues.queues["bounce"]

    def test_an_order_goes_though_the_end_of_one_of_its_recipients_was_recorded_before(self, post: Post) -> None:
        post.send()
        (order,) = [TransmitOrder.read(body) for body in post.system.queues.queues["transmit"]]
        post.system.transit.commit(Commit(facts=[sent(order, CARL, NOON)]))
        post.system.go_out()
        assert post.ends() == {CARL: SENT, DORA: SENT}
        assert post.is_clear()

    @pytest.mark.parametrize("failures", [1, 4])
    def test_an_answer_is_recorded_though_a_table_does_not_answer_at_first(
        self, post: Post, monkeypatch: pytest.MonkeyPatch, failures: int
    ) -> None:
        post.send(CARL)
        left = [failures]
        end = post.system.transmit.open.end

        def away(*asked: Any) -> None:
            if left[0]:
                left[0] -= 1
                raise StoreUnavailableError("DynamoDB does not answer")
            end(*asked)

        monkeypatch.setattr(type(post.system.transmit.open), "end", lambda _, *asked: away(*asked))
        post.system.go_out()
        assert len(post.system.ses.tried) == 1
        assert post.ends() == {CARL: SENT}


def test_more_recipients_than_one_order_takes_are_several_transmissions(post: Post) -> None:
    recipients = [f"r{number}@example.org" for number in range(MAX_TRANSMITTED + 1)]
    post.send(*recipients, content=MAIL)
    post.system.go_out()
    assert [len(each.recipients) for each in post.system.ses.tried] == [MAX_TRANSMITTED, 1]
    assert post.ends() == dict.fromkeys(recipients, SENT)
