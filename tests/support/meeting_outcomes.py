"""Requests to a room, and what messages with a calendar part came to, on memory ports."""

from __future__ import annotations

import email
from email import policy
from typing import TYPE_CHECKING, Any, Final

from postroom.calendars.objects import read_calendar
from postroom.model.facts import OwnFact, trace_of
from tests.support.builders import ORG
from tests.support.invitations import calendar, event, mail

if TYPE_CHECKING:
    from email.message import EmailMessage

    from postroom.model.facts import Fact
    from tests.support.memory_mail_system import MemoryMailSystem

ROOM: Final = "room@acme.test"
INVITED: Final = (f";CUTYPE=ROOM;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{ROOM}",)
WEEK: Final = (0, 2_000_000_000_000)


def facts(system: MemoryMailSystem, message_id: str, name: OwnFact) -> list[Fact]:
    return [fact for fact in system.ledger.facts(trace_of(message_id, ORG)) if fact.name is name]


def outcome(system: MemoryMailSystem, message_id: str, name: OwnFact = OwnFact.CALENDAR_UPDATED) -> dict[str, Any]:
    (fact,) = facts(system, message_id, name)
    return {key: value for key, value in fact.data.items() if key != "mailboxId"}


def ignored(system: MemoryMailSystem, message_id: str) -> str:
    return str(outcome(system, message_id, OwnFact.CALENDAR_IGNORED)["reason"])


def times(system: MemoryMailSystem, mailbox_id: str) -> list[tuple[int, str]]:
    """Return day and hour, and how busy it is, of each instance in a calendar."""
    opened = system.calendars.open(mailbox_id)
    assert opened is not None
    found = opened.instances(*WEEK)
    return [(each.instance.start_ms // 3_600_000 % 24, each.instance.busy_type.value) for each in found]


def answer(system: MemoryMailSystem, mailbox_id: str, place: int = -1) -> EmailMessage:
    message = email.message_from_bytes(system.contents(mailbox_id)[place], policy=policy.default)
    assert isinstance(message, email.message.EmailMessage)
    return message


def reply_of(message: EmailMessage) -> bytes:
    part = next(each for each in message.walk() if each.get_content_type() == "text/calendar")
    assert part.get_param("method") == "REPLY"
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


def partstat(message: EmailMessage) -> str:
    (attendee,) = read_calendar(reply_of(message)).only().parts[0].attendees
    return attendee.status


def request(
    uid: str = "u1@acme.test", *lines: str, author: str = "olga@acme.test", hour: int = 10, **more: Any
) -> bytes:
    fields = {"start": f"20261201T{hour:02}0000Z", "end": f"20261201T{hour + 1:02}0000Z", "attendees": INVITED, **more}
    text = event(*lines, uid=uid, organizer=author, **fields)
    return mail(calendar(text), author=author, to=ROOM)
