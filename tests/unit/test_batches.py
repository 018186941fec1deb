"""SQS batches: who failed, who did not, and what the log says of it."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from postroom.adapters.aws.batches import SqsBatch, SqsRecord
from postroom.errors import StoreUnavailableError

SECRET = "plum pudding"


def event(*bodies: str) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": f"m{place}",
                "body": body,
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:deliver",
                "attributes": {"ApproximateReceiveCount": "3"},
            }
            for place, body in enumerate(bodies)
        ]
    }


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def batch(log: io.StringIO) -> SqsBatch:
    return SqsBatch(Logger(service=f"test-{id(log)}", stream=log))


def test_each_record_is_handed_over_once_in_order_with_what_sqs_says_of_it(batch: SqsBatch) -> None:
    seen: list[SqsRecord] = []
    assert batch.process(event("a", "b"), seen.append) == {"batchItemFailures": []}
    queue = "arn:aws:sqs:us-east-1:123456789012:deliver"
    assert seen == [SqsRecord("m0", "a", queue, 3), SqsRecord("m1", "b", queue, 3)]


def test_a_failed_record_is_named_and_those_behind_it_are_done(batch: SqsBatch) -> None:
    done: list[str] = []

    def accept(record: SqsRecord) -> None:
        if record.body == "bad":
            raise StoreUnavailableError("no answer")
        done.append(record.body)

    assert batch.process(event("a", "bad", "c"), accept) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert done == ["a", "c"]


def test_a_whole_batch_may_fail_without_the_function_failing(batch: SqsBatch) -> None:
    def accept(_: SqsRecord) -> None:
        raise ZeroDivisionError

    failed = batch.process(event("a", "b"), accept)["batchItemFailures"]
    assert [each["itemIdentifier"] for each in failed] == ["m0", "m1"]


def test_the_log_names_cause_and_place_and_never_an_errors_text(batch: SqsBatch, log: io.StringIO) -> None:
    def accept(record: SqsRecord) -> None:
        if record.body == "known":
            raise StoreUnavailableError("no answer")
        raise ValueError(SECRET)

    batch.process(event("known", "unknown"), accept)
    known, unknown = map(json.loads, log.getvalue().splitlines())
    assert (known["record"], known["cause"], known["receives"]) == ("m0", StoreUnavailableError("no answer").cause, 3)
    assert unknown["cause"] == "ValueError"
    assert unknown["at"][-1].startswith("test_batches.py:")
    assert unknown["at"][-1].endswith(" accept")
    assert SECRET not in log.getvalue()


def test_what_is_no_batch_is_an_error_of_the_function(batch: SqsBatch) -> None:
    with pytest.raises(KeyError):
        batch.process({"records": []}, lambda _: None)
