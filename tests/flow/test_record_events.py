"""The ledger's projections with their real handlers, on the template's own tables, queues and bus."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.ledger_rows import fact_row
from postroom.model.facts import Fact, OwnFact
from postroom.model.records import Insert, Organization, OrganizationState
from tests.support.facts import ACME, OTHER, delivered, fact, received
from tests.support.in_process import InProcessStack, deployed

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = time.time_ns() // 1_000_000
DEFAULT = "/aws/workmail/emailevents/other"
ACMES = [fact(received(), "a1", NOW), fact(delivered(), "a1", NOW + 1)]
OTHERS = [fact(received(), "b1", NOW, organization_id=OTHER)]


@pytest.fixture
def stack() -> Iterator[InProcessStack]:
    """ACME's configured log group does not exist; OTHER has nothing configured."""
    with deployed() as stack:
        directory = DynamoDirectory(DirectoryTable(stack.client("dynamodb"), stack.settings()["DIRECTORY_TABLE"]))
        directory.commit([Insert(organization(ACME, "acme", log_group_arn="arn:aws:logs:r:1:log-group:acme-events:*"))])
        directory.commit([Insert(organization(OTHER, "other"))])
        yield stack


def organization(organization_id: str, alias: str, **changes: Any) -> Organization:
    return Organization(
        id=organization_id,
        arn=f"arn:aws:workmail:us-east-1:123456789012:organization/{organization_id}",
        alias=alias,
        state=OrganizationState.ACTIVE,
        directory_id="d-0123456789",
        kms_key_arn="arn:aws:kms:us-east-1:123456789012:key/1",
        default_domain=f"{alias}.test",
        fingerprint="f",
        created=NOW,
        **changes,
    )


def record(stack: InProcessStack, *rows: dict[str, Any]) -> Any:
    """Put rows into the ledger and give them to record_events as its stream does."""
    for row in rows:
        stack.client("dynamodb").put_item(TableName=stack.settings()["LEDGER_TABLE"], Item=row)
    changes = [{"SequenceNumber": str(n), "Keys": row, "NewImage": row} for n, row in enumerate(rows)]
    return invoke(stack, "RecordEvents", [{"eventName": "INSERT", "dynamodb": change} for change in changes])


def invoke(stack: InProcessStack, name: str, records: list[dict[str, Any]]) -> Any:
    answer = stack.functions.invoke(f"{name}Function", json.dumps({"Records": records}).encode())
    assert "FunctionError" not in answer, answer["Payload"].read()
    return json.loads(answer["Payload"].read())["batchItemFailures"]


def waiting(stack: InProcessStack) -> list[dict[str, Any]]:
    """Read the retry queue as its mapping does, after the delays."""
    url = stack.settings()["RETRY_EVENTS_QUEUE_URL"]
    time.sleep(1.1)  # the delay of a stack that runs a hundred times as fast
    found = stack.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])
    return [
        {
            "messageId": each["MessageId"],
            "receiptHandle": each["ReceiptHandle"],
            "body": each["Body"],
            "attributes": each["Attributes"],
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:RetryEventsDeadLetterQueue",
        }
        for each in found.get("Messages", [])
    ]


def log(stack: InProcessStack, group: str) -> list[str]:
    events = stack.client("logs").filter_log_events(logGroupName=group)["events"]
    return [json.loads(event["message"])["event"]["eventName"] for event in events]


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTROOM_SPEED", "100")


def test_a_missing_log_group_delays_one_organization_until_the_group_exists(
    stack: InProcessStack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert record(stack, *map(fact_row, [ACMES[0], *OTHERS, ACMES[1]])) == []
    assert log(stack, DEFAULT) == ["ORGANIZATION_EMAIL_RECEIVED"]
    said = capsys.readouterr().out
    assert '"OrganizationEmailReceived":[1]' in said
    assert "Quarterly figures" not in said
    retries = waiting(stack)
    assert len(retries) == 2
    stack.client("logs").create_log_group(logGroupName="acme-events")
    assert invoke(stack, "RetryEvents", retries) == []
    assert sorted(log(stack, "acme-events")) == ["MAILBOX_EMAIL_DELIVERED", "ORGANIZATION_EMAIL_RECEIVED"]


def test_facts_that_stay_refused_are_returned_to_the_queue_and_each_is_parked(stack: InProcessStack) -> None:
    record(stack, *map(fact_row, ACMES))
    retries = waiting(stack)
    assert len(invoke(stack, "RetryEvents", retries)) == 2
    assert invoke(stack, "Park", retries) == []
    parked = [each for each in stack.operator().ledger.facts("a1") if each.name is OwnFact.PARKED]
    assert {each.data["what"] for each in parked} == {f"event:{each.key}" for each in ACMES}


def test_a_row_that_is_not_a_fact_is_parked_alone(stack: InProcessStack) -> None:
    poison = {**fact_row(fact(received(), "p1", NOW, organization_id=OTHER)), "event": {"S": "{"}}
    assert record(stack, fact_row(OTHERS[0]), poison) == []
    assert log(stack, DEFAULT) == ["ORGANIZATION_EMAIL_RECEIVED"]
    [retry] = waiting(stack)
    assert invoke(stack, "RetryEvents", [retry]) == [{"itemIdentifier": retry["messageId"]}]
    assert invoke(stack, "Park", [retry]) == []
    facts: list[Fact] = list(stack.operator().ledger.facts("p1"))
    assert [each.name for each in facts] == [OwnFact.PARKED]
