"""On a running stack: a room that is made through the API answers requests that arrive by mail."""

from __future__ import annotations

import email
import json
from concurrent.futures import ThreadPoolExecutor
from email import policy
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.invitations import calendar, event, mail
from tests.support.running_stack import wait_for

if TYPE_CHECKING:
    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

ROOM = "room@meeting.example"
PEOPLE = ("ann", "ben")


def request(author: str) -> bytes:
    attendees = [f";CUTYPE=ROOM;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{ROOM}"]
    hour: dict[str, Any] = {"start": "20301203T100000Z", "end": "20301203T110000Z"}
    text = event(uid=f"{author}-1", organizer=f"{author}@meeting.example", attendees=attendees, **hour)
    return mail(calendar(text), author=f"{author}@meeting.example", to=ROOM, name=f"{author}-asks")


def reply_to(running: RunningStack, user: str) -> str:
    """Return the calendar part of the only message of a user."""
    (item,) = wait_for(lambda: running.rows("mailbox", "list", user))
    content = running.command("mailbox", "show", user, item["id"]).stdout
    message = email.message_from_bytes(content, policy=policy.default)
    assert message["From"] == ROOM
    part = next(each for each in message.walk() if each.get_content_type() == "text/calendar")
    return str(part.get_content())


def test_a_room_is_booked_once_for_two_requests_at_the_same_moment(running: RunningStack) -> None:
    organization = running.organization("meeting")
    users = {name: running.user(organization, name, f"{name}@meeting.example") for name in PEOPLE}
    workmail: Any = running.client("workmail")
    room = workmail.create_resource(OrganizationId=organization, Name="room", Type="ROOM")["ResourceId"]
    workmail.register_to_work_mail(OrganizationId=organization, EntityId=room, Email=ROOM)
    with ThreadPoolExecutor(len(PEOPLE)) as pool:
        sent = [pool.submit(running.send, request(name), ROOM, sender=f"{name}@meeting.example") for name in PEOPLE]
    assert not any(each.exception() for each in sent)
    replies = {name: reply_to(running, user) for name, user in users.items()}
    answers = {name: "DECLINED" if "PARTSTAT=DECLINED" in text else "ACCEPTED" for name, text in replies.items()}
    assert sorted(answers.values()) == ["ACCEPTED", "DECLINED"]
    assert all(f"PARTSTAT={answers[name]}" in text for name, text in replies.items())
    (booked,) = json.loads(running.command("calendar", "list", room, "--from", "2030-12-03", "--json").stdout)
    assert booked["start"].startswith("2030-12-03T10:00")
    for name in PEOPLE:
        said = running.command("trace", "--message-id", f"<{name}-asks@acme.test>").stdout.decode()
        assert f"{answers[name]}" in said
        assert "booking" in said
