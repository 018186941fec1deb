"""Turns to call a function that is held back, in memory and in DynamoDB."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config

from postroom.adapters.aws.probes import DynamoProbes
from postroom.adapters.memory.probes import MemoryProbes
from postroom.errors import StoreUnavailableError
from tests.support.builders import NOON

if TYPE_CHECKING:
    from postroom.ports.probes import Probes
    from tests.support.stack import Stack

FUNCTION, OTHER = "arn:aws:lambda:us-east-1:123456789012:function:a", "arn:aws:lambda:us-east-1:123456789012:function:b"


class Clock:
    later = 0
    """Seconds that have passed."""

    def __call__(self) -> int:
        return NOON + self.later * 1000


@dataclass
class Turns:
    probes: Probes
    clock: Clock

    def take(self, turn: str, *, function: str = FUNCTION) -> bool:
        return self.probes.take(function, turn, 30)


@pytest.fixture(params=["memory", "dynamodb"])
def turns(request: pytest.FixtureRequest) -> Turns:
    clock = Clock()
    if request.param == "memory":
        return Turns(MemoryProbes(clock), clock)
    stack: Stack = request.getfixturevalue("stack")
    return Turns(DynamoProbes(stack.dynamodb, stack.environment["TRANSIT_TABLE"], clock), clock)


def test_one_at_a_time_has_the_turn(turns: Turns) -> None:
    assert turns.take("first")
    assert not turns.take("second")
    assert turns.take("second", function=OTHER)


def test_of_many_at_once_one_gets_it(turns: Turns) -> None:
    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(turns.take, "abcdef")) == 1


def test_it_is_over_after_its_seconds_and_one_more(turns: Turns) -> None:
    turns.take("first")
    turns.clock.later = 30
    assert not turns.take("second")
    turns.clock.later = 31
    assert turns.take("second")


def test_who_has_it_may_have_it_for_longer(turns: Turns) -> None:
    turns.take("first")
    turns.clock.later = 20
    assert turns.take("first")
    turns.clock.later = 50
    assert not turns.take("second")
    turns.clock.later = 51
    assert turns.take("second")


def test_what_is_given_back_is_free_at_once(turns: Turns) -> None:
    turns.take("first")
    turns.probes.give_back(FUNCTION, "first")
    assert turns.take("second")


def test_only_the_turn_itself_is_given_back(turns: Turns) -> None:
    turns.probes.give_back(FUNCTION, "another")
    turns.take("first")
    turns.probes.give_back(OTHER, "first")
    turns.clock.later = 31
    turns.take("second")
    turns.probes.give_back(FUNCTION, "first")
    assert not turns.take("third")


def test_a_store_that_is_silent_may_be_asked_again() -> None:
    dead = boto3.client(
        "dynamodb",
        endpoint_url="http://127.0.0.1:9",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(connect_timeout=1, retries={"total_max_attempts": 1}),
    )
    probes = DynamoProbes(dead, "transit", Clock())
    with pytest.raises(StoreUnavailableError):
        probes.take(FUNCTION, "first", 30)
    with pytest.raises(StoreUnavailableError):
        probes.give_back(FUNCTION, "first")
