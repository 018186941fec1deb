"""A frozen plan thaws as it was, and its chunks are the whole of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from postroom.model.limits import CHUNK_RECIPIENTS
from postroom.routing.plan import Applied, Entry, Plan, Policy
from postroom.routing.resolve import Refusal, Skip, Target

WORDS = st.text(max_size=8)
NAMES = st.lists(WORDS, max_size=3).map(tuple)
ENTRIES = (
    st.builds(Target, WORDS, WORDS, WORDS, WORDS)
    | st.builds(Refusal, WORDS, WORDS, WORDS)
    | st.builds(Skip, WORDS, WORDS, WORDS)
    | st.builds(Applied, WORDS, st.integers(0, 9), WORDS, WORDS, NAMES, WORDS)
    | st.builds(Policy, WORDS, WORDS, NAMES, WORDS)
)


@given(st.lists(ENTRIES, max_size=6).map(tuple))
def test_a_frozen_plan_thaws_as_it_was(entries: tuple[Entry, ...]) -> None:
    assert Plan.thaw(Plan(entries).freeze()) == Plan(entries)


@given(st.integers(0, 3 * CHUNK_RECIPIENTS))
def test_chunks_are_the_whole_plan_in_order(size: int) -> None:
    plan = Plan(tuple(Target(str(number), "r", "d", "INBOX") for number in range(size)))
    chunks = [plan.chunk(number).entries for number in range(plan.chunks)]
    assert tuple(entry for chunk in chunks for entry in chunk) == plan.entries
    assert all(len(chunk) <= CHUNK_RECIPIENTS for chunk in chunks)
