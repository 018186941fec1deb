"""A step of the tour: one room is asked for twice, at the same moment, for the same hour."""

from __future__ import annotations

import smtplib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING, Final

from cli.commands.mailbox import all_items
from cli.commands.send import transmit
from postroom.model.facts import OwnFact, reply_trace, trace_of
from postroom.model.folders import Folder
from tour.mail import DOMAIN
from tour.stack import DemoError, expect
from tour.tour import MAX_WAIT_SECONDS

if TYPE_CHECKING:
    from tour.tour import Tour

ROOM: Final = f"library@{DOMAIN}"
ORGANIZERS: Final = ("ada", "grace")
"""Users who ask for the room, both for the same hour."""

DAY: Final = datetime(2030, 12, 3, tzinfo=UTC)
"""The day of the meeting, a Tuesday."""
HOUR: Final = 10
"""The hour of the meeting, in UTC."""


@dataclass(frozen=True, slots=True)
class Booking:
    """A room of the tour's organization, which decides by itself."""

    tour: Tour

    def book(self) -> str:
        """Ask for one room twice at the same moment: it accepts one request, and both organizers get the answer."""
        tour = self.tour
        workmail, here = tour.stack.client("workmail"), {"OrganizationId": tour.organization}
        room = workmail.create_resource(**here, Name="library", Type="ROOM")["ResourceId"]
        workmail.register_to_work_mail(**here, EntityId=room, Email=ROOM)
        with ThreadPoolExecutor(len(ORGANIZERS)) as both:
            traces = list(both.map(self._ask_for_room, ORGANIZERS))
        answers: dict[str, str] = {}
        for organizer, trace in zip(ORGANIZERS, traces, strict=True):
            answer = self._answer(trace, room)
            answers[organizer] = answer
            expect(f"the reply to {organizer}", self._has_reply(organizer, trace, room, answer), True)
        expect("the room's answers", sorted(answers.values()), ["ACCEPTED", "DECLINED"])
        return f"{ROOM} answered {', '.join(f'{organizer} with {answer}' for organizer, answer in answers.items())}"

    def _ask_for_room(self, organizer: str) -> str:
        """Send a request; return the trace of its flow."""
        with smtplib.SMTP(*self.tour.stack.smtp, timeout=60) as smtp:
            receipt = transmit(smtp, f"{organizer}@{DOMAIN}", [ROOM], _request(organizer))
        expect(f"{organizer}'s request: refused recipients", receipt.refused, {})
        return trace_of(receipt.said.split()[-1], self.tour.organization)

    def _answer(self, trace: str, room: str) -> str:
        """Wait for the decision about a request."""
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        while time.monotonic() < deadline:
            for fact in self.tour.operator.ledger.facts(trace):
                if fact.name is OwnFact.BOOKING_ANSWERED:
                    return str(fact.data["answer"])
            time.sleep(0.1)
        raise DemoError(f"the room {room} has not answered the request {trace}")

    def _has_reply(self, organizer: str, trace: str, room: str, answer: str) -> bool:
        """Wait for the reply in the organizer's inbox; say whether it has the answer."""
        user, operator = self.tour.users[organizer], self.tour.operator
        replied = reply_trace(trace, room)
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        while time.monotonic() < deadline:
            blobs = {str(fact.data.get("blob")) for fact in operator.ledger.facts(replied)}
            head = operator.mailboxes.head(user)
            if head is not None:
                for item in all_items(operator.mailboxes, user, Folder.INBOX):
                    if item.blob in blobs:
                        return f"PARTSTAT={answer}" in _calendar_part(b"".join(operator.content(head, item)))
            time.sleep(0.1)
        raise DemoError(f"{organizer} has no reply of the room")


def _request(organizer: str) -> bytes:
    """Return a meeting request, as calendar programs send it."""
    begins = DAY + timedelta(hours=HOUR)
    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Postroom//Demo//EN",
        "METHOD:REQUEST",
        "BEGIN:VEVENT",
        f"UID:{organizer}@{DOMAIN}",
        f"DTSTAMP:{datetime.now(UTC):%Y%m%dT%H%M%SZ}",
        f"DTSTART:{begins:%Y%m%dT%H%M%SZ}",
        f"DTEND:{begins + timedelta(hours=1):%Y%m%dT%H%M%SZ}",
        f"SUMMARY:{organizer.title()} reads",
        f"ORGANIZER:mailto:{organizer}@{DOMAIN}",
        f"ATTENDEE;CUTYPE=ROOM;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{ROOM}",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    )
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = f"{organizer}@{DOMAIN}", ROOM
    message["Subject"], message["Message-ID"] = f"{organizer.title()} reads", f"<meeting-{organizer}@{DOMAIN}>"
    message.set_content("Please keep the library for us.\n")
    message.add_alternative("\r\n".join(lines).encode(), "text", "calendar", params={"method": "REQUEST"})
    return message.as_bytes()


def _calendar_part(message: bytes) -> str:
    """Return the calendar part of a reply, with folded lines in one."""
    for part in message_from_bytes(message, policy=SMTP).walk():
        if part.get_content_type() == "text/calendar":
            return str(part.get_content()).replace("\r\n ", "")
    raise DemoError("a reply has no calendar part")
