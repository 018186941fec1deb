"""Calls of PutLogEvents within the limits of CloudWatch Logs, which no emulator enforces."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.contracts.log_batches import (
    LINE_OVERHEAD_BYTES,
    MAX_BATCH_BYTES,
    MAX_BATCH_LINES,
    MAX_BATCH_SPAN_MS,
    MAX_LINE_BYTES,
    batches,
)
from postroom.model.log_lines import LogLine
from tests.support.facts import NOON

texts = st.one_of(
    st.text(max_size=20),
    st.integers(0, MAX_LINE_BYTES).map("x".__mul__),
    st.integers(0, MAX_LINE_BYTES // 3).map("\u20ac".__mul__),
)
times = st.one_of(st.integers(NOON, NOON + 10), st.integers(NOON - 20 * 86_400_000, NOON + 20 * 86_400_000))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(times, texts), max_size=60), st.integers(1, 70))
def test_calls_stay_within_every_limit_lose_nothing_and_are_in_order(given: list[tuple[int, str]], most: int) -> None:
    lines = [LogLine(str(place), at, text) for place, (at, text) in enumerate(given)]
    cut = list(batches(lines, most))
    assert [line for batch in cut for line in batch] == sorted(lines, key=lambda line: line.at_ms)
    for batch in cut:
        assert 1 <= len(batch) <= most
        assert sum(len(line.text.encode()) + LINE_OVERHEAD_BYTES for line in batch) <= MAX_BATCH_BYTES
        assert batch[-1].at_ms - batch[0].at_ms < MAX_BATCH_SPAN_MS


def test_a_call_holds_ten_thousand_lines_and_not_one_more() -> None:
    lines = [LogLine(str(n), NOON, "x") for n in range(MAX_BATCH_LINES + 1)]
    assert [len(batch) for batch in batches(lines)] == [MAX_BATCH_LINES, 1]


def test_a_call_is_filled_to_the_last_byte() -> None:
    half = LogLine("a", NOON, "x" * (MAX_BATCH_BYTES // 2 - LINE_OVERHEAD_BYTES))
    assert [len(batch) for batch in batches([half, half])] == [2]
    assert [len(batch) for batch in batches([half, LogLine("b", NOON, half.text + "x")])] == [1, 1]


def test_lines_24_hours_apart_go_into_two_calls() -> None:
    lines = [
        LogLine("a", NOON, ""),
        LogLine("b", NOON + MAX_BATCH_SPAN_MS - 1, ""),
        LogLine("c", NOON + MAX_BATCH_SPAN_MS, ""),
    ]
    assert [[line.id for line in batch] for batch in batches(lines)] == [["a", "b"], ["c"]]
