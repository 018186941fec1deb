"""TLS from the first byte of a connection (RFC 8314, 3.3), and a bound for connections that have no session yet.

``create_server(ssl=…)`` of asyncio tells its protocol nothing of a handshake that fails or takes long, so these cannot
be counted there; each holds 300 KiB (measured). The protocol that asyncio puts between the socket and a session with
TLS is therefore made here, as aiosmtpd makes it for STARTTLS, and counts itself.
"""

from __future__ import annotations

from asyncio.sslproto import SSLProtocol
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    import asyncio
    import ssl

HANDSHAKE_SECONDS: Final = 60.0
"""How long a handshake may take, in seconds: asyncio's default, which aiosmtpd leaves as it is for STARTTLS."""

MAX_WAITING: Final = 100
"""Connections without a session at once; a further one ends the oldest of them. Ours: 30 MB, and a client that goes on
needs its place for a few round trips only."""


class Waiting:
    """Connections of a port without a session: the handshake is not over, or they were refused and are not closed."""

    def __init__(self) -> None:
        self._connections: dict[ImplicitTls, None] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._connections)

    def add(self, connection: ImplicitTls) -> None:
        """Add a connection; if there are too many, the oldest one is closed."""
        if len(self._connections) >= MAX_WAITING:
            next(iter(self._connections)).abort()
        self._connections[connection] = None

    def remove(self, connection: ImplicitTls) -> None:
        """Count a connection no more; it may be none of these."""
        self._connections.pop(connection, None)

    def abort(self) -> None:
        """Close all at once."""
        for connection in list(self._connections):
            connection.abort()


class ImplicitTls(SSLProtocol):
    """What is between the socket of a connection and its session, which hears of the connection once TLS is there."""

    raw: asyncio.WriteTransport
    """Of the socket, without TLS; there from `connection_made` on."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, session: asyncio.BaseProtocol, tls: ssl.SSLContext, waiting: Waiting
    ) -> None:
        """Take the server's side.

        Args:
            loop: runs it.
            session: gets the connection after the handshake; it may give it to another protocol.
            tls: of the server, with its certificate.
            waiting: gets this connection; `Waiting.remove` says that the session has begun.
        """
        options: dict[str, Any] = {"waiter": None, "ssl_handshake_timeout": HANDSHAKE_SECONDS}  # typeshed is stricter
        super().__init__(loop, session, tls, server_side=True, **options)
        self._waiting = waiting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake: the client speaks first."""
        self.raw = cast("asyncio.WriteTransport", transport)
        self._waiting.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Count the connection no more, however it ended."""
        self._waiting.remove(self)
        super().connection_lost(exc)

    def abort(self) -> None:
        """Close the connection without TLS's farewell."""
        self._waiting.remove(self)
        self.raw.abort()
