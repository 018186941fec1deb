"""Rounds through stored mail: every message is asked for its flow once at least, and seldom more often."""

from __future__ import annotations

import string
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from postroom.model.limits import DAY_MS, HOUR_MS
from postroom.model.sweep_round import INBOUND, LONGEST_ASKED_MS, ROUND_MS, TRANSIT, Round
from tests.support.builders import NOON

NAMES = st.text(alphabet=string.ascii_letters + string.digits + "-_~.", min_size=1, max_size=8)


@given(st.sets(NAMES, min_size=2, max_size=30))
def test_the_share_of_a_round_grows_with_the_keys(names: set[str]) -> None:
    keys = [INBOUND, *sorted(f"{INBOUND}{name}" for name in names), TRANSIT]
    keys += sorted(f"{TRANSIT}{name}" for name in names)
    shares = [replace(Round.first(NOON), after=key).share for key in keys]
    assert shares[0] == 0
    assert all(before <= after for before, after in pairwise(shares))
    assert shares[-1] <= 1


@given(st.lists(NAMES, max_size=20), st.lists(NAMES, max_size=20))
def test_a_round_takes_its_time_in_whatever_pages_it_goes(inbound: list[str], transit: list[str]) -> None:
    at = Round.first(NOON)
    lasts = [*(f"{INBOUND}{name}" for name in sorted(inbound)), None, *(f"{TRANSIT}{name}" for name in sorted(transit))]
    for last in (*lasts, None):
        at = at.passed(last, now=NOON, open_too_long_ms=HOUR_MS)
    assert (at.number, at.after) == (1, INBOUND)
    assert abs(at.due_ms - NOON - ROUND_MS) <= len(lasts) + 1


@given(st.integers(0, 2 * DAY_MS), st.lists(st.integers(1, DAY_MS), min_size=12, max_size=12), st.data())
def test_a_message_is_asked_at_least_once_and_most_often_not_twice(
    stored_ms: int, gaps: list[int], data: st.DataObject
) -> None:
    """A round's look at a message comes at any time of the round; ``gaps`` are between the beginnings of rounds."""
    at, now, asked = Round(0, INBOUND, -1, began_ms=-1, asked_ms=-HOUR_MS - 1, left_ms=-1), 0, []
    for gap in [*gaps, 4 * DAY_MS, 1]:
        at = at.begun(now)
        look_ms = now + data.draw(st.integers(0, gap - 1))
        if look_ms - stored_ms >= HOUR_MS and stored_ms > at.asked_ms:
            asked.append(look_ms)
        now += gap
        at = replace(at, after=TRANSIT).passed(None, now=now, open_too_long_ms=HOUR_MS)
    assert 1 <= len(asked) <= 2


def test_what_a_round_left_undecided_is_asked_in_the_next_one_but_not_for_ever() -> None:
    at = replace(Round.first(NOON), after=TRANSIT, left_ms=NOON - 5 * HOUR_MS)
    assert at.passed(None, now=NOON, open_too_long_ms=HOUR_MS).asked_ms == NOON - 5 * HOUR_MS
    at = replace(at, left_ms=NOON - 9 * DAY_MS)
    assert at.passed(None, now=NOON, open_too_long_ms=HOUR_MS).asked_ms == NOON - LONGEST_ASKED_MS
