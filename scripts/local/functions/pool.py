"""The processes of one function: started when needed, kept warm, killed at their timeout, replaced when they die."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from local.functions.process import INIT_TIMEOUT_S, EndedError, TimedOutError, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.functions.function import Function

MAX_ANSWER_BYTES: Final = 6_291_556
"""Largest answer of a synchronous invocation, in bytes. Source: AWS's error message for it."""

MAX_STREAMED_BYTES: Final = 200 * 2**20
"""Largest streamed answer, in bytes. Source: AWS, Lambda quotas, "Invocation payload … streamed response", 200 MB."""


@dataclass(frozen=True)
class Answer:
    """The result of an invocation; `error` is empty or, as the header of Lambda, `Unhandled`."""

    request_id: str
    payload: bytes
    error: str = ""
    log_tail: bytes = b""


class ThrottledError(Exception):
    """The function's reserved concurrency is used up."""


class FunctionLogSink:
    """Where the lines of functions go; `logs.FunctionLogs` in the product."""

    def line(self, function: Function, stream: str, line: bytes) -> None:
        """Take one line, without its end."""
        raise NotImplementedError

    def tail(self, stream: str, request_id: str) -> bytes:
        """Return the last 4 KB of what one invocation wrote, START to REPORT."""
        raise NotImplementedError


class WorkerPool:
    """All processes of one function. Safe to call from any thread."""

    def __init__(self, function: Function, endpoints: Mapping[str, str], logs: FunctionLogSink) -> None:
        """Start nothing yet: the first invocation does."""
        self.function = function
        self._endpoints = endpoints
        self._logs = logs
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._lock = threading.Lock()
        self._slots = threading.Semaphore(function.most_workers)
        self._closed = False

    @property
    def processes(self) -> list[int]:
        """The ids of processes that are alive."""
        with self._lock:
            return [worker.process.pid for worker in (*self._idle, *self._busy) if worker.process.poll() is None]

    def renew(self, change: Callable[[Function], Function] = replace) -> Function:
        """Run later events on new processes; events under way end on those that they began on.

        Args:
            change: makes the new function from the present one: another object, even if all its members are equal.

        Returns:
            The function as it is now.
        """
        with self._lock:
            self.function = change(self.function)
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()
        return self.function

    def invoke(
        self,
        event: bytes,
        *,
        client_context: object = None,
        tail: bool = False,
        streamed: bool = False,
        request_id: str = "",
    ) -> Answer:
        """Run one event on a free worker, starting one if need be; wait for a free one if too many are busy.

        Args:
            event: JSON.
            client_context: what the caller sent, decoded.
            tail: whether the answer shall carry the last 4 KB of the invocation's log.
            streamed: whether the caller takes the answer as a stream, which may be longer.
            request_id: of an asynchronous event, the same at each attempt; else a new one.

        Raises:
            ThrottledError: the template reserves a concurrency, and that many are running.
        """
        request_id = request_id or str(uuid.uuid4())
        if not self._slots.acquire(blocking=self.function.reserved_concurrency is None):
            raise ThrottledError(self.function.name)
        try:
            limit = MAX_STREAMED_BYTES if streamed else MAX_ANSWER_BYTES
            return self._invoke(event, request_id, client_context, tail=tail, limit=limit)
        finally:
            self._slots.release()

    def close(self) -> None:
        """Kill all workers; later invocations fail."""
        with self._lock:
            self._closed = True
            workers = [*self._idle, *self._busy]
            self._idle.clear()
        for worker in workers:
            try:
                os.killpg(worker.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # already gone
        for worker in workers:
            worker.process.wait()

    def _invoke(self, event: bytes, request_id: str, client_context: object, *, tail: bool, limit: int) -> Answer:
        worker, problem = self._take(request_id)
        if worker is None:
            return problem
        function, began = worker.function, time.monotonic()
        header = {
            "request_id": request_id,
            "deadline_ms": int((time.time() + function.timeout_s) * 1000),
            "arn": function.arn,
            "client_context": client_context,
        }
        ended = worker.expect_end(request_id)
        try:
            said, payload = worker.run(header, event, began + function.timeout_s)
        except TimedOutError:
            self._end(worker)
            message = f"Error: Task timed out after {function.timeout_s:.2f} seconds"
            return self._broken(worker, request_id, "Sandbox.Timedout", message)
        except EndedError:
            status = worker.exit_status()
            self._end(worker)
            return self._broken(worker, request_id, "Runtime.ExitError", _how_it_ended(status))
        if tail:
            ended.wait(1.0)
        log_tail = self._logs.tail(worker.stream, request_id) if tail else b""
        if said.get("ends"):
            worker.exit_status()
            self._end(worker)
        else:
            self._give_back(worker, ended)
        if len(payload) > limit:
            message = f"Response payload size exceeded maximum allowed payload size ({limit} bytes)."
            return _unhandled(request_id, "Function.ResponseSizeTooLarge", message)
        return Answer(request_id, payload, "Unhandled" if said["error"] else "", log_tail)

    def _take(self, request_id: str) -> tuple[Worker, Answer] | tuple[None, Answer]:
        """Return a worker whose module is imported, or None and the answer that says why there is none."""
        nothing = Answer(request_id, b"")
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.process.poll() is None:
                    self._busy.add(worker)
                    return worker, nothing
                worker.close()
            if self._closed:
                return None, _unhandled(request_id, "Runtime.ExitError", "the local stack is stopping")
            worker = Worker(
                self.function, self._endpoints, lambda stream, line: self._logs.line(self.function, stream, line)
            )
            self._busy.add(worker)
        try:
            init_error = worker.ready()
        except TimedOutError:
            self._end(worker)
            message = f"Error: Task timed out after {INIT_TIMEOUT_S:.2f} seconds"
            return None, self._broken(worker, request_id, "Sandbox.Timedout", message)
        except EndedError:
            status = worker.exit_status()
            self._end(worker)
            return None, self._broken(worker, request_id, "Runtime.ExitError", _how_it_ended(status))
        if init_error is not None:
            self._end(worker)
            return None, Answer(request_id, init_error, "Unhandled")
        return worker, nothing

    def _give_back(self, worker: Worker, ended: threading.Event) -> None:
        with self._lock:
            if self._closed:
                return
            if worker.function is self.function:
                self._busy.discard(worker)
                self._idle.append(worker)
                return
        # It runs the function as it was before `renew`. The caller does not wait for its end.
        threading.Thread(target=self._retire, args=(worker, ended), name="retire", daemon=True).start()

    def _retire(self, worker: Worker, ended: threading.Event) -> None:
        """End a worker that gets no more events, when the log has its last lines; until then `close` finds it."""
        ended.wait(1.0)
        self._end(worker)

    def _end(self, worker: Worker) -> None:
        worker.close()
        with self._lock:
            self._busy.discard(worker)

    def _broken(self, worker: Worker, request_id: str, kind: str, message: str) -> Answer:
        said = message if message.startswith("Error: ") else f"Error: {message}"
        self._logs.line(self.function, worker.stream, f"RequestId: {request_id} {said}".encode())
        return _unhandled(request_id, kind, f"RequestId: {request_id} {said}")


def _unhandled(request_id: str, kind: str, message: str) -> Answer:
    payload = json.dumps({"errorType": kind, "errorMessage": message}).encode()
    return Answer(request_id, payload, "Unhandled")


def _how_it_ended(status: int | None) -> str:
    """Say how a process ended, in Lambda's words."""
    if status is None:
        return "Runtime exited without providing a reason"
    if status < 0:
        name = {signal.SIGKILL: "killed", signal.SIGTERM: "terminated", signal.SIGSEGV: "segmentation fault"}
        return f"Runtime exited with error: signal: {name.get(signal.Signals(-status), signal.Signals(-status).name)}"
    return (
        "Runtime exited without providing a reason"
        if status == 0
        else f"Runtime exited with error: exit status {status}"
    )
