"""Queues between stations, in SQS."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from postroom.adapters.aws.transactions import store_errors
from postroom.contracts.between_stations import Station
from postroom.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mypy_boto3_sqs import SQSClient

    from postroom.contracts.between_stations import BounceOrder, CallPointer, FactPointer, Order, ParkedPointer

CAUSE: Final = "cause"
"""Message attribute that says why something is given up, or parked."""

BATCH: Final = 10
"""Most messages of one SendMessageBatch. Source: SQS Developer Guide, quotas."""


@dataclass(frozen=True, slots=True)
class SqsOnward:
    """``Onward``: the queues' URLs by station. A bounce waits ``bounce_delay`` seconds, so that others can join it."""

    client: SQSClient
    urls: Mapping[Station, str]
    bounce_delay: int = 0

    def send(self, orders: Iterable[Order]) -> None:
        by_station: dict[Station, list[tuple[str, str]]] = {}
        for order in orders:
            by_station.setdefault(order.station, []).append((order.message, order.group))
        for station, bodies in by_station.items():
            delay = self.bounce_delay if station is Station.BOUNCE else 0
            send_all(self.client, self.urls[station], bodies, delay=delay)


@dataclass(frozen=True, slots=True)
class SqsRuleCalls:
    """``RuleCalls``."""

    client: SQSClient
    url: str

    def send(self, call: CallPointer, *, delay: int = 0) -> None:
        send_all(self.client, self.url, [(call.model_dump_json(), call.group)], delay=delay)


@dataclass(frozen=True, slots=True)
class SqsBounceOrders:
    """``BounceOrders``; an organization is a fair queue's group."""

    client: SQSClient
    url: str

    def send(self, orders: Iterable[BounceOrder], *, delay: int = 0) -> None:
        bodies = ((order.model_dump_json(), order.organization_id) for order in orders)
        send_all(self.client, self.url, bodies, delay=delay)


@dataclass(frozen=True, slots=True)
class SqsArrivals:
    """``Arrivals``."""

    client: SQSClient
    url: str

    def send(self, notification: str) -> None:
        with store_errors("send to ingest"):
            self.client.send_message(QueueUrl=self.url, MessageBody=notification)


@dataclass(frozen=True, slots=True)
class SqsEventRetries:
    """``EventRetries``; an organization is a fair queue's group."""

    client: SQSClient
    url: str

    def send(self, pointers: Iterable[FactPointer], *, delay: int = 0) -> None:
        bodies = ((pointer.model_dump_json(), pointer.organization_id) for pointer in pointers)
        send_all(self.client, self.url, bodies, delay=delay)


@dataclass(frozen=True, slots=True)
class SqsParkedNotices:
    """``ParkedNotices``."""

    client: SQSClient
    url: str

    def send(self, pointer: ParkedPointer, cause: str) -> None:
        with store_errors("send to the parked queue"):
            self.client.send_message(
                QueueUrl=self.url,
                MessageBody=pointer.model_dump_json(),
                MessageAttributes={CAUSE: {"DataType": "String", "StringValue": cause}},
            )


@dataclass(frozen=True, slots=True)
class SqsDeadLetters:
    """A station's dead-letter queue, for what the station itself gives up on; park reads it."""

    client: SQSClient
    url: str

    def send(self, body: str, cause: str) -> None:
        """Send a message with its cause as message attribute ``cause``.

        Raises:
            StoreUnavailableError: it may not have arrived; send it again.
        """
        with store_errors("send to the dead letters"):
            self.client.send_message(
                QueueUrl=self.url,
                MessageBody=body,
                MessageAttributes={CAUSE: {"DataType": "String", "StringValue": cause}},
            )


def send_all(client: SQSClient, url: str, bodies: Iterable[tuple[str, str]], *, delay: int = 0) -> None:
    """Send bodies with their fair-queue groups, ten at a time.

    Raises:
        StoreUnavailableError: SQS took not all of them.
    """
    for batch in _batches(bodies):
        entries = [
            {"Id": str(place), "MessageBody": body, "MessageGroupId": group, "DelaySeconds": delay}
            for place, (body, group) in enumerate(batch)
        ]
        with store_errors("send to a station"):
            answer = client.send_message_batch(QueueUrl=url, Entries=entries)  # type: ignore[arg-type]
        if answer.get("Failed"):
            codes = sorted({failed["Code"] for failed in answer["Failed"]})
            raise StoreUnavailableError(f"SQS refused part of a batch: {', '.join(codes)}")


def _batches(bodies: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Cut into batches of at most ten; one body is below 2 KB, so the batch's byte limit is never near."""
    waiting = iter(bodies)
    while batch := list(islice(waiting, BATCH)):
        yield batch
