"""The place of the sweeps, in memory and in DynamoDB alike."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from postroom.adapters.aws.sweep_rounds import DynamoSweepRounds
from postroom.adapters.memory.sweep_rounds import MemorySweepRounds
from postroom.model.sweep_round import Round
from tests.support.builders import NOON

if TYPE_CHECKING:
    from postroom.ports.sweep_rounds import SweepRounds
    from tests.support.stack import Stack


@pytest.fixture(params=["memory", "dynamodb"])
def rounds(request: pytest.FixtureRequest) -> SweepRounds:
    if request.param == "memory":
        return MemorySweepRounds()
    stack: Stack = request.getfixturevalue("stack")
    return DynamoSweepRounds(stack.dynamodb, stack.environment["TRANSIT_TABLE"])


def test_a_place_comes_back_as_it_was_written_last(rounds: SweepRounds) -> None:
    assert rounds.read() is None
    first = Round.first(NOON)
    rounds.write(first)
    assert rounds.read() == first
    place = replace(first.passed("inbound/k9", now=NOON, open_too_long_ms=1), left_ms=NOON - 7)
    rounds.write(place)
    assert rounds.read() == place
