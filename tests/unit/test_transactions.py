"""Transactions that DynamoDB refuses, as any thread may learn of it."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.stub import Stubber

from postroom.adapters.aws.transactions import Transaction, written
from postroom.errors import ConflictError, StoreUnavailableError


def cancelled(*codes: str) -> tuple[Transaction, Stubber]:
    """Return a transaction of as many puts, named a, b …, that DynamoDB cancels with these reasons."""
    client = boto3.client("dynamodb", region_name="us-east-1")
    made = Transaction(client)
    for label, _ in zip("abc", codes, strict=False):
        made.put(label, "table", {"pk": {"S": label}}, condition="attribute_not_exists(pk)")
    stub = Stubber(client)
    reasons = {"CancellationReasons": [{"Code": code} for code in codes]}
    stub.add_client_error("transact_write_items", "TransactionCanceledException", modeled_fields=reasons)
    return made, stub


def no_pause(_: float) -> None:
    pytest.fail("nothing is tried again")


def test_what_refused_it_is_named() -> None:
    write, stub = cancelled("ConditionalCheckFailed", "None", "ConditionalCheckFailed")
    with stub:
        assert write.commit() == {"a", "c"}


def test_a_refusal_is_known_whichever_class_of_the_client_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    write, stub = cancelled("ConditionalCheckFailed")
    other = type("TransactionCanceledException", (ClientError,), {})
    monkeypatch.setattr(write.client.exceptions, "from_code", lambda _code: other)  # as if another thread had made it
    with stub:
        assert write.commit() == {"a"}


def test_a_conflict_may_be_tried_again() -> None:
    write, stub = cancelled("TransactionConflict", "None")
    with stub, pytest.raises(ConflictError):
        write.commit()


def test_any_other_reason_is_said() -> None:
    write, stub = cancelled("None", "ThrottlingError")
    with stub, pytest.raises(StoreUnavailableError, match="cancelled: ThrottlingError"):
        write.commit()


def test_a_transaction_that_is_not_answered_may_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client("dynamodb", region_name="us-east-1")

    def unanswered(**_: Any) -> None:
        raise ReadTimeoutError(endpoint_url="https://dynamodb")

    monkeypatch.setattr(client, "transact_write_items", unanswered)
    write = Transaction(client).put("a", "table", {"pk": {"S": "a"}})
    with pytest.raises(StoreUnavailableError, match="could not be written: ReadTimeoutError"):
        write.commit()
    with pytest.raises(StoreUnavailableError, match="could not be written: ReadTimeoutError"):
        write.commit_with_retries(3, no_pause)


def test_nothing_to_write_is_written_without_a_request() -> None:
    assert Transaction(boto3.client("dynamodb", region_name="us-east-1")).commit() == frozenset()


@pytest.mark.parametrize("reason", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_held_and_throttled_rows_are_tried_again_after_growing_pauses(reason: str) -> None:
    write, stub = cancelled("None", reason)
    reasons = {"CancellationReasons": [{"Code": "None"}, {"Code": reason}]}
    stub.add_client_error("transact_write_items", "TransactionInProgressException")
    stub.add_response("transact_write_items", {})
    pauses: list[float] = []
    with stub:
        assert write.commit_with_retries(3, pauses.append) == frozenset()
    assert 0.005 <= pauses[0] <= 0.015 < pauses[1] * 2 <= 0.06
    for _ in range(2):
        stub.add_client_error("transact_write_items", "TransactionCanceledException", modeled_fields=reasons)
    with stub, pytest.raises(ConflictError):
        write.commit_with_retries(2, pauses.append)
    assert len(pauses) == 4


def test_a_condition_that_fails_is_not_tried_again() -> None:
    write, stub = cancelled("ConditionalCheckFailed", "TransactionConflict")
    with stub:
        assert write.commit_with_retries(3, no_pause) == {"a"}


def test_a_single_write_that_is_refused_is_known_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client("dynamodb", region_name="us-east-1")
    other = type("ConditionalCheckFailedException", (ClientError,), {})
    monkeypatch.setattr(client.exceptions, "from_code", lambda _code: other)
    with Stubber(client) as stub:
        stub.add_client_error("put_item", "ConditionalCheckFailedException")
        stub.add_client_error("put_item", "ThrottlingException")
        assert not written(lambda: client.put_item(TableName="table", Item={}), "write it")
        with pytest.raises(StoreUnavailableError, match="could not write it: ThrottlingException"):
            written(lambda: client.put_item(TableName="table", Item={}), "write it")


def alone(code: str = "") -> tuple[Transaction, Stubber]:
    """Return a put without a transaction that DynamoDB takes, or refuses with an error."""
    client = boto3.client("dynamodb", region_name="us-east-1")
    row, condition = {"pk": {"S": "a"}}, "attribute_not_exists(pk)"
    stub = Stubber(client)
    if code:
        stub.add_client_error("put_item", code)
    else:
        stub.add_response("put_item", {}, {"TableName": "table", "Item": row, "ConditionExpression": condition})
    return Transaction(client).put("a", "table", row, condition=condition), stub


@pytest.mark.parametrize(("code", "refused"), [("", frozenset()), ("ConditionalCheckFailedException", {"a"})])
def test_a_put_without_a_transaction_is_written_or_refused(code: str, refused: frozenset[str]) -> None:
    write, stub = alone(code)
    with stub:
        assert write.put_alone() == refused
    stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("TransactionConflictException", ConflictError),
        ("ThrottlingException", StoreUnavailableError),
        ("InternalServerError", StoreUnavailableError),
    ],
)
def test_a_put_without_a_transaction_that_may_succeed_later_is_a_temporary_error(
    code: str, error: type[Exception]
) -> None:
    write, stub = alone(code)
    with stub, pytest.raises(error):
        write.put_alone()


def test_only_one_put_can_be_made_without_a_transaction() -> None:
    write, _ = alone()
    write.put("b", "table", {"pk": {"S": "b"}})
    with pytest.raises(ValueError, match="too many"):
        write.put_alone()
