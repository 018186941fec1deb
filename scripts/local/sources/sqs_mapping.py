"""Event source mappings of SQS queues.

Source: AWS, "Using Lambda with Amazon SQS". Messages of a failed batch, or that the function names as failed, are
not deleted: they come back after the queue's visibility timeout, and its redrive policy applies.
"""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from local.aws import ServiceError
from local.functions.pool import ThrottledError
from local.settings import REGION
from local.sources.batches import ALL_FAILED, failed_items
from local.sources.filters import passes, patterns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.aws import Aws
    from local.functions.function import Function
    from local.functions.pool import WorkerPool

LONG_POLL_SECONDS: Final = 5
"""How long one call waits at an empty queue; a message ends the wait at once."""

MOST_PER_RECEIVE: Final = 10
"""Source: AWS, ReceiveMessage."""

MOST_PER_MESSAGE: Final = 262_144
"""Largest message, in bytes. Source: SQS's limit until August 2025, which the emulator still has."""

MOST_BYTES: Final = 6 * 1024 * 1024 - MOST_PER_RECEIVE * MOST_PER_MESSAGE
"""Bodies of a batch, in bytes, from which no more is received: Lambda ends a batch before its event has more than 6 MB.
Source: AWS, "Configuring scalability for SQS event source mappings", batching."""

_AFTER_ERROR: Final = 0.5
"""Seconds before the next try after the emulator refused. Ours."""

_THROTTLED: Final = 0.2
"""Seconds before a throttled batch is invoked again. Ours; AWS backs off up to the visibility timeout."""


class SqsMapping:
    """Polls one queue for one function; stops within a long poll."""

    def __init__(self, function: Function, pool: WorkerPool, properties: Mapping[str, Any], aws: Aws, url: str) -> None:
        """Read the mapping's properties; `start` begins to poll.

        Args:
            function: to invoke.
            pool: its workers.
            properties: of the SAM event: BatchSize, MaximumBatchingWindowInSeconds, FunctionResponseTypes,
                ScalingConfig, FilterCriteria.
            aws: the emulator.
            url: of the queue.
        """
        self.name = f"{url.rpartition('/')[2]} → {function.name}"
        self._function = function
        self._pool = pool
        self._url = url
        self._arn = str(properties["Queue"])
        self._size = int(properties.get("BatchSize", MOST_PER_RECEIVE))
        self._window = float(properties.get("MaximumBatchingWindowInSeconds", 0))
        self._reports = "ReportBatchItemFailures" in properties.get("FunctionResponseTypes", ())
        self._patterns = patterns(properties.get("FilterCriteria"))
        most = int(properties.get("ScalingConfig", {}).get("MaximumConcurrency", function.most_workers))
        self._most = min(most, function.most_workers) or 1
        self._free = threading.Semaphore(self._most)
        self._sqs = aws.json("sqs")
        self._stop = threading.Event()
        self._executor = ThreadPoolExecutor(self._most, thread_name_prefix=self.name)
        self._thread = threading.Thread(target=self._poll, name=self.name, daemon=True)

    def start(self) -> None:
        """Poll from now on."""
        self._thread.start()

    def close(self) -> None:
        """Poll no more; batches under way end with their workers."""
        self._stop.set()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _poll(self) -> None:
        while not self._stop.is_set():
            self._free.acquire()
            try:
                messages = self._gather()
            except (OSError, ServiceError):
                messages = []
                self._stop.wait(_AFTER_ERROR)
            if not messages or self._stop.is_set():
                self._free.release()
                continue
            self._executor.submit(self._handle, messages)

    def _gather(self) -> list[dict[str, Any]]:
        """Receive until the batch is full, its event is large, or the window is over.

        Without a window: until the queue is empty.
        """
        messages = self._receive(min(self._size, MOST_PER_RECEIVE), LONG_POLL_SECONDS)
        closes = time.monotonic() + self._window
        while messages and len(messages) < self._size and _bytes(messages) < MOST_BYTES and not self._stop.is_set():
            left = closes - time.monotonic()
            if left <= 0 and self._size <= MOST_PER_RECEIVE:
                break
            more = self._receive(min(self._size - len(messages), MOST_PER_RECEIVE), min(int(max(left, 0)), 5))
            messages += more
            if not more and left <= 0:
                break
            if not more:
                self._stop.wait(min(left, 0.05))
        return messages

    def _receive(self, most: int, wait: int) -> list[dict[str, Any]]:
        answer = self._sqs(
            "ReceiveMessage",
            QueueUrl=self._url,
            MaxNumberOfMessages=most,
            WaitTimeSeconds=wait,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def _handle(self, messages: list[dict[str, Any]]) -> None:
        try:
            records = {message["MessageId"]: _record(message, self._arn) for message in messages}
            wanted = {key: record for key, record in records.items() if passes(_filtered(record), self._patterns)}
            done = [message for message in messages if message["MessageId"] not in wanted]
            if wanted:
                failed = self._invoke(list(wanted.values()))
                if failed is not ALL_FAILED:
                    done += [one for one in messages if one["MessageId"] in wanted and one["MessageId"] not in failed]
            self._delete(done)
        except (OSError, ServiceError):
            self._stop.wait(_AFTER_ERROR)  # undeleted messages come back after their visibility timeout
        finally:
            self._free.release()

    def _invoke(self, records: list[dict[str, Any]]) -> frozenset[str] | None:
        event = json.dumps({"Records": records}, ensure_ascii=False).encode()
        while not self._stop.is_set():
            try:
                answer = self._pool.invoke(event)
            except ThrottledError:
                self._stop.wait(_THROTTLED)
                continue
            return failed_items(answer, [record["messageId"] for record in records], reports=self._reports)
        return ALL_FAILED

    def _delete(self, messages: list[dict[str, Any]]) -> None:
        for first in range(0, len(messages), MOST_PER_RECEIVE):
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages[first : first + MOST_PER_RECEIVE])
            ]
            self._sqs("DeleteMessageBatch", QueueUrl=self._url, Entries=entries)


def _bytes(messages: list[dict[str, Any]]) -> int:
    return sum(len(message["Body"].encode()) for message in messages)


def _record(message: Mapping[str, Any], arn: str) -> dict[str, Any]:
    """Turn what ReceiveMessage gives into Lambda's record. Source: AWS, "Example Amazon SQS message event"."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": REGION,
    }


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key[0].lower() + key[1:]: value[key] for key in ("StringValue", "BinaryValue") if key in value}
    return {**kept, "stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}


def _filtered(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record as patterns see it: a body that is JSON is looked into."""
    try:
        return {**record, "body": json.loads(record["body"])}
    except ValueError:
        return dict(record)
