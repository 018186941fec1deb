"""The processes of one function: started when needed, kept warm, killed at their timeout, replaced when they die."""

from __future__ import annotations

import json
import os
import select
import signal
import struct
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from local.runtimes import lambda_environment, runtime
from local.settings import function_arn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

INIT_TIMEOUT: Final = 60.0
"""Seconds for a function to be imported. AWS gives 10 s and one more try; a busy laptop more."""

MAX_ANSWER_BYTES: Final = 6_291_556
"""Largest answer of a synchronous invocation, in bytes. Source: AWS's error message for it."""

MAX_STREAMED_BYTES: Final = 200 * 2**20
"""Largest streamed answer, in bytes. Source: AWS, Lambda quotas, "Invocation payload … streamed response", 200 MB."""

DEFAULT_WORKERS: Final = 2
"""Workers of a function without reserved concurrency. Ours: AWS has 1,000; a laptop has a few cores."""

_LENGTHS: Final = struct.Struct(">II")
_REPORT: Final = b"REPORT RequestId: "
_TASK_ROOT: Final = "/var/task/"
"""Where a function's folder lies on AWS."""


@dataclass(frozen=True)
class Function:
    """A function of a template, ready to run here."""

    name: str
    logical_id: str
    handler: str
    code: Path
    runtime: str
    packages: tuple[Path, ...] = ()
    layers: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    exports: Mapping[str, str] = field(default_factory=dict)
    """What a customer's function gets of the local stack's own exports; `environment` wins."""
    description: str = ""
    timeout: int = 3
    memory: int = 128
    reserved_concurrency: int | None = None
    log_group: str = ""
    role: str = ""
    asynchronous: Mapping[str, Any] = field(default_factory=dict)
    dead_letter_arn: str = ""

    @property
    def arn(self) -> str:
        """The unqualified ARN."""
        return function_arn(self.name)

    @property
    def own_runtime(self) -> Path | None:
        """The script of the function's folder that runs in place of Lambda's runtime (AWS_LAMBDA_EXEC_WRAPPER).

        Wrappers of layers are left out: what they wrap, Lambda's own runtime, is not here.
        """
        wrapper = self.environment.get("AWS_LAMBDA_EXEC_WRAPPER", "")
        path = self.code / wrapper.removeprefix(_TASK_ROOT)
        return path if wrapper.startswith(_TASK_ROOT) and path.is_file() else None

    @property
    def most_workers(self) -> int:
        """How many invocations run at once."""
        return DEFAULT_WORKERS if self.reserved_concurrency is None else self.reserved_concurrency


@dataclass(frozen=True)
class Answer:
    """What an invocation gave; `error` is empty or, as the header of Lambda, `Unhandled`."""

    request_id: str
    payload: bytes
    error: str = ""
    log_tail: bytes = b""


class ThrottledError(Exception):
    """The function's reserved concurrency is used up."""


class _Died(Exception):  # noqa: N818  not an error to anyone else
    """The process ended, or closed its pipe."""


class _TimedOut(Exception):  # noqa: N818  not an error to anyone else
    """No answer before the deadline."""


class Worker:
    """One process. Not shared between threads: the pool hands it to one invocation at a time."""

    def __init__(self, function: Function, endpoints: Mapping[str, str], on_line: Callable[[str, bytes], None]) -> None:
        """Start the process; `ready` says when its module is imported.

        Args:
            function: what to run.
            endpoints: endpoint variables for its AWS clients.
            on_line: called with the log stream's name and each line (without its end) the process writes.
        """
        self.function = function
        today = time.strftime("%Y/%m/%d", time.gmtime())
        self.stream = f"{today}/[$LATEST]{uuid.uuid4().hex}"
        environment = lambda_environment(function, self.stream, endpoints)
        requests_read, self._requests = os.pipe()
        self._answers, answers_write = os.pipe()
        try:
            self.process = subprocess.Popen(
                runtime(function.runtime).command(function, str(requests_read), str(answers_write)),
                cwd=function.code,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(requests_read, answers_write),
                start_new_session=True,  # a group of its own: the terminal's Ctrl-C is the supervisor's alone
            )
        finally:
            os.close(requests_read)
            os.close(answers_write)
        self._on_line = on_line
        self._ended: dict[str, threading.Event] = {}
        threading.Thread(target=self._read_output, name=f"log {function.name}", daemon=True).start()

    def ready(self) -> bytes | None:
        """Wait until the module is imported; return the error payload if that failed.

        Raises:
            _Died: the process ended while importing.
            _TimedOut: it is still importing after `INIT_TIMEOUT`.
        """
        header, payload = self._receive(time.monotonic() + INIT_TIMEOUT)
        return payload if "init_error" in header else None

    def run(self, header: Mapping[str, Any], event: bytes, deadline: float) -> tuple[Mapping[str, bool], bytes]:
        """Run one event; return the answer's header (see worker.py) and its payload: all pieces of a streamed one.

        Raises:
            _Died: the process ended before it answered.
            _TimedOut: no answer at the deadline (monotonic seconds).
        """
        encoded = json.dumps(header).encode()
        frame = _LENGTHS.pack(len(encoded), len(event)) + encoded + event
        try:
            view = memoryview(frame)
            while view:
                view = view[os.write(self._requests, view) :]
        except BrokenPipeError as error:
            raise _Died from error
        pieces: list[bytes] = []
        while True:
            answer, payload = self._receive(deadline)
            pieces.append(payload)
            if "piece" not in answer:
                return answer, payload if answer["error"] else b"".join(pieces)

    def expect_end(self, request_id: str) -> threading.Event:
        """Return an event that is set once the log has this invocation's REPORT line."""
        return self._ended.setdefault(request_id, threading.Event())

    def close(self) -> int:
        """Kill the process and whatever it started; return its exit status (negative: the signal)."""
        for descriptor in (self._requests, self._answers):
            os.close(descriptor)
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:  # already gone
            return self.process.wait()
        return self.process.wait()

    def exit_status(self) -> int | None:
        """Return how the process ended, shortly after it did; None if it still runs."""
        try:
            return self.process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            return None

    def _receive(self, deadline: float) -> tuple[dict[str, Any], bytes]:
        header_length, payload_length = _LENGTHS.unpack(self._read(_LENGTHS.size, deadline))
        return json.loads(self._read(header_length, deadline)), self._read(payload_length, deadline)

    def _read(self, count: int, deadline: float) -> bytes:
        data = bytearray()
        poll = select.poll()
        poll.register(self._answers, select.POLLIN)
        while len(data) < count:
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                raise _TimedOut
            chunk = os.read(self._answers, min(count - len(data), 2**20))
            if not chunk:
                raise _Died
            data += chunk
        return bytes(data)

    def _read_output(self) -> None:
        output = self.process.stdout
        if output is None:  # never: opened as a pipe above
            return
        with output:
            for line in output:
                self._on_line(self.stream, line.rstrip(b"\r\n"))
                if line.startswith(_REPORT) and (ended := self._ended.pop(line[len(_REPORT) :][:36].decode(), None)):
                    ended.set()


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
        """The process ids that are alive, for tests and for the curious."""
        with self._lock:
            return [worker.process.pid for worker in (*self._idle, *self._busy) if worker.process.poll() is None]

    def renew(self, change: Callable[[Function], Function] = replace) -> Function:
        """Run later events on new processes; events under way end on those that they began on.

        Args:
            change: gives the function as it is from now on, from what it was: another object, be it the same otherwise.

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
            "deadline_ms": int((time.time() + function.timeout) * 1000),
            "arn": function.arn,
            "client_context": client_context,
        }
        ended = worker.expect_end(request_id)
        try:
            said, payload = worker.run(header, event, began + function.timeout)
        except _TimedOut:
            self._bury(worker)
            message = f"Error: Task timed out after {function.timeout:.2f} seconds"
            return self._broken(worker, request_id, "Sandbox.Timedout", message)
        except _Died:
            status = worker.exit_status()
            self._bury(worker)
            return self._broken(worker, request_id, "Runtime.ExitError", _how_it_ended(status))
        if tail:
            ended.wait(1.0)
        log_tail = self._logs.tail(worker.stream, request_id) if tail else b""
        if said.get("ends"):
            worker.exit_status()
            self._bury(worker)
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
        except _TimedOut:
            self._bury(worker)
            message = f"Error: Task timed out after {INIT_TIMEOUT:.2f} seconds"
            return None, self._broken(worker, request_id, "Sandbox.Timedout", message)
        except _Died:
            status = worker.exit_status()
            self._bury(worker)
            return None, self._broken(worker, request_id, "Runtime.ExitError", _how_it_ended(status))
        if init_error is not None:
            self._bury(worker)
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
        # It is of what the function was before `renew`. The caller does not wait for its end.
        threading.Thread(target=self._retire, args=(worker, ended), name="retire", daemon=True).start()

    def _retire(self, worker: Worker, ended: threading.Event) -> None:
        """End a worker that gets no more events, when the log has its last lines; until then `close` finds it."""
        ended.wait(1.0)
        self._bury(worker)

    def _bury(self, worker: Worker) -> None:
        worker.close()
        with self._lock:
            self._busy.discard(worker)

    def _broken(self, worker: Worker, request_id: str, kind: str, message: str) -> Answer:
        said = message if message.startswith("Error: ") else f"Error: {message}"
        self._logs.line(self.function, worker.stream, f"RequestId: {request_id} {said}".encode())
        return _unhandled(request_id, kind, f"RequestId: {request_id} {said}")


class FunctionLogSink:
    """Where the lines of functions go; the product is `function_logs.FunctionLogs`."""

    def line(self, function: Function, stream: str, line: bytes) -> None:
        """Take one line, without its end."""
        raise NotImplementedError

    def tail(self, stream: str, request_id: str) -> bytes:
        """Return the last 4 KB of what one invocation wrote, START to REPORT."""
        raise NotImplementedError


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
