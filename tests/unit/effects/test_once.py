"""An effect outside our tables happens once, wherever a run stops, but for the one window that is documented."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from postroom.adapters.memory.ledger import MemoryLedger
from postroom.adapters.memory.tables import MemoryTables
from postroom.adapters.memory.transit import MemoryTransit
from postroom.effects.once import REDO_AFTER_MS, Effect, Once, Progress, Report, Result
from postroom.effects.retries import LONGEST_GAP_MS, SHORTEST_GAP_MS, RetrySchedule, delay_s
from postroom.errors import StoreUnavailableError
from postroom.model.facts import Fact, OwnFact
from postroom.ports.transit import Allowance, Commit, OverLimit, Settle
from tests.support.builders import NOON, ORG, TRACE, bounce
from tests.support.commits import Watched

if TYPE_CHECKING:
    from collections.abc import Callable

SENT: Final = Report(Result.SUCCESS, OwnFact.BOUNCE_SENT, {"id": "1"})
REFUSED: Final = Report(Result.PERMANENT, OwnFact.BOUNCE_SUPPRESSED, {"reason": "no such address"})
BUSY: Final = Report(Result.TEMPORARY, OwnFact.BOUNCE_SUPPRESSED, {"reason": "busy"})

INTENT: Final = Fact(TRACE, ORG, OwnFact.BOUNCE_INTENDED, "EFFECT:0", NOON, data={"to": "bob"})


class StoppedError(Exception):
    """The function is stopped here."""


class Outside:
    """The world outside our tables, and one effect upon it."""

    def __init__(self) -> None:
        self.now = NOON
        self.tables = MemoryTables()
        self.transit = MemoryTransit(self.tables, lambda: self.now)
        self.ledger = MemoryLedger(self.tables)
        self.once = Once(self.transit, lambda: self.now, lambda: 0.5)
        self.effects = 0
        self.reports = [SENT]
        self.transit.commit(Commit(orders=[bounce()]))

    def do(self) -> Report:
        report = self.reports[0] if len(self.reports) == 1 else self.reports.pop(0)
        self.effects += report.result is Result.SUCCESS
        return report

    def effect(self) -> Effect:
        """Read the effect, as a station does with each message."""
        facts = self.ledger.facts(TRACE)
        return Effect(replace(INTENT, at=self.now), about={"to": "bob"}).with_facts(facts)

    def run(
        self, once: Once | None = None, do: Callable[[], Report] | None = None, **more: Any
    ) -> Progress | OverLimit:
        return (once or self.once).carry_out(self.effect(), do or self.do, orders=[bounce()], **more)

    def keys(self) -> list[str]:
        return [fact.key for fact in self.ledger.facts(TRACE)]

    def stopping(self, at: int, *, after: bool) -> Once:
        """Return a run that is stopped before or after its commit number ``at``, counted from 0."""
        commits: list[Commit] = []

        def before(commit: Commit) -> None:
            if len(commits) == at:
                if after:
                    self.transit.commit(commit)
                raise StoppedError
            commits.append(commit)

        transit: Any = Watched(self.transit, before)
        return replace(self.once, transit=transit)


@pytest.fixture
def outside() -> Outside:
    return Outside()


def test_an_effect_is_claimed_done_and_recorded_with_the_end_of_its_orders(outside: Outside) -> None:
    assert outside.run() is Progress.ENDED
    assert outside.effects == 1
    assert outside.keys() == ["EFFECT:0", "EFFECT:0:end"]
    end = outside.ledger.fact(TRACE, "EFFECT:0:end")
    assert end is not None
    assert (end.name, end.data) == (OwnFact.BOUNCE_SENT, {"to": "bob", "id": "1"})
    assert outside.transit.is_clear(TRACE)


def test_what_has_ended_is_not_done_again_and_its_orders_end(outside: Outside) -> None:
    outside.run()
    outside.transit.commit(Commit(orders=[bounce()]))
    assert outside.run() is Progress.ENDED
    assert outside.effects == 1
    assert outside.transit.is_clear(TRACE)


class TestStops:
    """A stop between each pair of steps, and what the next runs make of it."""

    def test_before_the_claim_nothing_is_left_behind(self, outside: Outside) -> None:
        with pytest.raises(StoppedError):
            outside.run(outside.stopping(0, after=False))
        assert (outside.effects, outside.keys()) == (0, [])
        assert outside.run() is Progress.ENDED
        assert outside.effects == 1

    def test_between_claim_and_effect_it_is_made_once_after_a_while(self, outside: Outside) -> None:
        with pytest.raises(StoppedError):
            outside.run(outside.stopping(0, after=True))
        assert (outside.effects, outside.keys()) == (0, ["EFFECT:0"])
        self.goes_on(outside)
        assert outside.effects == 1

    def test_between_effect_and_record_it_is_repeated_once(self, outside: Outside) -> None:
        """The only window for a repeat."""
        with pytest.raises(StoppedError):
            outside.run(outside.stopping(1, after=False))
        assert (outside.effects, outside.keys()) == (1, ["EFFECT:0"])
        self.goes_on(outside)
        assert outside.effects == 2

    def test_after_the_record_it_is_over(self, outside: Outside) -> None:
        with pytest.raises(StoppedError):
            outside.run(outside.stopping(1, after=True))
        assert outside.run() is Progress.ENDED
        assert outside.effects == 1
        assert outside.transit.is_clear(TRACE)

    def test_an_effect_that_raises_may_have_taken_place(self, outside: Outside) -> None:
        def away() -> Report:
            raise StoreUnavailableError("no answer")

        with pytest.raises(StoreUnavailableError):
            outside.run(do=away)
        self.goes_on(outside)
        assert outside.effects == 1

    def goes_on(self, outside: Outside) -> None:
        """Let other runs come: too early, and then when the attempt counts as stopped."""
        before = outside.effects
        outside.now += REDO_AFTER_MS - 1
        assert outside.run() is Progress.WAITING
        assert outside.effects == before
        outside.now += 1
        assert outside.run() is Progress.ENDED
        assert outside.keys() == ["EFFECT:0", "EFFECT:0:attempt:2", "EFFECT:0:end"]
        assert outside.transit.is_clear(TRACE)


def test_of_two_runs_that_find_a_stopped_attempt_one_makes_the_next(outside: Outside) -> None:
    with pytest.raises(StoppedError):
        outside.run(outside.stopping(0, after=True))
    outside.now += REDO_AFTER_MS
    found = outside.effect()
    first = outside.once.carry_out(found, outside.do, orders=[bounce()])
    second = outside.once.carry_out(found, outside.do, orders=[bounce()])
    assert (first, second, outside.effects) == (Progress.ENDED, Progress.WAITING, 1)


def test_an_attempt_that_is_running_is_left_alone_however_many_were_made(outside: Outside) -> None:
    for _ in range(3):
        with pytest.raises(StoppedError):
            outside.run(outside.stopping(0, after=True))
        assert outside.run() is Progress.WAITING
        outside.now += REDO_AFTER_MS
    assert outside.effect().attempts == 3
    assert outside.run() is Progress.ENDED
    assert outside.effects == 1


def test_a_run_that_was_so_slow_that_another_ended_the_effect_looks_again(outside: Outside) -> None:
    def slow() -> Report:
        outside.now += REDO_AFTER_MS
        assert outside.run() is Progress.ENDED
        outside.transit.commit(Commit(orders=[bounce()]))
        return SENT

    assert outside.run(do=slow) is Progress.WAITING
    assert outside.run() is Progress.ENDED
    assert outside.transit.is_clear(TRACE)


def test_the_end_is_recorded_though_its_order_is_gone(outside: Outside) -> None:
    """An operator may discard it meanwhile: the effect took place all the same, and is not repeated."""

    def discarded() -> Report:
        outside.transit.commit(Commit([Settle(bounce())]))
        return outside.do()

    assert outside.run(do=discarded) is Progress.ENDED
    outside.now += REDO_AFTER_MS
    assert outside.run() is Progress.ENDED
    assert outside.effects == 1


class TestResults:
    def test_a_permanent_failure_ends_the_effect(self, outside: Outside) -> None:
        outside.reports = [REFUSED]
        assert outside.run() is Progress.ENDED
        end = outside.ledger.fact(TRACE, "EFFECT:0:end")
        assert end is not None
        assert (end.name, end.data) == (OwnFact.BOUNCE_SUPPRESSED, {"to": "bob", "reason": "no such address"})
        assert outside.transit.is_clear(TRACE)

    def test_after_a_temporary_failure_the_schedule_says_when_the_next_attempt_is_due(self, outside: Outside) -> None:
        outside.reports = [BUSY, BUSY, SENT]
        for gap_ms in (7_500, 15_000):  # half of the longest gap and half of the rest
            assert outside.run() is Progress.WAITING
            outside.now += gap_ms - 1
            assert outside.run() is Progress.WAITING
            outside.now += 1
        assert outside.run() is Progress.ENDED
        assert outside.effects == 1
        assert sorted(outside.keys()) == [
            "EFFECT:0",
            "EFFECT:0:attempt:2",
            "EFFECT:0:attempt:3",
            "EFFECT:0:end",
            "EFFECT:0:failed:1",
            "EFFECT:0:failed:2",
        ]

    def test_a_stop_after_a_temporary_failure_is_waited_for_like_any_other(self, outside: Outside) -> None:
        outside.reports = [BUSY, SENT]
        outside.run()
        outside.now += 7_500
        with pytest.raises(StoppedError):
            outside.run(outside.stopping(0, after=True))
        assert outside.run() is Progress.WAITING
        outside.now += REDO_AFTER_MS
        assert outside.run() is Progress.ENDED

    def test_an_effect_can_be_given_up_from_outside(self, outside: Outside) -> None:
        with pytest.raises(StoppedError):
            outside.run(outside.stopping(0, after=True))
        assert outside.once.record(outside.effect(), REFUSED, [bounce()]) is Progress.ENDED
        outside.now += REDO_AFTER_MS
        assert outside.run() is Progress.ENDED
        assert outside.effects == 0


class TestAllowance:
    def test_an_effect_over_the_limit_is_not_claimed(self, outside: Outside) -> None:
        plenty, used_up = Allowance("effects:1", most=9, expires_s=1), Allowance("effects:x:1", most=1, expires_s=1)
        outside.transit.commit(Commit(allowances=[used_up]))
        assert outside.run(allowances=[plenty, used_up]) == OverLimit(used_up)
        assert (outside.effects, outside.keys()) == (0, [])
        assert list(outside.transit.open_orders(TRACE)) == [bounce()]

    def test_further_attempts_are_not_counted(self, outside: Outside) -> None:
        one = Allowance("effects:x:1", most=1, expires_s=1)
        outside.reports = [BUSY, SENT]
        assert outside.run(allowances=[one]) is Progress.WAITING
        outside.now += 7_500
        assert outside.run(allowances=[one]) is Progress.ENDED


def test_effects_of_one_trace_are_told_apart_by_their_whole_key(outside: Outside) -> None:
    tenth = replace(INTENT, key="EFFECT:00")
    outside.transit.commit(Commit(facts=[tenth, replace(tenth, key="EFFECT:00:end")]))
    assert outside.effect().recorded == {}
    assert outside.run() is Progress.ENDED
    assert outside.effects == 1


class TestSchedule:
    def test_gaps_double_up_to_the_longest(self) -> None:
        schedule = RetrySchedule(first_gap_ms=10_000, longest_gap_ms=LONGEST_GAP_MS)
        assert [schedule.gap_ms(failed, 0) for failed in range(3)] == [5_000, 10_000, 20_000]
        assert {schedule.gap_ms(failed, 0) for failed in range(7, 2000)} == {LONGEST_GAP_MS // 2}
        assert schedule.gap_ms(99, 0.999) < LONGEST_GAP_MS

    def test_no_gap_is_shorter_than_what_sqs_can_hold_back(self) -> None:
        assert RetrySchedule().gap_ms(0, 0, speed=10**6) == SHORTEST_GAP_MS

    @pytest.mark.parametrize(("wait_ms", "seconds"), [(-5, 0), (0, 0), (1, 1), (1000, 1), (1001, 2), (10**9, 900)])
    def test_sqs_holds_back_whole_seconds_and_no_longer_than_it_can(self, wait_ms: int, seconds: int) -> None:
        assert delay_s(wait_ms) == seconds
