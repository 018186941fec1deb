"""Functions that provide free/busy information, in memory and through Lambda's API, in the Region of their ARN."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config

from postroom.adapters.aws import clients
from postroom.adapters.aws.availability_functions import RegionalFunctionPolicies, RegionalFunctions
from postroom.adapters.memory.rule_functions import MemoryRuleFunctions
from postroom.contracts.cap_lambda import MAX_ANSWER_BYTES, read_answer
from postroom.errors import InvalidAvailabilityError
from postroom.model.function_policy import allows, availability_principal
from postroom.ports.rule_functions import Failure
from tests.support.local_lambda import LocalLambda, local_function

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_lambda import LambdaClient

    from postroom.ports.availability_functions import AvailabilityFunctions

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:cap"
ORGANIZATION = "arn:aws:workmail:us-east-1:123456789012:organization/m-1"
CODE = """
import time

def handler(event, context):
    match event["do"]:
        case "answer": return {"mailboxes": []}
        case "large": return "x" * (event["size"] - 2)
        case "raise": raise ValueError("no")
        case "sleep": time.sleep(60)
"""


def plainly(event: bytes) -> bytes:
    """Do what ``CODE`` does, as a callable in memory."""
    asked = json.loads(event)
    match asked["do"]:
        case "answer":
            return b'{"mailboxes": []}'
        case "large":
            return json.dumps("x" * (asked["size"] - 2)).encode()
        case "raise":
            raise ValueError("no")
        case _:
            raise TimeoutError


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalLambda]:
    with local_function("cap", CODE, tmp_path, monkeypatch) as made:
        yield made


def impatient(region: str) -> LambdaClient:
    """Return the client of a Region, with a shorter wait and nothing else changed."""
    make: Any = clients.session().create_client
    config = clients.availability_functions(region).meta.config.merge(Config(read_timeout=2))
    made: LambdaClient = make("lambda", config=config, region_name=region)
    return made


@pytest.fixture(params=["memory", "aws"])
def functions(request: pytest.FixtureRequest) -> AvailabilityFunctions:
    if request.param == "memory":
        return MemoryRuleFunctions(functions={FUNCTION: plainly})
    request.getfixturevalue("service")
    return RegionalFunctions(impatient)


def test_a_function_answers(functions: AvailabilityFunctions) -> None:
    assert functions.call(FUNCTION, b'{"do": "answer"}').payload == b'{"mailboxes": []}'


def test_its_failures_are_results(functions: AvailabilityFunctions) -> None:
    failures = [functions.call(FUNCTION, json.dumps({"do": do}).encode()).failure for do in ("raise", "sleep")]
    assert failures == [Failure.FUNCTION_ERROR, Failure.TIMED_OUT]
    gone = FUNCTION.replace(":cap", ":gone")
    assert functions.call(gone, b"{}").failure is Failure.NOT_FOUND


@pytest.mark.parametrize("size", [MAX_ANSWER_BYTES + 1, 5 << 20])
def test_an_answer_that_is_too_large_is_recognized(functions: AvailabilityFunctions, size: int) -> None:
    done = functions.call(FUNCTION, json.dumps({"do": "large", "size": size}).encode())
    assert done.payload is not None
    with pytest.raises(InvalidAvailabilityError, match="larger"):
        read_answer(done.payload, ("a@example.org",))


def test_of_a_large_answer_no_more_is_read_than_is_needed(service: LocalLambda) -> None:
    done = RegionalFunctions(impatient).call(FUNCTION, json.dumps({"do": "large", "size": 5 << 20}).encode())
    assert done.payload is not None
    assert len(done.payload) == MAX_ANSWER_BYTES + 1


def test_a_function_and_its_policy_are_asked_in_its_own_region(service: LocalLambda) -> None:
    regions: list[str] = []

    def client(region: str) -> LambdaClient:
        regions.append(region)
        return clients.function_policies_in(region)

    service.client.add_permission(
        FunctionName="cap",
        StatementId="s",
        Action="lambda:InvokeFunction",
        Principal=availability_principal("us-east-1"),
        SourceArn=ORGANIZATION,
        SourceAccount="123456789012",
    )
    policies = RegionalFunctionPolicies(client, time.monotonic)
    policy = policies.policy(FUNCTION)
    assert policy is not None
    assert allows(
        policy,
        organization_arn=ORGANIZATION,
        region="us-east-1",
        account="123456789012",
        service=availability_principal("us-east-1"),
    )
    policies.policy(FUNCTION)
    assert policies.policy(FUNCTION.replace(":cap", ":gone")) is None
    RegionalFunctions(client).call(FUNCTION, b'{"do": "answer"}')
    assert regions == ["eu-west-1", "eu-west-1"]


def test_the_clients_wait_as_long_as_workmail_and_do_not_retry(service: LocalLambda) -> None:
    client = clients.availability_functions("eu-west-1")
    assert client.meta.region_name == "eu-west-1"
    config: Any = client.meta.config
    assert config.read_timeout == 25
    assert config.retries["total_max_attempts"] == 1
