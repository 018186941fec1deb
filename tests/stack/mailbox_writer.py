"""A client that delivers into mailboxes: ``mailbox_writer.py ENDPOINT TABLE WRITER COUNT``.

Prints what was acknowledged, as JSON: ``[[[folder, uid, name], …], cancelled]``. test_emulator.py runs several at once.
"""

from __future__ import annotations

import json
import random
import sys
from typing import Any

import boto3

FOLDERS = 2


def deliver(endpoint: str, table: str, writer: int, count: int) -> tuple[list[tuple[str, int, str]], int]:
    """Give items of a folder the next UID, as a mailbox does; now and then ask for a write that must be cancelled."""
    dynamodb = boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    dice = random.Random(writer)  # noqa: S311  # a repeatable choice, no secret
    done: list[tuple[str, int, str]] = []
    cancelled = 0
    while len(done) < count:
        folder = f"folder {dice.randrange(FOLDERS)}"
        counter = {"pk": {"S": folder}, "sk": {"S": "counter"}}
        found = dynamodb.get_item(TableName=table, Key=counter, ConsistentRead=True).get("Item")
        uid = int(found["uid"]["N"]) if found else 0
        name = f"{writer}-{len(done)}"
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if found:
            condition = {"ConditionExpression": "uid = :old", "ExpressionAttributeValues": {":old": {"N": str(uid)}}}
        item = {"pk": {"S": folder}, "sk": {"S": f"item {uid + 1:06}"}, "name": {"S": name}}
        actions: list[Any] = [
            {"Put": {"TableName": table, "Item": {**counter, "uid": {"N": str(uid + 1)}}, **condition}},
            {"Put": {"TableName": table, "Item": item}},
        ]
        doomed = dice.random() < 0.2
        if doomed:
            missing = {"pk": {"S": "nowhere"}, "sk": {"S": "nothing"}}
            check = {"TableName": table, "Key": missing, "ConditionExpression": "attribute_exists(pk)"}
            actions.append({"ConditionCheck": check})
        try:
            dynamodb.transact_write_items(TransactItems=actions)
        except dynamodb.exceptions.TransactionCanceledException:
            cancelled += 1
        else:
            assert not doomed
            done.append((folder, uid + 1, name))
    return done, cancelled


if __name__ == "__main__":
    print(json.dumps(deliver(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))  # noqa: T201
