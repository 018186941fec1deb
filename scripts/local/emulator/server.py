"""Serves moto over HTTP/1.1 with keep-alive, on one port."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote_to_bytes

from cheroot import wsgi
from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from local.emulator import patches
from local.emulator.faults import FaultInjector
from local.emulator.stacks import Stacks

WORKER_THREADS: Final = 64
"""Requests served at once. Ours: long-polling SQS calls wait inside a worker, one per event source mapping."""

IDLE_SECONDS: Final = 120
"""How long an idle connection is kept, in seconds. Ours: longer than botocore keeps one in its pool unused."""


class Gateway(wsgi.Gateway_10):
    """The WSGI environ as moto reads it: the path decoded once, and the raw target beside it.

    cheroot leaves ``%2F`` encoded in PATH_INFO and knows no RAW_URI; moto needs both to find S3 keys. Names of S3
    metadata may hold underscores, which an environ cannot tell from dashes: moto asks for them apart.
    """

    def get_environ(self) -> dict[str, Any]:  # type: ignore[override]  # cheroot's stub says None
        """Return the environ of PEP 3333 and RAW_URI, the request target as it was sent."""
        environ: dict[str, Any] = super().get_environ()  # type: ignore[no-untyped-call]
        target: bytes = self.req.uri
        environ["RAW_URI"] = target.decode("latin-1")
        environ["PATH_INFO"] = unquote_to_bytes(target.partition(b"?")[0]).decode("latin-1")
        names = (name.decode("latin-1").lower() for name in self.req.inheaders)
        environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = {
            environ_key_for_header(name): name for name in names if should_preserve_original_header_name(name)
        }
        return environ


def application() -> Any:
    """Return the WSGI application that answers for every AWS service moto knows."""
    patches.apply()
    return FaultInjector(Stacks(DomainDispatcherApplication(create_backend_app)))


class EmulatorServer(wsgi.Server):
    """One listening socket and a pool of threads.

    ``prepare()`` binds (OSError when the port is taken), ``serve()`` runs until ``stop()``.
    """

    def __init__(self, host: str, port: int) -> None:
        super().__init__((host, port), application(), numthreads=WORKER_THREADS, timeout=IDLE_SECONDS)
        self.gateway = Gateway
        self.keep_alive_conn_limit = None  # type: ignore[assignment]  # cheroot's own default is 10
        self.nodelay = True

    @property
    def port(self) -> int:
        """The port that is really used; known once prepared."""
        return int(self.bind_addr[1])
