"""Lambda's message to the failure destination of a stream: the position of the records, never the records themselves.

Source: Lambda Developer Guide, "Retain discarded records for a DynamoDB data source in Lambda".
"""

from __future__ import annotations

from datetime import datetime

from pydantic import Field, ValidationError

from postroom.contracts.base import Received
from postroom.errors import InvalidNotificationError


class StreamBatch(Received):
    """Consecutive records of one shard. The times are those at which the first and the last one entered the stream."""

    shard: str = Field(alias="shardId")
    first: str = Field(alias="startSequenceNumber")
    last: str = Field(alias="endSequenceNumber")
    first_arrival: datetime = Field(alias="approximateArrivalOfFirstRecord")
    last_arrival: datetime = Field(alias="approximateArrivalOfLastRecord")
    size: int = Field(alias="batchSize", ge=1)


class StreamFailure(Received):
    """One message of the failure destination."""

    batch: StreamBatch = Field(alias="DDBStreamBatchInfo")


def read_stream_failure(body: str) -> StreamBatch:
    """Read a failure destination's message from an SQS body.

    Raises:
        InvalidNotificationError: the body is no such message.
    """
    try:
        return StreamFailure.model_validate_json(body).batch
    except ValidationError as error:
        raise InvalidNotificationError("not a batch of a stream") from error
