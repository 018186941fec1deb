"""What a resource answers to a request (guide, ZH:6079-6115).

The three options are independent of each other: a request that one of them declines is declined, whatever the others
say; what is left is accepted, or left to the delegates. The guide does not say which comes first: ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.calendars import density
from postroom.calendars.expand import instances
from postroom.errors import TooManyInstancesError
from postroom.meetings.answers import Answer
from postroom.meetings.steps import MAX_DENSITY
from postroom.model.limits import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import tzinfo

    from postroom.calendars.entry import Entry
    from postroom.calendars.expand import Instance
    from postroom.meetings.meeting import Place
    from postroom.model.resources import BookingOptions

HORIZON_MS: Final = 366 * DAY_MS
"""How far conflicts of a series are looked for, in milliseconds from its first instance that is not over. Ours; a
request that comes later is compared with the whole series."""

TAKEN: Final = "The time is taken."
RECURRING: Final = "Recurring requests are not accepted."
TOO_MANY: Final = "The series has too many instances."
"""Reasons for the organizer."""


@dataclass(frozen=True, slots=True)
class Decision:
    """``answer`` is ``None`` if the delegates answer; ``reason`` is empty unless it is declined."""

    answer: Answer | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request wants of a resource's time.

    Attributes:
        entry: the whole meeting, as it would be in the calendar.
        places: the instances that the request is about; ``None``: all.
        recurs: the request is about a series.
    """

    entry: Entry
    places: tuple[Place, ...] | None
    recurs: bool

    def window(self, now_ms: int) -> tuple[int, int] | None:
        """Return the time in which conflicts are looked for; ``None`` if the meeting is over."""
        start, end = max(self.entry.start_ms, now_ms), self.entry.end_ms
        if end is not None and end <= now_ms:
            return None
        last = start + HORIZON_MS
        return start, last if end is None else min(end, last) + 1

    def times(self, start_ms: int, end_ms: int, floating: tzinfo) -> Iterable[Instance]:
        """Return the instances that the request is about in a window.

        Raises:
            TooManyInstancesError: there are more than are looked at.
        """
        found = instances(self.entry, start_ms, end_ms, floating=floating)
        return found if self.places is None else [each for each in found if self._is_meant(each)]

    def _is_meant(self, instance: Instance) -> bool:
        key = instance.recurrence_id_ms
        return any(
            key == place or (following and key is not None and place is not None and key >= place)
            for place, following in self.places or ()
        )


def decide(
    options: BookingOptions,
    wanted: Wanted,
    others: Callable[[int, int], Iterable[Instance]],
    *,
    now_ms: int,
    floating: tzinfo,
) -> Decision:
    """Decide about a request.

    Args:
        others: returns what the calendar has in a window, without the meeting itself; or raises TooManyInstancesError.
        floating: the zone of floating times.
    """
    if options.auto_decline_recurring and wanted.recurs:
        return Decision(Answer.DECLINED, RECURRING)
    if density.most_in_a_window(wanted.entry) > MAX_DENSITY:
        return Decision(Answer.DECLINED, TOO_MANY)
    window = wanted.window(now_ms)
    if options.auto_decline_conflicting and window is not None:
        try:
            if _overlap(wanted.times(*window, floating), others(*window)):
                return Decision(Answer.DECLINED, TAKEN)
        except TooManyInstancesError:
            return Decision(Answer.DECLINED, TOO_MANY)
    return Decision(Answer.ACCEPTED if options.auto_accept else None)


def _overlap(wanted: Iterable[Instance], others: Iterable[Instance]) -> bool:
    """Return whether an instance overlaps one of another meeting; an instance without length overlaps nothing.

    A meeting takes its time whatever it says of busy or free: Outlook makes all-day events free (ours). One that waits
    for the delegates takes it, too.
    """
    spans = [(each.start_ms, each.end_ms, whose) for whose, some in enumerate((wanted, others)) for each in some]
    ends: list[int | None] = [None, None]  # the latest end so far, of either
    for start, end, whose in sorted(span for span in spans if span[1] > span[0]):
        latest, own = ends[1 - whose], ends[whose]
        if latest is not None and start < latest:
            return True
        ends[whose] = end if own is None else max(own, end)
    return False
