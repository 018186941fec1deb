"""The functions themselves, with queues, stream, schedule and time between them: what AWS does around our code.

A function that is killed starts anew, and what it had in hand is handed out again; a failed message comes again, and
after the queue's last attempt it is a dead letter, which park reads. Time passes only when somebody says so.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import random
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

import boto3
from moto.dynamodb.models import dynamodb_backends
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends
from moto.ses.models import ses_backends
from moto.sqs.models import sqs_backends

from local.emulator import standard_queue
from postroom.adapters.aws import clients
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.adapters.memory.customer_objects import MemoryBucket, MemoryCustomerObjects
from postroom.bootstrap import clock, directory_parts, parts
from postroom.bootstrap.settings import DirectorySettings, FlowSettings
from postroom.contracts.message_flow import S3Reference
from postroom.errors import TemporaryError
from postroom.message_flow.messages import MessageFlow
from postroom.model.facts import flow_message_id, trace_of
from tests.faults.faults import IN_ORDER, Handing
from tests.faults.injector import OPERATOR, Killed
from tests.support.builders import ORG, notification
from tests.support.pipeline import CONTEXT, Pipeline, load
from tests.support.stack import BUCKETS, TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

    from tests.faults.injector import Injector
    from tests.support.stack import Stack

HOUR: Final = 3600.0
ACCOUNT: Final = "123456789012"
REGION: Final = "us-east-1"
STREAM: Final = "LEDGER_TABLE"
WITNESS: Final = "bus-witness"
"""A queue that hears everything on the bus."""

MAPPINGS: Final[Mapping[str, str]] = {
    "INGEST_QUEUE_URL": "ingest",
    "RUN_SYNC_RULE_QUEUE_URL": "run_sync_rule",
    "RUN_ASYNC_RULE_QUEUE_URL": "run_async_rule",
    "DELIVER_QUEUE_URL": "deliver",
    "BOUNCE_QUEUE_URL": "bounce",
    "INGEST_DLQ_URL": "park",
    "RUN_SYNC_RULE_DLQ_URL": "park",
    "RUN_ASYNC_RULE_DLQ_URL": "park",
    "DELIVER_DLQ_URL": "park",
    "BOUNCE_DLQ_URL": "park",
    STREAM: "record_events",
    "RETRY_EVENTS_QUEUE_URL": "retry_events",
    "RETRY_EVENTS_DLQ_URL": "park",
}
"""Who reads what: queues by their variables' names, and the ledger's stream."""

ATTEMPTS: Final = 5
"""How often the schedule, or a person at the command line, tries what failed."""


MOST_BATCHES: Final = 2000
"""How many batches a run hands out at most; the largest need a tenth of that."""


class Clock:
    """The time that functions and queues see: the real one, and what was skipped. Nobody waits."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def time(self) -> float:
        return time.time() + self.skipped

    def time_ns(self) -> int:
        return time.time_ns() + int(self.skipped * 1e9)

    def sleep(self, seconds: float) -> None: ...


@dataclass(slots=True)
class Batch:
    """What a function gets at once. ``handles`` is where a queue's messages are deleted or given back."""

    source: str
    records: list[dict[str, Any]]
    handles: dict[str, str] = field(default_factory=dict)


@dataclass
class Harness:
    """One stack with its people, played on again and again. ``functions`` names those that run at all."""

    stack: Stack
    injector: Injector
    functions: frozenset[str]
    people: Callable[[Pipeline], None]
    clock: Clock = field(default_factory=Clock)
    handing: Handing = IN_ORDER
    letters: dict[str, bytes] = field(default_factory=dict)
    replaced: dict[str, bytes] = field(default_factory=dict)
    """What a rule's function has put in a letter's place."""
    _apps: dict[str, ModuleType] = field(default_factory=dict)
    _handled: list[Batch] = field(default_factory=list)
    _tables: dict[str, Any] = field(default_factory=dict)
    _objects: dict[str, dict[str, bytes]] = field(default_factory=dict)
    _iterator: str = ""
    _chance: random.Random | None = None

    def __post_init__(self) -> None:
        self._witness()
        self.pipeline = Pipeline(self.stack)
        self.people(self.pipeline)
        self._streams = boto3.client("dynamodbstreams")
        self._tables = {name: copy.deepcopy(self._table(name).items) for name in TABLES}
        self._objects = {name: self.stack.objects(name) for name in BUCKETS}

    @contextlib.contextmanager
    def open(self) -> Iterator[Harness]:
        """Let functions and queues live by our clock, and keep what functions print to themselves."""
        begin, send = standard_queue.StandardQueue.__init__, standard_queue.StandardQueue.send

        def by_our_clock(store: Any, queue: Any, clock: Any = self.clock.time) -> None:
            begin(store, queue, clock)

        def sent_by_our_clock(store: Any, message: Any) -> None:
            if not hasattr(message, "our_clock"):  # a dead letter is sent once more
                message.our_clock = True
                message.sent_timestamp += int(self.clock.skipped * 1000)
                message.delayed_until += int(self.clock.skipped * 1000)
            send(store, message)

        for queue in self._queues().values():
            queue.__dict__.pop(standard_queue.ATTRIBUTE, None)
        with (
            patch.object(clock, "time", SimpleNamespace(time_ns=self.clock.time_ns, sleep=self.clock.sleep)),
            patch.object(standard_queue.StandardQueue, "__init__", by_our_clock),
            patch.object(standard_queue.StandardQueue, "send", sent_by_our_clock),
            self.injector.installed(),
        ):
            yield self

    def begin(self, handing: Handing = IN_ORDER) -> None:
        """Begin a run: everything is as it was when only the people were there, and no function has started."""
        for name, items in self._tables.items():
            self._table(name).items = copy.deepcopy(items)
        for name, objects in self._objects.items():
            self._bucket(name).keys = type(self._bucket(name).keys)()
            for key, content in objects.items():  # anew: moto throws away the bytes of what is removed
                self.stack.s3.put_object(Bucket=self.stack.environment[name], Key=key, Body=content)
        ses_backends[ACCOUNT][REGION].sent_messages.clear()
        for queue in self._queues().values():
            standard_queue.store_of(queue).purge()
        if MAPPINGS[STREAM] in self.functions:
            logs_backends[ACCOUNT][REGION].groups.clear()
            self._iterator = self._end_of_stream()
        self.clock.skipped = 0.0
        self.handing = handing
        self._chance = None if handing.seed is None else random.Random(handing.seed)  # noqa: S311 - repeatable
        self.letters, self.replaced, self._apps, self._handled = {}, {}, {}, []
        self.pipeline.callees.events.clear()

    def arrive(self, message_id: str, *recipients: str, content: bytes | None = None, age: int = 0, **more: Any) -> str:
        """Let SES store a message and announce it, ``age`` milliseconds late; return the notification.

        Every letter's content is its own.
        """
        self.letters[message_id] = content if content is not None else letter(message_id)
        self.store(message_id)
        body = notification(message_id, recipients, at=int(self.clock.time() * 1000) - age, **more)
        self.announce(body)
        return body

    def store(self, message_id: str) -> None:
        """Let SES store a message, and say nothing."""
        content = self.letters.setdefault(message_id, letter(message_id))
        self.stack.s3.put_object(Bucket="inbound-bucket", Key=f"inbound/{message_id}", Body=content)

    def announce(self, body: str) -> None:
        """Let SES announce a message."""
        self.pipeline.announce(body)

    def hand_out(self, source: str) -> None:
        """Hand out one batch of a queue."""
        self._hand_out(self._receive(source))

    def bury(self, queue: str) -> None:
        """Make dead letters of what a queue holds, as SQS does after the last attempt."""
        for body in self.queued()[queue.lower()]:
            self.stack.sqs.send_message(QueueUrl=self.stack.environment[f"{queue}_DLQ_URL"], MessageBody=body)
        self.forget(f"{queue}_QUEUE_URL")

    def put_in_place(self, message_id: str, content: bytes) -> None:
        """Let a rule's function put another message in the place of the one it is asked about."""
        self.replaced[message_id] = content
        settings, reference = FlowSettings.read(), S3Reference("customers", message_id)
        objects = MemoryCustomerObjects(buckets={"customers": MemoryBucket(objects={message_id: [content]})})
        with self.injector.running("message_flow_api", lambda: None):
            flow = MessageFlow(
                owners=directory_parts.owners(DirectorySettings.read()),
                ledger=parts.ledger(settings),
                raw=S3RawMail(clients.s3(), self.stack.environment["INBOUND_BUCKET"]),
                transit=parts.transit(settings),
                objects=objects,
                now=clock.now_ms,
                available_ms=24 * 3_600_000,
            )
            flow.put(flow_message_id(trace_of(message_id, ORG)), reference)

    def forget(self, queue: str) -> None:
        """Lose what a queue holds, as SQS does after its retention period."""
        name = self.stack.environment[queue].rpartition("/")[2]
        standard_queue.store_of(self._queues()[name]).purge()

    def hours(self, number: float) -> None:
        """Let time pass."""
        self.clock.skipped += number * HOUR

    def pump(self) -> None:
        """Hand out until nothing is left, in queues and stream; what is delayed becomes due."""
        self._pump()
        if self.handing.late:
            again, self._handled = self._handled, []
            if self._chance:
                self._chance.shuffle(again)
            for batch in again:
                self._invoke(batch)
            self._pump()

    def schedule(self, function: str, *, spared: bool = False) -> None:
        """Let the schedule invoke a function; what fails is invoked again. Of one that is spared no call goes wrong."""
        for _ in range(self.handing.copies):
            with self.injector.sparing() if spared else contextlib.nullcontext():
                self._schedule(function)

    def operate(self, work: Callable[[], object]) -> None:
        """Let a person do something at the command line, until it succeeds."""
        for _ in range(ATTEMPTS):
            with contextlib.suppress(Killed, TemporaryError), self.injector.running(OPERATOR, work):
                work()
                return
        raise AssertionError("the command fails and fails")

    def queued(self) -> dict[str, list[str]]:
        """Return the bodies that every queue holds, due or not."""
        return {
            name: [message.body for message in standard_queue.store_of(queue)._messages.values()]
            for name, queue in self._queues().items()
        }

    def _schedule(self, function: str) -> None:
        for _ in range(ATTEMPTS):
            with contextlib.suppress(Killed, TemporaryError):
                self._call(function, {})
                return
            self._apps.pop(function, None)
        raise AssertionError(f"{function} fails and fails")

    def _pump(self) -> None:
        for _ in range(MOST_BATCHES):
            ready = [source for source in self._sources() if source != STREAM and self._waiting(source)[0]]
            if ready:
                batch = self._receive(self._chance.choice(ready) if self._chance else ready[0])
                if batch.records:  # none where all of them just became dead letters
                    self._hand_out(batch)
            elif STREAM in self._sources() and (news := self._read_stream()):
                self._hand_out(news)
            elif any(sum(self._waiting(source)) for source in self._sources() if source != STREAM):
                self.hours(1)
            else:
                return
        raise AssertionError("there is no end to it")

    def _sources(self) -> list[str]:
        return [source for source, function in MAPPINGS.items() if function in self.functions]

    def _hand_out(self, batch: Batch) -> None:
        """Let a function handle a batch; what it did not finish goes back, or, of a stream, comes again at once."""
        for _ in range(self.handing.copies):
            left = self._invoke(batch)
        self._handled.append(batch)
        if batch.source == STREAM:
            for _ in range(ATTEMPTS):
                if not left:
                    return
                first = min(place for place, record in enumerate(batch.records) if _name(record) in left)
                batch = Batch(STREAM, batch.records[first:])
                left = self._invoke(batch)
            raise AssertionError("the stream is stuck")
        sqs, url = self.stack.sqs, self.stack.environment[batch.source]
        for name, handle in batch.handles.items():
            if name not in left:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
            elif MAPPINGS[batch.source] != "retry_events":  # which says itself when they come again
                sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)

    def _invoke(self, batch: Batch) -> set[str]:
        """Return the names of the records that the function did not finish."""
        function = MAPPINGS[batch.source]
        try:
            answer = self._call(function, {"Records": batch.records})
        except Killed:
            self._apps.pop(function, None)
            return {_name(record) for record in batch.records}
        return {failed["itemIdentifier"] for failed in answer["batchItemFailures"]}

    def _call(self, function: str, event: dict[str, Any]) -> Any:
        event = json.loads(json.dumps(event))
        with (
            contextlib.redirect_stdout(io.StringIO()),
            self.injector.running(function, lambda: load(function).handler(event, CONTEXT)),
        ):
            if function not in self._apps:
                self._apps[function] = load(function)
            return self._apps[function].handler(event, CONTEXT)

    def _receive(self, source: str) -> Batch:
        names: Any = ["All"]
        most = self._chance.randint(1, 3) if self._chance else 10
        found = self.stack.sqs.receive_message(
            QueueUrl=self.stack.environment[source], MaxNumberOfMessages=10, AttributeNames=names
        ).get("Messages", [])
        if self._chance:
            self._chance.shuffle(found)
        for message in found[most:]:
            self.stack.sqs.change_message_visibility(
                QueueUrl=self.stack.environment[source],
                ReceiptHandle=message["ReceiptHandle"],
                VisibilityTimeout=0,
            )
        self._never_handed_out(source, {message["MessageId"] for message in found[most:]})
        found = found[:most]
        records = [
            {
                "messageId": m["MessageId"],
                "receiptHandle": m["ReceiptHandle"],
                "body": m["Body"],
                "attributes": m["Attributes"],
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{source.lower()}",
                "awsRegion": REGION,
            }
            for m in found
        ]
        return Batch(source, records, {m["MessageId"]: m["ReceiptHandle"] for m in found})

    def _never_handed_out(self, source: str, names: set[str]) -> None:
        """Let what was received for the sake of another order alone be no nearer to the dead letters."""
        queue = self._queues()[self.stack.environment[source].rpartition("/")[2]]
        for message in standard_queue.store_of(queue)._messages.values():
            message.approximate_receive_count -= message.id in names

    def _read_stream(self) -> Batch | None:
        answer = self._streams.get_records(ShardIterator=self._iterator)
        self._iterator = answer["NextShardIterator"]
        records: list[Any] = [record for record in answer["Records"] if record["eventName"] == "INSERT"]
        for record in records:
            record["dynamodb"]["ApproximateCreationDateTime"] = self.clock.time()
        if self._chance:  # within one item a stream keeps its order; facts are one item each
            self._chance.shuffle(records)
        return Batch(STREAM, records) if records else None

    def _waiting(self, source: str) -> tuple[int, int, int]:
        name = self.stack.environment[source].rpartition("/")[2]
        return standard_queue.store_of(self._queues()[name]).counts()

    def _queues(self) -> dict[str, Any]:
        found: dict[str, Any] = sqs_backends[ACCOUNT][REGION].queues
        return found

    def _table(self, name: str) -> Any:
        return dynamodb_backends[ACCOUNT][REGION].tables[self.stack.environment[name]]

    def _bucket(self, name: str) -> Any:
        return s3_backends[ACCOUNT]["aws"].buckets[self.stack.environment[name]]

    def _end_of_stream(self) -> str:
        table = self._table(STREAM)
        arn = f"{table.table_arn}/stream/{table.latest_stream_label}"
        (shard,) = self._streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        answer = self._streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST")
        return str(answer["ShardIterator"])

    def _witness(self) -> None:
        """Let a queue hear the bus."""
        url = self.stack.sqs.create_queue(QueueName=WITNESS)["QueueUrl"]
        arn = self.stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events = boto3.client("events")
        pattern = json.dumps({"source": ["postroom"]})
        events.put_rule(Name=WITNESS, EventBusName=self.stack.environment["EVENT_BUS_NAME"], EventPattern=pattern)
        events.put_targets(
            Rule=WITNESS,
            EventBusName=self.stack.environment["EVENT_BUS_NAME"],
            Targets=[{"Id": "witness", "Arn": arn}],
        )


def letter(message_id: str) -> bytes:
    """Return a letter that is like no other, with bytes that a careless hand would change."""
    head = f"From: Bob <bob@example.org>\nMessage-ID: <{message_id}@example.org>\nSubject: caf"
    return head.encode() + b"\xe9\r\nX-Odd:\ttab \n\nHello\n.\r\nFrom here\r\n\0" + message_id.encode()


def _name(record: Mapping[str, Any]) -> str:
    """Return what a function calls a record in its answer."""
    return str(record["messageId"] if "messageId" in record else record["dynamodb"]["SequenceNumber"])
