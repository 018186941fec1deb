"""One mailbox and many workers on the emulator: `python -P busy_emulator.py` prints its figures as JSON.

The template, the function deliver and the emulator are those of the build whose packages are first on PYTHONPATH.
Workers are threads of one process, with the emulator in it. The CPU time of all counts, that of lost races too; only
ratios have a meaning.
"""

from __future__ import annotations

import contextlib
import io
import json
import statistics
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.pipeline import MESSAGE, Pipeline, pipeline
from postroom.contracts.orders import DeliveryOrder, RawLocation

ORDERS: Final = 1_000
WORKERS: Final = 8
BATCH: Final = 10
"""Most messages of one call of SQS, and of a batch of deliver."""

QUIET_SECONDS: Final = 8.0
"""With nothing delivered for so long, what is left waits for the queue's visibility timeout."""


@dataclass
class Run:
    """A queue of orders, and when each was delivered. ``waits`` are seconds since the workers' start."""

    stations: Pipeline
    number: int
    began: float = 0.0
    waits: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        (event,) = (
            each
            for each in self.stations.stack.project.events
            if each.function.logical_id == "DeliverFunction" and each.kind == "SQS"
        )
        self.name, self.arn = event.function.logical_id, event.properties["Queue"]
        self.sqs = self.stations.stack.client("sqs")
        self.url = self.sqs.get_queue_url(QueueName=self.arn.rpartition(":")[2])["QueueUrl"]

    def send(self, bodies: list[str]) -> None:
        """Put orders into the queue."""
        for start in range(0, len(bodies), BATCH):
            entries: Any = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[start : start + BATCH])]
            self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)

    def work(self) -> None:
        """Invoke deliver with batches until all is delivered, or nothing more comes."""
        last = time.monotonic()
        while len(self.waits) < self.number and time.monotonic() - last < QUIET_SECONDS:
            if self._serve():
                last = time.monotonic()
            else:
                time.sleep(0.02)

    def _serve(self) -> bool:
        names: Any = ["All"]
        found = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=BATCH, AttributeNames=names)
        messages = {message["MessageId"]: message for message in found.get("Messages", [])}
        if not messages:
            return False
        records = [_record(message, self.arn) for message in messages.values()]
        answer = self.stations.stack.functions.invoke(self.name, json.dumps({"Records": records}).encode())
        failed = {each["itemIdentifier"] for each in json.loads(answer["Payload"].read())["batchItemFailures"]}
        done = [message["ReceiptHandle"] for name, message in messages.items() if name not in failed]
        if done:
            entries: Any = [{"Id": str(n), "ReceiptHandle": handle} for n, handle in enumerate(done)]
            self.sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)
        with self._lock:
            self.waits += [time.monotonic() - self.began] * len(done)
        return True


def _record(message: Any, arn: str) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": "us-east-1",
    }


def orders(stations: Pipeline, address: str, mailbox_id: str, number: int) -> list[str]:
    """Return listed orders of as many flows for one mailbox; all have the same raw message."""
    bucket = stations.stack.settings()["INBOUND_BUCKET"]
    stations.stack.client("s3").put_object(Bucket=bucket, Key="inbound/busy", Body=MESSAGE)
    return [
        DeliveryOrder(
            trace=f"{number:032x}",
            organization_id=stations.organization.id,
            mailbox_id=mailbox_id,
            recipient=address,
            delivered_to=address,
            envelope_from="bob@example.org",
            folder="INBOX",
            raw=RawLocation(bucket=bucket, key="inbound/busy"),
            size=len(MESSAGE),
            received_at=time.time_ns() // 1_000_000,
            listed=True,
        ).message
        for number in range(1, number + 1)
    ]


def measure(workers: int = WORKERS, number: int = ORDERS) -> dict[str, float]:
    """Deliver orders that all wait at the beginning.

    Returns:
        ``rate``: messages per second of CPU time; ``median`` and ``longest``: seconds from the beginning to a delivery;
        ``waiting``: number of orders that wait for the visibility timeout.
    """
    with pipeline() as stations, contextlib.redirect_stdout(io.StringIO()):
        address = stations.add_user("ann.archer")
        directory = stations.stack.operator().directory
        mailbox_id = directory.resolve(stations.organization.id, [address])[address].entity_id
        run = Run(stations, number)
        run.send(orders(stations, address, mailbox_id, number))
        threads = [threading.Thread(target=run.work) for _ in range(workers)]
        run.began, began = time.monotonic(), time.process_time()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        taken = time.process_time() - began
        items = stations.stack.operator().mailboxes.items(mailbox_id, "INBOX", limit=10 * number)
        if len(items) != len(run.waits):
            raise RuntimeError("a message was lost or delivered twice")
    waits = sorted(run.waits)
    return {
        "rate": len(waits) / taken,
        "median": statistics.median(waits),
        "longest": waits[-1],
        "waiting": number - len(waits),
    }


if __name__ == "__main__":
    json.dump(measure(*map(int, sys.argv[1:])), sys.stdout)
