"""An SMTP listener: an event loop and a thread of its own, for one socket or several."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from typing import TYPE_CHECKING

from cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable


def listening(host: str, port: int, what: str) -> socket.socket:
    """Return a socket that takes connections from now on; they wait until a process that has it answers.

    Args:
        what: what listens, for the refusal.

    Raises:
        UsageError: the port is in use or not ours to take.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        why = str(error.strerror).partition(" (while ")[0]  # what Python adds repeats host and port
        raise UsageError(f"{what} cannot listen on {host}:{port}: {why}") from error


class Listener:
    """Answers connections of listening sockets, each with a protocol of its own."""

    def __init__(self, ending: Callable[[], None] = lambda: None) -> None:
        """Make the loop; `add` takes a socket, and `start` begins to answer.

        Args:
            ending: called in the loop's thread when everything ends; it closes connections.
        """
        self._ending = ending
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # aiosmtpd's own, content of mail included
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._serving = threading.Event()
        self._thread = threading.Thread(target=self._run, name="smtp", daemon=True)

    def add(self, taken: socket.socket, protocol: Callable[[asyncio.AbstractEventLoop], asyncio.BaseProtocol]) -> int:
        """Take a listening socket, before `start`; return its port.

        Args:
            taken: the socket.
            protocol: makes a connection's protocol.
        """
        port: int = taken.getsockname()[1]
        making = self._loop.create_server(lambda: protocol(self._loop), sock=taken, start_serving=False)
        self._servers.append(self._loop.run_until_complete(making))
        return port

    def start(self) -> None:
        """Answer from now on: a connection made after this call is answered."""
        self._thread.start()
        self._serving.wait()

    def close(self) -> None:
        """Stop listening and end every session."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(2.0)
        elif not self._loop.is_closed():
            self._end()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        for server in self._servers:
            self._loop.run_until_complete(server.start_serving())
        self._serving.set()
        self._loop.run_forever()
        self._end()

    def _end(self) -> None:
        """Close the listening sockets, the sessions and the loop; in the loop's thread, or before it has one."""
        for server in self._servers:
            server.close()
        sessions = asyncio.all_tasks(self._loop)
        for session in sessions:
            session.cancel()
        if sessions:  # a gathering of nothing belongs to another loop
            self._loop.run_until_complete(asyncio.gather(*sessions, return_exceptions=True))
        self._ending()
        self._loop.run_until_complete(asyncio.sleep(0))  # transports close their sockets in the loop's next round
        self._loop.close()
