"""Single writes, queries and streams: what we changed in moto's DynamoDB, through a stock boto3 client."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodbstreams.models import dynamodbstreams_backends

from local.emulator.partitions import Partition
from tests.support.effort import FEW_LINES, lines_run

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def key(sk: str, pk: str = "p") -> Any:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


@pytest.fixture
def letters(dynamodb: DynamoDBClient) -> DynamoDBClient:
    for sk in ("c", "a", "e", "b#1", "d", "b#2"):
        dynamodb.put_item(TableName="mail", Item=key(sk))
    dynamodb.put_item(TableName="mail", Item=key("a", pk="other"))
    return dynamodb


def query(client: DynamoDBClient, condition: str = "", forward: bool = True, **more: Any) -> Any:
    values = {":p": {"S": "p"}} | more.pop("values", {})
    return client.query(
        TableName="mail",
        KeyConditionExpression=f"pk = :p {condition}",
        ExpressionAttributeValues=values,
        ScanIndexForward=forward,
        **more,
    )


def names(answer: Any) -> list[str]:
    return [item["sk"]["S"] for item in answer["Items"]]


@pytest.mark.parametrize(
    ("condition", "values", "expected"),
    [
        ("", {}, "a b#1 b#2 c d e"),
        ("AND sk = :x", {":x": "c"}, "c"),
        ("AND sk = :x", {":x": "zz"}, ""),
        ("AND sk < :x", {":x": "c"}, "a b#1 b#2"),
        ("AND sk <= :x", {":x": "c"}, "a b#1 b#2 c"),
        ("AND sk > :x", {":x": "c"}, "d e"),
        ("AND sk >= :x", {":x": "c"}, "c d e"),
        ("AND sk BETWEEN :x AND :y", {":x": "b", ":y": "d"}, "b#1 b#2 c d"),
        ("AND begins_with(sk, :x)", {":x": "b#"}, "b#1 b#2"),
    ],
)
def test_a_query_reads_a_range_of_one_partition_in_both_directions(
    letters: DynamoDBClient, condition: str, values: dict[str, str], expected: str
) -> None:
    given_values = {name: {"S": value} for name, value in values.items()}
    assert names(query(letters, condition, values=given_values)) == expected.split()
    assert names(query(letters, condition, values=given_values, forward=False)) == expected.split()[::-1]


@pytest.mark.parametrize("forward", [True, False])
def test_pages_join_without_gap_and_a_full_page_has_a_key_to_continue(letters: DynamoDBClient, forward: bool) -> None:
    seen: list[str] = []
    start: dict[str, Any] = {}
    pages = 0
    while True:
        page = query(letters, forward=forward, Limit=2, **start)
        seen += names(page)
        pages += 1
        if "LastEvaluatedKey" not in page:
            break
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert seen == sorted(seen, reverse=not forward)
    assert len(seen) == 6
    assert pages == 4  # three full ones and, as on AWS, an empty one


def test_a_start_key_need_not_exist(letters: DynamoDBClient) -> None:
    assert names(query(letters, ExclusiveStartKey=key("cc"))) == ["d", "e"]


def test_a_page_ends_at_one_mebibyte(dynamodb: DynamoDBClient) -> None:
    for number in range(6):
        dynamodb.put_item(TableName="mail", Item={**key(str(number)), "raw": {"B": b"x" * 300 * 1024}})
    page = query(dynamodb)
    assert names(page) == ["0", "1", "2", "3"]
    assert names(query(dynamodb, ExclusiveStartKey=page["LastEvaluatedKey"])) == ["4", "5"]


def test_filter_projection_and_counts(letters: DynamoDBClient) -> None:
    letters.put_item(TableName="mail", Item={**key("f"), "n": {"N": "1"}})
    answer = query(letters, FilterExpression="attribute_exists(n)", ProjectionExpression="n")
    assert (answer["Items"], answer["Count"], answer["ScannedCount"]) == ([{"n": {"N": "1"}}], 1, 7)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=60), st.integers(0, 30), st.integers(0, 30))
def test_a_partition_stays_sorted_whatever_is_put_and_popped(
    steps: list[tuple[bool, int]], low: int, high: int
) -> None:
    partition = Partition()
    expected: dict[int, str] = {}
    for put, number in steps:
        if put:
            partition[DynamoType({"N": str(number)})] = f"item {number}"
            expected[number] = f"item {number}"
        elif number in expected:
            assert partition.pop(DynamoType({"N": str(number)})) == expected.pop(number)
    operands = [DynamoType({"N": str(low)}), DynamoType({"N": str(high)})]
    assert partition.ascending() == [expected[number] for number in sorted(expected)]
    found = list(partition.between("BETWEEN", operands, after=None, forward=True))
    assert found == [expected[number] for number in sorted(expected) if low <= number <= high]


def test_a_failed_update_leaves_the_item_as_it_was(dynamodb: DynamoDBClient) -> None:
    dynamodb.put_item(TableName="mail", Item={**key("a"), "one": {"N": "1"}, "text": {"S": "x"}})
    with pytest.raises(ClientError, match="ValidationException"):
        dynamodb.update_item(
            TableName="mail",
            Key=key("a"),
            UpdateExpression="SET one = one + :n, text = text + :n",
            ExpressionAttributeValues={":n": {"N": "1"}},
        )
    assert dynamodb.get_item(TableName="mail", Key=key("a"))["Item"]["one"] == {"N": "1"}


def test_an_update_creates_an_item_with_one_stream_record(dynamodb: DynamoDBClient) -> None:
    answer = dynamodb.update_item(
        TableName="mail",
        Key=key("a"),
        UpdateExpression="ADD n :n SET #t = list_append(if_not_exists(#t, :none), :new)",
        ExpressionAttributeNames={"#t": "tags"},
        ExpressionAttributeValues={":n": {"N": "2"}, ":none": {"L": []}, ":new": {"L": [{"B": b"\xff"}]}},
        ReturnValues="ALL_NEW",
    )
    assert answer["Attributes"] == {**key("a"), "n": {"N": "2"}, "tags": {"L": [{"B": b"\xff"}]}}
    records = read_stream(dynamodb)
    assert [record["eventName"] for record in records] == ["INSERT"]
    assert records[0]["dynamodb"]["NewImage"] == answer["Attributes"]


def test_a_failed_condition_returns_the_item_if_requested(dynamodb: DynamoDBClient) -> None:
    dynamodb.put_item(TableName="mail", Item=key("a"))
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException) as caught:
        dynamodb.put_item(
            TableName="mail",
            Item=key("a"),
            ConditionExpression="attribute_not_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    response: Any = caught.value.response
    assert response["Item"] == key("a")


def test_a_condition_that_does_not_parse_is_a_validation_exception(dynamodb: DynamoDBClient) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        dynamodb.put_item(TableName="mail", Item=key("a"), ConditionExpression="attribute_exists(")


def test_a_deleted_item_is_returned_and_removed(dynamodb: DynamoDBClient) -> None:
    dynamodb.put_item(TableName="mail", Item=key("a"))
    assert dynamodb.delete_item(TableName="mail", Key=key("a"), ReturnValues="ALL_OLD")["Attributes"] == key("a")
    assert "Attributes" not in dynamodb.delete_item(TableName="mail", Key=key("a"), ReturnValues="ALL_OLD")
    assert query(dynamodb)["Count"] == 0
    assert dynamodb.scan(TableName="mail")["Count"] == 0


def test_a_scan_returns_every_item_over_its_pages(letters: DynamoDBClient) -> None:
    pages = letters.get_paginator("scan").paginate(TableName="mail", PaginationConfig={"PageSize": 2})
    seen = [(item["pk"]["S"], item["sk"]["S"]) for page in pages for item in page["Items"]]
    assert len(seen) == len(set(seen)) == 7


def test_a_scan_continues_after_a_key_that_was_removed(letters: DynamoDBClient) -> None:
    first = letters.scan(TableName="mail", Limit=3)
    for item in first["Items"]:
        letters.delete_item(TableName="mail", Key={"pk": item["pk"], "sk": item["sk"]})
    rest = letters.scan(TableName="mail", ExclusiveStartKey=first["LastEvaluatedKey"])
    assert first["Count"] + rest["Count"] == 7
    whole = letters.scan(TableName="mail", FilterExpression="sk = :d", ExpressionAttributeValues={":d": {"S": "d"}})
    assert (whole["Count"], whole["ScannedCount"]) == (1, 4)


def test_a_value_of_another_type_is_between_no_bounds(letters: DynamoDBClient) -> None:
    letters.put_item(TableName="mail", Item=key("f") | {"at": {"N": "5"}})
    letters.put_item(TableName="mail", Item=key("g") | {"at": {"S": "no time"}})
    found = letters.scan(
        TableName="mail",
        FilterExpression="#at BETWEEN :since AND :last",
        ExpressionAttributeNames={"#at": "at"},
        ExpressionAttributeValues={":since": {"N": "1"}, ":last": {"N": "9"}},
    )
    assert names(found) == ["f"]


def test_a_table_without_a_sort_key_is_queried_and_scanned(dynamodb: DynamoDBClient) -> None:
    dynamodb.create_table(
        TableName="flat",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for pk in ("b", "a", "c"):
        dynamodb.put_item(TableName="flat", Item={"pk": {"S": pk}})
    dynamodb.delete_item(TableName="flat", Key={"pk": {"S": "c"}})
    values: Any = {":p": {"S": "b"}}
    found = dynamodb.query(TableName="flat", KeyConditionExpression="pk = :p", ExpressionAttributeValues=values)
    assert found["Items"] == [{"pk": {"S": "b"}}]
    pages = dynamodb.get_paginator("scan").paginate(TableName="flat", PaginationConfig={"PageSize": 1})
    assert [item["pk"]["S"] for page in pages for item in page["Items"]] == ["a", "b"]


def test_a_batch_of_more_than_25_writes_is_refused(dynamodb: DynamoDBClient) -> None:
    writes: Any = [{"PutRequest": {"Item": key(str(number))}} for number in range(26)]
    with pytest.raises(ClientError, match="Too many items"):
        dynamodb.batch_write_item(RequestItems={"mail": writes})
    dynamodb.batch_write_item(RequestItems={"mail": writes[:25]})
    assert dynamodb.scan(TableName="mail")["Count"] == 25


def read_stream(dynamodb: DynamoDBClient, kind: Any = "TRIM_HORIZON", **more: Any) -> list[Any]:
    arn = dynamodb.describe_table(TableName="mail")["Table"]["LatestStreamArn"]
    streams = boto3.client("dynamodbstreams")
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType=kind, **more)["ShardIterator"]
    return list(streams.get_records(ShardIterator=iterator)["Records"])


def test_a_stream_is_read_from_every_kind_of_place(letters: DynamoDBClient) -> None:
    records = read_stream(letters)
    assert len(records) == 7
    assert len({record["eventID"] for record in records}) == 7
    assert abs(records[0]["dynamodb"]["ApproximateCreationDateTime"].timestamp() - time.time()) < 60
    number = records[2]["dynamodb"]["SequenceNumber"]
    assert read_stream(letters, "AT_SEQUENCE_NUMBER", SequenceNumber=number) == records[2:]
    assert read_stream(letters, "AFTER_SEQUENCE_NUMBER", SequenceNumber=number) == records[3:]
    assert read_stream(letters, "LATEST") == []


def test_polling_a_stream_leaves_nothing_behind(letters: DynamoDBClient) -> None:
    for _ in range(3):
        read_stream(letters)
    assert dynamodbstreams_backends["123456789012"]["us-east-1"].shard_iterators == {}


def test_a_record_shows_the_item_as_it_was_when_it_was_written(dynamodb: DynamoDBClient) -> None:
    dynamodb.put_item(TableName="mail", Item={**key("a"), "tags": {"L": [{"S": "one"}]}, "body": {"B": b"\x00\xff"}})
    dynamodb.update_item(
        TableName="mail",
        Key=key("a"),
        UpdateExpression="SET tags[1] = :two REMOVE body",
        ExpressionAttributeValues={":two": {"S": "two"}},
    )
    images = [record["dynamodb"].get("NewImage") for record in read_stream(dynamodb)]
    assert images == [
        {**key("a"), "tags": {"L": [{"S": "one"}]}, "body": {"B": b"\x00\xff"}},
        {**key("a"), "tags": {"L": [{"S": "one"}, {"S": "two"}]}},
    ]


def test_a_query_costs_no_more_in_a_table_of_ten_thousand_items(dynamodb: DynamoDBClient) -> None:
    def few() -> None:
        query(dynamodb, "AND begins_with(sk, :x)", values={":x": {"S": "0"}}, Limit=5)

    fill(dynamodb, 0, 100)
    small = lines_run(few)
    fill(dynamodb, 100, 10_000)
    assert lines_run(few) < small + FEW_LINES  # moto alone: some for each item


def fill(dynamodb: DynamoDBClient, start: int, end: int) -> None:
    items: Any = [
        {"PutRequest": {"Item": {**key(f"{number:05}", pk="p" if number % 2 else str(number))}}}
        for number in range(start, end)
    ]
    for first in range(0, len(items), 25):
        dynamodb.batch_write_item(RequestItems={"mail": items[first : first + 25]})
