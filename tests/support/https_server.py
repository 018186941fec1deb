"""A web server with TLS on this machine: `https://localhost:PORT`, with a certificate of the tests' own authority."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from tests.support.ews_servers import authority, good_context

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Answer = tuple[int, "Mapping[str, str]", bytes]


class Request(BaseHTTPRequestHandler):
    """A request, with its body."""

    body: bytes = b""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer()

    def _answer(self) -> None:
        server: Any = self.server
        server.asked.append(self)
        said = server.answer(self)
        if said is None:
            return  # it was answered already
        status, headers, body = said
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_: Any) -> None: ...  # noqa: A002  http.server's name


class HttpsServer(ThreadingHTTPServer):
    """Serves until it is left; `asked` has every request."""

    daemon_threads = True
    pem = staticmethod(lambda: authority().pem)

    def __init__(self, answer: Callable[[Request], Answer | None]) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.answer = answer
        self.asked: list[Request] = []
        self.socket = good_context().wrap_socket(self.socket, server_side=True)
        self._thread = threading.Thread(target=self.serve_forever, args=[0.02], daemon=True)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.server_port}"

    def handle_error(self, *_: Any) -> None: ...  # a client that leaves is no error here

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
