"""Delays of queue messages, in SQS (moto)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest

from postroom.adapters.aws.postponement import SqsPostponement
from postroom.errors import StoreUnavailableError
from tests.support.accounts import empty_account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def client() -> Iterator[SQSClient]:
    with empty_account():
        yield boto3.client("sqs")


@pytest.fixture
def queue(client: SQSClient) -> str:
    url = client.create_queue(QueueName="retries", Attributes={"VisibilityTimeout": "360"})["QueueUrl"]
    client.send_message(QueueUrl=url, MessageBody="again")
    return url


def test_a_message_comes_again_when_we_say(client: SQSClient, queue: str) -> None:
    def received() -> list[str]:
        found = client.receive_message(QueueUrl=queue, AttributeNames=["ApproximateReceiveCount"])
        return [message["ReceiptHandle"] for message in found.get("Messages", [])]

    [receipt] = received()
    postponement = SqsPostponement(client, queue)
    postponement.postpone(receipt, 43_000)
    assert received() == []
    postponement.postpone(receipt, 0)
    assert len(received()) == 1


def test_what_sqs_refuses_is_unavailable(client: SQSClient, queue: str) -> None:
    with pytest.raises(StoreUnavailableError, match="could not postpone a message"):
        SqsPostponement(client, f"{queue}-that-is-not-there").postpone("receipt", 1)
