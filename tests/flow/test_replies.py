"""Replies of mailboxes, through the functions' own handlers, with the rights of their roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from postroom.model.directory import EntityKind, Role
from postroom.model.facts import reply_trace, trace_of
from postroom.model.resources import BookingOptions, ResourceType
from tests.support.builders import ORG
from tests.support.invitations import calendar, event, mail
from tests.support.outbound_office import WatchedPipeline
from tests.support.rules import BOUNCE, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.stack import Stack

BOB = "bob@example.org"
ROOM = "room@acme.test"


class Office(WatchedPipeline):
    """Ann is away, and the room may be booked by outsiders. What transmit gets stays in its queue."""

    stations = ("ingest", "accept_outbound", "deliver", "update_calendar")

    def begin(self) -> None:
        super().begin()
        booking: dict[str, Any] = {"resource_type": ResourceType.ROOM, "booking_options": BookingOptions()}
        self.entity("room", kind=EntityKind.RESOURCE, role=Role.RESOURCE, **booking)
        self.away("ann")

    def receive(self, number: int, content: bytes, recipient: str, source: str) -> str:
        """Let a message arrive, and everything but transmissions be done; return the trace of the reply."""
        self.arrive(f"m{number}", content, recipient, source=source)
        self.carry_all_out()
        return reply_trace(trace_of(f"m{number}", ORG), recipient.partition("@")[0])

    def transmitted(self, trace: str) -> list[tuple[str, ...]]:
        return [each.recipients for each in self.transmissions(trace)]


@pytest.fixture
def office(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setenv("OUTSIDERS_MAY_BOOK", "ENABLED")
    with Office.on(stack) as made:
        yield made


def message(author: str) -> bytes:
    return f"From: {author}\r\nTo: ann@acme.test\r\nSubject: Hi\r\nMessage-ID: <1@x.test>\r\n\r\nHello\r\n".encode()


def test_senders_outside_and_inside_are_told_once_that_ann_is_away(office: Office) -> None:
    traces = [office.receive(number, message(BOB), "ann@acme.test", BOB) for number in (1, 2)]
    assert [office.transmitted(trace) for trace in traces] == [[(BOB,)], []]
    office.receive(3, message("ben@acme.test"), "ann@acme.test", "ben@acme.test")
    [got] = office.contents("ben")
    assert b"Subject: Auto: Hi\r\n" in got
    assert got.endswith(b"\r\n\r\nI am away.\r\n")
    assert len(office.contents("ann")) == 3


def test_a_rule_may_refuse_what_leaves_and_the_room_answers_outsiders(office: Office) -> None:
    attendees = [f";PARTSTAT=NEEDS-ACTION:mailto:{ROOM}"]
    hours: dict[str, Any] = {"start": "20301203T100000Z", "end": "20301203T110000Z"}
    asked = mail(calendar(event(uid="u1", organizer=BOB, attendees=attendees, **hours)), author=BOB, to=ROOM)
    assert office.transmitted(office.receive(1, asked, ROOM, BOB)) == [(BOB,)]
    office.apply_rules(rule(BOUNCE, recipients=BOB, direction="OUTBOUND", id="r1", message="Not to them."))
    trace = office.receive(2, message(BOB), "ann@acme.test", BOB)
    assert office.transmitted(trace) == []
    assert office.fact_names(trace) == ["OUTGOING_EMAIL_BOUNCED", "OUTGOING_EMAIL_SUBMITTED", "RULE_APPLIED"]
