"""Invoking functions by name, now or later, with the limits and retries of AWS."""

from __future__ import annotations

import heapq
import json
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from local.functions.pool import Answer, ThrottledError, WorkerPool
from local.settings import REGION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from local.aws import Aws
    from local.functions.function import Function
    from local.functions.pool import FunctionLogSink

MAX_EVENT_BYTES: Final = 6_291_456
"""Largest event of a synchronous invocation, in bytes. Source: AWS, Lambda quotas, 6 MB."""

MAX_ASYNCHRONOUS_BYTES: Final = 1_048_576
"""Largest event of an asynchronous invocation, in bytes. Source: AWS, Lambda quotas, 1 MB (256 KB until late 2025)."""

ASYNCHRONOUS_RETRIES: Final = 2
"""Source: AWS, "How Lambda handles errors and retries with asynchronous invocation"."""

ASYNCHRONOUS_GAPS: Final = (60, 120)
"""Seconds before the first and the second retry. Source: the same page."""

_THROTTLED_GAP: Final = 1
"""Seconds until a throttled asynchronous event is tried again. Source: AWS, "up to 5 minutes, starting with 1 s"."""


class UnknownFunctionError(Exception):
    """No function of this name runs here."""


@dataclass(frozen=True)
class _Pending:
    function: Function
    event: bytes
    client_context: object
    attempt: int = 0
    request_id: str = ""


class Invocations:
    """Every function of every project, by name, logical id or ARN."""

    def __init__(
        self,
        functions: Iterable[Function],
        endpoints: Mapping[str, str],
        logs: FunctionLogSink,
        aws: Aws,
        speed: int = 1,
    ) -> None:
        """Start no worker yet.

        Args:
            functions: names and logical ids are unique (the template loader checks this).
            endpoints: endpoint variables for the functions' AWS clients.
            logs: where their lines go.
            aws: where failure destinations are.
            speed: divides the gaps between asynchronous retries.
        """
        self._pools = {function.name: WorkerPool(function, endpoints, logs) for function in functions}
        self._aliases = {function.logical_id: function.name for function in functions}  # the last of that name
        self._aws = aws
        self._speed = speed
        # One per function, so that a function that hangs delays no other. Threads start when needed.
        self._executors = {
            name: ThreadPoolExecutor(max(1, pool.function.most_workers), thread_name_prefix=f"asynchronous {name}")
            for name, pool in self._pools.items()
        }
        self._later = Later()

    @property
    def functions(self) -> list[Function]:
        """All functions, by name."""
        return sorted((pool.function for pool in self._pools.values()), key=lambda function: function.name)

    def pool(self, name: str) -> WorkerPool:
        """Find a function's workers.

        Args:
            name: function name, logical id, or an ARN, partial or whole, with or without `$LATEST`.

        Raises:
            UnknownFunctionError: nothing here has that name.
        """
        plain = name.partition(":function:")[2] or name
        plain = plain.removesuffix(":$LATEST")
        if plain not in self._pools:
            plain = self._aliases.get(plain, plain)
        if plain not in self._pools:
            raise UnknownFunctionError(plain)
        return self._pools[plain]

    def invoke(self, name: str, event: object) -> Answer:
        """Invoke and wait; the event is encoded as JSON.

        Raises:
            UnknownFunctionError: nothing here has that name.
            ThrottledError: the function's reserved concurrency is used up.
        """
        return self.pool(name).invoke(json.dumps(event, ensure_ascii=False).encode())

    def invoke_later(self, function: Function, event: bytes, client_context: object = None) -> str:
        """Queue an asynchronous invocation and return its request id."""
        pending = _Pending(function, event, client_context, request_id=str(uuid.uuid4()))
        self._submit(pending)
        return pending.request_id

    def close(self) -> None:
        """Kill all workers; queued invocations are lost."""
        self._later.close()
        for executor in self._executors.values():
            executor.shutdown(wait=False, cancel_futures=True)
        for pool in self._pools.values():
            pool.close()

    def _run(self, pending: _Pending) -> None:
        try:
            pool = self._pools[pending.function.name]
            pending = replace(pending, function=pool.function)  # it may have been changed since
            answer = pool.invoke(pending.event, client_context=pending.client_context, request_id=pending.request_id)
        except ThrottledError:
            self._again(pending, _THROTTLED_GAP)
            return
        settings = pending.function.asynchronous
        if not answer.error:
            self._report(settings.get("DestinationConfig", {}).get("OnSuccess"), pending, answer, "Success")
        elif pending.attempt < int(settings.get("MaximumRetryAttempts", ASYNCHRONOUS_RETRIES)):
            self._again(replace(pending, attempt=pending.attempt + 1), ASYNCHRONOUS_GAPS[pending.attempt])
        else:
            self._report(settings.get("DestinationConfig", {}).get("OnFailure"), pending, answer, "RetriesExhausted")
            self._bury(pending, answer)

    def _again(self, pending: _Pending, gap: int) -> None:
        self._later.at(time.monotonic() + gap / self._speed, lambda: self._submit(pending))

    def _submit(self, pending: _Pending) -> None:
        self._executors[pending.function.name].submit(self._run, pending)

    def _report(self, destination: Mapping[str, Any] | None, pending: _Pending, answer: Answer, condition: str) -> None:
        """Send an invocation record. Source: AWS, "Capturing records of Lambda asynchronous invocations"."""
        if not destination:
            return
        context = {
            "requestId": pending.request_id,
            "functionArn": f"{pending.function.arn}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": pending.attempt + 1,
        }
        response = {"statusCode": 200, "executedVersion": "$LATEST"}
        record = {
            "version": "1.0",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
            "requestContext": context,
            "requestPayload": json.loads(pending.event),
            "responseContext": response | ({"functionError": answer.error} if answer.error else {}),
            "responsePayload": json.loads(answer.payload),
        }
        send_to(self._aws, str(destination["Destination"]), json.dumps(record))

    def _bury(self, pending: _Pending, answer: Answer) -> None:
        if pending.function.dead_letter_arn:
            attributes = {
                "RequestID": pending.request_id,
                "ErrorCode": "200",
                "ErrorMessage": answer.payload.decode()[:1024],
            }
            send_to(self._aws, pending.function.dead_letter_arn, pending.event.decode(), attributes)


class Later:
    """Calls functions at given times, all on one thread."""

    def __init__(self) -> None:
        """Start the thread."""
        self._heap: list[tuple[float, int, Any]] = []
        self._condition = threading.Condition()
        self._count = 0
        self._closed = False
        threading.Thread(target=self._run, name="later", daemon=True).start()

    def at(self, when: float, what: Any) -> None:
        """Call `what` at `when` (monotonic seconds), not before."""
        with self._condition:
            self._count += 1
            heapq.heappush(self._heap, (when, self._count, what))
            self._condition.notify()

    def close(self) -> None:
        """Drop what waits."""
        with self._condition:
            self._closed = True
            self._condition.notify()

    def _run(self) -> None:
        with self._condition:
            while not self._closed:
                left = self._heap[0][0] - time.monotonic() if self._heap else None
                if left is not None and left <= 0:
                    _, _, what = heapq.heappop(self._heap)
                    what()
                else:
                    self._condition.wait(left)


def queue_url(aws: Aws, arn: str) -> str:
    """Return the URL of a queue by its ARN; emulators know it by account and name."""
    *_, account, name = arn.split(":")
    return f"{aws.endpoint('sqs')}/{account}/{name}"


def send_to(aws: Aws, arn: str, body: str, attributes: Mapping[str, str] | None = None) -> None:
    """Send a record to a failure or success destination: an SQS queue or an SNS topic.

    Raises:
        ServiceError, OSError: the emulator refused or is gone.
        ValueError: another kind of destination; not executed here.
    """
    service = arn.split(":")[2]
    members = {name: {"DataType": "String", "StringValue": value} for name, value in (attributes or {}).items()}
    if service == "sqs":
        aws.json("sqs")("SendMessage", QueueUrl=queue_url(aws, arn), MessageBody=body, MessageAttributes=members)
    elif service == "sns":
        aws.client("sns").publish(TopicArn=arn, Message=body, MessageAttributes=members)
    else:
        raise ValueError(f"destination {arn}: only SQS and SNS are executed in {REGION} here")
