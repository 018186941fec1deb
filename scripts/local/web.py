"""A small threaded HTTP/1.1 server for the Lambda service and the API: one thread per connection, keep-alive."""

from __future__ import annotations

import re
import socket
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

from cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_BODY_BYTES: Final = 64 * 2**20
"""Ours: above every limit that has an answer of its own (API Gateway 10 MB, Lambda 6 MB, SES 40 MB)."""

_DIGITS: Final = re.compile("[0-9A-Fa-f]+")


@dataclass(frozen=True)
class Request:
    """One request; header names as sent, looked up without regard to case."""

    method: str
    target: str
    headers: Any
    body: bytes
    client: str
    protocol: str = "HTTP/1.1"

    @property
    def path(self) -> str:
        """The target without its query string, still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The raw query string."""
        return self.target.partition("?")[2]


@dataclass(frozen=True)
class Response:
    """One answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    repeated: tuple[tuple[str, str], ...] = ()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one segment an answer
    disable_nagle_algorithm = True
    answer: Callable[[Request], Response]

    def _serve(self) -> None:
        try:
            body = self._body()
        except ValueError:
            self._refuse(400, b'{"message":"Bad Request"}')
            return
        if body is None:
            self._refuse(413, b'{"message":"Request Too Long"}')
            return
        request = Request(
            self.command, self.path, self.headers, body, str(self.client_address[0]), self.request_version
        )
        self._send(type(self).answer(request))

    def _body(self) -> bytes | None:
        """Read the body; ``None`` if it is too long.

        Raises:
            ValueError: its length is not known.
        """
        if "chunked" in (self.headers.get("Transfer-Encoding") or "").lower():
            return self._chunked_body()
        length = _number(self.headers.get("Content-Length") or "0", 10)
        return None if length > MAX_BODY_BYTES else self.rfile.read(length)

    def _chunked_body(self) -> bytes | None:
        body = bytearray()
        while size := _number(self.rfile.readline().partition(b";")[0].decode("latin-1"), 16):
            if len(body) + size > MAX_BODY_BYTES:
                return None
            body += self.rfile.read(size)
            if self.rfile.readline().strip():
                raise ValueError("a chunk is longer than it says")
        while self.rfile.readline().strip():
            continue
        return bytes(body)

    def _refuse(self, status: int, body: bytes) -> None:
        """Answer without having read the request to its end, so that no other can follow it."""
        self._send(Response(status, body, {"Content-Type": "application/json", "Connection": "close"}))

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in (*response.headers.items(), *response.repeated):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = _serve  # noqa: N815  http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's name
        """Write nothing: requests are seen in the functions' logs."""


def _number(text: str, base: int) -> int:
    """Read a number of bare digits: ``int`` also takes signs, underscores and prefixes (RFC 9110 8.6, RFC 9112 7.1)."""
    digits = text.strip()
    if not _DIGITS.fullmatch(digits):
        raise ValueError("no number of bytes")
    return int(digits, base)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Leave out a client that hung up; report everything else as socketserver does."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class WebServer:
    """One listener; bound when made, answering after `start`."""

    def __init__(self, host: str, port: int, answer: Callable[[Request], Response], what: str) -> None:
        """Bind.

        Args:
            host: address to listen on.
            port: 0 takes any free one.
            answer: called on the connection's own thread.
            what: named in the error, "the Lambda service".

        Raises:
            UsageError: the port is in use or not ours to take.
        """
        handler = type("Handler", (_Handler,), {"answer": staticmethod(answer)})
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        server_class = type("Server", (_Server,), {"address_family": family})
        try:
            self._server = server_class((host, port), handler)
        except OSError as error:
            raise UsageError(f"{what} cannot listen on {host}:{port}: {error.strerror}") from error
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.5,), name=what, daemon=True)

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening; answers under way are cut off."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()
