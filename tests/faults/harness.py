"""The functions, with the queues, stream, schedule and clock that AWS has around them.

A function that is killed starts again, and its batch is handed out again. A failed message comes again; after the
queue's last attempt it becomes a dead letter, which park reads. Time passes only by ``Harness.hours``.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

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
from postroom.adapters.memory.rule_functions import MemoryRuleFunctions
from postroom.bootstrap import clock, directory_parts, parts
from postroom.bootstrap.settings import DirectorySettings, FlowSettings
from postroom.contracts.message_flow import S3Reference
from postroom.errors import TemporaryError
from postroom.message_flow.callers import Callers
from postroom.message_flow.messages import MessageFlow
from postroom.model.facts import flow_message_id, trace_of
from postroom.model.principals import Principal, Principals
from tests.faults.clock import Clock
from tests.faults.faults import IN_ORDER, Handing
from tests.faults.gateway import Conversations, WalkedGateway
from tests.faults.injector import OPERATOR, Killed
from tests.support.builders import ORG, notification
from tests.support.pipeline import CONTEXT, STATIONS, Pipeline, load
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
"""Name of a queue that gets every event of the bus."""

MAPPINGS: Final[Mapping[str, str]] = {
    **dict(STATIONS),
    STREAM: "record_events",
    "RETRY_EVENTS_QUEUE_URL": "retry_events",
    "AUDIT_QUEUE_URL": "write_audit_log",
    "RETRY_AUDIT_QUEUE_URL": "write_audit_log",
}
"""The function of each queue, named by its variable, and of the ledger's stream."""

POSTPONED: Final = {"RETRY_EVENTS_QUEUE_URL", "RETRY_AUDIT_QUEUE_URL"}
"""Queues whose functions set the time of the next attempt themselves."""

ATTEMPTS: Final = 5
"""Most attempts of the schedule, or of an operator's command."""

MOST_BATCHES: Final = 2000
"""Most batches of a run; the largest scenario needs a tenth of that."""


@dataclass(slots=True)
class Batch:
    """The records of one call. ``handles`` holds the receipt handles of a queue's messages."""

    source: str
    records: list[dict[str, Any]]
    handles: dict[str, str] = field(default_factory=dict)


@dataclass
class Harness:
    """One stack for repeated runs. ``people`` sets up its directory; ``functions`` are the functions that run."""

    stack: Stack
    injector: Injector
    functions: frozenset[str]
    people: Callable[[Pipeline], None]
    clock: Clock = field(default_factory=Clock)
    handing: Handing = IN_ORDER
    messages: dict[str, bytes] = field(default_factory=dict)
    replaced: dict[str, bytes] = field(default_factory=dict)
    """The content that a rule's function put in place of a message."""
    submitted: dict[str, bytes] = field(default_factory=dict)
    _apps: dict[str, ModuleType] = field(default_factory=dict)
    _handled: list[Batch] = field(default_factory=list)
    _tables: dict[str, Any] = field(default_factory=dict)
    _objects: dict[str, dict[str, bytes]] = field(default_factory=dict)
    _iterator: str = ""
    _chance: random.Random | None = None

    def __post_init__(self) -> None:
        self.gateway = WalkedGateway(self.clock)
        self._conversations = Conversations(self.gateway, self.injector)
        self._witness()
        self.pipeline = Pipeline(self.stack)
        self.people(self.pipeline)
        self._streams = boto3.client("dynamodbstreams")
        self._tables = {name: copy.deepcopy(self._table(name).items) for name in TABLES}
        self._objects = {name: self.stack.objects(name) for name in BUCKETS}

    @contextlib.contextmanager
    def open(self) -> Iterator[Harness]:
        """Make functions and queues use this clock, and calls of AWS go through the injector."""
        with (
            self.clock.installed(self._queues().values()),
            self.injector.installed(),
            self._conversations.installed(),
        ):
            yield self

    def begin(self, handing: Handing = IN_ORDER) -> None:
        """Begin a run: only the directory is set up, and no function has started."""
        self._conversations.hang_up()
        self.gateway.begin()
        for name, items in self._tables.items():
            self._table(name).items = copy.deepcopy(items)
        for name, objects in self._objects.items():
            self._bucket(name).keys = type(self._bucket(name).keys)()
            for key, content in objects.items():  # put again: moto drops the bytes of removed objects
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
        self.messages, self.replaced, self.submitted, self._apps, self._handled = {}, {}, {}, {}, []
        self.pipeline.callees.events.clear()

    def arrive(self, message_id: str, *recipients: str, content: bytes | None = None, age: int = 0, **more: Any) -> str:
        """Store and announce a message, as SES does, and return the notification.

        Args:
            content: each message has a content of its own unless one is given.
            age: milliseconds by which the message is older than the present time.
        """
        self.messages[message_id] = content if content is not None else content_of(message_id)
        self.store(message_id)
        body = notification(message_id, recipients, at=int(self.clock.time() * 1000) - age, **more)
        self.announce(body)
        return body

    def store(self, message_id: str) -> None:
        """Store a message as SES does, without a notification."""
        content = self.messages.setdefault(message_id, content_of(message_id))
        self.stack.s3.put_object(Bucket="inbound-bucket", Key=f"inbound/{message_id}", Body=content)

    def announce(self, body: str) -> None:
        """Send a notification as SES does."""
        self.pipeline.announce(body)

    def hand_out(self, source: str) -> None:
        """Hand out one batch of a queue."""
        self._hand_out(self._receive(source))

    def make_dead_letters(self, queue: str) -> None:
        """Make all messages of a queue dead letters, as SQS does after the last attempt."""
        for body in self.queued()[queue.lower()]:
            self.stack.sqs.send_message(QueueUrl=self.stack.environment["DEAD_LETTER_QUEUE_URL"], MessageBody=body)
        self.forget(f"{queue}_QUEUE_URL")

    def put_in_place(self, message_id: str, content: bytes) -> None:
        """Put another content in place of a message, as a rule's function does."""
        self.replaced[message_id] = content
        settings, reference = FlowSettings.read(), S3Reference("customers", message_id)
        objects = MemoryCustomerObjects(buckets={"customers": MemoryBucket(objects={message_id: [content]})})
        with self.injector.running("message_flow_api", lambda: None):
            ledger, transit = parts.ledger(settings), parts.transit(settings)
            everyone = Principals(everyone=True)
            flow = MessageFlow(
                callers=Callers(everyone, transit, ledger, MemoryRuleFunctions()),
                owners=directory_parts.owners(DirectorySettings.read()),
                ledger=ledger,
                raw=S3RawMail(clients.s3(), self.stack.environment["INBOUND_BUCKET"]),
                transit=transit,
                objects=objects,
                now=clock.now_ms,
                available_ms=24 * 3_600_000,
            )
            flow.put(flow_message_id(trace_of(message_id, ORG)), reference, Principal())

    def forget(self, queue: str) -> None:
        """Drop all messages of a queue, as SQS does after its retention period."""
        name = self.stack.environment[queue].rpartition("/")[2]
        standard_queue.store_of(self._queues()[name]).purge()

    def hours(self, number: float) -> None:
        """Let time pass."""
        self.clock.skipped += number * HOUR

    def pump(self) -> None:
        """Hand out all messages of queues and stream; time passes until delayed ones are due."""
        self._pump()
        if self.handing.late:
            again, self._handled = self._handled, []
            if self._chance:
                self._chance.shuffle(again)
            for batch in again:
                self._invoke(batch)
            self._pump()

    def schedule(self, function: str, *, spared: bool = False) -> None:
        """Invoke a function as the schedule does, until it succeeds; with ``spared`` none of its calls goes wrong."""
        for _ in range(self.handing.copies):
            with self.injector.sparing() if spared else contextlib.nullcontext():
                self._schedule(function)

    def ask(self, event: dict[str, Any]) -> None:
        """Ask query_availability as a client does, which does not ask again if there is no answer."""
        for _ in range(self.handing.copies):
            try:
                self._call("query_availability", event)
            except Killed:
                self._apps.pop("query_availability", None)

    def answer(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        """Ask a function as a client does; the answer is empty if there is none."""
        with contextlib.suppress(Killed, TemporaryError):
            return dict(self._call(function, event))
        self._apps.pop(function, None)
        return {}

    def operate(self, work: Callable[[], object]) -> None:
        """Run an operator's command until it succeeds."""
        for _ in range(ATTEMPTS):
            with contextlib.suppress(Killed, TemporaryError), self.injector.running(OPERATOR, work):
                work()
                return
        raise AssertionError("the command always fails")

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
        raise AssertionError(f"{function} always fails")

    def _pump(self) -> None:
        for _ in range(MOST_BATCHES):
            ready = [source for source in self._sources() if source != STREAM and self._waiting(source)[0]]
            if ready:
                batch = self._receive(self._chance.choice(ready) if self._chance else ready[0])
                if batch.records:  # none if all of them became dead letters
                    self._hand_out(batch)
            elif STREAM in self._sources() and (news := self._read_stream()):
                self._hand_out(news)
            elif any(sum(self._waiting(source)) for source in self._sources() if source != STREAM):
                self.hours(1)
            else:
                return
        raise AssertionError("the run does not end")

    def _sources(self) -> list[str]:
        return [source for source, function in MAPPINGS.items() if function in self.functions]

    def _hand_out(self, batch: Batch) -> None:
        """Invoke a function with a batch. Failed messages go back to their queue; those of a stream come at once."""
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
            elif batch.source not in POSTPONED:
                sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)

    def _invoke(self, batch: Batch) -> set[str]:
        """Return the names of the failed records."""
        function = MAPPINGS[batch.source]
        try:
            answer = self._call(function, {"Records": batch.records})
        except Killed:
            self._apps.pop(function, None)
            self._conversations.hang_up()  # of transmit, or sessions that it would find ended
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
        """Do not count the receives of messages that were only put back."""
        queue = self._queues()[self.stack.environment[source].rpartition("/")[2]]
        for message in standard_queue.store_of(queue)._messages.values():
            message.approximate_receive_count -= message.id in names

    def _read_stream(self) -> Batch | None:
        answer = self._streams.get_records(ShardIterator=self._iterator)
        self._iterator = answer["NextShardIterator"]
        records: list[Any] = [record for record in answer["Records"] if record["eventName"] == "INSERT"]
        for record in records:
            record["dynamodb"]["ApproximateCreationDateTime"] = self.clock.time()
        if self._chance:  # a stream keeps the order within one item only, and each fact is an item
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
        """Make a queue that gets all events of the bus."""
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


def content_of(message_id: str) -> bytes:
    """Return a unique content for a message, with bytes that parsers and printers would change."""
    head = f"From: Bob <bob@example.org>\nMessage-ID: <{message_id}@example.org>\nSubject: caf"
    return head.encode() + b"\xe9\r\nX-Odd:\ttab \n\nHello\n.\r\nFrom here\r\n\0" + message_id.encode()


def _name(record: Mapping[str, Any]) -> str:
    """Return the name of a record in a function's answer."""
    return str(record["messageId"] if "messageId" in record else record["dynamodb"]["SequenceNumber"])
