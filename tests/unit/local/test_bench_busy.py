"""A busy mailbox in simulated time: how waits and lost races depend on batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import busy, busy_simulated

if TYPE_CHECKING:
    import pytest


def test_no_order_waits_long_and_none_is_given_up() -> None:
    found = busy_simulated.measure(workers=8, number=240)
    assert found["longest"] <= busy.BUDGET_LONGEST * found["median"]
    assert found["parked"] == 0
    assert found["transactions"] - found["conflicts"] <= 240 / busy_simulated.BATCH + 4


def test_batches_of_one_take_three_times_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = busy_simulated.measure(workers=8, number=240)
    monkeypatch.setattr(busy_simulated, "BATCH", 1)
    single = busy_simulated.measure(workers=8, number=240)
    assert single["rate"] <= whole["rate"] * busy.BUDGET_TIME
    assert single["conflicts"] > 10 * whole["conflicts"]


def test_two_runs_give_the_same_figures() -> None:
    assert busy_simulated.measure(workers=16, number=100) == busy_simulated.measure(workers=16, number=100)
