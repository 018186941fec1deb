"""One function's process where the function brings a runtime of its own: Lambda's Runtime API, for that runtime.

    supervisor ── worker.py's pipes ── this process ── HTTP ── AWS_LAMBDA_EXEC_WRAPPER, started as Lambda starts it

An answer that the runtime streams goes to the supervisor piece by piece: frames {"piece": true}, then the last one.
Source: AWS, "Using the Lambda runtime API for custom runtimes", "Modifying the runtime environment".
"""

from __future__ import annotations

import base64
import os
import queue
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from local.functions.worker import peak_bytes, report, send, watch

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX: Final = "/2018-06-01/runtime"
ERROR_TYPE: Final = "lambda-runtime-function-error-type"
ERROR_BODY: Final = "lambda-runtime-function-error-body"
PLACEHOLDER: Final = "/var/runtime/bootstrap.py"
"""Where Lambda's own runtime would be: the last argument that a wrapper gets."""


class Api(ThreadingHTTPServer):
    """The Runtime API of one process: one invocation at a time."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, incoming: BinaryIO, answers: BinaryIO) -> None:
        """Listen on a port of this machine alone."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self._requests: queue.SimpleQueue[tuple[dict[str, Any], bytes]] = queue.SimpleQueue()
        threading.Thread(target=watch, args=(incoming, self._requests), name="supervisor-watch", daemon=True).start()
        self._answers = answers
        self._is_ready = False
        self._began = 0.0
        self.runtime: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """What the runtime finds in AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self.server_address[1]}"

    def next(self) -> tuple[dict[str, Any], bytes]:
        """Wait for an event; the first wait says that the function is initialized."""
        if not self._is_ready:
            self._is_ready = True
            send(self._answers, {"ready": True})
        header, event = self._requests.get()
        sys.stdout.write(f"START RequestId: {header['request_id']} Version: $LATEST\n")
        sys.stdout.flush()
        self._began = time.monotonic()
        return header, event

    def piece(self, payload: bytes) -> None:
        """Pass a piece of a streamed answer on."""
        send(self._answers, {"piece": True}, payload)

    def end(self, request_id: str, payload: bytes, *, failed: bool) -> None:
        """Pass the answer, or the rest of it, on."""
        took = (time.monotonic() - self._began) * 1000
        peak = peak_bytes(str(self.runtime.pid) if self.runtime else "self")
        sys.stdout.write(f"END RequestId: {request_id}\n{report(request_id, took, peak)}\n")
        sys.stdout.flush()
        send(self._answers, {"error": failed}, payload)

    def init_error(self, payload: bytes) -> None:
        """Pass on why the function cannot start."""
        send(self._answers, {"init_error": True}, payload)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Api

    def do_GET(self) -> None:
        if self.path != f"{PREFIX}/invocation/next":
            self._said(404)
            return
        header, event = self.server.next()
        self.send_response(200)
        for name, value in (
            ("Lambda-Runtime-Aws-Request-Id", header["request_id"]),
            ("Lambda-Runtime-Deadline-Ms", header["deadline_ms"]),
            ("Lambda-Runtime-Invoked-Function-Arn", header["arn"]),
            ("Content-Length", len(event)),
        ):
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self) -> None:
        request_id, _, kind = self.path.removeprefix(f"{PREFIX}/invocation/").partition("/")
        if self.path == f"{PREFIX}/init/error":
            self.server.init_error(b"".join(self._pieces({})))
        elif kind == "error":
            self.server.end(request_id, b"".join(self._pieces({})), failed=True)
        elif kind == "response":
            self._response(request_id)
        else:
            self._said(404)
            return
        self._said(202)

    def _response(self, request_id: str) -> None:
        trailers: dict[str, str] = {}
        for piece in self._pieces(trailers):
            self.server.piece(piece)
        error = base64.b64decode(trailers.get(ERROR_BODY, "")) if ERROR_TYPE in trailers else b""
        self.server.end(request_id, error, failed=ERROR_TYPE in trailers)

    def _pieces(self, trailers: dict[str, str]) -> Iterator[bytes]:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            yield self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while line := self.rfile.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            trailers[name.lower()] = value.strip()

    def _said(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write nothing: this is no traffic of the function's."""


def main(requests_fd: int, answers_fd: int, wrapper: str) -> None:
    """Serve the Runtime API, start the function's runtime, and end as it ends."""
    api = Api(os.fdopen(requests_fd, "rb"), os.fdopen(answers_fd, "wb"))
    threading.Thread(target=api.serve_forever, args=(0.5,), name="runtime-api", daemon=True).start()
    environment = {**os.environ, "AWS_LAMBDA_RUNTIME_API": api.address}
    api.runtime = subprocess.Popen([wrapper, sys.executable, PLACEHOLDER], env=environment)
    status = api.runtime.wait()
    os._exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
