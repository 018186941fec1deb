"""DynamoDB Streams: records that share the items they show, iterators that hold their own position."""

from __future__ import annotations

import base64
import json
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

from moto.core.exceptions import JsonRESTError
from moto.dynamodb.models.table import StreamShard
from moto.dynamodb.models.utilities import dynamo_json_dump
from moto.dynamodbstreams.models import DynamoDBStreamsBackend
from moto.dynamodbstreams.responses import DynamoDBStreamsHandler

from local.emulator.sizes import item_size
from local.emulator.writes import LOCK

if TYPE_CHECKING:
    from moto.dynamodb.models.dynamo_type import Item
    from moto.dynamodb.models.table import Table

MAX_RECORDS: Final = 1000
"""Records of one GetRecords answer. Source: API reference, GetRecords."""

_original_call_action = DynamoDBStreamsHandler.call_action


class Record:
    """One change, as it is shown when it is read.

    moto copies both images and writes them out as JSON to count them, read or not. Items are never changed in place
    here (see ``writes``), so that a record may point to them.
    """

    __slots__ = ("_made_at", "_new", "_old", "_sequence_number", "_table")

    def __init__(self, table: Table, old: Item | None, new: Item | None, sequence_number: int) -> None:
        self._table = table
        self._old = old
        self._new = new
        self._sequence_number = sequence_number
        self._made_at = int(time.time())

    def to_json(self) -> dict[str, Any]:
        """Return the record as GetRecords shows it."""
        table, old, new = self._table, self._old, self._new
        view = table.stream_specification["StreamViewType"]
        attributes = (new or old).attrs  # type: ignore[union-attr]  # a change has one of them at least
        images = {}
        if new is not None and view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES"):
            images["NewImage"] = new.to_json()["Attributes"]
        if old is not None and view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES"):
            images["OldImage"] = old.to_json()["Attributes"]
        name = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
        return {
            "eventID": uuid.uuid5(uuid.NAMESPACE_URL, f"{table.table_arn}/{self._sequence_number}").hex,
            "eventName": name,
            "eventSource": "aws:dynamodb",
            "eventVersion": "1.1",
            "awsRegion": table.region_name,
            "dynamodb": {
                "ApproximateCreationDateTime": self._made_at,
                "Keys": {key: attributes[key].to_json() for key in table.table_key_attrs},
                **images,
                "SequenceNumber": str(self._sequence_number),
                "SizeBytes": sum(item_size(one.attrs) for one in (old, new) if one is not None),
                "StreamViewType": view,
            },
        }


class Iterator:
    """A place in a shard: the position of the next record, in the text that the client gets.

    moto draws a random name for each iterator and remembers all of them, two with every GetRecords.
    """

    def __init__(self, stream_arn: str, position: int) -> None:
        self._stream_arn = stream_arn
        self._position = position

    @property
    def arn(self) -> str:
        """The iterator as the client sees it."""
        return f"{self._stream_arn}|1|{base64.b64encode(json.dumps(self._position).encode()).decode()}"


def add(self: StreamShard, old: Item | None, new: Item | None) -> None:
    """Append one change."""
    self.items.append(Record(self.table, old, new, self.starting_sequence_number + len(self.items)))


def call_action(self: DynamoDBStreamsHandler) -> Any:
    """Read a stream only between writes."""
    with LOCK:
        return _original_call_action(self)


def get_shard_iterator(
    self: DynamoDBStreamsBackend, arn: str, shard_id: str, shard_iterator_type: str, sequence_number: int | None = None
) -> Iterator:
    """Return an iterator of one of the four types."""
    shard: StreamShard = self._get_table_from_arn(arn).stream_shard
    if shard is None or shard.id != shard_id:
        raise JsonRESTError(
            "ResourceNotFoundException", f"Requested resource not found: Shard {shard_id} does not exist"
        )
    first = shard.starting_sequence_number
    position = {
        "TRIM_HORIZON": 0,
        "LATEST": len(shard.items),
        "AT_SEQUENCE_NUMBER": (sequence_number or first) - first,
        "AFTER_SEQUENCE_NUMBER": (sequence_number or first) - first + 1,
    }[shard_iterator_type]
    return Iterator(arn, position)


def get_records(self: DynamoDBStreamsBackend, iterator_arn: str, limit: int) -> dict[str, Any]:
    """Return the records at an iterator and the iterator behind them."""
    stream_arn, _, place = iterator_arn.split("|")
    shard: StreamShard = self._get_table_from_arn(stream_arn).stream_shard
    position: int = json.loads(base64.b64decode(place))
    records = [record.to_json() for record in shard.items[position : position + min(limit, MAX_RECORDS)]]
    return {"NextShardIterator": Iterator(stream_arn, position + len(records)).arn, "Records": records}


def answer_get_records(self: DynamoDBStreamsHandler) -> str:
    """Answer GetRecords as JSON; moto walks botocore's model for each attribute, a second for a thousand records."""
    self.response_headers["Content-Type"] = "application/x-amz-json-1.0"
    limit = self._get_param("Limit") or MAX_RECORDS
    return str(dynamo_json_dump(self.backend.get_records(self._get_param("ShardIterator"), limit)))


def apply() -> None:
    """Put the functions above in place of moto's."""
    StreamShard.add = add
    DynamoDBStreamsHandler.call_action = call_action
    DynamoDBStreamsHandler.get_records = answer_get_records
    DynamoDBStreamsBackend.get_shard_iterator = get_shard_iterator
    DynamoDBStreamsBackend.get_records = get_records
