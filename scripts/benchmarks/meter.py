"""Counts what calls of AWS cost, as price lists count; listens to the clients of ``adapters/aws/clients``.

A call without a price stops the count, so that a new call is never counted as free.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import boto3
from moto.dynamodb.models.dynamo_type import DynamoType

from benchmarks.prices import Unit
from local.emulator.sizes import item_size
from postroom.adapters.aws import clients

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

KB: Final = 1024
LOG_LINE_OVERHEAD: Final = 26
"""Bytes that CloudWatch Logs adds to each event. Source: PutLogEvents."""

FREE: Final = frozenset(
    {
        "AbortMultipartUpload",
        "AssumeRole",
        "CreateLogGroup",
        "CreateLogStream",
        "DeleteObjects",
        "DescribeDeliveries",
        "DescribeDeliveryDestinations",
        "DescribeDeliverySources",
        "DescribeLogGroups",
        "DescribeResourcePolicies",
        "GetPolicy",
        "ListRules",
        "ListTagsForDeliveryStream",
        "PutRetentionPolicy",
    }
)
"""Calls without a price."""

BY_CALL: Final = {
    "PutObject": Unit.S3_PUT,
    "CreateMultipartUpload": Unit.S3_PUT,
    "UploadPart": Unit.S3_PUT,
    "CompleteMultipartUpload": Unit.S3_PUT,
    "ListMultipartUploads": Unit.S3_PUT,
    "ListObjectsV2": Unit.S3_PUT,
    "GetBucketPolicy": Unit.S3_GET,
    "GetBucketPolicyStatus": Unit.S3_GET,
    "GetObject": Unit.S3_GET,
    "HeadObject": Unit.S3_GET,
    "DeleteObject": Unit.S3_DELETE,
    "GetQueueAttributes": Unit.SQS,
    "Decrypt": Unit.KMS,
    "GenerateDataKey": Unit.KMS,
    "GenerateDataKeyWithoutPlaintext": Unit.KMS,
    "Invoke": Unit.LAMBDA_REQUEST,
    "SendEmail": Unit.SES_SENT,
}
"""Calls that cost the same whatever they carry."""

TRANSACTIONAL: Final = 2
"""Units that a transaction takes for each ordinary one. Source: DynamoDB's pricing page."""


def chunks(size: int, of: int) -> int:
    """Return how many pieces of at most ``of`` bytes a size takes; at least one."""
    return max(1, -(-size // of))


def row_bytes(row: Mapping[str, Any]) -> int:
    """Return the size of a row in DynamoDB's own typing, as DynamoDB counts it."""
    return item_size({name: DynamoType(dict(value)) for name, value in row.items()})


@dataclass
class Meter:
    """``units`` counts by (function, unit), ``calls`` by (function, operation); ``function`` is the present caller.

    Tables must have no secondary indexes: their writes would cost more than is counted here.
    """

    units: Counter[tuple[str, Unit]] = field(default_factory=Counter)
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    function: str = ""
    _lock: Lock = field(default_factory=Lock)
    """Functions that read ahead call from threads."""

    def add(self, unit: Unit, count: float = 1) -> None:
        """Count units of the function that runs."""
        self.units[self.function, unit] += count  # type: ignore[assignment]  # half read units

    @contextmanager
    def of(self, function: str) -> Iterator[None]:
        """Count what a function calls within."""
        self.function = function
        try:
            yield
        finally:
            self.function = ""

    def listen(self) -> None:
        """Listen to every client that functions make from now on."""
        self._tables = boto3.client("dynamodb")
        events: Any = clients.session()
        events.register("before-parameter-build.*.*", self._begin)
        events.register("after-call.*.*", self._end)

    def _begin(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        if self.function:
            context["bench"] = (params, self._stored(model.name, params))

    def _end(self, model: Any, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        if "bench" not in context:
            return
        with self._lock:
            self._count(model.name, parsed, *context["bench"])

    def _count(self, operation: str, parsed: dict[str, Any], params: Any, before: list[int]) -> None:
        self.calls[self.function, operation] += 1
        if operation in BY_CALL:
            self.add(BY_CALL[operation])
        elif operation in _COUNTED:
            _COUNTED[operation](self, params, parsed, before)
        elif operation not in FREE:
            raise LookupError(f"no price is known for {operation}")

    def _stored(self, operation: str, params: Mapping[str, Any]) -> list[int]:
        """Return the sizes of the rows that a write meets, in its order."""
        return [self._size(write["TableName"], _key(write)) for write in _writes(operation, params)]

    def _size(self, table: str, key: Mapping[str, Any]) -> int:
        row = self._tables.get_item(TableName=table, Key=dict(key), ConsistentRead=True).get("Item")
        return row_bytes(row) if row else 0

    def _written(self, operation: str, params: Mapping[str, Any], before: list[int], factor: int) -> None:
        """Count writes: each by the larger of the row before and after. Source: DynamoDB developer guide."""
        for write, old in zip(_writes(operation, params), before, strict=True):
            new = self._size(write["TableName"], _key(write))
            self.add(Unit.DYNAMODB_WRITE, factor * chunks(max(old, new), KB))


def _writes(operation: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    if operation == "TransactWriteItems":
        return [write for item in params["TransactItems"] for write in item.values()]
    if operation == "BatchWriteItem":
        found = ((table, each["PutRequest"]) for table, rows in params["RequestItems"].items() for each in rows)
        return [{**request, "TableName": table} for table, request in found]
    return [dict(params)] if operation in {"PutItem", "UpdateItem", "DeleteItem"} else []


def _key(write: Mapping[str, Any]) -> Mapping[str, Any]:
    whole = write.get("Key") or write["Item"]
    return {"pk": whole["pk"], "sk": whole["sk"]}


def _read_units(params: Mapping[str, Any], size: int) -> float:
    return chunks(size, 4 * KB) * (1 if params.get("ConsistentRead") else 0.5)


def _get_item(meter: Meter, params: Any, answer: Any, _: Any) -> None:
    meter.add(Unit.DYNAMODB_READ, _read_units(params, row_bytes(answer.get("Item", {}))))


def _batch_get_item(meter: Meter, params: Any, answer: Any, _: Any) -> None:
    for table, wanted in params["RequestItems"].items():
        found = answer["Responses"].get(table, [])
        sizes = [row_bytes(row) for row in found] + [0] * (len(wanted["Keys"]) - len(found))
        for size in sizes:
            meter.add(Unit.DYNAMODB_READ, _read_units(wanted, size))


def _query(meter: Meter, params: Any, answer: Any, _: Any) -> None:
    meter.add(Unit.DYNAMODB_READ, _read_units(params, sum(map(row_bytes, answer["Items"]))))


def _transact_write(meter: Meter, params: Any, _: Any, before: list[int]) -> None:
    meter._written("TransactWriteItems", params, before, TRANSACTIONAL)  # noqa: SLF001  one of its own


def _single_write(operation: str) -> Callable[[Meter, Any, Any, list[int]], None]:
    def count(meter: Meter, params: Any, _: Any, before: list[int]) -> None:
        meter._written(operation, params, before, 1)  # noqa: SLF001  one of its own

    return count


def _send(meter: Meter, params: Any, _: Any, __: Any) -> None:
    entries = params.get("Entries", [params])
    requests = chunks(sum(len(entry["MessageBody"].encode()) for entry in entries), 64 * KB)
    meter.add(Unit.SQS, requests)
    if any("MessageGroupId" in entry for entry in entries):
        meter.add(Unit.SQS_FAIR, requests)


def _put_log_events(meter: Meter, params: Any, _: Any, __: Any) -> None:
    size = sum(len(event["message"].encode()) + LOG_LINE_OVERHEAD for event in params["logEvents"])
    meter.add(Unit.LOGS, size)


def _put_record_batch(meter: Meter, params: Any, _: Any, __: Any) -> None:
    meter.add(Unit.FIREHOSE, sum(chunks(len(each["Data"]), 5 * KB) for each in params["Records"]))


def _put_events(meter: Meter, params: Any, _: Any, __: Any) -> None:
    for entry in params["Entries"]:
        size = 14 + sum(len(entry[name].encode()) for name in ("Source", "DetailType", "Detail"))
        meter.add(Unit.EVENTS, chunks(size, 64 * KB))


_COUNTED: Final[dict[str, Callable[[Meter, Any, Any, list[int]], None]]] = {
    "GetItem": _get_item,
    "BatchGetItem": _batch_get_item,
    "Query": _query,
    "Scan": _query,
    "TransactWriteItems": _transact_write,
    **{name: _single_write(name) for name in ("BatchWriteItem", "PutItem", "UpdateItem", "DeleteItem")},
    "SendMessage": _send,
    "SendMessageBatch": _send,
    "PutLogEvents": _put_log_events,
    "PutEvents": _put_events,
    "PutRecordBatch": _put_record_batch,
}
"""Calls that cost by what they carry."""
