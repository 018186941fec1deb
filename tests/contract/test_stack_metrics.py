"""Metrics of the stack itself, in memory and as lines of the embedded metric format."""

from __future__ import annotations

import json

import pytest

from postroom.adapters.aws.metrics import EmbeddedStackMetrics
from postroom.adapters.memory.metrics import MemoryStackMetrics
from postroom.ports.metrics import FAILED_RECORDS, PARKED_OPEN, SWEEP_BEHIND, UNITS

NOON = 1_795_000_020_000


@pytest.mark.parametrize("kind", ["memory", "embedded"])
def test_the_last_value_of_each_metric_counts(kind: str) -> None:
    written: list[str] = []
    memory = MemoryStackMetrics()
    metrics = memory if kind == "memory" else EmbeddedStackMetrics("Postroom", written.append, lambda: NOON)
    metrics.record({PARKED_OPEN: 3, SWEEP_BEHIND: 0})
    metrics.record({PARKED_OPEN: 0})
    values = memory.recorded if kind == "memory" else [json.loads(line) for line in written]
    assert [each[PARKED_OPEN] for each in values] == [3, 0]
    assert [each.get(SWEEP_BEHIND) for each in values] == [0, None]
    if kind == "memory":
        assert (memory.last(PARKED_OPEN), memory.last(SWEEP_BEHIND), memory.last(FAILED_RECORDS)) == (0, 0, None)


def test_a_line_is_one_metric_of_the_stack_without_a_dimension_for_each_value() -> None:
    written: list[str] = []
    EmbeddedStackMetrics("Postroom", written.append, lambda: NOON).record({FAILED_RECORDS: 2, SWEEP_BEHIND: 60})
    (line,) = written
    assert "\n" not in line
    assert json.loads(line) == {
        "_aws": {
            "Timestamp": NOON,
            "CloudWatchMetrics": [
                {
                    "Namespace": "Postroom",
                    "Dimensions": [[]],
                    "Metrics": [
                        {"Name": FAILED_RECORDS, "Unit": "Count"},
                        {"Name": SWEEP_BEHIND, "Unit": "Seconds"},
                    ],
                }
            ],
        },
        FAILED_RECORDS: 2,
        SWEEP_BEHIND: 60,
    }


def test_a_name_that_no_alarm_knows_is_refused() -> None:
    with pytest.raises(KeyError, match="Other"):
        EmbeddedStackMetrics("Postroom", print, lambda: NOON).record({"Other": 1})
    assert set(UNITS) == {FAILED_RECORDS, PARKED_OPEN, SWEEP_BEHIND}
