"""Queues between stations, in SQS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.adapters.aws.queue_limits import BATCH, MAX_CALL_BYTES
from postroom.adapters.aws.transactions import store_errors
from postroom.contracts.batching import batches
from postroom.contracts.orders import STATIONS
from postroom.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

    from postroom.ports.queues import Message

CAUSE: Final = "cause"
"""Message attribute with the reason for giving a message up."""


@dataclass(frozen=True, slots=True)
class SqsQueues:
    """Implements ``Queues``.

    Attributes:
        urls: of the queues by station, for the stations that the function may send to.
        shortened_s: returns a station's own delay, in seconds, divided by the speed of the stack.
    """

    client: SQSClient
    urls: Mapping[str, str]
    shortened_s: Callable[[float], int] = int

    def send(self, messages: Iterable[Message], *, delay_s: int | None = None) -> None:
        waiting: dict[str, list[Message]] = {}
        for message in messages:
            batch = waiting.setdefault(message.station, [])
            batch.append(message)
            if len(batch) == BATCH:
                self._send_all(message.station, waiting.pop(message.station), delay_s)
        for station, batch in waiting.items():
            self._send_all(station, batch, delay_s)

    def _send_all(self, station: str, messages: Sequence[Message], delay_s: int | None) -> None:
        """Send at most ten messages to one queue. Most are below 2 KB; an order for 500 recipients may have 170 KB."""
        for batch in batches(messages, lambda each: len(each.message.encode()), max_bytes=MAX_CALL_BYTES):
            self._send_batch(station, batch, delay_s)

    def _send_batch(self, station: str, messages: Sequence[Message], delay_s: int | None) -> None:
        """Send one batch.

        Raises:
            StoreUnavailableError: SQS did not accept all of them.
        """
        own_s = self.shortened_s(STATIONS[station].delay_s) if delay_s is None else delay_s
        entries = [_entry(place, message, own_s) for place, message in enumerate(messages)]
        with store_errors("send to a station"):
            answer = self.client.send_message_batch(QueueUrl=self.urls[station], Entries=entries)
        if answer.get("Failed"):
            codes = sorted({failed["Code"] for failed in answer["Failed"]})
            raise StoreUnavailableError(f"SQS refused part of a batch: {', '.join(codes)}")


COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
"""Attributes of a queue that together count its messages."""


@dataclass(frozen=True, slots=True)
class SqsBacklogs:
    """Implements ``Backlogs``. ``urls`` of the queues by station."""

    client: SQSClient
    urls: Mapping[str, str]

    def messages(self, station: str) -> int:
        if station not in self.urls:
            return 0
        with store_errors("ask a queue for its backlog"):
            answer = self.client.get_queue_attributes(QueueUrl=self.urls[station], AttributeNames=[*COUNTS])
        return sum(int(answer["Attributes"][name]) for name in COUNTS)


@dataclass(frozen=True, slots=True)
class SqsDeadLetters:
    """Sends messages that a station gives up to the queue of dead letters, which park reads."""

    client: SQSClient
    url: str

    def send(self, body: str, cause: str) -> None:
        """Send a message with its cause as message attribute ``cause``.

        Raises:
            StoreUnavailableError: the message may not be in the queue; send it again.
        """
        with store_errors("send to the dead letters"):
            self.client.send_message(
                QueueUrl=self.url,
                MessageBody=body,
                MessageAttributes={CAUSE: {"DataType": "String", "StringValue": cause}},
            )


def _entry(place: int, message: Message, delay_s: int) -> SendMessageBatchRequestEntryTypeDef:
    entry: SendMessageBatchRequestEntryTypeDef = {
        "Id": str(place),
        "MessageBody": message.message,
        "DelaySeconds": delay_s,
    }
    if message.group:
        entry["MessageGroupId"] = message.group
    return entry
