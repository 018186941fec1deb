"""How dense the instances of an entry can be.

Anybody who may write to a mailbox may invite its owner. What enters a calendar by mail is bounded by this, so that no
invitation makes questions about the mailbox fail.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from postroom.calendars.rules import Frequency
from postroom.calendars.series import per_day
from postroom.model.free_busy import MAX_WINDOW_MS
from postroom.model.limits import DAY_S

if TYPE_CHECKING:
    from postroom.calendars.entry import Entry, Series
    from postroom.calendars.rules import Rule

_WINDOW_S: Final = MAX_WINDOW_MS // 1000
_PERIOD_DAYS: Final = {Frequency.YEARLY: 365, Frequency.MONTHLY: 28, Frequency.WEEKLY: 7}


def most_in_a_window(entry: Entry) -> int:
    """Return a number that the instances in any window of 62 days do not exceed. It may be more than there are."""
    starts = sorted(placed.start_s for placed in entry.placed if placed.shown is not None)
    longest = max((placed.length.total_s for placed in entry.placed), default=0)
    most = _densest(starts, longest)
    return most if entry.series is None else most + _most_of_series(entry.series)


def _most_of_series(series: Series) -> int:
    span_s = max(each.total_s for each in series.lengths) + max(series.shifts_s) - min(series.shifts_s)
    found = 1 + _densest([key for key, _ in series.more], span_s)
    return found + sum(_most_of_rule(rule, series.start_s, span_s) for rule in series.rules)


def _most_of_rule(rule: Rule, start_s: int, span_s: int) -> int:
    days = (_WINDOW_S + span_s) // DAY_S + 2
    if rule.until_s is not None:
        days = min(days, max(0, rule.until_s - start_s) // DAY_S + 2)
    by_day = rule.by_day or rule.by_month_day or rule.by_year_day or rule.by_week_number or rule.by_month
    if rule.frequency in _PERIOD_DAYS and not by_day:  # one day in each period
        days = days // (_PERIOD_DAYS[rule.frequency] * rule.interval) + 1
    return days * per_day(rule)


def _densest(starts: list[int], longest_s: int) -> int:
    """Return how many of some sorted starts are at most within one window, or reach into it; zones may move them."""
    span_s = _WINDOW_S + longest_s + 2 * DAY_S
    return max((place + 1 - bisect_left(starts, start - span_s) for place, start in enumerate(starts)), default=0)
