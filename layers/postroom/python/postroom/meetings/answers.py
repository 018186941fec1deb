"""The answer of a resource, as an iMIP message (RFC 5546 3.2.3, RFC 6047), and when there is none (RFC 3834)."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from postroom.meetings.ics_text import PRODUCT, utc_time, with_parameters
from postroom.mime import automatic, writing
from postroom.model.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.meetings.ics_text import Component, IcsText
    from postroom.mime.headers import Headers

NO_SENDER: Final = "the request came from the null sender: it gets no automatic reply"
AUTOMATIC: Final = "the request is itself an automatic reply or a report"
NO_ADDRESS: Final = "the organizer has no address that mail can be sent to"
OWN: Final = "the organizer is the resource itself"

_COPIED: Final = ("UID", "RECURRENCE-ID", "ORGANIZER", "DTSTART", "DTEND", "DURATION", "SUMMARY", "SEQUENCE")
"""Properties of the request that the answer repeats, as they are written. Source: RFC 5546, 3.2.3."""

_ESCAPED: Final = re.compile(r"\\(.)")


class Answer(StrEnum):
    """What a resource answers; values of PARTSTAT (RFC 5545, 3.2.12)."""

    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"


@dataclass(frozen=True, slots=True)
class Request:
    """What an answer is about.

    Attributes:
        text: the calendar of the request.
        components: those that are answered.
        headers: of the message.
        envelope_from: empty for a null sender.
    """

    text: IcsText
    components: Sequence[Component]
    headers: Headers
    envelope_from: str


def suppressed(request: Request, organizer: str, own_addresses: Sequence[str]) -> str | None:
    """Return why a request gets no automatic reply; ``None`` if it gets one. Source: RFC 3834, 2."""
    if not request.envelope_from:
        return NO_SENDER
    if automatic.is_reply_or_report(request.headers):
        return AUTOMATIC
    if organizer in own_addresses:
        return OWN
    return None if automatic.writable(organizer) else NO_ADDRESS


def summary(request: Request) -> str:
    """Return the subject of the meeting as one line; empty without one."""
    text = request.components[0].value("SUMMARY")
    return one_line(_ESCAPED.sub(lambda found: " " if found[1] in "nN" else found[1], text))[:200]


@dataclass(frozen=True, slots=True)
class AnswerMail:
    """One answer to one request.

    Attributes:
        reason: why it was declined, in words for the organizer; else empty.
        attendee: the ATTENDEE line of the resource, as the request has it or as one is made.
        author, to: addresses, as ``mime.automatic.writable`` returns them.
    """

    request: Request
    answer: Answer
    reason: str
    attendee: bytes
    author: str
    to: str

    @property
    def subject(self) -> str:
        """The subject of the answer, decoded."""
        return f"{self.answer.capitalize()}: {summary(self.request)}".rstrip(": ")

    def calendar(self, *, now: int) -> bytes:
        """Return the iTIP REPLY. ``now`` in milliseconds since the epoch."""
        text = self.request.text
        zones = text.zones
        lines = [line for component in self.request.components for line in component.lines if line.name in _COPIED]
        used = dict.fromkeys(line.parameters["TZID"] for line in lines if "TZID" in line.parameters)
        stamp = f"DTSTAMP:{utc_time(now)}\r\n".encode()
        answered = with_parameters(self.attendee, {"PARTSTAT": self.answer.value, "RSVP": "FALSE"})
        pieces = [b"BEGIN:VCALENDAR\r\n", f"PRODID:{PRODUCT}\r\n".encode(), b"VERSION:2.0\r\nMETHOD:REPLY\r\n"]
        pieces += [_crlf(text.bytes_of(zones[name])) for name in used if name in zones]
        for component in self.request.components:
            copied = [_crlf(text.bytes_of(line)) for name in _COPIED for line in [component.first(name)] if line]
            pieces += [b"BEGIN:VEVENT\r\n", *copied, stamp, answered, b"END:VEVENT\r\n"]
        return b"".join([*pieces, b"END:VCALENDAR\r\n"])

    def message(self, message_id: str, *, now: int) -> bytes:
        """Return the whole message.

        Args:
            message_id: with angle brackets.
            now: milliseconds since the epoch.
        """
        boundary = "=_" + hashlib.sha256(f"{message_id}\0{self.answer}".encode()).hexdigest()[:40]
        head = [
            f"From: {self.author}",
            f"To: {self.to}",
            f"Subject: {writing.encoded(self.subject)}",
            f"Date: {writing.date(now)}",
            f"Message-ID: {message_id}",
            *automatic.thread(self.request.headers),
            "Auto-Submitted: auto-replied",
            "X-Auto-Response-Suppress: All",
            "MIME-Version: 1.0",
            f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"',
        ]
        encoded = base64.encodebytes(self.calendar(now=now)).replace(b"\n", b"\r\n")
        parts = [
            ("text/plain; charset=utf-8", *writing.part(self._text().encode("utf-8", "replace"))),
            ("text/calendar; charset=utf-8; method=REPLY", "base64", encoded),
        ]
        lines = "".join(f"{line}\r\n" for line in head).encode("ascii")
        return lines + writing.parts(boundary, parts, preamble="An answer to an invitation.")

    def _text(self) -> str:
        title = summary(self.request)
        what = f'"{title}"' if title else "your meeting"
        because = f"\n\n{self.reason}" if self.reason else ""
        return f"{self.author} has {self.answer.lower()} {what}.{because}\n\nThis is an automatic reply.\n"


def _crlf(text: bytes) -> bytes:
    return re.sub(rb"\r\n|\r|\n", b"\r\n", text)
