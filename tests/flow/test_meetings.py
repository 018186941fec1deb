"""Invitations, from their arrival to calendars and answers, through the functions' own handlers."""

from __future__ import annotations

import email
from email import policy
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.aws.calendars import DynamoCalendars
from postroom.bootstrap.clock import now_ms
from postroom.calendars.expand import instances
from postroom.calendars.objects import read_calendar
from postroom.model.directory import EntityKind, Role
from postroom.model.facts import OwnFact, reply_trace, trace_of
from postroom.model.records import Delegation, Insert
from postroom.model.resources import BookingOptions, ResourceType
from tests.support.builders import ORG
from tests.support.invitations import calendar, event, mail
from tests.support.pipeline import Pipeline
from tests.support.stack import empty_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOM = "room@acme.test"


@pytest.fixture
def pipeline() -> Iterator[Pipeline]:
    with empty_stack() as stack:
        made = Pipeline(stack)
        made.organization()
        for name in ("ann", "olga", "ben", "dora"):
            made.entity(name)
        room(made, "room")
        yield made


def room(pipeline: Pipeline, name: str, *delegates: str, **options: bool) -> None:
    fields: dict[str, Any] = {"kind": EntityKind.RESOURCE, "role": Role.RESOURCE, "resource_type": ResourceType.ROOM}
    pipeline.entity(name, **fields, booking_options=BookingOptions(**options))
    for delegate in delegates:
        made = Delegation(organization_id=ORG, resource_id=name, delegate_id=delegate, delegate_kind=EntityKind.USER)
        pipeline.directory.commit([Insert(made)])


def request(author: str, uid: str, *lines: str, hour: int = 10, to: str = ROOM) -> bytes:
    start, end = f"20301203T{hour}0000Z", f"20301203T{hour + 1}0000Z"
    attendees = [f";PARTSTAT=NEEDS-ACTION:mailto:{to}"]
    text = event(*lines, uid=uid, organizer=author, start=start, end=end, attendees=attendees)
    return mail(calendar(text), author=author, to=to)


def hours(pipeline: Pipeline, mailbox_id: str) -> list[int]:
    """Return the hours at which the instances in a calendar begin."""
    operator, names = pipeline.operator, pipeline.stack.environment
    calendars = DynamoCalendars(
        pipeline.stack.dynamodb, names["MAILBOX_TABLE"], names["TRANSIT_TABLE"], names["LEDGER_TABLE"], now_ms
    )
    window = calendars.window(mailbox_id, 0, 2_000_000_000_000)
    assert window is not None
    ids = [entry.item_id for entry in window.entries]
    items = [item for name in ids if (item := operator.mailboxes.item(mailbox_id, name)) is not None]
    assert len(items) == len(ids)
    texts = [b"".join(operator.content(window.head, item)) for item in items]
    entries = [read_calendar(text).only().entry for text in texts]
    found = [each for entry in entries for each in instances(entry, 0, 2_000_000_000_000)]
    return [each.start_ms // 3_600_000 % 24 for each in sorted(found, key=lambda one: one.start_ms)]


def answered(pipeline: Pipeline, mailbox_id: str) -> str:
    """Return PARTSTAT of the last message of a mailbox, a reply."""
    message = email.message_from_bytes(pipeline.contents(mailbox_id)[-1], policy=policy.default)
    part = next(each for each in message.walk() if each.get_content_type() == "text/calendar")
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return read_calendar(content).only().parts[0].attendees[0].status


def test_two_requests_for_one_hour(pipeline: Pipeline) -> None:
    pipeline.arrive("m1", request("olga@acme.test", "u1"), ROOM)
    pipeline.arrive("m2", request("ben@acme.test", "u2"), ROOM)
    pipeline.pump()
    assert hours(pipeline, "room") == [10]
    assert {answered(pipeline, "olga"), answered(pipeline, "ben")} == {"ACCEPTED", "DECLINED"}
    for message_id in ("m1", "m2"):
        trace = reply_trace(trace_of(message_id, ORG), "room")
        assert pipeline.fact_names(trace) == [
            "CALENDAR_IGNORED",
            "MAILBOX_EMAIL_DELIVERED",
            "ORGANIZATION_EMAIL_RECEIVED",
        ]


def test_a_series_its_update_and_the_cancellation_of_one_instance(pipeline: Pipeline) -> None:
    ann = "ann@acme.test"
    daily = "RRULE:FREQ=DAILY;COUNT=3"
    pipeline.arrive("m1", request("olga@acme.test", "u1", daily, to=ann), ann)
    pipeline.pump()
    assert hours(pipeline, "ann") == [10, 10, 10]
    older = event(daily, uid="u1", sequence=0, stamp="20261129T080000Z", start="20301203T120000Z", end=None)
    pipeline.arrive("m2", mail(calendar(older)), ann)
    one = event("RECURRENCE-ID:20301204T100000Z", "STATUS:CANCELLED", uid="u1", sequence=1, start=None, end=None)
    pipeline.arrive("m3", mail(calendar(one, method="CANCEL"), method="CANCEL"), ann)
    pipeline.pump()
    assert hours(pipeline, "ann") == [10, 10]
    assert "CALENDAR_IGNORED" in pipeline.fact_names(trace_of("m2", ORG))


def test_without_auto_accept_the_delegate_has_the_request_and_the_room_is_held(pipeline: Pipeline) -> None:
    room(pipeline, "board", "dora", auto_accept=False)
    sent = request("olga@acme.test", "u1", to="board@acme.test")
    pipeline.arrive("m1", sent, "board@acme.test")
    pipeline.pump()
    assert pipeline.contents("dora") == [sent]
    assert hours(pipeline, "board") == [10]
    assert hours(pipeline, "dora") == []
    (booked,) = [f for f in pipeline.operator.ledger.facts(trace_of("m1", ORG)) if f.name is OwnFact.BOOKING_ANSWERED]
    assert booked.data == {"mailboxId": "board", "answer": "DELEGATES", "delegates": 1}
