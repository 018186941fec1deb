"""Requests to rooms, from their arrival to the answer, on memory ports."""

from __future__ import annotations

import email
from collections import deque
from dataclasses import replace
from email import policy
from typing import TYPE_CHECKING, Any

import pytest

from postroom.contracts.outbound_orders import TransmitOrder
from postroom.meetings import answers, booking, itip, resources, update_calendar
from postroom.model.facts import OwnFact, reply_trace, trace_of
from tests.support.builders import ORG
from tests.support.invitations import calendar, event, mail
from tests.support.meeting_outcomes import (
    INVITED,
    ROOM,
    answer,
    facts,
    ignored,
    outcome,
    partstat,
    reply_of,
    request,
    times,
)

if TYPE_CHECKING:
    from tests.support.memory_mail_system import MemoryMailSystem


class TestRooms:
    def test_a_free_hour_is_accepted_and_the_organizer_is_told(self, system: MemoryMailSystem) -> None:
        system.arrive("m1", request(), ROOM)
        assert times(system, "room") == [(10, "BUSY")]
        trace = reply_trace(trace_of("m1", ORG), "room")
        booked = outcome(system, "m1", OwnFact.BOOKING_ANSWERED)
        assert booked == {"answer": "ACCEPTED", "delegates": 0, "replyTrace": trace}
        message = answer(system, "olga")
        assert partstat(message) == "ACCEPTED"
        assert (message["From"], message["To"], message["Subject"]) == (ROOM, "olga@acme.test", "Accepted: Planning")
        assert (message["In-Reply-To"], message["Auto-Submitted"]) == ("<request@acme.test>", "auto-replied")
        names = {fact.name.value for fact in system.ledger.facts(trace)}
        assert names == {"ORGANIZATION_EMAIL_RECEIVED", "MAILBOX_EMAIL_DELIVERED", "CALENDAR_IGNORED"}

    def test_a_taken_hour_is_declined(self, system: MemoryMailSystem) -> None:
        system.arrive("m1", request("u1@acme.test", hour=10), ROOM)
        system.arrive("m2", request("u2@acme.test", hour=10, author="ben@acme.test"), ROOM)
        system.arrive("m3", request("u3@acme.test", hour=11, author="ann@acme.test"), ROOM)
        assert times(system, "room") == [(10, "BUSY"), (11, "BUSY")]
        assert partstat(answer(system, "ben")) == "DECLINED"
        assert partstat(answer(system, "ann")) == "ACCEPTED"
        assert outcome(system, "m2", OwnFact.BOOKING_ANSWERED)["reason"] == "The time is taken."
        assert "The time is taken." in str(answer(system, "ben"))
        assert not facts(system, "m2", OwnFact.CALENDAR_UPDATED)

    def test_a_cancellation_frees_the_hour(self, system: MemoryMailSystem) -> None:
        system.arrive("m1", request(), ROOM)
        ended = calendar(event("STATUS:CANCELLED", sequence=1, attendees=INVITED), method="CANCEL")
        system.arrive("m2", mail(ended, method="CANCEL", to=ROOM), ROOM)
        assert len(system.contents("olga")) == 1
        system.arrive("m3", request("u2@acme.test", author="ben@acme.test"), ROOM)
        assert partstat(answer(system, "ben")) == "ACCEPTED"

    def test_a_meeting_that_moves_to_a_free_hour_frees_its_former_one(self, system: MemoryMailSystem) -> None:
        system.arrive("m1", request(), ROOM)
        system.arrive("m2", request(hour=12, sequence=1), ROOM)
        assert times(system, "room") == [(12, "BUSY")]
        assert partstat(answer(system, "olga")) == "ACCEPTED"

    def test_a_meeting_that_moves_over_itself_is_no_conflict(self, system: MemoryMailSystem) -> None:
        system.arrive("m1", request(), ROOM)
        system.arrive("m2", request(sequence=1, end="20261201T120000Z"), ROOM)
        assert partstat(answer(system, "olga")) == "ACCEPTED"

    def test_a_meeting_that_moves_to_a_taken_hour_is_declined_and_has_none(self, system: MemoryMailSystem) -> None:
        system.arrive("m1", request(), ROOM)
        system.arrive("m2", request("u2@acme.test", author="ben@acme.test", hour=12), ROOM)
        system.arrive("m3", request(hour=12, sequence=1), ROOM)
        assert times(system, "room") == [(12, "BUSY")]
        assert partstat(answer(system, "olga")) == "DECLINED"
        assert outcome(system, "m3")["change"] == "CANCELLED"
        system.arrive("m4", request(stamp="20261130T090000Z"), ROOM)
        assert ignored(system, "m4") == itip.OBSOLETE

    def test_a_series_is_declined_for_one_taken_instance(self, system: MemoryMailSystem) -> None:
        system.arrive("m1", request("u1@acme.test", start="20261203T103000Z", end="20261203T104500Z"), ROOM)
        system.arrive("m2", request("u2@acme.test", "RRULE:FREQ=DAILY;COUNT=5", author="ben@acme.test"), ROOM)
        assert partstat(answer(system, "ben")) == "DECLINED"

    def test_one_instance_that_moves_to_a_taken_hour_is_declined_alone(self, system: MemoryMailSystem) -> None:
        system.arrive("m1", request("u1@acme.test", "RRULE:FREQ=DAILY;COUNT=3"), ROOM)
        system.arrive("m2", request("u2@acme.test", author="ben@acme.test", hour=15), ROOM)
        moved = request("u1@acme.test", "RECURRENCE-ID:20261201T100000Z", hour=15, sequence=1)
        system.arrive("m3", moved, ROOM)
        assert times(system, "room") == [(15, "BUSY"), (10, "BUSY"), (10, "BUSY")]
        assert partstat(answer(system, "olga")) == "DECLINED"
        assert b"RECURRENCE-ID:20261201T100000Z" in reply_of(answer(system, "olga"))

    def test_a_series_that_would_fill_the_calendar_is_declined(self, system: MemoryMailSystem) -> None:
        system.arrive("m1", request("u1", "RRULE:FREQ=MINUTELY;INTERVAL=5"), ROOM)
        assert outcome(system, "m1", OwnFact.BOOKING_ANSWERED)["reason"] == booking.TOO_MANY
        assert (partstat(answer(system, "olga")), times(system, "room")) == ("DECLINED", [])

    def test_recurring_requests_may_be_declined_as_such(self, system: MemoryMailSystem) -> None:
        system.resource("car", auto_decline_recurring=True)
        sent = request("u2@acme.test", "RRULE:FREQ=DAILY;COUNT=5")
        system.arrive("m1", sent, "car@acme.test")
        assert outcome(system, "m1", OwnFact.BOOKING_ANSWERED)["answer"] == "DECLINED"
        system.arrive("m2", request("u3@acme.test"), "car@acme.test")
        assert outcome(system, "m2", OwnFact.BOOKING_ANSWERED)["answer"] == "ACCEPTED"

    def test_conflicts_may_be_allowed(self, system: MemoryMailSystem) -> None:
        system.resource("hall", auto_decline_conflicting=False)
        system.arrive("m1", request("u1@acme.test"), "hall@acme.test")
        system.arrive("m2", request("u2@acme.test", author="ben@acme.test"), "hall@acme.test")
        assert times(system, "hall") == [(10, "BUSY"), (10, "BUSY")]

    def test_a_free_all_day_event_takes_the_room_too(self, system: MemoryMailSystem) -> None:
        day: dict[str, Any] = {"start": ";VALUE=DATE:20261201", "end": ";VALUE=DATE:20261202"}
        system.arrive("m1", request("u1@acme.test", "TRANSP:TRANSPARENT", **day), ROOM)
        system.arrive("m2", request("u2@acme.test", author="ben@acme.test"), ROOM)
        assert partstat(answer(system, "ben")) == "DECLINED"

    def test_without_auto_accept_the_delegates_get_the_request(self, system: MemoryMailSystem) -> None:
        system.resource("board", "dora", "group", auto_accept=False)
        sent = request()
        system.arrive("m1", sent, "board@acme.test", "ben@acme.test")
        assert times(system, "board") == [(10, "TENTATIVE")]
        assert system.contents("dora") == system.contents("ann") == system.contents("ben") == [sent]
        booked = outcome(system, "m1", OwnFact.BOOKING_ANSWERED)
        assert booked == {"answer": resources.BY_DELEGATES, "delegates": 2}
        assert times(system, "dora") == times(system, "ann") == []
        assert times(system, "ben") == [(10, "TENTATIVE")]
        assert system.contents("olga") == []
        reasons = {
            fact.data["mailboxId"]: fact.data["reason"] for fact in facts(system, "m1", OwnFact.CALENDAR_IGNORED)
        }
        assert reasons == dict.fromkeys(("dora", "ann"), update_calendar.DELEGATES_COPY)
        system.arrive("m2", request("u2@acme.test"), "board@acme.test")
        assert partstat(answer(system, "olga")) == "DECLINED"

    def test_outsiders_do_not_book(self, system: MemoryMailSystem) -> None:
        system.arrive("m1", request(author="mallory@evil.test"), ROOM)
        assert ignored(system, "m1") == resources.OUTSIDER
        assert times(system, "room") == []

    def test_where_outsiders_may_book_their_answer_leaves(self, system: MemoryMailSystem) -> None:
        allowed = replace(system.update_calendar.resources, outsiders_may_book=True)
        system.update_calendar = replace(system.update_calendar, resources=allowed)
        system.arrive("m1", request(author="Jo.Bloggs@Example.org"), ROOM)
        assert times(system, "room") == [(10, "BUSY")]
        trace = outcome(system, "m1", OwnFact.BOOKING_ANSWERED)["replyTrace"]
        [order] = system.transit.open_orders(trace)
        assert isinstance(order, TransmitOrder)
        assert (order.recipients, order.envelope_from, order.author) == (("Jo.Bloggs@example.org",), "", ROOM)
        sent = email.message_from_bytes(system.raw.read(order.raw), policy=policy.default)
        assert (partstat(sent), sent["To"]) == ("ACCEPTED", "Jo.Bloggs@example.org")
        assert system.queues.queues["transmit"] == deque([order.message])

    def test_an_outsider_does_not_book_in_the_name_of_the_organizer(self, system: MemoryMailSystem) -> None:
        line = 'ORGANIZER;SENT-BY="mailto:mallory@evil.test":mailto:olga@acme.test'
        text = event(line, organizer=None, attendees=INVITED)
        system.arrive("m1", mail(calendar(text), author="mallory@evil.test", to=ROOM), ROOM)
        assert ignored(system, "m1") == resources.OUTSIDER
        text = text.replace("mallory@evil.test", "ann@acme.test")
        system.arrive("m2", mail(calendar(text), author="ann@acme.test", to=ROOM), ROOM)
        assert partstat(answer(system, "olga")) == "ACCEPTED"

    def test_only_the_organizer_books(self, system: MemoryMailSystem) -> None:
        text = event(attendees=INVITED)
        system.arrive("m1", mail(calendar(text), author="ann@acme.test", to=ROOM), ROOM)
        assert ignored(system, "m1") == itip.STRANGER

    @pytest.mark.parametrize(
        ("fields", "more", "reason"),
        [
            ({"Auto_Submitted": "auto-replied"}, {}, answers.AUTOMATIC),
            ({}, {"source": "<>"}, answers.NO_SENDER),
        ],
    )
    def test_requests_of_machines_are_decided_but_not_answered(
        self, system: MemoryMailSystem, fields: dict[str, str], more: dict[str, Any], reason: str
    ) -> None:
        sent = mail(calendar(event(attendees=INVITED)), to=ROOM, **fields)
        system.arrive("m1", sent, ROOM, **more)
        assert times(system, "room") == [(10, "BUSY")]
        assert outcome(system, "m1", OwnFact.REPLY_NOT_SENT) == {"reason": reason}
        assert system.contents("olga") == []

    def test_a_reply_to_a_full_mailbox_ends_without_a_bounce_message(self, system: MemoryMailSystem) -> None:
        system.user("fay", quota=10)
        system.arrive("m1", request(author="fay@acme.test"), ROOM)
        trace = reply_trace(trace_of("m1", ORG), "room")
        names = {fact.name.value for fact in system.ledger.facts(trace)}
        assert names == {"ORGANIZATION_EMAIL_RECEIVED", "INCOMING_EMAIL_BOUNCED", "BOUNCE_SUPPRESSED"}

    def test_a_reply_to_a_group_goes_to_its_members(self, system: MemoryMailSystem) -> None:
        system.arrive("m1", request(author="group@acme.test"), ROOM)
        assert times(system, "room") == [(10, "BUSY")]
        trace = outcome(system, "m1", OwnFact.BOOKING_ANSWERED)["replyTrace"]
        assert {fact.name.value for fact in system.ledger.facts(trace)} == {
            "OUTGOING_EMAIL_SUBMITTED",
            "OUTGOING_EMAIL_SENT",
        }
        assert system.contents("ann")
