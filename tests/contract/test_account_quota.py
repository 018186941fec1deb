"""Counters of the account, in memory and in DynamoDB alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postroom.adapters.aws.account_quota import DynamoAccountQuota
from postroom.adapters.memory.account_quota import MemoryAccountQuota
from postroom.adapters.memory.tables import MemoryTables

if TYPE_CHECKING:
    from postroom.ports.account_quota import AccountQuota
    from tests.support.stack import Stack

EXPIRES_S = 1_900_000_000


@pytest.fixture(params=["memory", "dynamodb"])
def quota(request: pytest.FixtureRequest) -> AccountQuota:
    if request.param == "memory":
        return MemoryAccountQuota(MemoryTables())
    stack: Stack = request.getfixturevalue("stack")
    return DynamoAccountQuota(stack.dynamodb, stack.environment["TRANSIT_TABLE"])


def test_a_counter_takes_what_there_is_and_no_more(quota: AccountQuota) -> None:
    assert quota.take("recipients:1", 7, 10, EXPIRES_S)
    assert not quota.take("recipients:1", 4, 10, EXPIRES_S)
    assert quota.take("recipients:1", 3, 10, EXPIRES_S)
    assert not quota.take("recipients:1", 1, 10, EXPIRES_S)


def test_counters_do_not_know_each_other(quota: AccountQuota) -> None:
    assert quota.take("recipients:1", 10, 10, EXPIRES_S)
    assert quota.take("recipients:2", 10, 10, EXPIRES_S)
    assert quota.take("test-recipients:1", 10, 10, EXPIRES_S)


def test_more_than_there_may_ever_be_is_refused_at_once(quota: AccountQuota) -> None:
    assert not quota.take("recipients:1", 11, 10, EXPIRES_S)
    assert quota.take("recipients:1", 10, 10, EXPIRES_S)
