"""The feeds: asked for again only after a minute, and then only for what has changed."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..https import failure
from ..questions import MailboxError
from .reading import NoCalendarError, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..https import Https
    from ..questions import Deadline
    from .reading import Component

MOST_BYTES = 8 * 2**20
"""Size of a feed. Ours: ten years of a busy person take about 5 MB."""

MOST_KEPT_BYTES = 24 * 2**20
"""Size of the feeds that an execution environment keeps; in memory they take several times as much. Ours."""

FRESH_S = 60.0
"""Seconds in which a feed is not asked for again. Ours."""

REDIRECTS = 3
"""How many a feed may have. Ours: publishers have one, from a name to a server."""


@dataclass
class Kept:
    """A feed that was read."""

    calendar: Component
    size: int
    validators: Mapping[str, str]
    read_at: float


class Feeds:
    """Reads feeds, several at once, and keeps them for the next question."""

    def __init__(self, https: Https) -> None:
        """Keep how hosts may be asked."""
        self._https = https
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._lock = threading.Lock()

    def calendar(self, url: str, deadline: Deadline) -> Component:
        """Return what a feed has now.

        Raises:
            MailboxError: it cannot be read.
        """
        with self._lock:
            kept = self._kept.get(url)
        if kept and time.monotonic() - kept.read_at < FRESH_S:
            return kept.calendar
        answer = self._https.get(url, {"Accept": "text/calendar", **(kept.validators if kept else {})}, deadline)
        if answer.status == 304 and kept:
            kept.read_at = time.monotonic()
            return kept.calendar
        if answer.status != 200:
            raise _refused(answer.status)
        names = {"if-none-match": "etag", "if-modified-since": "last-modified"}
        validators = {name: answer.headers[given] for name, given in names.items() if given in answer.headers}
        return self._keep(url, answer.body, validators, deadline).calendar

    def _keep(self, url: str, body: bytes, validators: Mapping[str, str], deadline: Deadline) -> Kept:
        with self._lock:  # one at a time: threads would not be faster, and take their memory at once
            deadline.check()
            try:
                made = Kept(parse(body), len(body), validators, time.monotonic())
            except NoCalendarError:
                raise failure("the answer is no calendar, or not all of it") from None
            self._kept[url] = made
            self._kept.move_to_end(url)
            while sum(each.size for each in self._kept.values()) > MOST_KEPT_BYTES:
                self._kept.popitem(last=False)
        return made


def _refused(status: int) -> MailboxError:
    codes = {404: "MailboxNotFound", 410: "MailboxNotFound", 429: "ErrorServerBusy", 503: "ErrorServerBusy"}
    return MailboxError(codes.get(status, "ErrorFreeBusyGenerationFailed"), f"the server answered with status {status}")
