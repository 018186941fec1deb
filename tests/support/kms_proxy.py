"""A proxy in front of the emulator's KMS that records every call."""

from __future__ import annotations

import http.client
import json
import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from typing import Any, Final

FIRST: Final = 20_000
LAST: Final = 30_000
"""The range in which three neighbouring ports are looked for: below the ports that Linux gives to clients."""


class KmsProxy:
    """Listens at ``url`` and passes calls on to the port ``behind``, where an emulator may start later.

    ``calls`` holds operation and body of each request, in order.
    """

    def __init__(self) -> None:
        self.behind = _three_free_ports()
        self.calls: list[tuple[str, dict[str, Any]]] = []
        door = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                operation = self.headers["X-Amz-Target"].rpartition(".")[2]
                door.calls.append((operation, json.loads(body)))
                connection = http.client.HTTPConnection("127.0.0.1", door.behind)
                connection.request("POST", self.path, body, dict(self.headers))
                answer = connection.getresponse()
                content = answer.read()
                connection.close()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in {"connection", "content-length", "date", "server", "transfer-encoding"}:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Print nothing; ``calls`` has the record."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Accept no more calls."""
        self._server.shutdown()
        self._server.server_close()


def _three_free_ports() -> int:
    """Return the first of three neighbouring ports, as `up` wants them.

    They are taken later, so that each process looks from a place of its own: suites of two checkouts may run at once.
    """
    blocks = range(FIRST, LAST - 2, 3)
    own = os.getpid() % len(blocks)
    for first in chain(blocks[own:], blocks[:own]):
        if all(_is_free(first + offset) for offset in range(3)):
            return first
    raise OSError("no three neighbouring ports are free")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
