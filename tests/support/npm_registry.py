"""An npm registry of a few packages, so that npm calls no other."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.support.customers import npm_archive

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSIONS = ("2.9.0", "3.1.0", "3.2.0", "3.1000.0")
"""Versions of every package; the last is the latest."""


class NpmRegistry:
    """Serves until it is closed; every version of a package has the same code, and says which version it is."""

    def __init__(self, code: Mapping[str, str]) -> None:
        """Serve packages by name; each is one CommonJS module."""
        self.asked: list[str] = []
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = unquote(self.path).strip("/")
                registry.asked.append(path)
                name, _, file = path.partition("/-/")
                found = registry.answer(name, file, code) if name in code else None
                self.send_response(404 if found is None else 200)
                body = found if found is not None else b'{"error": "not found"}'
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *_: Any) -> None: ...  # noqa: A002  http.server's name

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, name: str, file: str, code: Mapping[str, str]) -> bytes:
        """Return a package's description, or one version's archive."""
        archives = {version: npm_archive(name, version, code[name]) for version in VERSIONS}
        if file:
            return archives[file.removesuffix(".tgz")]
        versions = {
            version: {
                "name": name,
                "version": version,
                "dist": {
                    "tarball": f"{self.url}{name}/-/{version}.tgz",
                    "integrity": f"sha512-{base64.b64encode(hashlib.sha512(archive).digest()).decode()}",
                },
            }
            for version, archive in archives.items()
        }
        described = {"name": name, "dist-tags": {"latest": VERSIONS[-1]}, "versions": versions}
        return json.dumps(described).encode()

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()
