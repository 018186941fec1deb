"""Event source mappings of DynamoDB streams: in order per shard, retried, halved, and at last reported to a queue.

Source: AWS, "Using AWS Lambda with Amazon DynamoDB", and for the failure record "Retain discarded batches".
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

from local.aws import ServiceError
from local.functions.invocations import send_to
from local.functions.pool import Answer, ThrottledError
from local.sources.batches import ALL_FAILED, failed_items
from local.sources.filters import passes, patterns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.aws import Aws
    from local.functions.function import Function
    from local.functions.pool import WorkerPool

Record = dict[str, Any]

MOST_PER_READ: Final = 1_000
"""Source: AWS, DynamoDB Streams GetRecords."""

MOST_BYTES: Final = 6_000_000
"""Largest batch, in bytes, with room for the envelope. Source: AWS, 6 MB of payload."""

BUSY_SLEEP: Final = 0.02
"""Seconds between reads while records come."""

IDLE_SLEEP: Final = 0.25
"""Seconds between reads after a while without any. AWS polls four times a second."""

RETRY_SLEEPS: Final = (0.1, 5.0)
"""Seconds before a failed batch is tried again: the first, doubled up to the last. Ours; AWS does not say."""

_GONE: Final = frozenset({"ExpiredIteratorException", "TrimmedDataAccessException"})


class StreamMapping:
    """Reads one stream for one function; a thread per shard."""

    def __init__(self, function: Function, pool: WorkerPool, properties: Mapping[str, Any], aws: Aws) -> None:
        """Read the mapping's properties; `start` begins to read.

        Args:
            function: to invoke.
            pool: its workers.
            properties: of the SAM event: Stream, StartingPosition, BatchSize, MaximumBatchingWindowInSeconds,
                BisectBatchOnFunctionError, MaximumRetryAttempts, MaximumRecordAgeInSeconds, FunctionResponseTypes,
                FilterCriteria, DestinationConfig. ParallelizationFactor is accepted and 1.
            aws: the emulator.
        """
        self.name = f"stream → {function.name}"
        self._function = function
        self._pool = pool
        self._aws = aws
        self._streams = aws.json("streams.dynamodb")
        self._arn = str(properties["Stream"])
        self._start = str(properties.get("StartingPosition", "LATEST"))
        self._size = int(properties.get("BatchSize", 100))
        self._window = float(properties.get("MaximumBatchingWindowInSeconds", 0))
        self._bisects = str(properties.get("BisectBatchOnFunctionError", False)).lower() == "true"
        self._retries = int(properties.get("MaximumRetryAttempts", -1))
        self._age = int(properties.get("MaximumRecordAgeInSeconds", -1))
        self._reports = "ReportBatchItemFailures" in properties.get("FunctionResponseTypes", ())
        self._patterns = patterns(properties.get("FilterCriteria"))
        self._destination = properties.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=self.name, daemon=True)

    def start(self) -> None:
        """Read from now on."""
        self._thread.start()

    def close(self) -> None:
        """Read no more; a batch under way ends with its worker."""
        self._stop.set()

    def _watch(self) -> None:
        """Find the shards, and new ones as they come; each is read by a thread of its own."""
        known: set[str] = set()
        while not self._stop.is_set():
            try:
                shards = self._streams("DescribeStream", StreamArn=self._arn)["StreamDescription"]["Shards"]
            except (OSError, ServiceError):
                shards = []
            for shard in shards:
                if shard["ShardId"] not in known:
                    position = self._start if not known else "TRIM_HORIZON"
                    known.add(shard["ShardId"])
                    arguments = (shard["ShardId"], position)
                    threading.Thread(target=self._read, args=arguments, name=self.name, daemon=True).start()
            self._stop.wait(30.0 if known else 0.5)

    def _iterator(self, shard: str, position: str, after: str | None) -> str:
        where = {"ShardIteratorType": position}
        if after is not None:
            where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": after}
        answer = self._streams("GetShardIterator", StreamArn=self._arn, ShardId=shard, **where)
        return str(answer["ShardIterator"])

    def _read(self, shard: str, position: str) -> None:
        iterator: str | None = None
        last: str | None = None
        waiting: list[Record] = []
        since = 0.0
        idle = BUSY_SLEEP
        while not self._stop.is_set():
            try:
                iterator = iterator or self._iterator(shard, position, last)
                answer = self._streams("GetRecords", ShardIterator=iterator, Limit=MOST_PER_READ)
            except (OSError, ServiceError) as error:
                # An expired iterator is replaced, after the last record that was read.
                iterator = None if isinstance(error, ServiceError) and error.code in _GONE else iterator
                self._stop.wait(IDLE_SLEEP)
                continue
            iterator = answer.get("NextShardIterator")
            records: list[Record] = answer.get("Records", [])
            if records:
                last = str(records[-1]["dynamodb"]["SequenceNumber"])
                since = since if waiting else time.monotonic()
                waiting += [one for one in map(self._complete, records) if passes(one, self._patterns)]
            while len(waiting) >= self._size or (waiting and time.monotonic() - since >= self._window):
                batch, waiting = waiting[: self._size], waiting[self._size :]
                self._process(shard, batch)
                if self._stop.is_set():
                    return
            if iterator is None and not waiting:
                return  # the shard is closed and read to its end
            idle = BUSY_SLEEP if records or waiting else min(idle * 1.5, IDLE_SLEEP)
            self._stop.wait(idle)

    def _complete(self, record: Record) -> Record:
        return {**record, "eventSourceARN": self._arn}

    def _process(self, shard: str, batch: list[Record]) -> None:
        """Process a batch until it is done, or given up after its retries and reported to the destination."""
        pending = _by_size(batch)
        while pending and not self._stop.is_set():
            pending = self._attempt(shard, pending[0], attempt=1) + pending[1:]

    def _attempt(self, shard: str, batch: list[Record], attempt: int) -> list[list[Record]]:
        """Invoke until the batch is done or given up; return what is left of it, halved if the mapping bisects."""
        while not self._stop.is_set():
            answer = self._invoke(batch)
            if answer is None:
                return []
            numbers = [str(record["dynamodb"]["SequenceNumber"]) for record in batch]
            failed = failed_items(answer, numbers, reports=self._reports)
            if failed == frozenset():
                return []
            if failed is not ALL_FAILED:
                # Records before the first failed one are done; the rest is a batch of its own.
                first = min(numbers.index(number) for number in failed)
                if first > 0:
                    return [batch[first:]]
            if self._bisects and len(batch) > 1:
                middle = len(batch) // 2
                return [batch[:middle], batch[middle:]]
            if self._is_over(batch, attempt):
                self._give_up(shard, batch, attempt, answer)
                return []
            self._stop.wait(min(RETRY_SLEEPS[0] * 2 ** (attempt - 1), RETRY_SLEEPS[1]))
            attempt += 1
        return []

    def _is_over(self, batch: list[Record], attempt: int) -> bool:
        too_often = 0 <= self._retries < attempt
        age = time.time() - float(batch[0]["dynamodb"].get("ApproximateCreationDateTime", time.time()))
        return too_often or 0 <= self._age < age

    def _invoke(self, batch: list[Record]) -> Answer | None:
        event = json.dumps({"Records": batch}, ensure_ascii=False).encode()
        while not self._stop.is_set():
            try:
                return self._pool.invoke(event)
            except ThrottledError:
                self._stop.wait(IDLE_SLEEP)
        return None

    def _give_up(self, shard: str, batch: list[Record], attempt: int, answer: Answer) -> None:
        if not self._destination:
            return
        info = {
            "shardId": shard,
            "startSequenceNumber": str(batch[0]["dynamodb"]["SequenceNumber"]),
            "endSequenceNumber": str(batch[-1]["dynamodb"]["SequenceNumber"]),
            "approximateArrivalOfFirstRecord": _time(batch[0]),
            "approximateArrivalOfLastRecord": _time(batch[-1]),
            "batchSize": len(batch),
            "streamArn": self._arn,
        }
        record = {
            "requestContext": {
                "requestId": answer.request_id or str(uuid.uuid4()),
                "functionArn": self._function.arn,
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": attempt,
            },
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": answer.error or "Unhandled",
            },
            "version": "1.0",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
            "DDBStreamBatchInfo": info,
        }
        while not self._stop.is_set():
            try:
                send_to(self._aws, str(self._destination), json.dumps(record))
            except (OSError, ServiceError):
                self._stop.wait(1.0)  # a batch that is not reported would be lost: hold the shard
            else:
                return


def _by_size(batch: list[Record]) -> list[list[Record]]:
    """Cut a batch into batches that fit a payload."""
    cut: list[list[Record]] = [[]]
    size = 0
    for record in batch:
        length = len(json.dumps(record, ensure_ascii=False).encode())
        if cut[-1] and size + length > MOST_BYTES:
            cut.append([])
            size = 0
        cut[-1].append(record)
        size += length
    return cut


def _time(record: Record) -> str:
    seconds = float(record["dynamodb"].get("ApproximateCreationDateTime", time.time()))
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))
