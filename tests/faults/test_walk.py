"""A sample of the fault walk: every scenario, every fault, some of the places. All of them: ./scripts/faults."""

from __future__ import annotations

import pytest

from tests.faults.faults import FAULTS
from tests.faults.scenarios import SCENARIOS, Scenario
from tests.faults.walk import prepared

MOST = 1
"""How many places are struck under each fault."""


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_nothing_is_lost_duplicated_or_wrong(scenario: Scenario) -> None:
    with prepared(scenario) as walk:
        results = [walk.under(fault, most=MOST) for fault in FAULTS]
    assert [trouble for result in results for trouble in result.troubles] == []
    assert all(result.runs for result in results)


def test_every_scenario_and_fault_has_a_name_of_its_own() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
