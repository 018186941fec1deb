"""One process of a function: started, given events over a pipe, killed. `worker.py` is what runs in it."""

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
from typing import TYPE_CHECKING, Any, Final

from local.functions.runtimes import lambda_environment, runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.functions.function import Function

INIT_TIMEOUT_S: Final = 60.0
"""Seconds for a function to be imported. AWS gives 10 s and one more try; a busy laptop more."""

_LENGTHS: Final = struct.Struct(">II")
_REPORT: Final = b"REPORT RequestId: "


class EndedError(Exception):
    """The process ended, or closed its pipe."""


class TimedOutError(Exception):
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
                start_new_session=True,  # a group of its own: Ctrl-C in the terminal reaches only the supervisor
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
            EndedError: the process ended while importing.
            TimedOutError: it is still importing after `INIT_TIMEOUT_S`.
        """
        header, payload = self._receive(time.monotonic() + INIT_TIMEOUT_S)
        return payload if "init_error" in header else None

    def run(self, header: Mapping[str, Any], event: bytes, deadline: float) -> tuple[Mapping[str, bool], bytes]:
        """Run one event; return the answer's header (see worker.py) and its payload: all pieces of a streamed one.

        Raises:
            EndedError: the process ended before it answered.
            TimedOutError: no answer at the deadline (monotonic seconds).
        """
        encoded = json.dumps(header).encode()
        frame = _LENGTHS.pack(len(encoded), len(event)) + encoded + event
        try:
            view = memoryview(frame)
            while view:
                view = view[os.write(self._requests, view) :]
        except BrokenPipeError as error:
            raise EndedError from error
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
                raise TimedOutError
            chunk = os.read(self._answers, min(count - len(data), 2**20))
            if not chunk:
                raise EndedError
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
