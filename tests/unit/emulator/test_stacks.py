"""What an emulator's CloudFormation says of the stack that `up` has deployed."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from cli.errors import UsageError
from local.aws import Aws
from local.emulator import process
from local.emulator.server import EmulatorServer
from local.template import outputs
from tests.support.accounts import empty_account
from tests.support.in_process import Account

if TYPE_CHECKING:
    from collections.abc import Iterator

SAID = {"LedgerTableName": "mail-LedgerTable-1A2B", "Odd": "<a> & b"}


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    server = EmulatorServer("127.0.0.1", 0)
    server.prepare()
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.stop()
    thread.join()


def described(cloudformation: Any, name: str) -> dict[str, str]:
    (found,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    assert (found["StackName"], found["StackStatus"]) == (name, "CREATE_COMPLETE")
    return {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}


def test_a_stack_is_described_beside_those_of_others(emulator: str) -> None:
    process.tell_moto(emulator, "mail", SAID)
    cloudformation = Aws({"AWS_ENDPOINT_URL": emulator}).client("cloudformation")
    other = {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}, "Outputs": {"Url": {"Value": "u"}}}
    cloudformation.create_stack(StackName="other", TemplateBody=json.dumps(other))
    assert described(cloudformation, "mail") == SAID
    assert described(cloudformation, "other") == {"Url": "u"}
    with pytest.raises(ClientError, match="does not exist"):
        cloudformation.describe_stacks(StackName="nothing")


@pytest.mark.filterwarnings("ignore:Tried to parse AWS")  # moto makes nothing, too
def test_a_stack_that_was_made_before_is_replaced_at_localstack() -> None:
    with empty_account():
        for said in ({"LedgerTableName": "before"}, SAID):
            process.tell_localstack(Account(), "mail", said)
        assert described(boto3.client("cloudformation"), "mail") == SAID


def test_a_localstack_with_queues_of_an_earlier_stack_is_refused() -> None:
    with empty_account():
        sqs = boto3.client("sqs")
        sqs.create_queue(QueueName="mails-of-others")
        process.refuse_leftovers(Account(), "mail")
        sqs.create_queue(QueueName="mail-IngestQueue")
        with pytest.raises(UsageError, match="an earlier `postroom up`: restart it"):
            process.refuse_leftovers(Account(), "mail")


def test_the_apis_of_a_local_stack_are_at_its_own_url() -> None:
    given = {"WorkMailEndpointUrl": "https://a", "WorkMailMessageFlowEndpointUrl": "https://a", "EwsUrl": "https://e"}
    url = "http://127.0.0.1:9"
    assert outputs.local({**given, "LedgerTableName": "t"}, api_url=url, speed=5) == {
        "WorkMailEndpointUrl": url,
        "WorkMailMessageFlowEndpointUrl": url,
        "EwsUrl": f"{url}/EWS/Exchange.asmx",
        "LedgerTableName": "t",
        "Speed": "5",
    }
