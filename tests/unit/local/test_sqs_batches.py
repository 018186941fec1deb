"""Batches of SQS mappings: as large as the mapping says, within a window, and within Lambda's payload."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from local.functions.pool import Answer
from local.sources.sqs_mapping import MOST_BYTES, SqsMapping

if TYPE_CHECKING:
    from collections.abc import Mapping


class Queue:
    """The emulator's SQS with one queue; `empty` is set once all is deleted."""

    def __init__(self, bodies: list[str]) -> None:
        self.waiting = [
            {"MessageId": f"m{place}", "ReceiptHandle": f"r{place}", "Body": body, "MD5OfBody": ""}
            for place, body in enumerate(bodies)
        ]
        self.left = len(bodies)
        self.empty = threading.Event()

    def json(self, _service: str) -> Any:
        return self._call

    def _call(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        if operation == "ReceiveMessage":
            most = arguments["MaxNumberOfMessages"]
            given, self.waiting = self.waiting[:most], self.waiting[most:]
            return {"Messages": given} if given else {}
        assert operation == "DeleteMessageBatch"
        self.left -= len(arguments["Entries"])
        if self.left == 0:
            self.empty.set()
        return {}


class Worker:
    """Stands for the function and its workers."""

    name = "write_audit_log"
    most_workers = 1

    def __init__(self) -> None:
        self.batches: list[int] = []

    def invoke(self, event: bytes) -> Answer:
        self.batches.append(len(json.loads(event)["Records"]))
        return Answer("request", b'{"batchItemFailures": []}')


def batches(bodies: list[str], **properties: Any) -> list[int]:
    """Return the sizes of the batches in which a queue's messages reach the function."""
    queue, worker = Queue(bodies), Worker()
    said = {"Queue": "arn", "FunctionResponseTypes": ["ReportBatchItemFailures"], **properties}
    made: Any = SqsMapping
    mapping: SqsMapping = made(worker, worker, said, queue, "http://sqs/queue")
    mapping.start()
    assert queue.empty.wait(timeout=20)
    mapping.close()
    return worker.batches


@pytest.mark.parametrize(
    ("size", "messages", "expected"), [(10, 25, [10, 10, 5]), (1000, 25, [25]), (20, 45, [20, 20, 5])]
)
def test_a_batch_may_be_larger_than_one_receive(size: int, messages: int, expected: list[int]) -> None:
    assert batches(["x"] * messages, BatchSize=size) == expected


def test_a_batch_ends_before_its_event_is_larger_than_lambda_takes() -> None:
    body = "x" * 200_000
    sizes = batches([body] * 45, BatchSize=1000)
    assert sum(sizes) == 45
    assert max(sizes) * len(body) <= 6 * 1024 * 1024
    assert sizes[0] * len(body) >= MOST_BYTES
