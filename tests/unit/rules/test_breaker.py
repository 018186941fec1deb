"""Workers that call a function that fails: each learns it from its own call, and then only one of them calls."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from postroom.adapters.memory.probes import MemoryProbes
from postroom.ports.rule_functions import Failure
from postroom.rules.breaker import PAUSE_SECONDS, PROBE_SECONDS, Breaker
from tests.support.builders import NOON

if TYPE_CHECKING:
    from collections.abc import Sequence

FUNCTION, OTHER = "arn:aws:lambda:us-east-1:123456789012:function:a", "arn:aws:lambda:us-east-1:123456789012:function:b"


class Shift:
    """Two workers; ``later`` is how many seconds have passed."""

    def __init__(self) -> None:
        self.later = 0
        self.probes = MemoryProbes(lambda: NOON + self.later * 1000)
        names = map(str, itertools.count())
        self.workers = tuple(Breaker(self.probes, lambda: next(names)) for _ in range(2))

    def call(self, worker: int, failure: Failure | None, function: str = FUNCTION, *, took: int = 0) -> bool:
        """Let a worker call a function, unless it is held back; return whether it called."""
        breaker = self.workers[worker]
        if breaker.holds_back(function):
            return False
        breaker.went(function, failure, took)
        return True

    def asked(self, failure: Failure | None, *, times: int = 2) -> Sequence[int]:
        """Let both workers come by turns; return which of them called."""
        return [worker for _ in range(times) for worker in (0, 1) if self.call(worker, failure)]


@pytest.fixture
def shift() -> Shift:
    made = Shift()
    assert made.asked(Failure.TIMED_OUT) == [0, 1]
    return made


def test_one_call_that_times_out_is_enough(shift: Shift) -> None:
    assert shift.asked(None) == []


def test_other_failures_count_by_the_time_that_they_take_in_a_row() -> None:
    shift = Shift()
    for failure in (Failure.FUNCTION_ERROR, Failure.UNAVAILABLE, None) * 3:
        assert shift.call(0, failure, took=7_000)
    assert [shift.call(0, Failure.FUNCTION_ERROR, took=5_000) for _ in range(4)] == [True, True, True, False]


def test_a_function_that_fails_fast_is_called_for_every_message() -> None:
    shift = Shift()
    assert all(shift.call(0, Failure.FUNCTION_ERROR, took=took) for took in (100, 0, -50) * 30)


def test_a_function_that_works_is_not_held_back(shift: Shift) -> None:
    assert shift.call(0, None, OTHER)


def test_after_a_pause_one_worker_calls_the_function(shift: Shift) -> None:
    for _ in range(3):
        shift.later += PAUSE_SECONDS + 1
        assert shift.asked(Failure.TIMED_OUT) == [0]


def test_the_pause_begins_when_the_call_has_failed(shift: Shift) -> None:
    shift.later += PAUSE_SECONDS + 1
    assert not shift.workers[0].holds_back(FUNCTION)
    shift.later += PROBE_SECONDS - 1
    assert shift.asked(None) == []
    shift.workers[0].went(FUNCTION, Failure.TIMED_OUT, 0)
    shift.later += PAUSE_SECONDS
    assert shift.asked(None) == []
    shift.later += 1
    assert shift.call(1, None)


def test_when_the_function_works_again_each_worker_learns_it_from_its_next_call(shift: Shift) -> None:
    shift.later += PAUSE_SECONDS + 1
    assert shift.asked(None) == [0, 1, 0, 1]


def test_a_worker_that_stops_during_a_call_keeps_the_others_from_calling_for_a_while(shift: Shift) -> None:
    shift.later += PAUSE_SECONDS + 1
    assert not shift.workers[0].holds_back(FUNCTION)
    shift.later += PROBE_SECONDS
    assert not shift.call(1, None)
    shift.later += 1
    assert shift.call(1, None)


def test_a_turn_that_is_over_is_no_longer_given_back(shift: Shift) -> None:
    shift.later += PAUSE_SECONDS + 1
    assert not shift.workers[0].holds_back(FUNCTION)
    shift.later += PROBE_SECONDS + 1
    assert not shift.workers[1].holds_back(FUNCTION)
    shift.workers[0].went(FUNCTION, None, 0)
    assert not shift.probes.take(FUNCTION, "a third worker's", PROBE_SECONDS)
