"""Where audit records go, in memory and in SQS alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from postroom.adapters.aws.audit_trail import SqsAuditTrail
from postroom.adapters.memory.audit_trail import MemoryAuditTrail
from postroom.contracts.audit_log import AuditRecord
from postroom.contracts.audit_messages import AuditRecords
from postroom.errors import StoreUnavailableError
from postroom.model.audit_deliveries import LogType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from postroom.ports.audit_trail import AuditTrail
    from tests.support.stack import Stack


@dataclass
class Held:
    """A trail, what it holds, and a way to make it fail."""

    trail: AuditTrail
    records: Callable[[], Sequence[AuditRecord]]
    fail: Callable[[], None]


def _kept(stack: Stack) -> list[AuditRecord]:
    found: list[AuditRecord] = []
    while messages := stack.sqs.receive_message(
        QueueUrl=stack.environment["AUDIT_QUEUE_URL"], MaxNumberOfMessages=10
    ).get("Messages"):
        found += [record for message in messages for record in AuditRecords.read(message["Body"]).records]
    return found


@pytest.fixture(params=["memory", "sqs"])
def held(request: pytest.FixtureRequest) -> Held:
    if request.param == "memory":
        memory = MemoryAuditTrail()
        return Held(memory, lambda: memory.records, lambda: setattr(memory, "away", True))
    stack: Stack = request.getfixturevalue("stack")
    url = stack.environment["AUDIT_QUEUE_URL"]
    trail = SqsAuditTrail(stack.sqs, url)

    def fail() -> None:
        stack.sqs.delete_queue(QueueUrl=url)

    return Held(trail, lambda: _kept(stack), fail)


def record(number: int = 0, organization_id: str = "m-1", **fields: Any) -> AuditRecord:
    said = {"user": "grüße\n\"'\x7f😀", "auth_successful": False, **fields}
    return AuditRecord(f"r{number:03}", organization_id, LogType.AUTHENTICATION, 5, said)


@pytest.mark.parametrize("number", [0, 1, 40])
def test_every_record_is_kept_as_it_is(held: Held, number: int) -> None:
    records = [record(place, f"m-{place % 13}") for place in range(number)]
    held.trail.record(records)
    assert sorted(held.records(), key=lambda each: each.id) == records


def test_many_large_records_are_kept(held: Held) -> None:
    records = [record(place, user="ü" * 40_000) for place in range(9)]
    held.trail.record(records)
    assert sorted(held.records(), key=lambda each: each.id) == records


def test_a_record_that_may_be_lost_is_an_error(held: Held) -> None:
    held.fail()
    with pytest.raises(StoreUnavailableError):
        held.trail.record([record()])


def test_a_batch_that_sqs_takes_only_in_part_is_an_error(stack: Stack) -> None:
    client = boto3.client("sqs")
    failed = [{"Id": "0", "Code": "InternalError", "SenderFault": False}]
    with Stubber(client) as stub:
        stub.add_response("send_message_batch", {"Successful": [], "Failed": failed}, {"QueueUrl": ANY, "Entries": ANY})
        with pytest.raises(StoreUnavailableError, match="InternalError"):
            SqsAuditTrail(client, "https://sqs.us-east-1.amazonaws.com/1/q").record([record()])


def test_calls_stay_within_the_limits_of_sqs(stack: Stack) -> None:
    client = boto3.client("sqs")
    calls: list[list[dict[str, Any]]] = []
    client.meta.events.register(
        "provide-client-params.sqs.SendMessageBatch", lambda params, **_: calls.append(params["Entries"])
    )
    records = [record(place, f"m-{place % 12}", user="x" * 30_000) for place in range(24)]
    SqsAuditTrail(client, stack.environment["AUDIT_QUEUE_URL"]).record(records)
    assert len(calls) > 1
    for entries in calls:
        assert len(entries) <= 10
        assert sum(len(entry["MessageBody"].encode()) for entry in entries) <= 262_144
        assert all(entry["MessageGroupId"].startswith("m-") for entry in entries)
