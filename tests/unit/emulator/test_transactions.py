"""TransactWriteItems as AWS documents it, through a stock boto3 client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.dynamodb.models import dynamodb_backends

from local.emulator import transactions

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def key(sk: str, pk: str = "p") -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def put(sk: str, value: str = "1", **more: Any) -> Any:
    return {"Put": {"TableName": "mail", "Item": {**key(sk), "n": {"N": value}}, **more}}


def update(sk: str, expression: str = "SET n = n + :one", **more: Any) -> Any:
    values = {":one": {"N": "1"}}
    request = {"TableName": "mail", "Key": key(sk), "UpdateExpression": expression, "ExpressionAttributeValues": values}
    return {"Update": {**request, **more}}


def delete(sk: str, **more: Any) -> Any:
    return {"Delete": {"TableName": "mail", "Key": key(sk), **more}}


def check(sk: str, expression: str, **more: Any) -> Any:
    return {"ConditionCheck": {"TableName": "mail", "Key": key(sk), "ConditionExpression": expression, **more}}


def value(dynamodb: DynamoDBClient, sk: str) -> str | None:
    item = dynamodb.get_item(TableName="mail", Key=key(sk)).get("Item")
    return item["n"]["N"] if item else None


def refused(dynamodb: DynamoDBClient, actions: list[Any], **more: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        dynamodb.transact_write_items(TransactItems=actions, **more)
    return dict(caught.value.response)


def stream_of(dynamodb: DynamoDBClient) -> tuple[Any, str]:
    arn = dynamodb.describe_table(TableName="mail")["Table"]["LatestStreamArn"]
    streams = boto3.client("dynamodbstreams")
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    return streams, iterator["ShardIterator"]


def test_all_four_actions_are_carried_out_together(dynamodb: DynamoDBClient) -> None:
    dynamodb.transact_write_items(TransactItems=[put("a"), put("b"), put("c")])
    actions = [check("a", "attribute_exists(pk)"), update("b"), delete("c"), put("d")]
    dynamodb.transact_write_items(TransactItems=actions)
    assert [value(dynamodb, sk) for sk in "abcd"] == ["1", "2", None, "1"]


def test_a_cancelled_transaction_gives_a_reason_per_action_and_changes_nothing(dynamodb: DynamoDBClient) -> None:
    dynamodb.put_item(TableName="mail", Item={**key("b"), "n": {"N": "7"}, "raw": {"B": b"\x00\xff"}})
    actions = [
        put("a"),
        put("b", ConditionExpression="attribute_not_exists(pk)", ReturnValuesOnConditionCheckFailure="ALL_OLD"),
        check("c", "attribute_exists(pk)", ReturnValuesOnConditionCheckFailure="ALL_OLD"),
    ]
    response = refused(dynamodb, actions)
    assert response["Error"]["Code"] == "TransactionCanceledException"
    assert response["Error"]["Message"] == (
        "Transaction cancelled, please refer cancellation reasons for specific reasons "
        "[None, ConditionalCheckFailed, ConditionalCheckFailed]"
    )
    failed = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
    item = {**key("b"), "n": {"N": "7"}, "raw": {"B": b"\x00\xff"}}
    assert response["CancellationReasons"] == [{"Code": "None"}, {**failed, "Item": item}, failed]
    assert [value(dynamodb, sk) for sk in "abc"] == [None, "7", None]


def test_an_update_that_cannot_be_carried_out_is_a_validation_error_among_the_reasons(dynamodb: DynamoDBClient) -> None:
    dynamodb.put_item(TableName="mail", Item={**key("text"), "n": {"S": "text"}})
    response = refused(dynamodb, [put("a"), update("text")])
    assert [reason["Code"] for reason in response["CancellationReasons"]] == ["None", "ValidationError"]
    assert value(dynamodb, "a") is None


def test_conditions_see_the_items_as_they_were_before_the_transaction(dynamodb: DynamoDBClient) -> None:
    response = refused(dynamodb, [put("a"), check("b", "attribute_exists(pk)")])
    assert [reason["Code"] for reason in response["CancellationReasons"]] == ["None", "ConditionalCheckFailed"]


def test_two_actions_on_one_item_are_refused(dynamodb: DynamoDBClient) -> None:
    response = refused(dynamodb, [put("a"), check("a", "attribute_not_exists(pk)")])
    assert response["Error"] == {
        "Code": "ValidationException",
        "Message": "Transaction request cannot include multiple operations on one item",
    }


def test_more_than_100_actions_are_refused_and_100_are_not(dynamodb: DynamoDBClient) -> None:
    assert refused(dynamodb, [put(str(n)) for n in range(101)])["Error"]["Code"] == "ValidationException"
    dynamodb.transact_write_items(TransactItems=[put(str(n)) for n in range(100)])
    gets: Any = [{"Get": {"TableName": "mail", "Key": key(str(n))}} for n in range(100)]
    assert len(dynamodb.transact_get_items(TransactItems=gets)["Responses"]) == 100


def test_an_item_over_400_kib_is_a_validation_error_and_one_of_400_kib_is_not(dynamodb: DynamoDBClient) -> None:
    overhead = len("pk" + "p" + "sk" + "a" + "raw")
    fits = {**key("a"), "raw": {"B": b"x" * (400 * 1024 - overhead)}}
    dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": "mail", "Item": fits}}])
    big = {**fits, "raw": {"B": b"x" * (400 * 1024 - overhead + 1)}}
    response = refused(dynamodb, [{"Put": {"TableName": "mail", "Item": big}}])
    assert response["CancellationReasons"] == [
        {"Code": "ValidationError", "Message": "Item size has exceeded the maximum allowed size"}
    ]


def test_items_of_more_than_4_mib_together_are_refused(dynamodb: DynamoDBClient) -> None:
    actions: Any = [
        {"Put": {"TableName": "mail", "Item": {**key(str(n)), "raw": {"B": b"x" * 390 * 1024}}}} for n in range(11)
    ]
    assert refused(dynamodb, actions)["Error"]["Code"] == "ValidationException"
    dynamodb.transact_write_items(TransactItems=actions[:10])


def test_a_repeated_token_does_the_work_once(dynamodb: DynamoDBClient) -> None:
    dynamodb.transact_write_items(TransactItems=[put("a")])
    for _ in range(2):
        dynamodb.transact_write_items(TransactItems=[update("a")], ClientRequestToken="token")
    assert value(dynamodb, "a") == "2"


def test_a_token_with_another_content_is_a_mismatch(dynamodb: DynamoDBClient) -> None:
    dynamodb.transact_write_items(TransactItems=[put("a")], ClientRequestToken="token")
    response = refused(dynamodb, [put("b")], ClientRequestToken="token")
    assert response["Error"]["Code"] == "IdempotentParameterMismatchException"
    assert value(dynamodb, "b") is None


def test_a_cancelled_transaction_may_be_tried_again_under_its_token(dynamodb: DynamoDBClient) -> None:
    action = check("a", "attribute_exists(pk)")
    refused(dynamodb, [action, put("b")], ClientRequestToken="token")
    dynamodb.transact_write_items(TransactItems=[put("a")])
    dynamodb.transact_write_items(TransactItems=[action, put("b")], ClientRequestToken="token")
    assert value(dynamodb, "b") == "1"


def test_a_token_is_forgotten_after_ten_minutes(dynamodb: DynamoDBClient) -> None:
    backend = dynamodb_backends["123456789012"]["us-east-1"]
    transactions.write(backend, [put("a")], "token", now=0.0)
    transactions.write(backend, [update("a")], "other", now=599.0)
    with pytest.raises(transactions.IdempotentParameterMismatchException):
        transactions.write(backend, [update("a")], "token", now=599.9)
    transactions.write(backend, [update("a")], "token", now=600.0)
    assert value(dynamodb, "a") == "3"


@pytest.mark.parametrize(
    ("action", "code"),
    [
        (put("a", ConditionExpression="attribute_exists("), "ValidationException"),
        (put("a", ConditionExpression="attribute_exists(#unknown)"), "ValidationException"),
        (put("a", ExpressionAttributeNames={"#unused": "x"}), "ValidationException"),
        (update("a", "SET n = n +"), "ValidationException"),
        (
            update("a", "SET n = :one", ExpressionAttributeValues={":one": {"N": "1"}, ":two": {"N": "2"}}),
            "ValidationException",
        ),
        ({"Put": {"TableName": "missing", "Item": key("a")}}, "ResourceNotFoundException"),
        ({**put("a"), **delete("b")}, "ValidationException"),
    ],
)
def test_a_malformed_request_is_refused_as_a_whole(dynamodb: DynamoDBClient, action: Any, code: str) -> None:
    assert refused(dynamodb, [put("good"), action])["Error"]["Code"] == code
    assert value(dynamodb, "good") is None


def test_a_missing_key_attribute_is_a_reason(dynamodb: DynamoDBClient) -> None:
    response = refused(dynamodb, [{"Put": {"TableName": "mail", "Item": {"pk": {"S": "p"}}}}])
    assert [reason["Code"] for reason in response["CancellationReasons"]] == ["ValidationError"]


def test_the_stream_gets_each_write_once_in_order_and_nothing_of_cancelled_ones(dynamodb: DynamoDBClient) -> None:
    streams, iterator = stream_of(dynamodb)
    dynamodb.transact_write_items(TransactItems=[put("a"), put("b")])
    refused(dynamodb, [put("c"), check("zz", "attribute_exists(pk)")])
    first = streams.get_records(ShardIterator=iterator)
    dynamodb.transact_write_items(TransactItems=[update("a"), delete("b")])
    second = streams.get_records(ShardIterator=first["NextShardIterator"])
    seen = [
        (record["eventName"], record["dynamodb"]["Keys"]["sk"]["S"]) for record in first["Records"] + second["Records"]
    ]
    assert seen == [("INSERT", "a"), ("INSERT", "b"), ("MODIFY", "a"), ("REMOVE", "b")]
    assert second["Records"][0]["dynamodb"]["OldImage"]["n"] == {"N": "1"}
    assert second["Records"][0]["dynamodb"]["NewImage"]["n"] == {"N": "2"}


def test_condition_checks_and_writes_that_change_nothing_reach_no_stream(dynamodb: DynamoDBClient) -> None:
    dynamodb.transact_write_items(TransactItems=[put("a")])
    streams, iterator = stream_of(dynamodb)
    dynamodb.transact_write_items(TransactItems=[check("a", "attribute_exists(pk)"), delete("nothing"), put("b")])
    dynamodb.put_item(TableName="mail", Item={**key("a"), "n": {"N": "1"}})
    records = streams.get_records(ShardIterator=iterator)["Records"]
    assert [record["dynamodb"]["Keys"]["sk"]["S"] for record in records] == ["a", "b"]
