"""The resources of template.yaml that the way of a message needs, in moto."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import boto3

from postroom.adapters.aws import clients
from postroom.contracts.orders import STATIONS
from tests.support.accounts import ACCOUNT_ID, empty_account

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

REGION: Final = "us-east-1"

TABLES: Final = ("DIRECTORY_TABLE", "LEDGER_TABLE", "TRANSIT_TABLE", "MAILBOX_TABLE")
BUCKETS: Final = ("INBOUND_BUCKET", "MAIL_BUCKET")
QUEUES: Final = tuple(dict.fromkeys(station.queue.removesuffix("_QUEUE_URL") for station in STATIONS.values()))
DEAD_LETTERS: Final = "dead-letters"
"""Name of the queue of dead letters."""

MAX_RECEIVES: Final = {"RETRY_EVENTS": 5, "RETRY_AUDIT": 5}
"""How many times a queue delivers a message before it becomes a dead letter; as in template.yaml, or 100."""


@dataclass(frozen=True, slots=True)
class Stack:
    """``environment`` holds every function's variables together."""

    environment: Mapping[str, str]
    dynamodb: DynamoDBClient
    s3: S3Client
    sqs: SQSClient

    @classmethod
    def make(cls) -> Stack:
        dynamodb, s3, sqs = boto3.client("dynamodb"), boto3.client("s3"), boto3.client("sqs")
        environment = {
            "ACCOUNT_ID": ACCOUNT_ID,
            "PLUS_ADDRESSING": "ENABLED",
            "FLOWS_TOGETHER": "ENABLED",
            "BOUNCES_PER_SENDER": "20",
            "BOUNCES_PER_SENDER_DOMAIN": "100",
            "BOUNCES_PER_ORGANIZATION": "500",
            "BOUNCES_PER_STACK": "1000",
            "OUTSIDERS_MAY_BOOK": "DISABLED",
            "EVENT_LOG_DEFAULT": "ENABLED",
            "AUDIT_SETTINGS_CACHE_S": "1",
            "API_TRAIL_LOG_GROUP": "api-trail",
            "ORGANIZATION_ARNS": f"arn:aws:workmail:us-east-1:{ACCOUNT_ID}:organization/",
            "EVENT_BUS_NAME": "mail",
            "RECEIPT_RULE_SET_NAME": "mail",
            "AVAILABILITY_SECRET_PREFIX": "postroom/availability/",
            "EXPORT_OTHER_ITEMS": "DISABLED",
            "CONFIGURATION_SET": "outgoing",
            "TRANSMIT_RETRY_SECONDS": "172800",
            "QUERY_AVAILABILITY_FUNCTION": "query_availability",
            "SUBMIT_FUNCTION": "submit",
            "PUT_CONTENT_BUCKETS": "TAGGED",
            "PRIVATE_EWS_SERVERS": "NONE",
            "PRIVATE_SMTP_GATEWAYS": "NONE",
            "ROLE_PASSERS": "ANY",
            "FIRST_ADMINISTRATORS": "NONE",
            "PRIVATE_EWS_CERTIFICATES": "NONE",
            "PRIVATE_SMTP_CERTIFICATES": "NONE",
            "METRICS_NAMESPACE": "Postroom",
            "ORGANIZATION_METRICS": "ENABLED",
            "POWERTOOLS_METRICS_NAMESPACE": "Postroom",
        }
        for name in TABLES:
            environment[name] = name.lower()
            make_table(dynamodb, name.lower(), stream=name == "LEDGER_TABLE")
        for name in BUCKETS:
            environment[name] = name.lower().replace("_", "-")
            s3.create_bucket(Bucket=environment[name])
        environment["DEAD_LETTER_QUEUE_URL"] = sqs.create_queue(QueueName=DEAD_LETTERS)["QueueUrl"]
        for name in QUEUES:
            environment[f"{name}_QUEUE_URL"] = _queue(sqs, name)
        environment["POSTPONED_QUEUE_URL"] = environment["UPDATE_CALENDAR_QUEUE_URL"]
        environment["STACK_KEY_ARN"] = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
        boto3.client("events").create_event_bus(Name="mail")
        boto3.client("logs").create_log_group(logGroupName="api-trail")
        boto3.client("ses").create_receipt_rule_set(RuleSetName="mail")
        boto3.client("ses").create_configuration_set(ConfigurationSet={"Name": environment["CONFIGURATION_SET"]})
        return cls(environment, dynamodb, s3, sqs)

    def objects(self, bucket: str) -> dict[str, bytes]:
        """Return everything in a bucket (a variable's name), by key."""
        name = self.environment[bucket]
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=name)
        keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
        return {key: self.s3.get_object(Bucket=name, Key=key)["Body"].read() for key in keys}

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return every row of a table (a variable's name)."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.environment[table])
        return [dict(row) for page in pages for row in page["Items"]]

    def depth(self, queue: str) -> int:
        """Return how many messages a queue holds, in flight ones included."""
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=self.environment[queue], AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)


@contextmanager
def empty_stack() -> Iterator[Stack]:
    """Yield the stack's resources, empty, with the functions' environment around them."""
    with empty_account():
        clients.forget()
        made = Stack.make()
        os.environ.update(made.environment)
        yield made
        clients.forget()


def make_table(client: DynamoDBClient, name: str, *, stream: bool = False) -> None:
    """Make a table with keys ``pk`` and ``sk``."""
    more: Any = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}} if stream else {}
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
        **more,
    )


def _queue(sqs: SQSClient, name: str) -> str:
    """Make a station's queue and return its URL."""
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{DEAD_LETTERS}"
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": MAX_RECEIVES.get(name, 100)})
    return sqs.create_queue(QueueName=name.lower(), Attributes={"RedrivePolicy": policy})["QueueUrl"]
