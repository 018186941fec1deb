"""The question that a custom availability provider gets, and its answer.

Source: WorkMail's guide, "Building a Custom Availability Provider Lambda function".
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

LONGEST_WAIT_S = 21.0
"""Seconds in which an answer is made. WorkMail waits 25 seconds; the rest is for a cold start and the way back."""

LONGEST_WINDOW = timedelta(days=62)
"""Source: Microsoft's EWS reference, FreeBusyViewOptions."""

MOST_MAILBOXES = 100
"""Mailboxes of a question. Source: Microsoft's EWS reference, GetUserAvailability."""

MOST_EVENTS = 2000
"""Events of a mailbox in one answer. Ours."""

MOST_ANSWER_BYTES = 1_000_000
"""Size of an answer, in bytes of JSON. Lambda takes 6 MB, Postroom takes 1 MiB."""

SMALL_BYTES = 1000
"""Size of the answer of a mailbox that nothing is gained from. Ours."""

LONGEST_TEXT = 255
"""Characters of a subject or a location in an answer. Ours."""

Event = dict[str, Any]
"""An event of the answer, as the guide has it."""


class MailboxError(Exception):
    """Why a mailbox has no answer.

    Attributes:
        code: one of the guide's values of `error`; WorkMail makes ErrorFreeBusyGenerationFailed of every other.
        args: one line for the log, without any part of a secret.
    """

    def __init__(self, code: str, reason: str) -> None:
        """Keep both."""
        super().__init__(reason)
        self.code = code


class Deadline:
    """The moment until which an answer must be there."""

    def __init__(self, seconds: float) -> None:
        """Begin now."""
        self._at = time.monotonic() + seconds

    @classmethod
    def of(cls, context: Any) -> Deadline:
        """Return the deadline of one invocation: it ends before Lambda would end the function."""
        if context is None:
            return cls(LONGEST_WAIT_S)
        return cls(min(LONGEST_WAIT_S, context.get_remaining_time_in_millis() / 1000 - 1.5))

    def left(self) -> float:
        """Return the seconds that are left; not above 0 once it is over."""
        return self._at - time.monotonic()

    def check(self) -> float:
        """Return the seconds that are left.

        Raises:
            MailboxError: it is over.
        """
        if (left := self.left()) <= 0:
            raise MailboxError("ErrorTimeoutExpired", "there was no time left")
        return left


@dataclass(frozen=True)
class Window:
    """From when to when is asked: naive datetimes in UTC."""

    start: datetime
    end: datetime

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Whether a part of the time from `start` to `end` is in the window."""
        return start < self.end and end > self.start


def read(event: dict[str, Any]) -> tuple[list[str], Window]:
    """Return the mailboxes of a question, as they are written in it, and the window.

    Raises:
        ValueError: it is none.
    """
    mailboxes = event["mailboxes"]
    window = Window(_utc(event["window"]["startDate"]), _utc(event["window"]["endDate"]))
    if not isinstance(mailboxes, list) or not all(isinstance(each, str) for each in mailboxes):
        raise ValueError("mailboxes is no list of addresses")
    if len(mailboxes) > MOST_MAILBOXES:
        raise ValueError(f"there are more than {MOST_MAILBOXES} mailboxes")
    if not timedelta() < window.end - window.start <= LONGEST_WINDOW:
        raise ValueError(f"the window is empty, or longer than {LONGEST_WINDOW.days} days")
    return mailboxes, window


def made(start: datetime, end: datetime, busy_type: str, details: dict[str, Any] | None = None) -> Event:
    """Return an event of the answer; times are naive datetimes in UTC, `busy_type` is BUSY or TENTATIVE."""
    event: Event = {"startTime": _text(start), "endTime": _text(end), "busyType": busy_type}
    return event | ({"details": details} if details is not None else {})


def answered(mailbox: str, events: list[Event], working_hours: Any = None) -> dict[str, Any]:
    """Return the answer of a mailbox.

    Raises:
        MailboxError: there are too many events.
    """
    if len(events) > MOST_EVENTS:
        raise MailboxError("ErrorFreeBusyGenerationFailed", f"more than {MOST_EVENTS} events in the window")
    events = sorted(events, key=lambda event: (event["startTime"], event["endTime"]))
    answer = {"mailbox": mailbox, "events": events}
    return answer | ({"workingHours": working_hours} if working_hours else {})


def whole(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the answer of all mailboxes. One that is too large has no details; then the largest mailboxes fail."""
    if len(json.dumps(answers)) > MOST_ANSWER_BYTES:
        for event in (event for answer in answers for event in answer.get("events", ())):
            event.pop("details", None)
    sizes = [len(json.dumps(answer)) for answer in answers]
    while sum(sizes) > MOST_ANSWER_BYTES and max(sizes) > SMALL_BYTES:
        largest = sizes.index(max(sizes))
        answers[largest] = failed(answers[largest]["mailbox"], "ErrorFreeBusyGenerationFailed")
        sizes[largest] = 0
    return {"mailboxes": answers}


def failed(mailbox: str, code: str) -> dict[str, Any]:
    """Return the answer of a mailbox that has none."""
    return {"mailbox": mailbox, "error": code}


def _utc(text: str) -> datetime:
    read = datetime.fromisoformat(text)
    if read.tzinfo is None:
        raise ValueError("a time of the window has no zone")
    return read.astimezone(UTC).replace(tzinfo=None)


def _text(time: datetime) -> str:
    return f"{time.isoformat(timespec='seconds')}Z"
