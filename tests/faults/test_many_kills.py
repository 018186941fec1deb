"""One large message, killed again and again: what the walk, which strikes once a run, does not see."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.evidence import gather
from tests.faults.faults import FAULTS, CallFault
from tests.faults.invariants import findings
from tests.faults.organizations import CROWD
from tests.faults.scenario import ALL, TOLD, delivered, ended
from tests.faults.scenarios import SCENARIOS
from tests.faults.walk import prepared

if TYPE_CHECKING:
    from tests.faults.injector import Call

KILLS = 30

(LARGE,) = (
    replace(
        each,
        struck=frozenset({"ingest", "deliver"}),
        functions=ALL,
        ends=(*delivered("m1", *CROWD), *ended("bounced", "m1", "nobody@acme.test"), *TOLD),
    )
    for each in SCENARIOS
    if each.name == "ingest: more than one transaction"
)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_large_fan_out_survives_kills_at_random_moments(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a repeatable choice of moments
    ways = [fault.strike for fault in FAULTS if isinstance(fault, CallFault) and fault.name.startswith("killed")]
    kills = 0

    with prepared(LARGE) as walk:
        harness = walk.harness

        def kill(call: Call) -> Any:
            nonlocal kills
            kills += 1
            harness.injector.at = None if kills == KILLS else len(harness.injector.calls) + chance.randrange(2, 60)
            return chance.choice(ways)(call)

        harness.begin()
        harness.injector.arm(chance.randrange(2, 60), kill)
        LARGE.play(harness)
        operator = harness.pipeline.operator.parking
        parked = list(operator.list())  # killed five times over the same message: a person helps
        assert all(operator.redrive(each) for each in parked)
        harness.pump()
        assert findings(gather(harness), LARGE) == []
    assert kills > 3
