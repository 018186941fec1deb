"""Heads of mailboxes while deliveries hold them: what was set is not lost because of one."""

from __future__ import annotations

import boto3
import pytest
from botocore.stub import Stubber

from postroom.adapters.aws.mailbox_heads import DynamoMailboxHeads
from postroom.errors import ConflictError
from postroom.model.out_of_office import Away

HELD = {"CancellationReasons": [{"Code": "TransactionConflict"}]}


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def heads(pauses: list[float]) -> DynamoMailboxHeads:
    return DynamoMailboxHeads(boto3.client("dynamodb", region_name="us-east-1"), "mailboxes", pause=pauses.append)


def held(heads: DynamoMailboxHeads, times: int) -> Stubber:
    stub = Stubber(heads.client)
    for _ in range(times):
        stub.add_client_error("transact_write_items", "TransactionCanceledException", modeled_fields=HELD)
    return stub


@pytest.mark.parametrize("away", [Away(5), None])
def test_a_time_is_set_after_the_delivery_that_holds_the_head(
    heads: DynamoMailboxHeads, pauses: list[float], away: Away | None
) -> None:
    stub = held(heads, 2)
    stub.add_response("transact_write_items", {})
    with stub:
        assert heads.set_away("ann", away)
    assert len(pauses) == 2


def test_a_quota_too(heads: DynamoMailboxHeads, pauses: list[float]) -> None:
    stub = held(heads, 1)
    stub.add_response("transact_write_items", {})
    with stub:
        assert heads.set_quota("ann", 5)
    assert len(pauses) == 1


def test_a_head_that_is_held_for_long_is_a_conflict(heads: DynamoMailboxHeads) -> None:
    with held(heads, 20), pytest.raises(ConflictError):
        heads.set_quota("ann", 5)
