"""Messages with a calendar part, from their arrival to the calendars that they change, on memory ports."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.calendar_store.store import OpenCalendar
from postroom.contracts.orders import CalendarOrder
from postroom.errors import ConflictError, KeyUnavailableError, MailboxFullError
from postroom.meetings import itip, resources, steps, update_calendar
from postroom.model.directory import EntityState
from postroom.model.facts import OwnFact, trace_of
from postroom.model.limits import DAY_MS
from postroom.model.records import OrganizationState, Replace
from postroom.ports.transit import Commit
from postroom.routing.reached import without_reached
from tests.support.builders import ORG, notification
from tests.support.invitations import ATTENDEE, calendar, event, mail
from tests.support.meeting_outcomes import INVITED, ROOM, answer, facts, ignored, outcome, partstat, request, times
from tests.support.memory_mail_system import KMS
from tests.support.sweeps import memory_sweep

if TYPE_CHECKING:
    from tests.support.memory_mail_system import MemoryMailSystem


class TestUsers:
    def test_an_invitation_is_in_the_inbox_and_tentative_in_the_calendar(self, system: MemoryMailSystem) -> None:
        sent = mail(calendar(event()))
        system.arrive("m1", sent, ATTENDEE)
        assert system.contents("ann") == [sent]
        assert times(system, "ann") == [(10, "TENTATIVE")]
        assert outcome(system, "m1") == {"method": "REQUEST", "change": "ADDED", "tentative": True}
        opened = system.calendars.open("ann")
        assert opened is not None
        known = opened.find("u1@acme.test")
        assert known is not None
        assert opened.read(known.item) == calendar(event())

    @pytest.mark.parametrize("dense", ["RRULE:FREQ=MINUTELY;INTERVAL=5", "RRULE:FREQ=HOURLY;COUNT=300"])
    def test_a_meeting_that_would_fill_the_calendar_is_not_entered(self, system: MemoryMailSystem, dense: str) -> None:
        system.arrive("m1", mail(calendar(event(dense)), author="mallory@evil.test"), ATTENDEE)
        assert ignored(system, "m1") == steps.TOO_DENSE
        assert times(system, "ann") == []
        assert len(system.contents("ann")) == 1, "the message is delivered"

    def test_nor_does_it_become_one_by_an_update_and_it_can_be_cancelled(self, system: MemoryMailSystem) -> None:
        system.arrive("m1", mail(calendar(event("RRULE:FREQ=DAILY;COUNT=3"))), ATTENDEE)
        system.arrive("m2", mail(calendar(event("RRULE:FREQ=HOURLY;COUNT=300", sequence=1))), ATTENDEE)
        assert ignored(system, "m2") == steps.TOO_DENSE
        assert times(system, "ann") == [(10, "TENTATIVE")] * 3
        ended = calendar(event("STATUS:CANCELLED", sequence=2), method="CANCEL")
        system.arrive("m3", mail(ended, method="CANCEL"), ATTENDEE)
        assert times(system, "ann") == []

    def test_each_member_of_a_group_gets_it(self, system: MemoryMailSystem) -> None:
        system.arrive("m1", mail(calendar(event())), "group@acme.test")
        assert times(system, "ann") == times(system, "ben") == [(10, "TENTATIVE")]

    def test_an_update_and_a_cancellation(self, system: MemoryMailSystem) -> None:
        system.arrive("m1", mail(calendar(event(sequence=1))), ATTENDEE)
        moved = event(sequence=2, start="20261201T140000Z", end="20261201T150000Z")
        system.arrive("m2", mail(calendar(moved)), ATTENDEE)
        assert times(system, "ann") == [(14, "TENTATIVE")]
        system.arrive("m3", mail(calendar(event(sequence=1, stamp="20261130T090000Z"))), ATTENDEE)
        assert ignored(system, "m3") == itip.OBSOLETE
        ended = calendar(event("STATUS:CANCELLED", sequence=3), method="CANCEL")
        system.arrive("m4", mail(ended, author="mallory@evil.test", method="CANCEL"), ATTENDEE)
        assert ignored(system, "m4") == itip.STRANGER
        assert times(system, "ann") == [(14, "TENTATIVE")]
        system.arrive("m5", mail(ended, method="CANCEL"), ATTENDEE)
        assert times(system, "ann") == []

    @pytest.mark.parametrize(
        ("authors", "left"),
        [
            ("mallory@evil.test, olga@acme.test", 1),
            ("olga@acme.test, mallory@evil.test", 1),
            ("ben@acme.test, olga@acme.test", 0),
        ],
    )
    def test_of_authors_in_several_domains_none_is_the_organizer(
        self, system: MemoryMailSystem, authors: str, left: int
    ) -> None:
        """It is not known which of the domains DMARC checked."""
        system.arrive("m1", mail(calendar(event())), ATTENDEE)
        ended = calendar(event("STATUS:CANCELLED", sequence=1), method="CANCEL")
        system.arrive("m2", mail(ended, author=authors, method="CANCEL"), ATTENDEE)
        assert len(times(system, "ann")) == left

    def test_a_change_of_an_instance_leaves_the_rest_as_it_was_answered(self, system: MemoryMailSystem) -> None:
        series = event("RRULE:FREQ=DAILY;COUNT=3")
        system.arrive("m1", mail(calendar(series)), ATTENDEE)
        gone = event("RECURRENCE-ID:20261202T100000Z", "STATUS:CANCELLED", sequence=1, start=None, end=None)
        system.arrive("m2", mail(calendar(gone, method="CANCEL"), method="CANCEL"), ATTENDEE)
        assert times(system, "ann") == [(10, "TENTATIVE")] * 2
        moved = event("RECURRENCE-ID:20261203T100000Z", sequence=1, start="20261203T120000Z", end="20261203T130000Z")
        system.arrive("m3", mail(calendar(moved)), ATTENDEE)
        assert times(system, "ann") == [(10, "TENTATIVE"), (12, "TENTATIVE")]
        accepted = event("RRULE:FREQ=DAILY;COUNT=3", sequence=2, attendees=[f";PARTSTAT=ACCEPTED:mailto:{ATTENDEE}"])
        system.arrive("m4", mail(calendar(accepted)), ATTENDEE)
        assert times(system, "ann") == [(10, "BUSY"), (12, "BUSY")]
        gone = gone.replace("SEQUENCE:1", "SEQUENCE:3").replace("20261202T", "20261203T")
        system.arrive("m5", mail(calendar(gone, method="CANCEL"), method="CANCEL"), ATTENDEE)
        assert times(system, "ann") == [(10, "BUSY")]

    def test_junk_changes_no_calendar(self, system: MemoryMailSystem) -> None:
        system.arrive("m1", mail(calendar(event())), ATTENDEE, verdicts={"spam": "FAIL"})
        assert len(system.contents("ann", "JUNK_EMAIL")) == 1
        assert times(system, "ann") == []
        assert not facts(system, "m1", OwnFact.CALENDAR_IGNORED)

    def test_an_answer_reaches_the_organizers_copy(self, system: MemoryMailSystem) -> None:
        text = event(attendees=[":mailto:ben@acme.test", f";PARTSTAT=NEEDS-ACTION:mailto:{ATTENDEE}"])
        system.arrive("m1", mail(calendar(text)), "olga@acme.test", ATTENDEE)
        assert times(system, "olga") == [(10, "BUSY")]
        reply = calendar(
            event(attendees=[f";PARTSTAT=DECLINED:mailto:{ATTENDEE}"], stamp="20261130T090000Z"), method="REPLY"
        )
        system.arrive("m2", mail(reply, author=ATTENDEE, to="olga@acme.test", method="REPLY"), "olga@acme.test")
        assert outcome(system, "m2")["change"] == "ANSWERED"

    @pytest.mark.parametrize(
        "ics",
        [
            b"",
            b"BEGIN:VCALENDAR\r\n",
            calendar("BEGIN:VTODO\r\nUID:1\r\nEND:VTODO\r\n"),
            calendar(event(), event(uid="other@acme.test")),
            calendar(event(), method="PUBLISH"),
            calendar(event(start="tomorrow")),
            calendar(event("RRULE:FREQ=SOMETIMES")),
            b"\xff\xfe\0" * 1000,
        ],
    )
    def test_a_calendar_that_cannot_be_read_is_delivered_and_a_fact_says_why(
        self, system: MemoryMailSystem, ics: bytes
    ) -> None:
        sent = mail(ics)
        system.arrive("m1", sent, ATTENDEE)
        assert system.contents("ann") == [sent]
        assert ignored(system, "m1")
        assert times(system, "ann") == []
        assert not list(system.things.list())

    @pytest.mark.parametrize(("method", "told"), [("COUNTER", "COUNTER"), ("SECRET-WORD", "OTHER")])
    def test_a_fact_names_no_method_that_the_sender_made_up(
        self, system: MemoryMailSystem, method: str, told: str
    ) -> None:
        system.arrive("m1", mail(calendar(event(), method=method), method=method), ATTENDEE)
        assert outcome(system, "m1", OwnFact.CALENDAR_IGNORED) == {"reason": itip.NOT_ASKED, "method": told}

    def test_malformed_mime_is_delivered_and_a_fact_says_so(self, system: MemoryMailSystem) -> None:
        sent = mail(calendar(event())).removesuffix(b"\r\n--b--\r\n")
        system.arrive("m1", sent, ATTENDEE)
        assert system.contents("ann") == [sent]
        assert "does not end" in ignored(system, "m1")

    def test_ordinary_mail_has_no_fact(self, system: MemoryMailSystem) -> None:
        system.arrive("m1", b"From: a@b.test\r\n\r\ntext/calendar; method=REQUEST", ATTENDEE)
        assert not facts(system, "m1", OwnFact.CALENDAR_IGNORED)

    def test_a_full_mailbox_takes_the_message_but_not_the_meeting(self, system: MemoryMailSystem) -> None:
        sent = mail(calendar(event()))
        system.user("fay", quota=len(sent))
        system.arrive("m1", sent, "fay@acme.test")
        assert ignored(system, "m1") == update_calendar.FULL


class TestOrders:
    def waiting(self, system: MemoryMailSystem) -> CalendarOrder:
        """Deliver a request to the room without carrying out its calendar order."""
        system.raw.store("inbound/m1", request())
        system.ingest.accept(notification("m1", [ROOM]))
        system.deliver.accept(system.queues.queues["deliver"].popleft())
        return CalendarOrder.read(system.queues.queues["update_calendar"].popleft())

    def test_carried_out_twice_it_happens_once_and_what_follows_is_sent_again(self, system: MemoryMailSystem) -> None:
        order = self.waiting(system)
        system.update_calendar.accept(order.message)
        system.queues.queues["deliver"].clear()
        system.update_calendar.accept(order.message)
        system.pump()
        assert len(system.contents("olga")) == 1
        system.update_calendar.accept(order.message)
        system.pump()
        assert len(system.contents("olga")) == 1
        assert len(facts(system, "m1", OwnFact.CALENDAR_UPDATED)) == 1

    def test_carried_out_again_it_sends_no_orders_of_other_stations(self, system: MemoryMailSystem) -> None:
        order = self.waiting(system)
        system.update_calendar.accept(order.message)
        system.deliver.accept(system.queues.queues["deliver"].popleft())
        assert len(system.queues.queues["update_calendar"]) == 1, "the answer is one for the organizer's calendar"
        system.update_calendar.accept(order.message)
        assert len(system.queues.queues["update_calendar"]) == 1
        assert not system.queues.queues["deliver"]

    @pytest.mark.parametrize("first", ["m1", "m2"])
    def test_of_two_requests_at_the_same_moment_one_is_accepted_and_one_is_declined(
        self, system: MemoryMailSystem, monkeypatch: pytest.MonkeyPatch, first: str
    ) -> None:
        """Both have read the same free calendar when the first of them commits."""
        for name, author in (("m1", "olga@acme.test"), ("m2", "ben@acme.test")):
            system.raw.store(f"inbound/{name}", request(f"{name}@acme.test", author=author))
            system.ingest.accept(notification(name, [ROOM]))
        while system.queues.queues["deliver"]:
            system.deliver.accept(system.queues.queues["deliver"].popleft())
        orders = [CalendarOrder.read(body) for body in system.queues.queues.pop("update_calendar")]
        orders.sort(key=lambda order: order.trace == trace_of(first, ORG))
        slower, faster = orders
        calendars = type(system.calendars.calendars)
        change = calendars.change

        def overtaken(*arguments: Any) -> Any:
            monkeypatch.setattr(calendars, "change", change)
            system.update_calendar.accept(faster.message)
            return change(*arguments)

        monkeypatch.setattr(calendars, "change", overtaken)
        system.update_calendar.accept(slower.message)
        system.pump()
        assert times(system, "room") == [(10, "BUSY")]
        told = {name: partstat(answer(system, name)) for name in ("olga", "ben")}
        winner, loser = ("olga", "ben") if first == "m1" else ("ben", "olga")
        assert told == {winner: "ACCEPTED", loser: "DECLINED"}
        assert len(system.contents("olga")) == len(system.contents("ben")) == 1

    def test_an_organization_that_is_deleted_changes_no_calendar(self, system: MemoryMailSystem) -> None:
        order = self.waiting(system)
        organization = system.directory.organization(ORG)
        assert organization is not None
        system.directory.commit([Replace(replace(organization, state=OrganizationState.DELETING))])
        system.update_calendar.accept(order.message)
        assert ignored(system, "m1")
        assert system.transit.is_clear(order.trace)

    @pytest.mark.parametrize("state", [EntityState.DISABLED, EntityState.DELETED])
    def test_a_mailbox_whose_owner_is_gone_is_not_changed(self, system: MemoryMailSystem, state: EntityState) -> None:
        order = self.waiting(system)
        system.entity("room", state=state)
        system.update_calendar.accept(order.message)
        assert ignored(system, "m1")
        assert system.transit.is_clear(order.trace)

    def test_a_key_that_cannot_be_used_parks_the_order(self, system: MemoryMailSystem) -> None:
        order = self.waiting(system)
        system.keys.disabled.add(KMS)
        system.update_calendar.accept(order.message)
        (parked,) = system.things.list()
        assert (parked.key, parked.station) == (order.key, "update_calendar")
        assert KeyUnavailableError.__name__ in parked.cause

    def test_a_race_that_is_always_lost_goes_back_to_the_queue(
        self, system: MemoryMailSystem, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order = self.waiting(system)

        def lost(*_: object) -> None:
            raise ConflictError("others")

        monkeypatch.setattr(type(system.calendars.calendars), "change", lost)
        with pytest.raises(ConflictError):
            system.update_calendar.accept(order.message)
        assert system.transit.order(order.trace, order.key) == order

    def test_a_delegates_copy_that_another_way_makes_meanwhile_is_made_once(
        self, system: MemoryMailSystem, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        system.resource("board", "dora", auto_accept=False)
        board = {"mailbox_id": "board", "recipient": "board@acme.test", "delivered_to": "board@acme.test"}
        order = self.waiting(system).model_copy(update=board)
        system.transit.commit(Commit(orders=[order]))
        found = without_reached
        calls = []

        def first_without(plan: Any, *rest: Any) -> Any:
            calls.append(1)
            if len(calls) == 1:
                system.transit.commit(Commit(orders=plan.orders(0)))
                return plan
            return found(plan, *rest)

        monkeypatch.setattr(resources, "without_reached", first_without)
        system.update_calendar.accept(order.message)
        assert len(calls) == 2
        assert times(system, "board") == [(10, "TENTATIVE")]


def test_the_bytes_of_an_answer_are_kept_as_long_as_those_of_the_request(system: MemoryMailSystem) -> None:
    system.arrive("m1", request(), ROOM)
    sweep = memory_sweep(system.tables, system.parking, system.queues, system.raw, system.now)

    def kept() -> list[str]:
        return [stored.key.partition("/")[0] for stored in system.raw.stored("")]

    assert kept() == ["inbound", "transit"]
    system.later += 29 * DAY_MS
    assert sweep.run()["retired"] == 0
    assert kept() == ["inbound", "transit"]
    system.later += 2 * DAY_MS
    assert sweep.run()["retired"] == 1
    assert kept() == []


class TestAnotherOrder:
    """Messages that are carried out in another order than they were sent in; see test_order."""

    @staticmethod
    def ended(*lines: str, author: str = "olga@acme.test", to: str = ROOM, **more: Any) -> bytes:
        fields = {"sequence": 2, "stamp": "20261130T090000Z", "attendees": INVITED, **more}
        text = event("STATUS:CANCELLED", *lines, organizer=author, **fields)
        return mail(calendar(text, method="CANCEL"), author=author, to=to, method="CANCEL")

    def test_a_cancellation_before_the_invitation(self, system: MemoryMailSystem) -> None:
        system.arrive("m1", self.ended(to=ATTENDEE), ATTENDEE)
        assert outcome(system, "m1") == {"method": "CANCEL", "change": "CANCELLED", "tentative": False}
        system.arrive("m2", mail(calendar(event(sequence=1))), ATTENDEE)
        assert ignored(system, "m2") == itip.OBSOLETE
        assert times(system, "ann") == []
        system.arrive("m3", mail(calendar(event(sequence=3))), ATTENDEE)
        assert outcome(system, "m3") == {"method": "REQUEST", "change": "ADDED", "tentative": True}
        assert times(system, "ann") == [(10, "TENTATIVE")]

    def test_a_strangers_cancellation_is_replaced(self, system: MemoryMailSystem) -> None:
        system.arrive("m1", self.ended(author="mallory@evil.test", to=ATTENDEE, sequence=9), ATTENDEE)
        system.arrive("m2", mail(calendar(event())), ATTENDEE)
        assert times(system, "ann") == [(10, "TENTATIVE")]
        opened = system.calendars.open("ann")
        assert opened is not None
        known = opened.find("u1@acme.test")
        assert known is not None
        assert opened.read(known.item) == calendar(event())
        assert len(system.contents("ann", "CALENDAR")) == 1

    def test_a_changed_instance_before_its_series(self, system: MemoryMailSystem) -> None:
        moved = event("RECURRENCE-ID:20261202T100000Z", sequence=1, start="20261202T150000Z", end="20261202T160000Z")
        system.arrive("m1", self.ended("RECURRENCE-ID:20261203T100000Z", to=ATTENDEE), ATTENDEE)
        system.arrive("m2", mail(calendar(moved)), ATTENDEE)
        assert times(system, "ann") == [(15, "TENTATIVE")]
        system.arrive("m3", mail(calendar(event("RRULE:FREQ=DAILY;COUNT=3"))), ATTENDEE)
        assert times(system, "ann") == [(10, "TENTATIVE"), (15, "TENTATIVE")]

    def test_cancellations_do_not_grow_a_mailbox_beyond_its_quota(self, system: MemoryMailSystem) -> None:
        sent = self.ended(to="fay@acme.test")
        system.user("fay", quota=len(sent))
        system.arrive("m1", sent, "fay@acme.test")
        assert ignored(system, "m1") == update_calendar.FULL

    def test_a_resource_does_not_accept_what_was_cancelled(self, system: MemoryMailSystem) -> None:
        system.arrive("m1", self.ended(), ROOM)
        system.arrive("m2", request(sequence=1), ROOM)
        assert (times(system, "room"), system.contents("olga")) == ([], [])
        system.arrive("m3", request(sequence=3), ROOM)
        assert partstat(answer(system, "olga")) == "ACCEPTED"
        assert times(system, "room") == [(10, "BUSY")]

    def test_a_resource_ignores_a_request_older_than_the_one_that_it_accepted(self, system: MemoryMailSystem) -> None:
        system.arrive("m1", request(sequence=1, hour=12), ROOM)
        system.arrive("m2", request(sequence=0, hour=10), ROOM)
        assert times(system, "room") == [(12, "BUSY")]
        assert len(system.contents("olga")) == 1

    def test_a_resource_ignores_a_request_older_than_the_one_that_it_declined(self, system: MemoryMailSystem) -> None:
        system.arrive("m1", request("u2@acme.test", author="ben@acme.test", hour=12), ROOM)
        system.arrive("m2", request(sequence=1, hour=12), ROOM)
        assert partstat(answer(system, "olga")) == "DECLINED"
        system.arrive("m3", request(sequence=0, hour=10), ROOM)
        assert ignored(system, "m3") == itip.OBSOLETE
        assert times(system, "room") == [(12, "BUSY")]
        assert len(system.contents("olga")) == 1

    def test_an_instance_that_a_resource_declined_before_its_series_stays_declined(
        self, system: MemoryMailSystem
    ) -> None:
        system.arrive("m1", request("u2@acme.test", author="ben@acme.test", hour=15), ROOM)
        moved = request("u1@acme.test", "RECURRENCE-ID:20261201T100000Z", hour=15, sequence=1)
        system.arrive("m2", moved, ROOM)
        assert partstat(answer(system, "olga")) == "DECLINED"
        system.arrive("m3", request("u1@acme.test", "RRULE:FREQ=DAILY;COUNT=3"), ROOM)
        assert partstat(answer(system, "olga")) == "ACCEPTED"
        assert times(system, "room") == [(15, "BUSY"), (10, "BUSY"), (10, "BUSY")]

    def test_a_full_resource_still_declines(self, system: MemoryMailSystem, monkeypatch: pytest.MonkeyPatch) -> None:
        system.arrive("m1", request("u2@acme.test", author="ben@acme.test"), ROOM)

        def no_room(*_: object) -> None:
            raise MailboxFullError("no room")

        monkeypatch.setattr(OpenCalendar, "_check_quota", no_room)
        system.arrive("m2", request(), ROOM)
        assert partstat(answer(system, "olga")) == "DECLINED"
        assert not facts(system, "m2", OwnFact.CALENDAR_IGNORED)
