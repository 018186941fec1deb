"""The calendars of every mailbox of a question are read, all at once, for the times at which they are busy."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

from .. import questions
from ..https import Https
from ..questions import Deadline, MailboxError
from . import busy
from .feeds import MOST_BYTES, REDIRECTS, Feeds
from .recurrence import Steps, TooMuchWorkError
from .zones import Zones

if TYPE_CHECKING:
    from ..questions import Event, Window
    from .configuration import Calendars

logger = logging.getLogger()

MOST_STEPS = 300_000
"""Steps that one calendar may take, at about a microsecond each. Ours."""

AT_ONCE = 16
"""Mailboxes that are read at the same time. Ours."""


class Provider:
    """Answers with what a secret says; keeps feeds from one question to the next."""

    def __init__(self, calendars: Calendars, private_hosts: frozenset[str], *, with_details: bool) -> None:
        """Keep what a secret says.

        Args:
            calendars: of the secret.
            private_hosts: names that may lead to private addresses.
            with_details: whether answers have subjects and locations.
        """
        self._calendars = calendars
        self._feeds = Feeds(Https(MOST_BYTES, REDIRECTS, private_hosts, calendars.tls))
        self._with_details = with_details

    def answer(self, event: dict[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Answer a question; a mailbox that is not ready in time has ErrorTimeoutExpired."""
        mailboxes, window = questions.read(event)
        pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="mailbox")
        begun = {each: pool.submit(self._mailbox, each, window, deadline) for each in mailboxes}
        wait(begun.values(), deadline.left())
        pool.shutdown(wait=False, cancel_futures=True)
        late = "ErrorTimeoutExpired"
        answers = [
            begun[each].result() if _is_done(begun[each]) else questions.failed(each, late) for each in mailboxes
        ]
        return questions.whole(answers)

    def _mailbox(self, mailbox: str, window: Window, deadline: Deadline) -> dict[str, Any]:
        try:
            entry = self._calendars.of(mailbox.lower())
            events: list[Event] = []
            for url in entry.addresses(mailbox.lower()):
                deadline.check()  # the answer leaves without a thread that is late
                calendar = self._feeds.calendar(url, deadline)
                steps = Steps(MOST_STEPS)
                zones = Zones(calendar, entry.time_zone, (window.start, window.end), steps)
                found = busy.events(calendar, zones, window, steps, with_details=self._with_details)
                events += found.events
                if found.unreadable:
                    logger.warning("%a: components that cannot be read: %d", mailbox, found.unreadable)
            return questions.answered(mailbox, events, entry.working_hours)
        except TooMuchWorkError:
            error = MailboxError("ErrorFreeBusyGenerationFailed", f"a calendar takes more than {MOST_STEPS} steps")
        except MailboxError as raised:
            error = raised
        except Exception as raised:  # noqa: BLE001  one mailbox must not fail the others; its text may have a URL
            error = MailboxError("ErrorFreeBusyGenerationFailed", f"{type(raised).__name__}")
        logger.warning("%a: %s: %s", mailbox, error.code, error)
        return questions.failed(mailbox, error.code)


def _is_done(future: Any) -> bool:
    return bool(future.done() and not future.cancelled())
